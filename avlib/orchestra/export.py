"""The orchestra as files: ordinary MP4s with the truth beside them, in the clip-folder layout.

Clip i of a folder is a pure function of (seed, split, i), so that the number of workers and the
order in which they finish change nothing, a stopped export goes on with the clips that are
missing, and a larger count adds clips to those that are there.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import cv2
from tqdm.auto import tqdm

from avlib.clipfolder import (
    ClipFolderError,
    ClipRecord,
    clip_path,
    has_clip,
    read_annotations,
    remove_leftovers,
    write_clip,
    write_index,
)
from avlib.orchestra.instruments import MUSIC21, PLAYERS, instrument
from avlib.orchestra.programme import Programme, check_programme, draw_programme, random_generator
from avlib.orchestra.scene import HARD_CASES, make_scene


@dataclass(frozen=True)
class Export:
    """What an export writes; see `export_videos`."""

    players: int
    seed: int
    split: str
    instruments: tuple[str, ...]
    seconds: float
    fps: float
    size: int | tuple[int, int]
    rate: int
    silent_probability: float
    hard: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.split not in PLAYERS:
            raise ValueError(f"unknown player split {self.split!r}; there are {', '.join(PLAYERS)}")
        for label in self.instruments:
            instrument(label)
        for case in set(self.hard) - set(HARD_CASES):
            raise ValueError(f"unknown hard case {case!r}; there are {', '.join(HARD_CASES)}")
        check_programme(self.instruments, self.players, self.silent_probability)
        if self.seconds <= 0 or self.fps <= 0 or self.rate <= 0:
            raise ValueError("seconds, fps and rate must be above 0")
        sides = (self.size,) if isinstance(self.size, int) else self.size
        if any(side < 2 or side % 2 for side in sides):
            raise ValueError(f"size={self.size}: H.264 needs even numbers of pixels")
        frames = self.seconds * self.fps
        if abs(frames - round(frames)) > 1e-6 or round(frames) < 1:
            raise ValueError(
                f"{self.seconds:g} s at {self.fps:g} pictures/s are {frames:g} pictures; choose "
                "them so that they are a whole number"
            )

    @property
    def frames(self) -> int:
        """Number of pictures of a clip."""
        return round(self.seconds * self.fps)

    def programme(self, index: int) -> Programme:
        """Say who plays what in clip `index`."""
        rng = random_generator("export", self.seed, self.split, index)
        return draw_programme(
            rng, self.split, self.instruments, self.players, self.silent_probability
        )

    def name(self, index: int) -> str:
        """Name clip `index`, for example "test-0-0007-violin-flute".

        Example:
            >>> export = Export(2, 0, "test", MUSIC21, 6.0, 25.0, 256, 16000, 0.0, ())
            >>> export.name(7)
            'test-0-0007-bagpipe-bassoon'
        """
        played = "-".join(self.programme(index).instruments).replace(" ", "_")
        return f"{self.split}-{self.seed}-{index:04d}-{played}"

    def source(self, index: int) -> dict[str, Any]:
        """Say where clip `index` comes from: all that makes it again."""
        settings = asdict(self) | {"instruments": list(self.instruments), "hard": list(self.hard)}
        if not isinstance(self.size, int):
            settings["size"] = list(self.size)
        return {"made_by": "avlib.orchestra.export_videos", "index": index} | settings


def export_videos(
    folder: str | os.PathLike[str],
    count: int = 20,
    *,
    players: int = 2,
    seed: int = 0,
    split: str = "test",
    instruments: Sequence[str] = MUSIC21,
    seconds: float = 6.0,
    fps: float = 25.0,
    size: int | tuple[int, int] = 256,
    rate: int = 16000,
    silent_probability: float = 0.0,
    hard: Sequence[str] = (),
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write clips of the orchestra as MP4 files, with stems and annotations beside them.

    The layout is that of `avlib.clipfolder`: for each clip ``media.mp4`` (H.264, AAC), the exact
    mixture and every player's own sound as 24-bit FLAC, and boxes, joints, notes and who sounds
    when. The same arguments give the same annotations and sounds with any number of workers.
    Each clip is complete or absent: call again, or with a larger count, and only what is missing
    is written. Calls with other seeds and splits may share a folder, also at the same time: what
    another process is writing is left alone.

    Args:
        folder: where to; made if it is not there.
        count: number of clips.
        players: in each clip, 1 to 4, playing different instruments.
        seed: another seed, other clips.
        split: whose players: "train", "validation" or "test".
        instruments: to choose from.
        seconds: length of a clip.
        fps: pictures per second.
        size: of the pictures in pixels, even, (height, width) or one number for both.
        rate: samples per second. The note bank has 16 kHz, more would add nothing.
        silent_probability: how likely it is that a player is there but does not play.
        hard: hard cases in every clip, see `make_scene`.
        workers: processes (default: one per core, fewer for a few clips; 1: none but this one).
        progress: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        ValueError: settings that make no sense.
        ClipFolderError: the folder holds these clips made with other settings, or a clip cannot
            be written.
        KeyboardInterrupt: stopped; nothing is half written, and the same call goes on from there.
            Workers finish the clips that they have begun; one process alone drops its own.
    """
    export = Export(
        players, seed, split, tuple(instruments), float(seconds), float(fps), size, rate,
        silent_probability, tuple(hard),
    )  # fmt: skip
    if count < 1:
        raise ValueError(f"count={count}; write 1 clip or more")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}; 1 is this process alone")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    missing = _missing(folder, export, count)
    try:
        _write_all(folder, export, missing, workers or _enough(missing), count, progress)
    finally:
        if any(has_clip(folder, export.name(index)) for index in range(count)):
            write_index(folder, made_by="avlib.orchestra.export_videos")
    return folder


def _missing(folder: Path, export: Export, count: int) -> list[int]:
    """The clips that are not there yet.

    Raises:
        ClipFolderError: one that is there was made with other settings.
    """
    missing = []
    for index in range(count):
        name = export.name(index)
        if not has_clip(folder, name):
            missing.append(index)
            continue
        found = read_annotations(clip_path(folder, name), joints=False).source or {}
        wanted = export.source(index)
        other = [key for key in wanted if found.get(key) != wanted[key]]
        if other:
            changes = ", ".join(f"{key}={found.get(key)!r}, not {wanted[key]!r}" for key in other)
            raise ClipFolderError(
                f"{clip_path(folder, name)}: is there with other settings ({changes}); give "
                "another folder or seed, or delete it"
            )
    return missing


def _enough(missing: list[int]) -> int:
    """One worker per core, but each is worth its start only for several clips."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(cores, len(missing) // 8))


def _write_all(
    folder: Path, export: Export, missing: list[int], workers: int, count: int, progress: bool
) -> None:
    done = count - len(missing)
    bar = tqdm(total=count, initial=done, unit="clip", desc=str(folder), disable=not progress)
    with bar:
        if workers == 1 or len(missing) < 2:
            for index in missing:
                write_one(folder, export, index)
                bar.update()
            return
        pool = ProcessPoolExecutor(min(workers, len(missing)), _context(), _start_worker)
        try:
            with _born_ignoring_interrupts():
                waiting = [pool.submit(write_one, folder, export, index) for index in missing]
            for future in as_completed(waiting):
                future.result()
                bar.update()
        except BrokenProcessPool as error:
            raise ClipFolderError(
                f"{folder}: a worker process died (out of memory?); run it again with fewer "
                "workers, what is there is kept"
            ) from error
        finally:  # after Ctrl-C: finish what is begun, begin nothing more
            pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext:
    """How workers are made: never as copies of this process with its threads.

    Where there is a fork server it imports everything once, for all workers.
    """
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@contextmanager
def _born_ignoring_interrupts() -> Iterator[None]:
    """Processes that start in here ignore Ctrl-C from their first instruction on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so; `_start_worker` does a moment later
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, so that the clip is finished; end when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def write_one(folder: Path, export: Export, index: int) -> None:
    """Make clip `index` and write it."""
    drawn = export.programme(index)
    scene = make_scene(
        drawn.seed,
        drawn.instruments,
        drawn.silent,
        export.seconds,
        export.frames,
        export.size,
        export.rate,
        split=export.split,
        players=drawn.players,
        hard=export.hard,
    )
    record = ClipRecord(
        clip=export.name(index),
        frames=scene.frames,
        fps=export.fps,
        mixture=scene.mixture,
        rate=export.rate,
        categories=drawn.instruments,
        players=drawn.names,
        split=export.split,
        stems=scene.stems,
        sounding=scene.sounding,
        boxes=scene.boxes,
        instrument_boxes=scene.instrument_boxes,
        joints=scene.joints,
        notes=[
            [(note.onset_s, note.duration_s, note.pitch, note.velocity) for note in notes]
            for notes in scene.notes
        ],
        source=export.source(index),
    )
    write_clip(folder, record)
