"""Two rows, pair by pair: the mean difference, and its intervals by pair and by category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avlib.metrics import Interval, bootstrap, crossed_bootstrap, paired_bootstrap
from avlib.tables.store import read_scores

Scores = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True)
class Paired:
    """The difference of two rows on the same pairs.

    Attributes:
        interval: mean of the differences and its 95 % bootstrap interval, by pair of categories.
        by_category: the same, wider: by single category, since pairs share them.
        count: pairs that both have.
        seeds: how many trainings the differences are means over.
    """

    interval: Interval
    by_category: Interval
    count: int
    seeds: int = 1

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval lies on one side of zero."""
        return self.interval.low > 0 or self.interval.high < 0


def paired(
    first: Sequence[str | Path],
    second: Sequence[str | Path],
    metric: str = "sdr",
) -> Paired:
    """Compare two rows pair by pair, so that how hard a pair is cancels.

    Args:
        first: the files of every pair's scores of one row, one a seed.
        second: those of the other row, of the same seeds in the same order.
        metric: which column.

    Returns:
        First minus second, of the means over the seeds. Whole pairs of categories are drawn,
        since pairs of the same two categories are not independent; and, for the wider interval,
        single categories, since each is in several pairs.

    Raises:
        ValueError: the files are of other pairs, or have none in common.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"compare as many seeds of both rows: {len(first)} and {len(second)}")
    sides = [[read_scores(Path(path)) for path in side] for side in (first, second)]
    common = sorted(set.intersection(*(set(scores) for side in sides for scores in side)))
    if not common:
        raise ValueError(f"{first[0]} and {second[0]} have no pair in common")
    groups = []
    for number in common:
        found = {(s[number]["group"], s[number]["names"]) for side in sides for s in side}
        if len(found) > 1:
            raise ValueError(f"pair {number} is not the same in {first[0]} and {second[0]}")
        groups.append(found.pop()[0])
    a, b = ([_mean(side, number, metric) for number in common] for side in sides)
    differences = [one - other for one, other in zip(a, b, strict=True)]
    wider = crossed_bootstrap(differences, [group.split(" + ") for group in groups])
    return Paired(paired_bootstrap(a, b, groups), wider, len(common), len(first))


def _mean(side: Sequence[Scores], number: int, metric: str) -> float:
    """Mean over the seeds of one pair's score."""
    return sum(float(scores[number][metric]) for scores in side) / len(side)


def over_seeds(paths: Sequence[str | Path], metric: str) -> Interval:
    """Mean of a row over pairs and seeds; the interval is over pairs.

    Raises:
        ValueError: no pair that all seeds have.
    """
    seeds = [read_scores(Path(path)) for path in paths]
    common = sorted(set.intersection(*(set(scores) for scores in seeds)))
    if not common:
        raise ValueError(f"{', '.join(map(str, paths))}: no pair that all seeds have")
    values = [_mean(seeds, number, metric) for number in common]
    return bootstrap(values, [seeds[0][number]["group"] for number in common])


def verdict(result: Paired) -> str:
    """What a comparison says: "better" or "worse" only where the interval excludes zero.

    Example:
        >>> surely, hardly = Interval(1.0, 0.5, 1.5), Interval(1.0, -1.0, 2.0)
        >>> verdict(Paired(surely, hardly, 9)), verdict(Paired(hardly, hardly, 9))
        ('better', 'undecided')
    """
    if not result.excludes_zero:
        return "undecided"
    return "better" if result.interval.mean > 0 else "worse"
