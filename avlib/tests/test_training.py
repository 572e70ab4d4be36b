"""The loop: groups, schedules, exact resume, checkpoints complete or absent, plain errors."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from avlib.training import (
    Batches,
    Progress,
    Run,
    TrainConfig,
    fit,
    learning_rate_factor,
    load_checkpoint,
    parameter_groups,
    provenance,
    save_checkpoint,
    to_device,
)


class Numbers:
    """Item i is a function of i; for ever."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(3, generator=generator)
        return {"x": x, "y": x.sum(dim=0, keepdim=True)}


def networks(seed=0, dropout=0.25):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 4)
        )
        return {"body": body, "head": nn.Linear(4, 1)}


def step(nets, batch):
    error = nets["head"](nets["body"](batch["x"])) - batch["y"]
    return {"loss": error.square().mean()}


def config(**changes):
    defaults = dict(
        steps=12,
        lrs={"body": 1e-2, "head": 2e-2},
        schedule="one_cycle",
        warmup_steps=3,
        save_every=5,
        validate_every=4,
        log_every=2,
        device="cpu",
        tensorboard=False,
    )
    return TrainConfig(**(defaults | changes))


LOADER = Batches(Numbers(), 4, fresh=True)


def weights(nets):
    return {f"{n}.{k}": v.clone() for n, net in nets.items() for k, v in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# --- batches


def test_fresh_batches_walk_through_the_numbers_and_never_repeat():
    batches = Batches(range(10), 4, fresh=True)
    assert [batches.indices(s) for s in (0, 1, 5)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [20, 21, 22, 23],
    ]


@settings(deadline=None)
@given(st.integers(0, 50), st.sampled_from([1, 2, 3, 6]), st.booleans(), st.integers(0, 3))
def test_processes_share_a_batch_out(step_number, size, fresh, seed):
    batches = Batches(range(20), 6, fresh=fresh, seed=seed)
    shares = [batches.indices(step_number, rank, size) for rank in range(size)]
    assert [i for share in shares for i in share] == batches.indices(step_number)
    assert {len(share) for share in shares} == {6 // size}


def test_epochs_are_permutations():
    batches = Batches(range(10), 5, seed=1)
    first = batches.indices(0) + batches.indices(1)
    second = batches.indices(2) + batches.indices(3)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert Batches(range(10), 5, seed=2).indices(0) != batches.indices(0)
    # a remainder is left out of its epoch, it does not leak into the next
    odd = Batches(range(7), 3)
    assert len(set(odd.indices(0) + odd.indices(1))) == 6


def test_iterating_from_a_step_equals_having_come_there():
    late = LOADER(3)
    early = LOADER(0)
    for _ in range(3):
        next(early)
    assert torch.equal(next(late)["x"], next(early)["x"])
    with_workers = Batches(Numbers(), 4, fresh=True, workers=1)(3)
    assert torch.equal(next(with_workers)["x"], next(LOADER(3))["x"])


def test_batches_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="fewer than one batch of 5"):
        Batches([1, 2], 5)
    with pytest.raises(ValueError, match="cannot be shared by 3 processes"):
        Batches(range(8), 4).indices(0, 0, 3)


def test_to_device_reaches_everything():
    batch = {"a": torch.zeros(1), "b": [torch.ones(1), "name"], "c": (torch.ones(1),)}
    moved = to_device(batch, torch.device("meta"))
    assert moved["a"].is_meta
    assert moved["b"][0].is_meta
    assert moved["b"][1] == "name"
    assert isinstance(moved["c"], tuple)


# --- optimiser groups and schedules


def test_every_network_needs_a_learning_rate():
    with pytest.raises(ValueError, match=r"no learning rate for head.weight, head.bias"):
        parameter_groups(networks(), {"body": 0.1})
    with pytest.raises(ValueError, match="names tail"):
        parameter_groups(networks(), {"body": 0.1, "head": 0.1, "tail": 0.1})
    # "bod" is no prefix of a name, and a frozen network needs no rate
    with pytest.raises(ValueError, match=r"body\.0\.weight"):
        parameter_groups(networks(), {"bod": 0.1, "head": 0.1})
    nets = networks()
    nets["head"].requires_grad_(False)
    assert len(parameter_groups(nets, {"body": 0.1})[0]["params"]) == 6


def test_the_longest_name_wins():
    nets = networks()
    groups = {
        g["name"]: g for g in parameter_groups(nets, {"body": 1.0, "body.4": 2.0, "head": 3.0})
    }
    last = list(nets["body"][4].parameters())
    assert [id(p) for p in groups["body.4"]["params"]] == [id(p) for p in last]
    assert len(groups["body"]["params"]) == 4


def test_schedules_by_hand():
    one = config(steps=8, warmup_steps=4)
    factors = [learning_rate_factor(s, one) for s in range(9)]
    half = 0.5 * (1 + np.cos(np.pi / 4))
    np.testing.assert_allclose(factors, [0.25, 0.5, 0.75, 1, 1, half, 0.5, 1 - half, 0], atol=1e-12)
    steps = config(schedule="multistep", milestones=(2, 4), decay=0.1)
    np.testing.assert_allclose(
        [learning_rate_factor(s, steps) for s in range(6)], [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    assert learning_rate_factor(99, config(schedule="constant")) == 1


def test_sgd_step_by_hand(tmp_path):
    """w = 1, gradient of (w x - y)^2 at x = 2, y = 0 is 8: two steps with momentum 0.5."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)

    def square(nets, batch):
        return {"loss": nets["w"](batch).square().mean(), "watched": batch.mean()}

    cfg = TrainConfig(
        2, {"w": 0.01}, {"loss": 1.0, "watched": 0.0}, "sgd", 0.5, device="cpu", log_every=1
    )
    run = Run(tmp_path)
    fit(square, {"w": net}, Batches([torch.tensor([2.0])], 1), cfg, run)
    first = 1 - 0.01 * 8
    second = first - 0.01 * (0.5 * 8 + 8 * first)
    assert net.weight.item() == pytest.approx(second)
    log = run.read_log()
    assert [line["step"] for line in log] == [1, 2]
    assert log[0]["loss"] == pytest.approx(4)
    assert log[0]["term/watched"] == pytest.approx(2)
    assert log[0]["gradient"] == pytest.approx(8)
    assert log[1]["gradient"] == pytest.approx(8 * first)


def test_gradients_are_clipped(tmp_path):
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    cfg = TrainConfig(1, {"w": 0.1}, optimiser="sgd", momentum=0.0, clip_norm=0.5, device="cpu")

    def square(nets, batch):
        return {"loss": nets["w"](batch).square().mean()}

    fit(square, {"w": net}, Batches([torch.tensor([2.0])], 1), cfg, Run(tmp_path))
    assert net.weight.item() == pytest.approx(1 - 0.1 * 0.5)


# --- the loop


def test_it_learns(tmp_path):
    nets = networks(dropout=0.0)
    run = Run(tmp_path)
    loader = Batches(Numbers(), 32, fresh=True)
    progress = fit(step, nets, loader, config(steps=150, warmup_steps=20), run)
    losses = [line["loss"] for line in run.read_log()]
    assert progress.stopped_by == "steps"
    assert np.mean(losses[-10:]) < 0.2 * np.mean(losses[:5])


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("stop", [1, 6, 12])
def test_resume_is_exact(tmp_path, optimiser, stop):
    """Stopped at any step and resumed = never stopped, dropout and batch norm included."""

    def score(nets):
        return {"score": abs(nets["head"].bias.item())}

    cfg = config(optimiser=optimiser, weight_decay=0.01, save_every=1, clip_norm=1.0)
    whole, parts = networks(), networks()
    straight = fit(step, whole, LOADER, cfg, Run(tmp_path / "a"), score)

    class Killed(Exception):
        pass

    def until(nets, batch, count=[0]):  # noqa: B006
        count[0] += 1
        if count[0] > stop:
            raise Killed
        return step(nets, batch)

    if stop < cfg.steps:
        with pytest.raises(Killed):
            fit(until, parts, LOADER, cfg, Run(tmp_path / "b"), score)
        torch.manual_seed(1234)  # other global state, other starting weights
        parts = networks(seed=7)
    resumed = fit(step, parts, LOADER, cfg, Run(tmp_path / "b"), score)
    assert same(weights(whole), weights(parts))
    assert (resumed.best, resumed.best_step) == (straight.best, straight.best_step)
    drop = {"seconds"}
    logs = [
        [{k: v for k, v in line.items() if k not in drop} for line in Run(folder).read_log()]
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert [line["step"] for line in logs[0]] == [line["step"] for line in logs[1]]
    states = [load_file(Run(tmp_path / f).last() / "optimiser.safetensors") for f in "ab"]
    assert same(*states)


def test_optimiser_memory_is_really_stored(tmp_path):
    fit(step, networks(), LOADER, config(), Run(tmp_path))
    stored = load_file(Run(tmp_path).last() / "optimiser.safetensors")
    assert stored["head.weight|exp_avg_sq"].shape == (1, 4)
    assert stored["head.weight|step"].item() == 12


def test_resume_keeps_the_memory_layout(tmp_path):
    def picture_step(nets, batch):
        x = batch["x"].view(-1, 3, 1, 1).expand(-1, 3, 4, 4)
        return {"loss": nets["net"](x.contiguous(memory_format=torch.channels_last)).mean()}

    def build():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return {"net": net}

    cfg = config(lrs={"net": 0.1}, save_every=6)
    whole, parts = build(), build()
    fit(picture_step, whole, LOADER, cfg, Run(tmp_path / "a"))
    short = config(lrs={"net": 0.1}, save_every=6, max_minutes=0.0)
    assert fit(picture_step, parts, LOADER, short, Run(tmp_path / "b")).stopped_by == "minutes"
    assert parts["net"].weight.is_contiguous(memory_format=torch.channels_last)
    fit(picture_step, parts, LOADER, cfg, Run(tmp_path / "b"))
    assert same(weights(whole), weights(parts))


def test_time_is_up_and_more_time_goes_on(tmp_path):
    cfg = config(steps=10**6, max_minutes=0.3 / 60, tensorboard=False)
    progress = fit(step, networks(), LOADER, cfg, Run(tmp_path))
    assert progress.stopped_by == "minutes"
    assert 0.3 <= progress.seconds < 5
    assert 0 < progress.step < 10**6
    run = Run(tmp_path)
    assert json.loads((run.last() / "state.json").read_text())["step"] == progress.step
    more = fit(step, networks(), LOADER, config(steps=10**6, max_minutes=0.5 / 60), run)
    assert more.step > progress.step
    assert more.seconds >= 0.5


def test_other_settings_are_refused(tmp_path):
    fit(step, networks(), LOADER, config(), Run(tmp_path, about={"data": "one"}))
    with pytest.raises(ValueError, match=r"train\.lrs\.head: 0\.02 became 0\.5"):
        fit(
            step,
            networks(),
            LOADER,
            config(lrs={"body": 1e-2, "head": 0.5}),
            Run(tmp_path, about={"data": "one"}),
        )
    with pytest.raises(ValueError, match="data: one became two"):
        fit(step, networks(), LOADER, config(), Run(tmp_path, about={"data": "two"}))


def test_the_best_checkpoint_is_kept(tmp_path):
    scores = iter([3.0, 1.0, 2.0])
    run = Run(tmp_path)
    progress = fit(step, networks(), LOADER, config(), run, lambda _: {"score": next(scores)})
    assert (progress.best, progress.best_step) == (1.0, 8)
    assert run.best().name == "step-00000008"
    assert run.last().name == "step-00000012"
    assert len(run.checkpoints()) == 2
    assert [x["validation/score"] for x in run.read_log() if "validation/score" in x] == [3, 1, 2]


def test_validation_happens_in_evaluation_mode_and_training_goes_on_in_training_mode(tmp_path):
    modes = []

    def watched(nets, batch):
        modes.append(nets["body"].training)
        return step(nets, batch)

    def score(nets):
        modes.append(nets["body"].training)
        assert not torch.is_grad_enabled()
        return {"score": 0.0}

    fit(watched, networks(), LOADER, config(steps=5), Run(tmp_path), score)
    assert modes == [True] * 4 + [False, True, False]


def test_it_stops_where_the_loss_is_no_number(tmp_path):
    def bad(nets, batch):
        terms = step(nets, batch)
        return terms | {"other": terms["loss"] * float("nan")}

    cfg = config(weights={"loss": 1.0, "other": 0.5})
    with pytest.raises(FloatingPointError, match=r"step 0 is not finite: loss = \S+, other = nan"):
        fit(bad, networks(), LOADER, cfg, Run(tmp_path))


def test_terms_and_weights_must_agree(tmp_path):
    with pytest.raises(ValueError, match="they must agree"):
        fit(step, networks(), LOADER, config(weights={"mask": 1.0}), Run(tmp_path))
    cfg = config(weights={"loss": 1.0, "mask": 1.0})
    with pytest.raises(ValueError, match="they must agree"):
        fit(step, networks(), LOADER, cfg, Run(tmp_path / "b"))


def test_weights_of_terms_scale_the_gradient(tmp_path):
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    cfg = TrainConfig(
        1, {"w": 1.0}, {"a": 2.0, "b": 3.0}, "sgd", momentum=0.0, device="cpu", tensorboard=False
    )

    def terms(nets, batch):
        out = nets["w"](batch).sum()
        return {"b": 10 * out, "a": out}

    fit(terms, {"w": net}, Batches([torch.tensor([1.0])], 1), cfg, Run(tmp_path))
    assert net.weight.item() == pytest.approx(1 - (2 + 30))


def test_global_random_state_is_left_alone(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(step, networks(), LOADER, config(), Run(tmp_path))
    assert torch.equal(before, torch.get_rng_state())


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_weights(tmp_path):
    kinds = set()

    def watched(nets, batch):
        kinds.add(nets["head"](nets["body"](batch["x"])).dtype)
        return step(nets, batch)

    nets = networks()
    fit(watched, nets, LOADER, config(precision="bfloat16"), Run(tmp_path))
    assert kinds == {torch.bfloat16}
    assert nets["head"].weight.dtype == torch.float32
    with pytest.raises(ValueError, match="float16 needs a CUDA device"):
        fit(step, networks(), LOADER, config(precision="float16"), Run(tmp_path / "b"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_on_a_gpu(tmp_path, precision):
    nets = networks(dropout=0.0)
    run = Run(tmp_path)
    loader = Batches(Numbers(), 32, fresh=True)
    fit(step, nets, loader, config(steps=200, device="cuda", precision=precision), run)
    losses = [line["loss"] for line in run.read_log()]
    assert np.mean(losses[-10:]) < 0.2 * np.mean(losses[:5])
    scaler = json.loads((run.last() / "state.json").read_text())["scaler"]
    assert bool(scaler) == (precision == "float16")


def test_unknown_settings():
    for bad in ({"optimiser": "lion"}, {"schedule": "cosine"}, {"precision": "int8"}):
        with pytest.raises(ValueError, match="must be one of"):
            config(**bad)
    with pytest.raises(ValueError, match="at least 1"):
        config(steps=0)


# --- files


def test_half_written_checkpoints_are_not_seen(tmp_path):
    run = Run(tmp_path)
    fit(step, networks(), LOADER, config(), run)
    partial = tmp_path / "step-00000099.partial"
    partial.mkdir()
    (partial / "weights.safetensors").write_bytes(b"half")
    assert Run(tmp_path).last().name == "step-00000012"
    fit(step, networks(), LOADER, config(steps=12), Run(tmp_path))  # nothing left to do
    assert Run(tmp_path).last().name == "step-00000012"


def test_a_crash_while_saving_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    run = Run(tmp_path)
    fit(step, networks(), LOADER, config(save_every=5, steps=5), run)
    before = load_file(run.last() / "weights.safetensors")

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("avlib.training.run.write_json", full)
    nets = networks()
    optimiser = torch.optim.SGD(nets["head"].parameters(), lr=0.1)
    with pytest.raises(OSError, match="No space"):
        run.save(nets, optimiser, torch.amp.GradScaler("cpu", enabled=False), Progress(step=6))
    assert run.last().name == "step-00000005"
    assert same(before, load_file(run.last() / "weights.safetensors"))


def test_an_unfinished_line_of_the_log_is_dropped(tmp_path):
    run = Run(tmp_path)
    run.log(1, {"loss": 1.0})
    run.log(9, {"loss": 2.0})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 10, "lo')
    assert [line["step"] for line in run.read_log()] == [1, 9]
    run.forget_after(8)
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1, "loss": 1.0}\n'


def test_tensorboard_gets_the_curves(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(step, networks(), LOADER, config(tensorboard=True), Run(tmp_path))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    steps = [event.step for event in events.Scalars("loss")]
    assert steps == [2, 4, 6, 8, 10, 12]


def test_checkpoint_round_trip(tmp_path):
    nets, others = networks(), networks(seed=4)
    record = {"seed": 3, "scores": {"sdr": 4.5}}
    path = save_checkpoint(tmp_path / "deep" / "model", nets, record)
    assert json.loads(path.with_suffix(".json").read_text()) == record
    found, read = load_checkpoint(tmp_path / "deep" / "model.safetensors", others)
    assert read == record
    assert same(weights(nets), weights(others))
    assert same(found, weights(nets))


def test_half_precision_storage(tmp_path):
    nets, others = networks(), networks(seed=4)
    full = save_checkpoint(tmp_path / "full", {"big": nn.Linear(100, 100)}, {})
    half = save_checkpoint(tmp_path / "half", {"big": nn.Linear(100, 100)}, {}, half=True)
    assert half.stat().st_size < 0.55 * full.stat().st_size
    save_checkpoint(tmp_path / "model", nets, {}, half=True)
    load_checkpoint(tmp_path / "model", others)
    for a, b in pairwise([weights(nets), weights(others)]):
        for name in a:
            assert a[name].dtype == b[name].dtype
            torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-3)


def test_checkpoints_that_do_not_fit_say_so(tmp_path):
    save_checkpoint(tmp_path / "model", networks(), {})
    with pytest.raises(ValueError, match=r"model\.safetensors does not fit.*extra"):
        load_checkpoint(tmp_path / "model", networks() | {"extra": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match="size mismatch"):
        load_checkpoint(tmp_path / "model", networks() | {"head": nn.Linear(5, 1)})
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "none")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_checkpoint(path)


def test_provenance_names_no_place():
    text = json.dumps(provenance())
    assert "/" not in text
    assert torch.__version__.split("+")[0] in text
