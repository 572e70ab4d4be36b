"""The papers' augmentations, applied alike to all frames of one clip.

Each is a frozen dataclass of sizes. Called with a generator it augments (training); its `test` is
the deterministic counterpart. Both take uint8 pictures (frame, H, W, 3) and give normalised float32
(channel, frame, H, W), what the networks eat. The operations are torchvision's transforms v2, as
functions: their classes draw from the global generator, these from the one given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Frames = UInt8[np.ndarray, "frame height width 3"] | UInt8[Tensor, "frame height width 3"]


def normalise(frames: Frames) -> Float32[Tensor, "channel frame height width"]:
    """Turn 8-bit pictures into what ImageNet-trained networks expect: (x/255 - mean)/std.

    Args:
        frames: (frame, H, W, 3) uint8 RGB.

    Returns:
        (channel, frame, H, W) float32.

    Example:
        >>> white = np.full((1, 1, 1, 3), 255, np.uint8)
        >>> [round(x, 3) for x in normalise(white).flatten().tolist()]
        [2.249, 2.429, 2.64]
    """
    return _normalised(_planes(frames))


def denormalise(
    frames: Float[Tensor, "channel frame height width"],
) -> UInt8[np.ndarray, "frame height width 3"]:
    """Turn `normalise`'s result back into 8-bit pictures, rounded and clipped.

    Example:
        >>> pictures = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
        >>> bool((denormalise(normalise(pictures)) == pictures).all())
        True
    """
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1, 1)
    pictures = (frames.detach().cpu().float() * std + mean) * 255
    return pictures.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).contiguous().numpy()


def crop_box(
    frames: Frames, box: Sequence[float | int] | np.ndarray
) -> (
    UInt8[np.ndarray, "frame part_height part_width 3"]
    | UInt8[Tensor, "frame part_height part_width 3"]
):
    """Cut the part of all pictures that lies in a box (Co-Separation's object crop).

    Args:
        frames: (frame, H, W, 3).
        box: x0, y0, x1, y1 in pixels; rounded outwards to whole pixels and cut at the border.

    Returns:
        The part, a view.

    Raises:
        ValueError: nothing of the box lies in the picture.

    Example:
        >>> crop_box(np.zeros((1, 10, 20, 3), np.uint8), (2.5, 1.0, 9.0, 30.0)).shape
        (1, 9, 7, 3)
    """
    height, width = frames.shape[1:3]
    x0, y0 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x1, y1 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x1 <= x0 or y1 <= y0:
        raise ValueError(f"box {tuple(box)} has nothing inside a picture of {width}x{height}")
    return frames[:, y0:y1, x0:x1]


@dataclass(frozen=True)
class Placement:
    """Where a network's square lies in a picture: what is cut out and whether it is mirrored.

    Attributes:
        height: of the picture after resizing, px.
        width: of the picture after resizing, px.
        top: first row of the square.
        left: first column of the square.
        size: its side, px.
        mirrored: whether left and right change places.
    """

    height: int
    width: int
    top: int
    left: int
    size: int
    mirrored: bool

    def cut(self, planes: Tensor) -> Tensor:
        """Cut the square out of resized pictures (…, height, width)."""
        rows = slice(self.top, self.top + self.size)
        part = planes[..., rows, self.left : self.left + self.size]
        return part.flip(-1) if self.mirrored else part


@dataclass(frozen=True)
class SoPAugment:
    """Sound of Pixels: shorter side to 1.1 x size, random crop, flip; test: to size, centre crop.

    Attributes:
        size: side of the square result, px (paper 224).
        scale: the shorter side before cropping is int(size*scale).
        flip: chance of a mirror image.
    """

    size: int = 224
    scale: float | int = 1.1
    flip: float | int = 0.5

    def __call__(
        self, frames: Frames, generator: torch.Generator
    ) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """Augment the frames of one clip, all alike."""
        planes = _resize_short(_planes(frames), int(self.size * self.scale))
        planes = _random_crop(planes, self.size, generator)
        return _normalised(_random_flip(planes, self.flip, generator))

    def test(self, frames: Frames) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """The deterministic counterpart."""
        planes = _resize_short(_planes(frames), self.size)
        return _normalised(_centre_crop(planes, self.size))


@dataclass(frozen=True)
class SeCoAugment:
    """SeCo: to resize x resize, random crop, flip; test: to resize x resize, centre crop.

    Attributes:
        size: side of the square result, px (supplement 128).
        resize: side before cropping, px (supplement 160).
        flip: chance of a mirror image.
        scale_jitter: as in the authors' code instead: shorter side random in [size, resize] before
            the crop, size/0.875 (146 px of 128) in the test, the aspect kept.

    Example:
        >>> SeCoAugment().place(120, 200)
        Placement(height=160, width=160, top=16, left=16, size=128, mirrored=False)
    """

    size: int = 128
    resize: int = 160
    flip: float | int = 0.5
    scale_jitter: bool = False

    def __call__(
        self, frames: Frames, generator: torch.Generator
    ) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """Augment the frames of one clip, all alike."""
        return self.show(frames, self.place(frames.shape[1], frames.shape[2], generator))

    def test(self, frames: Frames) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """The deterministic counterpart."""
        return self.show(frames, self.place(frames.shape[1], frames.shape[2]))

    def place(self, height: int, width: int, generator: torch.Generator | None = None) -> Placement:
        """Draw where the square lies, or put it into the middle without a generator.

        Joints and pictures that share a placement stay on top of each other.

        Args:
            height: of the pictures, px.
            width: of the pictures, px.
            generator: of the draws (training); None: the deterministic counterpart.

        Raises:
            ValueError: the resized pictures are smaller than the square.
        """
        if not self.scale_jitter:
            height = width = self.resize
        elif generator is None:
            height, width = _short_side(height, width, int(self.size / 0.875))
        else:
            side = int(torch.randint(self.size, self.resize + 1, (), generator=generator))
            height, width = _short_side(height, width, side)
        if generator is None:
            _check_room(height, width, self.size)
            top, left = round((height - self.size) / 2), round((width - self.size) / 2)
            return Placement(height, width, top, left, self.size, False)
        top, left = _random_corner(height, width, self.size, generator)
        mirrored = bool(torch.rand((), generator=generator) < self.flip)
        return Placement(height, width, top, left, self.size, mirrored)

    def show(
        self, frames: Frames, placement: Placement
    ) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """Resize, cut and mirror the frames of one clip as a placement says, and normalise."""
        kind = "bicubic" if self.scale_jitter else "bilinear"
        planes = _resized(_planes(frames), [placement.height, placement.width], kind)
        return _normalised(placement.cut(planes))


@dataclass(frozen=True)
class CoSepAugment:
    """Co-Separation's object crop: flip, brightness, colour, resize (aspect not kept), random crop.

    Test: resize to size x size. The box is cut out before (`crop_box`).

    Attributes:
        size: side of the square result, px (authors' code 224).
        resize: side before cropping, px (authors' code 256).
        flip: chance of a mirror image.
        colour: brightness and colour are each multiplied by U[low, high].
    """

    size: int = 224
    resize: int = 256
    flip: float | int = 0.5
    colour: tuple[float | int, float | int] = (0.7, 1.3)

    def __call__(
        self, frames: Frames, generator: torch.Generator
    ) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """Augment the frames of one clip, all alike."""
        planes = _random_flip(_planes(frames), self.flip, generator)
        planes = _v2().adjust_brightness(planes, _uniform(self.colour, generator))
        planes = _v2().adjust_saturation(planes, _uniform(self.colour, generator))
        planes = _resize(planes, (self.resize, self.resize))
        return _normalised(_random_crop(planes, self.size, generator))

    def test(self, frames: Frames) -> Float32[Tensor, "channel frame {self.size} {self.size}"]:
        """The deterministic counterpart."""
        return _normalised(_resize(_planes(frames), (self.size, self.size)))


@dataclass(frozen=True)
class DSOLAugment(CoSepAugment):
    """DSOL's frames: the same operations as Co-Separation's crops, on the whole picture.

    Stage 2 (synthetic scenes) uses `test` in training too, as the authors' code does.
    """


def _v2() -> ModuleType:
    """Torchvision's functions, imported when first used: seconds that readers of files save."""
    from torchvision.transforms.v2 import functional

    return functional


def _planes(frames: Frames) -> UInt8[Tensor, "frame 3 height width"]:
    """Channels second, as torchvision wants them; a view, so memory stays channels-last (fast)."""
    tensor = torch.from_numpy(frames) if isinstance(frames, np.ndarray) else frames
    return tensor.permute(0, 3, 1, 2)


def _normalised(
    planes: UInt8[Tensor, "frame 3 height width"],
) -> Float32[Tensor, "channel frame height width"]:
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1, 1) * 255
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1, 1) * 255
    # contiguous float32 first: two passes over fresh memory, in place
    return planes.permute(1, 0, 2, 3).contiguous().float().sub_(mean).div_(std)


def _resize(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """To exactly this height and width, bilinear."""
    return _resized(planes, list(size), "bilinear")


def _resize_short(planes: Tensor, side: int) -> Tensor:
    """Shorter side to `side`, bicubic (as Sound of Pixels), the aspect kept."""
    return _resized(planes, [side], "bicubic")


def _short_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width when the shorter becomes `side`; torchvision's rounding."""
    short, long = sorted((height, width))
    longer = int(side * long / short)
    return (side, longer) if height <= width else (longer, side)


def _resized(planes: Tensor, size: list[int], kind: str) -> Tensor:
    height, width = planes.shape[-2:]
    if size in ([height, width], [min(height, width)]):
        return planes  # before torchvision is imported
    from torchvision.transforms.v2 import InterpolationMode

    return _v2().resize(planes, size, InterpolationMode(kind), antialias=True)


def _centre_crop(planes: Tensor, size: int) -> Tensor:
    """A square in the middle."""
    if tuple(planes.shape[-2:]) == (size, size):
        return planes
    return _v2().center_crop(planes, [size, size])


def _random_crop(planes: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A square of all frames at one random place.

    Raises:
        ValueError: the pictures are smaller than the square.
    """
    top, left = _random_corner(planes.shape[-2], planes.shape[-1], size, generator)
    return planes[..., top : top + size, left : left + size]


def _random_corner(
    height: int, width: int, size: int, generator: torch.Generator
) -> tuple[int, int]:
    """Top and left of a square at a random place."""
    _check_room(height, width, size)
    top = int(torch.randint(0, height - size + 1, (), generator=generator))
    left = int(torch.randint(0, width - size + 1, (), generator=generator))
    return top, left


def _check_room(height: int, width: int, size: int) -> None:
    if height < size or width < size:
        raise ValueError(f"cannot crop {size}x{size} from {width}x{height}; raise resize or scale")


def _random_flip(planes: Tensor, chance: float | int, generator: torch.Generator) -> Tensor:
    return planes.flip(-1) if torch.rand((), generator=generator) < chance else planes


def _uniform(bounds: tuple[float | int, float | int], generator: torch.Generator) -> float:
    low, high = bounds
    return low + (high - low) * float(torch.rand((), generator=generator))
