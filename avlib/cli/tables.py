"""`avlib tables list`, `run` and `show`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro import conf

from avlib.cli.base import Command, checked_device

if TYPE_CHECKING:
    from avlib.tables import Job, Place, Table


@dataclass(frozen=True, kw_only=True)
class List(Command):
    """List the tables, and how many of their rows are done."""

    TEXT: ClassVar[str] = """
Examples:
  avlib tables list
  avlib tables list --results other-results
"""

    results: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder of the records; without, results/, or those that come with the package."""

    def run(self) -> int:
        """Print one line a table and stage."""
        from avlib.tables import TABLES, overview, results_folder

        print(overview((t, self.results or results_folder(t.name)) for t in TABLES.values()))
        return 0


@dataclass(frozen=True, kw_only=True)
class Show(Command):
    """Show a table: paper beside ours, row against row, and what is open."""

    TEXT: ClassVar[str] = """
Made from the records alone, as Markdown that reads well as plain text: every row that has a
record, with intervals; trivial baselines; the paper's figure, or that it is not sourced; rows
compared pair by pair (paired bootstrap, resampled by pair of categories) and whether the interval
excludes zero; and each open row with the command that fills it.

Examples:
  avlib tables show seco
  avlib tables show seco --results other-results
"""

    table: Annotated[str, conf.Positional, conf.arg(metavar="TABLE")]
    """Name of the table, see avlib tables list."""
    results: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder of the records; without, results/, or those that come with the package."""

    def run(self) -> int:
        """Print the table."""
        from avlib.tables import show

        print(show(self.table, self.results), end="")
        return 0


@dataclass(frozen=True, kw_only=True)
class RunRows(Command):
    """Run rows of a table: train what is not trained, evaluate, write a record a row."""

    TEXT: ClassVar[str] = """
Say which rows (--row), or --open for all that have no record yet, the most important first. Rows
that need the same training share it, and one pass of evaluation. A row whose record is there is
left alone. Stop with Ctrl-C whenever you like: the same command goes on, a training from its last
checkpoint. Naming a row runs its family, too: the rows that need the same training and differ in
the number of steps of online matching only (--only: nothing but that row).

Give processes that run at the same time other rows each, by --data, --modality or --seed. Sound
of Pixels makes its mixes in a second process: on two cores, OMP_NUM_THREADS=1 is faster for it.

Examples:
  avlib tables run seco --open --minutes 60           what is open, for an hour
  avlib tables run seco --open --split S2 --dry-run   what would that be?
  avlib tables run seco --split S1 --row seco-both-video
  avlib tables run seco --split S1 --modality skeleton --open
  avlib tables run seco --row seco-both-video seco-both-video-T5 --only
  avlib tables run seco --row seco-both-video --steps 20 --pairs 8    a trial; counts for no row
"""

    table: Annotated[str, conf.Positional, conf.arg(metavar="TABLE")]
    """Name of the table, see avlib tables list."""
    row: Annotated[tuple[str, ...], conf.arg(metavar="ROW ...", help_behavior_hint="")] = ()
    """Names of rows."""
    only: bool = False
    """The rows named and nothing else of their families."""
    open: bool = False
    """All rows that have no record yet."""
    data: Annotated[tuple[str, ...], conf.arg(metavar="DATA ...", help_behavior_hint="")] = ()
    """On what; without, the table's first for --row, and all for --open."""
    split: Annotated[tuple[str, ...], conf.arg(metavar="SPLIT ...", help_behavior_hint="")] = ()
    """The same, by name of the split: S1."""
    modality: Annotated[tuple[str, ...], conf.arg(metavar="KIND ...", help_behavior_hint="")] = ()
    """Only rows with this kind of sight."""
    preset: str = "pocket"
    """The size."""
    seed: int = 0
    """Of the trainings."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, mps."""
    minutes: Annotated[float | None, conf.arg(metavar="FLOAT", help_behavior_hint="")] = None
    """With --open: begin nothing that would not be trained in this time."""
    limit_rows: Annotated[int | None, conf.arg(metavar="N", help_behavior_hint="")] = None
    """At most so many rows."""
    dry_run: bool = False
    """Only say what would be run."""
    again: bool = False
    """Evaluate rows that have a record already, with the same weights."""
    results: Annotated[Path, conf.arg(metavar="DIR")] = Path("results")
    """Folder for the records."""
    runs: Annotated[Path, conf.arg(metavar="DIR")] = Path("runs")
    """Folder for the trainings."""
    steps: Annotated[int | None, conf.arg(metavar="INT", help_behavior_hint="")] = None
    """A trial: train only so many steps."""
    pairs: Annotated[int | None, conf.arg(metavar="N", help_behavior_hint="")] = None
    """A trial: evaluate only the first N pairs."""

    def run(self) -> int:
        """Run them, and say where the records are."""
        if self.open == bool(self.row):
            raise ValueError("say which rows: either --row NAME ..., or --open")
        if self.minutes is not None and not self.open:
            raise ValueError("--minutes goes with --open: a row that is named is run to its end")
        from avlib.tables import TABLES, Place, Trial, find, run_jobs, run_open

        table = find(TABLES, self.table)
        trial = Trial(self.steps, self.pairs)
        device = checked_device(self.device)
        place = Place(self.results, self.runs, device, self.again, trial)
        jobs = self._jobs(table, place)
        if not jobs:
            print("nothing to run: no row fits, or all that fit have their records")
        elif self.dry_run:
            _tell(table, jobs, place)
        else:
            written = (
                run_open(table, jobs, place, self.minutes)
                if self.open
                else run_jobs(table, jobs, place)
            )
            for path in written:
                print(path)
            print(f"{len(written)} rows; see avlib tables show {table.name}", file=sys.stderr)
        return 0

    def _jobs(self, table: "Table", place: "Place") -> "list[Job]":
        """What is wanted, in order."""
        from avlib.tables import Job

        wanted = [table.find_data(name).name for name in (*self.data, *self.split)]
        for kind in self.modality:
            kinds = list(dict.fromkeys(row.modality for row in table.rows if row.modality))
            if kind not in kinds:
                raise ValueError(f"unknown kind of sight: {kind!r}; there are {', '.join(kinds)}")
        if self.open:
            jobs = [job for job in table.jobs if (job.preset, job.seed) == (self.preset, self.seed)]
            jobs = [job for job in jobs if not wanted or job.data in wanted]
        else:
            rows = [r for name in self.row for r in ([name] if self.only else table.family(name))]
            places = wanted or [table.data[0].name]
            jobs = [Job(row, data, self.preset, self.seed) for data in places for row in rows]
        jobs = list(dict.fromkeys(jobs))
        for job in jobs:
            table.check(job)
        if self.modality:
            jobs = [job for job in jobs if table.row(job.row).modality in self.modality]
        if not self.again:
            jobs = [job for job in jobs if self.row or not place.record(table, job).is_file()]
        return jobs[: self.limit_rows]


def _tell(table: "Table", jobs: "list[Job]", place: "Place") -> None:
    """Print what would be run, training by training."""
    from avlib.tables.running import finished, groups, minutes_needed, trainings

    for group in groups(table, jobs, place):
        for folder, cfg in trainings(table, group, place).items():
            minutes = minutes_needed(folder, cfg)
            training = "no time limit" if minutes is None else f"at most {minutes:.0f} minutes"
            print(f"{folder} ({'is trained' if finished(folder) else f'training: {training}'})")
        for job in group:
            there = " (has its record)" if place.record(table, job).is_file() else ""
            print(f"  {place.record(table, job)}{there}")
