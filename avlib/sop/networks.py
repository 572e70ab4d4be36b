"""The networks of Sound of Pixels: what is heard, what is seen, and how the two meet."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avlib.audio import log_magnitude, to_log_frequency
from avlib.nets import AudioUNet, initialise, resnet18
from avlib.sop.config import SoPConfig, paper
from avlib.training import fingerprint


class FrameNet(nn.Module):
    """Look at pictures: a dilated ResNet-18 and a 3x3 convolution to K maps.

    Zhao et al. 2018, video analysis network (authors' code: `resnet18dilated`).

    Args:
        outputs: K, the number of maps.
        width: channels of the first stage (64 in the paper).
        weights: of the ResNet, see `avlib.nets.resnet18`.

    Example:
        >>> net = FrameNet(outputs=32)
        >>> sum(p.numel() for p in net.parameters()), net(torch.zeros(1, 3, 64, 64)).shape
        (11324000, torch.Size([1, 32, 4, 4]))
    """

    def __init__(self, outputs: int = 32, width: int = 64, weights: str | None = None) -> None:
        super().__init__()
        self.features = resnet18(layer4="dilated", weights=weights, width=width)
        self.fc = nn.Conv2d(self.features.channels, outputs, 3, padding=1)

    def forward(
        self, frames: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch map height_out width_out"]:
        """Compute K maps of 1/16 of the picture's sides, before the sigmoid."""
        return self.fc(self.features(frames))

    def clip(
        self, frames: Float[Tensor, "batch channel frame height width"]
    ) -> Float[Tensor, "batch map height_out width_out"]:
        """Take the largest value over the frames of a clip at each place, then the sigmoid."""
        batch, _, count = frames.shape[:3]
        maps = self(frames.transpose(1, 2).flatten(0, 1))
        return maps.unflatten(0, (batch, count)).amax(dim=1).sigmoid()

    def pooled(
        self, frames: Float[Tensor, "batch channel frame height width"]
    ) -> Float[Tensor, "batch map"]:
        """Take the largest value over frames and places, then the sigmoid: one K-vector a clip."""
        return self.clip(frames).amax(dim=(-2, -1))


class Synthesizer(nn.Module):
    r"""Let picture and sound meet: $\hat M = \sigma\big(\sum_k \alpha_k v_k s_k + \beta\big)$.

    Zhao et al. 2018, audio synthesizer network; $\alpha_k$ is `scale`, $\beta$ is `bias`, $v_k$
    the picture's K numbers, $s_k$ the sound's K maps. The sigmoid is left to the caller.

    Args:
        maps: K.

    Example:
        >>> sound = torch.tensor([1.0, 10.0]).view(1, 2, 1, 1)
        >>> Synthesizer(2)(torch.tensor([[[0.5, 0.1]]]), sound)
        tensor([[[[1.5000]]]], grad_fn=<AddBackward0>)
    """

    def __init__(self, maps: int = 32) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(
        self,
        vision: Float[Tensor, "batch source map"],
        sound: Float[Tensor, "batch map freq column"],
    ) -> Float[Tensor, "batch source freq column"]:
        """Compute the mask of each source, before the sigmoid."""
        return torch.einsum("bsk,bkfc->bsfc", vision * self.scale, sound) + self.bias


class SoundOfPixels(nn.Module):
    """The three networks as one model.

    Args:
        cfg: sizes; the paper's if not given.

    Attributes:
        cfg: the same.
        sound: the U-Net.
        frame: the `FrameNet`.
        synthesizer: the `Synthesizer`.
        loaded: SHA-256 (first 16 digits) of the file that the weights were loaded from and of the
            weights then, by which a record says what was evaluated; None: not loaded.

    Example:
        >>> from avlib.sop import pocket
        >>> model = SoundOfPixels(pocket()).eval()
        >>> mixture, frames = torch.zeros(1, 65535), torch.zeros(1, 2, 3, 1, 96, 96)
        >>> model(mixture, frames).shape
        torch.Size([1, 2, 128, 256])
    """

    def __init__(self, cfg: SoPConfig | None = None) -> None:
        super().__init__()
        self.cfg = paper() if cfg is None else cfg
        self.loaded: tuple[str, str] | None = None
        cfg = self.cfg
        generator = torch.Generator().manual_seed(cfg.seed)
        self.sound = AudioUNet(cfg.depth, cfg.sound_width, cfg.maps)
        initialise(self.sound, generator, cfg.init)
        self.frame = FrameNet(cfg.maps, cfg.frame_width, cfg.frame_weights)
        if cfg.frame_weights is None:
            initialise(self.frame.features, generator, cfg.init)
        # the authors' code leaves the head of the frame network as torch draws it
        initialise(self.frame.fc, generator, "torch" if cfg.init == "sop" else cfg.init)
        self.synthesizer = Synthesizer(cfg.maps)
        if cfg.channels_last:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def nets(self) -> dict[str, nn.Module]:
        """The networks by name, as `train_step` and `avlib.training.fit` take them."""
        return {"sound": self.sound, "frame": self.frame, "synthesizer": self.synthesizer}

    def fingerprint(self) -> str:
        """Say which weights these are: the first 16 digits of their SHA-256."""
        return fingerprint(self)

    def forward(
        self,
        mixture: Float[Tensor, "batch sample"],
        frames: Float[Tensor, "batch source channel frame height width"],
    ) -> Float[Tensor, "batch source freq column"]:
        """Compute the mask of each source on logarithmic frequency, before the sigmoid."""
        return mask_logits(self.nets, spectrograms(mixture, self.cfg), frames, self.cfg)


def spectrograms(
    waves: Float[Tensor, "*batch sample"], cfg: SoPConfig
) -> Float[Tensor, "*batch freq column"]:
    """Magnitudes on logarithmic frequency, the axes that the networks live on."""
    magnitude = cfg.front_end.stft(waves).abs()
    return to_log_frequency(magnitude, cfg.bins, cfg.align_corners)


def mask_logits(
    nets: dict[str, nn.Module],
    mixture_mag: Float[Tensor, "mixes freq column"],
    frames: Float[Tensor, "batch source channel frame height width"],
    cfg: SoPConfig,
) -> Float[Tensor, "mixes source freq column"]:
    """Compute the mask of each source, before the sigmoid, from warped magnitudes.

    Every mixture and every clip is encoded once, whoever is mixed with whom.

    Args:
        nets: see `SoundOfPixels.nets`.
        mixture_mag: the mixtures; if there are more of them than of clips, they are those that
            `rematch` makes.
        frames: pictures of the clips.
        cfg: the settings.
    """
    sound = nets["sound"](layout(log_magnitude(mixture_mag)[:, None], cfg))
    batch, source = frames.shape[:2]
    eye = cast(FrameNet, nets["frame"])
    vision = eye.pooled(frames.flatten(0, 1)).unflatten(0, (batch, source))
    vision = rematch(vision, len(mixture_mag) // batch)
    return nets["synthesizer"](vision, sound).float()


def rematch(
    clips: Float[Tensor, "batch source *shape"], pairings: int
) -> Float[Tensor, "mixes source *shape"]:
    """Give the clips of a batch new partners: in round r, source s moves r x s mixes on.

    Args:
        clips: what is known of each clip.
        pairings: rounds; the first leaves everybody where they are.

    Returns:
        The rounds one after the other, `pairings` times as many mixes.

    Example:
        >>> rematch(torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), 2)[3:].tolist()
        [[1.0, 30.0], [2.0, 10.0], [3.0, 20.0]]
    """
    rounds = [
        torch.stack([part.roll(r * s, dims=0) for s, part in enumerate(clips.unbind(1))], dim=1)
        for r in range(pairings)
    ]
    return torch.cat(rounds)


def layout(x: Tensor, cfg: SoPConfig) -> Tensor:
    """Bring a picture-like tensor into the memory layout of the networks."""
    return x.contiguous(memory_format=torch.channels_last) if cfg.channels_last else x
