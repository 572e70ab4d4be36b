"""How well it separates: SDR, SIR, SAR and the gain over the mixture, beside trivial baselines."""

import csv
import json
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
SUBSETS = ("different categories", "same category")

SILENT_DB = -20.0
"""SDR, SIR and SAR of a silent estimate of a source that sounds. None of them is defined. To leave
the pair out would reward silence, and the mixture's score would be a gift; -20 dB, a hundredth of
the error's energy, is far below what any estimate that tries is given (our convention)."""
HIGHEST_DB = 80.0
"""Means above this are the rounding noise of the waves and tell nothing."""


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
        lines = [f"{'dB':20}" + "".join(f"{metric:>24}" for metric in METRICS)]
        for row, metrics in self.scores.items():
            lines.append(f"{row:20}" + "".join(f"{_cell(metrics[m]):>24}" for m in METRICS))
        lines += [
            f"of the model, {name}: gain {_cell(part['sdr_gain'])}, {part['count']} pairs"
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
        rows = {
            row: {metric: _figure(c) for metric, c in metrics.items()}
            for row, metrics in self.scores.items()
        }
        subsets = {
            name: part | {"sdr_gain": _figure(part["sdr_gain"])}
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

    def write(self, folder: str | Path) -> Path:
        """Write the record (JSON) and the scores of every pair (CSV).

        Returns:
            The path of the JSON, `sop/sound-of-pixels--DATA--PRESET--seedN.json` in `folder`;
            `--firstN` is added where only the first pairs were asked for.

        Raises:
            FileExistsError: there lies the record of other weights or settings.
        """
        path = Path(folder) / "sop" / f"{self._name()}.json"
        _refuse_another(path, self.record())
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

    def _name(self) -> str:
        about = self.about
        parts = [self.row.replace(" ", "-"), about["data"], about["preset"], f"seed{about['seed']}"]
        if about["limit"] is not None:
            parts.append(f"first{about['limit']}")
        return "--".join(parts)


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
        pairs = stored_mixes(pairs, front_end=cfg.front_end, view=view(cfg), limit=limit)
    device = next(model.parameters()).device
    rows: list[dict[str, Any]] = []
    unscorable: list[str] = []
    silent: list[str] = []
    losses: list[float] = []
    with tqdm(total=len(pairs), unit="pair", disable=not progress) as bar:
        for batch in eval_loader(pairs, batch_size, workers=workers):
            batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            with torch.inference_mode(), evaluating(model):
                systems, batch_losses = _systems(model, batch, threshold, baselines)
            losses += batch_losses
            _score(systems, batch, rows, unscorable, silent)
            bar.update(len(batch["index"]))
    unscorable += [f"left out: {message}" for message in pairs.missing]
    scores, subsets = _summary(rows), _subsets(rows)
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
    count = sum(row["row"] == "model" for row in rows)
    return Evaluation(
        scores,
        subsets,
        tuple(rows),
        count,
        tuple(unscorable),
        tuple(silent),
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
    silent: list[str],
) -> None:
    """Add one mapping for each system and pair, or the reason why there is none."""
    waves = batch["waves"]
    no_source = _is_silent(waves).any(dim=-1)
    mute = {name: _is_silent(estimates) for name, estimates in systems.items()}
    scored = {
        name: torch.stack(bss_eval(waves, estimates, silent="nan"))
        .masked_fill(mute[name], SILENT_DB)
        .mean(dim=-1)
        for name, estimates in systems.items()
    }  # each (metric, batch)
    for place, number in enumerate(batch["index"]):
        names = " + ".join(batch["names"][place])
        if no_source[place]:
            unscorable.append(f"pair {number} ({names}): a source is silent")
            continue
        odd = [n for n, values in scored.items() if not bool(values[:, place].isfinite().all())]
        if odd:
            unscorable.append(f"pair {number} ({names}): a score is not finite ({', '.join(odd)})")
            continue
        quiet = [n for n, silences in mute.items() if bool(silences[place].any())]
        if quiet:
            silent.append(f"pair {number} ({names}): a silent estimate ({', '.join(quiet)})")
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


def _is_silent(waves: Tensor) -> Tensor:
    """Which signals hold nothing but zeros, as `bss_eval` has it."""
    return (waves == 0).all(dim=-1)


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Interval]]:
    """Means and intervals of every row and metric."""
    if not rows:
        raise ValueError("no pair could be scored: silent sources or scores not finite")
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
            "sdr_gain": bootstrap(
                [row["sdr_gain"] for row in part], groups=[row["group"] for row in part]
            ),
        }
        for name, part in parts.items()
        if part
    }


def _cell(c: Interval) -> str:
    """A figure as the table prints it."""
    if c.mean > HIGHEST_DB:
        return f"> {HIGHEST_DB:.0f}"
    return f"{c.mean:.2f} [{c.low:.2f}, {c.high:.2f}]"


def _figure(c: Interval) -> dict[str, float | str | None]:
    """A figure as the record holds it."""
    if c.mean > HIGHEST_DB:
        note = f"above {HIGHEST_DB:.0f} dB: rounding noise"
        return {"mean": None, "low": None, "high": None, "note": note}
    return c._asdict()


def _refuse_another(path: Path, new: Mapping[str, Any]) -> None:
    """Refuse to write over the record of other weights or settings."""
    if not path.exists():
        return
    old = json.loads(path.read_text(encoding="utf-8"))
    as_stored = json.loads(json.dumps(new))
    keys = ("weights", "config", "threshold")
    other = [key for key in keys if key not in old or old[key] != as_stored[key]]
    if other:
        raise FileExistsError(
            f"{path} holds the record of another model ({', '.join(other)} differ or are not "
            "known); give another folder (--out), or move that file away"
        )


def describe(cfg: SoPConfig) -> str:
    """One line about a model, for the command line."""
    return (
        f"Sound of Pixels, preset {cfg.preset}: U-Net of depth {cfg.depth} and width "
        f"{cfg.sound_width}, ResNet-18 of width {cfg.frame_width}, {cfg.maps} maps"
    )
