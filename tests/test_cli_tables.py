"""`avlib tables` from outside: a row is trained, stopped, resumed, recorded, and shown."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from avlib.cli import main

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "AVLIB_DEBUG"} | {
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "100",
}


def command(*words):
    return [sys.executable, "-m", "avlib", "tables", *map(str, words)]


def tables(*words, cwd):
    return subprocess.run(
        command(*words),
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow
def test_rows_of_the_table_from_end_to_end(tmp_path):
    """Sound of Pixels and SeCo with online matching, cut short to two steps and two pairs."""
    trial = ("--steps", 2, "--pairs", 2)
    done = tables("run", "seco", "--row", "sound-of-pixels", *trial, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = ("seco-both-skeleton", "seco-both-skeleton-T1", "--only")
    done = tables("run", "seco", "--row", *rows, *trial, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [line.rpartition("/")[2] for line in done.stdout.splitlines()]
    assert names == [
        "seco-both-skeleton--seco-S1--pocket--seed0--trial-steps2-pairs2.json",
        "seco-both-skeleton-T1--seco-S1--pocket--seed0--trial-steps2-pairs2.json",
    ]

    folder = tmp_path / "results" / "seco"
    plain, matched = (json.loads((folder / name).read_text()) for name in names)
    [other] = (json.loads(path.read_text()) for path in folder.glob("sound-of-pixels--*.json"))
    assert (plain["count"], plain["steps"], matched["steps"]) == (2, 0, 1)
    assert plain["training"] == matched["training"]
    assert plain["weights"] == matched["weights"]
    assert matched["matching"]["lr"] == matched["matching"]["chosen"]["lr"]
    assert matched["matching"]["chosen"]["pairs"] == "seco-S1-fold"
    assert "-fold-" in matched["matching"]["chosen"]["by"]["run"]
    assert matched["chosen_row"].startswith("seco-both-skeleton")
    assert "seco-S1-fold" in matched["chosen"]
    # The same two pairs, and the same mixtures, for everybody.
    assert other["baselines"]["mixture"]["sdr"] == plain["baselines"]["mixture"]["sdr"]
    assert other["config"]["front_end"] == plain["config"]["front_end"]
    pairs = [
        [(row["pair"], row["names"]) for row in csv.DictReader(path.open())]
        for path in sorted(folder.glob("*.csv"))
    ]
    assert pairs[0] == pairs[1] == pairs[2]
    assert len(pairs[0]) == 2

    again = tables("run", "seco", "--row", *rows, *trial, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    shown = tables("show", "seco", cwd=tmp_path).stdout
    assert "There is no record yet in" in shown  # trials count for no row
    assert names[0] in shown.splitlines()[-1]


@pytest.mark.slow
def test_stopped_by_ctrl_c_and_going_on(tmp_path):
    words = ("run", "seco", "--row", "seco-both-attributes", "--steps", 40, "--pairs", 2)
    checkpoint = "runs/seco/both-attributes-*/step-00000020"
    with subprocess.Popen(
        command(*words), cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 300
        while not list(tmp_path.glob(checkpoint)):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "stopped by Ctrl-C; nothing half written is left" in errors
    assert not (tmp_path / "results").exists()

    done = tables(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "going on with runs/seco/both-attributes-S1-pocket-seed0-trial" in done.stderr
    record = json.loads((tmp_path / done.stdout.strip()).read_text())
    assert (record["training"]["steps"], record["training"]["stopped_by"]) == (40, "steps")


def test_what_would_be_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tables", "run", "seco", "--open", "--split", "S2", "--dry-run"]) == 0
    first = capsys.readouterr().out.splitlines()[:3]
    assert first[0].startswith("runs/seco/sound-of-pixels-S2-pocket-seed0 (training: at most")
    assert first[1] == "  results/seco/sound-of-pixels--seco-S2--pocket--seed0.json"
    assert first[2].startswith("runs/seco/both-video-S2-pocket-seed0")
    words = "tables run seco --open --dry-run --limit-rows 3 --modality image"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    assert shown.count(".json") == 3
    assert shown.count("-image") == 3 + 2  # the training, and its rehearsal
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("show seca", "unknown table: 'seca'; there are seco"),
        ("run seco", "either --row NAME ..., or --open"),
        ("run seco --open --split S4", "unknown data of table seco: 'S4'; there are"),
        ("run seco --row seco-both-vidio", "unknown row of table seco: 'seco-both-vidio'"),
        ("run seco --open --modality smell", "there are video, skeleton, image"),
        ("run seco --row sound-of-pixels --minutes 5", "--minutes goes with --open"),
        ("run seco --row sound-of-pixels --preset big", "there are pocket, paper"),
    ],
)
def test_what_is_wrong_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tables", *words.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())
