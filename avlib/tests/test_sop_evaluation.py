"""Sound of Pixels: evaluation, records, files, training runs."""

import csv
import json
from dataclasses import replace

import pytest
import torch
from sop_parts import Mixes, batch_of, tiny, trained_model

from avlib import sop
from avlib.metrics import bss_eval
from avlib.sop import (
    evaluate,
    load,
    pocket,
    save,
    separate,
    train_step,
)


@pytest.fixture(scope="module")
def trained():
    return trained_model()


# --- evaluation


def test_evaluation(trained, tmp_path):
    batch = batch_of(20_000, size=6)
    result = evaluate(trained.model, Mixes(batch), progress=False, batch_size=4)
    assert list(result.scores) == ["model", "mixture", "ideal binary mask", "ideal ratio mask"]
    assert result.count == 6
    assert result.unscorable == ()

    # the same numbers, by hand
    estimates = separate(trained.model, batch["mixture"], batch["frames"])
    sdr = bss_eval(batch["waves"], estimates)[0].mean(1)
    same = batch["mixture"][:, None].expand_as(batch["waves"])
    base = bss_eval(batch["waves"], same)[0].mean(1)
    model, mixture = result.scores["model"], result.scores["mixture"]
    assert model["sdr"].mean == pytest.approx(sdr.mean().item(), abs=1e-3)
    assert mixture["sdr"].mean == pytest.approx(base.mean().item(), abs=1e-3)
    assert model["sdr_gain"].mean == pytest.approx((sdr - base).mean().item(), abs=1e-3)
    assert model["sdr"].low <= model["sdr"].mean <= model["sdr"].high
    assert mixture["sdr_gain"] == (0, 0, 0)
    for name in ("ideal binary mask", "ideal ratio mask"):
        assert result.scores[name]["sdr_gain"].mean > 20
    with torch.no_grad():
        loss = train_step(trained.model.nets, batch, trained.cfg)["mask"]
    assert result.loss == pytest.approx(loss.item(), rel=1e-4)

    path = result.write(tmp_path)
    record = json.loads(path.read_text())
    assert path == tmp_path / "sop" / "sound-of-pixels--SimpleNamespace--pocket--seed0.json"
    wanted = "table row data preset seed scores count seconds device config versions commit"
    assert set(wanted.split()) <= set(record)
    assert record["scores"]["sdr_gain"]["mean"] == pytest.approx(model["sdr_gain"].mean)
    with path.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 4
    assert {row["group"] for row in rows} == {"flute + tuba"}
    assert float(rows[0]["sdr"]) == pytest.approx(sdr[0].item(), abs=1e-3)
    assert "95 %" in result.table()
    assert "ideal ratio mask" in result.table()


def test_pairs_that_cannot_be_scored_are_counted_and_named(trained):
    batch = batch_of(20_001, size=4)
    batch["waves"][2, 1] = 0
    batch["mixture"] = batch["waves"].sum(1)
    result = evaluate(trained.model, Mixes(batch), progress=False, baselines=False)
    assert result.count == 3
    assert len(result.unscorable) == 1
    assert result.unscorable[0].startswith("pair 2 (a + b): a source is silent")
    assert "1 pairs could not be scored" in result.table()
    batch["waves"][:, 1] = 0
    with pytest.raises(ValueError, match="no pair could be scored"):
        evaluate(trained.model, Mixes(batch), progress=False)


# --- files


def test_train_writes_a_model_and_goes_on_where_it_was(tmp_path):
    front_end = replace(pocket().front_end, samples=32767)
    cfg = tiny(front_end=front_end, steps=2, validate_every=1, validation_pairs=2, log_every=1)
    model = sop.train(cfg, tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    assert (record["steps"], record["stopped_by"]) == (2, "steps")
    assert record["data"] == {"name": "Orchestra", "split": "train"}
    assert {"config", "seed", "seconds", "device", "versions", "commit"} <= set(record)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    scores = [line["validation/score"] for line in log if "validation/score" in line]
    assert len(scores) == 2
    assert record["validation_loss"] == min(scores)
    again = sop.train(cfg, tmp_path)  # nothing left to do
    for one in (again, load(tmp_path)):
        for a, b in zip(model.parameters(), one.parameters(), strict=True):
            assert torch.equal(a, b)
    with pytest.raises(ValueError, match=r"other settings.*maps: 4 became 5"):
        sop.train(cfg.changed(maps=5), tmp_path)


def test_saved_models_come_back(trained, tmp_path):
    batch = batch_of(0)
    path = save(trained.model, tmp_path / "model", {"seconds": 12})
    again = load(tmp_path)
    assert again.cfg == trained.cfg
    assert not again.training
    expected = separate(trained.model, batch["mixture"], batch["frames"])
    assert torch.equal(separate(again, batch["mixture"], batch["frames"]), expected)
    assert json.loads(path.with_suffix(".json").read_text())["seconds"] == 12
    half = load(save(trained.model, tmp_path / "half", {}, half=True))
    found = separate(half, batch["mixture"], batch["frames"])
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at.*avlib train sop"):
        load(tmp_path / "nothing")
