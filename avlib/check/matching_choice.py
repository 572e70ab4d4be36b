"""The checks of choosing T and beta, and of telling whether it helped: `seco_matching`."""

import torch
from torch import Tensor

from avlib.check.core import FunctionCheck, Limit, Mistake

# --- choosing --------------------------------------------------------------------------------


def _choose(
    grid: list[dict[str, float]],
    plain: float,
    key: str = "gain",
    sign: float = 1.0,
    failed: bool = False,
    zero: bool = True,
) -> tuple[float, int]:
    """The book's rule; the options are mistakes."""
    allowed = [cell for cell in grid if failed or not cell["failed"]]
    best = max(allowed, key=lambda cell: sign * cell[key])
    return best["lr"], (int(best["steps"]) if best["gain"] > plain or not zero else 0)


def _longest(grid: list[dict[str, float]], plain: float) -> tuple[float, int]:
    most = max(cell["steps"] for cell in grid)
    return _choose([cell for cell in grid if cell["steps"] == most], plain)


def _draw_grid(generator: torch.Generator) -> tuple[list[dict[str, float]], float]:
    """Nine cells: one is best, one fell the most, one failed, one would have won the test."""
    places = [(lr, steps) for lr in (0.01, 0.1, 1.0) for steps in (1, 5, 10)]
    gains = (torch.rand(9, generator=generator) * 0.2).tolist()
    falls = (-torch.rand(9, generator=generator) * 0.1).tolist()
    tests = (torch.rand(9, generator=generator) * 0.2).tolist()
    # Not among those of the longest T, so that choosing by T alone is found out.
    short = torch.tensor([0, 1, 3, 4, 6])[torch.randperm(5, generator=generator)].tolist()
    best, fell, lost, test = short[0], short[1], short[2], short[3]
    gains[best], falls[fell], gains[lost], tests[test] = 0.4, -0.5, 0.9, 0.8
    grid = [
        {
            "lr": lr,
            "steps": steps,
            "gain": gains[k],
            "loss_change": falls[k],
            "failed": int(k == lost),
            "test_gain": tests[k],
        }
        for k, (lr, steps) in enumerate(places)
    ]
    return grid, -0.1


def _cell(lr: float, steps: int, gain: float, failed: int = 0) -> dict[str, float]:
    return {
        "lr": lr,
        "steps": steps,
        "gain": gain,
        "loss_change": -gain,
        "failed": failed,
        "test_gain": gain,
    }


choose_steps = FunctionCheck(
    reference=lambda grid, plain: _choose(grid, plain),
    inputs=_draw_grid,
    shape_hint="Return two numbers: beta and T.",
    range=(0.0, None),
    range_hint="Neither beta nor T is negative.",
    limits=(
        Limit(
            ([_cell(0.1, 1, 0.2), _cell(0.1, 5, 0.1)], 0.3),
            (0.1, 0),
            "Without matching the gain is 0.3, and no cell reaches it: T = 0 is an honest answer "
            "(beta as in the best cell).",
        ),
        Limit(
            ([_cell(0.1, 1, -0.1), _cell(0.1, 5, -0.2)], -0.3),
            (0.1, 1),
            "Without matching the gain is -0.3, and -0.1 is better: compare with `plain`, not "
            "with zero.",
        ),
        Limit(
            ([_cell(0.1, 1, 0.3), _cell(1.0, 1, 0.9, failed=2)], 0.2),
            (0.1, 1),
            "With beta = 1 L_cs was lost for two pairs: a mean over the others cannot be chosen.",
        ),
    ),
    value_hint="Among the cells without failed pairs the one with the highest `gain`; its T only "
    "if that gain is above `plain`, otherwise 0.",
    mistakes=(
        Mistake(
            "by the loss",
            lambda grid, plain: _choose(grid, plain, key="loss_change", sign=-1.0),
            "You took the cell where L_cs fell the most. That is what the steps do by themselves; "
            "whether the *separation* got better, only the gain can say.",
        ),
        Mistake(
            "by the test",
            lambda grid, plain: _choose(grid, plain, key="test_gain"),
            "`test_gain` is the gain on the categories held out for the test. Whatever is chosen "
            "by it has seen the test: choose by `gain`, on training categories.",
        ),
        Mistake(
            "failures included",
            lambda grid, plain: _choose(grid, plain, failed=True),
            "The winner lost some pairs to NaN. Its mean is over the pairs that are left, which "
            "are the easier ones: leave such cells out.",
        ),
        Mistake(
            "always match",
            lambda grid, plain: _choose(grid, plain, zero=False),
            "If no cell beats plain separation, T = 0 is the choice. A table that cannot say "
            '"it does not help" says nothing.',
        ),
        Mistake(
            "longest",
            _longest,
            "You took the largest T. More steps lower L_cs further, not necessarily the error.",
        ),
    ),
)


# --- the gain and its interval ---------------------------------------------------------------


def _interval(
    after: Tensor,
    before: Tensor,
    group: Tensor,
    drawn: Tensor,
    levels: tuple[float, float] = (0.025, 0.975),
    sized: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of the pairs' differences, and a cluster bootstrap; the options are mistakes."""
    gain = (after - before).double()
    sums = torch.zeros(drawn.shape[1], dtype=torch.float64).index_add(0, group, gain)
    sizes = torch.bincount(group, minlength=drawn.shape[1]).double()
    times = drawn.double()
    if sized:
        means = (times @ sums) / (times @ sizes)
    else:
        means = (times @ (sums / sizes)) / times.sum(dim=1)
    low, high = torch.quantile(means, torch.tensor(levels, dtype=torch.float64))
    return gain.mean(), low, high


def _spread_of_pairs(
    after: Tensor, before: Tensor, group: Tensor, drawn: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    gain = (after - before).double()
    low, high = torch.quantile(gain, torch.tensor([0.025, 0.975], dtype=torch.float64))
    return gain.mean(), low, high


def _draw_scores(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores of 30 pairs in five groups of unlike size, and 200 draws of five groups."""
    sizes = torch.tensor([2, 4, 6, 8, 10])[torch.randperm(5, generator=generator)]
    group = torch.repeat_interleave(torch.arange(5), sizes)
    group = group[torch.randperm(30, generator=generator)]
    before = 4 * torch.randn(30, generator=generator)
    common = torch.randn(5, generator=generator)[group]
    after = before + 0.2 + 0.5 * common + 0.3 * torch.randn(30, generator=generator)
    hits = torch.randint(5, (200, 5), generator=generator)
    return after, before, group, torch.nn.functional.one_hot(hits, 5).sum(dim=1)


paired_gain = FunctionCheck(
    reference=lambda after, before, group, drawn: _interval(after, before, group, drawn),
    inputs=_draw_scores,
    shape_hint="Three numbers: the mean gain, and the lower and upper bound.",
    range_hint="Something is not finite, though every row draws groups that have pairs. By what "
    "is divided?",
    limits=(
        Limit(
            (
                torch.tensor([2.0, 4.0, 9.0]),
                torch.tensor([1.0, 3.0, 8.0]),
                torch.tensor([0, 0, 1]),
                torch.tensor([[2, 0], [0, 2], [1, 1]]),
            ),
            (1.0, 1.0, 1.0),
            "Each pair gains exactly 1 dB, however different the pairs are: the interval has no "
            "width. Take the difference pair by pair first.",
        ),
        Limit(
            (
                torch.tensor([1.0, 1.0, 1.0, 4.0]),
                torch.zeros(4),
                torch.tensor([0, 0, 0, 1]),
                torch.tensor([[1, 1]]),
            ),
            (1.75, 1.75, 1.75),
            "One draw in which each group comes once: three pairs with a gain of 1, one with 4, "
            "together 7 over 4 pairs.",
        ),
    ),
    value_hint="Differences; their sum and number in each group; for each row of `drawn` the mean "
    "over all pairs of the groups drawn; of these means the quantiles 0.025 and 0.975.",
    mistakes=(
        Mistake(
            "the wrong way round",
            lambda after, before, group, drawn: _interval(before, after, group, drawn),
            "Before minus after: a gain would look like a loss.",
        ),
        Mistake(
            "groups unweighted",
            lambda after, before, group, drawn: _interval(after, before, group, drawn, sized=False),
            "You took the mean of the groups' means. A group of ten pairs then counts as much as "
            "one of two, and the interval is not that of the mean over the pairs.",
        ),
        Mistake(
            "90 %",
            lambda after, before, group, drawn: _interval(
                after, before, group, drawn, levels=(0.05, 0.95)
            ),
            "From 5 % to 95 % lie 90 % of the draws: that is a 90 % interval. For 95 % cut off "
            "2.5 % at each end.",
        ),
        Mistake(
            "spread of the pairs",
            _spread_of_pairs,
            "You took quantiles of the pairs' own gains. That says how different pairs are, not "
            "how far their *mean* may be off.",
        ),
    ),
    rtol=1e-4,
    atol=1e-4,
)
