"""What a media file holds: one pass over its packets, nothing decoded but the first sound frame.

The pass collects every picture's time and every key-frame's time. So the number of pictures, their
rate, whether it is constant, and whether the file ends before its own header says are known rather
than guessed, and decoding can start at the right key-frame.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

# A header may name an end that its last packet misses by rounding; beyond this the file is cut off.
_TRUNCATED_S = 0.5


class VideoError(ValueError):
    """A media file cannot give what was asked; the message names the file and the remedy."""


@dataclass(frozen=True)
class Probe:
    """What a media file holds. Times are in seconds after the first picture.

    Attributes:
        path: the file.
        seconds: the length that both pictures and sound cover (the one that is there, otherwise).
        width: pixels as displayed, rotation applied; None without video, as all of the next.
        height: idem.
        fps: pictures per second, on average.
        frames: number of pictures.
        constant_rate: whether picture k is shown at k/fps, up to the rounding of time stamps.
        video_seconds: end of the last picture.
        video_codec: as FFmpeg names it.
        rate: samples per second; None without sound, as all of the next.
        channels: sound channels.
        audio_start_s: when the sound begins; negative if before the first picture.
        audio_seconds: when the sound ends.
        audio_codec: as FFmpeg names it.
    """

    path: str
    seconds: float
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    frames: int | None = None
    constant_rate: bool | None = None
    video_seconds: float | None = None
    video_codec: str | None = None
    rate: int | None = None
    channels: int | None = None
    audio_start_s: float | None = None
    audio_seconds: float | None = None
    audio_codec: str | None = None


@dataclass(frozen=True)
class MediaIndex:
    """A `Probe` and what decoding needs besides.

    Attributes:
        info: what the file holds.
        origin_s: stream time of the first picture (of the first sound where there is no video).
        frame_times: of every picture, ascending, s after the origin.
        key_times: of every picture that decoding can start at.
        key_stamps: when each is shown and when it is decoded, in units of the stream.
        slack_s: how far a picture's time stamp may be rounded.
        video: index of the video stream, or None.
        audio: index of the audio stream, or None.
        audio_tick_s: unit of the sound's time stamps.
    """

    info: Probe
    origin_s: float
    frame_times: np.ndarray = field(repr=False)
    key_times: np.ndarray = field(repr=False)
    key_stamps: np.ndarray = field(repr=False)
    slack_s: float
    video: int | None
    audio: int | None
    audio_tick_s: float


@contextmanager
def open_media(path: str | os.PathLike[str]) -> Iterator["av.container.InputContainer"]:
    """Open a media file; FFmpeg's errors inside the block become `VideoError`.

    Raises:
        VideoError: the file is missing, a folder, empty, or nothing that FFmpeg can read.
    """
    file = Path(path)
    if file.is_dir():
        raise VideoError(f"{file}: is a folder; give the video file inside it")
    if not file.exists():
        raise VideoError(f"{file}: no such file; check the path")
    if file.stat().st_size == 0:
        raise VideoError(f"{file}: is empty (0 bytes); copy or download it again")
    try:
        with av.open(str(file)) as container:
            yield container
    except av.error.FFmpegError as err:
        if not os.access(file, os.R_OK):
            raise VideoError(f"{file}: may not be read; change its permissions") from err
        raise VideoError(
            f"{file}: not a video or sound file, or cut off or damaged ({err.strerror}); copy or "
            f"download it again, or re-encode it: ffmpeg -i '{file.name}' fixed.mp4"
        ) from err


def probe(path: str | os.PathLike[str]) -> Probe:
    """Say what a media file holds: sizes, rates, lengths, codecs.

    Reads (but does not decode) the whole file once; the answer is kept while the file is unchanged.

    Args:
        path: any media file FFmpeg can read.

    Returns:
        Probe: see there.

    Raises:
        VideoError: missing, not a media file, cut off, or without any video and sound.

    Example:
        >>> import tempfile, numpy as np
        >>> from avlib.video import write_video
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_video(f"{folder}/a.mp4", np.zeros((5, 32, 48, 3), np.uint8), fps=10)
        ...     found = probe(f"{folder}/a.mp4")
        >>> found.frames, found.fps, found.width, found.height, found.seconds, found.rate
        (5, 10.0, 48, 32, 0.5, None)
    """
    return media_index(path).info


def media_index(path: str | os.PathLike[str]) -> MediaIndex:
    """The index of a file, made once and kept until the file changes (see `probe`)."""
    try:
        stat = os.stat(path)
    except OSError:
        stat = None  # `open_media` says what is wrong
    stamp = (stat.st_mtime_ns, stat.st_size) if stat else None
    return _indexed(os.fspath(path), stamp)


@functools.lru_cache(maxsize=64)
def _indexed(path: str, stamp: tuple[int, int] | None) -> MediaIndex:
    with open_media(path) as container:
        video = next((s for s in container.streams.video if not _is_cover(s)), None)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise VideoError(f"{path}: has neither pictures nor sound; give a video file")
        streams = [s for s in (video, audio) if s is not None]
        packets = _scan(container, streams)
        _check_whole(path, container, streams, packets)
        times = keys = stamps_of_keys = np.empty(0)
        facts: dict = {}
        origin = slack = 0.0
        if video is not None:
            table = packets[video.index]
            if not table.shown.any():
                raise VideoError(f"{path}: its video track has no pictures; export it again")
            times = np.sort(table.times[table.shown])
            origin = float(times[0])
            times = times - origin
            order = np.flatnonzero(table.keys)[np.argsort(table.times[table.keys], kind="stable")]
            keys, stamps_of_keys = table.times[order] - origin, table.stamps[order]
            slack, facts = _video_facts(path, video, times, table.last_s)
        tick = 0.0
        if audio is not None:
            found, tick, origin = _audio_facts(
                path, audio, None if video is None else origin, packets
            )
            facts |= found
        # taken here: a stream's fields are gone once its file is closed
        numbers = [None if s is None else s.index for s in (video, audio)]
    ends = [facts[k] for k in ("video_seconds", "audio_seconds") if k in facts]
    return MediaIndex(
        info=Probe(path=path, seconds=min(ends), **facts),
        origin_s=origin,
        frame_times=times,
        key_times=keys,
        key_stamps=stamps_of_keys,
        slack_s=slack,
        video=numbers[0],
        audio=numbers[1],
        audio_tick_s=tick,
    )


def _is_cover(stream: "av.video.stream.VideoStream") -> bool:
    """Whether a video track is only the cover picture of a song."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


class _Packets(NamedTuple):
    """The packets of one stream, in the file's order.

    Attributes:
        times: when each is shown, s.
        stamps: when each is shown and when it is decoded, in units of the stream.
        shown: whether it is shown at all (an edit list may hide it).
        keys: whether decoding can start with it.
        last_s: how long the one shown last lasts; 0 if not known.
    """

    times: np.ndarray
    stamps: np.ndarray
    shown: np.ndarray
    keys: np.ndarray
    last_s: float


def _scan(container: "av.container.InputContainer", streams: list) -> dict[int, _Packets]:
    """The packets of each stream.

    Those without a presentation time fall back on the decoding time (AVI writes only that).
    """
    rows: dict[int, list[tuple[int, int, bool, bool, int]]] = {s.index: [] for s in streams}
    for packet in container.demux(streams):
        shown = packet.pts if packet.pts is not None else packet.dts
        decoded = packet.dts if packet.dts is not None else packet.pts
        if shown is None or decoded is None:  # the empty packet at the end
            continue
        flags = not packet.is_discard, bool(packet.is_keyframe)
        rows[packet.stream_index].append((shown, decoded, *flags, packet.duration or 0))
    found = {}
    for stream in streams:
        table = np.array(rows[stream.index], dtype=np.int64).reshape(-1, 5)
        unit = float(stream.time_base)
        last = float(table[np.argmax(table[:, 0]), 4]) * unit if len(table) else 0.0
        found[stream.index] = _Packets(
            table[:, 0] * unit, table[:, :2], table[:, 2] > 0, table[:, 3] > 0, last
        )
    return found


def _check_whole(
    path: str, container: "av.container.InputContainer", streams: list, packets: dict[int, _Packets]
) -> None:
    """Raise where the packets end before the header says."""
    reached = []
    for stream in streams:
        table = packets[stream.index]
        if not len(table.times):
            raise VideoError(f"{path}: its {stream.type} track is empty; copy or export it again")
        end, last = float(table.times.max()) + table.last_s, table.last_s
        reached.append(end)
        if stream.duration is None:
            continue
        start = stream.start_time if stream.start_time is not None else 0
        promised = float((start + stream.duration) * stream.time_base)
        if promised - end > max(_TRUNCATED_S if stream.type == "audio" else 0.0, 1.5 * last, 0.05):
            _raise_truncated(path, stream.type, end, promised)
    if reached and container.duration is not None:
        # some formats count the duration from the first packet, Matroska from zero: take the less
        promised = (min(container.start_time or 0, 0) + container.duration) / 1_000_000
        if promised - max(reached) > _TRUNCATED_S:
            _raise_truncated(path, "file", max(reached), promised)


def _raise_truncated(path: str, what: str, end: float, promised: float) -> None:
    raise VideoError(
        f"{path}: is cut off: its {what} ends at {end:.2f} s, its header says {promised:.2f} s; "
        f"copy or download it again, or keep what is there: ffmpeg -i '{Path(path).name}' fixed.mp4"
    )


def _video_facts(
    path: str, video: "av.video.stream.VideoStream", times: np.ndarray, last: float
) -> tuple[float, dict]:
    """Rate, regularity and size of the pictures; and the slack of their time stamps (s)."""
    tick = float(video.time_base or 1)
    declared = float(video.average_rate) if video.average_rate else None
    fitted = (len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else declared
    if fitted is None:
        fitted = 1 / last if last > 0 else 25.0
    constant, fps = False, fitted
    for candidate in (declared, fitted):
        if candidate is None:
            continue
        off = np.abs(times - np.arange(len(times)) / candidate).max()
        if off <= max(1.01 * min(tick, 0.25 / candidate), 1e-4 / candidate):
            constant, fps = True, candidate
            break
    end = float(times[-1]) + (1 / fps if constant or last <= 0 else last)
    first = _first_frame(path, video.index)
    turned = first.rotation % 180 != 0
    facts = {
        "width": first.height if turned else first.width,
        "height": first.width if turned else first.height,
        "fps": fps,
        "frames": len(times),
        "constant_rate": constant,
        "video_seconds": end,
        "video_codec": video.codec_context.name,
    }
    return max(1e-6, min(tick, 0.25 / fps)), facts


def _first_frame(path: str, stream: int) -> Any:
    """Decode the first frame of a stream: an `av.VideoFrame` or `av.AudioFrame`."""
    with open_media(path) as container:
        track = container.streams[stream]
        track.codec_context.thread_count = 1
        first = next(container.decode(track), None)
        if first is None:
            raise VideoError(
                f"{path}: its {track.type} track holds nothing that can be decoded; export it again"
            )
        return first


def _audio_facts(
    path: str,
    stream: "av.audio.stream.AudioStream",
    origin: float | None,
    packets: dict[int, _Packets],
) -> tuple[dict, float, float]:
    """Rate, channels, start and end of the sound, from its first decoded frame and its packets."""
    table = packets[stream.index]
    first = _first_frame(path, stream.index)
    start = float(first.time or 0.0)
    origin = start if origin is None else origin
    facts = {
        "rate": int(first.sample_rate),
        "channels": len(first.layout.channels),
        "audio_start_s": start - origin,
        "audio_seconds": float(table.times.max()) + table.last_s - origin,
        "audio_codec": stream.codec_context.name,
    }
    return facts, float(stream.time_base or 1), origin
