"""SeCo's ears, the model they make with any kind of sight, and its settings."""

import json
import math
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from seco_parts import convolutions, count, tiny, visuals
from torch import nn

from avlib import data, seco
from avlib.audio import log_magnitude, to_log_frequency
from avlib.nets import resnet18
from avlib.seco import learning
from avlib.seco.sights import DILATIONS

# --- what is heard


def test_separator_is_its_equation():
    g = torch.Generator().manual_seed(0)
    net = seco.Separator(features=5, maps=3, depth=2, width=2).double()
    assert (net.scale.tolist(), net.bias.tolist()) == ([1.0] * 3, [0.0])
    assert net.look.bias is None
    assert net.look.weight.shape == (3, 5)
    with torch.no_grad():
        net.scale.copy_(torch.tensor([1.0, -2.0, 0.5]))
        net.bias.fill_(0.25)
    log_mixture = torch.randn(2, 1, 8, 8, generator=g, dtype=torch.float64)
    seen = torch.randn(2, 3, 5, generator=g, dtype=torch.float64)
    maps = net.unet(log_mixture)
    found = net(log_mixture, seen)
    expected = torch.zeros_like(found)
    for b in range(2):
        for n in range(3):
            for k in range(3):
                z = sum(net.look.weight[k, j] * seen[b, n, j] for j in range(5))
                expected[b, n] += maps[b, k] * net.scale[k] / (1 + torch.exp(-z))
    torch.testing.assert_close(found, expected + 0.25)


def test_encoder_is_a_resnet_of_ten_layers():
    net = seco.AudioEncoder().eval()
    found = [
        (m.out_channels, m.kernel_size[0], m.stride[0], m.bias is not None)
        for m in convolutions(net)
    ]
    wanted = [(32, 7, 2, False)]
    for k, width in enumerate((32, 64, 128, 256)):
        stride = 2 if k else 1
        wanted += [(width, 3, stride, False), (width, 3, 1, False)]
        if k:
            wanted.append((width, 1, stride, True))  # with bias, unlike torchvision's
    assert found == wanted
    assert len([c for c in found if c[1] > 1]) == 9  # and the layer that would classify makes ten
    assert isinstance(net.blocks[0].shortcut, nn.Identity)
    with torch.inference_mode():
        x = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
        out = net(x)
        assert out.shape == (2, 256)
        assert net.blocks(net.maxpool(net.conv1(x[:1]))).shape == (1, 256, 8, 8)
    assert out.min() >= 0
    assert out.std() > 0
    weights = sum(m.weight.numel() for m in convolutions(net)) + 64 + 128 + 256
    norms = 2 * sum(m.out_channels for m in convolutions(net))
    assert count(net) == weights + norms


def test_what_the_encoder_is_given():
    mixture = torch.tensor([[[1.0, math.e, 0.0]]])
    masks = torch.tensor([[[[1.0, 0.5, 0.25]], [[0.0, 0.0, 1.0]]]])
    low = math.log(1e-10)
    released = seco.masked_input(mixture, masks)
    expected = torch.tensor([[[[0.0, 0.5, 0.25 * low]], [[0.0, 0.0, low]]]])
    torch.testing.assert_close(released, expected, atol=1e-6, rtol=1e-6)
    masked = seco.masked_input(mixture, masks, "log_masked")
    half = 1 + math.log(0.5)
    expected = torch.tensor([[[[0.0, half, low]], [[low, low, low]]]])
    torch.testing.assert_close(masked, expected, atol=1e-6, rtol=1e-6)
    full = torch.ones(1, 1, 1, 3)  # nothing masked out: both are what a true sound gives
    for kind in ("released", "log_masked"):
        torch.testing.assert_close(
            seco.masked_input(mixture, full, kind)[:, 0], log_magnitude(mixture)
        )
    with pytest.raises(ValueError, match=r"'released', 'log_masked'.*; got 'masked'"):
        seco.masked_input(mixture, masks, "masked")


@pytest.mark.parametrize("kind", ["released", "log_masked"])
def test_the_model_hears_what_its_config_says(kind):
    model = seco.SeCo(tiny("attributes", encoder_input=kind)).eval()
    generator = torch.Generator().manual_seed(3)
    mixture = torch.rand(2, 32, 32, generator=generator)
    logits = torch.randn(2, 2, 32, 32, generator=generator)
    given = {
        "released": log_magnitude(mixture)[:, None] * logits.sigmoid(),
        "log_masked": log_magnitude(mixture[:, None] * logits.sigmoid()),
    }
    heard = {name: model.encode(inputs) for name, inputs in given.items()}
    assert torch.equal(model.hear(mixture, logits), heard[kind])
    assert not torch.allclose(heard["released"], heard["log_masked"], rtol=1e-2)


@pytest.mark.parametrize("align_corners", [True, False])
def test_spectrograms_are_warped_as_the_config_says(align_corners):
    cfg = tiny("attributes", align_corners=align_corners)
    wave = torch.randn(1, 1000, generator=torch.Generator().manual_seed(4))
    magnitude = cfg.front_end.stft(wave).abs()
    warped = {how: to_log_frequency(magnitude, 32, how) for how in (True, False)}
    torch.testing.assert_close(seco.spectrograms(wave, cfg), warped[align_corners])
    assert not torch.allclose(warped[True], warped[False], rtol=1e-2)


def test_every_switch_of_a_sight_reaches_it():
    """What a config says is what is built: the literal dilation, the wrists, the first residual."""
    nets = {kind: seco.make_sight(tiny("image", image_dilation=kind)) for kind in DILATIONS}
    dilations = {kind: [c.dilation for c in convolutions(net)] for kind, net in nets.items()}
    assert set(dilations["literal"]) == {(1, 1)}
    assert (2, 2) in dilations["sop"]
    linked, severed = (
        seco.make_sight(tiny("skeleton", wrist_links=links)).blocks[0].graph
        for links in (True, False)
    )
    assert (linked > 0).sum() > (severed > 0).sum()
    with_one, without = (
        seco.make_sight(tiny("skeleton", first_residual=first)) for first in (True, False)
    )
    assert with_one.blocks[0].shortcut is not None
    assert without.blocks[0].shortcut is None


# --- the model


@pytest.mark.parametrize("modality", seco.MODALITIES)
def test_one_interface_for_every_kind_of_sight(modality):
    """Shapes, a gradient for every parameter, nothing shared between items of a batch."""
    cfg = tiny(modality)
    model = seco.SeCo(cfg)
    g = torch.Generator().manual_seed(0)
    mixture, seen = torch.randn(2, 1000, generator=g), visuals(modality)
    mixture_mag = seco.spectrograms(mixture, cfg)
    assert mixture_mag.shape == (2, 32, 32)
    logits, features = model.separate(mixture_mag, seen)
    assert logits.shape == (2, 2, 32, 32)
    assert features.seen.shape == features.separated.shape == (2, 2, 8)
    loss = seco.separation_loss(logits, mixture_mag[:, None].expand(-1, 2, -1, -1), mixture_mag)
    (loss + seco.consistency_loss(features, terms=seco.WITHOUT_TRUTH).mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    model.eval()
    with torch.no_grad():
        both = model(mixture, seen)
        torch.testing.assert_close(both, model.separate(mixture_mag, seen)[0])
        torch.testing.assert_close(both[1:], model(mixture[1:], seen[1:]), rtol=1e-4, atol=1e-5)
        swapped = model(mixture, seen.flip(1))
    torch.testing.assert_close(swapped, both.flip(1), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(both[:, 0], both[:, 1])


@pytest.mark.parametrize("modality", ["video", "image", "skeleton"])
def test_one_frame_is_enough(modality):
    model = seco.SeCo(tiny(modality)).eval()
    seen = model.look(visuals(modality, frames=1))
    assert seen.shape == (2, 2, 8)
    assert torch.isfinite(seen).all()
    with pytest.raises(ValueError, match="it looks at"):
        model.look(visuals(modality)[:, :, :, :0])


def test_visuals_of_another_sight():
    look = {modality: seco.SeCo(tiny(modality)).look for modality in seco.MODALITIES}
    wrong = (
        ("video", visuals("skeleton"), r"'video'.*frame, height, width\), got \(2, 2, 3, 3, 60\)"),
        ("image", visuals("attributes"), r"'image'.*got \(2, 2, 57\)"),
        ("skeleton", visuals("video"), r"'skeleton'.*frame, 60\).*model with the other sight"),
        ("skeleton", visuals("skeleton")[..., :59], r"60\), got \(2, 2, 3, 3, 59\)"),
        ("skeleton", visuals("skeleton")[:, :, :2], r"got \(2, 2, 2, 3, 60\)"),
        ("video", visuals("video")[:, :, :1], r"source, 3, frame.*got \(2, 2, 1, 3, 32, 32\)"),
        ("video", visuals("video")[0], r"got \(2, 3, 3, 32, 32\)"),
        ("attributes", visuals("attributes")[..., :9], r"\(batch, source, 57\), got \(2, 2, 9\)"),
    )
    for modality, given, message in wrong:
        with pytest.raises(ValueError, match=message):
            look[modality](given)


def test_visuals_and_sounds_with_numbers_that_are_none():
    model = seco.SeCo(tiny("skeleton")).eval()
    joints, mixture = visuals("skeleton"), torch.zeros(2, 1000)
    joints[1, 0, 2, 1, 7] = torch.nan
    with pytest.raises(ValueError, match=r"source 0 of item 1 hold NaN.*confidence 0"):
        model(mixture, joints)
    with pytest.raises(ValueError, match="NaN"):
        model(mixture + torch.nan, visuals("skeleton"))


def test_paper_size():
    """The paper's depth, maps and sides; counts in full width, on a device without numbers."""
    with torch.device("meta"):
        assert count(seco.Separator()) == 12_497_667
        images = seco.make_sight(seco.paper("image"))
        assert count(images) == 11_176_512 + 512 * 256 + 256  # torchvision's, and a projection
    model = seco.SeCo(seco.paper().changed(sound_width=4)).eval()
    with torch.inference_mode():
        few = torch.zeros(1, 2, 3, 1, 128, 128)
        logits, features = model.separate(torch.rand(1, 256, 256), few)
        assert logits.shape == (1, 2, 256, 256)
        assert features.seen.shape == features.separated.shape == (1, 2, 256)
        assert seco.spectrograms(torch.zeros(1, 66150), model.cfg).shape == (1, 256, 256)
        frame_net = seco.make_sight(seco.paper("image").changed(image_width=8)).eval()
        assert frame_net.resnet(few[0, :1, :, 0]).shape == (1, 64, 8, 8)
        assert frame_net(few[:, 0]).shape == (1, 256)


def test_weights_are_drawn_as_in_the_release():
    """The paper's recipe, in widths that make the estimates good enough."""
    cfg = seco.paper("attributes").changed(sound_width=16)
    model = seco.SeCo(cfg)
    stds = {name: p.std().item() for name, p in model.named_parameters() if p.numel() > 1}
    for name, module in model.separator.named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 1000:
            assert stds[f"separator.{name}.weight"] == pytest.approx(1e-3, rel=0.1), name
        if isinstance(module, nn.BatchNorm2d) and module.num_features >= 64:
            assert stds[f"separator.{name}.weight"] == pytest.approx(0.02, rel=0.35), name
            assert module.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert not module.bias.any()
    assert stds["separator.look.weight"] == pytest.approx(1e-4, rel=0.05)
    for conv in convolutions(model.encoder):  # He et al. by fan out
        expected = math.sqrt(2 / (conv.out_channels * conv.kernel_size[0] ** 2))
        if conv.weight.numel() > 4000:
            assert conv.weight.std().item() == pytest.approx(expected, rel=0.05)
    assert torch.equal(model.encoder.bn1.weight, torch.ones(32))
    he = seco.SeCo(tiny("video", video_widths=(16, 16, 64, 8)))
    conv = he.sight.res3[0].conv3  # three-dimensional ones too; fan in 16
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / 16), rel=0.1)


def test_the_seed_decides_about_every_weight():
    one, two, other = (seco.SeCo(tiny(seed=s)) for s in (1, 1, 2))
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()
    for name in ("sight.res2.0.conv2", "separator.look", "encoder.conv1"):
        a, b = one.get_submodule(name).weight, other.get_submodule(name).weight
        assert not torch.equal(a, b), name
    switched = seco.SeCo(tiny("skeleton", seed=1))  # the ears do not depend on the eyes
    for name in ("separator", "encoder"):
        found = switched.nets[name].state_dict()
        assert all(torch.equal(v, found[k]) for k, v in one.nets[name].state_dict().items())


@pytest.mark.parametrize("modality", ["video", "image", "skeleton"])
def test_memory_layout_changes_no_number(modality):
    plain, fast = (seco.SeCo(tiny(modality, channels_last=c)).eval() for c in (False, True))
    inputs = torch.rand(2, 1000, generator=torch.Generator().manual_seed(0)), visuals(modality)
    with torch.no_grad():
        torch.testing.assert_close(plain(*inputs), fast(*inputs), rtol=1e-4, atol=1e-5)
    conv = fast.encoder.blocks[1].conv2.weight
    assert conv.is_contiguous(memory_format=torch.channels_last)


def test_half_precision_leaves_masks_and_vectors_whole():
    model = seco.SeCo(tiny()).eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        logits, features = model.separate(torch.rand(2, 32, 32), visuals("video"))
    assert {logits.dtype, features.seen.dtype, features.separated.dtype} == {torch.float32}
    double = seco.SeCo(tiny()).double().eval()
    assert double.look(visuals("video").double()).dtype == torch.float64


def test_a_sight_starts_from_a_users_checkpoint(tmp_path):
    trained = seco.SeCo(tiny(seed=5))
    state = trained.sight.state_dict()
    bare, whole = tmp_path / "bare.safetensors", tmp_path / "whole.safetensors"
    save_file(state, bare)
    save_file({f"sight.{k}": v for k, v in state.items()} | {"encoder.x": torch.ones(1)}, whole)
    for path in (bare, whole):
        model = seco.SeCo(tiny(sight_weights=str(path)))
        for name, value in model.sight.state_dict().items():
            assert torch.equal(value, state[name]), name
        assert not torch.equal(model.separator.look.weight, trained.separator.look.weight)
    with pytest.raises(ValueError, match=r"bare.*does not hold a SkeletonNet of these sizes"):
        seco.SeCo(tiny("skeleton", sight_weights=str(bare)))
    with pytest.raises(ValueError, match="VisionNet of these sizes"):
        seco.SeCo(tiny(video_stem=2, sight_weights=str(bare)))
    with pytest.raises(FileNotFoundError, match=r"no weights for the sight at .*nowhere"):
        seco.SeCo(tiny(sight_weights=str(tmp_path / "nowhere.safetensors")))
    (tmp_path / "fast_pretrained.pth").write_bytes(b"pickled")
    with pytest.raises(ValueError, match=r"no \.safetensors file.*it could run code"):
        seco.SeCo(tiny(sight_weights=str(tmp_path / "fast_pretrained.pth")))


def test_the_image_sight_keeps_the_weights_it_starts_from(monkeypatch):
    known = resnet18(layer4="dilated").state_dict()
    monkeypatch.setattr("avlib.nets._resnet18_weights", lambda weights: known)
    model = seco.SeCo(tiny("image", image_width=64, image_weights="imagenet"))
    for name, value in model.sight.resnet.state_dict().items():
        assert torch.equal(value, known[name]), name
    assert not model.sight.project.bias.any()  # drawn after He et al., as all else


# --- settings


def test_the_paper_recipe():
    cfg = seco.paper()
    assert cfg.train.lrs == {"sight": 1e-4, "separator": 1e-3, "encoder": 1e-3}
    assert (cfg.train.optimiser, cfg.train.betas, cfg.train.weight_decay) == (
        "adam",
        (0.9, 0.999),
        0,
    )
    assert cfg.train.schedule == "constant"
    assert (cfg.batch_size, cfg.frames, cfg.frame_size, cfg.maps, cfg.depth) == (16, 24, 128, 64, 5)
    assert cfg.train.steps == 20 * cfg.train.validate_every  # 100 epochs, every fifth
    assert cfg.train.weights == {
        "separation": 1.0, "truth_weight": 0.0, **dict.fromkeys(seco.TERMS, 0.01)
    }  # fmt: skip
    assert not cfg.train.find_unused
    deaf = cfg.changed(consistency="none").train  # nothing is encoded
    assert (deaf.weights, deaf.find_unused) == ({"separation": 1.0}, True)
    for preset in seco.PRESETS.values():
        for modality in seco.MODALITIES:
            other = preset(modality, "S3")
            assert (other.modality, other.split) == (modality, "S3")


def test_an_encoder_that_does_not_learn():
    cfg = tiny(train_encoder=False)
    assert cfg.train.lrs == {"sight": 2e-3, "separator": 2e-3, "encoder": 0.0}
    assert tiny().train.lrs["encoder"] == 2e-3
    with pytest.raises(ValueError, match="train_encoder=True needs a learning rate"):
        cfg.changed(train_encoder=True)


def test_configs_survive_json():
    for cfg in (seco.paper("image"), seco.pocket("skeleton", "S2"), tiny(train_encoder=False)):
        assert seco.config_from_json(json.loads(json.dumps(asdict(cfg)))) == cfg
    with pytest.raises(ValueError, match="not of this version"):
        seco.config_from_json(asdict(tiny()) | {"colour": "red"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": "smell"}, "'video', 'image', 'skeleton', 'attributes'; got 'smell'"),
        ({"split": "S4"}, "unknown category split 'S4'; there are S1, S2, S3"),
        ({"consistency": "all"}, "'none', 'inter', 'intra', 'both'; got 'all'"),
        ({"encoder_input": "log"}, "'released', 'log_masked'; got 'log'"),
        ({"image_dilation": "none"}, "'sop', 'literal'; got 'none'"),
        ({"joint_noise": "much"}, "None, 'estimator'; got 'much'"),
        ({"features": 16}, "the last of encoder_widths is 8, but features=16"),
        ({"video_widths": (4, 4, 8, 16)}, "the last of video_widths is 16, but features=8"),
        ({"n": 1}, "n must be at least 2"),
        ({"pairings": 9}, "pairings must be from 1 to batch_size"),
        ({"clips": 1}, "clips must be at least 2, or None"),
        ({"threshold": 1.0}, "threshold must lie between 0 and 1"),
        ({"bins": 64}, "bins must differ from the front end's 64 rows"),
        ({"bins": 30}, "30 x 32 cannot be halved 2 times"),
        ({"frames": 0}, "frames must be at least 1"),
    ],
)
def test_settings_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


def test_unknown_settings():
    cfg = tiny()
    object.__setattr__(cfg, "distance", "max")  # past the type checker of the tests
    with pytest.raises(ValueError, match="'mean', 'sum'; got 'max'"):
        cfg._check_names()
    with pytest.raises(TypeError, match="stepz"):
        tiny(stepz=3)
    with pytest.raises(TypeError, match="weights follow from consistency"):
        tiny(weights={"separation": 2.0})
    with pytest.raises(ValueError, match="the last of joint_widths is 16"):
        tiny("skeleton", joint_widths=(16,))
    assert tiny("skeleton", video_widths=(4, 4, 4, 4)).features == 8  # nobody looks at pictures


@pytest.mark.parametrize(
    ("mixtures", "samples", "players", "message"),
    [
        (2, 66150, 1, "got 2 mixtures and visuals for 1"),
        (1, 66150, 2, "got 1 mixtures and visuals for 2"),
        (0, 66150, 0, "got 0 mixtures"),
        (
            1,
            44100,
            1,
            r"44100 samples \(4.00 s\).*171 columns.*give 66150 samples, 6.00 s",
        ),
        (1, 66000, 1, "66000 samples .*255 columns, which cannot be halved 5 times"),
    ],
)
def test_what_cannot_be_separated_is_refused(mixtures, samples, players, message):
    model = seco.SeCo(seco.pocket("skeleton"))
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(mixtures, samples), torch.zeros(players, 2, 3, 24, 60))


@pytest.mark.parametrize("modality", ["video", "image", "skeleton"])
def test_no_gate_of_the_separator_is_shut_before_training(modality):
    """Gates at 0 or 1 pass no gradient back: the sight would never be heard of."""
    model = seco.SeCo(seco.pocket(modality))
    cfg = model.cfg
    mixes = data.stored_mixes(
        "seco-S1-validation",
        limit=4,
        front_end=cfg.front_end,
        expression=1.0,
        **learning.shown(cfg),
    )
    batch = data.collate([mixes[k] for k in range(4)])
    with torch.no_grad():
        seen = model.train().look(learning.visuals(batch, cfg)).flatten(0, 1)
        gates = model.separator.look(seen).sigmoid()
    assert ((gates < 0.02) | (gates > 0.98)).float().mean() < 0.05
    assert gates.std(dim=0).mean() > 0.01
