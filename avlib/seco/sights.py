"""What SeCo sees with: video, single pictures, and a control that is told instead.

The third kind of sight, the skeleton, is in `avlib.seco.graph`. All make one vector of a clip.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avlib.nets import resnet18

STACKS = (3, 4, 6, 3)
WIDTHS = (32, 64, 128, 256)
DILATIONS = {"sop": "dilated", "literal": "unstrided"}
"""What `FrameNet` calls its dilations, and what `avlib.nets.resnet18` calls them."""


class Bottleneck3d(nn.Module):
    """Three convolutions of 3x1x1, 1x3x3 and 1x1x1 and a shortcut; time keeps its length.

    SeCo, Table A1 (supplementary material): {3 x 1^2, alpha C}, {1 x 3^2, alpha C}, {1 x 1^2, C},
    alpha = 1/4. The middle one carries the spatial stride; the shortcut is a convolution where
    sizes differ (authors' code).

    Args:
        in_channels: channels that come in.
        channels: C, channels that go out.
        stride: of the picture's sides.
        reduction: 1 / alpha.

    Example:
        >>> import torch
        >>> Bottleneck3d(8, 16, stride=2)(torch.zeros(1, 8, 5, 12, 12)).shape
        torch.Size([1, 16, 5, 6, 6])
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, reduction: int = 4
    ) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.conv1 = nn.Conv3d(in_channels, inner, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(inner)
        self.conv2 = nn.Conv3d(
            inner, inner, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1), bias=False
        )
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv3 = nn.Conv3d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv3d(in_channels, channels, 1, stride=(1, stride, stride), bias=False),
                nn.BatchNorm3d(channels),
            )

    def forward(
        self, x: Float[Tensor, "batch channel frame height width"]
    ) -> Float[Tensor, "batch channel_out frame height_out width_out"]:
        """Add what the three convolutions found to the input (projected if sizes differ)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + shortcut)


class VisionNet(nn.Module):
    """Look at a film: SeCo's vision network, which never shortens time.

    SeCo, Table A1 = authors' code (`models/fast_net.py`): Conv 5x7x7 to 8 channels, max pooling,
    four stages of bottlenecks (3, 4, 6, 3 of them; 32 to 256 channels; spatial strides 1, 2, 2,
    2), global average pooling. It is the fast pathway of SlowFast with a stride of 1 in time.

    Args:
        widths: channels of the four stages; the last is the length of the vector.
        stacks: bottlenecks of each stage.
        stem: channels of the first convolution.
        reduction: 1 / alpha.

    Raises:
        ValueError: widths or stacks of another number of stages than four.

    Example:
        >>> import torch
        >>> net = VisionNet(widths=(8, 16, 32, 64), stacks=(1, 1, 1, 1))
        >>> net(torch.zeros(2, 3, 4, 32, 32)).shape
        torch.Size([2, 64])
    """

    def __init__(
        self,
        widths: tuple[int, ...] = WIDTHS,
        stacks: tuple[int, ...] = STACKS,
        stem: int = 8,
        reduction: int = 4,
    ) -> None:
        super().__init__()
        if len(widths) != 4 or len(stacks) != 4:
            raise ValueError(f"VisionNet has four stages; got widths={widths}, stacks={stacks}")
        self.features = widths[-1]
        self.conv1 = nn.Conv3d(3, stem, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(stem)
        self.maxpool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        stages, before = [], stem
        for width, stack, stride in zip(widths, stacks, (1, 2, 2, 2), strict=True):
            blocks = [Bottleneck3d(before, width, stride, reduction)]
            blocks += [Bottleneck3d(width, width, 1, reduction) for _ in range(stack - 1)]
            stages.append(nn.Sequential(*blocks))
            before = width
        self.res1, self.res2, self.res3, self.res4 = stages

    def stages(
        self, frames: Float[Tensor, "batch 3 frame height width"]
    ) -> dict[str, Float[Tensor, "batch _channel frame _height _width"]]:
        """Compute the output of every stage of Table A1 by its name there, without the pooling."""
        found = {"Conv1": F.relu(self.bn1(self.conv1(frames)))}
        found["Pool1"] = self.maxpool(found["Conv1"])
        found["Res1"] = self.res1(found["Pool1"])
        found["Res2"] = self.res2(found["Res1"])
        found["Res3"] = self.res3(found["Res2"])
        found["Res4"] = self.res4(found["Res3"])
        return found

    def forward(
        self, frames: Float[Tensor, "batch 3 frame height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Compute one vector for each clip: the mean over all frames and places (Pool2)."""
        return self.stages(frames)["Res4"].mean(dim=(2, 3, 4))


class FrameNet(nn.Module):
    r"""Look at single pictures: SeCo's image modality, which knows nothing of time.

    SeCo, supplementary section D: ResNet-18 after its fourth stage, dilated as in Sound of Pixels,
    then global max pooling, so that the order of the pictures says nothing:

    $$v = W \max_{t, h, w} \mathrm{ResNet}(I_t)_{h, w} + b$$

    The learned $W$ is ours, from the ResNet's 512 channels to the length of the audio encoder's
    vector, since the consistency losses compare the two.

    Args:
        outputs: length of the vector.
        width: channels of the ResNet's first stage.
        dilation: "sop": the last stage without stride and dilated by 2 but for its first
            convolution, as Sound of Pixels has it; "literal": dilation 1 throughout, as the
            supplementary material says, so that the stage only loses its stride.
        weights: of the ResNet, see `avlib.nets.resnet18`.
        frames: how many pictures of a clip are looked at, evenly spread; None: all there are.

    Raises:
        ValueError: another dilation, or weights that do not fit.

    Example:
        >>> import torch
        >>> FrameNet(outputs=16, width=8)(torch.zeros(2, 3, 4, 64, 64)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        outputs: int = 256,
        width: int = 64,
        dilation: str = "sop",
        weights: str | None = None,
        frames: int | None = None,
    ) -> None:
        super().__init__()
        if dilation not in DILATIONS:
            raise ValueError(f"dilation must be 'sop' or 'literal'; got {dilation!r}")
        self.resnet = resnet18(layer4=DILATIONS[dilation], weights=weights, width=width)
        self.project = nn.Linear(self.resnet.channels, outputs)
        self.features = outputs
        self.frames = frames

    def forward(
        self, frames: Float[Tensor, "batch 3 frame height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Compute one vector for each clip: the largest value over all frames and places."""
        chosen = frames[:, :, spread(frames.shape[2], self.frames)]
        batch, _, count = chosen.shape[:3]
        maps = self.resnet(chosen.transpose(1, 2).flatten(0, 1))
        return self.project(maps.amax(dim=(2, 3)).unflatten(0, (batch, count)).amax(dim=1))


def spread(count: int, wanted: int | None) -> list[int]:
    """Choose pictures of a clip, each in the middle of an equal share of it.

    Args:
        count: how many there are.
        wanted: how many to take; None, or as many as there are or more: all.

    Example:
        >>> spread(24, 3), spread(2, 3), spread(2, None)
        ([4, 12, 20], [0, 1], [0, 1])
    """
    if wanted is None or wanted >= count:
        return list(range(count))
    return [(2 * k + 1) * count // (2 * wanted) for k in range(wanted)]


class AttributeNet(nn.Module):
    """Be told about a player instead of looking: three layers; a CONTROL, no part of SeCo.

    It says how well unseen instruments could be separated if register, technique, onsets and
    loudness were read from the picture without a mistake.

    Args:
        numbers: length of what it is told, see `SeCoConfig.attributes`.
        outputs: length of the vector.
        width: channels in between.

    Example:
        >>> import torch
        >>> AttributeNet(numbers=57, outputs=16)(torch.zeros(2, 57)).shape
        torch.Size([2, 16])
    """

    def __init__(self, numbers: int, outputs: int = 256, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(numbers, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, outputs),
        )
        self.features = outputs

    def forward(self, attributes: Float[Tensor, "batch number"]) -> Float[Tensor, "batch feature"]:
        """Compute one vector for each player."""
        return self.layers(attributes)
