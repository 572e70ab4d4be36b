"""Checks of exercises: stages, hints, fresh inputs, and nothing that a reader does gets through."""

import ast
import inspect
import re
from collections import namedtuple

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from check_cases import stub

from avlib import check
from avlib.check import AnswerCheck, FunctionCheck, Limit, Mistake, Verdict, values
from avlib.check.verdict import STAGES


def share(part, whole):
    """The reference of most tests here: a clamped quotient, 0 where nothing is."""
    return (part / (whole + 1e-10)).clamp(0, 5)


def no_clamp(part, whole):
    return part / (whole + 1e-10)


def cut_off(part, whole):
    return share(part, whole).detach()


def flipped(part, whole):
    return share(whole, part)


SILENCE = torch.zeros(2, 3)


@pytest.fixture
def checked():
    return FunctionCheck(
        reference=share,
        inputs=lambda g: (torch.rand(4, 5, generator=g), torch.rand(4, 5, generator=g)),
        shape_hint="shape hint",
        range=(0.0, 5),
        range_hint="range hint",
        limits=(Limit((SILENCE, SILENCE), SILENCE, "limits hint"),),
        gradient=True,
        gradient_hint="gradient hint",
        value_hint="value hint",
        mistakes=(
            Mistake("no clamp", no_clamp, "clamp it"),
            Mistake("cut off", cut_off, "keep the graph"),
            Mistake("flipped", flipped, "the other way round"),
        ),
        name="share",
    )


class Steeper(torch.autograd.Function):
    """The right value with twice the gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return 2 * slope


@pytest.mark.parametrize(
    ("function", "stage", "hint"),
    [
        (share, "passed", ""),
        (lambda p, w: torch.stack([share(p, w)] * 2), "shape", "shape hint"),
        (lambda p, w: share(p, w)[0], "shape", "shape hint"),
        (lambda p, w: share(p, w).to(torch.complex64), "shape", "shape hint"),
        (lambda p, w: (share(p, w), 1), "shape", "shape hint"),
        (lambda p, w: "a mask", "shape", "shape hint"),
        (lambda p, w: share(p, w) - 1, "range", "range hint"),
        (lambda p, w: share(p, w) + 5, "range", "range hint"),
        (lambda p, w: share(p, w) / 0, "range", "range hint"),
        (lambda p, w: (p / w).clamp(0, 5), "limits", "limits hint"),
        (lambda p, w: share(p, w).clamp(max=5) + 0 * p.sum() + (w == 0), "limits", "limits hint"),
        (lambda p, w: Steeper.apply(share(p, w)), "gradient", "gradient hint"),
        (lambda p, w: torch.tensor(share(p, w).tolist()), "gradient", "keep the graph"),
        (no_clamp, "range", "clamp it"),
        (cut_off, "gradient", "keep the graph"),
        (flipped, "gradient", "the other way round"),
    ],
)
def test_each_stage_stops_what_it_is_there_for(checked, function, stage, hint):
    for seed in range(3):
        verdict = checked(function, seed=seed)
        assert (verdict.stage, verdict.hint) == (stage, hint)
        assert verdict.passed == (stage == "passed")


def test_wrong_values_are_named_before_their_gradients(checked):
    verdict = checked(lambda p, w: 0.9 * share(p, w), seed=1)
    assert verdict.stage == "gradient"
    assert verdict.hint == "The values are wrong too: begin there. value hint"
    assert "values differ" in verdict.got


def test_value_stage_and_the_stages_that_are_not_used():
    plain = FunctionCheck(share, lambda g: (torch.rand(3, generator=g), torch.rand(3, generator=g)))
    assert plain.stages == ("runs", "shape", "range", "value")
    verdict = plain(lambda p, w: share(p, w) + 0.01, seed=0)
    assert verdict.stage == "value"
    assert dict(verdict.ladder) == {
        "runs": "done", "shape": "done", "range": "done", "value": "failed",
    }  # fmt: skip


def test_values_are_compared_with_the_tolerances_given():
    def near(x):
        return x + 0.004

    same = FunctionCheck(lambda x: x, lambda g: (torch.rand(3, generator=g),), atol=1e-5)
    assert same(near).stage == "value"
    loose = FunctionCheck(lambda x: x, lambda g: (torch.rand(3, generator=g),), atol=0.005, rtol=0)
    assert loose(near).passed
    assert loose(lambda x: x + 0.006).stage == "value"


def test_a_stub_is_not_a_failure(checked):
    verdict = checked(stub)
    assert (verdict.passed, verdict.stage) == (False, "todo")
    assert verdict.hint == "Not done yet: your turn"
    assert {state for _, state in verdict.ladder} == {"open"}
    for nothing in (None, ...):
        assert checked(nothing).stage == "todo"

    def bare(p, w):
        raise NotImplementedError

    assert checked(bare).hint == "Not done yet: your turn"


def test_an_exception_is_told_with_the_readers_line(checked):
    def broken(part, whole):
        mask = part / whole
        return mask.no_such_thing

    verdict = checked(broken)
    assert verdict.stage == "runs"
    assert "AttributeError" in verdict.hint
    assert "no_such_thing" in verdict.hint
    line = broken.__code__.co_firstlineno + 2
    assert f"line {line} " in verdict.hint
    assert "`return mask.no_such_thing`" in verdict.hint


def test_an_exception_inside_of_torch_is_told_with_the_readers_line(checked):
    def broken(part, whole):
        return part @ whole

    verdict = checked(broken)
    assert verdict.stage == "runs"
    assert "`return part @ whole`" in verdict.hint


def test_a_function_for_other_arguments_is_told_which_it_gets(checked):
    verdict = checked(lambda part: part)
    assert verdict.stage == "runs"
    assert "the arguments (part, whole)" in verdict.hint


def test_an_exception_at_an_edge_belongs_to_the_edge(checked):
    def picky(part, whole):
        if not whole.any():
            raise ZeroDivisionError("silence")
        return share(part, whole)

    verdict = checked(picky)
    assert (verdict.stage, verdict.hint) == ("limits", "limits hint")
    assert verdict.got == "ZeroDivisionError: silence"


def test_a_known_mistake_may_be_an_exception():
    def sums(x):
        return x.sum()

    def item(x):
        return x.no_sum()

    known = FunctionCheck(
        sums, lambda g: (torch.rand(2, generator=g),), mistakes=(Mistake("no", item, "it is sum"),)
    )
    assert known(lambda x: x.no_sum()).hint == "it is sum"
    assert known(lambda x: x.nor_sum()).hint != "it is sum"


@pytest.mark.parametrize("wrong", [3, torch.zeros(4, 5), "share"])
def test_what_cannot_be_called_is_told_so(checked, wrong):
    verdict = checked(wrong)
    assert verdict.stage == "runs"
    assert "without calling it" in verdict.hint


def test_a_forgotten_return_is_told(checked):
    verdict = checked(lambda p, w: None)
    assert verdict.stage == "shape"
    assert "`return`" in verdict.hint


def test_changing_an_argument_in_place_is_told(checked):
    def in_place(part, whole):
        whole += 1e-3
        return (part / whole).clamp(0, 5)

    verdict = checked(in_place)
    assert verdict.stage == "runs"
    assert "`whole` in place" in verdict.hint


def test_changing_inside_of_a_list_and_of_an_array_is_seen():
    def first(items, array):
        return items[0] + array.sum()

    def sorts(items, array):
        result = first(items, array)
        array[0] = 9
        return result

    def pops(items, array):
        result = first(items, array)
        items.pop()
        return result

    both = FunctionCheck(
        first, lambda g: ([torch.rand(2, generator=g), torch.ones(2)], np.ones(3)), name="first"
    )
    assert both(first).passed
    assert "`array` in place" in both(sorts).hint
    assert "`items` in place" in both(pops).hint


def test_the_reader_gets_copies_and_the_reference_is_not_disturbed():
    kept = torch.ones(3)
    seen = []

    def reader(x):
        seen.append(x)
        return x * 2

    twice = FunctionCheck(lambda x: 2 * x, lambda g: (kept,))
    assert twice(reader).passed
    assert all(x is not kept for x in seen)
    assert twice(lambda x: x.mul_(2)).stage == "runs"
    assert torch.equal(kept, torch.ones(3))


def test_inputs_are_fresh_at_every_call_and_the_seed_repeats_them(checked):
    seen = []

    def reader(part, whole):
        seen.append(part)
        return share(part, whole) * 1.1

    first, second = checked(reader), checked(reader)
    random = [x for x in seen if x.shape == (4, 5)]
    per_call = len(random) // 2
    assert not torch.equal(random[0], random[1]) or not torch.equal(random[0], random[2])
    assert not torch.equal(random[0], random[per_call])
    assert first.seed != second.seed
    again = checked(reader, seed=first.seed)
    assert (again.got, again.expected) == (first.got, first.expected)
    assert f"check.share(your_function, seed={first.seed})" in repr(first)
    assert "seed" not in repr(checked(share))


def test_numpy_instead_of_torch_is_converted_and_mentioned():
    quiet = FunctionCheck(share, lambda g: (torch.rand(3, generator=g), torch.rand(3, generator=g)))
    verdict = quiet(lambda p, w: (p.numpy() / (w.numpy() + 1e-10)).clip(0, 5))
    assert verdict.passed
    assert "NumPy" in verdict.notes[0]
    assert quiet(share).notes == ()
    listed = quiet(lambda p, w: share(p, w).tolist())
    assert listed.passed
    assert listed.notes == ()


def test_numpy_has_no_gradient(checked):
    """It runs on plain arguments, so the reader should hear of the gradient, not of a crash."""
    verdict = checked(lambda p, w: (p.numpy() / (w.numpy() + 1e-10)).clip(0, 5), seed=0)
    assert verdict.stage == "gradient"
    for word in ("cut off", "NumPy"):
        assert word in verdict.hint or verdict.hint == "keep the graph"


def test_gradients_of_every_argument_count():
    def product(a, b):
        return a * b

    both = FunctionCheck(
        product,
        lambda g: (torch.rand(3, generator=g), torch.rand(3, generator=g)),
        gradient=True,
        gradient_hint="both",
    )
    assert both(product).passed
    verdict = both(lambda a, b: a * b.detach())
    assert (verdict.stage, verdict.hint) == ("gradient", "both")
    assert "argument 2" in verdict.expected
    assert "cut off" in both(lambda a, b: (a * b).detach()).hint


@pytest.mark.parametrize(
    ("reference", "alike", "unlike"),
    [
        (lambda x: 3, lambda x: torch.tensor(3.0), lambda x: 4),
        (lambda x: True, lambda x: np.bool_(True), lambda x: False),
        (lambda x: "left", lambda x: "left", lambda x: "right"),
        (lambda x: (1, "a"), lambda x: [1.0, "a"], lambda x: (1, "b")),
        (lambda x: {"a": x}, lambda x: {"a": x.clone()}, lambda x: {"b": x}),
        (lambda x: [x, x], lambda x: (x, x), lambda x: [x]),
        (lambda x: None, lambda x: None, lambda x: 0),
        (lambda x: torch.nan * x, lambda x: torch.nan * x, lambda x: x),
        (lambda x: x > 0.5, lambda x: (x > 0.5).float(), lambda x: x > 0.9),
        (lambda x: x[:0], lambda x: x[:0], lambda x: x[:1]),
        (lambda x: torch.polar(x, x), lambda x: torch.polar(x, x), lambda x: torch.polar(x, -x)),
    ],
)
def test_all_sorts_of_results_can_be_compared(reference, alike, unlike):
    sorts = FunctionCheck(reference, lambda g: (torch.rand(50, generator=g),))
    assert sorts(reference).passed
    assert sorts(alike).passed
    assert sorts(unlike).stage in ("shape", "value")


def test_numbers_in_lists_are_as_good_as_tensors():
    table = values.uniform([[1, 2.5], (True, torch.tensor(4))])
    assert torch.equal(table, torch.tensor([[1, 2.5], [1, 4]], dtype=torch.float64))
    assert isinstance(values.uniform([[1, 2], [3]]), list)
    assert isinstance(values.uniform([torch.ones(2), torch.ones(2)]), list)
    assert values.uniform([]) == []
    pair = FunctionCheck(lambda x: (x.sum(), x.max()), lambda g: (torch.rand(3, generator=g),))
    assert pair(lambda x: (float(x.sum()), float(x.max()))).passed
    assert pair(lambda x: float(x.sum())).stage == "shape"


def test_a_comparison_of_ones_own():
    def groups(x):
        return (x > 0.5).long()

    def up_to_names(got, expected):
        return bool((got == expected).all() or (got == 1 - expected).all())

    free = FunctionCheck(
        groups,
        lambda g: (torch.rand(9, generator=g),),
        limits=(Limit((torch.tensor([0.1, 0.9]),), [0, 1], "two"),),
        compare=up_to_names,
        value_hint="other groups",
    )
    assert free.stages == ("runs", "shape", "range", "limits", "value")
    assert free(groups).passed  # the limit's [0, 1] is as good as a tensor
    free = FunctionCheck(
        groups, lambda g: (torch.rand(9, generator=g),), compare=up_to_names, value_hint="groups"
    )
    assert free(lambda x: 1 - groups(x)).passed
    assert free(lambda x: groups(x)[1:]).stage == "shape"
    assert free(lambda x: (x > 0.1).long(), seed=0).hint == "groups"


def test_other_shapes_may_be_allowed():
    longest = FunctionCheck(
        lambda n: [1] * n,
        lambda g: (3,),
        compare=lambda got, expected: len(got) >= len(expected),
        same_shape=False,
    )
    assert longest(lambda n: [7] * 5).passed
    assert longest(lambda n: [7]).stage == "value"


def test_arguments_may_be_models_generators_and_tuples_with_names():
    Pair = namedtuple("Pair", "left right")

    def reference(net, generator, pair):
        return net(pair.left) + torch.rand(1, generator=generator)

    odd = FunctionCheck(
        reference,
        lambda g: (torch.nn.Linear(2, 1), torch.Generator().manual_seed(5), Pair(torch.ones(2), 3)),
    )
    assert odd(reference).passed
    assert odd(lambda net, generator, pair: net(pair.left)).stage == "value"


def test_mistakes_by_the_author_of_a_check_are_told_to_the_author():
    with pytest.raises(TypeError, match="must return a tuple"):
        FunctionCheck(share, lambda g: torch.zeros(1))(share)
    with pytest.raises(RuntimeError, match="reference fails"):
        FunctionCheck(stub, lambda g: (1,))(share)
    with pytest.raises(RuntimeError, match="reference fails"):
        FunctionCheck(lambda x: x.detach(), lambda g: (torch.ones(2),), gradient=True)(share)


@pytest.fixture
def columns():
    return AnswerCheck(
        truth=256, hints={255: "both ends", 257: "one too many", 0: "none?"}, right="because"
    )


def test_answers(columns):
    assert columns(256).passed
    assert columns(256).hint == "because"
    assert columns(np.int64(256)).passed
    assert columns(torch.tensor(256.0)).passed
    assert columns(255).hint == "both ends"
    assert (columns(99).stage, columns(99).hint) == ("value", "That is not it.")
    assert columns(...).stage == columns(None).stage == "todo"
    assert columns(...).hint.startswith("Not done yet")
    assert (columns("256").stage, columns("256").hint) == ("shape", "A number is asked for.")
    assert columns((256, 1)).stage == "shape"
    assert columns(np.zeros(3)).stage == "shape"
    assert columns({}).stage == "shape"


def test_tolerance_of_answers():
    near = AnswerCheck(truth=0.3, tolerance=0.05, hints={1.0: "no"})
    assert near(0.26).passed
    assert near(0.35).passed
    assert not near(0.36).passed
    assert not near(0.24).passed
    assert near(1.03).hint == "no"
    assert AnswerCheck(0.3)(0.1 + 0.2).passed


def test_choices_of_words():
    word = AnswerCheck("left", hints={"right": "r", "both": "b"}, otherwise="?")
    assert word(" LEFT ").passed
    assert word("Both").hint == "b"
    assert word("up").stage == "shape"
    assert "'both', 'left', 'right'" in word("up").hint
    assert word(1).hint == "A word in quotes is asked for."


def test_true_and_false_are_no_numbers():
    yes = AnswerCheck(True, hints={False: "no"})
    assert yes(True).passed
    assert yes(np.bool_(True)).passed
    assert yes(False).hint == "no"
    assert yes(1).stage == "shape"


def test_several_answers_at_once():
    three = AnswerCheck((1, "a", True), hints={(2, "a", True): "two"}, otherwise="No.")
    assert three((1, "A", True)).passed
    assert three([1, "a", True]).passed
    assert three((2, "a", True)).hint == "two"
    assert three((1, "b", True)).hint == "No. Right so far: number 1, 3 of 3."
    assert three((0, "b", False)).hint == "No. None of your answers is right yet."
    assert three((1, ..., True)).stage == "todo"
    assert three((1, "a")).stage == "shape"
    assert three(1).stage == "shape"
    assert three(("1", "a", True)).hint == "One of the answers should be a number."


def test_no_hint_may_be_for_the_truth():
    with pytest.raises(ValueError, match="right answer 2"):
        AnswerCheck(2, hints={2.0: "?"})
    with pytest.raises(ValueError, match="right answer"):
        AnswerCheck(2, tolerance=0.5, hints={2.4: "?"})


def soup(verdict):
    return BeautifulSoup(verdict._repr_html_(), "html.parser").div


def test_a_verdict_can_be_read_by_everyone(checked):
    failed = soup(checked(lambda p, w: (p / w).clamp(0, 5), seed=7))
    assert failed["role"] == "status"
    assert (failed["data-check"], failed["data-stage"]) == ("share", "limits")
    assert failed["data-passed"] == "no"
    words = {li["data-state"]: li.find(class_="avl-said").text for li in failed.find_all("li")}
    assert words == {"done": "passed", "failed": "failed", "open": "not reached"}
    assert all(s["aria-hidden"] == "true" for s in failed.find_all("span", class_=False))
    assert "limits hint" in failed.text
    assert "seed=7" in failed.text
    assert "[nan, nan, nan" in failed.text
    assert not failed.find_all(["script", "link", "img"])
    passed = soup(checked(share))
    assert passed["data-passed"] == "yes"
    assert "✓" in passed.p.text
    assert "passed" in passed.p.text


def test_the_right_answer_is_not_given_away(columns):
    wrong = columns(99)
    assert [dt.text for dt in soup(wrong).find_all("dt")] == ["Got"]
    assert repr(wrong).splitlines()[-1] == "  Got:      99"
    assert "256" not in repr(wrong) + wrong._repr_html_()


def test_text_of_readers_is_escaped(checked):
    def evil(part, whole):
        raise ValueError("<script>alert(1)</script> `<b>`")

    html = checked(evil)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<code>&lt;b&gt;</code>" in html
    assert "<i>" not in AnswerCheck("a", hints={"b": "x"})("<i>")._repr_html_()


def test_a_verdict_in_a_terminal(checked):
    text = repr(checked(lambda p, w: share(p, w)[0], seed=3))
    assert text.splitlines() == [
        '✗ check.share: not yet, see "shape"',
        "  runs ✓   shape ✗   range ·   limits ·   gradient ·   value ·",
        "  Hint: shape hint",
        "  Expected: shape (4, 5)",
        "  Got:      shape (5,)",
        "  The same inputs again: check.share(your_function, seed=3)",
    ]
    assert repr(checked(share)).splitlines()[0] == "✓ check.share: passed"
    assert repr(checked(stub)).splitlines()[0] == "○ check.share: not done yet"
    assert "check.share" in repr(checked)
    marked = Verdict(False, "value", "*Twice* g^{2}: `a + b`.", "x", notes=("`y`",))
    assert repr(marked).splitlines()[1:] == ["  Hint: Twice g^2: a + b.", "  y"]
    assert "<em>Twice</em> g<sup>2</sup>: <code>a + b</code>." in marked._repr_html_()


def test_the_ladder_knows_all_stages():
    everything = Verdict(False, "limits", "", stages=STAGES)
    assert [state for _, state in everything.ladder] == ["done"] * 3 + ["failed"] + ["open"] * 2
    assert {s for _, s in Verdict(True, "passed", "", stages=STAGES).ladder} == {"done"}


def test_differences_name_the_worst_place():
    expected = torch.zeros(2, 3)
    got = torch.tensor([[0.0, 0.1, 0.0], [0.0, 0.0, -0.5]])
    worst = values.difference(got, expected, 0, 1e-6)
    assert worst == ("0 at [1, 2]", "-0.5; 2 of 6 values differ")
    assert values.difference(expected, expected, 0, 0) is None
    holes = torch.tensor([0.3, torch.nan])
    assert values.difference(holes, torch.tensor([0.0, 1.0]), 0, 0).got.startswith("nan")
    assert values.difference(holes, holes, 0, 0) is None


def test_copies_share_no_memory_and_keep_their_kind():
    leaf = torch.ones(2, requires_grad=True)
    original = (leaf, [np.ones(2)], {"a": torch.ones(1)})
    twin = values.copied(original)
    assert twin[0].requires_grad
    assert twin[0].is_leaf
    twin[1][0][0] = 5
    twin[2]["a"][0] = 5
    assert original[1][0][0] == 1
    assert original[2]["a"][0] == 1
    generator = torch.Generator().manual_seed(1)
    torch.rand(1, generator=values.copied(generator))
    fresh = torch.Generator().manual_seed(1)
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=fresh))


def test_checks_are_found_by_name():
    names = [name for chapter in check.CHAPTERS for name in check.chapter_checks(chapter)]
    assert len(names) == len(set(names)), "names are unique across chapters"
    assert set(names) <= set(dir(check))
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert getattr(check, name).name == name
        assert getattr(check, name) is getattr(check, name)
    with pytest.raises(AttributeError, match=re.escape("dir(check)")):
        _ = check.zzzzzz
    with pytest.raises(AttributeError):
        _ = check._private
    with pytest.raises(ValueError, match="welcome"):
        check.chapter_checks("nowhere")


def test_a_name_that_is_nearly_right_gets_a_suggestion(monkeypatch):
    monkeypatch.setattr(check.welcome, "some_new_check", AnswerCheck(1), raising=False)
    assert check.chapter_checks("welcome")["some_new_check"].name == "some_new_check"
    with pytest.raises(AttributeError, match="did you mean some_new_check"):
        _ = check.some_new_chek


def test_chapters_are_imported_when_they_are_needed():
    """One that is broken, or slow to import, must not stop the others."""
    tree = ast.parse(inspect.getsource(check))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported == {"avlib.check.core", "avlib.check.verdict", "types", "typing"}


def in_place(x, w):
    y = x.exp()
    y *= 1  # overwrites what the gradient of exp needs
    return y * w


def without_derivative(x, w):
    if x.requires_grad:
        raise ValueError("no gradients today")
    return x.exp() * w


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (in_place, "in-place operation breaks the gradient"),
        (without_derivative, "ValueError: no gradients today"),
        (lambda x, w: torch.from_numpy(np.exp(x.numpy())) * w.detach(), "cut off"),
        (lambda x, w: torch.from_numpy(np.exp(x.numpy())) * w, "cut off"),
    ],
)
def test_what_stops_the_gradient_is_named(function, says):
    expo = FunctionCheck(
        lambda x, w: x.exp() * w,
        lambda g: (torch.rand(3, generator=g), torch.rand(3, generator=g)),
        gradient=True,
    )
    verdict = expo(function, seed=0)
    assert verdict.stage == "gradient"
    assert says in verdict.hint


def test_gradients_only_of_the_arguments_that_are_asked_for():
    def arguments(g):
        return torch.rand(3, generator=g), torch.rand(3, generator=g)

    first = FunctionCheck(lambda x, w: x * w, arguments, gradient=True, gradient_of=(0,))
    assert first(lambda x, w: x * w.detach(), seed=0).passed
    assert first(lambda x, w: x.detach() * w, seed=0).stage == "gradient"


def test_a_kind_of_its_own_is_looked_at_in_the_stage_of_shapes():
    pair = FunctionCheck(
        lambda x: x,
        lambda g: (torch.rand(3, generator=g),),
        same_shape=lambda got: "" if isinstance(got, torch.Tensor) else "a tensor, please",
        compare=lambda got, expected: torch.equal(got.sort().values, expected.sort().values),
    )
    assert pair(lambda x: x.flip(0), seed=0).passed
    assert pair(lambda x: "x", seed=0).hint == "a tensor, please"
    assert pair(lambda x: "x", seed=0).stage == "shape"
    assert "return" in pair(lambda x: None, seed=0).hint
    assert pair(lambda x: x[:2], seed=0).stage == "value"


def test_answers_in_an_array_and_a_tolerance_for_each():
    sizes = AnswerCheck((7, 14.5), tolerance=(0, 0.6), hints={(8, 14): "no"}, right="yes")
    assert sizes(torch.tensor([7.0, 15.0])).passed
    assert sizes(np.array([7, 14])).passed
    assert sizes(np.array([8, 14])).hint == "no"
    assert not sizes((7.3, 14.5)).passed
    assert not sizes((7, 13.8)).passed
    assert "number 1 of 2" in sizes((7, 20)).hint
    with pytest.raises(ValueError, match="tolerances"):
        AnswerCheck((1, 2), tolerance=(1, 1, 1))
    with pytest.raises(ValueError, match="tolerances"):
        AnswerCheck(1, tolerance=(1,))
