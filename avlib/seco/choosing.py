"""Choose T and the step size of online matching, on categories that were trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from avlib.data.splits import FOLDS, whole_split
from avlib.metrics import paired_bootstrap
from avlib.scoring import Tally, gain
from avlib.seco.config import SeCoConfig
from avlib.seco.losses import Term
from avlib.seco.matching import EVERYTHING, BatchNorm
from avlib.seco.model import SeCo
from avlib.seco.passes import (
    Matching,
    Separated,
    batches_of,
    check_steps,
    estimates,
    pairs_of,
    separate_steps,
)

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate

STEPS = (0, 1, 2, 5, 10)
"""The T that the tables show."""

SIZES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Step sizes beta that are tried where the distance is a sum: from hardly any change of the masks
to a first step that throws the networks off."""


@dataclass(frozen=True)
class Choice:
    """What T and beta were chosen, and by what.

    Attributes:
        steps: the T with the highest gain on the validation pairs; 0: matching does not help there.
        lr: the beta with the highest gain for any T > 0.
        grid: one mapping for each beta and T that was tried: lr, steps, "sdr_gain" (mean over the
            pairs, dB), "better" (than T = 0, pair by pair, with a 95 % interval by pair of
            categories), "loss_change" (mean change of L_cs), "step_norm" (mean length of a
            step), "failed" (pairs whose L_cs was lost).
        pairs: on which list.
        count: how many pairs of it.
        matching: the rest of how.
    """

    steps: int
    lr: float
    grid: tuple[dict[str, Any], ...]
    pairs: str
    count: int
    matching: Matching

    def table(self) -> str:
        """Print the grid as a plain table."""
        head = f"{'beta':>9}{'T':>4}{'gain':>8}{'over T = 0':>28}{'change of L_cs':>16}{'step':>10}"
        lines = [head]
        for one in self.grid:
            mean, low, high = one["better"]
            lines.append(
                f"{one['lr']:9.3g}{one['steps']:4d}{one['sdr_gain']:8.2f}"
                f"{f'{mean:+.3f} [{low:+.3f}, {high:+.3f}]':>28}"
                f"{one['loss_change']:16.3g}{one['step_norm']:10.3g}"
                + (f"  {one['failed']} pairs failed" if one["failed"] else "")
            )
        lines.append(f"{self.pairs}, {self.count} pairs: beta {self.lr:g}, best T {self.steps}")
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)


def step_sizes(model: SeCo, sizes: Sequence[float] = SIZES) -> tuple[float, ...]:
    """Fit step sizes to the distance: the mean is the sum divided by the number of features.

    So are its gradients, and the same step takes a beta that many times as large.

    Args:
        model: whose config says which distance.
        sizes: for the sum.

    Example:
        >>> from avlib.seco import pocket
        >>> model = SeCo(pocket("attributes"))
        >>> model.cfg.distance, step_sizes(model, (0.5,)) == (0.5 * model.cfg.features,)
        ('mean', True)
    """
    factor = model.cfg.features if model.cfg.distance == "mean" else 1
    return tuple(factor * size for size in sizes)


def check_rehearsal(rehearsal: SeCoConfig, cfg: SeCoConfig) -> None:
    """Check that a model is the rehearsal of another: the same, but for what it was trained on.

    Args:
        rehearsal: settings of the one that is to choose.
        cfg: settings of the one that is to take the steps.

    Raises:
        ValueError: it is of another split, or differs in a setting that a step feels.

    Example:
        >>> from avlib.seco import pocket
        >>> check_rehearsal(pocket("skeleton", "S1-fold"), pocket("skeleton", "S1"))
    """
    if cfg.split in FOLDS:
        raise ValueError(f"this model is itself a rehearsal, of {whole_split(cfg.split)}")
    if rehearsal.split != f"{cfg.split}-fold":
        raise ValueError(
            f"to choose for a model of {cfg.split} takes one of {cfg.split}-fold, not of "
            f"{rehearsal.split}: avlib train seco --split {cfg.split}-fold"
        )
    free = {"split", "seed", "train", "consistency"}
    ours, theirs = (
        {k: v for k, v in asdict(one).items() if k not in free} for one in (cfg, rehearsal)
    )
    other = [f"{k}: {theirs[k]} instead of {v}" for k, v in ours.items() if theirs[k] != v]
    if other:
        raise ValueError(f"this is the rehearsal of another model ({'; '.join(other[:4])})")


def choose_matching(
    model: SeCo,
    pairs: "str | MixAndSeparate | None" = None,
    *,
    steps: Sequence[int] = STEPS,
    sizes: Sequence[float] | None = None,
    terms: tuple[Term, ...] | None = None,
    adapt: tuple[str, ...] = EVERYTHING,
    batch_norm: BatchNorm = "eval",
    batched: bool = False,
    limit: int | None = None,
    batch_size: int | None = None,
    workers: int = 0,
    progress: bool = True,
) -> Choice:
    """Choose T and beta by the gain on pairs of training categories.

    A beta for which the L_cs of a pair is lost cannot be chosen. By default the categories are
    those that the model was trained on, which is convenient; what suits them need not suit
    categories that it does not know. The tables choose by a rehearsal instead, a model of
    "S1-fold" on the pairs "seco-S1-fold", which holds out five of the training categories of S1.

    Args:
        model: a trained model.
        pairs: name of a stored list, or mixes of your own; the validation list of the model's
            split if not given. A list with categories that the model holds out is refused.
        steps: the T to try; 0 is always tried.
        sizes: the beta to try; `step_sizes` if not given.
        terms: of L_cs; the model's `matching_terms` if not given.
        adapt: the networks whose parameters move.
        batch_norm: see `online_match`.
        batched: match many pairs at once.
        limit: only the first so many pairs.
        batch_size: pairs at a time; 8, on a GPU 32, if not given.
        workers: processes that make mixtures.
        progress: show a progress bar.

    Raises:
        ValueError: nothing to try; a negative T; no beta kept L_cs finite; pairs that would be
            peeking; not one pair that can be scored.
    """
    check_steps(steps)
    wanted = tuple(sorted({0, *steps}))
    tried = step_sizes(model) if sizes is None else tuple(sizes)
    if len(wanted) < 2 or not tried:
        raise ValueError("there is nothing to choose from: give a T above 0 and a step size")
    terms = model.cfg.matching_terms if terms is None else terms
    matching = Matching(terms, adapt, batch_norm, batched)
    listed = f"seco-{model.cfg.split}-validation" if pairs is None else pairs
    name, mixes = pairs_of(model, listed, limit, choosing=True)
    tally = Tally()
    passes = {lr: Separated({}) for lr in tried}
    failed = dict.fromkeys(tried, 0)
    for batch in batches_of(model, mixes, batch_size, workers, progress):
        masks = {}
        for lr in tried:
            found = separate_steps(model, batch, wanted, lr, matching)
            masks["T0"] = found.masks[0]
            masks |= {f"{lr:g} T{t}": found.masks[t] for t in wanted if t}
            passes[lr].losses += found.losses
            passes[lr].norms += found.norms
            failed[lr] += len(found.failed)
        systems, _ = estimates(model, batch, masks, model.cfg.threshold, baselines=False)
        tally.add(systems, batch)
    if not tally.rows:
        raise ValueError(
            f"not one of the {len(tally.unscorable)} pairs of {name} can be scored, so nothing can "
            f"be chosen by them: {'; '.join(tally.unscorable[:3])}"
        )
    cells = [_cell(tally, lr, t, passes[lr], failed[lr]) for lr in tried for t in wanted if t]
    whole = [cell for cell in cells if not cell["failed"]]
    if not whole:
        raise ValueError(f"L_cs was lost with every step size of {tried}: try smaller ones")
    best = max(whole, key=lambda cell: cell["sdr_gain"])
    plain = gain(tally.of(["T0"])).mean
    return Choice(
        best["steps"] if best["sdr_gain"] > plain else 0,
        best["lr"],
        tuple(cells),
        name,
        len(tally.of(["T0"])),
        matching,
    )


def _cell(tally: Tally, lr: float, t: int, found: Separated, failed: int) -> dict[str, Any]:
    """What one beta and one T did to the validation pairs."""
    plain, own = tally.of(["T0"]), tally.of([f"{lr:g} T{t}"])
    better = paired_bootstrap(
        [row["sdr"] for row in own],
        [row["sdr"] for row in plain],
        groups=[row["group"] for row in own],
    )
    losses, norms = np.array(found.losses), np.array(found.norms)
    matched = len(losses) > 0
    return {
        "lr": lr,
        "steps": t,
        "sdr_gain": gain(own).mean,
        "better": tuple(better),
        "loss_change": float((losses[:, t] - losses[:, 0]).mean()) if matched else 0.0,
        "step_norm": float(norms[:, :t].mean()) if matched else 0.0,
        "failed": failed,
    }
