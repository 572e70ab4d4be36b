"""A folder of clips as a source: exported from the orchestra, or prepared from real video."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from avlib.clipfolder import (
    Annotations,
    ClipFolderError,
    IndexRow,
    clip_path,
    read_annotations,
    read_index,
    read_waves,
)
from avlib.clipfolder.layout import ANNOTATIONS, AUDIO, MEDIA, STEMS
from avlib.data.clip import Clip, ClipError, Entry, picture_times, segment
from avlib.orchestra.score import Note
from avlib.video import VideoError, read_audio, read_frames
from avlib.video.picture import frame_size

SHOWN = 5
"""How many of many problems an error spells out."""


class ClipFolder:
    """Clips of a folder in the layout of `avlib.clipfolder`, with the interface of `Orchestra`.

    Only the index is read here, and the files are looked for; a clip is read when it is asked
    for, and no more of it than that. Clips named "VIDEO.PART" were cut from the video VIDEO; a
    name without a dot is a video of its own.

    Args:
        path: the folder.
        split: "train", "validation" or "test"; None: all clips.
        categories: keep the clips of which all players are of these ("acoustic_guitar" and
            "Acoustic guitar" are the same); None: all.
        on_error: "raise": a clip of the index whose files are not all there is an error that
            names it. "skip": it is left out, listed in `missing`, and reported.
        joints: whether to read joints.

    Attributes:
        path: the folder.
        split: as given; "all" for None.
        entries: what there is to read, in the order of the index.
        missing: what was left out, one message a clip.

    Raises:
        ClipError: not a clip folder, no clip of this split or these categories, or missing files.
    """

    def __init__(
        self,
        path: str | Path,
        split: str | None = None,
        *,
        categories: Sequence[str] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        joints: bool = True,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error={on_error!r}: it is 'raise' or 'skip'")
        self.path = Path(path)
        self.split = split or "all"
        try:
            rows = read_index(self.path)
        except ClipFolderError as error:
            raise ClipError(str(error)) from error
        rows = _of_split(self.path, rows, split)
        rows = _of_categories(self.path, rows, categories)
        there, self.missing = _look_for_files(self.path, rows)
        if self.missing and (on_error == "raise" or not there):
            raise ClipError(_many(f"{self.path}: {len(self.missing)} of {len(rows)}", self.missing))
        if self.missing:
            first = _many(f"left out {len(self.missing)} of {len(rows)}", self.missing)
            print(first, file=sys.stderr)
        self._joints = joints
        self._rows = there
        self.entries = tuple(_entry(row) for row in there)

    def __len__(self) -> int:
        return len(self.entries)

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
        """Read clip `index`; see `Source.read`."""
        entry, row = self.entries[index], self._rows[index]
        rate = row.rate if rate is None else rate
        first, last = segment(entry, start_s, seconds, rate)
        times = picture_times(entry, first / rate, last / rate, frame_times)
        place = clip_path(self.path, row.clip)
        try:
            if pictures:
                frames = read_frames(place / MEDIA, times, size=size)
            else:
                shape = frame_size(row.height, row.width, size)
                frames = np.zeros((0, *shape, 3), np.uint8)
            wave, stems = _read_sound(place, row, first, last - first, rate)
            known = read_annotations(place, joints=self._joints)
        except (VideoError, ClipFolderError, OSError) as error:
            raise ClipError(f"clip {row.clip!r} cannot be read: {error}") from error
        if not np.isfinite(wave).all():
            raise ClipError(
                f"clip {row.clip!r}: {place / AUDIO} has NaN or infinite samples; write the clip "
                "again from clean sound, or leave it out"
            )
        boxes, joints, sounding = _at(known, times, frames.shape[1:3])
        return Clip(
            name=row.clip,
            categories=row.categories,
            players=row.players,
            wave=wave,
            rate=rate,
            frames=frames,
            fps=entry.fps,
            frame_times=times,
            start_s=first / rate,
            stems=stems,
            boxes=boxes,
            joints=joints,
            sounding=sounding,
            notes=_score(known),
        )


def _of_split(path: Path, rows: tuple[IndexRow, ...], split: str | None) -> tuple[IndexRow, ...]:
    found = tuple(row for row in rows if split is None or row.split == split)
    if not found:
        there = ", ".join(sorted({row.split for row in rows})) or "none: the folder is empty"
        raise ClipError(f"{path}: no clip of split {split!r}; there are: {there}")
    return found


def _of_categories(
    path: Path, rows: tuple[IndexRow, ...], categories: Sequence[str] | None
) -> tuple[IndexRow, ...]:
    if categories is None:
        return rows
    wanted = {_label(name) for name in categories}
    found = tuple(row for row in rows if {_label(name) for name in row.categories} <= wanted)
    if not found:
        there = ", ".join(sorted({name for row in rows for name in row.categories}))
        raise ClipError(
            f"{path}: no clip of only {', '.join(sorted(wanted))}; the categories are: {there}"
        )
    return found


def _label(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()


def _look_for_files(
    path: Path, rows: tuple[IndexRow, ...]
) -> tuple[tuple[IndexRow, ...], tuple[str, ...]]:
    """Which clips have all their files, and what the others lack."""
    there, missing = [], []
    for row in rows:
        place = clip_path(path, row.clip)
        due = [MEDIA, AUDIO, ANNOTATIONS]
        due += [f"{STEMS}/{player}.flac" for player in range(len(row.players)) if row.stems]
        lacks = [name for name in due if not (place / name).is_file()]
        if lacks:
            missing.append(
                f"clip {row.clip!r} is missing {', '.join(lacks)} in {place}; write it again, or "
                "take it out of the index with avlib.clipfolder.write_index"
            )
        else:
            there.append(row)
    return tuple(there), tuple(missing)


def _many(head: str, messages: Sequence[str]) -> str:
    """A headline and the first few of many messages."""
    more = len(messages) - SHOWN
    lines = [f"{head} clips cannot be read:", *(f"  {message}" for message in messages[:SHOWN])]
    return "\n".join([*lines, f"  and {more} more"] if more > 0 else lines)


def _entry(row: IndexRow) -> Entry:
    return Entry(
        name=row.clip,
        categories=row.categories,
        players=row.players,
        seconds=float(row.seconds),
        split=row.split,
        fps=float(row.fps),
        video=row.clip.rpartition(".")[0] or row.clip,
    )


def _read_sound(
    place: Path, row: IndexRow, first: int, count: int, rate: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Mixture and stems: the exact samples, or resampled."""
    if rate == row.rate:
        waves = read_waves(place, first, count, stems=row.stems)
        return waves.mixture, waves.stems
    files = [place / AUDIO]
    files += [place / STEMS / f"{player}.flac" for player in range(len(row.players)) if row.stems]
    sounds = [read_audio(file, rate, first / rate, count / rate).wave for file in files]
    return sounds[0], np.stack(sounds[1:]) if row.stems else None


def _score(known: Annotations) -> tuple[tuple[Note, ...], ...] | None:
    if known.notes is None:
        return None
    return tuple(tuple(Note(*map(float, note)) for note in part) for part in known.notes)


def _at(
    known: Annotations, times: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Boxes, joints and who sounds at some times, in pixels of pictures of `shape`."""
    # The picture at time t is the last that began, as in `read_frames`.
    numbers = np.floor(times * known.fps + 1e-3).astype(int).clip(0, known.frames - 1)
    x, y = np.float32(shape[1] / known.width), np.float32(shape[0] / known.height)
    boxes = None if known.boxes is None else known.boxes[numbers] * np.array([x, y, x, y])
    joints = None
    if known.joints is not None:
        joints = known.joints[numbers] * np.array([x, y, np.float32(1)])
    sounding = None if known.sounding is None else known.sounding[numbers]
    return boxes, joints, sounding
