"""Checking a clip folder: every file against the layout, its schema, and the others."""

import math
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import soundfile

from avlib.clipfolder.layout import (
    ANNOTATIONS,
    AUDIO,
    CLIPS,
    DATASET,
    INDEX,
    JOINTS,
    JOINTS_FILE,
    MEDIA,
    STEMS,
    Annotations,
    ClipFolderError,
    IndexRow,
    check_name,
    schema,
)
from avlib.clipfolder.leftovers import leftovers
from avlib.clipfolder.read import (
    load_joints,
    load_json,
    read_annotations,
    read_flac,
    read_index,
    stem_files,
)
from avlib.video import VideoError, probe

_AGAIN = "write the clip again (delete its folder first)"
_STEP = 2.0**-23  # one step of 24-bit sound
_EDGE_PX = 0.51  # a box may touch the border, rounded


@dataclass(frozen=True)
class Problem:
    """Something wrong with a clip folder.

    Attributes:
        file: where, relative to the folder.
        problem: what.
        fix: what to do.

    Example:
        >>> print(Problem("index.csv", "is missing", "make it with write_index"))
        index.csv: is missing; make it with write_index
    """

    file: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}; {self.fix}"


def validate(folder: str | os.PathLike[str], *, sums: bool = True) -> list[Problem]:
    """Check a clip folder: missing files, lengths, shapes, sums, schema, index, leftovers.

    Nothing is changed. Everything that is wrong is reported, not only the first thing.

    Args:
        folder: the clip folder.
        sums: whether to read all sound and check that the stems sum to the mixture.

    Returns:
        The problems; empty if the folder is sound.
    """
    root = Path(folder)
    if not root.is_dir():
        return [Problem(str(root), "no such folder", "check the path")]
    problems = [
        Problem(
            p.relative_to(root).as_posix(),
            "is left over from an interrupted write",
            "remove it with avlib.clipfolder.remove_leftovers, or by hand",
        )
        for p in leftovers(root)
    ]
    problems += _check_json(root, root / DATASET, "dataset")
    places = [p for p in sorted((root / CLIPS).glob("*")) if not p.name.startswith(".")]
    found: dict[str, Annotations] = {}
    for place in places:
        problems += _check_clip(root, place, found, sums=sums)
    return problems + _check_index(root, {p.name for p in places}, found)


def _problem(root: Path, path: Path, what: str, fix: str = _AGAIN) -> Problem:
    return Problem(path.relative_to(root).as_posix(), what, fix)


def _from_error(root: Path, path: Path, err: Exception) -> Problem:
    """An error's message already names file and remedy; keep the part after the file's name."""
    text = str(err).removeprefix(f"{path}").removeprefix(": ")
    what, _, fix = text.rpartition("; ")
    return _problem(root, path, what or text, fix if what else _AGAIN)


def _check_json(root: Path, path: Path, kind: str) -> list[Problem]:
    """A JSON file against its schema."""
    try:
        data: Any = load_json(path, {"clip": "avlib-clip", "dataset": "avlib-clips"}[kind])
    except ClipFolderError as err:
        return [_from_error(root, path, err)]
    checker = jsonschema.Draft202012Validator(schema(kind))
    return [
        _problem(root, path, f"{'/'.join(map(str, e.absolute_path)) or 'it'}: {e.message[:200]}")
        for e in checker.iter_errors(data)
    ]


def _check_clip(
    root: Path, place: Path, found: dict[str, Annotations], *, sums: bool
) -> list[Problem]:
    """One clip's folder; adds its annotations to `found` if they can be read."""
    try:
        check_name(place.name)
    except ClipFolderError as err:
        return [_problem(root, place, str(err), "rename or delete it")]
    if not place.is_dir():
        return [_problem(root, place, "is not a folder", "move or delete it")]
    path = place / ANNOTATIONS
    problems = _check_json(root, path, "clip")
    if problems:
        return problems
    try:
        notes = read_annotations(place, joints=False)
    except ClipFolderError as err:
        return [_from_error(root, path, err)]
    found[place.name] = notes
    problems += [_problem(root, path, what) for what in _contradictions(notes, place.name)]
    problems += _check_media(root, place, notes)
    problems += _check_sound(root, place, notes, sums=sums)
    return problems + _check_joints(root, place, notes)


def _contradictions(notes: Annotations, name: str) -> list[str]:
    """What is wrong within `annotations.json`, beyond its schema."""
    wrong = []
    players = len(notes.players)
    if notes.clip != name:
        wrong.append(f"is of clip {notes.clip!r}")
    if len(notes.categories) != players:
        wrong.append(f"{len(notes.categories)} categories but {players} players")
    if notes.notes is not None and len(notes.notes) != players:
        wrong.append(f"notes of {len(notes.notes)} players but {players} players")
    if notes.frames != round(notes.seconds * notes.fps):
        wrong.append(f"{notes.frames} frames, but {notes.seconds} s at {notes.fps}/s")
    for kind in ("boxes", "instrument_boxes"):
        boxes = getattr(notes, kind)
        if boxes is None:
            continue
        seen = np.isfinite(boxes).all(-1)
        limit = np.array([notes.width, notes.height] * 2) + _EDGE_PX
        outside = (boxes < -_EDGE_PX).any(-1) | (boxes > limit).any(-1)
        empty = (boxes[..., 2] <= boxes[..., 0]) | (boxes[..., 3] <= boxes[..., 1])
        for what, bad in (("out of the frame", outside & seen), ("empty", empty & seen)):
            if bad.any():
                frame, player = (int(x) for x in np.argwhere(bad)[0])
                wrong.append(
                    f"{kind}[{frame}][{player}] is {what}: {boxes[frame, player].tolist()} "
                    f"({int(bad.sum())} such)"
                )
    return wrong


def _check_media(root: Path, place: Path, notes: Annotations) -> list[Problem]:
    path = place / MEDIA
    try:
        info = probe(path)
    except VideoError as err:
        return [_from_error(root, path, err)]
    problems = []
    pairs = [
        ("pictures", info.frames, notes.frames),
        ("width", info.width, notes.width),
        ("height", info.height, notes.height),
    ]
    for what, is_, due in pairs:
        if is_ != due:
            problems.append(_problem(root, path, f"{what} {is_}, annotations say {due}"))
    if info.fps is not None and not math.isclose(info.fps, notes.fps, rel_tol=1e-3):
        problems.append(_problem(root, path, f"{info.fps:g} fps, annotations say {notes.fps:g}"))
    if info.constant_rate is False:
        problems.append(_problem(root, path, "frame rate varies"))
    if info.audio_seconds is None:
        problems.append(_problem(root, path, "has no sound"))
    elif abs(info.audio_seconds - notes.seconds) > 0.1:
        problems.append(
            _problem(root, path, f"{info.audio_seconds:.2f} s of sound, not {notes.seconds:.2f} s")
        )
    return problems


def _check_sound(root: Path, place: Path, notes: Annotations, *, sums: bool) -> list[Problem]:
    """`audio.flac` and the stems: there, mono, of the right rate and length, and summing up."""
    files = [place / AUDIO]
    if notes.stems:
        if not (place / STEMS).is_dir():
            return [_problem(root, place / STEMS, "is missing")]
        try:
            files += stem_files(place)
        except ClipFolderError as err:
            return [_from_error(root, place / STEMS, err)]
        if len(files) - 1 != len(notes.players):
            what = f"{len(files) - 1} stems for {len(notes.players)} players"
            return [_problem(root, place / STEMS, what)]
    elif (place / STEMS).exists():
        return [_problem(root, place / STEMS, "is there, annotations say there are no stems")]
    samples = round(notes.seconds * notes.rate)
    problems = []
    for path in files:
        problems += _check_flac(root, path, notes.rate, samples)
    if problems or not sums:
        return problems
    waves = []
    for path in files:
        try:
            waves.append(read_flac(path, 0, None)[0].astype(np.float64))
        except ClipFolderError as err:
            problems.append(_from_error(root, path, err))
    if problems:
        return problems
    mixture, *stems = waves
    if stems:
        off = float(np.abs(np.sum(stems, axis=0) - mixture).max(initial=0))
        if off > (len(stems) + 1) * _STEP:
            what = f"differs from the sum of the stems by up to {off:.3g}"
            problems.append(_problem(root, place / AUDIO, what))
    return problems


def _check_flac(root: Path, path: Path, rate: int, samples: int) -> list[Problem]:
    if not path.is_file():
        return [_problem(root, path, "is missing")]
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as err:
        return [_problem(root, path, f"cannot be read ({err})")]
    problems = []
    if info.channels != 1:
        problems.append(_problem(root, path, f"has {info.channels} channels, not one"))
    if info.samplerate != rate:
        problems.append(_problem(root, path, f"rate {info.samplerate}, annotations say {rate}"))
    if info.frames != samples:
        problems.append(_problem(root, path, f"{info.frames} samples, {samples} are due"))
    return problems


def _check_joints(root: Path, place: Path, notes: Annotations) -> list[Problem]:
    path = place / JOINTS_FILE
    listed = load_json(place / ANNOTATIONS, "avlib-clip")["joints"] is not None
    if not listed:
        return (
            [_problem(root, path, "is there, but not in the annotations")] if path.exists() else []
        )
    try:
        joints = load_joints(path)
    except ClipFolderError as err:
        return [_from_error(root, path, err)]
    due = (notes.frames, len(notes.players), JOINTS, 3)
    if joints.shape != due:
        return [_problem(root, path, f"joints are {joints.shape} where {due} is due")]
    if not np.isfinite(joints).all():
        return [_problem(root, path, "joints that are not finite")]
    return []


def _check_index(root: Path, names: set[str], found: dict[str, Annotations]) -> list[Problem]:
    """`index.csv` against the clips' folders and annotations."""
    path, again = root / INDEX, "make it again with avlib.clipfolder.write_index"
    if not (root / DATASET).is_file():
        return []  # already reported
    try:
        rows = read_index(root)
    except ClipFolderError as err:
        return [_from_error(root, path, err)]
    problems = []
    listed = [row.clip for row in rows]
    for name in sorted(n for n, times in Counter(listed).items() if times > 1):
        problems.append(_problem(root, path, f"lists clip {name} more than once", again))
    for name in sorted(set(listed) - names):
        problems.append(_problem(root, path, f"lists clip {name}, which has no folder", again))
    for name in sorted(names - set(listed)):
        problems.append(_problem(root, path, f"does not list clip {name}", again))
    for row in rows:
        if row.clip in found:
            problems += [
                _problem(root, path, f"clip {row.clip}: {what}", again)
                for what in _differences(row, found[row.clip])
            ]
    return problems


def _differences(row: IndexRow, notes: Annotations) -> list[str]:
    return [
        f"{key} is {is_!r}, its annotations say {due!r}"
        for key in row.__dataclass_fields__
        if (is_ := getattr(row, key)) != (due := getattr(notes, key))
    ]
