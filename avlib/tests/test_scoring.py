"""Scoring: systems side by side, what is left out, figures, records."""

import csv
import json
import math

import pytest
import torch

from avlib import scoring
from avlib.audio import FrontEnd
from avlib.metrics import Interval, bootstrap, bss_eval
from avlib.scoring import SILENT_DB, Tally


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    waves = torch.randn(4, 2, 3000, generator=generator)
    return {
        "waves": waves,
        "index": [3, 4, 5, 6],
        "names": [["a", "b"]] * 4,
        "categories": [["tuba", "flute"], ["flute", "tuba"], ["oboe", "flute"], ["tuba", "oboe"]],
    }


@pytest.fixture
def systems(batch):
    waves = batch["waves"]
    return {
        "model": waves + 0.1 * waves.flip(1),
        "mixture": waves.sum(1, keepdim=True).expand_as(waves).clone(),
    }


def test_systems_are_scored_as_each_by_itself(batch, systems):
    tally = Tally()
    tally.add(systems, batch)
    assert (tally.unscorable, tally.silent) == ([], [])
    assert [(row["row"], row["pair"]) for row in tally.rows[:3]] == [
        ("model", 3), ("mixture", 3), ("model", 4),
    ]  # fmt: skip
    mixture = bss_eval(batch["waves"], systems["mixture"]).sdr.mean(1)
    for name, estimates in systems.items():
        own = tally.of([name])
        scores = bss_eval(batch["waves"], estimates)
        for metric, values in zip(("sdr", "sir", "sar"), scores, strict=True):
            assert [row[metric] for row in own] == pytest.approx(values.mean(1).tolist())
        gains = scores.sdr.mean(1) - mixture
        assert [row["sdr_gain"] for row in own] == pytest.approx(gains.tolist(), abs=1e-9)
        groups = ["flute + tuba", "flute + tuba", "flute + oboe", "oboe + tuba"]
        assert [row["group"] for row in own] == groups
    # noise of a tenth of the amplitude is 20 dB below: nearly known by heart
    assert all(19 < row["sdr"] < 22 for row in tally.of(["model"]))
    assert {row["row"] for row in tally.of({"model": "ours"})} == {"ours"}
    with pytest.raises(ValueError, match="the gain is over the mixture"):
        tally.add({"model": systems["model"]}, batch)


def test_what_cannot_be_scored_counts_for_nobody_and_is_named(batch, systems):
    waves = batch["waves"].clone()
    waves[1, 0] = 0
    systems["model"][2, 1, 7] = math.nan
    tally = Tally()
    tally.add(systems, batch | {"waves": waves}, {3: "lost"})
    assert tally.unscorable == [
        "pair 4 (a + b): a source is silent",
        "pair 5 (a + b): a score is not finite (model)",
        "pair 6 (a + b): lost",
    ]
    assert {row["pair"] for row in tally.rows} == {3}
    alone = Tally()
    alone.add(systems, batch | {"waves": waves})
    assert {row["pair"] for row in alone.rows} == {3, 6}
    assert tally.rows == [row for row in alone.rows if row["pair"] == 3]


def test_a_silent_estimate_is_scored_with_the_floor(batch, systems):
    systems["model"][0, 1] = 0
    tally = Tally()
    tally.add(systems, batch)
    assert tally.silent == ["pair 3 (a + b): a silent estimate (model)"]
    one = tally.of(["model"])[0]
    heard = bss_eval(batch["waves"][0], systems["model"][0], silent="nan")
    for metric, values in zip(("sdr", "sir", "sar"), heard, strict=True):
        assert one[metric] == pytest.approx((values[0].item() + SILENT_DB) / 2)
    assert tally.of(["mixture"])[0]["sdr_gain"] == 0


def test_means_are_by_row_and_pair_of_categories():
    rows = [
        {"row": row, "group": group, "sdr": value, "sir": 0.0, "sar": 90.0, "sdr_gain": 2 * value}
        for row in ("a", "b")
        for group, value in (("x", 1.0), ("x", 3.0), ("y", 8.0))
    ]
    found = scoring.summary(rows)
    assert list(found) == ["a", "b"]
    assert found["b"]["sdr"] == bootstrap([1.0, 3.0, 8.0], ["x", "x", "y"])
    assert found["b"]["sdr_gain"].mean == 8
    assert scoring.by_group(rows[:3]) == {
        "x": {"count": 2, "sdr_gain": 4.0},
        "y": {"count": 1, "sdr_gain": 16.0},
    }
    assert scoring.gain(rows[:3]) == found["a"]["sdr_gain"]
    kept = scoring.figures(found)["a"]
    assert kept["sdr"]["mean"] == 4
    assert kept["sar"]["mean"] is None
    assert "rounding noise" in kept["sar"]["note"]
    assert "> 80" in scoring.table_lines(found)[1]
    with pytest.raises(ValueError, match="no pair could be scored"):
        scoring.summary([])


def test_ideal_masks_are_above_the_mixture_and_the_mixture_is_itself():
    front_end = FrontEnd(rate=1000, samples=6000, n_fft=510, hop=192)
    time = torch.arange(6000) / 1000
    waves = torch.stack([torch.sin(251 * time), torch.sin(1257 * time)])[None]
    waves = waves + 0.01 * torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
    mixture = waves.sum(1)
    magnitudes = (front_end.stft(waves).abs(), front_end.stft(mixture).abs())
    found = scoring.baselines(waves, mixture, *magnitudes, front_end, True)
    assert tuple(found) == scoring.BASELINES
    assert torch.equal(found["mixture"][0, 1], mixture[0])
    for name in scoring.BASELINES[1:]:
        assert bss_eval(waves, found[name]).sdr.min() > 15
    assert bss_eval(waves, found["mixture"]).sdr.max() < 1


def test_records_are_written_whole_and_others_are_kept(tmp_path):
    record = {"weights": "w", "config": {"sizes": (1, 2)}, "scores": {"sdr": 1, "sdr_gain": 2}}
    rows = [{"row": "m", "pair": 1, "group": "g", "names": "a + b", "sdr": 1 / 3, "sdr_gain": 2.0}]
    path = tmp_path / "table" / "row.json"
    unlike = ("weights", "config")
    assert scoring.write_record(path, record, rows, unlike) == path
    assert json.loads(path.read_text())["config"] == {"sizes": [1, 2]}
    with path.with_suffix(".csv").open() as file:
        assert list(csv.DictReader(file)) == [
            {"row": "m", "pair": "1", "group": "g", "names": "a + b",
             "sdr": "0.3333", "sdr_gain": "2.0000"},
        ]  # fmt: skip
    assert {file.name for file in path.parent.iterdir()} == {"row.json", "row.csv"}
    scoring.write_record(path, record | {"seconds": 3}, rows, unlike)  # the same once more
    assert json.loads(path.read_text())["seconds"] == 3
    with pytest.raises(FileExistsError, match=r"row\.json.*\(weights differ.*--out"):
        scoring.write_record(path, record | {"weights": "v"}, [], unlike)
    assert json.loads(path.read_text())["weights"] == "w"
    assert path.with_suffix(".csv").read_text().count("\n") == 2


def test_names_of_records_and_cells():
    assert scoring.record_name("a b", "seco-S1", "pocket", 3) == "a-b--seco-S1--pocket--seed3"
    assert scoring.record_name("a", "d", "p", 0, 8).endswith("--seed0--first8")
    assert scoring.cell(Interval(-1.0, -2.0, 0.126)) == "-1.00 [-2.00, 0.13]"
