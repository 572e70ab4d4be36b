"""Settings of Co-Separation: the sizes of its networks, as in the paper and for the pocket."""

from collections.abc import Callable
from dataclasses import dataclass

from avlib.audio import COSEP, FrontEnd


@dataclass(frozen=True)
class CoSepConfig:
    """The sizes of Co-Separation's networks.

    Attributes:
        preset: name of the recipe this came from.
        front_end: rate, length and transform of the sound.
        bins: rows of the spectrogram after the warp to logarithmic frequency.
        align_corners: of that warp, see `avlib.audio.to_log_frequency`.
        depth: halvings of the U-Net.
        sound_width: channels of the U-Net's outermost level.
        visual_features: length of the vector that says what an object looks like.
        init: how weights are drawn, see `avlib.nets.initialise`.
        seed: of the weights.

    Raises:
        ValueError: a size that is not positive, or rows that `depth` halvings do not divide.
    """

    preset: str = "paper"
    front_end: FrontEnd = COSEP
    bins: int = 256
    align_corners: bool = True
    depth: int = 7
    sound_width: int = 64
    visual_features: int = 512
    init: str = "cosep"
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = {
            "bins": self.bins,
            "depth": self.depth,
            "sound_width": self.sound_width,
            "visual_features": self.visual_features,
        }
        if wrong := [name for name, size in sizes.items() if size < 1]:
            raise ValueError(f"{', '.join(wrong)} of a CoSepConfig must be at least 1")
        if self.bins % 2**self.depth:
            raise ValueError(
                f"{self.bins} rows cannot be halved {self.depth} times: take bins a multiple of "
                f"{2**self.depth}, or a smaller depth"
            )


def paper() -> CoSepConfig:
    """Give the paper's sizes (supplementary C; authors' code, models/networks.py)."""
    return CoSepConfig()


def pocket() -> CoSepConfig:
    """Give sizes that train on two CPU cores (ours): the same networks, a quarter as wide."""
    return CoSepConfig(
        preset="pocket", bins=128, depth=6, sound_width=16, visual_features=128, init="he"
    )


PRESETS: dict[str, Callable[[], CoSepConfig]] = {"paper": paper, "pocket": pocket}
"""The recipes by name."""
