"""One clip: sound, pictures and, where it is known, the truth about both.

Also here: `Entry` (what is known of a clip before it is read), the adapters that turn a clip
into a network's input, and `Source`, what every place where clips come from can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from avlib.orchestra.score import Note
from avlib.skeleton import MIRRORED
from avlib.video import Placement, normalise


class ClipError(ValueError):
    """A clip is missing or cannot be read; the message names it and says what to do."""


@dataclass(frozen=True)
class Entry:
    """What a source knows of a clip without reading it.

    Attributes:
        name: unique within its source.
        categories: one label a player, in the order of the stems.
        players: one identity a player, such as "violin-07".
        seconds: length.
        split: "train", "validation" or "test".
        fps: frames per second of its pictures.
        video: the video it was cut from; clips of one video never meet in a mix of
            Co-Separation.
    """

    name: str
    categories: tuple[str, ...]
    players: tuple[str, ...]
    seconds: float
    split: str
    fps: float
    video: str

    @property
    def pictures(self) -> int | None:
        """How many pictures there are; None: they are drawn when asked for, at any time.

        The sound of a file may be up to half a picture longer or shorter than its pictures.
        """
        return max(1, round(self.seconds * self.fps))


@dataclass(frozen=True)
class Clip:
    """A clip that has been read; arrays are shared with nobody, so change them as you like.

    Attributes:
        name: as in its `Entry`.
        categories: one label a player.
        players: one identity a player.
        wave: the sound, mono, about [-1, 1].
        rate: samples per second.
        frames: RGB pictures; of shape (0, height, width, 3) where none were asked for.
        fps: frames per second of the video they were taken from.
        frame_times: when each picture was taken (or would have been), seconds from the beginning
            of the clip.
        start_s: when `wave` begins, seconds from the beginning of the clip.
        stems: what each player alone sounds like; they sum to `wave` (None: not known).
        boxes: player with instrument, xyxy in pixels, NaN where not seen (None: not known).
        joints: x, y in pixels and confidence (None: not known).
        sounding: who sounds in which frame (None: not known).
        notes: what each player plays in the whole clip, as it sounds (None: not known).
        transpose: semitones by which the players' instruments are higher than others of their
            category, see `avlib.orchestra.make_scene`.
    """

    name: str
    categories: tuple[str, ...]
    players: tuple[str, ...]
    wave: Float32[np.ndarray, " sample"]
    rate: int
    frames: UInt8[np.ndarray, "_frame height width 3"]
    fps: float
    frame_times: Float[np.ndarray, " frame"]
    start_s: float = 0.0
    stems: Float32[np.ndarray, "player sample"] | None = None
    boxes: Float32[np.ndarray, "frame player 4"] | None = None
    joints: Float32[np.ndarray, "frame player joint 3"] | None = None
    sounding: Bool[np.ndarray, "frame player"] | None = None
    notes: tuple[tuple[Note, ...], ...] | None = None
    transpose: int = 0

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.wave) / self.rate


@runtime_checkable
class Source(Protocol):
    """Where clips come from: an orchestra or a folder."""

    @property
    def split(self) -> str:
        """The split of all entries."""
        ...

    @property
    def entries(self) -> Sequence[Entry]:
        """What there is to read."""
        ...

    def __len__(self) -> int: ...

    def read(
        self,
        index: int,
        start_s: float = 0.0,
        seconds: float | None = None,
        frame_times: Sequence[float] | np.ndarray | None = None,
        size: int | tuple[int, int] | None = None,
        rate: int | None = None,
        pictures: bool = True,
    ) -> Clip:
        """Read one clip, or a segment of it.

        Args:
            index: which entry.
            start_s: where to begin, seconds.
            seconds: how much (default: to the end).
            frame_times: when to take pictures, seconds from the beginning of the clip (default:
                all pictures of the segment).
            size: of the pictures in pixels (default: the source's).
            rate: samples per second (default: the source's).
            pictures: False: neither painted nor decoded; `Clip.frames` is empty, all else is as it
                would be with them.

        Raises:
            ClipError: the clip is missing, cannot be read, or is shorter than asked.
        """
        ...


def segment(entry: Entry, start_s: float, seconds: float | None, rate: int) -> tuple[int, int]:
    """Give the first sample of a segment and the one after its last.

    Raises:
        ClipError: the clip is shorter than asked.

    Example:
        >>> from avlib.data import performance
        >>> segment(performance(0, ["flute"], [0], "train"), 1.0, 2.0, 11025)
        (11025, 33075)
    """
    total = round(entry.seconds * rate)
    first = round(start_s * rate)
    last = total if seconds is None else first + round(seconds * rate)
    if not 0 <= first < last <= total:
        raise ClipError(
            f"clip {entry.name!r} is {entry.seconds:g} s long; asked for "
            f"{(last - first) / rate:g} s from {start_s:g} s; ask for less, or leave it out"
        )
    return first, last


def picture_times(
    entry: Entry, start_s: float, end_s: float, frame_times: Sequence[float] | np.ndarray | None
) -> np.ndarray:
    """Say when the pictures of a segment are taken: when told, or every 1/fps s.

    Picture k of a clip is the one at k/fps s; a segment has those in [start_s, end_s) that are
    there: sound that goes on after the last picture has none.

    Raises:
        ClipError: a picture is asked for that lies outside the clip, or there is none.

    Example:
        >>> from avlib.data import performance
        >>> picture_times(performance(0, ["flute"], [0], "train"), 1.1, 2.0, None).tolist()
        [1.25, 1.5, 1.75]
    """
    if frame_times is None:
        first, stop = np.ceil(np.array([start_s, end_s]) * entry.fps - 1e-6).astype(int)
        stop = stop if entry.pictures is None else min(stop, entry.pictures)
        times = np.arange(first, stop) / entry.fps
    else:
        times = np.asarray(frame_times, dtype=float)
    if len(times) == 0 or times.min() < 0 or times.max() >= entry.seconds:
        raise ClipError(
            f"clip {entry.name!r} has pictures from 0 to {entry.seconds:g} s; asked for "
            f"{times.tolist()}"
        )
    return times


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """Start a torch generator (on the CPU) from the next draw of a numpy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))


def video_input(clip: Clip) -> Float[Tensor, "channel frame height width"]:
    """Turn the pictures of a clip into the input of a visual network.

    Args:
        clip: pictures as uint8 RGB.

    Returns:
        Float32, normalised with ImageNet's mean and deviation.
    """
    return normalise(torch.from_numpy(clip.frames))


def joints_input(
    clip: Clip, placement: Placement | None = None
) -> Float[Tensor, "player channel frame joint"]:
    """Turn the joints of a clip into the input of a skeleton network.

    x and y go from pixels to [-1, 1] of the frame (-1: left and upper edge), the third channel
    is the confidence. A joint that was not found (confidence 0) is put to the middle, so that
    the place where a pose estimator leaves it tells nothing.

    With a placement, [-1, 1] is the square that an augmentation cuts out of the pictures, so that
    joints and pictures stay on top of each other. A joint outside the square keeps its place
    beyond +-1 and its confidence: the estimator saw the whole picture. In a mirror image left
    and right change places: the left wrist is then what was the right one.

    Args:
        clip: with joints.
        placement: of the square, see `avlib.video.SeCoAugment.place`; None: the whole frame.

    Raises:
        ClipError: nobody knows the joints of this clip, a player is found in no picture, or a
            joint that was found is nowhere (NaN).

    Example:
        >>> import numpy as np
        >>> joints = np.float32([[[[0, 20, 1], [40, 10, 0.5], [0, 0, 0]]]])
        >>> clip = Clip("a", ("violin",), ("violin-00",), np.zeros(5, np.float32), 5,
        ...             np.zeros((1, 20, 40, 3), np.uint8), 1.0, np.zeros(1), joints=joints)
        >>> joints_input(clip)[0, :, 0].tolist()
        [[-1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.5, 0.0]]
    """
    height, width = clip.frames.shape[1:3]
    return place_joints(check_joints(clip), (height, width), placement)


def check_joints(clip: Clip) -> Float32[np.ndarray, "frame player joint 3"]:
    """Give the joints of a clip if they can be used; raises as `joints_input` does."""
    joints = clip.joints
    if joints is None:
        raise ClipError(
            f"clip {clip.name!r} has no joints; estimate poses first, or use another kind of sight"
        )
    found = joints[..., 2] > 0
    if np.isnan(joints[..., 2]).any() or not np.isfinite(joints[found]).all():
        raise ClipError(
            f"clip {clip.name!r} has joints that are NaN or infinite; write 0, 0 with confidence 0 "
            "for a joint that was not found, or estimate the poses again"
        )
    for player in np.flatnonzero(~found.any(axis=(0, 2))):
        raise ClipError(
            f"clip {clip.name!r}: no player found in the skeleton (player {player} has confidence "
            f"0 in all {len(joints)} pictures); estimate the poses again, or leave the clip out"
        )
    return joints


def place_joints(
    joints: Float32[np.ndarray, "frame player joint 3"],
    size: tuple[int, int],
    placement: Placement | None = None,
) -> Float[Tensor, "player channel frame joint"]:
    """Turn joints in pixels into a network's input, without the checks of `joints_input`.

    Args:
        joints: x, y and confidence.
        size: height and width of the pictures, px.
        placement: as in `joints_input`.
    """
    height, width = size
    seen = torch.from_numpy(joints)
    position, confidence = seen[..., :2], seen[..., 2:]
    if placement is None:
        position = position * seen.new_tensor([2 / width, 2 / height]) - 1
    else:
        one = placement
        position = position * seen.new_tensor([one.width / width, one.height / height])
        position = (position - seen.new_tensor([one.left, one.top])) * (2 / one.size) - 1
    position = torch.where(confidence > 0, position, 0.0)
    out = torch.cat([position, confidence], dim=-1).permute(1, 3, 0, 2).contiguous()
    if placement is not None and placement.mirrored:
        out = out[..., list(MIRRORED)]
        out[:, 0] *= -1
    return out
