"""Reading clip folders: the index, annotations, and the exact samples."""

import csv
import json
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32

from avlib.clipfolder.layout import (
    ANNOTATIONS,
    AUDIO,
    COLUMNS,
    DATASET,
    INDEX,
    JOINTS,
    STEMS,
    VERSION,
    Annotations,
    ClipFolderError,
    IndexRow,
    check_name,
)


class Waves(NamedTuple):
    """Sound of one clip: `mixture` (sample,), `stems` (player, sample) or None, `rate`."""

    mixture: Float32[np.ndarray, " sample"]
    stems: Float32[np.ndarray, "player sample"] | None
    rate: int


def load_json(path: Path, kind: str) -> dict[str, Any]:
    """Read one of the layout's JSON files and check that this version can be read.

    Raises:
        ClipFolderError: missing, not JSON, another schema, or a version not known here.
    """
    try:
        data = json.loads(path.read_text("utf8"))
    except FileNotFoundError as err:
        raise ClipFolderError(
            f"{path}: no such file; is this a clip folder? Write it again or restore it"
        ) from err
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise ClipFolderError(f"{path}: is not JSON ({err}); write it again") from err
    if not isinstance(data, dict) or data.get("schema") != kind:
        raise ClipFolderError(f"{path}: is not an {kind} file; give a folder that avlib wrote")
    if data.get("version") != VERSION:
        raise ClipFolderError(
            f"{path}: has version {data.get('version')!r}, this avlib reads {VERSION}; update "
            "avlib or write the folder again"
        )
    return data


def read_index(folder: str | os.PathLike[str]) -> tuple[IndexRow, ...]:
    """Read `index.csv`, in its order.

    Args:
        folder: the clip folder.

    Returns:
        One row per clip.

    Raises:
        ClipFolderError: no clip folder, another version, a column missing or a value malformed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ClipFolderError(f"{root}: no such folder; check the path")
    load_json(root / DATASET, "avlib-clips")
    path = root / INDEX
    if not path.is_file():
        raise ClipFolderError(f"{path}: no such file; make it with avlib.clipfolder.write_index")
    with path.open(newline="", encoding="utf8") as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ClipFolderError(
                f"{path}: lacks the columns {missing}; make it again with "
                "avlib.clipfolder.write_index"
            )
        return tuple(_row(path, number, row) for number, row in enumerate(reader, start=2))


def _row(path: Path, line: int, row: dict[str, Any]) -> IndexRow:
    try:
        return IndexRow(
            clip=check_name(row["clip"]),
            categories=tuple(row["categories"].split(";")),
            players=tuple(row["players"].split(";")),
            split=row["split"],
            seconds=float(row["seconds"]),
            fps=float(row["fps"]),
            width=int(row["width"]),
            height=int(row["height"]),
            rate=int(row["rate"]),
            stems={"0": False, "1": True}[row["stems"]],
        )
    except (ValueError, KeyError, AttributeError, TypeError) as err:
        raise ClipFolderError(
            f"{path}, line {line}: {err}; make it again with avlib.clipfolder.write_index"
        ) from err


def read_annotations(path: str | os.PathLike[str], *, joints: bool = True) -> Annotations:
    """Read what is known about one clip.

    Args:
        path: the clip's folder, or its `annotations.json`.
        joints: whether to load `joints.npz` too, if there is one.

    Returns:
        Annotations: see there.

    Raises:
        ClipFolderError: missing, of another version, or malformed (`validate` says more).
    """
    file = Path(path)
    file = file if file.name == ANNOTATIONS else file / ANNOTATIONS
    data = load_json(file, "avlib-clip")
    try:
        count, players = data["frames"], len(data["players"])
        sounding = data["sounding"]
        return Annotations(
            **{k: data[k] for k in "clip seconds fps frames width height rate split stems".split()},
            categories=tuple(data["categories"]),
            players=tuple(data["players"]),
            sounding=None if sounding is None else _table(sounding, (count, players), bool),
            boxes=_boxes(data["boxes"], count, players),
            instrument_boxes=_boxes(data.get("instrument_boxes"), count, players),
            joints=_joints(file, data["joints"], count, players) if joints else None,
            notes=_notes(data.get("notes")),
            source=data.get("source"),
        )
    except KeyError as err:
        raise ClipFolderError(f"{file}: lacks {err}; write the clip again") from err
    except (TypeError, ValueError) as err:
        raise ClipFolderError(f"{file}: {err}; write the clip again") from err


def _table(rows: list, shape: tuple[int, ...], kind: type) -> np.ndarray:
    table: np.ndarray = np.array(rows, dtype=kind)
    if table.shape != shape:
        raise ValueError(f"a table is {table.shape} where {shape} is due")
    return table


def _boxes(rows: list | None, count: int, players: int) -> np.ndarray | None:
    if rows is None:
        return None
    unseen = [np.nan] * 4
    filled = [[unseen if box is None else box for box in row] for row in rows]
    return _table(filled, (count, players, 4), np.float32)


def _notes(rows: list | None) -> tuple | None:
    return None if rows is None else tuple(tuple(tuple(n) for n in player) for player in rows)


def _joints(file: Path, name: str | None, count: int, players: int) -> np.ndarray | None:
    if name is None:
        return None
    path = file.parent / check_name(name)
    joints = load_joints(path)
    if joints.shape != (count, players, JOINTS, 3):
        raise ValueError(
            f"{path} holds joints of {joints.shape} where {(count, players, JOINTS, 3)} is due"
        )
    return joints


def load_joints(path: Path) -> np.ndarray:
    """The array 'joints' of `joints.npz`, as float32.

    Raises:
        ClipFolderError: missing, damaged, or without that array.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["joints"].astype(np.float32, copy=False)
    except FileNotFoundError as err:
        raise ClipFolderError(f"{path}: no such file; write the clip again") from err
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as err:
        raise ClipFolderError(f"{path}: holds no joints ({err}); write the clip again") from err


def read_waves(
    path: str | os.PathLike[str],
    start: int = 0,
    count: int | None = None,
    *,
    stems: bool = True,
) -> Waves:
    """Read the exact samples of one clip.

    Args:
        path: the clip's folder.
        start: first sample.
        count: how many; None reads to the end.
        stems: whether to read the players' own sounds, if they are there.

    Returns:
        Waves: the mixture, the stems (or None), the rate.

    Raises:
        ClipFolderError: a file missing or damaged, or fewer samples than asked.
    """
    folder = Path(path)
    mixture, rate = read_flac(folder / AUDIO, start, count)
    found = None
    if stems and (folder / STEMS).is_dir():
        files = stem_files(folder)
        parts = [read_flac(file, start, count) for file in files]
        for file, (wave, own) in zip(files, parts, strict=True):
            if own != rate or len(wave) != len(mixture):
                raise ClipFolderError(
                    f"{file}: {len(wave)} samples at {own}/s, but {AUDIO} has {len(mixture)} at "
                    f"{rate}/s; write the clip again"
                )
        found = np.stack([wave for wave, _ in parts])
    return Waves(mixture, found, rate)


def stem_files(clip: Path) -> list[Path]:
    """The stems of a clip in the players' order.

    Raises:
        ClipFolderError: they are not 0.flac, 1.flac, ... without a hole.
    """
    found = sorted(p.name for p in (clip / STEMS).iterdir())
    names = [f"{n}.flac" for n in range(len(found))]
    if not found or sorted(names) != found:
        raise ClipFolderError(
            f"{clip / STEMS}: holds {found} where 0.flac, 1.flac ... are due; write the clip again"
        )
    return [clip / STEMS / name for name in names]


def read_flac(path: Path, start: int, count: int | None) -> tuple[np.ndarray, int]:
    """Samples start .. start+count of a mono FLAC file, and its rate."""
    if not path.is_file():
        raise ClipFolderError(f"{path}: no such file; write the clip again")
    try:
        with soundfile.SoundFile(path) as file:
            count = file.frames - start if count is None else count
            if start < 0 or count < 0 or start + count > file.frames:
                raise ClipFolderError(
                    f"{path}: asked for samples {start} to {start + count}, it has {file.frames}; "
                    "ask for less"
                )
            if file.channels != 1:
                raise ClipFolderError(f"{path}: has {file.channels} channels; it must be mono")
            file.seek(start)
            wave = file.read(count, dtype="float32")
    except soundfile.LibsndfileError as err:
        raise ClipFolderError(f"{path}: cannot be read ({err}); write the clip again") from err
    if len(wave) != count:
        raise ClipFolderError(f"{path}: is damaged or cut off; write the clip again")
    return wave, file.samplerate
