"""Questions, matrix, stepper, replay, live controls: what they carry and what they refuse."""

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from bs4 import BeautifulSoup
from PIL import Image

from avlib.viz import live as live_module
from avlib.viz.live import has_front_end, live, panel, starting_values
from avlib.viz.matrix import sim_matrix
from avlib.viz.pieces import number, pixels, short
from avlib.viz.questions import Choice, Numeric, Ordering, predict_then_reveal, quiz
from avlib.viz.replay import Snapshot, curve_points, train_replay
from avlib.viz.rich import plain, rich
from avlib.viz.stepper import Step, loss_stepper

RATE = 11025
EVIL = '<img src=x onerror="alert(1)">&amp;"\'</script>'
SEVEN = Numeric("7 × 8?", 56, 0.5, "", "It is 56.", 2, {54: "That is 6 × 9.", 15: "That is 7 + 8."})
PICK = Choice("2 + 2?", [("4", True, "Two pairs."), ("5", False, "One too many.")], 1)
SORT = Ordering("Small first?", ["one", "two", "three"], "So we count.", 3, ["a", "b", "c"])


def tone(hz, level=0.5):
    return level * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)


def soup(component):
    return BeautifulSoup(component.html, "html.parser")


def picture(element):
    data = base64.b64decode(element["src"].split(",")[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("x_{i}^{2}", "x<sub>i</sub><sup>2</sup>"),
        ("a_{n_{k}}", "a<sub>n<sub>k</sub></sub>"),
        ("*x_{i}* and **y**", "<em>x<sub>i</sub></em> and <strong>y</strong>"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
        ("`a_{1} *b* <i>`", "<code>a_{1} *b* &lt;i&gt;</code>"),
        ("2*3*4, 5 * 6 * 7", "2*3*4, 5 * 6 * 7"),
        ("snake_case stays", "snake_case stays"),
        ("one\n\ntwo", "one<br><br>two"),
        ("an unclosed ` and _{", "an unclosed ` and _{"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_rich(text, expected):
    assert rich(text) == expected


def test_plain_is_what_a_reader_would_say():
    assert plain("*a* **b** `c*d*` x_{i}^{2} 2 * 3") == "a b c*d* x_i^2 2 * 3"


def test_numbers_are_written_for_readers():
    assert [number(x) for x in (56, 66150.0, 0.1 + 0.2, -1.5)] == ["56", "66150", "0.3", "-1.5"]
    assert [short(x) for x in (0.693147, 65535, -2.5, 0)] == ["0.6931", "65535", "−2.5", "0"]


def test_pixels_draw_maps_and_keep_bytes():
    drawn = pixels(np.array([[0.0, 1.0], [0.5, 1.0]]), "a map")
    assert drawn.dtype == np.uint8
    assert drawn[0, 0].tolist() == [0, 34, 77]  # cividis' darkest
    assert drawn[0, 1].tolist() == drawn[1, 1].tolist() == [253, 231, 55]
    photo = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert pixels(photo, "a photograph") is photo
    assert pixels(np.ones((1, 1, 3)), "white").tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.zeros((2, 2, 4)), np.array([[np.nan]]), np.array([[1.1]])]
)
def test_pixels_name_what_is_no_picture(wrong):
    with pytest.raises(ValueError, match="my map"):
        pixels(wrong, "my map")


# ---------------------------------------------------------------- every component


def one_of_each(text):
    tiny = np.zeros((2, 2, 3), np.uint8)
    shots = [Snapshot(k, {text: tiny}, {text: 1.0}, tone(200)) for k in (0, 1)]
    return [
        quiz(
            [
                Choice(text, [(text, True, text), ("b", False, text)], 1),
                Numeric(text + "2", 1, 0, text, text, 1, {5: text}),
                Ordering(text + "3", [text, "b"], text, 1, [text, text]),
            ],
            text,
        ),
        predict_then_reveal(text, [text, "b"], 0, text, text),
        loss_stepper([Step(text, text, {text: text}, tiny), Step("b", "c")], text, text),
        train_replay(shots, {text: [1, 2]}, text, text, RATE),
        sim_matrix(
            np.eye(2),
            [text, "b"],
            [text, "b"],
            text,
            text,
            pictures=[tiny, tiny],
            sounds=[tone(200), tone(300)],
            rate=RATE,
            temperatures=[1.0],
        ),
    ]


def test_nothing_a_user_writes_becomes_a_tag():
    for component in one_of_each(EVIL):
        page = soup(component)
        assert not page.find_all(attrs={"onerror": True}), component.text[:40]
        assert not [image for image in page.find_all("img") if image["src"] == "x"]
        assert "<img src=x" in page.find("figcaption").get_text()
        for script in page.find_all("script", type="application/json"):
            json.loads(script.string)


def test_each_component_has_three_forms_and_one_frame():
    names = set()
    for component in one_of_each("plain") + one_of_each("plain"):
        bundle = component._repr_mimebundle_()
        assert set(bundle) == {"text/html", "image/png", "text/plain"}
        assert Image.open(io.BytesIO(bundle["image/png"])).size[0] > 200
        assert "plain" in bundle["text/plain"]
        page = soup(component)
        frame = page.find("figure")
        assert frame["class"][0] == "avl"
        assert not frame.has_attr("data-ready")
        assert not page.find_all("script", src=True)
        assert not re.search(r'(src|href)="(?!data:)', component.html)
        own = [element["id"] for element in page.find_all(id=True)]
        assert len(own) == len(set(own))
        assert names.isdisjoint(own)
        names.update(own)
        for label in page.find_all("label", attrs={"for": True}):
            assert label["for"] in own


# ---------------------------------------------------------------- questions


def test_quiz_explains_every_choice_in_a_fold():
    page = soup(quiz([PICK, SEVEN, SORT]))
    folds = page.select("details.avl-answer")
    assert len(folds) == 3
    assert not any(fold.has_attr("open") for fold in folds)
    told = [
        (row["data-right"], row.select_one(".avl-because").text) for row in folds[0].select("li")
    ]
    assert told == [("yes", "Two pairs."), ("no", "One too many.")]
    right = folds[1].select_one(".avl-right")
    assert (float(right["data-answer"]), float(right["data-tolerance"])) == (56, 0.5)
    assert {
        row["data-wrong"]: row.select_one(".avl-because").text for row in folds[1].select("li")
    } == {
        "54.0": "That is 6 × 9.",
        "15.0": "That is 7 + 8.",
    }
    assert [row.get_text(" ", strip=True) for row in folds[2].select("li")] == [
        "one a",
        "two b",
        "three c",
    ]


def test_nothing_is_revealed_outside_the_folds():
    page = soup(quiz([PICK, SEVEN, SORT]))
    guess = soup(predict_then_reveal("What?", ["this", "that"], 1, "The secret."))
    for part in (page, guess):
        for fold in part.select("details.avl-answer, script, style"):
            fold.extract()
        text = part.get_text(" ")
        for secret in ("Two pairs", "56", "So we count", "That is 6", "secret"):
            assert secret not in text


def test_topics_name_objectives_and_none_may_lack_a_name():
    topics = {1: "arrays & axes", 2: "decibels", 3: "pitch"}
    items = soup(quiz([PICK, SEVEN, SORT], "Ready?", topics)).select(".avl-item")
    assert [item["data-topic"] for item in items] == ["arrays & axes", "decibels", "pitch"]
    assert not soup(quiz([PICK, SEVEN, SORT])).select("[data-topic]")
    with pytest.raises(ValueError, match="objective 3, which has no name"):
        quiz([PICK, SEVEN, SORT], "Ready?", {1: "arrays", 2: "decibels"})


def test_objectives_and_kinds_are_on_the_page():
    items = soup(quiz([PICK, SEVEN, SORT])).select(".avl-item")
    assert [item["data-objective"] for item in items] == ["1", "2", "3"]
    assert [item["data-kind"] for item in items] == ["choice", "numeric", "ordering"]
    assert [i["type"] for i in items[0].select("input")] == ["radio", "radio"]


def test_several_right_choices_are_ticked_not_picked():
    both = Choice("Even?", [("2", True, "y"), ("4", True, "y"), ("3", False, "n")], 1)
    page = soup(quiz([both]))
    assert {i["type"] for i in page.select(".avl-choices input")} == {"checkbox"}
    assert "Choose all that hold" in page.get_text()


def test_choices_are_shuffled_by_their_question_alone():
    names = ["one", "two", "three", "four"]
    places = set()
    for k in range(40):
        what = f"Which, in case {k}?"
        page = soup(
            quiz([Choice(what, [(name, name == "two", f"why {name}") for name in names], 1)])
        )
        shown = [int(box["value"]) for box in page.select(".avl-choices input")]
        assert [label.text for label in page.select(".avl-choices label")] == [
            names[n] for n in shown
        ]
        told = page.select(".avl-answer li")
        assert [int(row["data-k"]) for row in told] == shown
        for row, n in zip(told, shown, strict=True):
            assert row.select_one(".avl-because").text == f"why {names[n]}"
            assert row["data-right"] == ("yes" if names[n] == "two" else "no")
        guess = predict_then_reveal(what, names, 1, "So it is.")
        assert [int(box["value"]) for box in soup(guess).select("input")] == shown
        assert "; ".join(names[n] for n in shown) in guess.text
        assert soup(guess).figure["data-right"] == "1"
        places.add(shown.index(1))
        turned = Choice(what, [(name, name == "four", "why") for name in names[::-1]], 1)
        assert [n for n, _ in turned.shown()] == shown  # neither texts nor what is right decide
    assert places == {0, 1, 2, 3}


def test_ordering_is_never_shown_in_order_and_always_the_same():
    for count in range(2, 7):
        for k in range(20):
            item = Ordering(f"Question {k}?", [f"item {i}" for i in range(count)], "why", 1)
            assert sorted(item.shuffled()) == list(range(count))
            assert item.shuffled() != list(range(count))
            assert item.shuffled() == item.shuffled()
    rows = soup(quiz([SORT])).select(".avl-order > li")
    names = ["one", "two", "three"]
    assert [row.select_one(".avl-text").text for row in rows] == [
        names[int(row["data-place"])] for row in rows
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choice("Q", [("a", True, "y")], 1), "two choices"),
        (lambda: Choice("Q", [("a", False, "n"), ("b", False, "n")], 1), "0 right"),
        (lambda: Choice("Q", [("a", True, "y"), ("b", True, "y")], 1), "2 right"),
        (lambda: Choice("Q", [("a", True, "y"), ("a", False, "n")], 1), "alike"),
        (lambda: Choice("Q", [("a", True, "y"), ("b", False, " ")], 1), "explain 'b'"),
        (lambda: Numeric("Q", 5, 1, "", "y", 1, {6: "near"}), "calls 6 wrong"),
        (lambda: Numeric("Q", 5, -1, "", "y", 1), "negative"),
        (lambda: Numeric("Q", float("inf"), 1, "", "y", 1), "finite"),
        (lambda: Numeric("Q", 5, 1, "", "", 1), "no explanation"),
        (lambda: Numeric("Q", 5, 1, "", "y", 1, {9: ""}), "empty hint"),
        (lambda: Ordering("Q", ["a"], "y", 1), "two items"),
        (lambda: Ordering("Q", ["a", "a"], "y", 1), "alike"),
        (lambda: Ordering("Q", ["a", "b"], "y", 1, ["x"]), "1 reasons for 2"),
        (lambda: predict_then_reveal("Q", ["a"], None, "y"), "two choices"),
        (lambda: predict_then_reveal("Q", ["a", "b"], 2, "y"), "number 2"),
        (lambda: predict_then_reveal("Q", ["a", "b"], -1, "y"), "number -1"),
        (lambda: predict_then_reveal("Q", ["a", "b"], 0, " "), "no answer"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(make, message):
    with pytest.raises(ValueError, match=f"question 'Q' .*{message}"):
        make()


def test_quiz_refuses_nothing_and_twice_the_same():
    with pytest.raises(ValueError, match="at least one"):
        quiz([])
    with pytest.raises(ValueError, match="ask the same"):
        quiz([PICK, PICK])


# ---------------------------------------------------------------- stepper


def test_stepper_shows_every_step_and_what_has_changed():
    steps = [
        Step("First", "We *start*.", {"loss": 0.6931, "rate": "10^{-3}"}),
        Step("Second", "We go on.", {"loss": 0.5, "rate": "10^{-3}"}, np.zeros((4, 4))),
        Step("Third", "We end.", {"loss": 0.5}),
    ]
    rows = soup(loss_stepper(steps, "A walk")).select("li.avl-step")
    assert len(rows) == 3
    assert not any(row.has_attr("hidden") for row in rows)  # all of them without a script
    shown = [[div["data-changed"] for div in row.select(".avl-numbers > div")] for row in rows]
    assert shown == [["no", "no"], ["yes", "no"], ["no"]]
    assert rows[1].select_one("dd").get_text(" ", strip=True) == "0.5 was 0.6931"
    assert rows[0].select("dd")[1].decode_contents() == "10<sup>-3</sup>"
    assert [len(row.select("img")) for row in rows] == [0, 1, 0]
    assert picture(rows[1].img).shape == (4, 4, 3)


def test_stepper_remembers_the_last_value_not_the_one_before():
    steps = [Step("a", "t", {"x": 1}), Step("b", "t"), Step("c", "t", {"x": 2})]
    row = soup(loss_stepper(steps, "gap")).select("li.avl-step")[2]
    assert row.select_one("dd").get_text(" ", strip=True) == "2 was 1"


def test_stepper_refuses_what_is_no_walk():
    with pytest.raises(ValueError, match="at least two"):
        loss_stepper([Step("a", "b")], "x")
    with pytest.raises(ValueError, match="step 2 has no title"):
        loss_stepper([Step("a", "b"), Step("", "b")], "x")
    with pytest.raises(ValueError, match="step 1"):
        loss_stepper([Step("a", "b", {}, np.full((2, 2), 7.0)), Step("c", "d")], "x")


# ---------------------------------------------------------------- replay


def shots(count=3, **change):
    values = {"pictures": {"mask": np.eye(4)}, "numbers": {"loss": 0.5}, **change}
    return [Snapshot(10 * k * k, **values) for k in range(count)]


def test_curves_run_through_their_points():
    assert curve_points([1, 2, 3], [0, 10, 40]) == [(0, 1), (10, 2), (40, 3)]
    assert curve_points([1, 2, 3, 4, 5], [0, 10, 40]) == [
        (0, 1),
        (10, 2),
        (20, 3),
        (30, 4),
        (40, 5),
    ]
    page = soup(train_replay(shots(), {"loss": [1.0, 0.0, 0.5]}, "A training"))
    assert page.find("polyline")["points"] == "0.00,0.00 150.00,100.00 600.00,50.00"
    assert page.select_one(".avl-high").text == "1"
    assert page.select_one(".avl-low").text == "0"
    assert "from 1 to 0.5, between 0 and 1" in page.find("svg")["aria-label"]
    flat = soup(train_replay(shots(), {"loss": [2, 2, 2]}, "Flat"))
    assert flat.find("polyline")["points"] == "0.00,100.00 150.00,100.00 600.00,100.00"


def test_replay_carries_pictures_numbers_and_sounds():
    levels = (0.1, 0.4, 0.2)
    three = [
        Snapshot(k, {"mask": np.full((8, 8), k / 2)}, {"SDR (dB)": k - 1}, tone(300, level))
        for k, level in enumerate(levels)
    ]
    page = soup(train_replay(three, {}, "A training", rate=RATE))
    rows = page.select(".avl-shot")
    assert not any(row.has_attr("hidden") for row in rows)
    assert [row.dd.text for row in rows] == ["−1", "0", "1"]
    assert [picture(row.img)[0, 0].tolist() for row in rows][::2] == [[0, 34, 77], [253, 231, 55]]
    assert [row.img["alt"] for row in rows] == ["step 0, mask", "step 1, mask", "step 2, mask"]
    power = []
    for row in rows:
        data = base64.b64decode(row.audio["src"].split(",")[1])
        power.append(np.std(soundfile.read(io.BytesIO(data))[0][2000:9000]))
    assert power[1] / power[0] == pytest.approx(4, rel=0.05)  # proportions are kept
    assert power[1] / power[2] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("snapshots", "curves", "message"),
    [
        (shots(1), {}, "at least two"),
        ([Snapshot(5), Snapshot(5)], {}, "must increase"),
        ([Snapshot(0, {"a": np.eye(2)}), Snapshot(1)], {}, "step 1 has other pictures"),
        ([Snapshot(0), Snapshot(1, numbers={"a": 1})], {}, "other numbers"),
        ([Snapshot(0), Snapshot(1, numbers={}, wave=np.ones(9))], {}, "all snapshots have a wave"),
        ([Snapshot(k, wave=np.ones(9)) for k in (0, 1)], {}, "rate"),
        ([Snapshot(k, numbers={"a": float("nan")}) for k in (0, 1)], {}, "not finite"),
        (shots(), {"loss": [1.0]}, "'loss' needs at least two"),
        (shots(), {"loss": [1.0, float("inf")]}, "'loss' needs"),
    ],
)
def test_replay_refuses_what_does_not_fit(snapshots, curves, message):
    with pytest.raises(ValueError, match=message):
        train_replay(snapshots, curves, "x")


# ---------------------------------------------------------------- matrix


def test_matrix_stands_in_the_page_as_a_table():
    values = [[0.123456, -0.5, 1], [0, 2, 3]]
    pictures = [np.full((20, 20, 3), 80 * k, np.uint8) for k in range(3)]
    component = sim_matrix(values, ["r0", "r1"], ["c0", "c1", "c2"], "M", pictures=pictures)
    page = soup(component)
    assert [th.text for th in page.select("thead th")] == ["c0", "c1", "c2"]
    assert [th.text for th in page.select("tbody th")] == ["r0", "r1"]
    cells = {(int(td["data-i"]), int(td["data-j"])): td.text for td in page.select("td[data-i]")}
    assert cells[0, 0] == "0.12"
    assert cells[0, 1] == "−0.5"
    assert cells[1, 2] == "3"
    data = json.loads(page.select_one(".avl-data").string)
    assert data["values"] == values
    assert [round(picture(i).mean(), -1) for i in page.select(".avl-detail img")] == [0, 80, 160]
    assert not page.select("input")
    assert "r0: most like c2 (1); r1: most like c2 (3)." in component.text


def test_matrix_numbers_its_sounds():
    page = soup(
        sim_matrix(np.eye(2), ["same"] * 2, ["a", "b"], "M", sounds=[tone(200)] * 2, rate=RATE)
    )
    assert [audio["aria-label"] for audio in page.select("audio")] == ["1. same", "2. same"]
    assert page.details.has_attr("open")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.eye(3)}, "do not fit"),
        ({"values": np.array([[1, np.nan], [0, 1]])}, "not finite"),
        ({"pictures": [np.zeros((2, 2, 3), np.uint8)]}, "1 pictures for 2 columns"),
        ({"sounds": [tone(200)], "rate": RATE}, "1 sounds for 2 rows"),
        ({"sounds": [tone(200)] * 2}, "rate"),
        ({"temperatures": [1.0, 0.0]}, "positive"),
        ({"temperatures": []}, "positive"),
        ({"values": np.ones((1, 2)), "rows": ["a"], "temperatures": [1.0]}, "diagonal"),
    ],
)
def test_matrix_refuses_what_does_not_fit(change, message):
    arguments = {"values": np.eye(2), "rows": ["a", "b"], "columns": ["c", "d"], "label": "M"}
    with pytest.raises(ValueError, match=message):
        sim_matrix(**{**arguments, **change})


# ---------------------------------------------------------------- live


def test_without_a_front_end_the_function_runs_once_and_the_component_is_shown(monkeypatch):
    monkeypatch.setenv("AVLIB_LIVE", "no")
    monkeypatch.setattr(live_module, "get_ipython", object)
    shown, calls = [], []
    monkeypatch.setattr(live_module, "display", shown.append)
    component = quiz([PICK])

    def record(**chosen):
        calls.append(chosen)
        return "made"

    live(record, component, x=(0.0, 1.0, 0.1), y=["a", "b"])
    assert calls == [{"x": 0.0, "y": "a"}]
    assert shown == ["made", component]


def test_a_script_is_told_of_the_component_in_words(monkeypatch, capsys):
    monkeypatch.setenv("AVLIB_LIVE", "no")
    live(lambda x: print("x is", x), quiz([PICK]), x=[3, 4])
    assert capsys.readouterr().out == "x is 3\nQuiz: 1 question. 1. 2 + 2?\n"


def test_with_a_front_end_controls_call_the_function_again(monkeypatch):
    monkeypatch.setenv("AVLIB_LIVE", "yes")
    shown, calls = [], []
    monkeypatch.setattr(live_module, "display", shown.append)

    def record(threshold=0.5, name="b", loud=True, count=3):
        calls.append((threshold, name, loud, count))

    live(
        record,
        quiz([PICK]),
        threshold=(0.0, 1.0, 0.05),
        name=["a", "b"],
        loud=False,
        count=(1, 9, 2),
    )
    (box,) = shown
    threshold, name, loud, count, _ = box.children
    assert calls == [(0.5, "b", True, 3)]
    assert (threshold.min, threshold.max, threshold.step) == (0.0, 1.0, 0.05)
    assert type(count).__name__ == "IntSlider"
    threshold.value = 0.25
    name.value = "a"
    loud.value = False
    count.value = 5
    assert calls[1:] == [
        (0.25, "b", True, 3),
        (0.25, "a", True, 3),
        (0.25, "a", False, 3),
        (0.25, "a", False, 5),
    ]


def test_labels_of_controls_are_words_and_never_cut():
    (slider, _) = panel(lambda top_hz: None, top_hz=(1, 5, 1)).children
    assert slider.description == "top hz"
    assert slider.style.description_width == "initial"
    assert not slider.continuous_update


def test_start_values():
    def fn(a=0.4, b="y", c=True, d=99, e=1): ...

    ranges = {"a": (0.0, 1.0, 0.1), "b": ["x", "y"], "c": False, "d": (0, 5, 1), "e": ["p", "q"]}
    assert starting_values(fn, ranges) == {"a": 0.4, "b": "y", "c": True, "d": 0, "e": "p"}
    assert starting_values(lambda c: None, {"c": True}) == {"c": True}


@pytest.mark.parametrize(
    ("ranges", "error", "message"),
    [
        ({"y": True}, TypeError, "no argument 'y'"),
        ({"x": []}, ValueError, "nothing to choose"),
        ({"x": (1, 1, 1)}, ValueError, "nothing to slide"),
        ({"x": (0, 1, 0)}, ValueError, "nothing to slide"),
        ({"x": (0, 1, 2)}, ValueError, "nothing to slide"),
    ],
)
def test_ranges_that_make_no_control_are_refused(ranges, error, message):
    with pytest.raises(error, match=message):
        starting_values(lambda x: None, ranges)


def test_front_end_is_recognised(monkeypatch):
    class Shell:
        def __init__(self):
            self.user_ns = {}

    for name in ("AVLIB_LIVE", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert not has_front_end()  # no kernel here
    shell = Shell()
    monkeypatch.setattr(live_module, "get_ipython", lambda: shell)
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert not has_front_end()  # IPython in a terminal
    shell.kernel = object()
    assert has_front_end()
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert not has_front_end()  # a notebook that is executed for a book
    shell.user_ns = {"__vsc_ipynb_file__": "a.ipynb"}
    assert has_front_end()
    monkeypatch.setenv("AVLIB_LIVE", "no")
    assert not has_front_end()
    monkeypatch.setenv("AVLIB_LIVE", "perhaps")
    with pytest.raises(ValueError, match="perhaps"):
        has_front_end()
