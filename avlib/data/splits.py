"""Who and what is held out: SeCo's category splits and the orchestra's player splits.

Two different questions need two different splits. *Can it separate a player it never met?* is
asked by holding out players (`avlib.orchestra.instruments.PLAYERS`); *can it separate an
instrument it never met?* by holding out whole categories (SeCo, Table A2).
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from avlib.orchestra.instruments import INSTRUMENTS, MUSIC21, PLAYERS

SPLITS: dict[str, tuple[str, ...]] = {
    "S1": ("banjo", "electric bass", "guzheng", "saxophone", "trumpet"),
    "S2": ("bagpipe", "drum", "flute", "piano", "saxophone"),
    "S3": ("congas", "guzheng", "saxophone", "trumpet", "ukulele"),
}
"""The five test categories of each split, as printed in SeCo's Table A2 (they overlap)."""

FOLDS: dict[str, tuple[str, ...]] = {
    "S1-fold": ("accordion", "clarinet", "congas", "piano", "violin"),
    "S2-fold": ("acoustic guitar", "bassoon", "cello", "congas", "pipa"),
    "S3-fold": ("acoustic guitar", "bagpipe", "banjo", "erhu", "xylophone"),
}
"""A rehearsal of each split (ours): five of its *training* categories, drawn once by lot, held out
in their turn. What is chosen by them has met instruments that were not heard, and not the test."""


@runtime_checkable
class HasIdentity(Protocol):
    """What `check_disjoint` compares: anything with categories and players."""

    @property
    def categories(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def players(self) -> tuple[str, ...]: ...  # noqa: D102


def category_split(split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the categories to train on and the ones held out.

    SeCo, supplementary E and Table A2: five test categories, the other 16 of MUSIC-21 train.
    In a rehearsal, see `FOLDS`, five of those 16 are held out and 11 train; the split's own test
    categories are in neither part.

    Args:
        split: "S1", "S2" or "S3"; with "-fold", its rehearsal.

    Returns:
        Training categories and those held out, in MUSIC-21's order.

    Raises:
        ValueError: there is no such split.

    Example:
        >>> train, test = category_split("S1")
        >>> len(train), test
        (16, ('banjo', 'electric bass', 'guzheng', 'saxophone', 'trumpet'))
        >>> len(category_split("S1-fold")[0]), category_split("S1-fold")[1]
        (11, ('accordion', 'clarinet', 'congas', 'piano', 'violin'))
    """
    held_out = FOLDS.get(split) or SPLITS.get(split)
    if held_out is None:
        raise ValueError(
            f"unknown category split {split!r}; there are {', '.join((*SPLITS, *FOLDS))}"
        )
    all_of_it = category_split(whole_split(split))[0] if split in FOLDS else MUSIC21
    train = tuple(name for name in all_of_it if name not in held_out)
    test = tuple(name for name in all_of_it if name in held_out)
    return train, test


def whole_split(split: str) -> str:
    """Name the split that a rehearsal is part of; any other split is its own.

    Example:
        >>> whole_split("S1-fold"), whole_split("S1")
        ('S1', 'S1')
    """
    return split.removesuffix("-fold") if split in FOLDS else split


def category(name: str) -> str:
    """Bring a data set's label to the orchestra's spelling.

    Args:
        name: a label such as "acoustic_guitar" or "Cello".

    Raises:
        ValueError: no such category; the message lists all that are known.

    Example:
        >>> category("acoustic_guitar")
        'acoustic guitar'
    """
    label = " ".join(name.replace("_", " ").split()).lower()
    if label not in INSTRUMENTS:
        raise ValueError(f"unknown category {name!r}; known are: {', '.join(INSTRUMENTS)}")
    return label


def player_split(player: str) -> str:
    """Tell which split a player of the orchestra belongs to.

    Args:
        player: a name such as "violin-07".

    Returns:
        "train", "validation" or "test".

    Raises:
        ValueError: not the name of a player of the orchestra.

    Example:
        >>> player_split("violin-07"), player_split("violin-63")
        ('train', 'test')
    """
    instrument, _, number = player.rpartition("-")
    if instrument in INSTRUMENTS and number.isdigit():
        for split, numbers in PLAYERS.items():
            if int(number) in numbers:
                return split
    raise ValueError(
        f"{player!r} is no player of the orchestra; names look like 'violin-07', numbers go "
        f"from 0 to {max(max(numbers) for numbers in PLAYERS.values())}"
    )


def check_player_split(split: str) -> range:
    """Give the player numbers of a split.

    Raises:
        ValueError: there is no such split.

    Example:
        >>> check_player_split("test")
        range(48, 64)
    """
    if split not in PLAYERS:
        raise ValueError(f"unknown player split {split!r}; there are {', '.join(PLAYERS)}")
    return PLAYERS[split]


def check_disjoint(
    ours: Iterable[HasIdentity],
    theirs: Iterable[HasIdentity],
    by: Sequence[str] = ("players",),
) -> None:
    """Make sure that two sets of clips have nobody (or nothing) in common.

    Args:
        ours: entries or clips of one split.
        theirs: entries or clips of the other.
        by: any of "players", "categories" and, for entries, "videos".

    Raises:
        ValueError: they share some; the message names up to five.

    Example:
        >>> from avlib.data import Orchestra
        >>> train, test = Orchestra("train", length=50), Orchestra("test", length=50)
        >>> check_disjoint(train.entries, test.entries)
        >>> check_disjoint(train.entries, train.entries[:1])
        Traceback (most recent call last):
        ...
        ValueError: both sides share 1 players, such as violin-00
    """
    for attribute in by:
        if attribute not in ("players", "categories", "videos"):
            raise ValueError(
                f"compare by 'players', 'categories' or 'videos', not by {attribute!r}"
            )
    ours, theirs = list(ours), list(theirs)
    for attribute in by:
        left = {one for entry in ours for one in _identities(entry, attribute)}
        shared = sorted(left & {one for entry in theirs for one in _identities(entry, attribute)})
        if shared:
            raise ValueError(
                f"both sides share {len(shared)} {attribute}, such as {', '.join(shared[:5])}"
            )


def _identities(entry: HasIdentity, attribute: str) -> tuple[str, ...]:
    return (entry.video,) if attribute == "videos" else getattr(entry, attribute)  # type: ignore[attr-defined]
