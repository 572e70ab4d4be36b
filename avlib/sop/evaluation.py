"""How well it separates: SDR, SIR, SAR and the gain over the mixture, beside trivial baselines."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from avlib import scoring
from avlib.metrics import Interval
from avlib.scoring import BASELINES, HIGHEST_DB, METRICS, SILENT_DB, Tally
from avlib.sop.config import SoPConfig
from avlib.sop.inference import CONFIGURED, apply_masks, evaluating
from avlib.sop.learning import separation_loss, view, visible
from avlib.sop.networks import SoundOfPixels, mask_logits, spectrograms
from avlib.training import provenance

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate

__all__ = ["BASELINES", "HIGHEST_DB", "METRICS", "SILENT_DB", "Evaluation", "evaluate"]

SUBSETS = ("different categories", "same category")


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model and of the trivial baselines on the same pairs.

    Attributes:
        scores: row ("model", "mixture", ...) -> metric ("sdr", "sir", "sar", "sdr_gain") -> mean
            and 95 % bootstrap interval in dB, resampled by pair of categories.
        pairs: one mapping a row and pair: row, pair, group, names, and the metrics (means over
            the pair's sources).
        subsets: "different categories" and "same category", as far as there are such pairs ->
            "count" and the model's "sdr_gain"; pictures can tell only the former apart by kind.
        count: pairs that were scored.
        unscorable: pairs that were not, with the reason; they count in no row.
        silent: estimates that were silent and count `SILENT_DB`, by pair.
        loss: mean mask loss.
        seconds: how long it took.
        about: what was evaluated on what: config, weights, data, versions, commit, device.
    """

    scores: dict[str, dict[str, Interval]]
    subsets: dict[str, dict[str, Any]]
    pairs: tuple[dict[str, Any], ...]
    count: int
    unscorable: tuple[str, ...]
    silent: tuple[str, ...]
    loss: float
    seconds: float
    about: dict[str, Any]

    def table(self) -> str:
        """Print the scores as a plain table."""
        lines = scoring.table_lines(self.scores)
        lines += [
            f"of the model, {name}: gain {scoring.cell(part['sdr_gain'])}, {part['count']} pairs"
            for name, part in self.subsets.items()
        ]
        lines.append(
            f"{self.count} pairs, 95 % bootstrap intervals by pair of categories; "
            f"{len(self.unscorable)} pairs could not be scored; {len(self.silent)} pairs hold a "
            f"silent estimate, which counts {SILENT_DB:.0f} dB"
        )
        return "\n".join([*lines, *(f"  {reason}" for reason in self.unscorable + self.silent)])

    @property
    def row(self) -> str:
        """Name of the row in the tables; the control has one of its own."""
        leak = self.about["config"]["colour_leak"]
        return "sound of pixels with colour leak" if leak else "sound of pixels"

    def record(self) -> dict[str, Any]:
        """The record as the tables of the book read it (design: "Records and tables")."""
        rows = scoring.figures(self.scores)
        subsets = {
            name: part | {"sdr_gain": scoring.figure(part["sdr_gain"])}
            for name, part in self.subsets.items()
        }
        return {
            "table": "sop",
            "row": self.row,
            **self.about,
            "scores": rows.pop("model"),
            "baselines": rows,
            "subsets": subsets,
            "count": self.count,
            "unscorable": list(self.unscorable),
            "silent_estimates": list(self.silent),
            "silent_estimate_db": SILENT_DB,
            "loss": self.loss,
            "seconds": round(self.seconds, 1),
        }

    def write(self, folder: str | Path, table: str = "sop") -> Path:
        """Write the record (JSON) and the scores of every pair (CSV).

        Args:
            folder: of all records.
            table: whose row it is, if not of Sound of Pixels' own: SeCo compares with it.

        Returns:
            The path of the JSON, `TABLE/sound-of-pixels--DATA--PRESET--seedN.json` in `folder`;
            `--firstN` is added where only the first pairs were asked for.

        Raises:
            FileExistsError: there lies the record of other weights or settings.
        """
        about = self.about
        name = scoring.record_name(
            self.row, about["data"], about["preset"], about["seed"], about["limit"]
        )
        record = self.record() | {"table": table}
        return scoring.write_record(Path(folder) / table / f"{name}.json", record, self.pairs)


def evaluate(
    model: SoundOfPixels,
    pairs: "str | MixAndSeparate" = "sop",
    *,
    limit: int | None = None,
    threshold: float | None = CONFIGURED,
    baselines: bool = True,
    batch_size: int = 8,
    workers: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Separate stored pairs and score them.

    The scores of a pair are the means over its sources (BSS-eval v3, 512 taps, no permutation);
    `sdr_gain` is the SDR less that of the mixture taken as the estimate of every source. A pair
    is left out of every row, counted and named if a source of it is silent. If only an estimate
    is, it stays: that estimate counts `SILENT_DB` in SDR, SIR and SAR, and the pair is named.

    Args:
        model: a trained model.
        pairs: the name of a stored list ("sop": 256 pairs of test players; "sop-validation"), or
            evaluation mixes of your own.
        limit: only the first so many pairs of a stored list.
        threshold: as in `avlib.sop.separate`.
        baselines: score the mixture and the ideal masks too.
        batch_size: pairs at a time.
        workers: processes that make mixtures.
        progress: show a progress bar.

    Raises:
        ValueError: no pair could be scored.
    """
    from avlib.data import eval_loader, stored_mixes

    cfg, began = model.cfg, time.monotonic()
    data = pairs if isinstance(pairs, str) else type(pairs.source).__name__
    if isinstance(pairs, str):
        pairs = stored_mixes(
            pairs,
            front_end=cfg.front_end,
            view=view(cfg),
            limit=limit,
            expression=cfg.expression,
        )
    device = next(model.parameters()).device
    tally = Tally()
    losses: list[float] = []
    with tqdm(total=len(pairs), unit="pair", disable=not progress) as bar:
        for batch in eval_loader(pairs, batch_size, workers=workers):
            batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            with torch.inference_mode(), evaluating(model):
                systems, batch_losses = _systems(model, batch, threshold, baselines)
            losses += batch_losses
            tally.add(systems, batch)
            bar.update(len(batch["index"]))
    unscorable = tally.unscorable + [f"left out: {message}" for message in pairs.missing]
    weights = model.fingerprint()
    file = model.loaded[0] if model.loaded and model.loaded[1] == weights else None
    about = {
        "data": data,
        "preset": cfg.preset,
        "seed": cfg.seed,
        "checkpoint": file,
        "weights": weights,
        "limit": limit,
        "threshold": cfg.threshold if threshold == CONFIGURED else threshold,
        "split": pairs.source.split,
        "rate": cfg.front_end.rate,
        "samples": cfg.front_end.samples,
        "config": asdict(cfg),
        **provenance(device),
    }
    return Evaluation(
        scoring.summary(tally.rows),
        _subsets(tally.rows),
        tuple(tally.rows),
        len(tally.of(["model"])),
        tuple(unscorable),
        tuple(tally.silent),
        float(np.mean(losses)),
        time.monotonic() - began,
        about,
    )


def _systems(
    model: SoundOfPixels, batch: Mapping[str, Any], threshold: float | None, baselines: bool
) -> tuple[dict[str, Tensor], list[float]]:
    """The estimates of the model and of the baselines, (batch, source, sample), and the losses."""
    cfg, mixture, waves = model.cfg, batch["mixture"], batch["waves"]
    mixture_mag, source_mag = spectrograms(mixture, cfg), spectrograms(waves, cfg)
    logits = mask_logits(model.nets, mixture_mag, visible(batch, cfg), cfg)
    losses = [
        separation_loss(one, source, mix, cfg.mask, cfg.weighted_loss).item()
        for one, source, mix in zip(
            logits.split(1), source_mag.split(1), mixture_mag.split(1), strict=True
        )
    ]
    systems = {"model": apply_masks(cfg, mixture, logits.sigmoid(), threshold)}
    trivial = scoring.baselines(
        waves, mixture, source_mag, mixture_mag, cfg.front_end, cfg.align_corners
    )
    systems |= {name: trivial[name] for name in (BASELINES if baselines else BASELINES[:1])}
    return systems, losses


def _subsets(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The model's gain where the categories of a pair differ, and where some are the same."""
    parts: dict[str, list[Mapping[str, Any]]] = {name: [] for name in SUBSETS}
    for row in rows:
        if row["row"] == "model":
            categories = row["group"].split(" + ")
            parts[SUBSETS[len(set(categories)) < len(categories)]].append(row)
    return {
        name: {
            "count": len(part),
            "sdr_gain": scoring.gain(part),
        }
        for name, part in parts.items()
        if part
    }


def describe(cfg: SoPConfig) -> str:
    """One line about a model, for the command line."""
    return (
        f"Sound of Pixels, preset {cfg.preset}: U-Net of depth {cfg.depth} and width "
        f"{cfg.sound_width}, ResNet-18 of width {cfg.frame_width}, {cfg.maps} maps"
    )
