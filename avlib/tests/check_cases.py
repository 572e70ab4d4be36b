"""What the tests of all chapters' checks share: a check lets right work pass and names mistakes."""

import dataclasses
import os

from avlib import check
from avlib.check import AnswerCheck, FunctionCheck

SEEDS = range(3)
MANY_SEEDS = range(int(os.environ.get("AVLIB_TEST_SEEDS", "3")))
"""Few, for whoever waits for `pytest avlib`; tests/test_seeds.py asks for 20."""


def checks_of(chapter):
    """Names of a chapter's checks, for parametrised tests."""
    return list(check.chapter_checks(chapter))


def functions_of(chapter):
    """A chapter's checks of functions, by name."""
    found = check.chapter_checks(chapter)
    return {name: one for name, one in found.items() if isinstance(one, FunctionCheck)}


def confirm_stage(name, wrong, stage):
    """A mistake that no list knows stops at its stage, and is not told another mistake's hint."""
    tested = getattr(check, name)
    verdict = tested(wrong, seed=3)
    assert verdict.stage == stage, verdict
    assert verdict.hint not in [mistake.hint for mistake in tested.mistakes]


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


def variants(right, wrong):
    """Parameters for `confirm_variant`: every function of both dictionaries, by its check."""
    return [
        (name, passes, function)
        for passes, functions in ((True, right), (False, wrong))
        for name, several in functions.items()
        for function in several
    ]


def confirm_variant(name, passes, function):
    """Right work passes however it is written; a near miss never does, whatever was drawn.

    And nobody is told the hint of a listed mistake that was not made: whoever does the same as a
    mistake on everything that was drawn *is* told it, so what is drawn has to tell them apart.
    """
    tested = getattr(check, name)
    known = {mistake.hint for mistake in tested.mistakes}
    quick = dataclasses.replace(tested, mistakes=())
    for seed in MANY_SEEDS:
        verdict = (tested if seed in SEEDS else quick)(function, seed=seed)
        assert verdict.passed == passes, (seed, verdict)
        assert passes or verdict.hint not in known, (seed, verdict)


def confirm_all_have_variants(chapters, right, wrong):
    """Every check of a function has a right answer written differently, and a near miss."""
    names = {
        name
        for chapter in chapters
        for name, found in check.chapter_checks(chapter).items()
        if isinstance(found, FunctionCheck)
    }
    assert set(right) == names
    assert set(wrong) == names
