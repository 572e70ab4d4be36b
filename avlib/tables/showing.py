"""What the records say, as Markdown: our rows, the paper beside them, comparisons, what is open."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from avlib.scoring import BASELINES
from avlib.tables.comparing import Paired, over_seeds, paired, verdict
from avlib.tables.core import NOT_SOURCED, Data, Job, Row, Table, Versus
from avlib.tables.running import Place, groups
from avlib.tables.store import Stored, load, other_settings
from avlib.tables.text import cell, grid

Records = Mapping[Job, Stored]


@dataclass(frozen=True)
class Block:
    """The records of one table on the same data at the same size.

    Attributes:
        table: whose.
        data: what they were evaluated on.
        preset: the size.
        records: of the rows, by job.
        stale: why a record is not of this version's recipe; it is shown, and proves nothing.
    """

    table: Table
    data: Data
    preset: str
    records: Records
    stale: Mapping[Job, str]

    @cached_property
    def compared(self) -> dict[Versus, Paired]:
        """The comparisons of which both rows are there."""
        found = ((versus, compare(self, versus)) for versus in self.table.comparisons)
        return {versus: result for versus, result in found if result is not None}

    def chosen(self, family: str) -> dict[int, str]:
        """Which row of a family was chosen, on training categories, for each seed that chose.

        A record of any of them names it, whether or not that row has a record itself.
        """
        found: dict[int, str] = {}
        for row in self.table.rows:
            for stored in self.current(row.name) if (row.family or row.name) == family else ():
                if "chosen_row" in stored.record:
                    found[stored.record["seed"]] = stored.record["chosen_row"]
        return found

    def is_chosen(self, row: str) -> bool:
        """Whether a row is the one that was chosen, for every seed."""
        return set(self.chosen(self.table.row(row).family or row).values()) == {row}

    def seeds(self, row: str) -> list[Stored]:
        """A row's records, by seed."""
        jobs = sorted((job for job in self.records if job.row == row), key=lambda job: job.seed)
        return [self.records[job] for job in jobs]

    def current(self, row: str) -> list[Stored]:
        """A row's records by seed, without those of another recipe."""
        stale = {self.records[job].path for job in self.stale}
        return [stored for stored in self.seeds(row) if stored.path not in stale]


def render(table: Table, place: Place | None = None) -> str:
    """Show a table: every row that has a record, comparisons, claims, and what is open.

    Args:
        table: which.
        place: where the records are.

    Returns:
        Markdown that reads well as plain text, too.
    """
    place = Place() if place is None else place
    records, others = load(table, place.results)
    parts = [f"# {table.title}", table.about, _figures_note(table)]
    blocks = _blocks(table, records, place)
    for block in blocks:
        parts += [*_block_text(block), *_comparison_text(block)]
    if not blocks:
        parts.append(f"There is no record yet in {place.results / table.name}.")
    parts += [*_claims_text(table, blocks), *_open_text(table, records, place)]
    if others:
        names = ", ".join(path.name for path in others)
        parts.append(f"Records that count for no row (trials, parts of the pairs): {names}")
    return "\n\n".join(parts) + "\n"


def _figures_note(table: Table) -> str:
    return (
        f"Figures in {table.unit}: mean [95 % bootstrap interval, resampled by pair of "
        "categories]. Paper: what the paper gives, on its own data, never to be compared digit by "
        f'digit; "{NOT_SOURCED}": its figures are not known to us.'
    )


def _blocks(table: Table, records: Records, place: Place) -> list[Block]:
    blocks = []
    for preset in table.presets:
        for data in table.data:
            those = {j: s for j, s in records.items() if (j.data, j.preset) == (data.name, preset)}
            changed = {
                j: other_settings(s.record, place.config(table, j)) for j, s in those.items()
            }
            if those:
                stale = {job: names[0] for job, names in changed.items() if names}
                blocks.append(Block(table, data, preset, those, stale))
    return blocks


def _block_text(block: Block) -> list[str]:
    """The rows of a block, after the trivial baselines."""
    table = block.table
    head = ["row", *table.metrics.values(), "paper", "pairs", "seed", "steps", "minutes", "device"]
    lines = [*_baseline_lines(block)]
    notes: dict[str, list[str]] = {}
    for job, changed in block.stale.items():
        notes.setdefault(changed, []).append(block.records[job].path.stem)
    for row in table.rows:
        lines += _row_lines(block, row)
    parts = [f"## {block.data.name}, {block.preset}", f"{block.data.title}.", grid(head, lines)]
    chosen = _matching_notes(block)
    stale = [
        f"\\* Not this version's recipe, {why}, so not compared: {', '.join(n)}"
        for why, n in notes.items()
    ]
    return parts + ([chosen] if chosen else []) + stale


def _baseline_lines(block: Block) -> list[list[str]]:
    """The mixture, and ideal masks on every grid that a row's masks are on."""
    found: dict[str, list[str]] = {}
    for stored in block.records.values():
        bins = stored.record["config"].get("bins")
        for name, scores in (stored.record.get("baselines") or {}).items():
            plain = name == BASELINES[0] or bins is None
            cells = [cell(scores.get(metric)) for metric in block.table.metrics]
            line = [*cells, "", str(stored.record["count"]), "", "", "", ""]
            found.setdefault(name if plain else f"{name}, {bins} rows", line)
    order = sorted(found, key=lambda name: (name != BASELINES[0], name))
    return [[name, *found[name]] for name in order]


def _row_lines(block: Block, row: Row) -> list[list[str]]:
    """One line a seed; above several, their mean."""
    seeds = block.seeds(row.name)
    if not seeds:
        return []
    trained = seeds[0].record.get("training", {}).get("steps")
    title = row.title.replace("{steps}", "?" if trained is None else f"{trained:,}")
    title = f"{title} (control)" if row.control else title
    chosen = block.chosen(row.family or row.name)
    lines = []
    for stored in seeds:
        record, training = stored.record, stored.record.get("training", {})
        job = Job(row.name, block.data.name, block.preset, record["seed"])
        mark = " (T chosen)" if chosen.get(record["seed"]) == row.name else ""
        mark += " *" * (job in block.stale)
        lines.append(
            [
                f"{title}{mark}" if len(seeds) == 1 else f"— seed {record['seed']}{mark}",
                *(cell(record["scores"].get(metric)) for metric in block.table.metrics),
                _paper(row) if len(seeds) == 1 else "",
                str(record["count"]),
                str(record["seed"]),
                _steps(record),
                _minutes(training),
                str(training.get("device") or record.get("device", "")),
            ]
        )
    mean_of = block.current(row.name)
    if len(seeds) > 1 and mean_of:
        metrics = [over_seeds([s.scores for s in mean_of], m) for m in block.table.metrics]
        count = f"{len(mean_of)} seed{'s' * (len(mean_of) > 1)}"
        mean = [title, *map(cell, metrics), _paper(row), "", count, "", "", ""]
        lines.insert(0, mean)
    return lines


def _paper(row: Row) -> str:
    """The paper's figures of a row."""
    if not row.published:
        return NOT_SOURCED
    return "; ".join(f"{p.metric} {p.value:g} on {p.data} ({p.source})" for p in row.published)


def _steps(record: Mapping[str, Any]) -> str:
    """Steps of the training; "800 of 2000" where the time was up sooner."""
    training = record.get("training", {})
    done = training.get("steps")
    if done is None:
        return ""
    planned = record["config"]["train"]["steps"]
    return f"{done} of {planned}" if training.get("stopped_by") == "minutes" else str(done)


def _minutes(training: Mapping[str, Any]) -> str:
    seconds = training.get("seconds")
    return "" if seconds is None else f"{seconds / 60:.1f}"


def _matching_notes(block: Block) -> str:
    """What T and beta were chosen, for each training that chose something."""
    found: dict[str, None] = {}
    families: dict[str, str] = {}
    for stored in block.records.values():
        record = stored.record
        note = record.get("chosen")
        if note:
            run = record.get("training", {}).get("run", record["row"])
            family = block.table.row(record["row"]).family
            # A training may have been matched in several ways, each with a choice of its own.
            own = "" if families.setdefault(run, family) == family else f" ({family})"
            found[f"{run}{own}: {note}"] = None
    if not found:
        return ""
    return (
        "T and beta, chosen by a rehearsal: a training without five of the 16 training categories, "
        "tried on pairs of those five:\n\n"
    ) + "\n".join(f"- {line}" for line in found)


def compare(block: Block, versus: Versus) -> Paired | None:
    """Compare two rows of a block over the seeds that both have; None if there is none.

    Records of another recipe than this version's are left out.
    """
    sides = [{s.record["seed"]: s for s in block.current(name)} for name in versus[:2]]
    common = sorted(set(sides[0]) & set(sides[1]))
    if not common:
        return None
    metric = next(iter(block.table.metrics))
    first, second = ([side[seed].scores for seed in common] for side in sides)
    return paired(first, second, metric)


def _comparison_text(block: Block) -> list[str]:
    """All comparisons of which both rows are there."""
    table = block.table
    lines = []
    for versus, result in block.compared.items():
        titles = [table.row(name).title for name in versus[:2]]
        verdict = "yes" if result.excludes_zero else "no"
        lines.append(
            [
                *titles,
                cell(result.interval, True),
                verdict,
                cell(result.by_category, True),
                str(result.count),
                str(result.seeds),
            ]
        )
    if not lines:
        return []
    metric = next(iter(table.metrics.values()))
    head = ["row", "against", f"{metric} difference", "interval excludes zero", "by category"]
    return [
        f"Row against row, pair by pair ({block.data.name}, {block.preset}; paired bootstrap, "
        "resampled by pair of categories; then the same by single category, which is wider: all "
        "pairs are made of a few categories, and of others even that one says too much):",
        grid([*head, "pairs", "seeds"], lines),
    ]


def _claims_text(table: Table, blocks: Sequence[Block]) -> list[str]:
    """For each claim: what our rows say of it, on each data."""
    claims = dict.fromkeys(versus.claim for versus in table.comparisons if versus.claim)
    if not claims:
        return []
    lines = []
    for claim in claims:
        tested = [versus for versus in table.comparisons if versus.claim == claim]
        said = [line for versus in tested if (line := _verdicts(table, blocks, versus))]
        said += _as_chosen(table, blocks, tested)
        lines += [f"- {claim}", *(said or ["  - open: the rows that would tell have no records"])]
    return ["## What our rows say of the claims", "\n".join(lines)]


def _verdicts(table: Table, blocks: Sequence[Block], versus: Versus) -> str:
    """What one comparison says, on each data; empty: nothing yet."""
    parts = []
    for block in blocks:
        if versus in block.compared:
            chosen = ", T chosen" if block.is_chosen(versus.row) else ""
            where = f"{block.data.name} {block.preset}{chosen}"
            result = block.compared[versus]
            parts.append(f"{where}: {verdict(result)} ({cell(result.interval, True)})")
    first, second = (table.row(name).title for name in versus[:2])
    return f"  - {first} against {second}. {'; '.join(parts)}" if parts else ""


def _as_chosen(table: Table, blocks: Sequence[Block], tested: Sequence[Versus]) -> list[str]:
    """Family by family: on how many data what was chosen is better."""
    lines = []
    for family in dict.fromkeys(table.row(versus.row).family for versus in tested):
        own = [versus for versus in tested if table.row(versus.row).family == family]
        if all(versus.row == family for versus in own):
            continue  # nothing to choose between
        found = {
            f"{block.data.name} {block.preset}": word
            for block in blocks
            if (word := _chosen_verdict(block, family, own[0].against))
        }
        if found:
            better = sum(word.startswith("better") for word in found.values())
            where = ", ".join(f"{name} {word}" for name, word in found.items())
            title = table.row(own[0].row).title.partition(", T = ")[0]
            lines.append(f"  - {title}, as chosen: better on {better} of {len(found)} ({where})")
    return lines


def _chosen_verdict(block: Block, family: str, against: str) -> str:
    """Each seed's own choice against a row, over the seeds that both have; empty: nothing yet."""
    chosen = block.chosen(family)
    there = {name: {s.record["seed"]: s for s in block.current(name)} for name in chosen.values()}
    other = {s.record["seed"]: s for s in block.current(against)}
    seeds = sorted(k for k in chosen if k in other and k in there[chosen[k]])
    if not seeds:
        return ""
    if all(chosen[k] == against for k in seeds):
        return "no steps chosen"
    result = paired(
        [there[chosen[k]][k].scores for k in seeds],
        [other[k].scores for k in seeds],
        next(iter(block.table.metrics)),
    )
    return f"{verdict(result)} {cell(result.interval, True)}"


def _open_text(table: Table, records: Records, place: Place) -> list[str]:
    """The rows without a record, stage by stage, with the command that fills them."""
    total = len(table.jobs)
    still = [job for job in table.jobs if job not in records]
    parts = [f"## Open rows: {len(still)} of {total}"]
    if not still:
        return [*parts, "None: every row has its record."]
    for stage in table.stages:
        jobs = [job for job in stage.jobs if job not in records]
        if jobs:
            lines = [
                f"- {_short(table, g)}  \n  `{command(table, g)}`"
                for g in groups(table, jobs, place)
            ]
            heading = f"**{stage.title}** ({len(jobs)} of {len(stage.jobs)} rows are open)"
            parts += [heading, "\n".join(lines)]
    return parts


def _short(table: Table, jobs: Sequence[Job]) -> str:
    """Names of rows of one training, on what, from which seed."""
    first = jobs[0]
    family = table.row(first.row).family
    names = [
        job.row.removeprefix(family) if i and family else job.row for i, job in enumerate(jobs)
    ]
    return f"{', '.join(names)} on {first.data}, {first.preset}, seed {first.seed}"


def command(table: Table, jobs: Sequence[Job]) -> str:
    """The command that runs rows of one training.

    Args:
        table: whose rows.
        jobs: rows of one group, on the same data, at the same size, from the same seed.
    """
    first = jobs[0]
    whole = {name for name in table.family(first.row)} == {job.row for job in jobs}
    rows = first.row if len(jobs) == 1 or whole else " ".join(job.row for job in jobs)
    only = " --only" if not whole or len(jobs) == 1 < len(table.family(first.row)) else ""
    return (
        f"avlib tables run {table.name} --row {rows}{only} --data {first.data} "
        f"--preset {first.preset} --seed {first.seed}"
    )


def overview(tables: Iterable[tuple[Table, Path]]) -> str:
    """One line a table and stage: how many rows are done, and how many are open.

    Args:
        tables: each with the folder of its records.
    """
    lines = []
    for table, results in tables:
        records, _ = load(table, results)
        done = sum(job in records for job in table.jobs)
        lines.append([table.name, table.title, str(done), str(len(table.jobs) - done)])
        for stage in table.stages:
            there = sum(job in records for job in stage.jobs)
            lines.append(["", stage.title, str(there), str(len(stage.jobs) - there)])
    return grid(["table", "rows", "done", "open"], lines)
