"""Pictures of a video file at given times, exactly.

A naive seek gives a key-frame, which can lie many pictures before the one asked for. Here decoding
starts at the last key-frame at or before the time asked for and goes forward until the next picture
would be too late; that the first decoded picture is early enough is checked, not assumed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from avlib.video.probe import MediaIndex, VideoError, media_index, open_media

# More than this in one array is a mistake rather than a wish (a whole film, say).
MAX_BYTES = 4 * 2**30
_UNTAGGED = 2  # AVCOL_SPC_UNSPECIFIED: the file does not say which colour matrix it uses


def read_frames(
    path: str | os.PathLike[str],
    times_s: Sequence[float | int] | np.ndarray | None = None,
    *,
    indices: Sequence[int] | np.ndarray | None = None,
    size: int | tuple[int, int] | None = None,
) -> UInt8[np.ndarray, "frame height width 3"]:
    """Read the pictures shown at some times, or those with some numbers.

    The picture at time t is the one on the screen: the last whose time stamp is at most t (up to
    the rounding of time stamps). This holds for variable frame rates too.

    Args:
        path: the video file.
        times_s: seconds after the first picture, in any order, repeats allowed.
        indices: picture numbers from 0, instead of times.
        size: height and width; or the length of the shorter side, the aspect kept; or None, as
            stored.

    Returns:
        RGB pictures in the order asked.

    Raises:
        VideoError: not a whole video file, a time or number outside it, or more than 4 GiB.
        ValueError: neither or both of times and numbers.

    Example:
        >>> import tempfile
        >>> from avlib.video import write_video
        >>> film = np.repeat(np.arange(0, 200, 40, dtype=np.uint8), 32 * 32 * 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_video(f"{folder}/a.mp4", film.reshape(5, 32, 32, 3), fps=4)
        ...     found = read_frames(f"{folder}/a.mp4", [0.3, 0.0, 1.0])
        >>> found.shape, (found.mean((1, 2, 3)) / 40).round().astype(int).tolist()
        ((3, 32, 32, 3), [1, 0, 4])
    """
    if (times_s is None) == (indices is None):
        raise ValueError("give either times_s or indices")
    if indices is not None:
        times_s = _times_of(path, indices)
    times = np.asarray(times_s, dtype=np.float64).reshape(-1)
    order = np.argsort(times, kind="stable")
    index = _with_pictures(path)
    height, width = _target(index, size)
    _check_bytes(path, len(times), height, width)
    out = np.empty((len(times), height, width, 3), np.uint8)
    for place, frame in zip(order, iter_frames(path, times[order], size=size), strict=True):
        out[place] = frame
    return out


def iter_frames(
    path: str | os.PathLike[str],
    times_s: Sequence[float | int] | np.ndarray,
    *,
    size: int | tuple[int, int] | None = None,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Give the pictures shown at ascending times one by one, holding one at a time.

    Args:
        path: the video file.
        times_s: ascending seconds after the first picture, repeats allowed.
        size: as for `read_frames`.

    Yields:
        RGB pictures.

    Raises:
        VideoError: as for `read_frames`.
        ValueError: times that descend.
    """
    index = _with_pictures(path)
    times = np.asarray(times_s, dtype=np.float64).reshape(-1)
    if (np.diff(times) < 0).any():
        raise ValueError("times_s must ascend; read_frames takes any order")
    _check_times(index, times)
    height, width = _target(index, size)
    with _Reader(index) as reader:
        scaler = VideoReformatter()
        shown, picture = None, np.empty(0)
        for time in times:
            frame = reader.at(float(time))
            if frame is not shown:
                shown, picture = frame, _to_rgb(scaler, frame, height, width)
            yield picture


class _Reader:
    """Decodes forward, jumping only to key-frames."""

    def __init__(self, index: MediaIndex) -> None:
        self.index = index
        self.opened = ExitStack()
        self.frames: Iterator[av.VideoFrame] | None = None
        self.held: av.VideoFrame | None = None
        self.coming: av.VideoFrame | None = None

    def __enter__(self) -> "_Reader":
        self._open()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self.opened.__exit__(*error)

    def _open(self) -> None:
        """Open the file, again if it is open: the one jump to the beginning that always works."""
        assert self.index.video is not None
        self.opened.close()
        self.container = self.opened.enter_context(open_media(self._name))
        self.stream = self.container.streams[self.index.video]
        self.stream.codec_context.thread_count = 1  # workers are many; one thread each
        self._decode()

    def _decode(self) -> None:
        self.frames = cast(Iterator[av.VideoFrame], self.container.decode(self.stream))
        self.held, self.coming = None, None

    def at(self, time: float) -> av.VideoFrame:
        """The picture on the screen at `time`; times must ascend from call to call."""
        limit = time + self.index.slack_s
        keys = self.index.key_times
        key = int(np.searchsorted(keys, limit, side="right")) - 1
        if self.held is None or (self.coming is not None and keys[key] > self._time(self.coming)):
            self._start(key, limit)
        while self.coming is not None and self._time(self.coming) <= limit:
            self.held, self.coming = self.coming, self._next()
        if self.held is None or self._time(self.held) > limit:
            raise VideoError(
                f"{self._name}: no picture at {time:.3f} s can be decoded; re-encode it"
            )
        return self.held

    def _start(self, key: int, limit: float) -> None:
        """Begin at key-frame number `key`, or an earlier one if that turns out too late."""
        for number in range(key, 0, -1):
            # some containers look for the time it is shown (MP4), some for the time it is decoded
            # (MPEG-TS, where the other lands too late)
            for stamp in self.index.key_stamps[number]:
                self.coming = self._next() if self._seek(int(stamp)) else None
                if self.coming is not None and self._time(self.coming) <= limit:
                    return
        self._open()
        self.coming = self._next()

    def _seek(self, stamp: int) -> bool:
        """Jump to the last key-frame at or before a time stamp; False where the format cannot."""
        try:
            self.container.seek(stamp, stream=self.stream, backward=True)
        except av.error.PermissionError:  # FFmpeg's "operation not permitted"
            return False
        self._decode()
        return True

    def _next(self) -> av.VideoFrame | None:
        assert self.frames is not None
        frame = next(self.frames, None)
        if frame is not None and frame.is_corrupt:
            raise VideoError(
                f"{self._name}: its pictures are damaged near {self._time(frame):.2f} s; copy or "
                "download it again"
            )
        return frame

    def _time(self, frame: av.VideoFrame) -> float:
        if frame.time is None:
            raise VideoError(
                f"{self._name}: its pictures carry no times; put it into an MP4 first: "
                "ffmpeg -i FILE -c copy fixed.mp4"
            )
        return frame.time - self.index.origin_s

    @property
    def _name(self) -> str:
        return self.index.info.path


def frame_size(height: int, width: int, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Height and width after resizing to `size`, as torchvision's `Resize` rounds.

    Example:
        >>> frame_size(360, 640, 224), frame_size(360, 640, (128, 128)), frame_size(360, 640, None)
        ((224, 398), (128, 128), (360, 640))
    """
    if size is None:
        return height, width
    if isinstance(size, tuple):
        return size
    if height <= width:
        return size, int(size * width / height)
    return int(size * height / width), size


def _to_rgb(
    scaler: VideoReformatter, frame: av.VideoFrame, height: int, width: int
) -> UInt8[np.ndarray, "height width 3"]:
    """Resize, convert to RGB with the file's own colour matrix, and apply the phone's rotation."""
    turns = round(frame.rotation / 90) % 4
    if turns % 2:
        height, width = width, height
    shrink = height * width < frame.height * frame.width
    matrix = None
    if frame.colorspace == _UNTAGGED and frame.height >= 720:
        matrix = 1  # BT.709: what every player assumes for untagged high definition
    picture = scaler.reformat(
        frame,
        format="rgb24",
        width=width,
        height=height,
        src_colorspace=matrix,
        interpolation="AREA" if shrink else "BICUBIC",
    ).to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _with_pictures(path: str | os.PathLike[str]) -> MediaIndex:
    index = media_index(path)
    if index.video is None:
        raise VideoError(f"{index.info.path}: has sound but no pictures; give a video file")
    return index


def _target(index: MediaIndex, size: int | tuple[int, int] | None) -> tuple[int, int]:
    assert index.info.height is not None
    assert index.info.width is not None
    return frame_size(index.info.height, index.info.width, size)


def _check_bytes(path: str | os.PathLike[str], count: int, height: int, width: int) -> None:
    need = count * height * width * 3
    if need > MAX_BYTES:
        raise VideoError(
            f"{path}: {count} pictures of {width}x{height} need {need / 2**30:.1f} GiB; "
            "ask for fewer seconds or pictures, or a smaller size=, or use iter_frames"
        )


def _check_times(index: MediaIndex, times: np.ndarray) -> None:
    if not len(times):
        return
    info = index.info
    assert info.video_seconds is not None
    if not np.isfinite(times).all() or times[0] < -index.slack_s:
        raise VideoError(f"{info.path}: asked for a time before its first picture: {times[0]} s")
    # a time that rounds to the very end belongs to the last picture's successor: too late
    if times[-1] >= info.video_seconds - 1e-9:
        raise VideoError(
            f"{info.path}: asked for the picture at {times[-1]:.3f} s, but its pictures end at "
            f"{info.video_seconds:.3f} s; ask for an earlier time or a shorter clip"
        )


def _times_of(path: str | os.PathLike[str], indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """Times of picture numbers, from the index (so exact whatever the rate)."""
    index = _with_pictures(path)
    numbers = np.asarray(indices, dtype=np.int64).reshape(-1)
    count = len(index.frame_times)
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= count):
        bad = numbers[(numbers < 0) | (numbers >= count)][0]
        raise VideoError(f"{index.info.path}: has no picture {bad}; it has {count}, from 0")
    return index.frame_times[numbers]
