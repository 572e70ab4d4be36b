"""SeCo: training step, new mixes, runs and their resumption, what it is trained on, files."""

import copy
import itertools
import json
from dataclasses import asdict
from functools import partial

import pytest
import torch
from seco_learning_parts import Mixes, batch_of, same, state, told, trained_model
from seco_parts import tiny, visuals

from avlib import data, seco, sop
from avlib.audio import log_magnitude
from avlib.metrics import bss_eval
from avlib.seco import SeCo, rematch, train, train_step
from avlib.seco.learning import training_mixes, validation_mixes, view
from avlib.seco.model import spectrograms


@pytest.fixture(scope="module")
def trained():
    return trained_model()


# --- one step


def by_hand(model, batch, step):
    """The terms of a step, mix by mix where batch norm allows it, from the equations."""
    cfg, nets = model.cfg, model.nets
    seen = nets["sight"](batch["attributes"].flatten(0, 1)).unflatten(0, (-1, 2))
    sources = spectrograms(batch["waves"], cfg)
    mixture = spectrograms(batch["waves"].sum(1), cfg)
    logits = nets["separator"](log_magnitude(mixture)[:, None], seen)
    if cfg.encoder_input == "released":
        masked = log_magnitude(mixture)[:, None] * logits.sigmoid()
    else:
        masked = log_magnitude(mixture[:, None] * logits.sigmoid())
    partners = spectrograms(batch["partners"], cfg)
    heard, truth, others = (
        nets["encoder"](x.flatten(0, 1)[:, None]).unflatten(0, (-1, 2))
        for x in (masked, log_magnitude(sources), log_magnitude(partners))
    )
    target = (sources > 0.5 * mixture[:, None]).float()
    weight = (1 + mixture).log().clamp(1e-3, 10)[:, None]
    probability = logits.sigmoid()
    errors = -torch.where(target > 0, probability.log(), (1 - probability).log())

    def d(x, y):
        apart = 2 - 2 * torch.cosine_similarity(x, y, dim=-1)
        return apart if cfg.distance == "sum" else apart / x.shape[-1]

    def hinge(x, y):
        return (cfg.margin - d(x, y)).clamp(min=0)

    values = {
        "inter_positive": [d(heard[i], seen[i]).sum() for i in range(4)],
        "inter_truth": [
            max(0.1, 0.9 ** (step / 100)) * d(truth[i], seen[i]).sum() for i in range(4)
        ],
        "inter_negative": [
            hinge(heard[i, 0], seen[i, 1]) + hinge(heard[i, 1], seen[i, 0]) for i in range(4)
        ],
        "intra_positive": [d(others[i], heard[i]).sum() for i in range(4)],
        "intra_negative": [hinge(heard[i, 0], heard[i, 1]) for i in range(4)],
    }
    means = {name: torch.stack(terms).mean() for name, terms in values.items()}
    return {"separation": (weight * errors).mean()} | means


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"encoder_input": "log_masked"},
        {"distance": "sum"},
        {"distance": "sum", "margin": 2.6},
        {"margin": 0.32},
    ],
    ids=str,
)
def test_a_step_is_its_equations(switches):
    """Values and gradients, also where some hinges are shut, and with weights of their own."""
    cfg = told(consistency_weight=0.3, **switches)
    model = SeCo(cfg).double()
    twin = copy.deepcopy(model)
    batch = {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in batch_of(0).items()}
    found = train_step(model.nets, batch, cfg, 300)
    expected = by_hand(twin, batch, 300)
    assert list(found) == [*expected, "truth_weight"]
    assert found["truth_weight"].item() == pytest.approx(0.729)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-9), name
    # the encoder's statistics have seen three passes: separated, true, partners
    assert all(torch.allclose(a, b) for a, b in zip(model.buffers(), twin.buffers(), strict=True))
    assert model.encoder.bn1.num_batches_tracked == 3
    assert set(found) == set(cfg.train.weights)
    weights = {"separation": 1.0} | dict.fromkeys(list(expected)[1:], 0.3)
    assert cfg.train.weights == weights | {"truth_weight": 0.0}
    for terms in (found, expected):
        sum(weight * terms[name] for name, weight in weights.items()).backward()
    for (name, parameter), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, other.grad, rtol=1e-6, atol=1e-12, msg=name)


@pytest.mark.parametrize("consistency", list(seco.CONSISTENCY))
def test_only_the_terms_that_are_wanted_are_computed(consistency):
    cfg = told(consistency=consistency)
    model, heard = SeCo(cfg), []
    model.encoder.register_forward_hook(lambda *_: heard.append(1))
    batch = batch_of(0)
    if consistency in ("none", "inter"):
        del batch["partners"]
    found = train_step(model.nets, batch, cfg, 0)
    assert set(found) == {"separation", *cfg.terms} | (
        {"truth_weight"} if "inter_truth" in cfg.terms else set()
    )
    assert set(found) == set(cfg.train.weights)
    assert len(heard) == {"none": 0, "inter": 2, "intra": 2, "both": 3}[consistency]


def test_every_clip_is_looked_at_once_however_many_mixes_it_is_in():
    cfg = told(pairings=3)
    model, seen, mixed, heard = SeCo(cfg), [], [], []
    model.sight.register_forward_hook(lambda _, inputs, out: seen.append(len(inputs[0])))
    model.separator.register_forward_hook(lambda _, inputs, out: mixed.append(len(inputs[0])))
    model.encoder.register_forward_hook(lambda _, inputs, out: heard.append(len(inputs[0])))
    train_step(model.nets, batch_of(0), cfg, 0)
    assert (seen, mixed, heard) == ([8], [12], [24, 8, 8])


def test_clips_take_everything_of_theirs_into_new_mixes():
    """In evaluation mode a step with new pairings is the mean of steps on the mixes by hand."""
    cfg, batch = told(pairings=2), batch_of(3)
    model = SeCo(cfg).eval()
    order = rematch(batch["categories"], 2)
    again = {key: batch[key].flatten(0, 1)[order] for key in ("waves", "partners", "attributes")}
    found = train_step(model.nets, batch, cfg, 50)
    expected = train_step(model.nets, again, told(), 50)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_a_step_hears_a_stretch_of_every_clip():
    """The same stretch of all sources, one for the partners, where torch's generator says."""
    short, batch = 16 * 192 - 192, batch_of(0)
    cfg = told(train_samples=short)
    torch.manual_seed(5)
    starts = [int(torch.randint(6000 - short + 1, ())) for _ in range(2)]
    cut = {
        key: batch[key][..., start : start + short]
        for key, start in zip(("waves", "partners"), starts, strict=True)
    }
    model, columns = SeCo(cfg), []
    model.separator.register_forward_hook(lambda _, inputs, out: columns.append(out.shape[-1]))
    torch.manual_seed(5)
    found = train_step(model.nets, batch, cfg, 0)
    expected = train_step(SeCo(cfg).nets, batch | cut, told(), 0)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-3), name
    assert columns == [16]


def test_losses_stay_in_float32_under_autocast():
    cfg, batch = told(), batch_of(0)
    with torch.autocast("cpu", torch.bfloat16):
        rough = train_step(SeCo(cfg).nets, batch, cfg, 0)
    fine = train_step(SeCo(cfg).nets, batch, cfg, 0)
    assert {value.dtype for value in rough.values()} == {torch.float32}
    for name, value in fine.items():
        assert rough[name].item() == pytest.approx(value.item(), rel=0.1), name


def test_it_learns_which_tone_is_which(trained):
    first, last = trained.losses[0], trained.losses[-1]
    assert last["separation"] < 0.35 * first["separation"]
    assert last["inter_truth"] < first["inter_truth"]
    batch = batch_of(1000)
    masks = trained.model(batch["mixture"], batch["attributes"]).sigmoid()
    told_otherwise = trained.model(batch["mixture"], batch["attributes"].flip(1)).sigmoid()
    torch.testing.assert_close(masks, told_otherwise.flip(1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("modality", ["video", "image", "skeleton"])
def test_every_kind_of_sight_takes_a_step(modality):
    cfg = tiny(modality, pairings=2)
    key = "joints" if modality == "skeleton" else "frames"
    batch = {
        "waves": 0.1 * torch.randn(2, 2, 1000, generator=torch.Generator().manual_seed(0)),
        "partners": torch.zeros(2, 2, 1000),
        "categories": [["tuba", "flute"], ["cello", "oboe"]],
        key: visuals(modality),
    }
    model = SeCo(cfg)
    found = train_step(model.nets, batch, cfg, 0)
    sum(found.values()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    del batch[key]
    with pytest.raises(ValueError, match=rf"no {key}: make them with sights=\('{key}',\)"):
        train_step(model.nets, batch, cfg, 0)


def test_partners_are_asked_for_where_they_are_needed():
    batch = batch_of(0)
    del batch["partners"]
    with pytest.raises(ValueError, match="no partners: make them with partners=True"):
        train_step(SeCo(told()).nets, batch, told(), 0)


# --- new mixes


def kinds_of(categories, mix):
    return [categories[clip // len(categories[0])][clip % len(categories[0])] for clip in mix]


def test_rematched_clips_are_of_different_categories():
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        size = int(torch.randint(2, 7, (), generator=generator))
        drawn = [torch.randperm(4, generator=generator)[:2].tolist() for _ in range(size)]
        categories = [["abcd"[k] for k in mix] for mix in drawn]
        order = rematch(categories, 3)
        assert order.shape == (3 * size, 2)
        assert order[:size].flatten().tolist() == list(range(2 * size))
        assert torch.equal(order, rematch(categories, 3))
        for mix in order.tolist():
            assert len(set(kinds_of(categories, mix))) == 2
        for turn in order.unflatten(0, (3, size)):  # every clip once a round
            assert sorted(turn.flatten().tolist()) == list(range(2 * size))


def test_as_many_clips_as_can_meet_somebody_new():
    generator = torch.Generator().manual_seed(1)
    for _ in range(40):
        drawn = [torch.randperm(4, generator=generator)[:2].tolist() for _ in range(4)]
        order = rematch(drawn_labels(drawn), 2)[4:].tolist()
        new = sum(b // 2 != a // 2 for a, b in order)
        best = max(
            sum(i != j for i, j in enumerate(p))
            for p in itertools.permutations(range(4))
            if all(drawn[i][0] != drawn[j][1] for i, j in enumerate(p))
        )
        assert new == best


def drawn_labels(drawn):
    return [["abcd"[k] for k in mix] for mix in drawn]


def test_clips_move_on_as_far_as_sound_of_pixels_moves_them():
    """Where all categories differ, it is the rule of `avlib.sop.networks.rematch`."""
    from avlib.sop.networks import rematch as moved

    categories = [[f"{i}", f"other {i}"] for i in range(4)]
    expected = moved(torch.arange(8.0).view(4, 2), 4)
    assert torch.equal(rematch(categories, 4), expected.long())


def test_of_three_sources_a_mix_of_equals_is_left_out():
    categories = [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    order = rematch(categories, 2)
    assert order[:3].flatten().tolist() == list(range(9))
    for mix in order.tolist():
        assert len(set(kinds_of(categories, mix))) == 3
    players = [["a;b", "c"], ["d", "a"]]  # clips of two players
    assert rematch(players, 2).tolist() == [[0, 1], [2, 3], [0, 1], [2, 3]]


# --- runs


@pytest.fixture
def tones(monkeypatch):
    """Tones instead of the orchestra, and few taps in the scores."""
    monkeypatch.setattr("avlib.scoring.bss_eval", partial(bss_eval, filter_length=16))

    def loader(mixes, share, start_step=0, **_):
        return (batch_of(step, size=share) for step in itertools.count(start_step))

    monkeypatch.setattr("avlib.data.train_loader", loader)
    held = Mixes(batch_of(999, size=3))
    monkeypatch.setattr("avlib.seco.learning.validation_mixes", lambda cfg: held)


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_resumed_run_ends_where_it_would_have(tones, tmp_path):
    cfg = told(
        steps=4, pairings=2, save_every=1, validate_every=2, optimiser="adamw", clip_norm=1.0,
        schedule="one_cycle", warmup_steps=2,
    )  # fmt: skip
    whole = train(cfg, tmp_path / "whole")
    cut = train(cfg.changed(max_minutes=1e-9), tmp_path / "cut")
    assert not same(state(cut), state(whole))
    resumed = train(cfg, tmp_path / "cut")
    assert same(state(resumed), state(whole))
    assert resumed.fingerprint() == whole.fingerprint()
    for folder in ("whole", "cut"):
        lines = [line for line in log_of(tmp_path / folder) if "loss" in line]
        weights = [line["term/truth_weight"] for line in lines]
        assert weights == pytest.approx([0.9 ** (step / 100) for step in range(4)], rel=1e-6)
    record = json.loads((tmp_path / "cut" / "model.json").read_text())
    assert (record["steps"], record["stopped_by"], record["model"]) == (4, "steps", "SeCo")
    assert record["config"]["train"]["weights"]["inter_truth"] == 0.01
    assert not resumed.training
    with pytest.raises(ValueError, match="consistency: both became none"):
        train(cfg.changed(consistency="none"), tmp_path / "cut")


def test_a_run_cut_short_says_so(tones, tmp_path, capsys):
    train(told(steps=40, max_minutes=1e-9), tmp_path)
    assert "the time was up after 1 of 40 steps" in capsys.readouterr().err


def test_a_frozen_encoder_stays_and_its_statistics_move(tones, tmp_path):
    for learns in (True, False):
        cfg = told(steps=2, train_encoder=learns, optimiser="adamw", weight_decay=0.1)
        before = state(SeCo(cfg).encoder)
        model = train(cfg, tmp_path / str(learns))
        after = state(model.encoder)
        for name, parameter in model.encoder.named_parameters():
            assert torch.equal(before[name], after[name]) != learns, name
            assert parameter.requires_grad  # online matching may move it
        assert not torch.equal(before["bn1.running_mean"], after["bn1.running_mean"])
        assert not same(state(SeCo(cfg).separator), state(model.separator))
        assert ("lr/encoder" in log_of(tmp_path / str(learns))[0]) == learns


def test_without_terms_nothing_is_heard(tones, tmp_path):
    cfg = told(steps=2, consistency="none")
    model = train(cfg, tmp_path)
    assert same(state(SeCo(cfg).encoder), state(model.encoder))


def test_the_weights_with_the_best_validation_come_out(tones, monkeypatch, tmp_path):
    scores, seen = iter([3.0, 1.0, 2.0]), []

    def validate(nets, model, mixes):
        seen.append(state(model))
        return {"score": next(scores)}

    monkeypatch.setattr("avlib.seco.learning._validate", validate)
    model = train(told(steps=3, validate_every=1), tmp_path)
    for one in (model, seco.load(tmp_path)):
        assert same(state(one), seen[1])
    assert json.loads((tmp_path / "model.json").read_text())["weights_of_step"] == 2


def test_a_run_on_the_orchestra_validates_and_remembers(tmp_path):
    cfg = told(steps=1, validate_every=1, batch_size=1, clips=6, validation_pairs=1, split="S2")
    train(cfg, tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["data"] == {"name": "Orchestra", "split": "train", "categories": "S2"}
    (line,) = [line for line in log_of(tmp_path) if "validation/score" in line]
    assert record["validation_loss"] == line["validation/score"]
    assert -30 < line["validation/sdr_gain"] < 10


# --- what it is trained on


@pytest.mark.parametrize("split", [*data.SPLITS, *data.FOLDS])
def test_no_held_out_category_is_trained_on_or_selected_by(split):
    seen, unseen = data.category_split(split)
    for clips in (None, 40):
        cfg = told(split=split, clips=clips, validation_pairs=128)
        mixes = training_mixes(cfg)
        assert mixes.train
        assert mixes.source.split == "train"
        heard = {mixes.source.entries[k].categories[0] for k in range(40)}
        assert not heard & set(unseen)
        assert isinstance(mixes.source, data.Remembered) == (clips is not None)
        if clips is None:
            assert set(mixes.source.instruments) == set(seen)
        else:
            assert len(mixes.source) == clips
        chosen = validation_mixes(cfg)
        assert not chosen.train
        assert chosen.source.split == "validation"
        assert {e.categories[0] for e in chosen.source.entries} == set(seen)
        assert len(chosen) == 128


def test_held_out_categories_are_refused(tones, tmp_path):
    leaking = data.Orchestra("train", ("cello", "banjo"))
    with pytest.raises(ValueError, match="'banjo', which split S1 holds out"):
        train(told(steps=1), tmp_path, leaking)
    with pytest.raises(ValueError, match="'trumpet', which split S1 holds out"):
        train(told(steps=1), tmp_path, None, Mixes(batch_of(0), ("cello", "trumpet")))
    assert not list(tmp_path.iterdir())


def test_mixes_show_what_the_model_looks_at():
    for modality, key in (("video", "frames"), ("skeleton", "joints"), ("image", "frames")):
        cfg = told().changed(modality=modality, video_widths=(4, 4, 8, 8), joint_widths=(8,) * 11)
        mixes = training_mixes(cfg)
        assert (mixes.sights, mixes.partners, mixes.rule) == ((key,), True, "seco")
        assert mixes.joint_noise is None
    assert not training_mixes(told(consistency="inter")).partners
    noisy = told().changed(modality="skeleton", joint_widths=(8,) * 11, joint_noise="estimator")
    for mixes in (training_mixes(noisy), validation_mixes(noisy)):
        assert mixes.joint_noise == data.ESTIMATOR
    clip = data.performance(0, ["flute"], [0], "train")
    few = view(seco.pocket("image").changed(image_frames=3))
    assert few.times(clip, 0.0, 6.0) == pytest.approx((1.0, 3.0, 5.0))
    every = view(seco.pocket("video")).times(clip, 0.0, 6.0)
    assert every == pytest.approx([k / 4 for k in range(24)])
    assert [every[k] for k in seco.spread(24, 3)] == pytest.approx(few.times(clip, 0.0, 6.0))


# --- files


def test_saved_models_come_back(trained, tmp_path):
    path = seco.save(trained.model, tmp_path / "model", {"seconds": 12})
    again = seco.load(tmp_path, modality="attributes", split="S1", preset="pocket")
    assert again.cfg == trained.cfg
    assert not again.training
    assert same(state(again), state(trained.model))
    assert again.loaded[1] == trained.model.fingerprint()
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["seconds"] == 12
    assert record["config"] == json.loads(json.dumps(asdict(trained.cfg)))
    with pytest.raises(ValueError, match="of modality 'attributes', asked for was 'video'"):
        seco.load(path, modality="video")
    with pytest.raises(ValueError, match="of preset 'pocket', asked for was 'paper'"):
        seco.load(path, preset="paper")
    with pytest.raises(ValueError, match="of split 'S1', asked for was 'S3'"):
        seco.load(path, split="S3")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at.*avlib train seco"):
        seco.load(tmp_path / "nothing")


def test_other_models_are_told_apart(tmp_path):
    cfg = sop.pocket().changed(maps=2, sound_width=2, frame_width=2, frame_size=32)
    path = sop.save(sop.SoundOfPixels(cfg), tmp_path / "other", {})
    with pytest.raises(ValueError, match=r"other.safetensors holds no model of SeCo"):
        seco.load(path)


def test_loading_fetches_no_weights_that_it_was_started_from(trained, tmp_path):
    first = seco.save(trained.model, tmp_path / "first", {})
    cfg = trained.cfg.changed(sight_weights=str(first))
    started = SeCo(cfg)
    assert same(state(started.sight), state(trained.model.sight))
    path = seco.save(started, tmp_path / "second", {})
    first.unlink()
    again = seco.load(path)
    assert again.cfg.sight_weights == str(first)
    assert same(state(again), state(started))
