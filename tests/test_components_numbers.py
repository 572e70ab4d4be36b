"""Questions, matrix, stepper and replay in a browser: controls, values, and the keyboard."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import requested
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from avlib.viz.matching import Stage, matching_replay
from avlib.viz.matrix import sim_matrix
from avlib.viz.questions import Choice, Numeric, Ordering, predict_then_reveal, quiz
from avlib.viz.replay import Snapshot, train_replay
from avlib.viz.stepper import Step, loss_stepper

pytestmark = pytest.mark.browser
RATE = 11025

ITEMS = [
    Choice(
        "What is |S|/|X|?",
        [
            ("a *ratio* mask", True, "It may exceed 1."),
            ("a binary mask", False, "That has two values."),
            ("<b>bold</b>", False, "Tags are shown, not followed."),
        ],
        1,
    ),
    Choice(
        "Which are even?",
        [("2", True, "twice 1"), ("3", False, "odd"), ("4", True, "twice 2")],
        2,
    ),
    Numeric(
        "How many samples?",
        66150,
        1,
        "samples",
        "Six seconds.",
        3,
        {65535: "That is the shorter clip.", 11025: "That is one second."},
    ),
    Ordering(
        "Which first?", ["STFT", "mask", "inverse"], "As in life.", 4, ["sound", "edit", "back"]
    ),
]
STEPS = [
    Step("Mix", "Add *two* waves.", {"loss": 0.6931}),
    Step("Predict", "Two masks.", {"loss": 0.5}, np.eye(8)),
    Step("Compare", "How far off?", {"loss": 0.25}),
]
SIMILARITIES = torch.randn(5, 5, generator=torch.Generator().manual_seed(3)).double().clamp(-1, 1)
TEMPERATURES = [0.001, 0.07, 0.5, 1.0, 4.0]


def tone(hz, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def snapshots():
    return [
        Snapshot(
            step,
            {"mask": np.full((6, 6), k / 3), "other": np.zeros((6, 6))},
            {"loss": 1 / (k + 1)},
            tone(220 * (k + 1), 3.0),
        )
        for k, step in enumerate((0, 10, 40, 100))
    ]


def stages():
    return [
        Stage(
            steps,
            {name: np.full((6, 6), (k + n) / 4) for n, name in enumerate(("banjo", "flute"))},
            {name: tone(220 * (k + 1) + 50 * n) for n, name in enumerate(("banjo", "flute"))},
            {"banjo": float(k), "flute": 1.0},
        )
        for k, steps in enumerate((0, 1, 4))
    ]


COMPONENTS = {
    "quiz": lambda: quiz(ITEMS),
    "prediction": lambda: predict_then_reveal(
        "Can it be rebuilt?", ["perfectly", "nearly", "no"], 1, "To about **15 dB**."
    ),
    "stepper": lambda: loss_stepper(STEPS, "A step", "One step of training."),
    "replay": lambda: train_replay(
        snapshots(),
        {"loss": [1, 0.5, 1 / 3, 0.25], "SDR": list(range(11))},
        "A training",
        "Four checkpoints.",
        RATE,
    ),
    "matching": lambda: matching_replay(
        stages(),
        [3.0, 2.9, 2.8, 2.7, 2.5],
        tone(100),
        {"banjo": tone(900), "flute": tone(950)},
        RATE,
        "A pair",
        "Four steps.",
    ),
    "matrix": lambda: sim_matrix(
        SIMILARITIES,
        [f"sound {k}" for k in range(5)],
        [f"picture {k}" for k in range(5)],
        "Who belongs to whom?",
        "Rows are sounds.",
        pictures=[np.full((12, 16, 3), 50 * k, np.uint8) for k in range(5)],
        sounds=[tone(200 + 100 * k) for k in range(5)],
        rate=RATE,
        temperatures=TEMPERATURES,
    ),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    for name, make in COMPONENTS.items():
        (folder / f"{name}.html").write_text(make().page(name), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, pages, request):
    """The page of the component that the test names, and afterwards: no error, no request."""

    def go(name):
        browser.get_log("browser")
        requested(browser)
        browser.get((pages / f"{name}.html").as_uri())
        root = browser.find_element(By.CSS_SELECTOR, "figure.avl")
        WebDriverWait(browser, 10).until(lambda b: root.get_attribute("data-ready") == "yes")
        return root

    yield go
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
    assert requested(browser) == []


def one(root, selector):
    return root.find_element(By.CSS_SELECTOR, selector)


def several(root, selector):
    return root.find_elements(By.CSS_SELECTOR, selector)


def click(element):
    element.parent.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def choices(item):
    """The boxes or buttons of a question, in the order in which it was written down."""
    boxes = several(item, ".avl-choices input")
    return sorted(boxes, key=lambda box: int(box.get_attribute("value")))


def reasons(item):
    """What stands below each choice: whether it is right, and why, in that same order."""
    lines = [one(box.find_element(By.XPATH, "ancestor::li"), ".avl-why") for box in choices(item)]
    return [(line.get_attribute("data-right"), line.text) for line in lines]


def verdict(item):
    box = one(item, ".avl-verdict")
    assert box.get_attribute("role") == "status"
    return box.text


def focused(browser):
    return browser.switch_to.active_element


# ---------------------------------------------------------------- quiz


def test_choice_explains_the_wrong_then_all(opened):
    item = several(opened("quiz"), ".avl-item")[0]
    visible = item.text
    assert "<b>bold</b>" in visible
    for secret in ("exceed", "two values", "not followed"):
        assert secret not in visible
    click(one(item, ".avl-check"))
    assert verdict(item) == "Choose first."
    assert not item.get_attribute("data-first")
    radios = choices(item)
    assert radios != several(item, "input")  # shown in another order
    click(radios[1])
    click(one(item, ".avl-check"))
    assert verdict(item) == "Not right.\nThat has two values."
    assert "exceed" not in item.text  # the right one's explanation waits
    click(radios[0])
    click(one(item, ".avl-check"))
    assert verdict(item) == "Right.\nIt may exceed 1."
    assert reasons(item) == [
        ("yes", "It may exceed 1."),
        ("no", "That has two values."),
        ("no", "Tags are shown, not followed."),
    ]
    assert item.get_attribute("data-state") == "right"
    assert item.get_attribute("data-first") == "wrong"
    assert not one(item, ".avl-check").is_displayed()
    assert not any(radio.is_enabled() for radio in radios)


def test_several_right_ones_must_all_be_ticked(opened):
    item = several(opened("quiz"), ".avl-item")[1]
    boxes, check = choices(item), one(item, ".avl-check")
    click(boxes[0])
    click(check)
    assert verdict(item) == "What you chose holds, but it is not all that holds."
    click(boxes[1])
    click(boxes[2])
    click(check)
    assert verdict(item) == "Not right.\nodd"
    click(boxes[1])
    click(check)
    assert verdict(item).startswith("Right.")
    assert item.get_attribute("data-state") == "right"


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("66150", True),
        ("66,150", True),
        ("66 150", True),
        ("66150,5", True),
        ("6.615e4", True),
        ("66150 samples", True),
        ("132300/2", True),
        ("66151", True),
        ("66149", True),
        ("66152", False),
        ("-66150", False),
        ("−66150", False),
        ("66.15", False),
    ],
)
def test_numbers_are_read_as_people_write_them(opened, given, right):
    item = several(opened("quiz"), ".avl-item")[2]
    one(item, "input").send_keys(given, Keys.ENTER)
    assert item.get_attribute("data-state") == ("right" if right else "wrong"), verdict(item)


def test_number_hints_at_what_went_wrong(opened):
    item = several(opened("quiz"), ".avl-item")[2]
    field = one(item, "input")
    for given, said in (
        ("six", "Write a number, such as 12, 0.5 or 1/3."),
        ("", "Write a number, such as 12, 0.5 or 1/3."),
        ("1/0", "Write a number, such as 12, 0.5 or 1/3."),
        ("65535", "Not right.\nThat is the shorter clip."),
        ("11025.5", "Not right.\nThat is one second."),
        ("70000", "Not right.\nYour number is too large."),
        ("3", "Not right.\nYour number is too small."),
        ("66150", "Right.\nSix seconds."),
    ):
        field.clear()
        field.send_keys(given)
        click(one(item, ".avl-check"))
        assert verdict(item) == said
    assert item.get_attribute("data-first") == "wrong"
    assert not field.is_enabled()


def order(item):
    return [row.text.split("\n")[0] for row in several(item, ".avl-order .avl-text")]


def test_ordering_from_the_keyboard(opened, browser):
    item = several(opened("quiz"), ".avl-item")[3]
    names = ["STFT", "mask", "inverse"]
    start = order(item)
    assert sorted(start) == sorted(names)
    assert start != names
    click(one(item, ".avl-check"))
    marks = [row.get_attribute("data-fit") for row in several(item, ".avl-order > li")]
    assert marks == ["yes" if a == b else "no" for a, b in zip(start, names, strict=True)]
    good = marks.count("yes")
    assert verdict(item).startswith(f"Not right: {good} of 3 in their place")
    why = dict(zip(names, ("sound", "edit", "back"), strict=True))
    for name, mark in zip(start, marks, strict=True):
        assert (f"{name}: not here. {why[name]}" in verdict(item)) == (mark == "no")
    for place, name in enumerate(names):  # bring each up to its place
        while order(item).index(name) > place:
            row = several(item, ".avl-order > li")[order(item).index(name)]
            before = order(item).index(name)
            up = one(row, "button[data-by='-1']")
            up.send_keys(Keys.ARROW_UP if before == 2 else Keys.ENTER)
            assert order(item).index(name) == before - 1
            assert f"“{name}” is now number {before} of 3." in verdict(item)
            assert focused(browser).find_element(By.XPATH, "ancestor::li") == row
    assert order(item) == names
    assert not one(several(item, ".avl-order > li")[0], "button[data-by='-1']").is_enabled()
    assert not one(several(item, ".avl-order > li")[2], "button[data-by='1']").is_enabled()
    click(one(item, ".avl-check"))
    assert verdict(item) == "Right.\nAs in life."
    assert not any(button.is_enabled() for button in several(item, ".avl-moves button"))


def test_order_can_be_made_worse_too(opened):
    item = several(opened("quiz"), ".avl-item")[3]
    first = order(item)
    click(one(several(item, ".avl-order > li")[0], "button[data-by='1']"))
    assert order(item) == [first[1], first[0], first[2]]


def test_first_tries_are_scored_and_weak_objectives_named(opened):
    root = opened("quiz")
    items = several(root, ".avl-item")
    assert one(root, ".avl-score").text == ""
    click(choices(items[0])[0])
    click(one(items[0], ".avl-check"))
    assert (root.get_attribute("data-answered"), root.get_attribute("data-score")) == ("1", "1")
    for item in items[1:]:
        if item is items[1]:
            click(choices(item)[1])
        if item is items[2]:
            one(item, "input").send_keys("1")
        assert not one(item, ".avl-show").is_displayed()
        click(one(item, ".avl-check"))
        click(one(item, ".avl-show"))
        assert item.get_attribute("data-state") == "shown"
    assert reasons(items[1]) == [("yes", "twice 1"), ("no", "odd"), ("yes", "twice 2")]
    assert verdict(items[2]).startswith("66150 samples (± 1). Six seconds.")
    assert "Not 11025: That is one second." in verdict(items[2])
    assert order(items[3]) == ["STFT", "mask", "inverse"]
    assert verdict(items[3]) == "As in life."
    score = one(root, ".avl-score")
    assert score.get_attribute("role") == "status"
    assert score.text == "1 of 4 right at the first try. Worth another look: objectives 2, 3, 4."
    click(one(root, ".avl-again"))
    assert (root.get_attribute("data-answered"), root.get_attribute("data-score")) == ("0", "0")
    assert [verdict(item) for item in items] == [""] * 4
    assert not any(box.is_selected() for box in several(root, ".avl-choices input"))
    assert one(items[2], "input").get_attribute("value") == ""
    assert order(items[3]) != ["STFT", "mask", "inverse"]
    assert "exceed" not in root.text


def test_all_right_at_once(opened):
    root = opened("quiz")
    items = several(root, ".avl-item")
    click(choices(items[0])[0])
    click(choices(items[1])[0])
    click(choices(items[1])[2])
    one(items[2], "input").send_keys("66150")
    while order(items[3]) != ["STFT", "mask", "inverse"]:
        names = [("STFT", "mask", "inverse").index(name) for name in order(items[3])]
        k = next(k for k in (1, 2) if names[k] < names[k - 1])
        click(one(several(items[3], ".avl-order > li")[k], "button[data-by='-1']"))
    for item in items:
        click(one(item, ".avl-check"))
    said = one(root, ".avl-score").text
    assert said == "4 of 4 right at the first try. Every objective reached."


# ---------------------------------------------------------------- prediction


@pytest.mark.parametrize(
    ("pick", "said", "state"),
    [(1, "That is right.", "right"), (0, "It comes out differently.", "wrong")],
)
def test_answer_comes_after_the_prediction(opened, pick, said, state):
    root = opened("prediction")
    assert "15 dB" not in root.text
    click(one(root, ".avl-check"))
    assert "15 dB" not in root.text
    assert one(root, ".avl-say").text == "Choose one of them first."
    radios = choices(root)
    assert radios != several(root, "input")  # shown in another order
    click(radios[pick])
    assert "15 dB" not in root.text
    one(root, ".avl-check").send_keys(Keys.ENTER)
    told = verdict(one(root, ".avl-item"))
    assert told.startswith(f"You predicted: {('perfectly', 'nearly')[pick]}. {said}\nnearly.\n")
    assert told.endswith("To about 15 dB.")
    assert root.get_attribute("data-chosen") == str(pick)
    assert one(root, ".avl-item").get_attribute("data-state") == state
    assert not any(radio.is_enabled() for radio in radios)


# ---------------------------------------------------------------- stepper


def test_stepper_goes_both_ways(opened, browser):
    root = opened("stepper")
    back, forward = one(root, ".avl-back"), one(root, ".avl-next")

    def shown():
        return [step.is_displayed() for step in several(root, ".avl-step")]

    assert shown() == [True, False, False]
    assert one(root, ".avl-where").text == "Step 1 of 3: Mix"
    assert not back.is_enabled()
    click(forward)
    assert shown() == [False, True, False]
    assert one(root, ".avl-where").text == "Step 2 of 3: Predict"
    assert "0.5 was 0.6931" in several(root, ".avl-step")[1].text
    forward.send_keys(Keys.ENTER)
    assert shown() == [False, False, True]
    assert not forward.is_enabled()
    assert focused(browser) == back  # not lost with the button that went out
    back.send_keys(Keys.ARROW_LEFT)
    assert root.get_attribute("data-at") == "1"
    back.send_keys(Keys.HOME)
    assert root.get_attribute("data-at") == "0"
    assert focused(browser) == forward
    forward.send_keys(Keys.END)
    assert root.get_attribute("data-at") == "2"
    every = one(root, ".avl-all")
    click(every)
    assert shown() == [True, True, True]
    assert every.get_attribute("aria-pressed") == "true"
    assert not back.is_enabled()
    click(every)
    assert shown() == [False, False, True]


# ---------------------------------------------------------------- replay


def test_slider_runs_over_checkpoints_and_curves(opened):
    root = opened("replay")
    slider = one(root, "input[type=range]")
    loss, sdr = several(root, ".avl-curve")
    places = {0: 0.0, 1: 10.0, 2: 40.0, 3: 100.0}
    slider.send_keys(Keys.HOME)
    for k, percent in places.items():
        (visible,) = [s for s in several(root, ".avl-shot") if s.is_displayed()]
        assert visible.get_attribute("data-k") == str(k)
        assert root.get_attribute("data-step") == str((0, 10, 40, 100)[k])
        assert one(root, ".avl-bar output").text == f"step {(0, 10, 40, 100)[k]}"
        values = [1, 0.5, 1 / 3, 0.25]
        assert float(one(loss, "output").text) == pytest.approx(values[k], rel=1e-3)
        # eleven values spread evenly over steps 0 to 100: one every ten steps
        assert float(one(sdr, "output").text) == pytest.approx(percent / 10)
        for curve, share in ((loss, (values[k] - 0.25) / 0.75), (sdr, percent / 100)):
            style = root.parent.execute_script(
                "const d = arguments[0].querySelector('.avl-dot').style; return [d.left, d.top]",
                curve,
            )
            left, top = (float(x.rstrip("%")) for x in style)
            assert left == pytest.approx(percent)
            assert top == pytest.approx(100 * (1 - share), abs=1e-3)
        assert f"step {(0, 10, 40, 100)[k]}, loss" in slider.get_attribute("aria-valuetext")
        assert float(one(visible, "dd").text) == pytest.approx(1 / (k + 1), rel=1e-3)
        slider.send_keys(Keys.ARROW_RIGHT)


def test_sound_goes_on_from_the_same_place_at_another_checkpoint(opened, browser):
    root = opened("replay")
    audios = several(root, "audio")
    assert len(audios) == 4
    one(root, "input[type=range]").send_keys(
        Keys.HOME
    )  # sounds start only for who has done something
    browser.execute_script("arguments[0].currentTime = 1.0; arguments[0].play()", audios[0])
    playing = "return Array.from(document.querySelectorAll('audio')).map((a) => !a.paused)"
    WebDriverWait(browser, 10).until(
        lambda b: b.execute_script("return arguments[0].currentTime > 1.01", audios[0])
    )
    one(root, "input[type=range]").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    WebDriverWait(browser, 10).until(
        lambda b: b.execute_script(playing) == [False, False, True, False]
    )
    at = browser.execute_script("return arguments[0].currentTime", audios[2])
    assert 0.9 < at < 2.9
    browser.execute_script("document.dispatchEvent(new CustomEvent('avlib-play', {detail: 1}))")
    assert browser.execute_script(playing) == [False] * 4  # another player was started


def test_replay_runs_through_only_when_asked(opened, browser):
    root = opened("replay")
    run = one(root, ".avl-run")
    time.sleep(0.7)
    assert root.get_attribute("data-at") == "0"
    click(run)
    assert run.text == "Stop"
    WebDriverWait(browser, 10).until(lambda b: root.get_attribute("data-at") == "3")
    WebDriverWait(browser, 10).until(lambda b: run.text == "Run through")
    click(run)
    assert root.get_attribute("data-at") == "0"
    click(run)
    time.sleep(0.7)
    assert root.get_attribute("data-at") == "0"


def test_replay_does_not_move_where_less_motion_is_wanted(opened, browser):
    reduce = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", reduce)
    assert not one(opened("replay"), ".avl-run").is_displayed()


# ---------------------------------------------------------------- matching


def test_slider_and_choices_say_which_sound_is_heard(opened, browser):
    root = opened("matching")
    slider, runs = one(root, "input[type=range]"), several(root, ".avl-whose input")
    versions = several(root, ".avl-version input")
    assert root.get_attribute("data-deck") == "yes"
    # mixture, two true sounds, then banjo and flute after 0, 1 and 4 steps
    assert root.get_attribute("data-track") == "0"
    assert not versions[0].is_enabled()
    click(runs[2])
    assert versions[0].is_enabled()
    heard = []
    slider.send_keys(Keys.HOME)
    for _ in range(3):
        WebDriverWait(browser, 5).until(
            lambda b: (
                root.get_attribute("data-track") == str(4 + 2 * int(root.get_attribute("data-at")))
            )
        )
        (visible,) = [s for s in several(root, ".avl-shot") if s.is_displayed()]
        heard.append((visible.get_attribute("data-k"), root.get_attribute("data-track")))
        slider.send_keys(Keys.ARROW_RIGHT)
    assert heard == [("0", "4"), ("1", "6"), ("2", "8")]
    click(versions[1])
    assert root.get_attribute("data-track") == "4"  # without matching, whatever the slider says
    click(versions[2])
    assert root.get_attribute("data-track") == "2"
    click(runs[0])
    assert root.get_attribute("data-track") == "0"


def test_versions_run_on_one_clock(opened, browser):
    root = opened("matching")
    play = one(root, ".avl-play")
    click(play)
    WebDriverWait(browser, 10).until(lambda b: play.text == "Pause")
    seek = one(root, ".avl-seek")
    WebDriverWait(browser, 10).until(lambda b: float(seek.get_attribute("value")) > 0.05)
    before = float(seek.get_attribute("value"))
    click(several(root, ".avl-whose input")[1])
    one(root, "input[type=range]").send_keys(Keys.END)
    assert root.get_attribute("data-track") in ("3", "7")
    assert float(seek.get_attribute("value")) >= before
    browser.execute_script("document.dispatchEvent(new CustomEvent('avlib-play', {detail: 1}))")
    assert play.text == "Play"  # another player was started


def test_curves_of_matching_follow_the_slider(opened):
    root = opened("matching")
    loss, sdr = several(root, ".avl-curve")
    one(root, "input[type=range]").send_keys(Keys.END)
    assert float(one(loss, "output").text.replace("\u2212", "-")) == pytest.approx(-500)
    assert float(one(sdr, "output").text) == pytest.approx(1.5)
    assert "step 4" in one(root, "input[type=range]").get_attribute("aria-valuetext")


# ---------------------------------------------------------------- matrix


def expected_losses(temperature):
    logits = SIMILARITIES / temperature
    truth = torch.arange(len(logits))
    return [
        float(torch.nn.functional.cross_entropy(scores, truth)) for scores in (logits, logits.T)
    ]


def test_losses_and_softmax_are_those_of_torch(opened):
    root = opened("matrix")
    slider, box = one(root, ".avl-tau"), one(root, ".avl-soft")
    click(box)
    slider.send_keys(Keys.HOME)
    for temperature in TEMPERATURES:
        assert float(root.get_attribute("data-temperature")) == temperature
        rows, columns = expected_losses(temperature)
        assert float(root.get_attribute("data-loss-rows")) == pytest.approx(rows, rel=1e-6)
        assert float(root.get_attribute("data-loss-columns")) == pytest.approx(columns, rel=1e-6)
        mean = (rows + columns) / 2
        said = one(root, ".avl-loss").text
        assert said == (
            f"InfoNCE: {rows:.3f} by rows, {columns:.3f} by columns, mean {mean:.3f}. "
            f"Guessing costs log 5 = {math.log(5):.3f}."
        )
        softmax = torch.softmax(SIMILARITIES / temperature, dim=1)
        for cell in several(root, "td[data-i]"):
            i, j = (int(cell.get_attribute(f"data-{axis}")) for axis in "ij")
            value = float(cell.get_attribute("data-value"))
            assert value == pytest.approx(float(softmax[i, j]), abs=1e-8)
            assert cell.text == f"{value:.2f}"
        slider.send_keys(Keys.ARROW_RIGHT)
    assert root.get_attribute("data-view") == "softmax"
    click(box)
    assert root.get_attribute("data-view") == "similarity"
    shown = [float(c.get_attribute("data-value")) for c in several(root, "td[data-i]")]
    np.testing.assert_allclose(shown, SIMILARITIES.flatten(), atol=1e-8)


def test_arrow_keys_walk_over_the_entries(opened, browser):
    root = opened("matrix")
    cells = {
        (int(c.get_attribute("data-i")), int(c.get_attribute("data-j"))): c
        for c in several(root, "td[data-i]")
    }
    assert [at for at, cell in cells.items() if cell.get_attribute("tabindex") == "0"] == [(0, 0)]
    cells[0, 0].click()
    for keys, at in (
        (Keys.ARROW_RIGHT, (0, 1)),
        (Keys.ARROW_DOWN, (1, 1)),
        (Keys.END, (1, 4)),
        (Keys.ARROW_RIGHT, (1, 4)),
        (Keys.HOME, (1, 0)),
        (Keys.ARROW_LEFT, (1, 0)),
        (Keys.ARROW_UP, (0, 0)),
        (Keys.ARROW_UP, (0, 0)),
    ):
        focused(browser).send_keys(keys)
        assert focused(browser) == cells[at]
        i, j = at
        assert root.get_attribute("data-at") == f"{i},{j}"
        assert one(root, ".avl-pair").text == f"sound {i} × picture {j}"
        value = f"similarity {SIMILARITIES[i, j]:.3f}".replace("-", "−")
        assert one(root, ".avl-value").text.startswith(value)
        (image,) = [p for p in several(root, ".avl-detail img") if p.is_displayed()]
        assert image.get_attribute("alt") == f"picture {j}"
        assert [a for a, c in cells.items() if c.get_attribute("aria-selected") == "true"] == [at]
        assert [a for a, c in cells.items() if c.get_attribute("tabindex") == "0"] == [at]


def test_entry_is_heard_and_pointed_at(opened, browser):
    root = opened("matrix")
    cell = one(root, "td[data-i='3'][data-j='1']")
    cell.click()
    play = one(root, ".avl-play")
    assert play.text == "Play sound 3"
    playing = "return Array.from(document.querySelectorAll('audio')).map((a) => !a.paused)"
    cell.send_keys(Keys.ENTER)
    WebDriverWait(browser, 10).until(
        lambda b: b.execute_script(playing) == [False, False, False, True, False]
    )
    WebDriverWait(browser, 10).until(lambda b: play.text == "Pause")
    click(play)
    WebDriverWait(browser, 10).until(lambda b: play.text == "Play sound 3")
    browser.execute_script(
        "arguments[0].dispatchEvent(new PointerEvent('pointerenter', {pointerType: 'mouse'}))",
        one(root, "td[data-i='2'][data-j='4']"),
    )
    assert one(root, ".avl-pair").text == "sound 2 × picture 4"


def test_entries_can_be_read_on_every_colour(opened, browser):
    root = opened("matrix")
    ratios = browser.execute_script(
        """const light = (text) => { const [r, g, b] = text.match(/\\d+/g).map((c) => c / 255)
          .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        return Array.from(arguments[0].querySelectorAll('td[data-i]')).map((cell) => {
          const style = getComputedStyle(cell);
          const two = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
          return (two[0] + 0.05) / (two[1] + 0.05); });""",
        root,
    )
    assert len(ratios) == 25
    assert min(ratios) >= 4.5


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_fits_a_phone(opened, browser, name):
    metrics = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    opened(name)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


AFTER = {  # what a reader has done when the page is looked at a second time
    "quiz": "for (const b of document.querySelectorAll('.avl-check')) b.click();"
    "const radio = document.querySelector('input[type=radio]'); radio.click();"
    "document.querySelector('.avl-check').click();"
    "document.querySelectorAll('.avl-show')[3].click();",
    "prediction": "document.querySelector('input').click();"
    "document.querySelector('.avl-check').click();",
    "stepper": "document.querySelector('.avl-all').click();",
    "replay": "const s = document.querySelector('input'); s.value = 3;"
    "s.dispatchEvent(new Event('input'));",
    "matching": "const s = document.querySelector('input'); s.value = 2;"
    "s.dispatchEvent(new Event('input'));"
    "document.querySelectorAll('.avl-whose input')[1].click();",
    "matrix": "document.querySelector('.avl-soft').click();"
    "document.querySelector('td[data-i]').click();",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", COMPONENTS)
def test_axe_finds_nothing(opened, browser, name, scheme):
    wanted = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
    opened(name)
    folder = pytest.importorskip("axe_playwright_python", reason="has axe-core").__path__[0]
    browser.execute_script((Path(folder) / "axe.min.js").read_text(encoding="utf-8"))
    for script in ("", AFTER[name]):
        browser.execute_script(script)
        found = browser.execute_async_script(
            "const done = arguments[0];"
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(done);"
        )
        faults = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]]
        assert faults == []
        assert len(found["passes"]) > 8


@pytest.mark.parametrize(
    ("name", "there"),
    [
        (
            "quiz",
            ["It may exceed 1.", "That has two values.", "twice 2", "66150 samples", "As in life."],
        ),
        ("prediction", ["To about 15 dB."]),
        ("stepper", ["1. Mix", "2. Predict", "3. Compare", "0.25 was 0.5"]),
        ("replay", ["Step 0", "Step 10", "Step 40", "Step 100"]),
        ("matching", ["Step 0", "Step 1", "Step 4", "flute, step 4", "banjo, true"]),
        ("matrix", ["sound 4", "picture 4", "5. sound 4"]),
    ],
)
def test_everything_is_there_without_scripts(browser, pages, name, there):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((pages / f"{name}.html").as_uri())
        for fold in browser.find_elements(By.CSS_SELECTOR, "details:not([open]) summary"):
            fold.click()
        text = browser.find_element(By.TAG_NAME, "figure").text
        for part in there:
            assert part in text
        for button in browser.find_elements(By.CSS_SELECTOR, "figure button"):
            assert not button.is_displayed()
        for image in browser.find_elements(By.CSS_SELECTOR, ".avl-step img, .avl-shot img"):
            assert image.is_displayed()
        for audio in browser.find_elements(By.TAG_NAME, "audio"):
            assert audio.is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
