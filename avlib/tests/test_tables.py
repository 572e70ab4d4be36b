"""Tables: rows are run once, resumed, refused where they are another model's, and shown."""

import itertools
import json
import shutil
from collections import Counter
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from tables_parts import (
    GROUPS,
    Diary,
    LineRecipe,
    jobs,
    pair_row,
    place,
    read,
    small_table,
    table_of,
)

from avlib import scoring, seco, tables
from avlib.cli.dispatch import parse
from avlib.data import SPLITS, category_split
from avlib.metrics import crossed_bootstrap
from avlib.seco.passes import Matching
from avlib.tables import (
    Job,
    Trial,
    Versus,
    command,
    paired,
    render,
    run_jobs,
    run_open,
    seco_recipe,
)
from avlib.tables.comparing import over_seeds
from avlib.tables.running import all_minutes_needed, curves, groups, minutes_needed, trainings
from avlib.tables.seco import ROWS
from avlib.tables.seco import TABLE as SECO
from avlib.tables.store import load, write
from avlib.training import load_checkpoint


@pytest.fixture
def diary():
    return Diary()


@pytest.fixture
def table(diary):
    return small_table(diary)


# --- running


def test_rows_of_one_training_share_it_and_one_pass(table, diary, tmp_path):
    written = run_jobs(table, jobs("line", "wide", "line-T2"), place(tmp_path))
    assert [path.name for path in written] == [
        "line--d1--pocket--seed0.json",
        "line-T2--d1--pocket--seed0.json",
        "wide--d1--pocket--seed0.json",
    ]
    assert diary.trained == [("line-pocket-seed0", 0), ("wide-pocket-seed0", 0)]
    assert diary.evaluated == [("line", "line-T2"), ("wide",)]


def test_a_record_and_its_pairs(table, tmp_path):
    here = place(tmp_path)
    path = run_jobs(table, jobs("line-T2"), here)[0]
    record = read(path)
    keys = {"table", "row", "data", "preset", "seed", "scores", "count", "config", "training"}
    assert keys <= set(record)
    assert [record[key] for key in ("table", "row", "seed")] == ["lines", "line-T2", 0]
    training = record["training"]
    assert (training["run"], training["steps"], training["stopped_by"]) == (
        "line-pocket-seed0",
        6,
        "steps",
    )
    weights, _ = load_checkpoint(tmp_path / "runs/lines/line-pocket-seed0/model")
    rows = table_of(path.with_suffix(".csv"))
    assert [row["pair"] for row in rows] == [str(k) for k in range(12)]
    slope = weights["line.weight"].item()
    sdr = [slope + k % 3 + 2 * (0.1 + 0.02 * k) for k in range(12)]
    assert [float(row["sdr"]) for row in rows] == pytest.approx(sdr, abs=1e-4)
    assert record["scores"]["sdr"]["mean"] == pytest.approx(np.mean(sdr))
    found, others = load(table, here.results)
    assert list(found) == jobs("line-T2")
    assert found[jobs("line-T2")[0]].record == record
    assert others == ()


def test_only_the_models_pairs_are_kept(tmp_path):
    rows = [pair_row(0, 1.0), pair_row(0, 0.0, "mixture"), pair_row(1, 2.0)]
    write(tmp_path / "a.json", {"scores": {"sdr": {}}}, rows)
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "row,pair,group,names,sdr",
        "model,0,a + b,p0 + q0,1.0000",
        "model,1,a + c,p1 + q1,2.0000",
    ]


def test_done_rows_are_left_alone_and_again_evaluates_them(table, diary, tmp_path):
    here = place(tmp_path)
    first = run_jobs(table, jobs("line"), here)
    assert run_jobs(table, jobs("line"), here) == []
    assert len(diary.evaluated) == 1
    assert run_jobs(table, jobs("line"), replace(here, again=True)) == first
    assert len(diary.evaluated) == 2
    assert len(diary.trained) == 1


def test_an_interrupted_evaluation_goes_on_with_the_rows_that_are_open(table, diary, tmp_path):
    diary.stop_after_rows = 1
    here = place(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_jobs(table, jobs("line", "line-T2"), here)
    assert [path.name for path in sorted(here.results.rglob("*"))][1:] == [
        "line--d1--pocket--seed0.csv",
        "line--d1--pocket--seed0.json",
    ]
    before = read(here.results / "lines/line--d1--pocket--seed0.json")
    written = run_jobs(table, jobs("line", "line-T2"), here)
    assert [path.name for path in written] == ["line-T2--d1--pocket--seed0.json"]
    assert diary.evaluated == [("line", "line-T2"), ("line-T2",)]
    assert len(diary.trained) == 1
    assert read(here.results / "lines/line--d1--pocket--seed0.json") == before


def test_an_interrupted_training_goes_on_and_ends_the_same(table, diary, tmp_path):
    straight = run_jobs(table, jobs("line"), place(tmp_path / "straight"))[0]
    diary.stop_at_step = 3
    broken = place(tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        run_jobs(table, jobs("line"), broken)
    assert not list(broken.results.rglob("*.json"))
    resumed = run_jobs(table, jobs("line"), broken)[0]
    assert [start for _, start in diary.trained] == [0, 0, 3]
    assert resumed.with_suffix(".csv").read_text() == straight.with_suffix(".csv").read_text()
    kept = [
        load_checkpoint(tmp_path / name / "runs/lines/line-pocket-seed0/model")[0]
        for name in ("straight", "broken")
    ]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_records_of_another_model_are_refused(table, tmp_path):
    here = place(tmp_path)
    path = run_jobs(table, jobs("line"), here)[0]
    record = read(path)

    other = json.loads(json.dumps(record))
    other["config"]["width"] = 9
    path.write_text(json.dumps(other))
    for again in (False, True):
        with pytest.raises(FileExistsError, match=r"another model \(width: 9 became 1\); move it"):
            run_jobs(table, jobs("line"), replace(here, again=again))

    # What does not change what is learnt may differ.
    other["config"] = record["config"] | {"train": record["config"]["train"] | {"device": "cuda"}}
    path.write_text(json.dumps(other))
    assert run_jobs(table, jobs("line"), here) == []

    other["training"] = record["training"] | {"checkpoint": "feed"}
    path.write_text(json.dumps(other))
    with pytest.raises(FileExistsError, match="weights: checkpoint feed became"):
        run_jobs(table, jobs("line"), here)
    shutil.rmtree(here.runs)  # nothing to compare with: the record stands
    assert run_jobs(table, jobs("line"), here) == []

    path.write_text("{")
    with pytest.raises(ValueError, match="this record is damaged"):
        run_jobs(table, jobs("line"), here)


def test_a_finished_training_of_other_settings_is_refused(table, diary, tmp_path):
    here = place(tmp_path)
    run_jobs(table, jobs("line"), here)
    shutil.rmtree(here.results)
    model = here.runs / "lines/line-pocket-seed0/model.json"
    record = read(model)
    record["config"]["train"]["lrs"]["line"] = 0.5
    model.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"finished training with other settings \(train.lrs.line"):
        run_jobs(table, jobs("line"), here)
    record["config"]["train"]["lrs"]["line"] = 0.1
    model.write_text(json.dumps(record | {"data": {"name": "ClipFolder"}}))
    with pytest.raises(ValueError, match="data: ClipFolder instead of Orchestra"):
        run_jobs(table, jobs("line"), here)
    assert len(diary.trained) == 1


def test_a_training_cut_short_goes_on_unless_a_row_is_of_it(table, diary, tmp_path):
    here = place(tmp_path)
    run_jobs(table, jobs("line"), here)
    model = here.runs / "lines/line-pocket-seed0/model.json"
    model.write_text(json.dumps(read(model) | {"stopped_by": "minutes", "seconds": 5.0}))
    run_jobs(table, jobs("line-T2"), here)
    assert len(diary.trained) == 1  # "line" has its record of this checkpoint
    shutil.rmtree(here.results)
    run_jobs(table, jobs("line"), here)
    assert len(diary.trained) == 2
    assert read(model)["stopped_by"] == "steps"


def test_a_training_cut_short_is_kept_if_another_row_was_chosen_by_it(table, diary, tmp_path):
    here = place(tmp_path)
    other = run_jobs(table, jobs("line", "wide"), here)[1]
    model = here.runs / "lines/line-pocket-seed0/model.json"
    model.write_text(json.dumps(read(model) | {"stopped_by": "minutes", "seconds": 5.0}))
    here.record(table, jobs("line")[0]).unlink()
    by = {"run": "line-pocket-seed0", "seconds": 5.0, "steps": read(model)["steps"]}
    other.write_text(json.dumps(read(other) | {"matching": {"chosen": {"by": by}}}))
    run_jobs(table, jobs("line-T2"), here)
    assert len(diary.trained) == 2
    # Another training of that name is not the one that was chosen by.
    by["seconds"] = 4.0
    other.write_text(json.dumps(read(other) | {"matching": {"chosen": {"by": by}}}))
    here.record(table, jobs("line-T2")[0]).unlink()
    run_jobs(table, jobs("line-T2"), here)
    assert len(diary.trained) == 3


def test_a_trial_counts_for_no_row(table, diary, tmp_path):
    here = place(tmp_path)
    trial = replace(here, trial=Trial(steps=2, pairs=4))
    path = run_jobs(table, jobs("line"), trial)[0]
    assert path.stem == "line--d1--pocket--seed0--trial-steps2-pairs4"
    assert diary.trained == [("line-pocket-seed0-trial-steps2-pairs4", 0)]
    record = read(path)
    assert (record["trial"], record["count"]) == ({"steps": 2, "pairs": 4}, 2)
    assert load(table, here.results) == ({}, (path,))
    # Nor does it under a row's name, whether its training or its pairs were cut short.
    path = path.rename(path.with_name("line--d1--pocket--seed0.json"))
    for cut in ({"trial": None}, {"limit": None}):
        path.write_text(json.dumps(record | cut))
        assert load(table, here.results)[0] == {}
    assert "Open rows: 5 of 5" in render(table, here)


def test_open_rows_are_run_in_order_while_there_is_time(table, diary, tmp_path):
    here = place(tmp_path)
    run_jobs(table, jobs("wide"), here)
    assert run_open(table, table.jobs, here, minutes=0.0) == []
    # A training may take a minute; it is not begun where less is left.
    assert run_open(table, table.jobs, here, minutes=0.9) == []
    assert len(diary.evaluated) == 1
    written = run_open(table, table.jobs, here)
    assert [(read(p)["row"], read(p)["data"], read(p)["seed"]) for p in written] == [
        ("line", "d1", 0),
        ("line-T2", "d1", 0),
        ("line", "d2", 0),
        ("line", "d2", 1),
    ]
    # d2 is evaluated with the training of d1, which has the same name
    assert [name for name, _ in diary.trained[1:]] == ["line-pocket-seed0", "line-pocket-seed1"]
    assert run_open(table, table.jobs, here) == []


def test_how_long_a_training_still_takes(table, diary, tmp_path):
    here = place(tmp_path)
    job = jobs("line")[0]
    folder, cfg = here.folder(table, job), here.config(table, job)
    assert minutes_needed(folder, cfg) == 1
    diary.stop_at_step = 3
    with pytest.raises(KeyboardInterrupt):
        run_jobs(table, [job], here)
    state = folder / "step-00000003/state.json"
    state.write_text(json.dumps(read(state) | {"seconds": 45.0}))
    assert minutes_needed(folder, cfg) == 0.25
    assert minutes_needed(folder, cfg.changed(max_minutes=None)) is None
    run_jobs(table, [job], here)
    assert minutes_needed(folder, cfg) == 0


def test_a_rehearsal_is_trained_before_its_row_is_evaluated(table, diary, tmp_path):
    careful = replace(table.rows[1], recipe=LineRecipe(diary, 2, rehearsed=True))
    table = replace(table, rows=(table.rows[0], careful, table.rows[2]))
    here = place(tmp_path)
    both = jobs("line", "line-T2")
    assert [path.name for path in trainings(table, both[:1], here)] == ["line-pocket-seed0"]
    names = ["line-pocket-seed0", "before-line-pocket-seed0"]
    assert [path.name for path in trainings(table, both, here)] == names
    assert all_minutes_needed(trainings(table, both, here)) == 2
    # There is time for the one, and not for both: neither is begun.
    assert run_open(table, both, here, 1.5) == []
    assert diary.trained == []
    run_jobs(table, both, here)
    assert [name for name, _ in diary.trained] == names
    assert diary.evaluated == [("line", "line-T2")]
    assert diary.rehearsed == [True]
    assert all_minutes_needed(trainings(table, both, here)) == 0
    ((folder, cfg),) = trainings(table, jobs("line", seed=5), here).items()
    assert all_minutes_needed({folder: cfg.changed(max_minutes=None)}) is None


def test_a_record_holds_the_curves_of_its_training(table, tmp_path):
    (path,) = run_jobs(table, jobs("line"), place(tmp_path))
    training = read(path)["training"]
    assert training["curve"] == {"step": []}  # six steps, and a line every ten
    assert training["validation"] == {}
    lines = [
        {"step": step, "loss": 9.0, "term/a": float(step), "term/b": 1.0, "seconds": 1.0}
        for step in (1, 2, 3, 5)
    ]
    lines.insert(2, {"step": 2, "validation/score": 0.5, "validation/sdr_gain": -1.0})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert curves(tmp_path, every=2) == {
        "curve": {"step": [2, 4, 6], "a": [1.5, 3.0, 5.0], "b": [1.0, 1.0, 1.0]},
        "validation": {"step": [2], "score": [0.5], "sdr_gain": [-1.0]},
    }


def test_unknown_names_are_named_with_what_there_is(table, tmp_path):
    here = place(tmp_path)
    with pytest.raises(ValueError, match="unknown row of table lines: 'x'; there are line, wide"):
        run_jobs(table, jobs("x"), here)
    with pytest.raises(ValueError, match=r"unknown row of table lines: 'line-T3'; .* line-T2"):
        run_jobs(table, jobs("line-T3"), here)
    with pytest.raises(ValueError, match="unknown data of table lines: 'd9'; there are d"):
        run_jobs(table, jobs("line", data="d9"), here)
    with pytest.raises(ValueError, match="unknown preset of table lines: 'huge'; there are pocket"):
        run_jobs(table, [Job("line", "d1", "huge", 0)], here)
    with pytest.raises(ValueError, match="seed -1"):
        run_jobs(table, jobs("line", seed=-1), here)
    with pytest.raises(ValueError, match="unknown table: 'x'; there are seco"):
        tables.show("x")
    with pytest.raises(ValueError, match="unknown data of table seco: 'S9'; there are"):
        tables.run("seco", "seco-both-video", "S9")
    with pytest.raises(ValueError, match="unknown preset of table seco: 'tiny'"):
        tables.run("seco", "seco-both-video", "S1", "tiny", results=tmp_path, runs=tmp_path)
    assert not list(tmp_path.iterdir())


# --- comparing


def scores_file(path, sdr, **more):
    rows = [pair_row(k, value, **more) for k, value in sdr.items()]
    write(path, {"scores": {m: {} for m in scoring.METRICS}}, rows)
    return path.with_suffix(".csv")


def test_paired_interval_equals_all_draws_of_groups(tmp_path):
    rng = np.random.default_rng(0)
    a = {k: float(v) for k, v in enumerate(rng.normal(2, 1, 11))}
    b = {k: v - 1 - k % 3 for k, v in a.items()}
    result = paired([scores_file(tmp_path / "a", a)], [scores_file(tmp_path / "b", b)])

    # Every way to draw three groups out of three: 27, equally likely.
    members = [[k for k in a if k % 3 == g] for g in range(3)]
    means = sorted(
        np.mean([a[k] - b[k] for g in drawn for k in members[g]])
        for drawn in itertools.product(range(3), repeat=3)
    )
    low, high = np.quantile(means, [0.025, 0.975], method="inverted_cdf")
    assert result.interval.mean == pytest.approx(np.mean([a[k] - b[k] for k in a]), abs=1e-4)
    assert (result.interval.low, result.interval.high) == pytest.approx((low, high), abs=1e-3)
    assert (result.count, result.seeds, result.excludes_zero) == (11, 1, True)

    # By category: every way to draw three members out of three that leaves any pair.
    found = []
    for drawn in itertools.product("abc", repeat=3):
        times = {k: np.prod([drawn.count(m) for m in GROUPS[k % 3].split(" + ")]) for k in a}
        if any(times.values()):
            weights = [times[k] for k in a]
            found.append(np.average([a[k] - b[k] for k in a], weights=weights))
    low, high = np.quantile(sorted(found), [0.025, 0.975], method="inverted_cdf")
    wider = result.by_category
    assert wider.mean == result.interval.mean
    assert (wider.low, wider.high) == pytest.approx((low, high), abs=1e-3)


def test_the_wider_interval_hangs_on_single_categories(tmp_path):
    rng, groups = np.random.default_rng(1), [*itertools.combinations("abcde", 2)]
    effect = dict(zip("abcde", rng.normal(size=5), strict=True))
    rows = [
        pair_row(k, effect[one] + effect[other], group=f"{one} + {other}")
        for k, (one, other) in enumerate(groups)
    ]
    zeros = [row | {"sdr": 0.0} for row in rows]
    for name, table in (("a", rows), ("b", zeros)):
        write(tmp_path / name, {"scores": {m: {} for m in scoring.METRICS}}, table)
    result = paired([tmp_path / "a.csv"], [tmp_path / "b.csv"])
    values = [row["sdr"] for row in rows]
    for ours, direct in zip(result.by_category, crossed_bootstrap(values, groups), strict=True):
        assert ours == pytest.approx(direct, abs=1e-3)
    assert result.by_category.low < result.interval.low - 0.1
    assert result.by_category.high > result.interval.high + 0.1


def test_comparison_is_over_common_pairs_and_the_mean_of_seeds(tmp_path):
    first = [
        scores_file(tmp_path / "a0", {0: 3.0, 1: 1.0, 2: 9.0}),
        scores_file(tmp_path / "a1", {0: 5.0, 1: 3.0}),
    ]
    second = [
        scores_file(tmp_path / "b0", {0: 1.0, 1: 1.0, 2: 0.0}),
        scores_file(tmp_path / "b1", {0: 1.0, 1: 1.0, 2: 0.0}),
    ]
    result = paired(first, second)
    assert (result.interval.mean, result.count, result.seeds) == (2, 2, 2)  # of 3 and 1
    assert (result.interval.low, result.interval.high) == (1, 3)
    assert over_seeds(first, "sdr").mean == 3
    worse = paired(second, first)
    assert worse.interval.mean == -2
    assert worse.excludes_zero
    assert not paired(first[:1], [scores_file(tmp_path / "c", {0: 4.0, 1: 0.0})]).excludes_zero


def test_rows_on_other_pairs_are_not_compared(tmp_path):
    a = scores_file(tmp_path / "a", {0: 1.0})
    with pytest.raises(ValueError, match="no pair in common"):
        paired([a], [scores_file(tmp_path / "b", {1: 1.0})])
    with pytest.raises(ValueError, match="pair 0 is not the same in"):
        paired([a], [scores_file(tmp_path / "c", {0: 1.0}, names="others")])
    with pytest.raises(ValueError, match="as many seeds of both rows: 1 and 2"):
        paired([a], [a, a])


# --- showing


SHOWN = """\
# Lines

About lines.

Figures in dB: mean [95 % bootstrap interval, resampled by pair of categories]. Paper: what the \
paper gives, on its own data, never to be compared digit by digit; "not sourced": its figures are \
not known to us.

## d1, pocket

twelve points.

| row         | SDR               | SIR               | SAR               | gain              | \
paper       | pairs | seed    | steps | minutes | device |
|-------------|-------------------|-------------------|-------------------|-------------------|-\
------------|-------|---------|-------|---------|--------|
| mixture     | 0.50 [0.50, 0.50] |                   |                   |                   | \
            | 3     |         |       |         |        |
| Line        | 2.00 [1.00, 3.00] | 3.00 [2.00, 4.00] | 4.00 [3.00, 5.00] | 1.50 [0.50, 2.50] | \
not sourced |       | 2 seeds |       |         |        |
| — seed 0    | 1.00 [0.50, 1.50] |                   |                   |                   | \
            | 3     | 0       | 6     | 2.0     | here   |
| — seed 1    | 1.00 [0.50, 1.50] |                   |                   |                   | \
            | 3     | 1       | 6     | 2.0     | here   |
| Line, T = 2 | 1.00 [0.50, 1.50] |                   |                   |                   | \
not sourced | 3     | 0       | 6     | 2.0     | here   |

Row against row, pair by pair (d1, pocket; paired bootstrap, resampled by pair of categories; then \
the same by single category, which is wider: all pairs are made of a few categories, and of others \
even that one says too much):

| row         | against | SDR difference       | interval excludes zero | by category          | \
pairs | seeds |
|-------------|---------|----------------------|------------------------|----------------------|-\
------|-------|
| Line, T = 2 | Line    | +1.00 [+0.50, +1.50] | yes                    | +1.00 [+0.50, +1.50] | \
3     | 1     |

## What our rows say of the claims

- Steps help.
  - Line, T = 2 against Line. d1 pocket: better (+1.00 [+0.50, +1.50])

## Open rows: 3 of 5

**First** (1 of 3 rows are open)

- wide on d1, pocket, seed 0  
  `avlib tables run lines --row wide --data d1 --preset pocket --seed 0`

**Later** (2 of 2 rows are open)

- line on d2, pocket, seed 0  
  `avlib tables run lines --row line --only --data d2 --preset pocket --seed 0`
- line on d2, pocket, seed 1  
  `avlib tables run lines --row line --only --data d2 --preset pocket --seed 1`
"""


def record_by_hand(table, here, row, seed, sdr):
    job = Job(row, "d1", "pocket", seed)
    figure = {"mean": 1.0, "low": 0.5, "high": 1.5}
    path = here.record(table, job)
    config = asdict(here.config(table, job))
    record = job._asdict() | {
        "table": "lines",
        "config": config,
        "scores": {"sdr": figure},
        "baselines": {"mixture": {"sdr": dict.fromkeys(figure, 0.5)}},
        "count": 3,
        "training": {"steps": 6, "seconds": 120.0, "device": "here", "run": "line-pocket-seed0"},
    }
    scores_file(path, dict(enumerate(sdr)))
    path.write_text(json.dumps(record))
    return path


def test_what_is_shown_of_a_folder_made_by_hand(table, tmp_path):
    here = place(tmp_path)
    record_by_hand(table, here, "line", 0, (0.0, 1.5, 3.0))
    record_by_hand(table, here, "line", 1, (2.0, 2.5, 3.0))
    path = record_by_hand(table, here, "line-T2", 0, (0.5, 2.5, 4.5))
    assert render(table, here) == SHOWN

    record = read(path) | {"chosen": "T = 2", "chosen_row": "line-T2"}
    record["config"]["train"]["max_minutes"] = 9.0  # changes nothing of what is learnt
    path.write_text(json.dumps(record))
    shown = render(table, here)
    assert "| Line, T = 2 (T chosen) |" in shown
    assert "Not this version's recipe" not in shown
    assert "- line-pocket-seed0: T = 2" in shown
    assert "d1 pocket, T chosen: better" in shown
    assert "  - Line, as chosen: better on 1 of 1 (d1 pocket better +1.00 [+0.50, +1.50])" in shown


def test_a_record_of_another_recipe_is_shown_and_not_compared(table, tmp_path):
    here = place(tmp_path)
    record_by_hand(table, here, "line", 0, (0.0, 1.5, 3.0))
    paths = [
        record_by_hand(table, here, "line-T2", seed, (0.5 + seed, 2.5, 4.5)) for seed in (0, 1)
    ]
    assert "row | against" in " ".join(render(table, here).split())

    record = read(paths[0]) | {"chosen": "T = 2", "chosen_row": "line-T2"}
    record["training"]["stopped_by"] = "minutes"
    record["config"]["train"]["steps"] = 9
    paths[0].write_text(json.dumps(record))
    shown = render(table, here)
    assert "| — seed 0 * " in shown
    assert "| 6 of 9 |" in shown
    why = "train.steps: 9 became 6, so not compared: line-T2--d1--pocket--seed0\n"
    assert f"\n\\* Not this version's recipe, {why}" in shown
    # Of the two seeds the other one is left: the row's mean is its own, and seed 0 has no rival.
    [mean] = [line for line in shown.splitlines() if line.startswith("| Line, T = 2 ")]
    assert "| 2.83 [1.50, 4.50] " in mean
    assert "| 1 seed " in mean
    assert "against" not in shown.partition("## What our rows say")[0]
    assert "- open: the rows that would tell have no records" in shown
    assert "as chosen" not in shown


def chosen_by_hand(table, here, seed, chose, plain, stepped):
    """One seed's rows of the family "line"; `chose` is the T that validation preferred."""
    record_by_hand(table, here, "line", seed, plain)
    path = record_by_hand(table, here, "line-T2", seed, stepped)
    row = "line" if chose == 0 else f"line-T{chose}"
    path.write_text(json.dumps(read(path) | {"chosen": f"T = {chose}", "chosen_row": row}))


def test_who_chose_no_steps_counts_too(table, tmp_path):
    here = place(tmp_path)
    chosen_by_hand(table, here, 0, 0, (0.0, 1.5, 3.0), (1.0, 2.5, 4.0))
    shown = render(table, here)
    assert "  - Line, as chosen: better on 0 of 1 (d1 pocket no steps chosen)" in shown
    assert "| Line (T chosen)" in shown
    assert "Line, T = 2 (T chosen)" not in shown


def test_a_chosen_row_without_a_record_is_open_and_no_choice_of_no_steps(table, tmp_path):
    here = place(tmp_path)
    chosen_by_hand(table, here, 0, 5, (0.0, 1.5, 3.0), (1.0, 2.5, 4.0))
    shown = render(table, here)
    assert "(T chosen)" not in shown
    assert "as chosen" not in shown
    assert "- line-pocket-seed0: T = 5" in shown


def test_a_family_need_not_have_a_row_without_steps(table, tmp_path):
    here = place(tmp_path)
    moved = replace(table.rows[1], name="part-T2", title="Part, T = 2", family="part")
    table = replace(
        table,
        rows=(*table.rows, moved),
        comparisons=(*table.comparisons, Versus("part-T2", "line", "Parts help.")),
    )
    record_by_hand(table, here, "line", 0, (0.0, 1.5, 3.0))
    path = record_by_hand(table, here, "part-T2", 0, (1.0, 2.5, 4.0))
    for row, mark in (("part-T2", True), ("line", False)):
        path.write_text(json.dumps(read(path) | {"chosen": "T", "chosen_row": row}))
        shown = render(table, here)
        assert ("| Part, T = 2 (T chosen)" in shown) == mark
        assert "| Line (T chosen)" not in shown  # no choice of its own family
        word = "better +1.00 [+1.00, +1.00]" if mark else "no steps chosen"
        assert f"  - Part, as chosen: better on {int(mark)} of 1 (d1 pocket {word})" in shown
    # Two choices for one training: the second says whose it is.
    chosen_by_hand(table, here, 0, 2, (0.0, 1.5, 3.0), (1.0, 2.5, 4.0))
    notes = [line for line in render(table, here).splitlines() if line.startswith("- line-pocket")]
    assert notes == ["- line-pocket-seed0: T = 2", "- line-pocket-seed0 (part): T"]


def test_no_steps_chosen_is_compared_with_another_row(table, tmp_path):
    here, beats = place(tmp_path), "Beats the wide one."
    rivals = (Versus("line", "wide", beats), Versus("line-T2", "wide", beats))
    table = replace(table, comparisons=rivals)
    chosen_by_hand(table, here, 0, 0, (0.0, 1.5, 3.0), (9.0, 9.0, 9.0))
    record_by_hand(table, here, "wide", 0, (1.0, 2.5, 4.0))
    shown = render(table, here)
    assert "as chosen: better on 0 of 1 (d1 pocket worse -1.00 [-1.00, -1.00])" in shown


def test_every_seed_is_judged_by_its_own_choice(table, tmp_path):
    here = place(tmp_path)
    wide = (0.0, 0.0, 0.0)
    table = replace(
        table, comparisons=(Versus("line", "wide", "Wins."), Versus("line-T2", "wide", "Wins."))
    )
    chosen_by_hand(table, here, 0, 2, (-9.0, -9.0, -9.0), (1.0, 1.0, 1.0))
    chosen_by_hand(table, here, 1, 0, (3.0, 3.0, 3.0), (-9.0, -9.0, -9.0))
    for seed in (0, 1):
        record_by_hand(table, here, "wide", seed, wide)
    shown = render(table, here)
    assert "as chosen: better on 1 of 1 (d1 pocket better +2.00 [+2.00, +2.00])" in shown
    assert "pocket, T chosen:" not in shown  # no row is what both chose


def test_ideal_masks_say_on_which_grid_they_are(table, tmp_path):
    here = place(tmp_path)
    for row, bins, ideal in (("line", 64, 12.0), ("wide", 128, 16.0)):
        path = record_by_hand(table, here, row, 0, (0.0, 1.0, 2.0))
        record = read(path)
        record["config"]["bins"] = bins
        figure = {"sdr": dict.fromkeys(("mean", "low", "high"), ideal)}
        record["baselines"]["ideal ratio mask"] = figure
        path.write_text(json.dumps(record))
    lines = [line for line in render(table, here).splitlines() if line.startswith("| ideal")]
    assert [line.split("[")[0].replace(" ", "") for line in lines] == [
        "|idealratiomask,128rows|16.00",
        "|idealratiomask,64rows|12.00",
    ]
    assert render(table, here).count("| mixture") == 1


def test_an_empty_folder_shows_what_is_open(table, tmp_path):
    shown = render(table, place(tmp_path))
    assert "There is no record yet in" in shown
    assert "Open rows: 5 of 5" in shown
    assert "  - open: the rows that would tell have no records" in shown
    assert "- line, -T2 on d1, pocket, seed 0" in shown
    run_jobs(table, table.jobs, place(tmp_path))
    whole = render(table, place(tmp_path))
    assert "Open rows: 0 of 5\n\nNone: every row has its record." in whole
    listed = tables.overview([(table, tmp_path / "results")]).splitlines()
    assert [line.strip("| ").split() for line in listed[2:]] == [
        ["lines", "|", "Lines", "|", "5", "|", "0"],
        ["First", "|", "3", "|", "0"],
        ["Later", "|", "2", "|", "0"],
    ]


# --- SeCo's table


def test_every_row_of_the_issue_is_planned():
    names = {row.name for row in ROWS}
    for sight, terms in itertools.product(
        ("video", "image", "skeleton"), ("none", "inter", "intra", "both")
    ):
        assert f"seco-{terms}-{sight}" in names
        matched = {f"seco-{terms}-{sight}-T{t}" for t in (1, 2, 5, 10)}
        assert matched <= names if terms != "none" else not matched & names
    planned = set(SECO.jobs)
    for split, row in itertools.product(SPLITS, ROWS):
        assert Job(row.name, f"seco-{split}", "pocket", 0) in planned
    for seed, split in itertools.product((1, 2), SPLITS):
        assert Job("seco-both-video-T5", f"seco-{split}", "pocket", seed) in planned
    assert max(Counter(SECO.jobs).values()) == 1
    first = [job for stage in SECO.stages[:2] for job in stage.jobs]
    assert {job.row for job in first} >= {"sound-of-pixels", "seco-both-skeleton-T10"}


def test_rows_share_a_training_exactly_where_their_settings_are_the_same(tmp_path):
    here = place(tmp_path)
    by_folder, by_settings = {}, {}
    for job in SECO.jobs:
        if job.seed == 0 and job.data != "seco-S3" and "N3" not in job.data:
            settings = json.dumps(asdict(here.config(SECO, job)), sort_keys=True)
            folder = here.folder(SECO, job)
            assert by_folder.setdefault(folder, settings) == settings, job
            assert by_settings.setdefault(settings, folder) == folder, job


def test_settings_are_what_the_row_says(tmp_path):
    here = place(tmp_path)

    def of(row, data="seco-S2", seed=1):
        return here.config(SECO, Job(row, data, "pocket", seed))

    cfg = of("seco-inter-skeleton-T5")
    assert (cfg.consistency, cfg.modality, cfg.split, cfg.seed, cfg.train.seed) == (
        "inter",
        "skeleton",
        "S2",
        1,
        1,
    )
    assert not of("seco-both-video-frozen-encoder").train_encoder
    assert of("seco-both-video-sum-distance").distance == "sum"
    assert of("seco-both-video-log-masked").encoder_input == "log_masked"
    assert of("seco-both-skeleton-noisy").joint_noise == "estimator"
    assert of("seco-both-skeleton-noisy-test").joint_noise is None
    assert of("seco-none-video-untrained-encoder-T5").consistency == "none"
    for split in SPLITS:
        cfg = of("sound-of-pixels", f"seco-{split}")
        assert cfg.instruments == category_split(split)[0]
        assert not set(cfg.instruments) & set(SPLITS[split])
        video = of("seco-both-video", f"seco-{split}")
        assert cfg.front_end == video.front_end
        assert cfg.train.max_minutes == video.train.max_minutes
        assert (cfg.expression, cfg.transpose) == (video.expression, video.transpose) == (1.0, 9)
        assert (cfg.augment, video.augment) == (False, "none")
        assert cfg.batch_size * cfg.pairings == video.batch_size * video.pairings
        assert cfg.train.steps == video.train.steps
        assert (cfg.bins, cfg.depth) == (128, 6)
        coarse = of("sound-of-pixels-coarse", f"seco-{split}")
        assert (coarse.bins, coarse.depth) == (video.bins, video.depth) == (64, 5)
        assert coarse.changed(bins=cfg.bins, depth=cfg.depth) == cfg
        fine, plain = (of(f"seco-both-skeleton{name}", f"seco-{split}") for name in ("-fine", ""))
        assert (fine.bins, fine.depth, fine.train.max_minutes) == (cfg.bins, cfg.depth, 15.0)
        assert fine.changed(bins=plain.bins, depth=plain.depth, max_minutes=10.0) == plain
    large, other = (
        here.config(SECO, Job(row, "seco-S1", "paper", 0))
        for row in ("seco-both-skeleton-fine", "sound-of-pixels")
    )
    assert (large.bins, large.depth) == (other.bins, other.depth) == (256, 7)
    assert large.train.max_minutes is None


def test_a_family_is_known_by_its_name_and_by_its_rows():
    moved = tuple(f"seco-both-skeleton-separator-T{t}" for t in (1, 2, 5, 10))
    assert SECO.family("seco-both-skeleton-separator") == SECO.family(moved[2]) == moved
    plain = SECO.family("seco-both-skeleton")
    assert plain == SECO.family("seco-both-skeleton-T5")
    assert plain[:2] == ("seco-both-skeleton", "seco-both-skeleton-T1")
    assert SECO.family("sound-of-pixels") == ("sound-of-pixels",)
    with pytest.raises(ValueError, match="unknown row of table seco: 'seco-both-skeletons'"):
        SECO.family("seco-both-skeletons")


def test_the_command_of_an_open_row_runs_just_that_row(tmp_path):
    here = place(tmp_path)
    some = [job for job in SECO.jobs if job.seed == 0]
    for group in groups(SECO, some, here)[::3]:
        for wanted in (group, group[:1]):
            words = command(SECO, wanted).split()
            assert words[:3] == ["avlib", "tables", "run"]
            assert parse(words[1:])._jobs(SECO, here) == wanted


def test_rows_of_a_kind_of_sight_share_a_rehearsal_with_both_terms(tmp_path):
    here, shared = place(tmp_path), {}
    for row, data in itertools.product(ROWS, ("seco-S2", "seco-S2-N3")):
        job = Job(row.name, data, "pocket", 1)
        cfg, folder = here.config(SECO, job), here.folder(SECO, job)
        found = row.recipe.rehearsals(cfg, folder)
        if not getattr(row.recipe, "steps", 0):
            assert found == {}
            continue
        ((other, changed),) = found.items()
        grid = "-fine" if cfg.bins == 128 else ""  # another network: a rehearsal of its own
        assert other == folder.with_name(f"both{grid}-{cfg.modality}-S2-fold-pocket-seed1")
        both = here.config(SECO, Job(f"seco-both-{cfg.modality}{grid}", "seco-S2", "pocket", 1))
        assert changed == both.changed(split="S2-fold")
        assert shared.setdefault(other, changed) == changed
    assert len(shared) == 4


def test_a_rehearsal_has_the_switches_of_its_row_and_a_folder_of_its_own(tmp_path):
    recipe = seco_recipe.SeCoRecipe("inter", "video", 5, "sum", {"distance": "sum"})
    data, trial = SECO.find_data("S3"), Trial(steps=4)
    cfg = recipe.config(data, "pocket", 2, trial)
    folder = tmp_path / f"{recipe.training(data, 'pocket')}-seed2-{trial.mark}"
    ((other, changed),) = recipe.rehearsals(cfg, folder).items()
    assert other.name == "both-sum-video-S3-fold-pocket-seed2-trial-steps4"
    assert (changed.distance, changed.split, changed.train.steps) == ("sum", "S3-fold", 4)
    with pytest.raises(ValueError, match="is no training of inter-sum-video-S3-pocket"):
        recipe.rehearsals(cfg, tmp_path / "inter-video-S3-pocket-seed2")


def test_records_of_another_way_to_choose_do_not_count(tmp_path):
    data = SECO.find_data("S1")
    matched = seco_recipe.SeCoRecipe("both", "video", 5)
    for pairs, current in (("seco-S1-fold", True), ("seco-S1-validation", False)):
        record = {"matching": {"chosen": {"pairs": pairs}}}
        assert matched.is_current(record, data) == current
    assert not matched.is_current({"matching": None}, data)
    assert seco_recipe.SeCoRecipe("both", "video").is_current({"matching": None}, data)
    assert seco_recipe.SoundOfPixelsRecipe().is_current({}, data)


def test_a_record_made_in_another_way_is_replaced(table, diary, tmp_path, monkeypatch):
    here = place(tmp_path)
    run_jobs(table, jobs("line"), here)
    assert run_jobs(table, jobs("line"), here) == []
    monkeypatch.setattr(LineRecipe, "is_current", lambda *_: False)
    assert len(run_jobs(table, jobs("line"), here)) == 1
    assert len(diary.trained) == 1


def test_a_choice_holds_as_long_as_the_same_is_asked(tmp_path, monkeypatch):
    model = seco.SeCo(seco.pocket("attributes", "S1-fold"))
    folder = tmp_path / "both-attributes-S1-fold-pocket-seed0"
    asked, moved = [], []

    def choose(model, pairs, **how):
        asked.append((pairs, how["limit"], how["terms"]))
        moved.append(how["adapt"])
        return seco.Choice(2, 0.5, (), pairs, 60, Matching())

    monkeypatch.setattr(seco, "choose_matching", choose)

    def again(pairs=None, terms="both", adapt=()):
        seco.save(model, folder / "model", {"steps": 7, "stopped_by": "steps", "seconds": 1.0})
        cfg = model.cfg.changed(split="S1", consistency=terms)
        return seco_recipe._choose(cfg, folder, "cpu", Trial(None, pairs), adapt)

    assert again() == again()
    by = {"run": folder.name, "steps": 7, "stopped_by": "steps", "seconds": 1.0}
    assert again()["by"] == by | {"weights": model.fingerprint()}
    every = ("inter_positive", "inter_negative", "intra_negative")
    assert asked == [("seco-S1-fold", 32, every)]
    assert again(terms="intra") == again(terms="intra")
    assert asked[1:] == [("seco-S1-fold", 32, ("intra_negative",))]
    again(terms="none")  # a control, matched with all three
    assert len(asked) == 2
    assert again(adapt=("separator",)) == again(adapt=("separator",))
    assert moved == [seco.EVERYTHING] * 2 + [("separator",)]
    asked.pop()
    again(pairs=4)
    assert asked[2:] == [("seco-S1-fold", 4, every)]
    monkeypatch.setattr(seco, "step_sizes", lambda model: (7.0,))
    again(pairs=4)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    again(pairs=4)
    again(pairs=4)
    assert len(asked) == 5
    monkeypatch.setattr(seco_recipe, "STEPS", (0, 3))
    again(pairs=4)
    assert len(asked) == 6


@pytest.mark.parametrize("chose", [0, 1, 7])
def test_steps_are_chosen_by_the_rehearsal_and_taken_by_the_model(tmp_path, monkeypatch, chose):
    seen = []

    class Result(NamedTuple):
        pairs: tuple = ()

        def record(self):
            return {}

    def choose(cfg, folder, device, trial, adapt):
        seen.append((cfg.split, folder.name, adapt))
        cell = {"lr": 0.25, "failed": 0, "sdr_gain": 1.0, "steps": 1, "better": (1.0, 0.0, 2.0)}
        grid = [cell | {"step_norm": 0.1, "loss_change": -0.1}]
        return {"lr": 0.25, "steps": chose, "grid": grid, "count": 60, "pairs": "seco-S2-fold"}

    def evaluate(model, name, **how):
        seen.append((model.cfg.split, name, how["lr"], how["steps"], how["adapt"]))
        return [Result() for _ in how["steps"]]

    monkeypatch.setattr(seco, "load", lambda *_: seco.SeCo(seco.pocket("attributes", "S2")))
    monkeypatch.setattr(seco, "evaluate", evaluate)
    monkeypatch.setattr(seco_recipe, "_choose", choose)
    folder = tmp_path / "both-attributes-S2-pocket-seed0"
    recipes = {
        "row" if t == 0 else f"row-T{t}": seco_recipe.SeCoRecipe("both", "attributes", t)
        for t in (0, 1)
    }
    run = recipes["row"].evaluate
    plain = dict(run({"row": recipes["row"]}, SECO.find_data("S2"), folder, "cpu", Trial()))
    assert seen == [("S2", "seco-S2", None, (0,), seco.EVERYTHING)]
    assert plain["row"].record == {}
    both = dict(run(recipes, SECO.find_data("S2"), folder, "cpu", Trial()))
    assert seen[1:] == [
        ("S2", "both-attributes-S2-fold-pocket-seed0", ()),
        ("S2", "seco-S2", 0.25, (0, 1), seco.EVERYTHING),
    ]
    assert both["row"].record == {}
    assert both["row-T1"].record["chosen_row"] == ("row" if chose == 0 else f"row-T{chose}")
    assert f"T = {chose}, beta = 0.25 on 60 pairs" in both["row-T1"].record["chosen"]
    # What moves the separator only has a choice of its own, and its T = 0 is the plain row.
    part = replace(recipes["row-T1"], adapt=("separator",))
    assert part.conditions() != recipes["row-T1"].conditions()
    of = {"row-separator-T1": part}
    found = dict(part.evaluate(of, SECO.find_data("S2"), folder, "cpu", Trial()))
    assert seen[3:] == [
        ("S2", "both-attributes-S2-fold-pocket-seed0", ("separator",)),
        ("S2", "seco-S2", 0.25, (1,), ("separator",)),
    ]
    name = "row" if chose == 0 else f"row-separator-T{chose}"
    assert found["row-separator-T1"].record["chosen_row"] == name
