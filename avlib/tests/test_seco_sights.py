"""SeCo's eyes: film against Table A1, stage by stage, and single pictures."""

import math

import pytest
import torch
import torch.nn.functional as F
from seco_parts import convolutions, count, tiny, visuals
from torch import nn

from avlib import seco
from avlib.nets import initialise

# --- video: Table A1


@pytest.fixture(scope="module")
def vision():
    return seco.VisionNet().eval()


def test_every_stage_of_table_a1(vision):
    frames = torch.randn(1, 3, 24, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        stages = vision.stages(frames)
        assert {name: tuple(x.shape[1:]) for name, x in stages.items()} == {
            "Conv1": (8, 24, 64, 64),
            "Pool1": (8, 24, 32, 32),
            "Res1": (32, 24, 32, 32),
            "Res2": (64, 24, 16, 16),
            "Res3": (128, 24, 8, 8),
            "Res4": (256, 24, 4, 4),
        }
        out = stages["Res4"].flatten(2).mean(dim=2)
        assert out.shape == (1, 256)
    few = frames[:, :, :2, :32, :32]
    with torch.inference_mode():  # Pool2 is the mean over time and place
        torch.testing.assert_close(vision(few), vision.stages(few)["Res4"].mean(dim=(2, 3, 4)))


def test_every_convolution_of_table_a1(vision):
    """Kernel, stride and channels of all of them, written down from the table."""
    wanted = [(3, 8, (5, 7, 7), (1, 2, 2), (2, 3, 3))]
    before = 8
    for c, stack, stride in ((32, 3, 1), (64, 4, 2), (128, 6, 2), (256, 3, 2)):
        for k in range(stack):
            s = stride if k == 0 else 1
            alpha_c = c // 4
            wanted += [
                (before, alpha_c, (3, 1, 1), (1, 1, 1), (1, 0, 0)),
                (alpha_c, alpha_c, (1, 3, 3), (1, s, s), (0, 1, 1)),
                (alpha_c, c, (1, 1, 1), (1, 1, 1), (0, 0, 0)),
            ]
            if k == 0:  # the projection of the shortcut; elsewhere the input itself is added
                wanted.append((before, c, (1, 1, 1), (1, s, s), (0, 0, 0)))
            before = c
    found = convolutions(vision, nn.Conv3d)
    assert [
        (m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding) for m in found
    ] == wanted
    assert all(m.bias is None for m in found)
    pool = vision.maxpool
    assert (pool.kernel_size, pool.stride, pool.padding) == ((1, 3, 3), (1, 2, 2), (0, 1, 1))
    weights = sum(i * o * math.prod(k) for i, o, k, _, _ in wanted)
    norms = sum(2 * o for _, o, _, _, _ in wanted)  # weight and bias of the norm after each
    assert count(vision) == weights + norms == 514_152


def test_bottleneck_by_functions():
    for block in (seco.Bottleneck3d(6, 8, 2).eval(), seco.Bottleneck3d(8, 8).eval()):
        initialise(block, torch.Generator().manual_seed(0), "he")
        first = block.conv1
        x = torch.randn(1, first.in_channels, 4, 6, 6, generator=torch.Generator().manual_seed(1))
        small = 1 / math.sqrt(1 + 1e-5)  # a fresh batch norm in evaluation
        stride = block.conv2.stride
        y = (F.conv3d(x, first.weight, padding=(1, 0, 0)) * small).relu()
        y = (F.conv3d(y, block.conv2.weight, stride=stride, padding=(0, 1, 1)) * small).relu()
        y = F.conv3d(y, block.conv3.weight) * small
        if block.downsample is None:
            assert first.in_channels == block.conv3.out_channels
            torch.testing.assert_close(block(x), (y + x).relu())
        else:
            side = F.conv3d(x, block.downsample[0].weight, stride=stride) * small
            torch.testing.assert_close(block(x), (y + side).relu())


def test_video_is_about_time():
    """The same pictures in another order are another film, and each moment sees its neighbours."""
    net = seco.make_sight(tiny()).eval()
    initialise(net, torch.Generator().manual_seed(0), "he")
    frames = visuals("video", frames=9)[0]
    with torch.no_grad():
        assert not torch.allclose(net(frames), net(frames.flip(2)), rtol=1e-3)
        before = net.stages(frames)["Conv1"]
        frames[:, :, 4] = 0
        changed = (net.stages(frames)["Conv1"] - before).abs().amax(dim=(0, 1, 3, 4)) > 0
    assert changed.tolist() == [False, False, True, True, True, True, True, False, False]


def test_vision_net_has_four_stages():
    with pytest.raises(ValueError, match=r"four stages; got widths=\(8, 16\)"):
        seco.VisionNet(widths=(8, 16))


# --- single pictures


def test_dilations_of_the_last_stage():
    """As Sound of Pixels: 1, 2, 2, 2 without a stride; literally as the supplement: all 1."""
    for dilation, expected in (("sop", [1, 2, 2, 2]), ("literal", [1, 1, 1, 1])):
        resnet = seco.FrameNet(outputs=8, width=4, dilation=dilation).resnet
        wide = [m for m in convolutions(resnet.layer4) if m.kernel_size == (3, 3)]
        assert [m.dilation[0] for m in wide] == expected
        assert {m.stride for m in convolutions(resnet.layer4)} == {(1, 1)}
        assert resnet(torch.zeros(1, 3, 64, 64)).shape == (1, 32, 4, 4)
    with pytest.raises(ValueError, match="'sop' or 'literal'; got 'none'"):
        seco.FrameNet(dilation="none")


def test_pictures_are_pooled_by_the_global_maximum():
    net = seco.FrameNet(outputs=8, width=4).eval()
    initialise(net, torch.Generator().manual_seed(0), "he")
    frames = visuals("image", frames=5)[0]
    with torch.no_grad():
        maps = torch.stack([net.resnet(frames[:, :, k]) for k in range(5)])
        expected = net.project(maps.amax(dim=(0, 3, 4)))
        torch.testing.assert_close(net(frames), expected)
        torch.testing.assert_close(net(frames[:, :, [3, 0, 4, 2, 1]]), expected)
        doubled = torch.cat([frames, frames], dim=2)  # a mean would not change either, a sum would
        torch.testing.assert_close(net(doubled), expected)
        # One hot pixel, in whatever frame, decides: maxima can only rise.
        calm = torch.zeros(1, 3, 4, 32, 32)
        hot = [calm.clone() for _ in range(2)]
        hot[0][0, :, 0, 16, 16] = hot[1][0, :, 3, 16, 16] = 40.0
        seen = [net(x) for x in (calm, *hot)]
        torch.testing.assert_close(seen[1], seen[2])
        alone = net(hot[0][:, :, :1])
        maxima = torch.maximum(net.resnet(calm[:, :, 0]), net.resnet(hot[0][:, :, 0]))
    assert not torch.allclose(seen[0], seen[1], rtol=0.1)
    torch.testing.assert_close(seen[1], net.project(maxima.amax(dim=(2, 3))))
    assert not torch.allclose(alone, seen[0], rtol=0.1)


def test_image_modality_looks_at_evenly_spread_pictures():
    assert seco.spread(24, 3) == [4, 12, 20]
    assert seco.spread(24, 24) == seco.spread(24, None) == list(range(24))
    assert seco.spread(1, 3) == [0]
    assert seco.spread(5, 2) == [1, 3]
    model = seco.SeCo(tiny("image", image_frames=3)).eval()
    frames = visuals("image", frames=24)
    torch.testing.assert_close(model.look(frames), model.look(frames[:, :, :, [4, 12, 20]]))
