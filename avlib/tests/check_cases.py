"""What the tests of all chapters' checks share: a check lets right work pass and names mistakes."""

from avlib import check
from avlib.check import AnswerCheck, FunctionCheck

SEEDS = range(3)


def checks_of(chapter):
    """Names of a chapter's checks, for parametrised tests."""
    return list(check.chapter_checks(chapter))


def stub(*args, **kwargs):
    raise NotImplementedError("your turn")


def confirm(name):
    """What must hold for every check of the book, whatever it is about."""
    tested = getattr(check, name)
    assert tested.name == name
    if isinstance(tested, FunctionCheck):
        _confirm_function(tested)
    else:
        assert isinstance(tested, AnswerCheck)
        _confirm_answer(tested)


def _confirm_function(tested):
    for seed in SEEDS:
        verdict = tested(tested.reference, seed=seed)
        assert verdict.passed, verdict
    todo = tested(stub)
    assert (todo.passed, todo.stage) == (False, "todo")
    assert "Not done yet: your turn" in todo.hint
    hints = [mistake.hint for mistake in tested.mistakes]
    assert len(hints) >= 3, "at least three known mistakes"
    assert len(set(hints)) == len(hints), "each with a hint of its own"
    assert len({mistake.name for mistake in tested.mistakes}) == len(hints)
    for mistake in tested.mistakes:
        for seed in SEEDS:
            verdict = tested(mistake.function, seed=seed)
            assert not verdict.passed, mistake.name
            assert verdict.hint == mistake.hint, (mistake.name, verdict)


def _confirm_answer(tested):
    right = tested(tested.truth)
    assert right.passed
    assert len(right.hint) > 20, "say why the right answer is right"
    assert tested(...).stage == "todo"
    assert tested(None).stage == "todo"
    assert len(tested.hints) >= 3, "at least three wrong answers with a hint"
    assert len(set(tested.hints.values())) == len(tested.hints), "each with a hint of its own"
    for wrong, hint in tested.hints.items():
        verdict = tested(wrong)
        assert not verdict.passed
        assert verdict.hint == hint, wrong
