"""The networks of Co-Separation: so far the one that separates."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avlib.cosep.config import CoSepConfig, paper
from avlib.nets import initialise


class Separator(nn.Module):
    """Give the mask of one object: a U-Net that is told at its bottleneck what to listen for.

    Down: `depth` times Conv 4x4 stride 2, BatchNorm, LeakyReLU(0.2); the first has its BatchNorm
    as well. At the bottleneck (2 x 2 in the paper) the visual vector is repeated over all cells
    and put before the sound's channels. Up: transposed Conv 4x4 stride 2, BatchNorm, ReLU, each
    fed with the level below followed by the skip connection; the last has a sigmoid only. All
    convolutions have a bias. Level *i* has `sound_width * 2**i` channels, at most
    `8 * sound_width`.

    From Gao and Grauman 2019 (supplementary C) and the authors' code (`AudioVisual7layerUNet`).

    Args:
        cfg: sizes; the paper's if not given.
        generator: draws the weights; if not given, one is seeded with `cfg.seed`.

    Example:
        >>> net = Separator()
        >>> sum(p.numel() for p in net.parameters())
        46022785
    """

    def __init__(
        self, cfg: CoSepConfig | None = None, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        cfg = paper() if cfg is None else cfg
        width = cfg.sound_width
        channels = [min(width * 2**level, 8 * width) for level in range(cfg.depth)]
        self.depth, self.visual_features = cfg.depth, cfg.visual_features
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, here in enumerate(channels):
            above = 1 if level == 0 else channels[level - 1]
            # from below comes the picture at the bottleneck, and a level as wide as this elsewhere
            below = cfg.visual_features if level == cfg.depth - 1 else here
            self.down.append(
                nn.Sequential(
                    nn.Conv2d(above, here, 4, stride=2, padding=1),
                    nn.BatchNorm2d(here),
                    nn.LeakyReLU(0.2),
                )
            )
            up: list[nn.Module] = [
                nn.ConvTranspose2d(below + here, above, 4, stride=2, padding=1),
            ]
            up += [nn.Sigmoid()] if level == 0 else [nn.BatchNorm2d(above), nn.ReLU()]
            self.up.append(nn.Sequential(*up))
        if generator is None:
            generator = torch.Generator().manual_seed(cfg.seed)
        initialise(self, generator, cfg.init)

    def forward(
        self,
        spectrogram: Float[Tensor, "batch 1 freq column"],
        vision: Float[Tensor, "batch feature"],
    ) -> Float[Tensor, "batch 1 freq column"]:
        """Compute the mask, between 0 and 1.

        Args:
            spectrogram: log magnitude of the mixture on logarithmic frequency.
            vision: what the object looks like.

        Raises:
            ValueError: a side of the spectrogram is not a multiple of `2**depth`, or
                there is not one vector of `visual_features` numbers for each.
        """
        self._check(spectrogram, vision)
        skips = [spectrogram]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = tile(vision, *skips[-1].shape[-2:])
        for up in reversed(self.up):
            x = up(torch.cat([x, skips.pop()], dim=1))
        return x

    def _check(self, spectrogram: Tensor, vision: Tensor) -> None:
        freq, column = spectrogram.shape[-2:]
        step = 2**self.depth
        if freq % step or column % step:
            raise ValueError(
                f"a U-Net of depth {self.depth} needs sides that are multiples of {step}; "
                f"got {freq} x {column}. Change the STFT's hop or length, or the depth."
            )
        if vision.shape != (len(spectrogram), self.visual_features):
            raise ValueError(
                f"{len(spectrogram)} spectrograms need as many vectors of "
                f"{self.visual_features} numbers; got {tuple(vision.shape)}. Repeat the "
                "spectrogram for each of its objects."
            )


def tile(
    vision: Float[Tensor, "batch feature"], freq: int, column: int
) -> Float[Tensor, "batch feature freq column"]:
    """Repeat a vector over all cells of a grid.

    Example:
        >>> tile(torch.tensor([[1.0, 2.0]]), 1, 3).tolist()
        [[[[1.0, 1.0, 1.0]], [[2.0, 2.0, 2.0]]]]
    """
    return vision[:, :, None, None].expand(-1, -1, freq, column)
