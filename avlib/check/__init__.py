"""Checks of the book's exercises: ``check.<name>(your_function)`` says what is wrong, and where.

Every exercise of the book has one check. A check of a function compares it with the reference on
fresh random inputs, stage by stage, and knows the usual mistakes; a check of an answer knows the
usual wrong answers. What comes back is a `Verdict`, never a traceback.

The checks lie in one module for each chapter and are found by name; a module is imported only
when one of its checks is asked for.

============  =========================================================================
``core``      `FunctionCheck`, `Mistake`, `Limit`
``verdict``   `Verdict`, as a piece of HTML or as text
``answers``   `AnswerCheck`
``calls``     calling a reader's function and noting what happens
``values``    comparing, copying and describing whatever functions take and return
``welcome``…  the checks of one chapter
============  =========================================================================

Example:
    >>> from avlib import check
    >>> check.core.AnswerCheck(truth=4)(5).stage
    'value'
"""

import difflib
import importlib
from types import ModuleType
from typing import Any

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.check.verdict import Verdict

__all__ = ["AnswerCheck", "FunctionCheck", "Limit", "Mistake", "Verdict", "chapter_checks"]

CHAPTERS = (
    "welcome",
    "sound",
    "masks",
    "vision",
    "correspondence",
    "unet",
    "mix_and_separate",
    "localise",
    "seco_idea",
    "seco_matching",
)
"""Modules that hold checks, in the order of the book."""


def _module(chapter: str) -> ModuleType:
    return importlib.import_module(f"avlib.check.{chapter}")


def chapter_checks(chapter: str) -> dict[str, FunctionCheck | AnswerCheck]:
    """The checks of one chapter, by name and in the order in which they are defined.

    Raises:
        ValueError: there is no such chapter.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"{chapter!r} is not one of the chapters {', '.join(CHAPTERS)}")
    return {
        name: found.called(name)
        for name, found in vars(_module(chapter)).items()
        if isinstance(found, FunctionCheck | AnswerCheck) and not name.startswith("_")
    }


def __getattr__(name: str) -> Any:
    if name in CHAPTERS:
        return _module(name)
    if not name.startswith("_"):
        for chapter in CHAPTERS:
            if name in (found := chapter_checks(chapter)):
                return globals().setdefault(name, found[name])
        names = [n for chapter in CHAPTERS for n in chapter_checks(chapter)]
        close = difflib.get_close_matches(name, names, n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else "dir(check) lists them all"
        raise AttributeError(f"there is no check named {name!r}: {remedy}")
    raise AttributeError(f"module 'avlib.check' has no attribute {name!r}")


def __dir__() -> list[str]:
    names = {name for chapter in CHAPTERS for name in chapter_checks(chapter)}
    return sorted(names | set(__all__) | set(CHAPTERS))
