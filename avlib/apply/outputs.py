"""What `separate_video` writes, and how it is put in place: all of it, or nothing."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import soundfile
from jaxtyping import Float, UInt8

from avlib.apply.regions import Region
from avlib.viz.page import PagePlayer, colour, loudness, page_address, separate_page

RECORD = "separate.json"
SCHEMA = "avlib-separate"
VIDEO, PAGE, PLOT = "players.mp4", "players.html", "spectrograms.png"
# Up to this size the page carries its media in itself and can be sent on alone (as one 33 MB file).
EMBED_BYTES = 24 * 2**20


class OutputError(ValueError):
    """The place for the results cannot be used; the message names it and says what to do."""


def check_output(folder: Path, source: Path, overwrite: bool) -> None:
    """Refuse a folder that holds something else than an earlier result for the same video.

    Raises:
        OutputError: the path is a file, its parent is missing, or the folder holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give the name of a folder with --out")
    if not folder.parent.is_dir():
        raise OutputError(f"{folder}: there is no folder {folder.parent}; make it first")
    if overwrite or not folder.exists() or not any(folder.iterdir()):
        return
    record = read_record(folder)
    if record is None:
        raise OutputError(
            f"{folder}: holds other files; give another folder with --out, or --overwrite to add "
            "the results to it (files of the same names are replaced, others stay)"
        )
    if record.get("input", {}).get("path") != str(source.resolve()):
        raise OutputError(
            f"{folder}: holds the players of another video, {record['input']['path']}; give "
            "another folder with --out, or --overwrite to replace them"
        )


def read_record(folder: Path) -> dict | None:
    """The record of an earlier result, or None where there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return record if isinstance(record, dict) and record.get("schema") == SCHEMA else None


@contextmanager
def complete_or_absent(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; put it in place if the block ends well.

    A new folder appears by one rename. In a folder that is there already, files are replaced one
    by one and the record last: without its `separate.json` a result is not complete. Whatever ends
    the block early, Ctrl-C included, leaves `folder` as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     with complete_or_absent(Path(place, "out")) as temporary:
        ...         _ = (temporary / "a.txt").write_text("a")
        ...     os.listdir(place), os.listdir(Path(place, "out"))
        (['out'], ['a.txt'])
    """
    temporary = folder.with_name(f".{folder.name}-{os.getpid()}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        if folder.exists() and any(folder.iterdir()):
            _replace_files(temporary, folder)
        else:
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_files(temporary: Path, folder: Path) -> None:
    old = read_record(folder) or {}
    (folder / RECORD).unlink(missing_ok=True)
    fresh = {path.name for path in temporary.iterdir()}
    for name in fresh - {RECORD}:
        os.replace(temporary / name, folder / name)
    for name in set(old.get("files", [])) - fresh:
        if Path(name).name == name:  # a record never deletes beyond its own folder
            (folder / name).unlink(missing_ok=True)
    if RECORD in fresh:
        os.replace(temporary / RECORD, folder / RECORD)


def write_wave(path: Path, wave: Float[np.ndarray, " sample"], rate: int) -> None:
    """Write 16-bit WAV; what lies outside [-1, 1] is clipped."""
    soundfile.write(path, np.clip(wave, -1, 1), rate, subtype="PCM_16")


def draw_regions(
    frame: UInt8[np.ndarray, "height width 3"], regions: Sequence[Region]
) -> UInt8[np.ndarray, "even_height even_width 3"]:
    """A copy of a picture with a numbered box around each player, padded to even sizes for H.264.

    Odd sizes get one more column or row at the right or bottom, so that boxes stay in place.

    Example:
        >>> grey = np.full((9, 11, 3), 128, np.uint8)
        >>> out = draw_regions(grey, [Region("one", (1.0, 1.0, 8.0, 8.0))])
        >>> out.shape, out[1, 4].tolist(), out[8, 10].tolist()
        ((10, 12, 3), [0, 104, 163], [128, 128, 128])
    """
    height, width = frame.shape[:2]
    canvas = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    thick = max(1, round(min(height, width) / 160))
    for number, region in enumerate(regions, 1):
        tint = tuple(int(colour(number)[k : k + 2], 16) for k in (1, 3, 5))
        x1, y1, x2, y2 = (round(v) for v in region.box)
        inset = thick // 2
        corner = (min(x2, width) - 1 - inset, min(y2, height) - 1 - inset)
        cv2.rectangle(canvas, (x1 + inset, y1 + inset), corner, tint, thick)
        if min(height, width) >= 96:
            _draw_number(canvas, number, (x1 + thick, y1 + thick), tint, min(height, width) / 500)
    return canvas


def _draw_number(
    canvas: np.ndarray, number: int, corner: tuple[int, int], tint: tuple[int, ...], scale: float
) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(scale, 0.35)
    thick = max(1, round(2 * scale))
    (w, h), base = cv2.getTextSize(str(number), font, scale, thick)
    x, y = corner
    cv2.rectangle(canvas, (x, y), (x + w + base, y + h + base), tint, cv2.FILLED)
    at = (x + base // 2, y + h + base // 2)
    cv2.putText(canvas, str(number), at, font, scale, (255, 255, 255), thick, cv2.LINE_AA)


def drawn_frames(
    frames: Iterator[UInt8[np.ndarray, "height width 3"]],
    regions: Sequence[Region],
    keep_first: Callable[[np.ndarray], None],
) -> Iterator[UInt8[np.ndarray, "even_height even_width 3"]]:
    """All pictures with their boxes, one at a time; the first is also handed to `keep_first`."""
    for number, frame in enumerate(frames):
        drawn = draw_regions(frame, regions)
        if number == 0:
            keep_first(drawn)
        yield drawn


def write_page(
    folder: Path,
    *,
    title: str,
    regions: Sequence[Region],
    waves: Float[np.ndarray, "player sample"],
    mixture: Float[np.ndarray, " sample"],
    rate: int,
    poster: UInt8[np.ndarray, "height width 3"],
    scores: Sequence[str],
    notes: Sequence[str],
    embed_bytes: int = EMBED_BYTES,
) -> bool:
    """Write `players.html` into a folder that holds the MP4, the WAVs and the plot.

    Args:
        folder: where the media are.
        title: name of the video.
        regions: of the players.
        waves: their sounds.
        mixture: the sound as it was, at the same rate.
        rate: of both, Hz.
        poster: the first picture, as drawn.
        scores: a line for each player, or empty strings.
        notes: sentences on how it was made.
        embed_bytes: media that are larger in all are not put into the page but stay beside it.

    Returns:
        Whether the page carries its media in itself.
    """
    wavs = [f"player-{k}.wav" for k in range(1, len(regions) + 1)]
    total = sum((folder / name).stat().st_size for name in [VIDEO, *wavs])
    embed = total <= embed_bytes

    def address(name: str, kind: str) -> str:
        return data_uri((folder / name).read_bytes(), kind) if embed else page_address(name)

    height, width = poster.shape[:2]
    reference = 2.0 * float(np.sqrt(np.mean(np.square(mixture)) + 1e-20))
    players = [
        PagePlayer(
            label=region.label,
            box=tuple(v / s for v, s in zip(region.box, (width, height) * 2, strict=True)),
            audio=address(wav, "audio/wav"),
            wav=wav,
            levels=loudness(wave, rate, reference),
            score=score,
        )
        for region, wav, wave, score in zip(regions, wavs, waves, scores, strict=True)
    ]
    jpeg = cv2.imencode(".jpg", poster[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    page = separate_page(
        title=title,
        video=address(VIDEO, "video/mp4"),
        poster=data_uri(jpeg.tobytes(), "image/jpeg"),
        size=(width, height),
        seconds=len(mixture) / rate,
        levels=loudness(mixture, rate, reference),
        players=players,
        plot=data_uri((folder / PLOT).read_bytes(), "image/png"),
        notes=notes,
    )
    (folder / PAGE).write_text(page, encoding="utf-8")
    return embed


def data_uri(content: bytes, kind: str) -> str:
    """Content as an address that holds it.

    Example:
        >>> data_uri(b"hello", "text/plain")
        'data:text/plain;base64,aGVsbG8='
    """
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")
