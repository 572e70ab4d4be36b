"""Records on the disk: where they lie, how they are written, and which do not belong there."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avlib.scoring import write_record
from avlib.tables.core import Job, Table
from avlib.training import read_config, settings_changed


@dataclass(frozen=True)
class Stored:
    """A record as it lies on the disk.

    Attributes:
        path: of the JSON.
        record: its content.
    """

    path: Path
    record: dict[str, Any]

    @property
    def scores(self) -> Path:
        """The scores of every pair."""
        return self.path.with_suffix(".csv")


def record_path(results: Path, table: str, job: Job, mark: str = "") -> Path:
    """Say where a record lies.

    Example:
        >>> job = Job("mixture", "seco-S1", "pocket", 0)
        >>> record_path(Path("results"), "seco", job).as_posix()
        'results/seco/mixture--seco-S1--pocket--seed0.json'
    """
    return results / table / f"{job.name}{f'--{mark}' if mark else ''}.json"


def read_record(path: Path) -> Stored | None:
    """Read a record; None if there is none.

    Raises:
        ValueError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return Stored(path, json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: this record is damaged ({error}); delete it and run its row again"
        ) from error


def load(table: Table, results: Path) -> tuple[dict[Job, Stored], tuple[Path, ...]]:
    """Read all records of a table.

    Returns:
        Those of its rows, and the files that count for no row: trials, parts of the pairs, rows
        that the table does not have.
    """
    found: dict[Job, Stored] = {}
    others = []
    for path in sorted((results / table.name).glob("*.json")):
        stored = read_record(path)
        assert stored is not None
        record = stored.record
        try:
            job = Job(*(record[key] for key in ("row", "data", "preset", "seed")))
            table.check(job)
        except (KeyError, ValueError):
            others.append(path)
            continue
        # The name says "trial" or "first32" where the record is not of all pairs.
        if path.stem == job.name and not record.get("trial") and record.get("limit") is None:
            found[job] = stored
        else:
            others.append(path)
    return found, tuple(others)


def write(path: Path, record: Mapping[str, Any], pairs: Iterable[Mapping[str, Any]]) -> None:
    """Write a record (JSON) and the scores of the model on every pair (CSV), the JSON last.

    So a record that is there is complete, whenever the process is stopped. The baselines' scores
    are the same for all rows; their means stand in the record, and nothing of them in the CSV.
    """
    write_record(path, record, [pair for pair in pairs if pair["row"] == "model"], unlike=())


def read_scores(path: Path) -> dict[int, dict[str, str]]:
    """Read the model's scores of every pair, by the pair's number.

    Raises:
        FileNotFoundError: the file is not beside its record.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return {int(row["pair"]): row for row in csv.DictReader(file) if row["row"] == "model"}


def other_settings(record: Mapping[str, Any], cfg: Any) -> list[str]:
    """Name the settings in which a record is of another model than a recipe's.

    Those that do not change what is learnt (device, workers, time limit) may differ.

    Args:
        record: of a result, or of a training; with a "config".
        cfg: the recipe's settings, a dataclass.
    """
    try:
        stored = asdict(read_config(type(cfg), record["config"]))
    except (KeyError, ValueError):
        return ["config: of another version of avlib"]
    plain = (json.loads(json.dumps(one)) for one in (stored, asdict(cfg)))
    return settings_changed(*plain)


def refuse_another(stored: Stored, cfg: Any, checkpoint: str | None = None) -> None:
    """Refuse to take or to write over the record of another model.

    Args:
        stored: the record.
        cfg: the row's settings.
        checkpoint: digest of the checkpoint that is there; None: none is, so it is not compared.

    Raises:
        FileExistsError: its settings, or its weights, are not those of this row.
    """
    changed: Sequence[str] = other_settings(stored.record, cfg)
    record = stored.record
    theirs = record.get("training", {}).get("checkpoint") or record.get("checkpoint")
    if not changed and checkpoint is not None and theirs != checkpoint:
        changed = [f"weights: checkpoint {theirs} became {checkpoint}"]
    if changed:
        shown = "; ".join(changed[:4]) + ("; ..." if len(changed) > 4 else "")
        raise FileExistsError(
            f"{stored.path} holds the record of another model ({shown}); move it away and run "
            "the row again, or give another folder for the results"
        )
