"""How well it separates: SDR, SIR, SAR and the gain over the mixture, beside trivial baselines."""

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from avlib.audio import binary_mask, ratio_mask
from avlib.metrics import Interval, bootstrap, bss_eval
from avlib.sop.config import SoPConfig
from avlib.sop.inference import CONFIGURED, apply_masks, evaluating
from avlib.sop.learning import separation_loss, view, visible
from avlib.sop.networks import SoundOfPixels, mask_logits, spectrograms
from avlib.training import provenance, write_json

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate

METRICS = ("sdr", "sir", "sar", "sdr_gain")
BASELINES = ("mixture", "ideal binary mask", "ideal ratio mask")


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model and of the trivial baselines on the same pairs.

    Attributes:
        scores: row ("model", "mixture", ...) -> metric ("sdr", "sir", "sar", "sdr_gain") -> mean
            and 95 % bootstrap interval in dB, resampled by pair of categories.
        pairs: one mapping a row and pair: row, pair, group, names, and the metrics (means over
            the pair's sources).
        count: pairs that were scored.
        unscorable: pairs that were not, with the reason; they count in no row.
        loss: mean mask loss.
        seconds: how long it took.
        about: what was evaluated on what: config, data, versions, commit, device.
    """

    scores: dict[str, dict[str, Interval]]
    pairs: tuple[dict[str, Any], ...]
    count: int
    unscorable: tuple[str, ...]
    loss: float
    seconds: float
    about: dict[str, Any]

    def table(self) -> str:
        """Print the scores as a plain table."""
        lines = [f"{'dB':20}" + "".join(f"{metric:>24}" for metric in METRICS)]
        for row, metrics in self.scores.items():
            cells = (metrics[metric] for metric in METRICS)
            lines.append(
                f"{row:20}"
                + "".join(f"{f'{c.mean:.2f} [{c.low:.2f}, {c.high:.2f}]':>24}" for c in cells)
            )
        lines.append(
            f"{self.count} pairs, 95 % bootstrap intervals by pair of categories; "
            f"{len(self.unscorable)} pairs could not be scored"
        )
        return "\n".join([*lines, *(f"  {reason}" for reason in self.unscorable)])

    @property
    def row(self) -> str:
        """Name of the row in the tables; the control has one of its own."""
        leak = self.about["config"]["colour_leak"]
        return "sound of pixels with colour leak" if leak else "sound of pixels"

    def record(self) -> dict[str, Any]:
        """The record as the tables of the book read it (design: "Records and tables")."""
        rows = {
            row: {metric: c._asdict() for metric, c in metrics.items()}
            for row, metrics in self.scores.items()
        }
        return {
            "table": "sop",
            "row": self.row,
            **self.about,
            "scores": rows.pop("model"),
            "baselines": rows,
            "count": self.count,
            "unscorable": list(self.unscorable),
            "loss": self.loss,
            "seconds": round(self.seconds, 1),
        }

    def write(self, folder: str | Path) -> Path:
        """Write the record (JSON) and the scores of every pair (CSV).

        Returns:
            The path of the JSON, `sop/sound-of-pixels--DATA--PRESET--seedN.json` in `folder`.
        """
        about = self.about
        name = (
            f"{self.row.replace(' ', '-')}--{about['data']}--{about['preset']}--seed{about['seed']}"
        )
        path = Path(folder) / "sop" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".csv.partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            columns = ("row", "pair", "group", "names", *METRICS)
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            for pair in self.pairs:
                writer.writerow(pair | {m: f"{pair[m]:.4f}" for m in METRICS})
        partial.replace(path.with_suffix(".csv"))
        write_json(path, self.record())
        return path


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
    is left out of every row, counted and named if a source or an estimate of it is silent.

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
        pairs = stored_mixes(pairs, front_end=cfg.front_end, view=view(cfg), limit=limit)
    device = next(model.parameters()).device
    rows: list[dict[str, Any]] = []
    unscorable: list[str] = []
    losses: list[float] = []
    with tqdm(total=len(pairs), unit="pair", disable=not progress) as bar:
        for batch in eval_loader(pairs, batch_size, workers=workers):
            batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            with torch.inference_mode(), evaluating(model):
                systems, batch_losses = _systems(model, batch, threshold, baselines)
            losses += batch_losses
            _score(systems, batch, rows, unscorable)
            bar.update(len(batch["index"]))
    unscorable += [f"left out: {message}" for message in pairs.missing]
    scores = _summary(rows)
    about = {
        "data": data,
        "preset": cfg.preset,
        "seed": cfg.seed,
        "split": pairs.source.split,
        "rate": cfg.front_end.rate,
        "samples": cfg.front_end.samples,
        "config": asdict(cfg),
        **provenance(device),
    }
    count = sum(row["row"] == "model" for row in rows)
    return Evaluation(
        scores,
        tuple(rows),
        count,
        tuple(unscorable),
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
    systems["mixture"] = mixture[:, None].expand_as(waves)
    if baselines:
        kinds: tuple[tuple[str, Callable[..., Tensor]], ...] = (
            (BASELINES[1], binary_mask),
            (BASELINES[2], ratio_mask),
        )
        for name, ideal in kinds:
            masks = ideal(source_mag, mixture_mag[:, None])
            systems[name] = apply_masks(cfg, mixture, masks, None)
    return systems, losses


def _score(
    systems: dict[str, Tensor],
    batch: Mapping[str, Any],
    rows: list[dict[str, Any]],
    unscorable: list[str],
) -> None:
    """Add one mapping for each system and pair, or the reason why there is none."""
    scored = {
        name: torch.stack(bss_eval(batch["waves"], estimates, silent="nan")).mean(dim=-1)
        for name, estimates in systems.items()
    }  # each (metric, batch)
    for place, number in enumerate(batch["index"]):
        names = " + ".join(batch["names"][place])
        silent = [n for n, values in scored.items() if not bool(values[:, place].isfinite().all())]
        if silent:
            reason = "a source is silent" if len(silent) == len(scored) else "a silent estimate"
            unscorable.append(f"pair {number} ({names}): {reason} ({', '.join(silent)})")
            continue
        for name, values in scored.items():
            sdr, sir, sar = (value.item() for value in values[:, place])
            rows.append(
                {
                    "row": name,
                    "pair": number,
                    "group": " + ".join(sorted(batch["categories"][place])),
                    "names": names,
                    "sdr": sdr,
                    "sir": sir,
                    "sar": sar,
                    "sdr_gain": sdr - scored["mixture"][0, place].item(),
                }
            )


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Interval]]:
    """Means and intervals of every row and metric."""
    if not rows:
        raise ValueError("no pair could be scored: every one has a silent source or estimate")
    names = list(dict.fromkeys(row["row"] for row in rows))
    return {
        name: {
            metric: bootstrap(
                [row[metric] for row in rows if row["row"] == name],
                groups=[row["group"] for row in rows if row["row"] == name],
            )
            for metric in METRICS
        }
        for name in names
    }


def describe(cfg: SoPConfig) -> str:
    """One line about a model, for the command line."""
    return (
        f"Sound of Pixels, preset {cfg.preset}: U-Net of depth {cfg.depth} and width "
        f"{cfg.sound_width}, ResNet-18 of width {cfg.frame_width}, {cfg.maps} maps"
    )
