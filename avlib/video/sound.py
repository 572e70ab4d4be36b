"""The sound of a media file, on the pictures' time axis, exact to the sample.

Encoders put samples before the first (AAC and MP3 "priming"), and streams may start at different
times. FFmpeg drops the priming and stamps every decoded block; here each block is put where its
stamp says, counted in samples from the first picture. That is
exact where stamps are as fine as samples, or both streams start at zero (so for all that this
package writes). Matroska and WebM stamp whole milliseconds, and MP4 start delays usually too: there
a track that starts late may be off by up to 1 ms, because the file does not say more.

Rates are converted with `torchaudio.functional.resample`, not libswresample: its filter is
symmetric about each output sample, so output sample j is the sound at j/rate exactly, whatever part
of the file is read, and reading a part gives the same numbers as cutting the whole.
"""

import functools
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, cast

import av
import numpy as np
import torch
from jaxtyping import Float32
from torchaudio.transforms import Resample

from avlib.video.probe import MediaIndex, VideoError, media_index, open_media

# Up to here sound is decoded from the beginning, so that a part is bit for bit the part of the
# whole; later a jump saves time, and only AAC's substituted noise (random in the decoder) differs.
_JUMP_S = 30.0
# Lossy codecs need a few blocks before the wanted ones to sound right after a jump.
_PREROLL_S = 0.5
# Two sound blocks may miss each other by rounding; more is a hole in the recording.
_GAP_S = 0.01
# What may be missing at the end without being noticed: rounding of lengths, not more.
_SHORT_S = 0.001
_FILTER_WIDTH = 32


class Sound(NamedTuple):
    """A mono waveform (sample,), float32 in about [-1, 1], and its samples per second."""

    wave: Float32[np.ndarray, " sample"]
    rate: int


def read_audio(
    path: str | os.PathLike[str],
    rate: int | None = None,
    start_s: float | int = 0.0,
    seconds: float | int | None = None,
) -> Sound:
    """Read the sound of a video or sound file as mono, on the pictures' time axis.

    Sample j is the sound at (round(start_s*rate) + j)/rate seconds after the first picture (after
    the first sample where there is no video). Where the sound starts after the first picture, what
    comes before is silence, as in any player. Channels are averaged.

    Args:
        path: any file FFmpeg can read.
        rate: samples per second wanted; None keeps the file's.
        start_s: where to begin, s.
        seconds: how long, s; None reads to the end.

    Returns:
        Sound: `wave` of round(seconds*rate) samples, and its rate.

    Raises:
        VideoError: no sound, shorter than asked, a hole in the recording, damaged or missing.

    Example:
        >>> import tempfile
        >>> from avlib.video import write_video
        >>> wave = np.sin(np.arange(4410) / 10).astype(np.float32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_video(f"{folder}/a.mp4", np.zeros((4, 32, 32, 3), np.uint8), 10, wave, 11025)
        ...     part = read_audio(f"{folder}/a.mp4", start_s=0.1, seconds=0.2)
        >>> part.wave.shape, part.rate
        ((2205,), 11025)
        >>> bool(np.corrcoef(part.wave, wave[1102:3307])[0, 1] > 0.99)  # AAC loses a little
        True
    """
    index = media_index(path)
    info = index.info
    if index.audio is None or info.rate is None or info.audio_seconds is None:
        raise VideoError(f"{info.path}: has no sound; give a file with a sound track")
    rate = info.rate if rate is None else rate
    if rate < 1:
        raise ValueError(f"rate must be at least 1 sample per second, not {rate}")
    if not start_s >= 0:
        raise VideoError(f"{info.path}: asked for sound from {start_s} s; start at 0 or later")
    left = info.audio_seconds - start_s
    seconds = max(left, 0.0) if seconds is None else seconds
    if seconds <= 0 or seconds > left + _SHORT_S:
        raise VideoError(
            f"{info.path}: asked for sound from {start_s:.3f} to {start_s + seconds:.3f} s, but it "
            f"ends at {info.audio_seconds:.3f} s; ask for a shorter or earlier part"
        )
    first, count = round(start_s * rate), round(seconds * rate)
    if rate == info.rate:
        return Sound(_samples(path, index, first, first + count), rate)
    return Sound(_resampled(path, index, first, count, rate), rate)


def resample(
    wave: Float32[np.ndarray, "*channels sample"], rate: int, new_rate: int
) -> Float32[np.ndarray, "*channels new_sample"]:
    """Change the rate of a waveform; sample j of the result is the sound at j/new_rate.

    Args:
        wave: waveform(s), time last.
        rate: its samples per second.
        new_rate: samples per second wanted.

    Returns:
        ceil(sample*new_rate/rate) samples; `wave` itself if the rates agree.

    Example:
        >>> resample(np.ones(48000, np.float32), 48000, 11025).shape
        (11025,)
    """
    if rate == new_rate:
        return wave
    with torch.no_grad():
        return _resampler(rate, new_rate)(torch.from_numpy(np.ascontiguousarray(wave))).numpy()


@functools.lru_cache(maxsize=16)
def _resampler(rate: int, new_rate: int) -> Resample:
    """A windowed-sinc filter, made once for each pair of rates."""
    return Resample(rate, new_rate, lowpass_filter_width=_FILTER_WIDTH)


def _resampled(
    path: str | os.PathLike[str], index: MediaIndex, first: int, count: int, rate: int
) -> Float32[np.ndarray, " sample"]:
    """Samples first .. first+count of the file's sound at `rate`.

    The grids of the two rates meet every rate/gcd output samples. Reading starts at such a meeting
    point, early enough for the filter, so the result does not depend on where reading starts.
    """
    assert index.info.rate is not None
    common = math.gcd(rate, index.info.rate)
    old, new = index.info.rate // common, rate // common
    margin = _FILTER_WIDTH * (math.ceil(max(old, new) / new) + 1)  # output samples
    block = max(0, (first - margin) // new)
    blocks_end = -(-(first + count + margin) // new)
    wave = _samples(path, index, block * old, blocks_end * old)
    begin = first - block * new
    return resample(wave, old, new)[begin : begin + count]


def _samples(
    path: str | os.PathLike[str], index: MediaIndex, first: int, stop: int
) -> Float32[np.ndarray, " sample"]:
    """Samples first .. stop of the file's own rate, counted from the origin; zeros outside it."""
    out = np.zeros(stop - first, np.float32)
    info = index.info
    assert info.rate is not None
    assert index.audio is not None
    with open_media(path) as container:
        stream = cast("av.audio.stream.AudioStream", container.streams[index.audio])
        place = None
        for frame in _blocks(container, stream, index, first / info.rate):
            if frame.sample_rate != info.rate:
                raise VideoError(f"{info.path}: its sound changes its rate; re-encode it")
            place = _placed(index, frame, place)
            wave = _mono(frame)
            low, high = max(first, place), min(stop, place + len(wave))
            if high > low:
                out[low - first : high - first] = wave[low - place : high - place]
            place += len(wave)
            if place >= stop:
                break
    return out


def _blocks(
    container: "av.container.InputContainer",
    stream: "av.audio.stream.AudioStream",
    index: MediaIndex,
    start_s: float | int,
) -> Iterator[av.AudioFrame]:
    """Decoded blocks from at or before `start_s`."""
    assert index.info.rate is not None
    # Time stamps coarser than a sample (Matroska, WebM, AVI) cannot place a block: count from 0.
    exact = index.audio_tick_s <= 1.001 / index.info.rate
    begin = start_s - _PREROLL_S
    if exact and begin > max(_JUMP_S, (index.info.audio_start_s or 0.0) + _PREROLL_S):
        stamp = int((begin + index.origin_s) / float(stream.time_base or 1))
        frames: Iterator[av.AudioFrame] = iter(())
        with suppress(av.error.PermissionError):  # FFmpeg's answer where a format cannot jump
            container.seek(stamp, stream=stream, backward=True)
            frames = cast(Iterator[av.AudioFrame], container.decode(stream))
        head = next(frames, None)
        if head is not None and _time(index, head) <= start_s - _PREROLL_S / 2:
            yield head
            yield from frames
            return
        with open_media(index.info.path) as again:  # from the beginning, then
            yield from again.decode(again.streams[stream.index])  # type: ignore[misc]
        return
    yield from container.decode(stream)


def _time(index: MediaIndex, frame: av.AudioFrame) -> float:
    if frame.time is None:
        raise VideoError(f"{index.info.path}: its sound carries no times; re-encode it")
    return frame.time - index.origin_s


def _placed(index: MediaIndex, frame: av.AudioFrame, expected: int | None) -> int:
    """Where a block goes: where its stamp says, or right after the last if that is within rounding.

    Raises:
        VideoError: a hole in the sound.
    """
    assert index.info.rate is not None
    stamped = round(_time(index, frame) * index.info.rate)
    if expected is None:
        return stamped
    off = stamped - expected
    if abs(off) <= 2 + index.audio_tick_s * index.info.rate:
        return expected
    if abs(off) > _GAP_S * index.info.rate:
        raise VideoError(
            f"{index.info.path}: its sound has a hole or overlap of {off / index.info.rate:.3f} s "
            f"at {expected / index.info.rate:.3f} s; fill it first: "
            "ffmpeg -i FILE -c:v copy -af aresample=async=1 fixed.mp4"
        )
    return stamped


def _mono(frame: av.AudioFrame) -> Float32[np.ndarray, " sample"]:
    """A block as float32 in [-1, 1], channels averaged."""
    data: Any = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    if data.dtype == np.uint8:
        wave = (data.astype(np.float32) - 128) / 128
    elif data.dtype.kind == "i":
        wave = (data / float(-np.iinfo(data.dtype).min)).astype(np.float32)
    else:
        wave = data.astype(np.float32, copy=False)
    return wave.mean(0) if len(wave) > 1 else wave[0]
