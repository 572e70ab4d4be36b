"""Online matching against a naive version, step by step, and that it leaves nothing behind."""

import copy
import functools
import inspect

import pytest
import torch
import torch.nn.functional as F
from seco_parts import tiny
from seco_parts import visuals as sights
from torch.nn.modules.batchnorm import _BatchNorm
from torch.profiler import ProfilerActivity, profile

from avlib import seco
from avlib.audio import FrontEnd
from avlib.seco import (
    Trace,
    matching,
    memory_per_pair,
    online_match,
    online_match_batched,
    pairs_at_once,
)

FRONT_END = FrontEnd(rate=1000, samples=480, n_fft=126, hop=32)
"""64 rows and 16 columns."""
LR = 0.001
"""Long enough for some steps to change masks by tenths, short enough for L_cs to fall."""
BOTH = pytest.mark.parametrize("match", [online_match, online_match_batched])


@functools.cache
def trained(modality="attributes", **changes):
    """A tiny model whose batch norms have seen some data, in float64.

    In the layout and at the depth at which torch (2.11) gives wrong gradients to weights of each
    pair's own, unless they are laid out anew.
    """
    few = {"front_end": FRONT_END, "depth": 3, "distance": "sum", "channels_last": True}
    cfg = tiny(modality, **few | changes)
    model = seco.SeCo(cfg)
    for norm in norms_of(model):
        norm.momentum = None  # the mean of what was seen
    mixture, visuals = pairs(modality, 4, seed=7)
    with torch.no_grad():
        for _ in range(2):
            model.separate(seco.spectrograms(mixture, cfg), visuals)
    return model.double().eval()


def pairs(modality="attributes", count=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    mixture = 0.1 * torch.randn(count, FRONT_END.samples, generator=g)
    return mixture, sights(modality, count, frames=4, seed=seed + 1)


def norms_of(model):
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def state(model):
    return {n: x.clone() for n, x in (*model.named_parameters(), *model.named_buffers())}


def unchanged(model, before):
    after = state(model)
    return before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before)


def apart(a, b):
    return (a - b).abs().max().item()


def loss_by_hand(a, v, margin=1.0):
    """L_cs of two sources, distance "sum", term by term."""

    def d(x, y):
        return ((x / x.norm() - y / y.norm()) ** 2).sum()

    return (
        d(a[0], v[0])
        + d(a[1], v[1])
        + F.relu(margin - d(a[0], v[1]))
        + F.relu(margin - d(a[1], v[0]))
        + F.relu(margin - d(a[0], a[1]))
    )


def naive(model, mixture, visuals, steps, lr, adapt=("sight", "separator", "encoder"), mode="eval"):
    """Algorithm A1 with a copy of the model for each pair and an optimiser of torch's."""
    masks, losses, lengths = [], [], []
    for wave, seen in zip(mixture.double(), visuals.double(), strict=True):
        own = copy.deepcopy(model).eval()
        for norm in norms_of(own):
            norm.train(mode == "batch")
        theta = [p for name in adapt for p in own.nets[name].parameters() if p.requires_grad]
        optimiser = torch.optim.SGD(theta, lr)
        mixture_mag = seco.spectrograms(wave[None], model.cfg)
        masks.append([])
        losses.append([])
        lengths.append([])
        for step in range(steps + 1):
            logits, features = own.separate(mixture_mag, seen[None])
            loss = loss_by_hand(features.separated[0], features.seen[0])
            masks[-1].append(torch.sigmoid(logits[0]).detach())
            losses[-1].append(loss.item())
            if step < steps:
                before = torch.cat([p.detach().flatten() for p in theta])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                after = torch.cat([p.detach().flatten() for p in theta])
                lengths[-1].append((after - before).norm().item())
    return masks, losses, lengths


# --- the steps


@pytest.mark.parametrize(
    ("modality", "mode", "adapt"),
    [
        ("skeleton", "eval", ("sight", "separator", "encoder")),
        ("skeleton", "batch", ("sight", "separator", "encoder")),
        ("attributes", "eval", ("sight",)),
        ("attributes", "eval", ("separator", "encoder")),
    ],
)
def test_it_is_gradient_descent_on_a_copy(modality, mode, adapt):
    model, (mixture, visuals) = trained(modality), pairs(modality, 2)
    expected, losses, lengths = naive(model, mixture, visuals, 3, LR, adapt, mode)
    trace = Trace(keep_masks=(0, 1, 2, 3))
    masks = online_match(model, mixture, visuals, 3, LR, adapt=adapt, batch_norm=mode, trace=trace)
    assert apart(masks, torch.stack([pair[3] for pair in expected])) < 1e-10
    for t in range(4):
        assert apart(torch.stack(trace.masks[t]), torch.stack([p[t] for p in expected])) < 1e-10
    torch.testing.assert_close(trace.losses, losses, rtol=1e-9, atol=0)
    torch.testing.assert_close(trace.norms, lengths, rtol=1e-9, atol=0)
    assert min(apart(pair[t], pair[t + 1]) for pair in expected for t in range(3)) > 1e-6


@BOTH
def test_no_steps_are_plain_separation(match):
    model, (mixture, visuals) = trained(), pairs()
    with torch.no_grad():
        one_by_one = [
            model(mixture[k : k + 1].double(), visuals[k : k + 1].double()) for k in range(3)
        ]
    masks = match(model, mixture, visuals, 0, LR)
    expected = torch.cat(one_by_one).sigmoid()
    assert torch.equal(masks, expected) if match is online_match else apart(masks, expected) < 1e-12


@BOTH
def test_one_pass_serves_every_smaller_number_of_steps(match):
    model, (mixture, visuals) = trained(), pairs()
    trace = Trace(keep_masks=(0, 1, 2, 5))
    last = match(model, mixture, visuals, 5, LR, trace=trace)
    for t in (0, 1, 2):
        assert torch.equal(torch.stack(trace.masks[t]), match(model, mixture, visuals, t, LR))
    assert torch.equal(torch.stack(trace.masks[5]), last)
    assert apart(torch.stack(trace.masks[0]), last) > 0.05
    assert [len(x) for x in trace.losses] == [6] * 3
    assert [len(x) for x in trace.norms] == [5] * 3
    for losses in trace.losses:
        assert losses[-1] < losses[0] - 0.05


def test_a_trace_goes_on_over_several_batches():
    model, (mixture, visuals) = trained(), pairs()
    together, parts = Trace((1,)), Trace((1,))
    online_match(model, mixture, visuals, 1, LR, trace=together)
    for k in range(3):
        online_match(model, mixture[k : k + 1], visuals[k : k + 1], 1, LR, trace=parts)
    assert parts.losses == together.losses
    assert parts.norms == together.norms
    assert torch.equal(torch.stack(parts.masks[1]), torch.stack(together.masks[1]))


@BOTH
def test_no_pair_knows_of_another(match):
    model, (mixture, visuals) = trained(), pairs()
    order = [2, 0, 1]
    masks = match(model, mixture, visuals, 2, LR)
    permuted = match(model, mixture[order], visuals[order], 2, LR)
    # Many at once, the last bits depend on a pair's place among the others.
    assert apart(permuted, masks[order]) <= (0 if match is online_match else 1e-12)
    alone = match(model, mixture[2:], visuals[2:], 2, LR)
    assert apart(alone, masks[2:]) < 1e-12


def test_only_the_networks_named_move(monkeypatch):
    model, (mixture, visuals) = trained("skeleton"), pairs("skeleton", 1)
    before, moved = state(model), []

    def spy(*args):
        moved.append({n for n, p in model.named_parameters() if not torch.equal(p, before[n])})
        return seco.matching_loss(*args)

    monkeypatch.setattr(matching, "matching_loss", spy)
    for adapt, starts in (
        (("separator",), ("separator.",)),
        (("sight.bn0", "encoder"), ("sight.bn0.", "encoder.")),
    ):
        moved.clear()
        online_match(model, mixture, visuals, 1, LR, adapt=adapt)
        assert not moved[0]
        assert all(name.startswith(starts) for name in moved[1])
        assert all(any(name.startswith(start) for name in moved[1]) for start in starts)


@pytest.mark.parametrize("terms", [("inter_positive",), ("inter_negative", "intra_negative")])
def test_the_terms_are_those_asked_for(terms):
    model, (mixture, visuals) = trained(), pairs(count=1)
    trace = Trace()
    online_match(model, mixture, visuals, 1, LR, terms=terms, trace=trace)
    mixture_mag = seco.spectrograms(mixture.double(), model.cfg)
    with torch.no_grad():
        _, features = model.separate(mixture_mag, visuals.double())
        expected = seco.consistency_loss(features, "sum", 1.0, terms).item()
    assert trace.losses[0][0] == pytest.approx(expected, rel=1e-12)


# --- nothing is left behind


class Stop(KeyboardInterrupt):
    pass


@BOTH
@pytest.mark.parametrize(
    ("how", "batch_norm"), [("done", "batch"), ("diverged", "eval"), ("interrupted", "batch")]
)
def test_the_model_comes_back_bit_for_bit(match, how, batch_norm, monkeypatch):
    model, (mixture, visuals) = copy.deepcopy(trained()), pairs(count=2)
    model.train()  # a mixture of modes
    model.sight.eval()
    model.encoder.conv1.eval()
    model.separator.requires_grad_(False).unet.requires_grad_(True)
    model.encoder.conv1.weight.grad = torch.ones_like(model.encoder.conv1.weight)
    with torch.no_grad():
        model.encoder.bn1.bias[0] = -0.0  # the sign of zero is a bit too
    modes = [m.training for m in model.modules()]
    tracking = [norm.track_running_stats for norm in norms_of(model)]
    needs = [p.requires_grad for p in model.parameters()]
    before, random = state(model), torch.get_rng_state()

    calls = 0
    separate = model.separate

    def breaks_off(*args):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stop
        return separate(*args)

    if how == "interrupted":
        monkeypatch.setattr(model, "separate", breaks_off)
        given = {"at_once": 2} if match is online_match_batched else {}  # nothing to be estimated
        with pytest.raises(Stop):
            match(model, mixture, visuals, 3, LR, batch_norm=batch_norm, **given)
        assert calls == 3
    elif how == "diverged":
        with pytest.raises(FloatingPointError, match=r"pair 0 .* take a smaller"):
            match(model, mixture, visuals, 3, 1e300, batch_norm=batch_norm)
    else:
        trace = Trace((0, 2))
        masks = match(model, mixture, visuals, 2, LR, batch_norm=batch_norm, trace=trace)
        assert apart(torch.stack(trace.masks[0]), masks) > 1e-3
        assert not masks.requires_grad
        assert not any(x.requires_grad for kept in trace.masks.values() for x in kept)

    assert unchanged(model, before)
    assert torch.signbit(model.encoder.bn1.bias[0])
    assert [m.training for m in model.modules()] == modes
    assert [norm.track_running_stats for norm in norms_of(model)] == tracking
    assert [p.requires_grad for p in model.parameters()] == needs
    graded = {n for n, p in model.named_parameters() if p.grad is not None}
    assert graded == {"encoder.conv1.weight"}
    assert (model.encoder.conv1.weight.grad == 1).all()
    assert all(p.is_leaf for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("mode", ["eval", "batch"])
def test_parameters_and_statistics_of_every_pair_start_the_same(mode, monkeypatch):
    model, (mixture, visuals) = trained(), pairs()
    before, at_start = state(model), []
    running = dict(model.named_buffers())

    def spy(*args):
        at_start.append(unchanged(model, before))
        assert all(torch.equal(running[name], before[name]) for name in running)
        return seco.matching_loss(*args)

    monkeypatch.setattr(matching, "matching_loss", spy)
    online_match(model, mixture, visuals, 2, LR, batch_norm=mode)
    assert at_start == [True, False, False] * 3


@BOTH
def test_what_the_caller_is_in_does_not_matter(match):
    model, (mixture, visuals) = copy.deepcopy(trained()).float(), pairs(count=2)
    expected = match(model, mixture, visuals, 2, LR)
    with torch.no_grad():
        assert torch.equal(match(model, mixture, visuals, 2, LR), expected)
        assert not torch.is_grad_enabled()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(match(model, mixture, visuals, 2, LR), expected)
    with torch.inference_mode():
        inside = [x.clone() for x in (mixture, visuals)]
        assert torch.equal(match(model, *inside, 2, LR), expected)
        assert torch.is_inference_mode_enabled()
    assert expected.dtype == torch.float32


# --- many pairs at once


@pytest.mark.parametrize("modality", ["video", "image", "skeleton", "attributes"])
def test_pair_by_pair_and_many_at_once_are_the_same(modality):
    # The recipe's layout "channels last", and an odd pair that makes a group of its own.
    model, (mixture, visuals) = trained(modality), pairs(modality, 3)
    assert model.cfg.channels_last
    one, many = Trace((0, 1, 2)), Trace((0, 1, 2))
    expected = online_match(model, mixture, visuals, 2, LR, trace=one)
    found = online_match_batched(model, mixture, visuals, 2, LR, trace=many, at_once=2)
    assert apart(found, expected) < 1e-8
    assert apart(torch.stack(one.masks[0]), expected) > 0.01
    for t in (0, 1, 2):
        assert apart(torch.stack(many.masks[t]), torch.stack(one.masks[t])) < 1e-8
    torch.testing.assert_close(many.losses, one.losses, rtol=1e-8, atol=0)
    torch.testing.assert_close(many.norms, one.norms, rtol=1e-8, atol=0)


@pytest.mark.parametrize(
    "switches",
    [
        {"batch_norm": "batch"},
        {"adapt": ("encoder",)},
        {"adapt": ("sight", "separator"), "terms": ("inter_positive",)},
    ],
)
def test_switches_mean_the_same_many_at_once(switches):
    model, (mixture, visuals) = trained(), pairs(count=2)
    expected = online_match(model, mixture, visuals, 2, LR, **switches)
    assert apart(online_match_batched(model, mixture, visuals, 2, LR, **switches), expected) < 1e-8
    assert apart(online_match(model, mixture, visuals, 2, LR), expected) > 1e-8


def test_drift_in_single_precision():
    model, (mixture, visuals) = copy.deepcopy(trained()).float(), pairs(count=2)
    trace = Trace((0,))
    one = online_match(model, mixture, visuals, 3, LR, trace=trace)
    many = online_match_batched(model, mixture, visuals, 3, LR)
    assert apart(one, torch.stack(trace.masks[0])) > 0.01
    assert apart(one, many) < 1e-4


def allocated(work):
    """The most memory that was in use at any time, bytes."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        work()
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


def test_memory_of_a_pair_is_what_is_measured():
    model = trained(sound_width=16)
    mixture, visuals = pairs(count=4)
    shape = visuals.shape[1:]
    each = memory_per_pair(model, shape)
    measured = allocated(lambda: online_match_batched(model, mixture, visuals, 1, LR, at_once=4))
    assert 4 * each == pytest.approx(measured, rel=0.15)
    theta = sum(p.numel() * 8 for p in model.parameters())
    assert each > 3 * theta
    only = memory_per_pair(model, shape, adapt=("encoder",))
    assert only < each - 2 * sum(p.numel() * 8 for p in model.separator.parameters())
    assert memory_per_pair(model, shape, columns=32) > each + 40 * 32 * 16 * 8  # 40 maps and more
    assert pairs_at_once(model, shape, memory=3.5 * each) == 3
    with pytest.raises(ValueError, match=r"one pair takes .* give more memory"):
        pairs_at_once(model, shape, memory=0.9 * each)


def test_as_many_at_once_as_fit(monkeypatch):
    model, (mixture, visuals) = trained(), pairs()
    expected = online_match_batched(model, mixture, visuals, 1, LR)
    one_by_one = online_match_batched(model, mixture, visuals, 1, LR, at_once=1)
    assert apart(one_by_one, expected) < 1e-12
    each = memory_per_pair(model, visuals.shape[1:])
    sizes = []
    split = torch.Tensor.split
    monkeypatch.setattr(torch.Tensor, "split", lambda x, n: sizes.append(n) or split(x, n))
    monkeypatch.setattr("avlib.seco.matching_batched.CPU_BYTES", 2.5 * each)
    found = online_match_batched(model, mixture, visuals, 1, LR, at_once="auto")
    assert sizes == [2, 2]
    assert apart(found, expected) < 1e-12


# --- bad input


@BOTH
def test_what_cannot_be_done_is_refused(match):
    model, (mixture, visuals) = copy.deepcopy(trained()), pairs()
    before = state(model)

    def refused(message, *, steps=1, lr=LR, seen=visuals, heard=mixture, **switches):
        with pytest.raises(ValueError, match=message):
            inspect.unwrap(match)(model, heard, seen, steps, lr, **switches)

    refused("inter_truth: it needs the true sounds", terms=("inter_truth",))
    refused("intra_positive: it needs other clips", terms=("inter_positive", "intra_positive"))
    refused("unknown term 'inter'; there are inter_positive", terms=("inter",))
    refused("at least one term", terms=())
    refused("adapt names 'eyes'.*networks: sight, separator, encoder", adapt=("sight", "eyes"))
    refused("adapt names 'sigh'", adapt=("sigh",))
    refused("adapt names nothing", adapt=())
    refused("steps must not be negative", steps=-1)
    refused("lr must be a step size of 0 or more; got -1", lr=-1.0)
    refused("lr must be .* got nan", lr=float("nan"))
    refused("batch_norm must be 'eval' or 'batch'; got 'train'", batch_norm="train")
    refused("3 mixtures and visuals for 2", seen=visuals[:2])
    refused("0 mixtures", seen=visuals[:0], heard=mixture[:0])
    refused(r"asks for \(0, 2\), and there are 1 steps", trace=Trace((0, 2)))
    refused("looks at", seen=torch.zeros(3, 2, 3, 4, 60))
    refused("wave holds NaN", heard=mixture * float("nan"))
    refused("compare; got 1", seen=visuals[:, :1])
    model.encoder.requires_grad_(False)
    refused("no parameter of encoder requires a gradient")
    assert match(model, mixture, visuals, 1, LR, adapt=("sight", "separator")).isfinite().all()
    assert unchanged(model, before)
    model.bfloat16()
    refused("needs parameters in float32.*torch.bfloat16", adapt=("sight",))


def test_at_once_is_a_number_of_pairs():
    with pytest.raises(ValueError, match="at_once must be 1 or more"):
        online_match_batched(trained(), *pairs(), 1, LR, at_once=0)


@BOTH
def test_the_pair_that_breaks_is_named(match):
    model, (mixture, visuals) = copy.deepcopy(trained()).float(), pairs()
    visuals[1] = 3e38
    trace = Trace()
    with pytest.raises(FloatingPointError, match="pair 1 is nan before the first step"):
        match(model, mixture, visuals, 1, LR, trace=trace)
    assert len(trace.losses) == 1  # the pair before it was done
    visuals[1, 0, 3] = float("nan")
    with pytest.raises(ValueError, match="source 0 of item 1 hold NaN"):
        match(model, mixture, visuals, 1, LR)
    mixture, visuals = pairs(count=1)
    with pytest.raises(FloatingPointError, match=r"pair 0 is nan after step \d of size 1e\+200"):
        match(trained(), mixture, visuals, 3, 1e200)


@pytest.mark.parametrize(
    ("match", "batch_norm"), [(online_match, "eval"), (online_match_batched, "batch")]
)
def test_a_silent_mixture_is_matched_like_any_other(match, batch_norm):
    model, (mixture, visuals) = trained(), pairs(count=2)
    mixture[0] = 0
    trace = Trace()
    masks = match(model, mixture, visuals, 3, LR, batch_norm=batch_norm, trace=trace)
    assert masks.isfinite().all()
    assert torch.tensor(trace.losses).isfinite().all()


@BOTH
def test_vectors_of_zeros_stay_where_they_are(match):
    model, (mixture, visuals) = copy.deepcopy(trained()), pairs(count=2)
    with torch.no_grad():  # every rectifier at the encoder's end is shut
        model.encoder.blocks[-1].bn2.bias.fill_(-1e6)
        model.encoder.blocks[-1].bn2.weight.zero_()
        model.encoder.blocks[-1].shortcut[1].weight.zero_()
    trace = Trace((0,))
    masks = match(model, mixture, visuals, 2, LR, trace=trace)
    torch.testing.assert_close(torch.tensor(trace.losses), torch.full((2, 3), 3.0))
    assert max(max(norms) for norms in trace.norms) < 1e-12
    assert apart(masks, torch.stack(trace.masks[0])) < 1e-12
    with torch.no_grad():  # nothing to see either
        model.sight.layers[-1].weight.zero_()
        model.sight.layers[-1].bias.zero_()
    masks = match(model, mixture, visuals, 2, LR)
    assert masks.isfinite().all()
