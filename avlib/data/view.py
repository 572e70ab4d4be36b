"""Which pictures of a clip an item shows: how many, when, at what size, and how augmented."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from avlib.data.clip import Entry
from avlib.video import Placement, SeCoAugment, SoPAugment

LAST_S = 1e-3
"""How long before its end the last moment of a clip is that is drawn, seconds."""


@runtime_checkable
class Augment(Protocol):
    """Pictures to a network's input: called with a generator in training, `test` otherwise."""

    def __call__(  # noqa: D102
        self, frames: UInt8[np.ndarray, "frame height width 3"], generator: torch.Generator
    ) -> Float32[Tensor, "channel frame _ _"]: ...

    def test(  # noqa: D102
        self, frames: UInt8[np.ndarray, "frame height width 3"]
    ) -> Float32[Tensor, "channel frame _ _"]: ...


@runtime_checkable
class Placing(Augment, Protocol):
    """An augmentation that says where it cuts, so that joints can follow the pictures."""

    def place(  # noqa: D102
        self, height: int, width: int, generator: torch.Generator | None = None
    ) -> Placement: ...

    def show(  # noqa: D102
        self, frames: UInt8[np.ndarray, "frame height width 3"], placement: Placement
    ) -> Float32[Tensor, "channel frame _ _"]: ...


@dataclass(frozen=True)
class View:
    """The pictures of an item.

    Attributes:
        augment: what training and evaluation do to them.
        frames: how many.
        spacing_s: from one to the next, seconds.
        align: "centre": symmetric about the middle of the sound's segment; "start": the first
            where the segment begins.
        train_size: what to read for training: the shorter side, or (height, width), in pixels;
            the size before the random crop, so that nothing is resized twice.
        test_size: what to read for evaluation.
    """

    augment: Augment
    frames: int
    spacing_s: float
    align: Literal["centre", "start"]
    train_size: int | tuple[int, int]
    test_size: int | tuple[int, int]

    def read_size(self, train: bool) -> int | tuple[int, int]:
        """The size of the pictures to read."""
        return self.train_size if train else self.test_size

    def times(self, entry: Entry, start_s: float, seconds: float) -> tuple[float, ...]:
        """Say when the pictures of a segment are taken.

        Pictures that would lie outside the clip are taken at its first or last picture: Sound of
        Pixels' three are 3 s apart, as long together as its 6 s of sound. A file's last picture is
        one frame before its end; of a clip that is drawn when asked for, the last moment is.

        Args:
            entry: the clip.
            start_s: where the segment begins, seconds from the beginning of the clip.
            seconds: its length.

        Returns:
            Seconds from the beginning of the clip.

        Example:
            >>> from avlib.data import performance
            >>> clip = performance(0, ["flute"], [0], "train", seconds=6.0, fps=4.0)
            >>> sop_view().times(clip, 0.0, 6.0)
            (0.0, 3.0, 5.999)
            >>> seco_view().times(clip, 0.0, 6.0)[-1]
            5.75
        """
        if self.align == "centre":
            first = start_s + seconds / 2 - (self.frames - 1) / 2 * self.spacing_s
        else:
            first = start_s
        times = first + np.arange(self.frames) * self.spacing_s
        if entry.pictures is None:
            last = entry.seconds - LAST_S
        else:
            last = min(entry.seconds - LAST_S, (entry.pictures - 1) / entry.fps)
        return tuple(np.clip(times, 0.0, last).tolist())

    def __call__(
        self,
        frames: UInt8[np.ndarray, "frame height width 3"],
        generator: torch.Generator | None,
    ) -> Float32[Tensor, "channel frame _ _"]:
        """Augment with a generator (training), or do what evaluation does without one."""
        if generator is None:
            return self.augment.test(frames)
        return self.augment(frames, generator)

    @property
    def places(self) -> bool:
        """Whether the augmentation says where it cuts: `place` and `show` work."""
        return isinstance(self.augment, Placing)

    def place(self, height: int, width: int, generator: torch.Generator | None) -> Placement:
        """Draw where a clip's pictures are cut (or put it into the middle, without generator).

        Args:
            height: of the pictures, px.
            width: of the pictures, px.
            generator: as in calling the view, which draws the same.
        """
        assert isinstance(self.augment, Placing), "ask `places` first"
        return self.augment.place(height, width, generator)

    def show(
        self, frames: UInt8[np.ndarray, "frame height width 3"], placement: Placement
    ) -> Float32[Tensor, "channel frame _ _"]:
        """Cut pictures as a placement says."""
        assert isinstance(self.augment, Placing), "ask `places` first"
        return self.augment.show(frames, placement)


def sop_view(
    size: int = 224, frames: int = 3, spacing_s: float = 3.0, augment: bool = True
) -> View:
    """Give the pictures of Sound of Pixels: 3, each 24 frames of 8 fps = 3 s after the last.

    Args:
        size: of the square that the network sees, pixels; 1.1 times as much is read in training.
        frames: how many.
        spacing_s: from one to the next, seconds.
        augment: cut and mirror in training; False: what evaluation sees.
    """
    cut = SoPAugment(size) if augment else SoPAugment(size, scale=1.0, flip=0.0)
    return View(cut, frames, spacing_s, "centre", int(size * cut.scale), size)


def seco_view(
    size: int = 128,
    frames: int = 24,
    seconds: float = 6.0,
    augment: bool = True,
    scale_jitter: bool = False,
) -> View:
    """Give the pictures of SeCo: 24 over 6 s; the crop out of 160 pixels is 128.

    Args:
        size: of the square that the network sees, pixels; 1.25 times as much is read to be cut.
        frames: how many.
        seconds: over which they are spread.
        augment: cut and mirror; False: all of the picture is seen, in training and evaluation.
        scale_jitter: cut as the authors' code does, see `avlib.video.SeCoAugment`; the aspect of
            the pictures is kept.

    Raises:
        ValueError: scale_jitter without augment.

    Example:
        >>> seco_view(64).read_size(train=True), seco_view(64, augment=False).read_size(train=True)
        ((80, 80), (64, 64))
    """
    if scale_jitter and not augment:
        raise ValueError("scale_jitter is a way to augment: leave augment=True")
    side = size * 160 // 128 if augment else size
    cut = SeCoAugment(size, side, 0.5 if augment else 0.0, scale_jitter)
    read = side if scale_jitter else (side, side)
    return View(cut, frames, seconds / frames, "start", read, read)
