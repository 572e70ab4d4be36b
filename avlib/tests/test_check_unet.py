"""Checks of the chapter on the U-Net: references pass, known and unknown mistakes do not."""

import pytest
import torch
import torch.nn.functional as F
from check_cases import checks_of, confirm, confirm_stage, functions_of

from avlib import cosep, sop
from avlib.check import unet
from avlib.nets import AudioUNet

FUNCTIONS = functions_of("unet")


@pytest.mark.parametrize("name", checks_of("unet"))
def test_check(name):
    confirm(name)


UNKNOWN = [
    ("level_sizes", lambda size, kernel, stride, padding: size // 2, "shape"),
    ("level_sizes", lambda size, kernel, stride, padding: (-1, 2), "range"),
    ("level_parameters", lambda inside, outside: [inside, outside], "shape"),
    ("level_parameters", lambda inside, outside: 16 * inside * outside, "limits"),
    ("unet_forward", lambda x, down, up: x[:, :, ::2], "shape"),
    ("unet_forward", lambda x, down, up: down[0](x) @ up, "runs"),
    ("unet_forward", lambda x, down, up: x, "value"),
    ("sum_of_maps", lambda v, s, a, b: s, "shape"),
    ("sum_of_maps", lambda v, s, a, b: torch.einsum("bsk,bkfc->bsfc", v * a, s) * 9, "range"),
    (
        "sum_of_maps",
        lambda v, s, a, b: (torch.einsum("bsk,bkfc->bsfc", v * a, s) - b).sigmoid(),
        "gradient",
    ),
    ("tile_and_concatenate", lambda v, s: s, "shape"),
    (
        "tile_and_concatenate",
        lambda v, s: unet.tile_and_concatenate.reference(v.detach(), s),
        "gradient",
    ),
    ("tile_and_concatenate", lambda v, s: unet.tile_and_concatenate.reference(-v, s), "limits"),
    ("film", lambda x, v, g, b: x[0], "shape"),
    ("film", lambda x, v, g, b: x * (2 + v @ g.T)[:, :, None, None], "limits"),
    ("film", lambda x, v, g, b: unet.film.reference(x.abs(), v, g, b), "gradient"),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_references_agree_with_torch_and_with_the_networks():
    for size, kernel, stride, padding in ((256, 4, 2, 1), (31, 3, 3, 1), (50, 5, 2, 2)):
        x = torch.zeros(1, 1, size, size)
        weight = torch.zeros(1, 1, kernel, kernel)
        narrow = F.conv2d(x, weight, stride=stride, padding=padding)
        wide = F.conv_transpose2d(narrow, weight, stride=stride, padding=padding)
        said = unet.level_sizes.reference(size, kernel, stride, padding)
        assert said == (narrow.shape[-1], wide.shape[-1])
    separator = cosep.Separator()
    for stage in separator.down:
        count = sum(p.numel() for p in stage.parameters())
        conv = stage[0]
        assert unet.level_parameters.reference(conv.in_channels, conv.out_channels) == count
    channels, rows, columns = unet.unet_stage.truth
    assert separator.up[5][0].in_channels == channels
    assert rows == columns == 256 // 2**6


def test_reference_of_the_sum_is_the_synthesizer():
    g = torch.Generator().manual_seed(0)
    vision, sound, scale, bias = unet.sum_of_maps.inputs(g)
    synthesizer = sop.Synthesizer(4)
    with torch.no_grad():
        synthesizer.scale.copy_(scale)
        synthesizer.bias.copy_(bias)
    ours = unet.sum_of_maps.reference(vision, sound, scale, bias)
    torch.testing.assert_close(ours, synthesizer(vision, sound).sigmoid())


def test_reference_of_the_forward_pass_is_the_separators():
    """With the picture beside the bottleneck, it is what `cosep.Separator` does."""
    g = torch.Generator().manual_seed(0)
    net = cosep.Separator(
        cosep.CoSepConfig(bins=16, depth=3, sound_width=2, visual_features=3)
    ).eval()
    x, vision = torch.randn(2, 1, 16, 16, generator=g), torch.randn(2, 3, generator=g)
    join = unet.tile_and_concatenate.reference
    first_up = lambda bottom: net.up[-1](join(vision, bottom))  # noqa: E731
    ours = unet.unet_forward.reference(x, list(net.down), [*net.up[:-1], first_up])
    torch.testing.assert_close(ours, net(x, vision))
    assert AudioUNet(3, 2, 1)(x).shape == ours.shape
