"""The stored evaluation pairs: the same mixtures for everybody, for ever.

A list of pairs is a CSV file in `avlib/pairs`; each row holds the seed, the instrument and the
player of two clips of the Pocket Orchestra, and that is all it takes to make them again. The
files are what `make_pairs` makes (a test compares them), and players and categories of a test
list are never seen in training.

=====================  =====  ==========================  =====================================
list                   pairs  categories                  protocol
=====================  =====  ==========================  =====================================
``sop``                  256  MUSIC's 11                  Sound of Pixels: any two clips
``cosep``                550  MUSIC's 11                  Co-Separation: ten for each of the 55
                                                          pairs of categories
``seco-S1`` ... ``S3``   300  the 5 test categories       SeCo: two clips of different categories
``seco-S1-fold`` ...      60  5 training categories       six for each of their 10 pairs, by
                                                          validation players: a rehearsal of the
                                                          split, see `avlib.data.FOLDS`
=====================  =====  ==========================  =====================================

"Any two clips" is meant: Sound of Pixels draws the second clip without looking at the first. Of
the 256 pairs of ``sop``, 27 are two clips of one category, and 2 of these of one player; their
groups are "cello + cello" and the like.

Each has a list ``...-validation`` of validation players (for SeCo: of the training categories,
because the test categories must not choose the model).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import combinations
from pathlib import Path

import numpy as np

from avlib.audio import SECO, SOP, FrontEnd
from avlib.audio.masks import MixRule
from avlib.data.mixing import MixAndSeparate
from avlib.data.noise import JointNoise
from avlib.data.orchestra_source import Performance, Performances, performance
from avlib.data.splits import FOLDS, SPLITS, category_split, check_player_split
from avlib.data.view import View, seco_view
from avlib.orchestra.instruments import MUSIC11
from avlib.orchestra.programme import random_generator

COLUMNS = ("pair", "seed_a", "instrument_a", "player_a", "seed_b", "instrument_b", "player_b")
SEED = 2026


@dataclass(frozen=True)
class PairList:
    """How a list of pairs is drawn.

    Attributes:
        name: of the list and of its file.
        rule: who may be mixed with whom, see `avlib.data.PARTNER_RULES`.
        split: whose players.
        categories: which instruments.
        count: number of pairs.
        balanced: equally many pairs for each pair of categories.
        held_out: whether these are the categories that a split holds out.
    """

    name: str
    rule: MixRule
    split: str
    categories: tuple[str, ...]
    count: int
    balanced: bool = False
    held_out: bool = False


def _lists() -> dict[str, PairList]:
    lists = [
        PairList("sop", "sop", "test", MUSIC11, 256),
        PairList("sop-validation", "sop", "validation", MUSIC11, 128),
        PairList("cosep", "cosep", "test", MUSIC11, 550, balanced=True),
        PairList("cosep-validation", "cosep", "validation", MUSIC11, 110, balanced=True),
    ]
    for split in SPLITS:
        seen, unseen = category_split(split)
        lists.append(PairList(f"seco-{split}", "seco", "test", unseen, 300, held_out=True))
        lists.append(PairList(f"seco-{split}-validation", "seco", "validation", seen, 128))
    for fold in FOLDS:
        seen, unseen = category_split(fold)
        name = f"seco-{fold}"
        lists.append(PairList(name, "seco", "validation", unseen, 60, balanced=True, held_out=True))
        lists.append(PairList(f"{name}-validation", "seco", "validation", seen, 128))
    return {one.name: one for one in lists}


PAIR_LISTS: dict[str, PairList] = _lists()
"""All stored lists by name."""


@dataclass(frozen=True)
class Pair:
    """Two clips that are mixed.

    Attributes:
        number: place in its list, from 0.
        clips: the entries of both.
    """

    number: int
    clips: tuple[Performance, Performance]

    @property
    def group(self) -> str:
        """The pair of categories, in alphabetical order: what scores are resampled by.

        Example:
            >>> load_pairs("cosep")[0].group
            'accordion + acoustic guitar'
        """
        return " + ".join(sorted(clip.categories[0] for clip in self.clips))


def pair_list(name: str) -> PairList:
    """Look a list up.

    Raises:
        ValueError: there is no such list; the message names all.

    Example:
        >>> pair_list("seco-S1").count
        300
    """
    if name not in PAIR_LISTS:
        raise ValueError(f"unknown list of pairs {name!r}; there are {', '.join(PAIR_LISTS)}")
    return PAIR_LISTS[name]


def make_pairs(name: str, seed: int = SEED) -> tuple[Pair, ...]:
    """Draw a list of pairs; pair i is a pure function of (seed, list, i).

    The lists of Sound of Pixels follow its rule, any two clips: in the stored ``sop``, 27 of the
    256 pairs share the category, and 2 of these the player. Those of Co-Separation and SeCo never
    share a category.

    Args:
        name: of the list, see `PAIR_LISTS`.
        seed: the stored lists have `SEED`.

    Raises:
        ValueError: there is no such list.

    Example:
        >>> make_pairs("sop") == load_pairs("sop")
        True
    """
    recipe = pair_list(name)
    return tuple(_draw_pair(recipe, number, seed) for number in range(recipe.count))


def _draw_pair(recipe: PairList, number: int, seed: int) -> Pair:
    rng = random_generator("pairs", recipe.name, seed, number)
    labels = _draw_categories(recipe, number, rng)
    members = check_player_split(recipe.split)
    a, b = (
        performance(
            seed=int(rng.integers(2**32)),
            instruments=[label],
            numbers=[int(rng.integers(members.start, members.stop))],
            split=recipe.split,
        )
        for label in labels
    )
    return Pair(number, (a, b))


def _draw_categories(recipe: PairList, number: int, rng: np.random.Generator) -> tuple[str, str]:
    names = recipe.categories
    if recipe.balanced:
        both = list(combinations(names, 2))
        return both[number % len(both)]
    first = int(rng.integers(len(names)))
    if recipe.rule != "seco":
        return names[first], names[int(rng.integers(len(names)))]
    others = names[:first] + names[first + 1 :]
    return names[first], others[int(rng.integers(len(others)))]


def save_pairs(pairs: Iterable[Pair], path: str | Path) -> None:
    """Write pairs as CSV: seed, instrument and player of both clips."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for pair in pairs:
            row: list[int | str] = [pair.number]
            for clip in pair.clips:
                row += [clip.seed, clip.categories[0], clip.numbers[0]]
            writer.writerow(row)


def load_pairs(name: str) -> tuple[Pair, ...]:
    """Read a stored list of pairs.

    Args:
        name: "sop", "cosep", "seco-S1", ... or "sop-validation", ...; all are in `PAIR_LISTS`.

    Raises:
        ValueError: there is no such list, or its file is damaged.

    Example:
        >>> pairs = load_pairs("sop")
        >>> len(pairs), pairs[0].clips[0].split
        (256, 'test')
    """
    recipe = pair_list(name)
    text = (resources.files("avlib") / "pairs" / f"{name}.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise ValueError(f"avlib/pairs/{name}.csv is damaged: columns {rows.fieldnames}; reinstall")
    return tuple(
        Pair(int(row["pair"]), (_from_row(row, "a", recipe), _from_row(row, "b", recipe)))
        for row in rows
    )


def _from_row(row: dict[str, str], side: str, recipe: PairList) -> Performance:
    return performance(
        seed=int(row[f"seed_{side}"]),
        instruments=[row[f"instrument_{side}"]],
        numbers=[int(row[f"player_{side}"])],
        split=recipe.split,
    )


def pairs_source(
    pairs: tuple[Pair, ...],
    size: int | tuple[int, int] = 128,
    rate: int = 11025,
    expression: float = 0.0,
) -> Performances:
    """Line the clips of pairs up as a source: pair i has the entries 2 i and 2 i + 1."""
    entries = _played(pairs, expression)
    return Performances(entries, entries[0].split, size, rate)


def _played(pairs: Sequence[Pair], expression: float) -> tuple[Performance, ...]:
    """The clips of pairs, one after another."""
    return tuple(replace(clip, expression=expression) for pair in pairs for clip in pair.clips)


def stored_mixes(
    pairs: str | Sequence[Pair],
    rule: MixRule | None = None,
    *,
    front_end: FrontEnd = SOP,
    view: View | None = None,
    limit: int | None = None,
    sights: Sequence[str] = ("frames",),
    joint_noise: JointNoise | None = None,
    expression: float = 0.0,
) -> MixAndSeparate:
    """Make the evaluation set of a stored list.

    Args:
        pairs: the name of a list, or pairs.
        rule: how they are mixed (default: as the list's protocol says).
        front_end: rate and length of the sound.
        view: which pictures (default: Sound of Pixels' three).
        limit: take only so many pairs, from the first on.
        sights: what is shown of the players, see `MixAndSeparate`.
        joint_noise: spoils the joints, each pair's always alike, see `MixAndSeparate`.
        expression: how far players rise with the pitch, see `avlib.orchestra.make_scene`.

    Raises:
        ValueError: there is no such list, or pairs without a rule.

    Example:
        >>> mixes = stored_mixes("seco-S1")
        >>> len(mixes), mixes.rule
        (300, 'seco')
    """
    if isinstance(pairs, str):
        rule = rule or pair_list(pairs).rule
        pairs = load_pairs(pairs)
    if rule is None:
        raise ValueError("say how the pairs are mixed: rule='sop', 'cosep' or 'seco'")
    chosen = tuple(pairs)[:limit]
    return MixAndSeparate(
        pairs_source(chosen, rate=front_end.rate, expression=expression),
        2,
        rule,
        train=False,
        front_end=front_end,
        view=view,
        pairs=[(2 * i, 2 * i + 1) for i in range(len(chosen))],
        sights=sights,
        joint_noise=joint_noise,
    )


def seco_mixes(
    split: str = "S1",
    n: int = 3,
    *,
    count: int = 300,
    validation: bool = False,
    seed: int = SEED,
    front_end: FrontEnd = SECO,
    view: View | None = None,
    limit: int | None = None,
    sights: Sequence[str] = ("frames",),
    joint_noise: JointNoise | None = None,
    expression: float = 0.0,
) -> MixAndSeparate:
    """Make SeCo's evaluation set of mixtures of N solos, all of different categories.

    Mixtures of two are the stored pairs. Those of three and four have no file: mixture i is a
    pure function of (seed, split, n, i), so that all who ask get the same. Which categories meet
    is drawn, all sets equally likely.

    Args:
        split: "S1", "S2" or "S3".
        n: solos in a mixture, 2 to 4.
        count: number of mixtures (the stored pairs have 300, and 128 for validation).
        validation: mix training categories, played by validation players, to choose a model by.
        seed: of three and four.
        front_end: rate and length of the sound.
        view: which pictures (default: SeCo's 24).
        limit: take only so many, from the first on.
        sights: what is shown of the players, see `MixAndSeparate`.
        joint_noise: spoils the joints, see `MixAndSeparate`.
        expression: how far players rise with the pitch, see `avlib.orchestra.make_scene`.

    Raises:
        ValueError: there is no such split, or n is not 2 to 4.

    Example:
        >>> mixes = seco_mixes("S1", limit=2)
        >>> [mixes.source.entries[k].categories[0] for k in mixes.pairs[0]]
        ['trumpet', 'banjo', 'guzheng']
    """
    categories = category_split(split)[0 if validation else 1]
    if not 2 <= n <= 4:
        raise ValueError(f"mix 2 to 4 solos, not {n}")
    view = seco_view() if view is None else view
    name = f"seco-{split}-validation" if validation else f"seco-{split}"
    if n == 2:
        entries = _played(load_pairs(name)[:count], expression)
    else:
        drawn = (
            _draw_mix(categories, n, "validation" if validation else "test", number, name, seed)
            for number in range(count)
        )
        entries = tuple(replace(clip, expression=expression) for clips in drawn for clip in clips)
    places = [tuple(range(k, k + n)) for k in range(0, len(entries), n)][:limit]
    return MixAndSeparate(
        Performances(entries, entries[0].split, rate=front_end.rate),
        n,
        "seco",
        train=False,
        front_end=front_end,
        view=view,
        pairs=places,
        sights=sights,
        joint_noise=joint_noise,
    )


def _draw_mix(
    categories: tuple[str, ...], n: int, split: str, number: int, name: str, seed: int
) -> tuple[Performance, ...]:
    rng = random_generator("mixtures", name, n, seed, number)
    members = check_player_split(split)
    return tuple(
        performance(
            seed=int(rng.integers(2**32)),
            instruments=[categories[place]],
            numbers=[int(rng.integers(members.start, members.stop))],
            split=split,
        )
        for place in rng.permutation(len(categories))[:n]
    )


def write_stored_pairs(folder: str | Path) -> None:
    """Write all lists; run only when a protocol changes (`python -m avlib.data.pairs`)."""
    for name in PAIR_LISTS:
        save_pairs(make_pairs(name), Path(folder) / f"{name}.csv")


if __name__ == "__main__":
    write_stored_pairs(Path(__file__).parent.parent / "pairs")
