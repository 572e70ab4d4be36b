"""How well SeCo separates instruments it never heard, with T steps of online matching or none."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avlib import scoring
from avlib.metrics import Interval
from avlib.scoring import BASELINES, SILENT_DB, Tally
from avlib.seco.config import SeCoConfig
from avlib.seco.learning import CONFIGURED
from avlib.seco.losses import Term
from avlib.seco.matching import EVERYTHING, BatchNorm
from avlib.seco.model import SeCo
from avlib.seco.passes import (
    Matching,
    Separated,
    about_model,
    batches_of,
    check_steps,
    estimates,
    pairs_of,
    separate_steps,
)

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model, after T steps of online matching, and of the trivial baselines.

    Attributes:
        steps: T; 0: no matching.
        scores: row ("model", "mixture", ...) -> metric ("sdr", "sir", "sar", "sdr_gain") -> mean
            and 95 % bootstrap interval in dB, resampled by pair of categories.
        groups: pair of categories -> "count" and the model's mean "sdr_gain".
        pairs: one mapping a row and pair: row, pair, group, names, and the metrics (means over
            the pair's sources).
        count: pairs that were scored.
        unscorable: pairs that were not, with the reason; they count in no row.
        silent: estimates that were silent and count `SILENT_DB`, by pair.
        loss: mean separation loss.
        trace: of online matching, means over the pairs: "losses", L_cs before and after each
            step; "norms", the length of each step; empty without matching.
        seconds: how long it took, all T of one pass together.
        about: what was evaluated on what: config, weights, data, versions, commit, device.
    """

    steps: int
    scores: dict[str, dict[str, Interval]]
    groups: dict[str, dict[str, int | float]]
    pairs: tuple[dict[str, Any], ...]
    count: int
    unscorable: tuple[str, ...]
    silent: tuple[str, ...]
    loss: float
    trace: dict[str, list[float]]
    seconds: float
    about: dict[str, Any]

    def table(self) -> str:
        """Print the scores as a plain table."""
        lines = [f"T = {self.steps} steps of online matching", *scoring.table_lines(self.scores)]
        lines += [
            f"of the model, {group}: gain {part['sdr_gain']:.2f}, {part['count']} pairs"
            for group, part in self.groups.items()
        ]
        if self.trace:
            losses, norms = self.trace["losses"], self.trace["norms"]
            lines.append(
                f"L_cs from {losses[0]:.6f} by {losses[-1] - losses[0]:+.3g}; step norms "
                + ", ".join(f"{norm:.3g}" for norm in norms)
            )
        lines.append(
            f"{self.count} pairs, 95 % bootstrap intervals by pair of categories; "
            f"{len(self.unscorable)} pairs could not be scored; {len(self.silent)} pairs hold a "
            f"silent estimate, which counts {SILENT_DB:.0f} dB"
        )
        return "\n".join([*lines, *(f"  {reason}" for reason in self.unscorable + self.silent)])

    @property
    def row(self) -> str:
        """Name of the row in the tables, see `row_name`."""
        return self.about["row"]

    def record(self) -> dict[str, Any]:
        """The record as the tables of the book read it (design: "Records and tables")."""
        rows = scoring.figures(self.scores)
        return {
            "table": "seco",
            **self.about,
            "scores": rows.pop("model"),
            "baselines": rows,
            "groups": self.groups,
            "count": self.count,
            "unscorable": list(self.unscorable),
            "silent_estimates": list(self.silent),
            "silent_estimate_db": SILENT_DB,
            "loss": self.loss,
            "trace": self.trace,
            "seconds": round(self.seconds, 1),
        }

    def write(self, folder: str | Path) -> Path:
        """Write the record (JSON) and the scores of every pair (CSV).

        Returns:
            The path of the JSON, `seco/ROW--DATA--PRESET--seedN.json` in `folder`; `--firstN` is
            added where only the first pairs were asked for.

        Raises:
            FileExistsError: there lies the record of other weights or settings.
        """
        about = self.about
        name = scoring.record_name(
            self.row, about["data"], about["preset"], about["seed"], about["limit"]
        )
        return scoring.write_record(
            Path(folder) / "seco" / f"{name}.json",
            self.record(),
            self.pairs,
            unlike=("weights", "config", "threshold", "matching", "joint_noise"),
        )


def row_name(cfg: SeCoConfig, steps: int = 0, joint_noise: str | None = CONFIGURED) -> str:
    """Name the row of the tables that a model makes, with T steps of online matching.

    Args:
        cfg: of the model.
        steps: T.
        joint_noise: of the evaluation.

    Example:
        >>> from avlib.seco import pocket
        >>> row_name(pocket("video").changed(consistency="inter")), row_name(pocket(), 5)
        ('seco-inter-video', 'seco-both-video-T5')
    """
    parts = ["seco", cfg.consistency, cfg.modality]
    parts += ["noisy"] if cfg.joint_noise else []
    parts += ["noisy", "test"] if not cfg.joint_noise and joint_noise == "estimator" else []
    parts += ["frozen-encoder"] if cfg.terms and not cfg.train_encoder else []
    parts += ["sum-distance"] if cfg.distance == "sum" else []
    parts += ["log-masked"] if cfg.encoder_input == "log_masked" else []
    if steps:
        parts += [f"T{steps}"] if cfg.terms else ["untrained-encoder", f"T{steps}"]
    return "-".join(parts)


def evaluate(
    model: SeCo,
    pairs: "str | MixAndSeparate | None" = None,
    *,
    steps: Sequence[int] = (0,),
    lr: float | None = None,
    terms: tuple[Term, ...] | None = None,
    adapt: tuple[str, ...] = EVERYTHING,
    batch_norm: BatchNorm = "eval",
    batched: bool = False,
    limit: int | None = None,
    threshold: float | str | None = CONFIGURED,
    joint_noise: str | None = CONFIGURED,
    baselines: bool = True,
    other_categories: bool = False,
    chosen: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    workers: int = 0,
    progress: bool = True,
) -> tuple[Evaluation, ...]:
    """Separate stored pairs and score them, for several numbers of matching steps in one pass.

    Each pair is taken through the largest T once; the masks on the way serve the smaller ones.
    T = 0 is the model as it is, whatever happens to batch norms in matching. See
    `avlib.scoring.Tally` for how pairs are scored. A pair whose L_cs becomes infinite or NaN is
    left out for every T, counted and named, so that all T are compared on the same pairs.

    Args:
        model: a trained model.
        pairs: the name of a stored list: "seco-S1" (300 pairs of test players and held-out
            categories), "seco-S1-validation" (training categories), "seco-S1-N3" (mixes of
            three); or evaluation mixes of your own. The test list of the model's split if not
            given.
        steps: the T that are wanted.
        lr: step size beta, see `choose_matching`; needed for T > 0.
        terms: of L_cs; the model's `matching_terms` if not given.
        adapt: the networks whose parameters move.
        batch_norm: see `online_match`.
        batched: match many pairs at once (`online_match_batched`).
        limit: only the first so many pairs of a stored list.
        threshold: masks above it become 1, others 0; None: soft masks. The config's by default.
        joint_noise: of stored lists, "estimator" or None, see `SeCoConfig`; the config's by
            default.
        baselines: score the ideal masks too.
        other_categories: allow lists by which the model must not be judged: test pairs of
            categories that it was trained on, validation pairs of those that it holds out.
        chosen: how T and beta were chosen, for the record, see `Choice.record`.
        batch_size: pairs at a time; 8, on a GPU 32, if not given.
        workers: processes that make mixtures.
        progress: show a progress bar.

    Returns:
        One evaluation for each of `steps`, in their order.

    Raises:
        ValueError: no pair could be scored; T > 0 without a step size; pairs that the model must
            not be judged by; mixes without what the model looks at.
    """
    began, cfg = time.monotonic(), model.cfg
    check_steps(steps)
    wanted = tuple(dict.fromkeys(steps))
    if max(wanted) and lr is None:
        raise ValueError("online matching needs a step size: give lr, see seco.choose_matching")
    terms = model.cfg.matching_terms if terms is None else terms
    matching = Matching(terms, adapt, batch_norm, batched)
    soft = cfg.threshold if isinstance(threshold, str) else threshold
    name, mixes = pairs_of(model, pairs, limit, joint_noise, other_categories)
    tally, matched = Tally(), Separated({})
    lost: dict[str, list[float]] = {f"T{t}": [] for t in wanted}
    for batch in batches_of(model, mixes, batch_size, workers, progress):
        found = separate_steps(model, batch, wanted, lr or 0.0, matching)
        masks = {f"T{t}": found.masks[t] for t in wanted}
        systems, losses = estimates(model, batch, masks, soft, baselines)
        tally.add(systems, batch, found.failed)
        matched.losses += found.losses
        matched.norms += found.norms
        for system, values in losses.items():
            lost[system] += values
    tally.unscorable += [f"left out: {message}" for message in mixes.missing]
    about = about_model(model, name, mixes, limit)
    noise = "estimator" if mixes.joint_noise is not None else None
    about |= {"threshold": soft, "joint_noise": noise}
    how = {"lr": lr, **asdict(matching), "chosen": None if chosen is None else dict(chosen)}
    seconds = time.monotonic() - began
    return tuple(
        _of_steps(
            t,
            tally,
            float(np.mean(lost[f"T{t}"])),
            _means(matched, t),
            seconds,
            about | {"row": row_name(cfg, t, noise), "steps": t, "matching": how if t else None},
        )
        for t in wanted
    )


def _of_steps(
    t: int,
    tally: Tally,
    loss: float,
    trace: dict[str, list[float]],
    seconds: float,
    about: dict[str, Any],
) -> Evaluation:
    """The part of a pass that belongs to one T.

    Loss and trace are means over all pairs that were separated, scores over those that can be
    scored: one that lost its L_cs, or is silent in the truth, is in the first only.
    """
    rows = tally.of({f"T{t}": "model"} | {name: name for name in BASELINES})
    scores = scoring.summary(rows)
    own = tally.of({f"T{t}": "model"})
    return Evaluation(
        steps=t,
        scores=scores,
        groups=scoring.by_group(own),
        pairs=rows,
        count=len(own),
        unscorable=tuple(tally.unscorable),
        silent=tuple(tally.silent),
        loss=loss,
        trace=trace,
        seconds=seconds,
        about=about,
    )


def _means(matched: Separated, t: int) -> dict[str, list[float]]:
    """Means over the pairs of what matching did in its first t steps."""
    if not t or not matched.losses:
        return {}
    return {
        "losses": np.mean(matched.losses, axis=0)[: t + 1].tolist(),
        "norms": np.mean(matched.norms, axis=0)[:t].tolist(),
    }
