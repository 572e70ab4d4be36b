"""`avlib train seco` and `avlib evaluate seco` from outside: trained, cut, resumed, scored."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from avlib import data, seco
from avlib.cli.seco import _folder_sources
from avlib.clipfolder import ClipRecord, write_clip, write_index
from avlib.seco.choosing import SIZES

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "AVLIB_DEBUG"} | {
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "100",
}


def avlib(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "avlib", *map(str, words)],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A skeleton model: one step, then the rest of its two."""
    folder = tmp_path_factory.mktemp("seco")
    words = ("train", "seco", "--split", 2, "--modality", "skeleton", "--steps", 2, "--seed", 1)
    cut = avlib(*words, "--minutes", 1e-6, cwd=folder)
    assert cut.returncode == 0, cut.stderr
    whole = avlib(*words, cwd=folder)
    assert whole.returncode == 0, whole.stderr
    return folder, cut, whole


def test_a_run_goes_on_where_it_was_cut(run):
    folder, cut, whole = run
    place = folder / "runs" / "seco" / "both-skeleton-S2-pocket-seed1"
    assert whole.stdout == f"{place.relative_to(folder) / 'model.safetensors'}\n"
    assert "the time was up after 1 of 2 steps" in cut.stderr
    assert "going on from step-00000001" in whole.stderr
    record = json.loads((place / "model.json").read_text())
    assert (record["steps"], record["seed"], record["stopped_by"]) == (2, 1, "steps")
    assert record["config"]["split"] == "S2"
    lines = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation/score" in line] == [1, 2]
    again = avlib(
        "train", "seco", "--split", "S2", "--modality", "skeleton", "--seed", 1, "--resume",
        "never", cwd=folder,
    )  # fmt: skip
    assert again.returncode == 2
    assert "holds a run already" in again.stderr
    other = avlib(
        "train", "seco", "--split", "S3", "--modality", "skeleton", "--steps", 2, "--seed", 1,
        "--out", place, cwd=folder,
    )  # fmt: skip
    assert other.returncode == 2
    assert "other settings (" in other.stderr
    assert "split: S2 became S3" in other.stderr


def test_it_is_scored_with_online_matching_and_without(run):
    folder, *_ = run
    place = folder / "runs" / "seco" / "both-skeleton-S2-pocket-seed1"
    done = avlib(
        "evaluate", "seco", "--checkpoint", place, "--steps", 0, 1, 2, "--pairs", 2,
        "--choose-on", 2, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "seco-S2-validation, 2 pairs: beta" in done.stderr
    records = folder / "results" / "seco"
    rows = {}
    for name in ("", "-T1", "-T2"):
        path = records / f"seco-both-skeleton{name}--seco-S2--pocket--seed1--first2.json"
        assert f"{path.relative_to(folder)}\n" in done.stdout
        record = json.loads(path.read_text())
        assert record["count"] == 2
        with path.with_suffix(".csv").open() as file:
            rows[name] = [row for row in csv.DictReader(file) if row["row"] == "model"]
    assert rows[""] != rows["-T2"]
    assert [row["pair"] for row in rows[""]] == [row["pair"] for row in rows["-T2"]]
    chosen = record["matching"]["chosen"]
    assert record["matching"]["lr"] == chosen["lr"]
    assert chosen["pairs"] == "seco-S2-validation"
    assert len(chosen["grid"]) == 2 * len(SIZES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--split", "1"), "are not for a model of split S2"),
        (("--modality", "video"), "of modality 'skeleton', asked for was 'video'"),
        (("--steps", "-1"), "0 or more"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(run, words, message):
    folder, *_ = run
    place = folder / "runs" / "seco" / "both-skeleton-S2-pocket-seed1"
    done = avlib("evaluate", "seco", "--checkpoint", place, *words, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def solos(folder, split, labels):
    """Clips of 6 s, one player each."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(labels):
        record = ClipRecord(
            f"{split}{number}.0", rng.integers(0, 255, (24, 32, 32, 3), dtype=np.uint8), 4.0,
            rng.uniform(-0.5, 0.5, 66150), 11025, (label,), (f"{split}-{number}",), split,
        )  # fmt: skip
        write_clip(folder, record)
    write_index(folder)


def test_held_out_instruments_of_a_folder_are_left_out(tmp_path):
    solos(tmp_path, "train", ("cello", "banjo", "flute"))
    solos(tmp_path, "validation", ("trumpet", "cello", "tuba"))
    for split, heard, chosen in (
        ("S1", {"cello", "flute"}, {"cello", "tuba"}),
        ("S2", {"cello", "banjo"}, {"trumpet", "cello", "tuba"}),
    ):
        cfg = seco.pocket("video", split)
        train, validation = _folder_sources(tmp_path, cfg)
        assert {entry.categories[0] for entry in train.entries} == heard
        assert {entry.categories[0] for entry in validation.source.entries} == chosen
        assert (validation.sights, validation.rule, validation.train) == (
            ("frames",), "seco", False,
        )  # fmt: skip
        data.check_categories(train, split)
