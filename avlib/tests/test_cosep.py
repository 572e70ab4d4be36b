"""Co-Separation's separator against the published network, level by level."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from avlib import cosep
from avlib.cosep.networks import tile
from avlib.nets import initialise

PAPER_DOWN = (64, 128, 256, 512, 512, 512, 512)
PAPER_UP = ((1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 1))
"""(in, out) of the transposed convolutions from the bottleneck outwards (supplementary C)."""


def small(depth=3, width=4, features=5, **changes):
    cfg = replace(cosep.pocket(), depth=depth, sound_width=width, visual_features=features)
    return replace(cfg, **changes)


def inputs(net, side=16, batch=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    sound = torch.randn(batch, 1, side, 2 * side, generator=g)
    return sound, torch.randn(batch, net.visual_features, generator=g)


def hand_written(net, x, vision):
    """The network of the supplementary, spelled out with functions and the module's weights."""

    def norm(y, bn):
        mean, var = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
        y = (y - mean[:, None, None]) / (var + 1e-5)[:, None, None].sqrt()
        return y * bn.weight[:, None, None] + bn.bias[:, None, None]

    heard = []
    for conv, bn, _ in net.down:
        x = F.leaky_relu(norm(F.conv2d(x, conv.weight, conv.bias, 2, 1), bn), 0.2)
        heard.append(x)
    rows, columns = x.shape[-2:]
    x = torch.cat([vision.repeat(rows, columns, 1, 1).permute(2, 3, 0, 1), x], dim=1)
    for level in range(len(net.up) - 1, 0, -1):
        conv, bn, _ = net.up[level]
        x = F.relu(norm(F.conv_transpose2d(x, conv.weight, conv.bias, 2, 1), bn))
        x = torch.cat([x, heard[level - 1]], dim=1)
    conv, _ = net.up[0]
    return 1 / (1 + torch.exp(-F.conv_transpose2d(x, conv.weight, conv.bias, 2, 1)))


def test_sizes_of_every_stage_in_the_paper():
    net = cosep.Separator().eval()
    seen = {}

    def keep(name):
        return lambda module, args, out: seen.update(
            {name: (tuple(args[0].shape[1:]), tuple(out.shape[1:]))}
        )

    for level in range(7):
        net.down[level].register_forward_hook(keep(f"down{level}"))
        net.up[level].register_forward_hook(keep(f"up{level}"))
    with torch.inference_mode():
        mask = net(torch.zeros(1, 1, 256, 256), torch.zeros(1, 512))
    assert mask.shape == (1, 1, 256, 256)
    above = (1, 256)
    for level, channels in enumerate(PAPER_DOWN):
        side = 256 // 2 ** (level + 1)
        assert seen[f"down{level}"] == ((above[0], above[1], above[1]), (channels, side, side))
        above = (channels, side)
    assert above == (512, 2)
    for level, (into, out) in zip(range(6, -1, -1), PAPER_UP, strict=True):
        side = 256 // 2 ** (level + 1)
        assert seen[f"up{level}"] == ((into, side, side), (out, 2 * side, 2 * side))


def test_number_of_parameters():
    # 4 x 4 weights and a bias each; two numbers a channel for each batch norm; none for the mask
    ins = (1, *PAPER_DOWN[:-1])
    down = sum(16 * a * b + b + 2 * b for a, b in zip(ins, PAPER_DOWN, strict=True))
    up = sum(16 * a * b + b + 2 * b for a, b in PAPER_UP[:-1]) + 16 * 128 + 1
    assert sum(p.numel() for p in cosep.Separator().parameters()) == down + up == 46_022_785


def test_layers_are_those_of_the_paper():
    net = cosep.Separator()
    for stage in net.down:
        assert [type(m) for m in stage] == [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
        assert stage[2].negative_slope == 0.2
    for level, stage in enumerate(net.up):
        last = [nn.Sigmoid] if level == 0 else [nn.BatchNorm2d, nn.ReLU]
        assert [type(m) for m in stage] == [nn.ConvTranspose2d, *last]
    for stage in (*net.down, *net.up):
        conv = stage[0]
        assert (conv.kernel_size, conv.stride, conv.padding) == ((4, 4), (2, 2), (1, 1))
        assert conv.bias is not None


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_equals_the_network_written_out(depth):
    net = cosep.Separator(small(depth))
    with torch.no_grad():  # away from 1 and 0, so that a batch norm left out would show
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    sound, vision = inputs(net)
    torch.testing.assert_close(net(sound, vision), hand_written(net, sound, vision))


def test_every_parameter_gets_a_gradient():
    net = cosep.Separator(small())
    sound, vision = inputs(net)
    vision.requires_grad_()
    net(sound, vision).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        if not name.endswith("0.bias") or name == "up.0.0.bias":
            # a bias before a batch norm is taken away again, so its gradient is zero
            assert p.grad.abs().sum() > 0, name
    assert vision.grad.abs().min() > 0


def test_the_mask_follows_the_picture_and_lies_between_0_and_1():
    net = cosep.Separator(small()).eval()
    sound, vision = inputs(net)
    mask = net(sound, vision)
    assert 0 < mask.min() < mask.max() < 1
    other = net(sound, vision.flip(0))
    assert (mask - other).abs().mean() > 1e-3
    # one sound, two objects: the second example does not depend on the first
    torch.testing.assert_close(net(sound[1:], vision[1:]), mask[1:])


def test_vision_stands_before_the_sound():
    net = cosep.Separator(small(features=3, depth=2, width=4)).eval()
    sound, vision = inputs(net)
    vision = vision.abs()  # positive, so that no ReLU swallows it below
    conv = net.up[1][0]
    assert conv.in_channels == 3 + 8
    with torch.no_grad():
        conv.weight[:3] = 0  # the first channels in are the picture's
    torch.testing.assert_close(net(sound, vision), net(sound, 0 * vision))
    with torch.no_grad():
        conv.weight[:3] = 1
        conv.weight[3:] = 0  # all the sound's: what is left of it comes through the skips
    assert not torch.allclose(net(sound, vision), net(sound, 0 * vision))
    bottom = net.down[1]
    handle = bottom.register_forward_hook(lambda module, args, out: out + 100)
    changed = net(sound, vision)
    handle.remove()
    torch.testing.assert_close(changed, net(sound, vision))


def test_tiling():
    grid = tile(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 2, 3)
    assert grid.shape == (2, 2, 2, 3)
    assert torch.equal(grid[1, 0], torch.full((2, 3), 3.0))
    assert torch.equal(grid[0, 1], torch.full((2, 3), 2.0))


def test_initialisation_is_the_authors():
    net = cosep.Separator()
    for stage in (*net.down, *net.up):
        conv = stage[0]
        assert conv.weight.std().item() == pytest.approx(0.02, rel=0.08)
        if isinstance(stage[1], nn.BatchNorm2d):
            assert stage[1].bias.abs().max() == 0
    gains = torch.cat([m.weight for m in net.modules() if isinstance(m, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=1e-3)
    assert gains.std().item() == pytest.approx(0.02, rel=0.05)


def test_initialisation_is_reproducible_and_he_keeps_the_scale():
    a, b = cosep.Separator(small()), cosep.Separator(small(seed=1))
    again = cosep.Separator(small())
    for p, q, r in zip(a.parameters(), again.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
        if p.ndim > 1:
            assert not torch.equal(p, r)
    g = torch.Generator().manual_seed(1)
    other = cosep.Separator(small(), generator=g)
    assert torch.equal(other.down[0][0].weight, b.down[0][0].weight)
    # of a transposed 4 x 4 convolution of stride 2, each output sees 4 taps of every channel in
    layer = initialise(nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1), scheme="he")
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 4)) ** 0.5, rel=0.02)
    x = torch.randn(4, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    inner = layer(x)[..., 2:-2, 2:-2]
    assert inner.var().item() == pytest.approx(2, rel=0.1)


def test_pocket_is_the_same_network_smaller():
    cfg = cosep.pocket()
    net = cosep.Separator(cfg).eval()
    with torch.inference_mode():
        mask = net(torch.zeros(2, 1, cfg.bins, 128), torch.zeros(2, cfg.visual_features))
    assert mask.shape == (2, 1, 128, 128)
    assert sum(p.numel() for p in net.parameters()) < 2_500_000
    assert cosep.PRESETS["paper"]() == cosep.CoSepConfig() == cosep.paper()


def test_errors_say_what_to_do():
    net = cosep.Separator(small())
    sound, vision = inputs(net)
    with pytest.raises(ValueError, match="multiples of 8; got 16 x 30"):
        net(sound[..., :30], vision)
    with pytest.raises(ValueError, match=r"vectors of 5 numbers; got \(2, 4\)"):
        net(sound, vision[:, :4])
    with pytest.raises(ValueError, match="Repeat the spectrogram"):
        net._check(sound[:1], vision)  # the annotations would speak first
    with pytest.raises(ValueError, match="depth, sound_width"):
        cosep.CoSepConfig(depth=0, sound_width=-1)
    with pytest.raises(ValueError, match="multiple of 128"):
        cosep.CoSepConfig(bins=192)
