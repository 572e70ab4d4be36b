"""What the papers' evaluations share: scores of every pair, means with intervals, records.

A paper's room makes the estimates; here they are scored (BSS-eval v3), beside the mixture and
ideal masks, and written down: one JSON and one CSV for each row of a table.
"""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avlib.audio import FrontEnd, binary_mask, ratio_mask, separate_with_mask
from avlib.metrics import Interval, bootstrap, bss_eval
from avlib.training import write_json

METRICS = ("sdr", "sir", "sar", "sdr_gain")
BASELINES = ("mixture", "ideal binary mask", "ideal ratio mask")

SILENT_DB = -20.0
"""SDR, SIR and SAR of a silent estimate of a source that sounds. None of them is defined. To leave
the pair out would reward silence, and the mixture's score would be a gift; -20 dB, a hundredth of
the error's energy, is far below what any estimate that tries is given (our convention)."""
HIGHEST_DB = 80.0
"""Means above this are the rounding noise of the waves and tell nothing."""


@dataclass
class Tally:
    """The scores of pairs, as they come in.

    Attributes:
        rows: one mapping for each system and pair: row (the system), pair, group, names, and the
            metrics (means over the pair's sources).
        unscorable: pairs that were not scored, with the reason; they count for no system.
        silent: estimates that were silent and count `SILENT_DB`, by pair.

    Example:
        >>> waves = torch.randn(1, 2, 2000, generator=torch.Generator().manual_seed(0))
        >>> batch = {"waves": waves, "index": [0], "names": [["a", "b"]]}
        >>> batch["categories"] = [["tuba", "flute"]]
        >>> tally = Tally()
        >>> tally.add({"mixture": waves.sum(1, keepdim=True).expand(1, 2, -1)}, batch)
        >>> [(row["group"], row["sdr_gain"]) for row in tally.rows]
        [('flute + tuba', 0.0)]
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    unscorable: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def add(
        self,
        systems: Mapping[str, Float[Tensor, "batch source sample"]],
        batch: Mapping[str, Any],
        failed: Mapping[int, str] | None = None,
    ) -> None:
        """Score what several systems made of a batch of mixtures, all at once.

        Scores of a pair are the means over its sources (512 taps, no permutation); `sdr_gain` is
        the SDR less that of the system "mixture", which must be there. A pair is left out of
        every row, counted and named if a source of it is silent or a score is not finite. If only
        an estimate is silent, it stays: that estimate counts `SILENT_DB` in SDR, SIR and SAR, and
        the pair is named.

        Args:
            systems: the estimates by name.
            batch: of `avlib.data.MixAndSeparate`: waves, index, names, categories.
            failed: places in the batch of pairs that are to be left out, and why.

        Raises:
            ValueError: there is no system "mixture".
        """
        if "mixture" not in systems:
            raise ValueError("the gain is over the mixture: score the system 'mixture' too")
        waves = batch["waves"]
        quiet = _is_silent(waves).any(dim=-1)
        means, mute = _scores(waves, torch.stack(list(systems.values())))
        for place, number in enumerate(batch["index"]):
            pair = f"pair {number} ({' + '.join(batch['names'][place])})"
            found = dict(zip(systems, means[:, :, place].T.tolist(), strict=True))
            odd = [name for name, values in found.items() if not all(map(math.isfinite, values))]
            if quiet[place]:
                self.unscorable.append(f"{pair}: a source is silent")
            elif failed and place in failed:
                self.unscorable.append(f"{pair}: {failed[place]}")
            elif odd:
                self.unscorable.append(f"{pair}: a score is not finite ({', '.join(odd)})")
            else:
                silences = mute[:, place].any(dim=-1).tolist()
                if dumb := [n for n, silence in zip(systems, silences, strict=True) if silence]:
                    self.silent.append(f"{pair}: a silent estimate ({', '.join(dumb)})")
                self.rows += _rows(found, batch, place)

    def of(self, systems: Mapping[str, str] | Iterable[str]) -> tuple[dict[str, Any], ...]:
        """The rows of some systems, under new names if a mapping gives them."""
        names = systems if isinstance(systems, Mapping) else {name: name for name in systems}
        return tuple(row | {"row": names[row["row"]]} for row in self.rows if row["row"] in names)


def _scores(
    waves: Float[Tensor, "batch source sample"],
    estimates: Float[Tensor, "system batch source sample"],
) -> tuple[Float[Tensor, "3 system batch"], Bool[Tensor, "system batch source"]]:
    """SDR, SIR, SAR of each system and mixture (NaN: undefined), and which estimates are silent."""
    mute = _is_silent(estimates)
    broken = ~estimates.isfinite().flatten(2).all(dim=-1)
    # A pair that cannot be scored must not stop the others: in its place, silence is scored.
    estimates = estimates.masked_fill(broken[..., None, None], 0.0)
    scores = torch.stack(bss_eval(waves.expand_as(estimates), estimates, silent="nan"))
    means = scores.masked_fill(mute, SILENT_DB).mean(dim=-1)
    return means.masked_fill(broken, torch.nan), mute


def _rows(
    found: Mapping[str, Sequence[float]], batch: Mapping[str, Any], place: int
) -> list[dict[str, Any]]:
    """One mapping for each system that separated a mixture."""
    pair = {
        "pair": batch["index"][place],
        "group": " + ".join(sorted(batch["categories"][place])),
        "names": " + ".join(batch["names"][place]),
    }
    untouched = found["mixture"][0]
    return [
        {"row": name, **pair, "sdr": sdr, "sir": sir, "sar": sar, "sdr_gain": sdr - untouched}
        for name, (sdr, sir, sar) in found.items()
    ]


def baselines(
    waves: Float[Tensor, "batch source sample"],
    mixture: Float[Tensor, "batch sample"],
    source_mag: Float[Tensor, "batch source freq column"],
    mixture_mag: Float[Tensor, "batch freq column"],
    front_end: FrontEnd,
    align_corners: bool,
) -> dict[str, Float[Tensor, "batch source sample"]]:
    """Make the estimates that no model is needed for: the mixture, and ideal masks.

    Args:
        waves: the true sources.
        mixture: what is to be separated.
        source_mag: magnitudes of the sources on the model's own grid.
        mixture_mag: of the mixture.
        front_end: of the transform.
        align_corners: of the warp.
    """
    over = mixture_mag[:, None]
    ideal = {
        BASELINES[1]: binary_mask(source_mag, over),
        BASELINES[2]: ratio_mask(source_mag, over),
    }
    systems = {"mixture": mixture[:, None].expand_as(waves)}
    for name, masks in ideal.items():
        systems[name] = masked(mixture, masks, front_end, align_corners, None)
    return systems


def masked(
    mixture: Float[Tensor, "batch sample"],
    masks: Float[Tensor, "batch source freq column"],
    front_end: FrontEnd,
    align_corners: bool,
    threshold: float | None,
) -> Float[Tensor, "batch source sample"]:
    """Turn masks into waves with the phase of the mixture, see `avlib.audio.separate_with_mask`."""
    return separate_with_mask(
        mixture,
        masks,
        front_end.n_fft,
        front_end.hop,
        pad_mode=front_end.pad_mode,
        center=front_end.center,
        align_corners=align_corners,
        threshold=threshold,
    )


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Interval]]:
    """Means and 95 % intervals of every row and metric, resampled by pair of categories.

    Raises:
        ValueError: there is nothing to sum up.
    """
    if not rows:
        raise ValueError("no pair could be scored: silent sources or scores not finite")
    names = list(dict.fromkeys(row["row"] for row in rows))
    return {
        name: {
            metric: _interval([row for row in rows if row["row"] == name], metric)
            for metric in METRICS
        }
        for name in names
    }


def by_group(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int | float]]:
    """Count and mean gain of each pair of categories, in alphabetical order.

    Example:
        >>> by_group([{"group": "a + b", "sdr_gain": 1.0}, {"group": "a + b", "sdr_gain": 2.0}])
        {'a + b': {'count': 2, 'sdr_gain': 1.5}}
    """
    gains: dict[str, list[float]] = {}
    for row in rows:
        gains.setdefault(row["group"], []).append(row["sdr_gain"])
    return {
        group: {"count": len(found), "sdr_gain": sum(found) / len(found)}
        for group, found in sorted(gains.items())
    }


def _interval(rows: Sequence[Mapping[str, Any]], metric: str = "sdr_gain") -> Interval:
    return bootstrap([row[metric] for row in rows], groups=[row["group"] for row in rows])


def gain(rows: Sequence[Mapping[str, Any]]) -> Interval:
    """Mean gain of rows, and its interval."""
    return _interval(rows)


def cell(c: Interval) -> str:
    """A figure as a table prints it.

    Example:
        >>> cell(Interval(1.0, 0.5, 1.25)), cell(Interval(90.0, 89.0, 91.0))
        ('1.00 [0.50, 1.25]', '> 80')
    """
    if c.mean > HIGHEST_DB:
        return f"> {HIGHEST_DB:.0f}"
    return f"{c.mean:.2f} [{c.low:.2f}, {c.high:.2f}]"


def table_lines(scores: Mapping[str, Mapping[str, Interval]]) -> list[str]:
    """The scores as lines of a plain table."""
    lines = [f"{'dB':20}" + "".join(f"{metric:>24}" for metric in METRICS)]
    for row, metrics in scores.items():
        lines.append(f"{row:20}" + "".join(f"{cell(metrics[m]):>24}" for m in METRICS))
    return lines


def figure(c: Interval) -> dict[str, float | str | None]:
    """A figure as a record holds it."""
    if c.mean > HIGHEST_DB:
        note = f"above {HIGHEST_DB:.0f} dB: rounding noise"
        return {"mean": None, "low": None, "high": None, "note": note}
    return c._asdict()


def figures(scores: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, Any]]:
    """All scores as a record holds them."""
    return {row: {m: figure(c) for m, c in metrics.items()} for row, metrics in scores.items()}


def record_name(row: str, data: str, preset: str, seed: int, limit: int | None = None) -> str:
    """Name of a record: row, data, preset and seed, and how many pairs if not all.

    Example:
        >>> record_name("sound of pixels", "seco-S1", "pocket", 0, 32)
        'sound-of-pixels--seco-S1--pocket--seed0--first32'
    """
    first = f"--first{limit}" if limit is not None else ""
    return f"{row.replace(' ', '-')}--{data}--{preset}--seed{seed}{first}"


def write_record(
    path: str | Path,
    record: Mapping[str, Any],
    pairs: Iterable[Mapping[str, Any]],
    unlike: Sequence[str] = ("weights", "config", "threshold"),
) -> Path:
    """Write a record (JSON) and the scores of every pair (CSV), each complete or not at all.

    Args:
        path: of the JSON; the CSV lies beside it.
        record: what JSON can hold; its "scores" name the metrics of the CSV.
        pairs: rows of a `Tally`.
        unlike: keys by which one model's record is told from another's.

    Returns:
        The path of the JSON.

    Raises:
        FileExistsError: there lies a record in which one of `unlike` differs.
    """
    path = Path(path)
    _refuse_another(path, record, unlike)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".csv.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        columns = ("row", "pair", "group", "names", *record["scores"])
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in pairs:
            writer.writerow({k: _short(row[k]) for k in columns})
    partial.replace(path.with_suffix(".csv"))
    write_json(path, record)
    return path


def _refuse_another(path: Path, new: Mapping[str, Any], unlike: Sequence[str]) -> None:
    """Refuse to write over the record of other weights or settings."""
    if not path.exists():
        return
    old = json.loads(path.read_text(encoding="utf-8"))
    as_stored = json.loads(json.dumps(new))
    other = [key for key in unlike if key not in old or old[key] != as_stored[key]]
    if other:
        raise FileExistsError(
            f"{path} holds the record of another model ({', '.join(other)} differ or are not "
            "known); give another folder (--out), or move that file away"
        )


def _short(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def _is_silent(waves: Float[Tensor, "*batch sample"]) -> Tensor:
    """Which signals hold nothing but zeros, as `bss_eval` has it."""
    return (waves == 0).all(dim=-1)
