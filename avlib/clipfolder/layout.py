"""Names and records of the layout; the schemas are the JSON files beside this one."""

import functools
import json
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

VERSION = 1
SPLITS = ("train", "validation", "test", "none")
JOINTS = 60  # 18 body, 2 x 21 hand
MEDIA, AUDIO, STEMS, JOINTS_FILE = "media.mp4", "audio.flac", "stems", "joints.npz"
ANNOTATIONS, INDEX, DATASET, CLIPS = "annotations.json", "index.csv", "dataset.json", "clips"
TEMPORARY = ".tmp"  # suffix of what is being written; its name begins with a dot
COLUMNS = "clip categories players split seconds fps width height rate stems".split()

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+-]{0,127}")

FramesBoxes = Float32[np.ndarray, "frame player 4"]


class ClipFolderError(ValueError):
    """A clip folder cannot be read or written as asked; names the file and the remedy."""


@dataclass(frozen=True)
class Annotations:
    """What is known about one clip (`annotations.json`, and `joints.npz`).

    Attributes:
        clip: its name.
        seconds: its length.
        fps: pictures per second of `media.mp4`.
        frames: number of pictures.
        width: of a picture, px.
        height: of a picture, px.
        rate: samples per second of the FLAC files.
        categories: one per player.
        players: who plays, one name per player.
        split: "train", "validation", "test" or "none".
        stems: whether each player's own sound is stored.
        sounding: (frame, player); None where not known, as all of the next.
        boxes: (frame, player, 4) x0, y0, x1, y1 in px; NaN where a player is not seen.
        instrument_boxes: idem, of the instruments.
        joints: (frame, player, 60, 3): x, y in px, confidence.
        notes: per player, rows of onset s, duration s, MIDI pitch, velocity.
        source: where the clip comes from, free form.
    """

    clip: str
    seconds: float | int
    fps: float | int
    frames: int
    width: int
    height: int
    rate: int
    categories: tuple[str, ...]
    players: tuple[str, ...]
    split: str
    stems: bool
    sounding: Bool[np.ndarray, "frame player"] | None = None
    boxes: FramesBoxes | None = None
    instrument_boxes: FramesBoxes | None = None
    joints: Float32[np.ndarray, "frame player 60 3"] | None = None
    notes: tuple[tuple[tuple[float | int, ...], ...], ...] | None = None
    source: dict[str, Any] | None = None


@dataclass(frozen=True)
class IndexRow:
    """One row of `index.csv`: what can be chosen by without opening a clip. See `Annotations`."""

    clip: str
    categories: tuple[str, ...]
    players: tuple[str, ...]
    split: str
    seconds: float | int
    fps: float | int
    width: int
    height: int
    rate: int
    stems: bool


@functools.cache
def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of "clip" (`annotations.json`) or "dataset" (`dataset.json`).

    Example:
        >>> schema("clip")["properties"]["version"]
        {'const': 1}
    """
    text = resources.files("avlib.clipfolder").joinpath(f"{kind}-v{VERSION}.json").read_text("utf8")
    return json.loads(text)


def check_name(clip: str) -> str:
    """Return a clip's name if it may be one.

    Raises:
        ClipFolderError: it could lead out of the folder or trouble a file system.

    Example:
        >>> check_name("violin-07_flute-03")
        'violin-07_flute-03'
        >>> check_name("../outside")
        Traceback (most recent call last):
        ...
        avlib.clipfolder.layout.ClipFolderError: '../outside' cannot name a clip; use letters, digits, _ - + . (128 at most, no leading dot)
    """  # noqa: E501
    if not _NAME.fullmatch(clip):
        raise ClipFolderError(
            f"{clip!r} cannot name a clip; use letters, digits, _ - + . (128 at most, no leading "
            "dot)"
        )
    return clip


def clip_path(folder: str | os.PathLike[str], clip: str) -> Path:
    """The folder of one clip, whether it is there or not.

    Raises:
        ClipFolderError: a name that could lead out of the folder.

    Example:
        >>> clip_path("music", "a").as_posix()
        'music/clips/a'
    """
    return Path(folder) / CLIPS / check_name(clip)


def has_clip(folder: str | os.PathLike[str], clip: str) -> bool:
    """Whether a clip is there; it is then complete, because folders appear by renaming.

    Example:
        >>> has_clip("nowhere", "a")
        False
    """
    return (clip_path(folder, clip) / ANNOTATIONS).is_file()
