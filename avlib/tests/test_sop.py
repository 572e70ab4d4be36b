"""Sound of Pixels: sizes, the loss by hand, separation of what can be told apart, evaluation."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from sop_parts import SAMPLES, batch_of, tiny, trained_model
from torch import nn

from avlib import sop
from avlib.audio import (
    SECO_LITERAL,
    binary_mask,
    log_magnitude,
    loss_weight,
    separate_with_mask,
    stft,
    to_log_frequency,
)
from avlib.metrics import bss_eval
from avlib.sop import (
    FrameNet,
    SoundOfPixels,
    Synthesizer,
    colour_leak,
    config_from_json,
    energy_map,
    paper,
    pixel_masks,
    pixel_separate,
    pocket,
    separate,
    separation_loss,
    spectrograms,
    train_step,
)
from avlib.sop.inference import _padded, apply_masks

# --- sizes


def test_the_published_numbers_of_parameters():
    model = SoundOfPixels(paper().changed(frame_weights=None))
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in model.nets.items()}
    assert counts == {"sound": 30_274_210, "frame": 11_324_000, "synthesizer": 33}


def test_shapes_at_paper_size():
    model = SoundOfPixels(paper().changed(frame_weights=None, sound_width=8)).eval()
    with torch.inference_mode():
        assert model.frame(torch.zeros(1, 3, 224, 224)).shape == (1, 32, 14, 14)
        masks = model(torch.zeros(1, 65535), torch.zeros(1, 2, 3, 3, 64, 64))
    assert masks.shape == (1, 2, 256, 256)


def test_the_paper_recipe():
    cfg = paper()
    assert cfg.train.lrs == {
        "sound": 1e-3, "synthesizer": 1e-3, "frame": 1e-4, "frame.fc": 1e-3
    }  # fmt: skip
    assert (cfg.train.optimiser, cfg.train.momentum, cfg.train.weight_decay) == ("sgd", 0.9, 1e-4)
    epochs = cfg.train.steps / 100
    assert tuple(m / epochs for m in cfg.train.milestones) == (40, 80)
    assert (cfg.batch_size, cfg.frames, cfg.frame_spacing_s, cfg.frame_size) == (80, 3, 3.0, 224)
    assert (cfg.threshold, cfg.mask, cfg.maps, cfg.depth) == (0.5, "binary", 32, 7)


def test_configs_survive_json_and_refuse_nonsense():
    for cfg in (paper(), pocket(), tiny(threshold=None)):
        assert config_from_json(json.loads(json.dumps(asdict(cfg)))) == cfg
    with pytest.raises(ValueError, match="not of this version"):
        config_from_json(asdict(pocket()) | {"colour": "red"})
    with pytest.raises(ValueError, match="mask must be"):
        tiny(mask="soft")
    with pytest.raises(ValueError, match="threshold"):
        tiny(threshold=1.5)
    with pytest.raises(ValueError, match="bins must differ from the front end's 512 rows"):
        tiny(bins=512)
    assert tiny(bins=511).bins == 511
    with pytest.raises(TypeError, match="stepz"):
        tiny(stepz=3)


# --- networks


def test_synthesizer_is_its_equation():
    generator = torch.Generator().manual_seed(0)
    net = Synthesizer(3)
    with torch.no_grad():
        net.scale.copy_(torch.tensor([1.0, -2.0, 0.5]))
        net.bias.fill_(0.25)
    vision = torch.rand(2, 2, 3, generator=generator)
    sound = torch.randn(2, 3, 4, 5, generator=generator)
    expected = torch.zeros(2, 2, 4, 5)
    for b in range(2):
        for s in range(2):
            for k in range(3):
                expected[b, s] += net.scale[k].item() * vision[b, s, k] * sound[b, k]
    torch.testing.assert_close(net(vision, sound), expected + 0.25)


def test_pictures_are_pooled_over_time_and_place():
    net = FrameNet(outputs=5, width=4).eval()
    frames = torch.randn(2, 3, 4, 32, 48, generator=torch.Generator().manual_seed(0))
    maps = torch.stack([net(frames[:, :, t]) for t in range(4)])
    torch.testing.assert_close(net.clip(frames), maps.max(0).values.sigmoid())
    torch.testing.assert_close(net.pooled(frames), maps.amax(dim=(0, 3, 4)).sigmoid())
    assert net.clip(frames).shape == (2, 5, 2, 3)


def test_every_parameter_gets_a_gradient():
    cfg = tiny()
    model = SoundOfPixels(cfg)
    train_step(model.nets, batch_of(0), cfg)["mask"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_weights_are_drawn_from_the_seed():
    one, two, other = (SoundOfPixels(tiny(seed=s)) for s in (1, 1, 2))
    for (name, a), b in zip(one.named_parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(one.sound.up[0][2].weight, other.sound.up[0][2].weight)
    sop_like = SoundOfPixels(tiny(init="sop"))
    assert sop_like.sound.down[2][1].weight.std().item() == pytest.approx(1e-3, rel=0.1)
    head = sop_like.frame.fc.weight  # left as torch draws it
    assert head.abs().max().item() == pytest.approx(1 / math.sqrt(head[0].numel()), rel=0.05)


def test_memory_layout_changes_no_number():
    cfg = tiny()
    plain, fast = SoundOfPixels(cfg).eval(), SoundOfPixels(tiny(channels_last=True)).eval()
    batch = batch_of(0)
    assert fast.frame.fc.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        plain(batch["mixture"], batch["frames"]), fast(batch["mixture"], batch["frames"])
    )


# --- loss


def test_loss_by_hand():
    """Two sources, one bin of magnitude e - 1 (weight 1) and one of silence (weight 1e-3)."""
    mixture = torch.tensor([[[math.e - 1, 0.0]]])
    sources = torch.tensor([[[[math.e - 1, 0.0]], [[0.0, 0.0]]]])
    logits = torch.tensor([[[[2.0, 0.0]], [[1.0, 0.0]]]])
    bce = lambda z, t: -math.log(1 / (1 + math.exp(-z if t else z)))  # noqa: E731
    expected = (bce(2, 1) + bce(1, 0) + 2e-3 * math.log(2)) / 4
    assert separation_loss(logits, sources, mixture).item() == pytest.approx(expected, rel=1e-5)
    even = (bce(2, 1) + bce(1, 0) + 2 * math.log(2)) / 4
    found = separation_loss(logits, sources, mixture, weighted=False)
    assert found.item() == pytest.approx(even, rel=1e-5)
    sigmoid = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
    ratio = (abs(sigmoid(2) - 1) + sigmoid(1) + 2e-3 * 0.5) / 4
    assert separation_loss(logits, sources, mixture, mask="ratio").item() == pytest.approx(ratio)
    with pytest.raises(ValueError, match="mask must be"):
        separation_loss(logits, sources, mixture, mask="complex")


def test_loss_equals_a_loop_over_bins():
    generator = torch.Generator().manual_seed(0)
    sources = torch.rand(2, 2, 3, 4, generator=generator) * 3
    mixture = torch.rand(2, 3, 4, generator=generator) * 3
    logits = torch.randn(2, 2, 3, 4, generator=generator)
    total = 0.0
    for b, s, f, t in np.ndindex(2, 2, 3, 4):
        x = mixture[b, f, t].item()
        weight = min(max(math.log1p(x), 1e-3), 10)
        p = 1 / (1 + math.exp(-logits[b, s, f, t].item()))
        total -= weight * (math.log(p) if sources[b, s, f, t] > 0.5 * x else math.log(1 - p))
    found = separation_loss(logits, sources, mixture)
    assert found.item() == pytest.approx(total / 48, rel=1e-5)


def test_loss_is_least_at_the_truth_and_has_the_right_gradient():
    generator = torch.Generator().manual_seed(1)
    sources = torch.rand(1, 2, 3, 4, generator=generator, dtype=torch.float64)
    mixture = sources.sum(1)
    truth = 60 * (binary_mask(sources, mixture[:, None]) - 0.5)
    assert separation_loss(truth, sources, mixture) < 1e-9
    assert separation_loss(-truth, sources, mixture) > 1
    logits = torch.randn(1, 2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    for mask in ("binary", "ratio"):
        (found,) = torch.autograd.grad(separation_loss(logits, sources, mixture, mask), logits)
        with torch.no_grad():
            for place in [(0, 0, 0, 0), (0, 1, 2, 3), (0, 1, 0, 2)]:
                nudge = torch.zeros_like(logits)
                nudge[place] = 1e-6
                up, down = (
                    separation_loss(logits + sign * nudge, sources, mixture, mask)
                    for sign in (1, -1)
                )
                slope = (up - down).item() / 2e-6
                assert found[place].item() == pytest.approx(slope, rel=1e-4, abs=1e-9)


def test_step_follows_the_paper_front_end():
    """What the networks see and are asked for, computed here step by step."""
    cfg = tiny()
    batch = batch_of(3)
    seen = {}

    class Ear(nn.Module):
        def forward(self, x):
            seen["input"] = x
            return torch.ones(4, 1, 32, 16)

    class Eye(nn.Module):
        def pooled(self, frames):
            seen["frames"] = frames
            return torch.ones(8, 1)

    loss = train_step({"sound": Ear(), "frame": Eye(), "synthesizer": Synthesizer(1)}, batch, cfg)
    mixture = to_log_frequency(stft(batch["mixture"]).abs(), 32)
    torch.testing.assert_close(seen["input"], log_magnitude(mixture)[:, None])
    assert torch.equal(seen["frames"][3], batch["frames"][1, 1])
    target = binary_mask(to_log_frequency(stft(batch["waves"]).abs(), 32), mixture[:, None])
    bce = nn.functional.binary_cross_entropy(
        torch.full_like(target, 1 / (1 + math.exp(-1))), target, reduction="none"
    )
    expected = (loss_weight(mixture)[:, None] * bce).mean()
    torch.testing.assert_close(loss["mask"], expected)


def test_pairings_mix_the_clips_of_a_batch_anew():
    """A batch with two pairings = a batch twice as large that holds both rounds."""
    cfg = tiny(pairings=2)
    batch = batch_of(4)
    shift = [3, 0, 1, 2]  # the second source comes from the mix before
    again = {
        key: torch.stack([batch[key][:, 0], batch[key][shift, 1]], 1) for key in ("waves", "frames")
    }
    both = {key: torch.cat([batch[key], again[key]]) for key in ("waves", "frames")}
    both["mixture"] = both["waves"].sum(1)
    model = SoundOfPixels(cfg).eval()
    with torch.no_grad():
        found = train_step(model.nets, batch, cfg)["mask"]
        expected = train_step(model.nets, both, tiny())["mask"]
        once = train_step(model.nets, batch, tiny())["mask"]
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, once)
    with pytest.raises(ValueError, match="pairings"):
        tiny(pairings=5)


# --- the control


def test_colour_leak_tells_the_category_and_only_that():
    frames = torch.zeros(2, 2, 3, 1, 4, 4)
    tinted = colour_leak(frames, [["violin", "flute"], ["flute", "violin"]])
    assert torch.equal(tinted[0, 0], tinted[1, 1])
    assert torch.equal(tinted[0, 1], tinted[1, 0])
    assert not torch.equal(tinted[0, 0], tinted[0, 1])
    assert torch.equal(colour_leak(frames + 3, [["tuba"] * 2] * 2, 0.0), frames + 3)
    with pytest.raises(ValueError, match="no colour for kazoo"):
        colour_leak(frames, [["violin", "kazoo"], ["flute", "violin"]])
    assert not pocket().colour_leak
    assert not paper().colour_leak


def test_the_control_is_applied_in_training_and_evaluation():
    cfg = tiny(colour_leak=True)
    batch = batch_of(0)
    model = SoundOfPixels(cfg).eval()
    with torch.no_grad():
        tinted = train_step(model.nets, batch, cfg)["mask"]
        plain = train_step(model.nets, batch, tiny())["mask"]
        by_hand = train_step(
            model.nets,
            batch | {"frames": colour_leak(batch["frames"], batch["categories"])},
            tiny(),
        )["mask"]
    assert torch.equal(tinted, by_hand)
    assert not torch.equal(tinted, plain)


# --- it learns, separates, shows where


@pytest.fixture(scope="module")
def trained():
    return trained_model()


def test_it_learns(trained):
    assert np.mean(trained.losses[-5:]) < 0.4 * np.mean(trained.losses[:3])


def test_it_separates_by_what_it_sees(trained):
    batch = batch_of(10_000)
    waves = separate(trained.model, batch["mixture"], batch["frames"])
    assert waves.shape == batch["waves"].shape
    gain = (
        bss_eval(batch["waves"], waves, 64)[0]
        - bss_eval(batch["waves"], batch["mixture"][:, None].expand_as(batch["waves"]), 64)[0]
    )
    assert gain.mean() > 5
    swapped = separate(trained.model, batch["mixture"], batch["frames"].flip(1))
    torch.testing.assert_close(swapped, waves.flip(1))  # the pictures decide which is which


def test_separate_with_threshold(trained):
    batch = batch_of(10_001)
    soft = separate(trained.model, batch["mixture"], batch["frames"], threshold=None)
    hard = separate(trained.model, batch["mixture"], batch["frames"], threshold=0.5)
    assert not torch.allclose(soft, hard)
    assert trained.cfg.threshold is None
    torch.testing.assert_close(soft, separate(trained.model, batch["mixture"], batch["frames"]))
    none = separate(trained.model, batch["mixture"], batch["frames"], threshold=0.999999)
    assert none.square().sum() < 0.1 * hard.square().sum()


def test_separate_takes_any_length_and_leaves_the_mode_alone(trained):
    batch = batch_of(10_002)
    trained.model.train()
    before = {k: v.clone() for k, v in trained.model.state_dict().items()}
    for samples in (SAMPLES - 700, SAMPLES + 5000):
        mixture = batch["mixture"].repeat(1, 3)[:, :samples]
        assert separate(trained.model, mixture, batch["frames"]).shape == (4, 2, samples)
    assert trained.model.training
    after = trained.model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    trained.model.eval()


def test_pixels(trained):
    """Low tone on the left, high tone below on the right: each place sounds as what it shows."""
    batch = batch_of(10_003, size=1)
    waves, frames = batch["waves"], batch["frames"]
    masks = pixel_masks(trained.model, batch["mixture"], frames[:, 0])
    assert masks.shape == (1, 2, 2, 32, 16)
    vision = trained.model.frame.clip(frames[:, 0])
    sound = trained.model.sound(log_magnitude(spectrograms(batch["mixture"], trained.cfg))[:, None])
    row, column = 1, 0
    logits = trained.model.synthesizer(vision[:, None, :, row, column], sound)
    torch.testing.assert_close(masks[:, row, column], logits.sigmoid()[:, 0])

    wave = pixel_separate(trained.model, batch["mixture"], frames[:, 0], x=0.2, y=0.8)
    assert wave.shape == batch["mixture"].shape
    expected = apply_masks(trained.cfg, batch["mixture"], masks[:, row, column][:, None], None)
    torch.testing.assert_close(wave, expected[:, 0])
    assert not torch.allclose(
        wave, pixel_separate(trained.model, batch["mixture"], frames[:, 0], x=0.8, y=0.8)
    )
    with pytest.raises(ValueError, match="from 0 to 1"):
        pixel_separate(trained.model, batch["mixture"], frames[:, 0], x=1.2, y=0.0)

    energy = energy_map(trained.model, batch["mixture"], frames[:, 0])
    assert energy.shape == (1, 2, 2)
    assert bool(((energy >= 0) & (energy <= 1)).all())
    spec = stft(batch["mixture"])
    whole = stft(expected[:, 0]).abs().square().sum() / spec.abs().square().sum()
    assert energy[0, row, column].item() == pytest.approx(whole.item(), rel=0.15)
    assert waves.shape == (1, 2, SAMPLES)


def test_corners_follow_the_config():
    wave = batch_of(5)["mixture"]
    masks = torch.rand(4, 2, 32, 16, generator=torch.Generator().manual_seed(0))
    spectra, waves = {}, {}
    for corners in (True, False):
        cfg = tiny(align_corners=corners)
        spectra[corners] = spectrograms(wave, cfg)
        expected = to_log_frequency(stft(wave).abs(), 32, corners)
        torch.testing.assert_close(spectra[corners], expected)
        waves[corners] = apply_masks(cfg, wave, masks, None)
        expected = separate_with_mask(wave, masks, align_corners=corners)
        torch.testing.assert_close(waves[corners], expected)
    assert not torch.allclose(spectra[True], spectra[False])
    assert not torch.allclose(waves[True], waves[False])


@pytest.mark.parametrize("samples", [300, 4095, 5000])
def test_uncentred_columns_fit_the_unet_too(samples):
    front_end = replace(SECO_LITERAL, samples=SAMPLES)
    cfg = tiny(front_end=front_end)
    mixture = batch_of(6)["mixture"].repeat(1, 2)[:, :samples]
    padded = _padded(mixture, cfg)
    columns = front_end.stft(padded).shape[-1]
    assert columns % 2**cfg.depth == 0
    needed = 1 + max(0, math.ceil((samples - front_end.n_fft) / front_end.hop))
    assert columns < needed + 2**cfg.depth
    assert torch.equal(padded[:, :samples], mixture)
    assert separate(SoundOfPixels(cfg), mixture, batch_of(6)["frames"]).shape == (4, 2, samples)


def test_all_mask_is_all_energy(trained):
    class Open(nn.Module):
        def forward(self, vision, sound):
            return torch.full((*vision.shape[:2], *sound.shape[-2:]), 50.0)

    model = SoundOfPixels(trained.cfg).eval()
    model.synthesizer = Open()
    batch = batch_of(1, size=1)
    energy = energy_map(model, batch["mixture"], batch["frames"][:, 0])
    torch.testing.assert_close(energy, torch.ones(1, 2, 2))
    waves = separate(model, batch["mixture"], batch["frames"])
    torch.testing.assert_close(waves[:, 0], batch["mixture"], atol=1e-5, rtol=0)


def test_names_of_the_room():
    assert set(sop.PRESETS) == {"paper", "pocket"}
    for name in sop.__all__:
        assert hasattr(sop, name)
