"""A clip: pictures and sound of the same stretch of a video file."""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from avlib.video.picture import read_frames
from avlib.video.probe import VideoError, probe
from avlib.video.sound import read_audio


class VideoClip(NamedTuple):
    """Pictures and sound of one stretch of video.

    Attributes:
        frames: (frame, H, W, 3) uint8 RGB.
        wave: (sample,) float32, mono.
        rate: samples per second.
    """

    frames: UInt8[np.ndarray, "frame height width 3"]
    wave: Float32[np.ndarray, " sample"]
    rate: int


def read_clip(
    path: str | os.PathLike[str],
    start_s: float | int = 0.0,
    seconds: float | int | None = None,
    *,
    fps: float | int | None = None,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    rate: int | None = None,
) -> VideoClip:
    """Read pictures and sound of one stretch, both counted from the file's first picture.

    Picture k is the one shown at `start_s + k/fps`; of the sound see `read_audio`. Only this
    stretch is decoded, so the file may be hours long.

    Args:
        path: the video file.
        start_s: where the stretch begins, s.
        seconds: its length, s; None goes on to the end of the shorter of pictures and sound.
        fps: pictures per second; round(seconds*fps) pictures are read.
        frames: how many pictures, evenly spaced, instead of `fps`. With neither, the file's own
            rate, which then must be constant.
        size: (height, width); or the shorter side, aspect kept; or None, as stored.
        rate: samples per second; None keeps the file's.

    Returns:
        VideoClip: pictures, waveform, rate.

    Raises:
        VideoError: no pictures, no sound, shorter than asked, cut off, not a video; or a variable
            frame rate where neither `fps` nor `frames` is given.
        ValueError: both `fps` and `frames`, or none or less than one picture.

    Example:
        >>> import tempfile
        >>> from avlib.video import write_video
        >>> pictures, silence = np.zeros((8, 32, 32, 3), np.uint8), np.zeros(11025, np.float32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_video(f"{folder}/a.mp4", pictures, 8, silence, 11025)
        ...     clip = read_clip(f"{folder}/a.mp4", 0.25, 0.5, fps=4)
        >>> clip.frames.shape, clip.wave.shape, clip.rate
        ((2, 32, 32, 3), (5512,), 11025)
    """
    if fps is not None and frames is not None:
        raise ValueError("give fps or frames, not both")
    info = probe(path)
    if info.fps is None:
        raise VideoError(f"{info.path}: has sound but no pictures; give a video file")
    if info.rate is None:
        raise VideoError(
            f"{info.path}: has pictures but no sound; give a file with a sound track, or use "
            "read_frames"
        )
    seconds = info.seconds - start_s if seconds is None else seconds
    if not (seconds > 0 and start_s >= 0 and start_s + seconds <= info.seconds + 1e-3):
        raise VideoError(
            f"{info.path}: asked for {start_s:.3f} to {start_s + seconds:.3f} s, but pictures and "
            f"sound together reach from 0 to {info.seconds:.3f} s; ask for less or earlier"
        )
    if fps is None and frames is None:
        if not info.constant_rate:
            raise VideoError(
                f"{info.path}: its frame rate varies; say fps= or frames= (pictures are then "
                "chosen by their time stamps), or re-encode it: ffmpeg -i FILE -r 30 fixed.mp4"
            )
        fps = info.fps
    count = frames if frames is not None else round(seconds * fps)  # type: ignore[operator]
    if count < 1:
        raise ValueError(f"{seconds} s at {fps} pictures per second is less than one picture")
    step = 1 / fps if fps is not None else seconds / count
    times = start_s + np.arange(count) * step
    wave, rate = read_audio(path, rate, start_s, seconds)
    return VideoClip(read_frames(path, times, size=size), wave, rate)
