"""What SeCo hears: the separator and the encoder that compares sounds."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avlib.nets import AudioUNet


class Separator(nn.Module):
    r"""Separate by sight: a U-Net whose maps are weighted by what is seen.

    $$\hat M_n = \sigma\Big(\sum_k \sigma(W v_n)_k\, \alpha_k\, s_k + \beta\Big)$$

    with $W$ of 64 x 256 without bias, $\alpha = 1$ and $\beta = 0$ at the start (authors' code,
    `models/model.py`); $s_k$ are the U-Net's maps. The outer sigmoid is left to the caller.

    Args:
        features: length of the vector that sees.
        maps: K, on which sight and sound agree.
        depth: halvings of the U-Net.
        width: channels of its outermost level.

    Example:
        >>> net = Separator(features=16, maps=4, depth=2, width=8)
        >>> net(torch.zeros(2, 1, 32, 32), torch.zeros(2, 3, 16)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, features: int = 256, maps: int = 64, depth: int = 5, width: int = 64
    ) -> None:
        super().__init__()
        self.unet = AudioUNet(depth, width, maps)
        self.look = nn.Linear(features, maps, bias=False)
        self.scale = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(
        self,
        log_mixture: Float[Tensor, "batch 1 freq column"],
        seen: Float[Tensor, "batch source feature"],
    ) -> Float[Tensor, "batch source freq column"]:
        """Compute the mask of each source, before the sigmoid."""
        weights = self.look(seen).sigmoid() * self.scale
        return torch.einsum("bsk,bkfc->bsfc", weights, self.unet(log_mixture)) + self.bias


class EncoderBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a convolution with bias where sizes differ.

    Authors' code (`models/sync_net.py`); torchvision's block has no bias there.

    Args:
        in_channels: channels that come in.
        channels: channels that go out.
        stride: of the first convolution and of the shortcut.

    Example:
        >>> EncoderBlock(4, 8, 2)(torch.zeros(1, 4, 16, 12)).shape
        torch.Size([1, 8, 8, 6])
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride), nn.BatchNorm2d(channels)
            )

    def forward(
        self, x: Float[Tensor, "batch channel freq column"]
    ) -> Float[Tensor, "batch channel_out freq_out column_out"]:
        """Add what the two convolutions found to the input."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class AudioEncoder(nn.Module):
    """Hear what a sound is like: SeCo's audio consistency encoder, a ResNet-10.

    Authors' code (`models/sync_net.py`): Conv 7x7 of stride 2, max pooling, four blocks of strides
    1, 2, 2, 2, global average pooling. The numbers that come out are never negative.

    Args:
        widths: channels of the blocks; the last is the length of the vector.

    Example:
        >>> AudioEncoder(widths=(4, 8, 16, 32))(torch.zeros(2, 1, 64, 64)).shape
        torch.Size([2, 32])
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.features = widths[-1]
        self.conv1 = nn.Conv2d(1, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = (widths[0], *widths[:-1])
        self.blocks = nn.Sequential(
            *(
                EncoderBlock(narrow, width, 2 if k else 1)
                for k, (narrow, width) in enumerate(zip(before, widths, strict=True))
            )
        )

    def forward(
        self, spectrograms: Float[Tensor, "batch 1 freq column"]
    ) -> Float[Tensor, "batch feature"]:
        """Compute one vector for each spectrogram."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(spectrograms))))
        return self.blocks(x).mean(dim=(2, 3))
