"""The networks of DSOL's first stage."""

from importlib import resources
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avlib.dsol.config import DSOLConfig, paper
from avlib.dsol.location import Localiser, Location
from avlib.nets import initialise, resnet18
from avlib.training import fingerprint, load_checkpoint


class AudioNet(nn.Module):
    """A second of sound as one vector: ResNet-18-S5 and the largest value over time and pitch.

    The first convolution has one channel, the last stage no stride, and the average pooling is
    a maximum, "for suppressing no-sounding area" (Hu et al. 2020, supplement A.1).

    Args:
        width: channels of the ResNet's first stage; the vector is 8 times as long.

    Example:
        >>> AudioNet(width=4)(torch.zeros(2, 1, 201, 64)).shape
        torch.Size([2, 32])
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.features = resnet18(1, "unstrided", width=width)
        self.channels = self.features.channels

    def forward(
        self, sound: Float[Tensor, "batch 1 column mel"]
    ) -> Float[Tensor, "batch audio_channel"]:
        """Encode log-mel spectrograms (`avlib.audio.log_mel`), time first as in the paper."""
        return self.features(sound).amax(dim=(-2, -1))


class VisualNet(nn.Module):
    """A picture as one vector a place: ResNet-18-S5, 16 pixels from one place to the next.

    The stride of the last stage is taken away, nothing is dilated, and there is no pooling
    (Hu et al. 2020, supplement A.1).

    Args:
        width: channels of the ResNet's first stage; the vectors are 8 times as long.
        weights: None, "imagenet" or a file, see `avlib.nets.resnet18`; or "sop-pocket", the
            picture's ResNet of the Sound of Pixels model that comes with the package.

    Raises:
        ValueError: the weights do not fit the width.

    Example:
        >>> VisualNet(width=4)(torch.zeros(2, 3, 224, 224)).shape
        torch.Size([2, 32, 14, 14])
    """

    def __init__(self, width: int = 64, weights: str | None = None) -> None:
        super().__init__()
        learned = weights == "sop-pocket"
        self.features = resnet18(3, "unstrided", None if learned else weights, width=width)
        if learned:
            _start_from_sop(self.features)
        self.channels = self.features.channels

    def forward(
        self, pictures: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch visual_channel map_height map_width"]:
        """Encode normalised pictures."""
        return self.features(pictures)


def _start_from_sop(features: nn.Module) -> None:
    """Copy the picture's ResNet of the shipped Sound of Pixels model; dilation has no weights."""
    file = Path(str(resources.files("avlib"))) / "checkpoints" / "sop-pocket.safetensors"
    prefix = "frame.features."
    weights = {
        name.removeprefix(prefix): value
        for name, value in load_checkpoint(file)[0].items()
        if name.startswith(prefix)
    }
    try:
        features.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"'sop-pocket' fits visual_width=16 only: {error}") from error


class StageOne(nn.Module):
    """The three networks of stage 1 as one model.

    Args:
        cfg: sizes; the paper's, without ImageNet, if not given.

    Attributes:
        cfg: the same.
        audio: the `AudioNet`.
        visual: the `VisualNet`.
        localiser: the `Localiser`.

    Example:
        >>> from avlib.dsol import pocket
        >>> model = StageOne(pocket()).eval()
        >>> maps, scores = model(torch.zeros(2, 1, 201, 64), torch.zeros(2, 3, 128, 128))
        >>> maps.shape, scores.shape
        (torch.Size([2, 8, 8]), torch.Size([2]))
    """

    def __init__(self, cfg: DSOLConfig | None = None) -> None:
        super().__init__()
        self.cfg = paper().changed(visual_weights=None) if cfg is None else cfg
        cfg = self.cfg
        generator = torch.Generator().manual_seed(cfg.seed)
        self.audio = AudioNet(cfg.audio_width)
        initialise(self.audio, generator, cfg.init)
        self.visual = VisualNet(cfg.visual_width, cfg.visual_weights)
        if cfg.visual_weights is None:
            initialise(self.visual, generator, cfg.init)
        self.localiser = Localiser(
            self.visual.channels,
            cfg.embedding,
            self.audio.channels,
            relu=cfg.relu,
            omega=cfg.omega,
            bias=cfg.location_bias,
            normalise=cfg.normalise,
            pooling=cfg.pooling,
        )
        initialise(self.localiser, generator, "torch")
        if cfg.channels_last:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def nets(self) -> dict[str, nn.Module]:
        """The networks by name, as `train_step` and `avlib.training.fit` take them."""
        return {"audio": self.audio, "visual": self.visual, "localiser": self.localiser}

    def fingerprint(self) -> str:
        """Say which weights these are: the first 16 digits of their SHA-256."""
        return fingerprint(self)

    def forward(
        self,
        sound: Float[Tensor, "batch 1 column mel"],
        pictures: Float[Tensor, "batch 3 height width"],
    ) -> Location:
        """Compute the map and the score of every pair."""
        return self.localiser(self.audio(sound), self.visual(pictures))
