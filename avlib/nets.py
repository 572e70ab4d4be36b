"""Networks that several papers share: ResNet-18 variants, the audio U-Net, initialisation.

Every size is an argument, so that the same code is the paper's network and the pocket one.
Parameters of the ResNet are named as in torchvision, whose weights therefore load.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

LAYER4 = ("stride", "unstrided", "dilated")
SCHEMES = ("sop", "cosep", "he", "he_out", "torch")


class AudioUNet(nn.Module):
    """U-Net over a spectrogram: `depth` halvings, as many doublings, skip connections.

    Going down: LeakyReLU(0.2), Conv 4x4 stride 2 without bias, BatchNorm (the outermost level is
    its convolution alone; the innermost has no BatchNorm). Going up: ReLU, bilinear x2 with
    aligned corners, Conv 3x3, BatchNorm (the outermost without BatchNorm, with bias). The input
    passes a BatchNorm of its own. Level *i* has `width * 2**i` channels, at most `8 * width`.

    From the authors' code of Zhao et al. 2018 (Sound of Pixels), where `depth=7` is `unet7`;
    SeCo uses `depth=5`.

    Args:
        depth: number of halvings; both sides of the spectrogram must be multiples of `2**depth`.
        width: channels of the outermost level (64 in the papers).
        outputs: number of maps that come out.
        in_channels: number of maps that go in.

    Raises:
        ValueError: a size that is not positive.

    Example:
        >>> net = AudioUNet(depth=7, width=64, outputs=32)
        >>> sum(p.numel() for p in net.parameters())
        30274210
    """

    def __init__(
        self, depth: int, width: int = 64, outputs: int = 32, in_channels: int = 1
    ) -> None:
        super().__init__()
        if min(depth, width, outputs, in_channels) < 1:
            raise ValueError(
                "AudioUNet needs depth, width, outputs and in_channels of at least 1; "
                f"got {depth}, {width}, {outputs}, {in_channels}"
            )
        channels = [min(width * 2**level, 8 * width) for level in range(depth)]
        inner = depth - 1
        self.depth = depth
        self.bn0 = nn.BatchNorm2d(in_channels)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, here in enumerate(channels):
            above = in_channels if level == 0 else channels[level - 1]
            down: list[nn.Module] = [nn.Conv2d(above, here, 4, stride=2, padding=1, bias=False)]
            if level > 0:
                down.insert(0, nn.LeakyReLU(0.2))
            if 0 < level < inner:
                down.append(nn.BatchNorm2d(here))
            self.down.append(nn.Sequential(*down))

            below = here if level == inner else 2 * here  # own way up, joined by the skip
            out = outputs if level == 0 else above
            up: list[nn.Module] = [
                nn.ReLU(),
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(below, out, 3, padding=1, bias=level == 0),
            ]
            if level > 0:
                up.append(nn.BatchNorm2d(out))
            self.up.append(nn.Sequential(*up))

    def forward(
        self, spectrogram: Float[Tensor, "batch channel freq column"]
    ) -> Float[Tensor, "batch map freq column"]:
        """Compute the maps; the papers feed the log magnitude of the mixture.

        Raises:
            ValueError: a side of the spectrogram is not a multiple of `2**depth`.
        """
        freq, column = spectrogram.shape[-2:]
        step = 2**self.depth
        if freq % step or column % step:
            raise ValueError(
                f"a U-Net of depth {self.depth} needs sides that are multiples of {step}; "
                f"got {freq} x {column}. Change the STFT's hop or length, or the depth."
            )
        x = self.bn0(spectrogram)
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for level in reversed(range(self.depth)):
            x = self.up[level](x)
            if level > 0:
                x = torch.cat([skips.pop(), x], dim=1)
        return x


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, Figure 2); torchvision's names."""

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, dilations: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        first, second = dilations
        self.conv1 = nn.Conv2d(
            in_channels, channels, 3, stride=stride, padding=first, dilation=first, bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=second, dilation=second, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel_out height_out width_out"]:
        """Add what the two convolutions found to the input (projected if sizes differ)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """ResNet-18 with a choice of what its last stage does; built by `resnet18`."""

    def __init__(
        self,
        in_channels: int = 3,
        layer4: str = "stride",
        width: int = 64,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        self.channels = 8 * width
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(width, width, stride=1)
        self.layer2 = self._stage(width, 2 * width, stride=2)
        self.layer3 = self._stage(2 * width, 4 * width, stride=2)
        self.layer4 = self._stage(
            4 * width,
            8 * width,
            stride=2 if layer4 == "stride" else 1,
            dilation=2 if layer4 == "dilated" else 1,
        )
        self.fc: nn.Linear | None = None
        if classes is not None:
            self.fc = nn.Linear(self.channels, classes)

    @staticmethod
    def _stage(in_channels: int, channels: int, stride: int, dilation: int = 1) -> nn.Sequential:
        """Two blocks; in a dilated stage the very first convolution keeps dilation 1."""
        return nn.Sequential(
            BasicBlock(in_channels, channels, stride, dilations=(1, dilation)),
            BasicBlock(channels, channels, dilations=(dilation, dilation)),
        )

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch feature height_out width_out"] | Float[Tensor, "batch class_count"]:
        """Compute the feature map, or one score per class if the network was built with classes."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x if self.fc is None else self.fc(x.mean(dim=(2, 3)))


def resnet18(
    in_channels: int = 3,
    layer4: str = "stride",
    weights: str | Path | None = None,
    *,
    width: int = 64,
    classes: int | None = None,
) -> ResNet18:
    """Build a ResNet-18 whose parameters carry torchvision's names.

    Args:
        in_channels: channels of the input (3 for pictures, 1 for spectrograms).
        layer4: what the last stage does with its stride of 2. `"stride"` keeps it (an output of
            1/32 of the input's side, as torchvision). `"unstrided"` takes it away (1/16; DSOL).
            `"dilated"` takes it away and gives every 3x3 convolution of the stage but the first
            a dilation of 2, so that it sees as far as before (1/16; Sound of Pixels).
        weights: `None` for random weights, `"imagenet"` for torchvision's, or a `.safetensors`
            file with torchvision's parameter names.
        width: channels of the first stage (64 in every paper; less for pocket networks).
        classes: `None` returns the feature map; a number adds the average pooling and the
            linear layer `fc`, as in torchvision.

    Returns:
        A network from `(batch, channel, height, width)` pictures to `(batch, 8 * width,
        height / 32, width / 32)` features (`/ 16` without the last stride) or
        `(batch, classes)` scores.

    Raises:
        ValueError: an unknown `layer4`, or weights that do not fit the sizes asked for.
        RuntimeError: the weights could not be fetched or read; the message says how to go on.

    Example:
        >>> net = resnet18(layer4="dilated")
        >>> net(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 512, 4, 4])
    """
    if layer4 not in LAYER4:
        raise ValueError(f"layer4 must be one of {LAYER4}; got {layer4!r}")
    net = ResNet18(in_channels, layer4, width, classes)
    if weights is not None:
        if width != 64 or in_channels != 3:
            raise ValueError(
                "torchvision's ResNet-18 weights fit width=64 and in_channels=3; got "
                f"width={width}, in_channels={in_channels}. Use weights=None for other sizes."
            )
        state = _resnet18_weights(weights)
        if classes is None:
            state = {name: value for name, value in state.items() if not name.startswith("fc.")}
        try:
            net.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"the weights {str(weights)!r} do not fit: {error}") from error
    return net


def _resnet18_weights(weights: str | Path) -> dict[str, Tensor]:
    """Read torchvision's ImageNet weights or a safetensors file."""
    if str(weights) == "imagenet":
        from torchvision.models import ResNet18_Weights

        try:
            return dict(ResNet18_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True))
        except OSError as error:
            cache = Path(torch.hub.get_dir()) / "checkpoints"
            name = ResNet18_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]
            raise RuntimeError(
                f"could not fetch torchvision's ResNet-18 weights ({error}). Either connect to "
                f"the network, or copy {name} into {cache}, or train from random weights with "
                "weights=None (the pocket recipes do)."
            ) from error
    from safetensors.torch import load_file

    path = Path(weights)
    if not path.is_file():
        raise RuntimeError(
            f"no weights at {path}: give 'imagenet', None or an existing .safetensors file"
        )
    return load_file(path)


def initialise(
    net: nn.Module, generator: torch.Generator | None = None, scheme: str = "sop"
) -> nn.Module:
    """Draw every parameter of convolutions, batch norms and linear layers anew, in place.

    Args:
        net: the network; other parameters (a synthesizer's scale and bias) stay as they are.
        generator: where the numbers come from; `None` seeds one with 0.
        scheme: `"sop"` is the Sound of Pixels code's: convolution N(0, 1e-3), batch norm weight
            N(1, 0.02), linear N(0, 1e-4) (the numbers are standard deviations); biases of
            convolutions and linear layers uniform as torch has them. `"cosep"` is the same with
            0.02 for convolutions and linear layers (Co-Separation code). `"he"` is He et al. 2015:
            N(0, sqrt(2 / fan in)), batch norm 1 and 0, biases 0; small networks with few steps
            start faster from it. `"he_out"` divides by the fan out instead and leaves linear layers
            and all biases as torch has them (torchvision's ResNets; SeCo's encoder). `"torch"` is
            torch's own: uniform in +-1/sqrt(fan in).

    Returns:
        The same network.

    Raises:
        ValueError: an unknown scheme.

    Example:
        >>> net = initialise(nn.Conv2d(64, 64, 3), torch.Generator().manual_seed(1))
        >>> round(net.weight.std().item(), 4)
        0.001
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {SCHEMES}; got {scheme!r}")
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.Linear):
                _draw_weights(module, generator, scheme)
            elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
                if scheme in ("sop", "cosep"):
                    _fill(module.weight, generator, mean=1.0, std=0.02)
                else:
                    module.weight.fill_(1.0)
                module.bias.zero_()
    return net


def _draw_weights(
    layer: nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.Linear,
    generator: torch.Generator,
    scheme: str,
) -> None:
    """Draw weight and bias of one layer; see `initialise`."""
    fan_in = layer.weight[0].numel()
    bound = 1 / math.sqrt(fan_in)  # of a transposed convolution too this is what torch takes
    if isinstance(layer, nn.ConvTranspose2d):  # its weight is (in, out, ...); strides share taps
        fan_in = layer.weight[:, 0].numel() // math.prod(layer.stride)
    if scheme == "sop":
        _fill(layer.weight, generator, std=1e-4 if isinstance(layer, nn.Linear) else 1e-3)
    elif scheme == "cosep":
        _fill(layer.weight, generator, std=0.02)
    elif scheme == "he":
        _fill(layer.weight, generator, std=math.sqrt(2 / fan_in))
    elif scheme == "he_out" and not isinstance(layer, nn.Linear):
        fan_out = layer.out_channels * math.prod(layer.kernel_size)
        _fill(layer.weight, generator, std=math.sqrt(2 / fan_out))
    else:
        _fill(layer.weight, generator, bound=bound)
    if layer.bias is not None:
        _fill(layer.bias, generator, bound=0.0 if scheme == "he" else bound)


def _fill(
    parameter: Tensor,
    generator: torch.Generator,
    mean: float = 0.0,
    std: float = 0.0,
    bound: float | None = None,
) -> None:
    """Fill from N(mean, std), or uniformly in +-bound; drawn on the CPU, whatever the device."""
    value = torch.empty(parameter.shape, dtype=torch.float32)
    if bound is None:
        value.normal_(mean, std, generator=generator)
    else:
        value.uniform_(-bound, bound, generator=generator)
    parameter.copy_(value)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode for a while.

    Example:
        >>> net = nn.Dropout()
        >>> with evaluating(net):
        ...     print(net.training)
        False
        >>> net.training
        True
    """
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
