"""Writing ordinary MP4 files: H.264 pictures, AAC sound."""

import io
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Float

from avlib.video.probe import VideoError

_BT709 = 1  # FFmpeg's number for that colour matrix, primaries and curve
AAC_RATES = (
    7350,
    8000,
    11025,
    12000,
    16000,
    22050,
    24000,
    32000,
    44100,
    48000,
    64000,
    88200,
    96000,
)


def write_video(
    path: str | os.PathLike[str],
    frames: np.ndarray | Iterable[np.ndarray],
    fps: float | int,
    wave: Float[np.ndarray, " sample"] | None = None,
    rate: int | None = None,
    *,
    crf: int = 18,
    preset: str = "veryfast",
) -> None:
    """Write pictures and, if given, sound to an MP4 file that any player and browser plays.

    The file is written under a temporary name beside its place and renamed, so it is complete or
    absent. Sound sample j belongs to time j/rate, picture k to k/fps, and both come back so from
    `read_clip`. The same arguments give the same pictures on every run (one encoder thread).

    Args:
        path: where to; must end in .mp4 (.m4v, .mov); a file that is there is replaced.
        frames: (frame, H, W, 3) uint8 RGB, or an iterable of (H, W, 3): a generator needs no memory
            for the whole. Height and width must be even: H.264 (yuv420p) stores colour for blocks
            of 2 x 2, and a silent pad or crop would shift boxes and joints.
        fps: pictures per second.
        wave: (sample,) mono in [-1, 1]; what lies outside is clipped.
        rate: samples per second; one that AAC knows (8000, 11025, 16000, 22050, 44100, 48000 ...).
        crf: quality of H.264, lower is better (0 to 51).
        preset: speed of libx264.

    Raises:
        VideoError: odd sizes, no pictures, wrong types, sound without rate or the reverse, a rate
            that AAC does not know, sound and pictures of different lengths, a missing folder, a
            full disk.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_video(f"{folder}/a.mp4", np.zeros((3, 32, 32, 3), np.uint8), fps=4)
        ...     sorted(os.listdir(folder))
        ['a.mp4']
    """
    file = Path(path)
    if file.suffix.lower() not in {".mp4", ".m4v", ".mov"}:
        raise VideoError(f"{file}: give a name that ends in .mp4")
    if not file.parent.is_dir():
        raise VideoError(f"{file}: there is no folder {file.parent}; make it first")
    _check_sound(str(file), wave, rate)
    handle, name = tempfile.mkstemp(suffix=".tmp.mp4", prefix=f".{file.stem}-", dir=file.parent)
    os.close(handle)
    try:
        encode(name, str(file), frames, fps, wave, rate, crf=crf, preset=preset)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, file)
    except av.error.FFmpegError as err:
        raise VideoError(
            f"{file}: could not be written: {err.strerror}; is the disk full?"
        ) from err
    finally:
        Path(name).unlink(missing_ok=True)


def encode(
    target: str | io.BytesIO,
    name: str,
    frames: np.ndarray | Iterable[np.ndarray],
    fps: float | int,
    wave: np.ndarray | None,
    rate: int | None,
    *,
    crf: int = 18,
    preset: str = "veryfast",
) -> None:
    """Encode to a path or to memory; `name` is what errors call it. See `write_video`."""
    if not (math.isfinite(fps) and fps > 0):
        raise VideoError(f"{name}: the frame rate must be positive, not {fps}")
    pictures = _checked(name, frames)
    first = next(pictures, None)
    if first is None:
        raise VideoError(f"{name}: no pictures to write")
    per_second = Fraction(fps).limit_denominator(1001)
    with av.open(target, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=per_second)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        video.options = {"crf": str(crf), "preset": preset}
        video.codec_context.thread_count = 1
        # Tagged, so that every player turns the colours back with the matrix they were made with.
        video.codec_context.colorspace = _BT709
        video.codec_context.color_primaries = _BT709
        video.codec_context.color_trc = _BT709
        video.codec_context.color_range = 1  # 16 to 235, as players expect
        audio = None
        if wave is not None:
            audio = container.add_stream("aac", rate=rate)
            audio.layout = "mono"
            audio.bit_rate = min(128_000, 5 * int(rate or 0))
        count, scaler = 0, VideoReformatter()  # one for all: making one takes 6 ms
        for picture in _chain(first, pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = scaler.reformat(frame, format="yuv420p", dst_colorspace=_BT709)
            frame.pts, frame.time_base = count, 1 / per_second
            container.mux(video.encode(frame))
            count += 1
        container.mux(video.encode(None))
        if audio is not None and wave is not None and rate is not None:
            _check_lengths(name, count, float(per_second), len(wave), rate)
            block = np.clip(wave, -1, 1).astype(np.float32)[None]
            sound = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = rate, 0, Fraction(1, rate)
            container.mux(audio.encode(sound))
            container.mux(audio.encode(None))


def _chain(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _checked(name: str, frames: np.ndarray | Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures one by one, each checked."""
    shape = None
    for number, frame in enumerate(frames):
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
            kind = frame.dtype if isinstance(frame, np.ndarray) else type(frame).__name__
            raise VideoError(f"{name}: picture {number} is {kind}; give uint8 arrays (H, W, 3)")
        if frame.ndim != 3 or frame.shape[2] != 3:
            raise VideoError(f"{name}: picture {number} is {frame.shape}; give (H, W, 3)")
        height, width = frame.shape[:2]
        if height % 2 or width % 2 or not height or not width:
            raise VideoError(
                f"{name}: pictures are {width}x{height}; H.264 needs even sizes: crop or pad them "
                f"to {width + width % 2}x{height + height % 2}"
            )
        if shape not in (None, frame.shape):
            raise VideoError(f"{name}: picture {number} is {frame.shape}, those before {shape}")
        shape = frame.shape
        yield np.ascontiguousarray(frame)


def _check_sound(name: str, wave: np.ndarray | None, rate: int | None) -> None:
    if (wave is None) != (rate is None):
        raise VideoError(f"{name}: sound and its rate belong together; give both or neither")
    if wave is None:
        return
    if rate not in AAC_RATES:
        raise VideoError(
            f"{name}: AAC has no rate of {rate} samples per second; resample to one of {AAC_RATES}"
        )
    if wave.ndim != 1 or not len(wave):
        raise VideoError(f"{name}: the sound is {wave.shape}; give one channel (sample,)")
    if not np.isfinite(wave).all():
        raise VideoError(f"{name}: the sound holds values that are not finite")


def _check_lengths(name: str, count: int, fps: float | int, samples: int, rate: int) -> None:
    pictures, sound = count / fps, samples / rate
    if abs(pictures - sound) > 1 / fps + 0.1:
        raise VideoError(
            f"{name}: {pictures:.3f} s of pictures but {sound:.3f} s of sound; check fps and rate, "
            "or cut the longer"
        )


def _umask() -> int:
    """The user's file-creation mask (there is no way to read it without setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
