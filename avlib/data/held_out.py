"""No category of the test may be heard before it: the check that training runs first."""

from avlib.data.clip import ClipError, Source
from avlib.data.orchestra_source import ENDLESS, Orchestra
from avlib.data.splits import category, category_split
from avlib.orchestra.instruments import MUSIC21


def check_categories(source: Source, split: str, heard: bool = True) -> None:
    """Make sure that a source has only categories of one side of a category split.

    Args:
        source: whose clips; of an orchestra, all that may ever play are looked at.
        split: "S1", "S2" or "S3", or the rehearsal of one, "S1-fold".
        heard: True: the categories to train on and to select by; False: the five held out.

    Raises:
        ClipError: a clip of the other side, or of a category that MUSIC-21 does not have; the
            message names the clip and the category.
        ValueError: no such split, or an endless source that is no orchestra.

    Example:
        >>> train, test = category_split("S1")
        >>> check_categories(Orchestra("train", train), "S1")
        >>> try:
        ...     check_categories(Orchestra("train", ("cello", "banjo")), "S1")
        ... except ClipError as error:
        ...     print(str(error).partition(";")[0])
        the orchestra plays 'banjo', which split S1 holds out for the test
    """
    category_split(split)  # no such split?
    if isinstance(source, Orchestra):
        for label in source.instruments:
            _check(label, split, heard, "the orchestra plays", _of_orchestra(split, heard))
        return
    if len(source) >= ENDLESS:
        raise ValueError(
            "an endless source cannot be checked clip by clip; give data.Remembered(source, "
            "clips=...), or an Orchestra"
        )
    for entry in source.entries:
        remedy = f"take the clip out of {entry.split!r}, or choose another split"
        if heard:
            remedy += f"; categories=category_split({split!r})[0] reads only what may be heard"
        for label in entry.categories:
            _check(label, split, heard, f"clip {entry.name!r} of {entry.split!r} plays", remedy)


def _of_orchestra(split: str, heard: bool) -> str:
    return f"give it the categories of category_split({split!r})[{0 if heard else 1}]"


def _check(label: str, split: str, heard: bool, who: str, remedy: str) -> None:
    try:
        name = category(label)
    except ValueError:
        name = label
    if name not in MUSIC21:
        raise ClipError(
            f"{who} {label!r}, a category that split {split} does not know; it has MUSIC-21's: "
            f"{', '.join(MUSIC21)}; rename it, or leave it out"
        )
    train, held_out = category_split(split)
    if name not in (train if heard else held_out):
        what = "trains on" if name in train else "holds out for the test"
        raise ClipError(f"{who} {label!r}, which split {split} {what}; {remedy}")
