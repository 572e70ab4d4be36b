"""The shared networks: parameter counts, torchvision's outputs, gradients, initialisation."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn

from avlib.nets import AudioUNet, initialise, resnet18


def count(net):
    return sum(p.numel() for p in net.parameters())


class Block(nn.Module):
    """One level of the U-Net as a nest of blocks: the structure of the published code, naively."""

    def __init__(self, outer, inner, inside=None, first=1, outermost=False):
        super().__init__()
        self.outermost, self.inside = outermost, inside
        self.conv = nn.Conv2d(first if outermost else outer, inner, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(inner) if inside is not None and not outermost else None
        self.upconv = nn.Conv2d(
            inner if inside is None else 2 * inner, outer, 3, padding=1, bias=outermost
        )
        self.upnorm = None if outermost else nn.BatchNorm2d(outer)

    def forward(self, x):
        y = self.conv(x if self.outermost else F.leaky_relu(x, 0.2))
        y = y if self.norm is None else self.norm(y)
        y = y if self.inside is None else self.inside(y)
        y = F.interpolate(F.relu(y), scale_factor=2, mode="bilinear", align_corners=True)
        y = self.upconv(y)
        if self.outermost:
            return y
        return torch.cat([x, self.upnorm(y)], dim=1)


def nested_unet(depth, width, outputs):
    channels = [min(width * 2**i, 8 * width) for i in range(depth)]
    block = None
    for level in reversed(range(1, depth)):
        block = Block(channels[level - 1], channels[level], block)
    return nn.Sequential(
        nn.BatchNorm2d(1), Block(outputs, channels[0], block, first=1, outermost=True)
    )


@pytest.mark.parametrize(
    ("depth", "maps", "parameters"), [(7, 32, 30_274_210), (5, 64, 12_481_218)]
)
def test_unet_has_the_published_number_of_parameters(depth, maps, parameters):
    assert count(AudioUNet(depth=depth, width=64, outputs=maps)) == parameters


@pytest.mark.parametrize("depth", [2, 5, 7])
def test_unet_equals_the_nested_one(depth):
    ours, nested = AudioUNet(depth, width=2, outputs=3), nested_unet(depth, 2, 3)
    # order of the nested one: norm, then going in (convolution, norm), then going out
    names = ["0.weight", "0.bias", "0.running_mean", "0.running_var", "0.num_batches_tracked"]
    renamed = dict(zip(names, [k for k in ours.state_dict() if k.startswith("bn0")], strict=True))
    for level in range(depth):
        prefix = "1." + "inside." * level
        position = 0 if level == 0 else 1
        renamed[f"{prefix}conv.weight"] = f"down.{level}.{position}.weight"
        renamed[f"{prefix}upconv.weight"] = f"up.{level}.2.weight"
        if level == 0:
            renamed[f"{prefix}upconv.bias"] = "up.0.2.bias"
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            if 0 < level < depth - 1:
                renamed[f"{prefix}norm.{part}"] = f"down.{level}.2.{part}"
            if level > 0:
                renamed[f"{prefix}upnorm.{part}"] = f"up.{level}.3.{part}"
    initialise(ours, torch.Generator().manual_seed(3), "he")
    nested.load_state_dict({k: ours.state_dict()[v] for k, v in renamed.items()})
    assert len(renamed) == len(ours.state_dict())
    x = torch.randn(2, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), nested(x))


def test_unet_at_paper_size_and_every_parameter_gets_a_gradient():
    net = AudioUNet(depth=7, width=64, outputs=32).eval()
    with torch.inference_mode():
        assert net(torch.zeros(1, 1, 256, 256)).shape == (1, 32, 256, 256)
    small = AudioUNet(depth=3, width=4, outputs=2)
    small(torch.randn(2, 1, 16, 24)).square().sum().backward()
    for name, parameter in small.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_unet_says_what_is_wrong_with_the_size():
    with pytest.raises(ValueError, match="multiples of 128; got 256 x 250"):
        AudioUNet(depth=7, width=2, outputs=1)(torch.zeros(1, 1, 256, 250))
    with pytest.raises(ValueError, match="at least 1"):
        AudioUNet(depth=0)


def test_resnet_equals_torchvision(tmp_path):
    theirs = torchvision.models.resnet18(weights=None, num_classes=10)
    with torch.no_grad():  # running statistics that are not 0 and 1
        theirs(torch.randn(4, 3, 64, 64))
    theirs.eval()
    x = torch.randn(2, 3, 96, 64)
    ours = resnet18(classes=10).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x), theirs(x))
    # and through a file, without the head
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    features = resnet18(weights=tmp_path / "weights.safetensors").eval()
    torch.testing.assert_close(features.conv1.weight, theirs.conv1.weight)
    torch.testing.assert_close(theirs.fc(features(x).mean(dim=(2, 3))), theirs(x))


def test_dilated_resnet_sees_what_the_strided_one_sees():
    """Without the last stride, every second output is the strided network's, dilation included."""
    strided, dilated = resnet18(width=4).eval(), resnet18(width=4, layer4="dilated").eval()
    dilated.load_state_dict(strided.state_dict())
    x = torch.randn(1, 3, 128, 128)
    # Stage 4 of the strided net: its first convolution has stride 2, the others act on the
    # coarse grid: on the fine grid that is stride 1, then dilation 2.
    torch.testing.assert_close(dilated(x)[..., ::2, ::2], strided(x))
    unstrided = resnet18(width=4, layer4="unstrided").eval()
    unstrided.load_state_dict(strided.state_dict())
    assert unstrided(x).shape == dilated(x).shape == (1, 32, 8, 8)
    assert not torch.allclose(unstrided(x)[..., ::2, ::2], strided(x))


def test_resnet_dilations_are_those_of_sound_of_pixels():
    net = resnet18(layer4="dilated")
    found = [
        (m.dilation, m.padding, m.stride)
        for m in net.layer4.modules()
        if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)
    ]
    assert found == [((1, 1), (1, 1), (1, 1))] + 3 * [((2, 2), (2, 2), (1, 1))]
    assert net.layer4[0].downsample[0].stride == (1, 1)


def test_every_resnet_parameter_gets_a_gradient():
    net = resnet18(in_channels=1, width=4, layer4="unstrided", classes=3)
    net(torch.randn(4, 1, 32, 32)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_resnet_errors_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="width=64"):
        resnet18(weights="imagenet", width=16)
    with pytest.raises(ValueError, match="in_channels=1"):
        resnet18(weights="imagenet", in_channels=1)
    with pytest.raises(RuntimeError, match="no weights at"):
        resnet18(weights=tmp_path / "none.safetensors")
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match="do not fit"):
        resnet18(weights=tmp_path / "bad.safetensors")

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(RuntimeError, match=r"no route to host.*copy resnet18-.*weights=None"):
        resnet18(weights="imagenet")


def test_sop_initialisation():
    net = nn.Sequential(nn.Conv2d(64, 128, 3), nn.BatchNorm2d(512), nn.Linear(512, 512))
    initialise(net, torch.Generator().manual_seed(0))
    assert net[0].weight.std().item() == pytest.approx(1e-3, rel=0.02)
    assert net[1].weight.mean().item() == pytest.approx(1, abs=0.005)
    assert net[1].weight.std().item() == pytest.approx(0.02, rel=0.15)
    assert net[1].bias.abs().max() == 0
    assert net[2].weight.std().item() == pytest.approx(1e-4, rel=0.02)
    again = initialise(nn.Sequential(nn.Conv2d(64, 128, 3)), torch.Generator().manual_seed(0))
    assert torch.equal(again[0].weight, net[0].weight)


def test_other_initialisations():
    layer = nn.Conv2d(32, 64, 3)
    initialise(layer, scheme="he")
    assert layer.weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.03)
    assert layer.bias.abs().max() == 0
    initialise(layer, scheme="torch")
    assert layer.weight.abs().max().item() == pytest.approx((32 * 9) ** -0.5, rel=0.01)
    with pytest.raises(ValueError, match="scheme"):
        initialise(layer, scheme="xavier")
    with pytest.raises(ValueError, match="layer4 must be one of"):
        resnet18(layer4="dilate")
