"""Sound of Pixels: evaluation, records, files, training runs."""

import csv
import hashlib
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sop_parts import SAMPLES, Mixes, batch_of, tiny, trained_model
from torch import nn

from avlib import sop
from avlib.metrics import bootstrap, bss_eval
from avlib.sop import (
    SoundOfPixels,
    evaluate,
    load,
    pocket,
    save,
    separate,
    train_step,
)
from avlib.sop.evaluation import SILENT_DB
from avlib.sop.learning import training_mixes, view
from avlib.training import Run, TrainConfig, fit


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


def test_intervals_are_by_pair_of_categories_and_kinds_of_pair_stand_apart(trained):
    batch = batch_of(20_002, size=8)
    batch["mixture"] = batch["mixture"] + 0.02 * torch.randn(
        batch["mixture"].shape, generator=torch.Generator().manual_seed(0)
    )
    kinds = [["tuba", "flute"]] * 3 + [["violin", "cello"]] * 2 + [["flute", "flute"]] * 3
    result = evaluate(
        trained.model, Mixes(batch | {"categories": kinds}), progress=False, baselines=False
    )
    groups = [" + ".join(sorted(kind)) for kind in kinds]
    rows = [pair for pair in result.pairs if pair["row"] == "model"]
    assert [row["group"] for row in rows] == groups
    for metric in ("sdr", "sir", "sar", "sdr_gain"):
        values = [row[metric] for row in rows]
        assert result.scores["model"][metric] == bootstrap(values, groups)
        assert result.scores["model"][metric] != bootstrap(values)
    gains = [row["sdr_gain"] for row in rows]
    assert result.subsets == {
        "different categories": {"count": 5, "sdr_gain": bootstrap(gains[:5], groups[:5])},
        "same category": {"count": 3, "sdr_gain": bootstrap(gains[5:], groups[5:])},
    }
    assert result.record()["subsets"]["same category"]["count"] == 3
    assert f"same category: gain {np.mean(gains[5:]):.2f} [" in result.table()
    assert f"different categories: gain {np.mean(gains[:5]):.2f} [" in result.table()


def test_the_threshold_that_is_asked_for_is_used(trained):
    batch = batch_of(20_003)
    found = {}
    for threshold in (None, 0.5):
        result = evaluate(
            trained.model, Mixes(batch), threshold=threshold, progress=False, baselines=False
        )
        waves = separate(trained.model, batch["mixture"], batch["frames"], threshold)
        found[threshold] = result.scores["model"]["sdr"].mean
        expected = bss_eval(batch["waves"], waves)[0].mean().item()
        assert found[threshold] == pytest.approx(expected, abs=1e-3)
        assert result.about["threshold"] == threshold
    assert abs(found[None] - found[0.5]) > 0.1


def test_a_silent_estimate_counts_as_bad_as_the_floor(trained):
    class OneSided(nn.Module):
        def forward(self, vision, sound):
            logits = torch.full((*vision.shape[:2], *sound.shape[-2:]), 200.0)
            logits[:1, 0] = -200
            return logits

    model = SoundOfPixels(trained.cfg).eval()
    model.synthesizer = OneSided()
    batch = batch_of(20_004)
    result = evaluate(model, Mixes(batch), progress=False, baselines=False)
    whole = bss_eval(batch["waves"], batch["mixture"][:, None].expand_as(batch["waves"]))
    first = next(pair for pair in result.pairs if pair["row"] == "model")
    for metric, values in zip(("sdr", "sir"), whole[:2], strict=True):
        assert first[metric] == pytest.approx((values[0, 1].item() + SILENT_DB) / 2, abs=1e-2)
    assert first["sdr_gain"] < -5
    assert (result.count, result.unscorable) == (4, ())
    assert result.silent == ("pair 0 (a + b): a silent estimate (model)",)
    assert "1 pairs hold a silent estimate, which counts -20 dB" in result.table()
    assert result.record()["silent_estimates"] == list(result.silent)


def test_a_score_that_is_not_finite_is_not_called_silence(trained, monkeypatch):
    def spoilt(*args, **kwargs):
        scores = bss_eval(*args, **kwargs)
        scores.sir[..., 1, 0] = math.inf
        return scores

    monkeypatch.setattr("avlib.scoring.bss_eval", spoilt)
    result = evaluate(trained.model, Mixes(batch_of(0)), progress=False, baselines=False)
    assert result.count == 3
    assert result.unscorable == ("pair 1 (a + b): a score is not finite (model, mixture)",)


def test_rounding_noise_is_not_told_as_a_score(trained):
    result = evaluate(trained.model, Mixes(batch_of(0)), progress=False, baselines=False)
    assert result.scores["mixture"]["sar"].mean > 80
    line = next(x for x in result.table().splitlines() if x.startswith("mixture"))
    assert "> 80" in line
    stored = result.record()["baselines"]["mixture"]["sar"]
    assert (stored["mean"], stored["low"], stored["high"]) == (None, None, None)
    assert "rounding noise" in stored["note"]


# --- records


def test_records_of_other_models_are_not_overwritten(trained, tmp_path, toy_data):
    def result(model, **options):
        return evaluate(model, "sop", progress=False, baselines=False, **options)

    file = save(trained.model, tmp_path / "model", {})
    model = load(file)
    whole = result(model).write(tmp_path)
    assert whole.name == "sound-of-pixels--sop--pocket--seed0.json"
    before = whole.read_text()
    record = json.loads(before)
    assert record["checkpoint"] == hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    part = result(model, limit=2).write(tmp_path)
    assert part.name == "sound-of-pixels--sop--pocket--seed0--first2.json"
    assert whole.read_text() == before
    assert result(model).write(tmp_path) == whole  # the same once more

    before = whole.read_text()
    table = whole.with_suffix(".csv").read_text()
    with pytest.raises(FileExistsError, match=r"seed0.json.*\(threshold .*--out"):
        result(model, threshold=0.4).write(tmp_path)
    with torch.no_grad():
        model.synthesizer.bias += 0.1
    other = result(model)
    assert other.about["checkpoint"] is None  # no longer what lies in the file
    with pytest.raises(FileExistsError, match=r"seed0.json.*\(weights .*--out"):
        other.write(tmp_path)
    assert whole.read_text() == before
    assert whole.with_suffix(".csv").read_text() == table
    assert other.write(tmp_path / "elsewhere").is_file()


# --- training runs


@pytest.fixture
def toy_data(monkeypatch):
    """Tones instead of the orchestra; notes which stored lists were asked for."""
    asked = []

    def stored(name, limit=None, **_):
        asked.append(name)
        return Mixes(batch_of(1, size=limit or 4))

    def loader(mixes, share, start_step=0, **_):
        return (batch_of(step) for step in itertools.count(start_step))

    monkeypatch.setattr("avlib.data.stored_mixes", stored)
    monkeypatch.setattr("avlib.data.train_loader", loader)
    monkeypatch.setattr(
        "avlib.sop.learning.training_mixes", lambda cfg, source, rule: Mixes(batch_of(0))
    )
    return asked


def test_the_weights_with_the_best_validation_come_out(toy_data, monkeypatch, tmp_path):
    scores, seen = iter([3.0, 1.0, 2.0]), []

    def validate(nets, model, mixes):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"score": next(scores)}

    monkeypatch.setattr("avlib.sop.learning._validate", validate)
    model = sop.train(tiny(steps=3, validate_every=1, tensorboard=False), tmp_path)
    assert toy_data == ["sop-validation"]  # not the test list
    for one in (model, load(tmp_path)):
        state = one.state_dict()
        assert all(torch.equal(state[k], seen[1][k]) for k in state)
        assert not all(torch.equal(state[k], seen[2][k]) for k in state)
    assert json.loads((tmp_path / "model.json").read_text())["weights_of_step"] == 2


def test_a_run_cut_short_says_so(toy_data, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("avlib.sop.learning._validate", lambda nets, model, mixes: {"score": 1.0})
    sop.train(tiny(steps=40, max_minutes=1e-9, tensorboard=False), tmp_path / "short")
    note = capsys.readouterr().err
    assert "the time was up after 1 of 40 steps" in note
    assert "had not come down" in note
    assert "--minutes" in note
    sop.train(tiny(steps=1, tensorboard=False), tmp_path / "whole")
    assert "the time was up" not in capsys.readouterr().err


def test_training_and_pictures_follow_the_config():
    for samples, expected in ((2048, 2048), (None, SAMPLES)):
        mixes = training_mixes(tiny(train_samples=samples))
        assert mixes.front_end.samples == expected
        assert mixes.source.split == "train"
    looks = view(tiny(frames=3, frame_spacing_s=0.7, frame_size=40))
    assert (looks.frames, looks.spacing_s, looks.test_size) == (3, 0.7, 40)
    assert training_mixes(tiny(frame_spacing_s=0.7)).view.spacing_s == 0.7


def test_weight_decay_is_applied(tmp_path):
    """Without a gradient, AdamW does nothing but shrink every parameter."""
    net = nn.Linear(2, 2)
    before = net.weight.detach().clone()
    cfg = TrainConfig(
        2, {"net": 0.1}, optimiser="adamw", weight_decay=0.5, device="cpu", tensorboard=False
    )
    fit(
        lambda nets, _: {"loss": 0 * nets["net"](torch.ones(1, 2)).sum()},
        {"net": net}, lambda *_: itertools.repeat(torch.zeros(1)), cfg, Run(tmp_path),
    )  # fmt: skip
    torch.testing.assert_close(net.weight.detach(), before * (1 - 0.1 * 0.5) ** 2)


def test_random_numbers_of_a_step_are_those_of_its_number(tmp_path):
    net, drawn = nn.Linear(1, 1), []

    def step(nets, batch):
        drawn.append(torch.rand(3))
        return {"loss": nets["net"](torch.ones(1, 1)).sum()}

    cfg = TrainConfig(2, {"net": 0.1}, seed=7, device="cpu", tensorboard=False)
    fit(step, {"net": net}, lambda *_: itertools.repeat(torch.zeros(1)), cfg, Run(tmp_path))
    for number, found in enumerate(drawn):
        seed = int(np.random.SeedSequence([7, number, 0]).generate_state(1)[0])
        assert torch.equal(found, torch.rand(3, generator=torch.Generator().manual_seed(seed)))
    assert not torch.equal(*drawn)


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


def test_players_move_as_in_training_wherever_the_model_looks(monkeypatch, tmp_path):
    cfg = tiny(expression=0.5, transpose=9, steps=1, tensorboard=False)
    entries = training_mixes(cfg).source.entries[:40]
    assert {entry.expression for entry in entries} == {0.5}
    assert len({entry.transpose for entry in entries}) > 5
    shown = []

    def stored(name, **how):
        shown.append((name, how["expression"], "transpose" in how))
        return Mixes(batch_of(1))

    monkeypatch.setattr("avlib.data.stored_mixes", stored)
    monkeypatch.setattr("avlib.data.train_loader", lambda *_, **__: iter([batch_of(0)] * 2))
    evaluate(sop.train(cfg, tmp_path), "sop-test", progress=False)
    assert shown == [("sop-validation", 0.5, False), ("sop-test", 0.5, False)]
