"""What a table is: rows and data as data, one recipe a row, and what is to be run first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

NOT_SOURCED = "not sourced"
"""Stands where a paper's figure is not known from the paper itself."""


@dataclass(frozen=True)
class Data:
    """What a row is evaluated on.

    Attributes:
        name: of the stored list of pairs, and in the names of records.
        title: one line for people.
        split: name of the category split, where there is one.
        sources: how many clips are mixed.
    """

    name: str
    title: str
    split: str = ""
    sources: int = 2


@dataclass(frozen=True)
class Trial:
    """A run that is cut short to try things out; its record never counts as the row's result.

    Attributes:
        steps: train only so many steps.
        pairs: evaluate, validate and choose on the first so many pairs only.

    Example:
        >>> Trial(steps=2, pairs=4).mark, Trial().mark
        ('trial-steps2-pairs4', '')
    """

    steps: int | None = None
    pairs: int | None = None

    @property
    def mark(self) -> str:
        """What the names of its records and runs end with; empty: no trial."""
        parts = [f"steps{self.steps}"] if self.steps is not None else []
        parts += [f"pairs{self.pairs}"] if self.pairs is not None else []
        return "-".join(["trial", *parts]) if parts else ""


class Outcome(NamedTuple):
    """What an evaluation says about one row.

    Attributes:
        record: scores with intervals, baselines, config, weights, versions: all but the row.
        pairs: the scores of every pair: row, pair, group, names and the metrics.
    """

    record: dict[str, Any]
    pairs: Sequence[Mapping[str, Any]]


@runtime_checkable
class Recipe(Protocol):
    """How a row comes about. Rows may share a training, and an evaluation in one pass."""

    def training(self, data: Data, preset: str) -> str:
        """Name of the training that this row needs; equal names share one."""

    def conditions(self) -> str:
        """Rows of one training with equal conditions are evaluated in one pass."""

    def config(self, data: Data, preset: str, seed: int, trial: Trial) -> Any:
        """The settings, a dataclass with a `train: TrainConfig`."""

    def rehearsals(self, cfg: Any, folder: Path) -> dict[Path, Any]:
        """What else is trained, like the row itself, before it is evaluated: folder and settings.

        Args:
            cfg: settings of the row.
            folder: of its training.
        """

    def is_current(self, record: Mapping[str, Any], data: Data) -> bool:
        """Whether a record of this model was made in the way that this recipe goes."""

    def train(self, cfg: Any, data: Data, folder: Path, trial: Trial) -> None:
        """Train, or go on training, in `folder`; leaves `model.safetensors` when finished."""

    def evaluate(
        self, recipes: Mapping[str, Any], data: Data, folder: Path, device: str, trial: Trial
    ) -> Iterator[tuple[str, Outcome]]:
        """Evaluate rows of one training and equal conditions, by name, `self` among them."""


@dataclass(frozen=True)
class Published:
    """A figure that a paper gives, on its own data.

    Attributes:
        metric: "sdr", ...
        value: as printed.
        data: what it was measured on.
        source: where it stands.
    """

    metric: str
    value: float
    data: str
    source: str


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: in the names of records.
        title: as the table shows it; "{steps}" becomes the number of training steps.
        recipe: how it comes about.
        family: rows of one family differ in nothing that needs another training or another pass.
        modality: kind of sight, where rows differ in it.
        control: whether it is a control, no contender.
        published: what the paper says of it; none: not sourced.
    """

    name: str
    title: str
    recipe: Recipe
    family: str = ""
    modality: str = ""
    control: bool = False
    published: tuple[Published, ...] = ()


class Job(NamedTuple):
    """One cell of the plan: a row on some data, at a size, from a seed.

    Example:
        >>> Job("mixture", "seco-S1", "pocket", 0).name
        'mixture--seco-S1--pocket--seed0'
    """

    row: str
    data: str
    preset: str
    seed: int

    @property
    def name(self) -> str:
        """The stem of its record's file."""
        return f"{self.row}--{self.data}--{self.preset}--seed{self.seed}"


@dataclass(frozen=True)
class Stage:
    """Jobs that belong together; the stages of a table stand in the order they are run in.

    Attributes:
        title: why they are run.
        jobs: in order.
    """

    title: str
    jobs: tuple[Job, ...]


class Versus(NamedTuple):
    """Two rows that are compared pair by pair.

    Attributes:
        row: the one that should be better.
        against: the other.
        claim: the claim that this tests; "": none.
    """

    row: str
    against: str
    claim: str = ""


@dataclass(frozen=True)
class Table:
    """A paper's table.

    Attributes:
        name: in commands and in the folders of records.
        title: for people.
        about: what has to be known to read it, a paragraph.
        rows: in the order they are shown in.
        data: what they are evaluated on.
        presets: sizes.
        stages: what is to be run, the most important first.
        comparisons: of rows, pair by pair.
        metrics: column -> its heading; the first is what rows are compared by.
        unit: of the metrics.
        source: name of the source that trainings take their clips from.
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    data: tuple[Data, ...]
    presets: tuple[str, ...]
    stages: tuple[Stage, ...]
    comparisons: tuple[Versus, ...] = ()
    metrics: Mapping[str, str] = field(
        default_factory=lambda: {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "sdr_gain": "gain"}
    )
    unit: str = "dB"
    source: str = "Orchestra"

    def __post_init__(self) -> None:
        for kind, names in (("rows", [r.name for r in self.rows]), ("data", self._data_names())):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"table {self.name}: {kind} named twice: {', '.join(twice)}")
        for job in self.jobs:
            self.check(job)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All that is to be run, in order."""
        return tuple(job for stage in self.stages for job in stage.jobs)

    def row(self, name: str) -> Row:
        """Look a row up.

        Raises:
            ValueError: there is no such row; the message names those that come close, or all.
        """
        known = {row.name: row for row in self.rows}
        if name in known or get_close_matches(name, known):
            return _look_up(f"row of table {self.name}", name, known)
        families = dict.fromkeys(row.family or row.name for row in self.rows)
        return _look_up(f"row of table {self.name}", name, families)

    def find_data(self, name: str) -> Data:
        """Look the data up, by their name or by that of their split.

        Raises:
            ValueError: there are none of this name; the message names all.
        """
        known = {one.name: one for one in self.data}
        if name not in known:
            splits = {d.split: d for d in reversed(self.data) if d.split}
            if name in splits:
                return splits[name]
        return _look_up(f"data of table {self.name}", name, known)

    def family(self, row: str) -> tuple[str, ...]:
        """Names of the rows that share a row's training and evaluation, itself among them.

        The name of a family does, too; some have no row of that very name.
        """
        known = {r.family for r in self.rows if r.family}
        family = row if row in known else self.row(row).family
        return tuple(r.name for r in self.rows if r.name == row or (family and r.family == family))

    def check(self, job: Job) -> None:
        """Make sure that a job's row, data, preset and seed exist.

        Raises:
            ValueError: one does not; the message names what there is.
        """
        self.row(job.row)
        _look_up(f"data of table {self.name}", job.data, {one.name: one for one in self.data})
        _look_up(f"preset of table {self.name}", job.preset, dict.fromkeys(self.presets))
        if job.seed < 0:
            raise ValueError(f"seed {job.seed}: seeds are counted from 0")

    def _data_names(self) -> list[str]:
        return [one.name for one in self.data]


def find(tables: Mapping[str, Table], name: str) -> Table:
    """Look a table up.

    Raises:
        ValueError: there is no such table; the message names all.
    """
    return _look_up("table", name, tables)


def _look_up(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=6)
    raise ValueError(f"unknown {kind}: {name!r}; there are {', '.join(near or known)}")
