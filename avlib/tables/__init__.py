"""The papers' tables: rows as data, a recipe for each; run them, and show paper beside ours.

=================  =========================================================================
``core``           `Table`, `Row`, `Data`, `Job`, `Stage`, `Recipe`: what a table is
``seco``           SeCo's table as data
``seco_recipe``    how its rows are trained and evaluated
``running``        train what is not trained, evaluate in one pass, write a record a row
``store``          the records: where they lie, which are of another model
``comparing``      two rows pair by pair, resampled by pair of categories
``showing``        the table, what it says of the claims, what is open, as Markdown
=================  =========================================================================

A row's record is `results/TABLE/ROW--DATA--PRESET--seedN.json`, with the scores of every pair
beside it as CSV; tables are shown from these alone. A table of another paper is another `Table`.
"""

from collections.abc import Sequence
from pathlib import Path

from avlib import records
from avlib.tables.comparing import Paired, paired
from avlib.tables.core import (
    NOT_SOURCED,
    Data,
    Job,
    Outcome,
    Published,
    Recipe,
    Row,
    Stage,
    Table,
    Trial,
    Versus,
    find,
)
from avlib.tables.running import Place, run_jobs, run_open
from avlib.tables.seco import TABLE as SECO_TABLE
from avlib.tables.showing import command, overview, render

TABLES: dict[str, Table] = {SECO_TABLE.name: SECO_TABLE}
"""The tables by name."""


def run(
    table: str,
    row: str | Sequence[str],
    data: str = "S1",
    preset: str = "pocket",
    seed: int = 0,
    device: str = "auto",
    *,
    results: str | Path = "results",
    runs: str | Path = "runs",
    again: bool = False,
) -> list[Path]:
    """Run rows of a table: train what is not trained, evaluate, write a record a row.

    Rows that need the same training share it, and one pass of evaluation if they are asked for
    together. A row whose record is there is left alone; a training that was stopped goes on.

    Args:
        table: name of the table.
        row: name of a row, or of several.
        data: name of the data, or of their split.
        preset: the size.
        seed: of the training.
        device: where to compute.
        results: folder of the records.
        runs: folder of the trainings.
        again: evaluate rows whose records are there already, with the same weights.

    Returns:
        The records that were written.

    Raises:
        ValueError: no such table, row, data or preset, or a training with other settings.
        FileExistsError: there lies the record of another model.
    """
    entry = find(TABLES, table)
    rows = [row] if isinstance(row, str) else list(row)
    jobs = [Job(name, entry.find_data(data).name, preset, seed) for name in rows]
    return run_jobs(entry, jobs, Place(Path(results), Path(runs), device, again))


def show(table: str, results: str | Path | None = None) -> str:
    """Show a table, from its records alone.

    Args:
        table: its name.
        results: folder of the records; see `results_folder` for where they are without.

    Returns:
        Markdown: every row that has a record, the paper's figure beside it, row against row pair
        by pair, what that says of the claims, and the rows that are open.

    Raises:
        ValueError: no such table.
    """
    entry = find(TABLES, table)
    return render(entry, Place(results_folder(entry.name) if results is None else Path(results)))


def results_folder(table: str) -> Path:
    """Where a table's records are: `results/` here, or those that come with the package.

    Args:
        table: its name.

    Example:
        >>> results_folder("no-such-table").is_dir()
        True
    """
    here = Path("results")
    return here if (here / table).is_dir() else records.folder()


__all__ = [
    "NOT_SOURCED",
    "TABLES",
    "Data",
    "Job",
    "Outcome",
    "Paired",
    "Place",
    "Published",
    "Recipe",
    "Row",
    "Stage",
    "Table",
    "Trial",
    "Versus",
    "command",
    "find",
    "overview",
    "paired",
    "render",
    "results_folder",
    "run",
    "run_jobs",
    "run_open",
    "show",
]
