"""Running rows: train what is not trained, evaluate in one pass, write a record a row."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from avlib.tables.core import Job, Table, Trial
from avlib.tables.store import (
    load,
    other_settings,
    read_record,
    record_path,
    refuse_another,
    write,
)
from avlib.training import Run

CURVE_EVERY = 50
ABOUT_TRAINING = ("steps", "seconds", "stopped_by", "weights_of_step", "device", "commit")
"""What a row's record takes over from the record of its training."""


def _say(line: str) -> None:
    print(line, file=sys.stderr)


@dataclass(frozen=True)
class Place:
    """Where rows are run, and how.

    Attributes:
        results: folder of the records.
        runs: folder of the trainings.
        device: "auto", "cpu", "cuda", ...
        again: evaluate rows whose records are there already.
        trial: cut short, to try things out.
        say: where a line about each step goes.
    """

    results: Path = Path("results")
    runs: Path = Path("runs")
    device: str = "auto"
    again: bool = False
    trial: Trial = field(default_factory=Trial)
    say: Callable[[str], None] = _say

    def record(self, table: Table, job: Job) -> Path:
        """Where a row's record lies."""
        return record_path(self.results, table.name, job, self.trial.mark)

    def folder(self, table: Table, job: Job) -> Path:
        """Folder of the training that a row needs."""
        name = table.row(job.row).recipe.training(table.find_data(job.data), job.preset)
        mark = f"-{self.trial.mark}" if self.trial.mark else ""
        return self.runs / table.name / f"{name}-seed{job.seed}{mark}"

    def config(self, table: Table, job: Job) -> Any:
        """The settings of a row's model."""
        recipe, data = table.row(job.row).recipe, table.find_data(job.data)
        cfg = recipe.config(data, job.preset, job.seed, self.trial)
        return cfg.changed(device=self.device)


def run_jobs(table: Table, jobs: Iterable[Job], place: Place) -> list[Path]:
    """Run rows; those that share a training, and a pass of evaluation, together.

    Rows whose records are there already are left alone. Stop whenever you like: a training goes on
    from its last checkpoint, and what was to be evaluated is evaluated next time.

    Args:
        table: whose rows.
        jobs: which.
        place: where, and how.

    Returns:
        The records that were written.

    Raises:
        ValueError: a job that the table does not have, or a training with other settings.
        FileExistsError: a record of another model.
    """
    return [path for group in groups(table, jobs, place) for path in run_group(table, group, place)]


def groups(table: Table, jobs: Iterable[Job], place: Place) -> list[list[Job]]:
    """Put rows together that share a training and a pass, in the order of the first of each."""
    found: dict[tuple[Any, ...], list[Job]] = {}
    for job in dict.fromkeys(jobs):
        table.check(job)
        conditions = table.row(job.row).recipe.conditions()
        key = (place.folder(table, job), conditions, *job[1:])
        found.setdefault(key, []).append(job)
    return list(found.values())


def run_group(table: Table, jobs: Sequence[Job], place: Place) -> list[Path]:
    """Run rows that share a training and a pass."""
    first = jobs[0]
    folder, cfg = place.folder(table, first), place.config(table, first)
    todo = [job for job in jobs if not _is_done(table, job, cfg, folder, place)]
    if not todo:
        return []
    recipe, data = table.row(first.row).recipe, table.find_data(first.data)
    for path, settings in trainings(table, todo, place).items():
        _train(table, first, settings, path, place)
    about = _about_training(folder)
    recipes = {job.row: table.row(job.row).recipe for job in todo}
    place.say(f"evaluating on {data.name}: {', '.join(recipes)}")
    by_row = {job.row: job for job in todo}
    written = []
    for row, outcome in recipe.evaluate(recipes, data, folder, place.device, place.trial):
        job, path = by_row[row], place.record(table, by_row[row])
        record = {"table": table.name, **job._asdict()}
        record = record | outcome.record | record | {"training": about}
        if place.trial.mark:
            record["trial"] = asdict(place.trial)
        write(path, record, outcome.pairs)
        place.say(f"wrote {path}")
        written.append(path)
    return written


def trainings(table: Table, jobs: Iterable[Job], place: Place) -> dict[Path, Any]:
    """List what must be trained before rows can be evaluated: folder and settings.

    Args:
        table: whose rows.
        jobs: rows that share a training.
        place: where.
    """
    found: dict[Path, Any] = {}
    for job in jobs:
        folder, cfg = place.folder(table, job), place.config(table, job)
        found |= {folder: cfg} | table.row(job.row).recipe.rehearsals(cfg, folder)
    return found


def _train(table: Table, job: Job, cfg: Any, folder: Path, place: Place) -> None:
    """Train, or go on training, unless the run in `folder` is finished.

    Raises:
        ValueError: the finished run has other settings, or other data.
    """
    record = finished(folder)
    if record is not None:
        changed = other_settings(record, cfg)
        source = record.get("data", {}).get("name", table.source)
        if source != table.source:
            changed.append(f"data: {source} instead of {table.source}")
        if changed:
            raise ValueError(
                f"{folder} holds a finished training with other settings "
                f"({'; '.join(changed[:4])}); move it away to train anew, or give another folder "
                "for the trainings"
            )
        # A row of this very checkpoint may have its record: then its family must have it, too.
        if not _is_cut_short(record, cfg) or _is_in_use(table, folder, place):
            return
    begun = "going on with" if any(folder.glob("step-*")) else "training"
    place.say(f"{begun} {folder}; stop with Ctrl-C, the same command goes on")
    table.row(job.row).recipe.train(cfg, table.find_data(job.data), folder, place.trial)


def _is_cut_short(record: Mapping[str, Any], cfg: Any) -> bool:
    """Whether a training was stopped sooner than its recipe's time limit."""
    limit = cfg.train.max_minutes
    by_time = record.get("stopped_by") == "minutes"
    return by_time and (limit is None or record["seconds"] < 60 * limit)


def _is_in_use(table: Table, folder: Path, place: Place) -> bool:
    """Whether a row's record is of the checkpoint that lies in a folder, or was chosen by it."""
    records = [stored.record for stored in load(table, place.results)[0].values()]
    own = finished(folder) or {}
    trained = {"run": folder.name, "checkpoint": _digest(folder)}
    rehearsed = {"run": folder.name, "seconds": own.get("seconds"), "steps": own.get("steps")}
    for record in records:
        chosen = (record.get("matching") or {}).get("chosen") or {}
        used = (trained, record.get("training") or {}), (rehearsed, chosen.get("by") or {})
        if any(all(there.get(k) == v for k, v in one.items()) for one, there in used):
            return True
    return False


def finished(folder: Path) -> dict[str, Any] | None:
    """The record of a finished training; None if there is none, or it is not finished."""
    path = folder / "model.json"
    if not path.is_file() or not path.with_suffix(".safetensors").is_file():
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def minutes_needed(folder: Path, cfg: Any) -> float | None:
    """At most so many minutes a training still takes; None if its recipe has no limit.

    Example:
        >>> from types import SimpleNamespace as Settings
        >>> minutes_needed(Path("no-such-run"), Settings(train=Settings(max_minutes=10.0)))
        10.0
    """
    record = finished(folder)
    if record is not None and not _is_cut_short(record, cfg):
        return 0.0
    limit = cfg.train.max_minutes
    if limit is None:
        return None
    states = sorted(folder.glob("step-*[0-9]/state.json"))
    spent = json.loads(states[-1].read_text(encoding="utf-8"))["seconds"] / 60 if states else 0.0
    return max(0.0, limit - spent)


def all_minutes_needed(plans: Mapping[Path, Any]) -> float | None:
    """At most so many minutes several trainings still take; None if one has no limit."""
    each = [minutes_needed(folder, cfg) for folder, cfg in plans.items()]
    return None if None in each else sum(m for m in each if m is not None)


def run_open(
    table: Table, jobs: Iterable[Job], place: Place, minutes: float | None = None
) -> list[Path]:
    """Go through the rows that have no record yet, in order, until the time is up.

    Nothing is begun when the time is up, nor a training that would not be finished in time; what
    has begun is finished. Records that are there, of whatever settings, are left alone.

    Args:
        table: whose rows.
        jobs: in the order they are wanted.
        place: where, and how.
        minutes: how long; None: until nothing is open.

    Returns:
        The records that were written.
    """
    began = time.monotonic()
    wanted = [job for job in jobs if not place.record(table, job).is_file()]
    written: list[Path] = []
    for group in groups(table, wanted, place):
        if minutes is not None:
            left = minutes - (time.monotonic() - began) / 60
            if left <= 0:
                place.say(f"the time is up after {len(written)} rows; the same command goes on")
                break
            folder = place.folder(table, group[0])
            needed = all_minutes_needed(trainings(table, group, place))
            if needed is None or needed > left:
                limit = "has no time limit" if needed is None else f"takes {needed:.0f} minutes"
                place.say(f"left out for now, {left:.0f} minutes are left: {folder} {limit}")
                continue
        written += run_group(table, group, place)
    return written


def _is_done(table: Table, job: Job, cfg: Any, folder: Path, place: Place) -> bool:
    """Whether a row has its record; refuses the record of another model.

    One that was made in another way than its recipe now goes does not count, and is replaced.
    """
    stored = read_record(place.record(table, job))
    if stored is None:
        return False
    record = finished(folder)
    refuse_another(stored, cfg, _digest(folder) if record is not None else None)
    current = table.row(job.row).recipe.is_current(stored.record, table.find_data(job.data))
    return current and not place.again


def _about_training(folder: Path) -> dict[str, Any]:
    """What a row's record says about its training."""
    record = finished(folder)
    if record is None:
        raise RuntimeError(f"{folder}: the training ended without leaving model.safetensors")
    about = {key: record.get(key) for key in ABOUT_TRAINING}
    return {"run": folder.name, "checkpoint": _digest(folder), **about, **curves(folder)}


def curves(folder: Path, every: int = CURVE_EVERY) -> dict[str, dict[str, list[int | float]]]:
    """Read a training's curves out of its log, coarse enough for a record.

    Args:
        folder: of the training.
        every: so many steps make a point of the curve.

    Returns:
        "curve": for each term of the loss, as `train_step` returns it, the means over so many
        steps, and "step", the last of each; "validation": what was measured at which "step".
    """
    log = Run(folder).read_log()
    bins: dict[int, list[dict[str, float]]] = {}
    for line in log:
        if "loss" in line:
            bins.setdefault(-(-line["step"] // every) * every, []).append(line)
    names = [name for line in log[:1] for name in line if name.startswith("term/")]
    curve: dict[str, list[int | float]] = {"step": list(bins)}
    for name in names:
        means = [fmean(line[name] for line in lines) for lines in bins.values()]
        curve[name.removeprefix("term/")] = [round(mean, 6) for mean in means]
    measured = [line for line in log if "validation/score" in line]
    keys = [key for line in measured[:1] for key in line]
    validation = {k.removeprefix("validation/"): [line[k] for line in measured] for k in keys}
    return {"curve": curve, "validation": validation}


def _digest(folder: Path) -> str:
    """Which checkpoint: the first 16 digits of its SHA-256."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]
