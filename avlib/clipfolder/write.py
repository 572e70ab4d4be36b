"""Writing clip folders: one clip at a time, each complete or absent."""

import csv
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import soundfile
from jaxtyping import Bool, Float, UInt8

from avlib.clipfolder.layout import (
    ANNOTATIONS,
    AUDIO,
    CLIPS,
    COLUMNS,
    DATASET,
    INDEX,
    JOINTS,
    JOINTS_FILE,
    MEDIA,
    SPLITS,
    STEMS,
    TEMPORARY,
    VERSION,
    ClipFolderError,
    clip_path,
    has_clip,
)
from avlib.clipfolder.leftovers import temporary_prefix
from avlib.clipfolder.read import read_annotations
from avlib.video import write_video

_FULL = 2**23  # 24-bit samples: 1.0 is 2^23 steps


@dataclass(frozen=True)
class ClipRecord:
    """Everything that is written about one clip.

    Attributes:
        clip: its name: letters, digits, _ - + . only.
        frames: (frame, H, W, 3) uint8 RGB, even height and width.
        fps: pictures per second.
        mixture: (sample,) in [-1, 1].
        rate: samples per second; one that AAC knows.
        categories: one per player.
        players: one name per player ("violin-07"); the same name is the same player everywhere.
        split: "train", "validation", "test" or "none".
        stems: (player, sample), each player alone, summing to the mixture; or None, as the next.
        sounding: (frame, player).
        boxes: (frame, player, 4) x0, y0, x1, y1 in px; NaN where not seen.
        instrument_boxes: idem, of the instruments.
        joints: (frame, player, 60, 3) x, y in px, confidence.
        notes: per player, rows of (onset s, duration s, MIDI pitch, velocity).
        source: where it comes from, free form, JSON values.
    """

    clip: str
    frames: UInt8[np.ndarray, "frame height width 3"]
    fps: float | int
    mixture: Float[np.ndarray, " sample"]
    rate: int
    categories: Sequence[str]
    players: Sequence[str]
    split: str = "none"
    stems: Float[np.ndarray, "player sample"] | None = None
    sounding: Bool[np.ndarray, "frame player"] | None = None
    boxes: Float[np.ndarray, "frame player 4"] | None = None
    instrument_boxes: Float[np.ndarray, "frame player 4"] | None = None
    joints: Float[np.ndarray, "frame player 60 3"] | None = None
    notes: Sequence[Sequence[Sequence[float | int]]] | None = None
    source: dict[str, Any] | None = None


def write_clip(
    folder: str | os.PathLike[str], record: ClipRecord, *, overwrite: bool = False
) -> Path:
    """Write one clip; its folder appears complete or not at all.

    A clip that is there is kept unless `overwrite`, so an interrupted export goes on where it
    stopped (`has_clip` tells before anything is drawn). Several processes may write into one
    folder. Call `write_index` at the end.

    The sound is stored with 24 bits, and where there are stems the stored mixture is the exact sum
    of the stored stems.

    Args:
        folder: the clip folder, made if it is not there.
        record: the clip.
        overwrite: replace a clip that is there.

    Returns:
        The clip's folder.

    Raises:
        ClipFolderError: a record that contradicts itself, or a name that cannot be one.
        VideoError: pictures or sound that MP4 cannot hold.

    Example:
        >>> from avlib.clipfolder import read_index, validate, write_index
        >>> picture, wave = np.zeros((8, 32, 32, 3), np.uint8), np.zeros(22050, np.float32)
        >>> record = ClipRecord("a", picture, 4, wave, 11025, ("violin",), ("violin-07",), "test")
        >>> with tempfile.TemporaryDirectory() as root:
        ...     path = write_clip(root, record)
        ...     write_index(root, name="example")
        ...     sorted(p.name for p in path.iterdir()), validate(root), read_index(root)[0].seconds
        (['annotations.json', 'audio.flac', 'media.mp4'], [], 2.0)
    """
    check_record(record)
    place = clip_path(folder, record.clip)
    if has_clip(folder, record.clip) and not overwrite:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(
        tempfile.mkdtemp(prefix=temporary_prefix(record.clip), suffix=TEMPORARY, dir=place.parent)
    )
    try:
        os.chmod(temporary, 0o755)
        _write_files(temporary, record)
        if place.exists() and (overwrite or not has_clip(folder, record.clip)):
            shutil.rmtree(place)
        try:
            os.rename(temporary, place)
        except OSError:
            if not has_clip(folder, record.clip):  # otherwise another process was first
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place


def check_record(record: ClipRecord) -> None:
    """Raise if a record contradicts itself (see `write_clip`)."""
    count, players = len(record.frames), len(record.players)
    seconds = len(record.mixture) / record.rate
    shapes = {
        "stems": (record.stems, (players, len(record.mixture))),
        "sounding": (record.sounding, (count, players)),
        "boxes": (record.boxes, (count, players, 4)),
        "instrument_boxes": (record.instrument_boxes, (count, players, 4)),
        "joints": (record.joints, (count, players, JOINTS, 3)),
    }
    wrong = [
        f"{name} is {array.shape} where {due} is due"
        for name, (array, due) in shapes.items()
        if array is not None and array.shape != due
    ]
    if not players or len(record.categories) != players:
        wrong.append(f"{len(record.categories)} categories but {players} players")
    if record.notes is not None and len(record.notes) != players:
        wrong.append(f"notes of {len(record.notes)} players but {players} players")
    if record.split not in SPLITS:
        wrong.append(f"split {record.split!r} is none of {SPLITS}")
    if any(not s or set(s) & set(";\n\r") for s in (*record.categories, *record.players)):
        wrong.append("a category or player is empty or contains ';' or a line break")
    if not count or count != round(seconds * record.fps):
        wrong.append(f"{count} pictures at {record.fps}/s but {seconds:.3f} s of sound")
    waves = [record.mixture] if record.stems is None else [record.mixture, record.stems]
    if any(not np.isfinite(w).all() or np.abs(w).max(initial=0) > 1 for w in waves):
        wrong.append("sound beyond [-1, 1] or not finite; scale mixture and stems together")
    elif record.stems is not None and not wrong:
        off = np.abs(record.stems.astype(np.float64).sum(0) - record.mixture).max(initial=0)
        if off > 1e-5:
            wrong.append(f"stems sum to something {off:.2g} away from the mixture")
    if wrong:
        raise ClipFolderError(f"clip {record.clip!r} is not written: {'; '.join(wrong)}")


def _write_files(place: Path, record: ClipRecord) -> None:
    """All files of a clip into an empty folder; annotations last."""
    samples = _quantised(record.mixture)
    if record.stems is not None:
        parts = _quantised(record.stems)
        samples = np.clip(parts.sum(0), -_FULL, _FULL - 1)
        (place / STEMS).mkdir()
        for number, part in enumerate(parts):
            _write_flac(place / STEMS / f"{number}.flac", part, record.rate)
    _write_flac(place / AUDIO, samples, record.rate)
    write_video(place / MEDIA, record.frames, record.fps, record.mixture, record.rate)
    if record.joints is not None:
        np.savez(place / JOINTS_FILE, joints=record.joints.astype(np.float32))
    text = json.dumps(_annotations(record), separators=(",", ":"), allow_nan=False)
    (place / ANNOTATIONS).write_text(text + "\n", "utf8")


def _annotations(record: ClipRecord) -> dict[str, Any]:
    height, width = record.frames.shape[1:3]
    notes = record.notes
    if notes is not None:
        notes = [[[round(float(x), 5) for x in note] for note in player] for player in notes]
    found = {
        "schema": "avlib-clip",
        "version": VERSION,
        "clip": record.clip,
        "seconds": len(record.mixture) / record.rate,
        "fps": record.fps,
        "frames": len(record.frames),
        "width": width,
        "height": height,
        "rate": record.rate,
        "categories": list(record.categories),
        "players": list(record.players),
        "split": record.split,
        "stems": record.stems is not None,
        "sounding": None if record.sounding is None else record.sounding.tolist(),
        "boxes": _box_rows(record.boxes),
        "instrument_boxes": _box_rows(record.instrument_boxes),
        "joints": None if record.joints is None else JOINTS_FILE,
        "notes": notes,
    }
    return found if record.source is None else found | {"source": record.source}


def _box_rows(boxes: np.ndarray | None) -> list | None:
    """Rows for JSON, hundredths of a pixel; a box with NaN becomes null."""
    if boxes is None:
        return None
    rounded = boxes.astype(np.float64).round(2)
    seen = ~np.isnan(rounded.sum(axis=-1))
    return [
        [box if ok else None for box, ok in zip(row, flags, strict=True)]
        for row, flags in zip(rounded.tolist(), seen.tolist(), strict=True)
    ]


def _quantised(waves: np.ndarray) -> np.ndarray:
    """Steps of 2^-23, so that what is read is exactly what was summed."""
    steps = np.rint(waves.astype(np.float64) * _FULL)
    return np.clip(steps, -_FULL, _FULL - 1).astype(np.int32)


def _write_flac(path: Path, samples: np.ndarray, rate: int) -> None:
    """24-bit FLAC; libsndfile takes 32-bit integers and keeps their upper 24 bits."""
    soundfile.write(path, samples.astype(np.int32) << 8, rate, subtype="PCM_24", format="FLAC")


def write_index(
    folder: str | os.PathLike[str], name: str | None = None, made_by: str | None = None
) -> None:
    """Write `index.csv` and `dataset.json` from the clips that are there, sorted by name.

    Args:
        folder: the clip folder.
        name: of the data set; the folder's name by default, or what `dataset.json` says.
        made_by: who made it, and how; likewise.

    Raises:
        ClipFolderError: no clips, or a clip that cannot be read.
    """
    root = Path(folder)
    clips = [p for p in sorted((root / CLIPS).glob("*")) if not p.name.startswith(".")]
    if not clips:
        raise ClipFolderError(f"{root / CLIPS}: no clips; write_clip first")
    rows = []
    for path in clips:
        found = read_annotations(path, joints=False)
        if found.clip != path.name:
            raise ClipFolderError(
                f"{path / ANNOTATIONS}: is of clip {found.clip!r}; rename the folder back or write "
                "the clip again"
            )
        row = {k: getattr(found, k) for k in COLUMNS}
        row["categories"], row["players"] = ";".join(found.categories), ";".join(found.players)
        row["stems"] = int(found.stems)
        rows.append(row)
    known = {"name": root.resolve().name or "clips", "made_by": "avlib"}
    if (root / DATASET).is_file():
        known |= json.loads((root / DATASET).read_text("utf8"))
    known |= {k: v for k, v in (("name", name), ("made_by", made_by)) if v is not None}
    head = {"schema": "avlib-clips", "version": VERSION}
    head |= {k: known[k] for k in ("name", "made_by")}
    with _replacing(root / INDEX) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with _replacing(root / DATASET) as file:
        file.write(json.dumps(head, indent=2) + "\n")


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes `path`'s place once it is complete."""
    temporary = path.with_name(f"{temporary_prefix(path.name)}{threading.get_ident()}{TEMPORARY}")
    try:
        with temporary.open("w", encoding="utf8", newline="") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
