"""Spectrograms inside components: still pictures with exact axes, for scripts to draw over."""

import io
from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from avlib import audio
from avlib.viz.component import attribute, picture_uri

FLOOR_DB = -60.0


def pixels(
    magnitude: np.ndarray,
    rate: int,
    hop: int,
    seconds: float,
    top_hz: float | int,
    floor_db: float | int = FLOOR_DB,
    size: tuple[int, int] = (640, 240),
) -> NDArray[np.uint8]:
    """A spectrogram as a picture (height, width, 3) in magma, low frequencies at the bottom.

    The left edge is time 0, the right edge `seconds`; the bottom 0 Hz, the top `top_hz`. Power is
    averaged where several cells share a pixel and interpolated where one spans several.

    Args:
        magnitude: (freq, column); row f lies at f * rate / (2 * (rows - 1)) Hz, column k is
            centred on k * hop / rate seconds.
        rate: samples per second.
        hop: samples from column to column.
        seconds: of the sound.
        top_hz: the highest frequency shown.
        floor_db: what is black, in dB below the loudest pixel.
        size: width and height in pixels.
    """
    from matplotlib import colormaps

    rows, columns = magnitude.shape
    right = min(seconds * rate / hop, columns - 1) + 0.5
    top = min(top_hz / (rate / 2), 1.0) * (rows - 1) + 0.5
    power = Image.fromarray(np.square(np.asarray(magnitude, np.float32)))
    drawn = np.asarray(power.resize(size, Image.Resampling.BILINEAR, (0.5, 0.5, right, top)))
    decibels = 10 * np.log10(np.maximum(drawn / (drawn.max() or 1.0), 1e-12))
    colours = colormaps["magma"](np.clip(1 - decibels / floor_db, 0, 1))
    return np.ascontiguousarray((colours[::-1, :, :3] * 255).astype(np.uint8))


def magnitudes(wave: np.ndarray, window: int, hop: int) -> NDArray[np.float32]:
    """The spectrogram that the browser computes, here: centred, with zeros beyond the ends."""
    samples = torch.from_numpy(np.ascontiguousarray(wave, np.float32))
    return audio.stft(samples, window, hop, pad_mode="constant").abs().numpy()


def window_for(rate: int) -> int:
    """The power of two next to 50 ms, a window that suits music.

    Example:
        >>> window_for(11025), window_for(44100)
        (512, 2048)
    """
    return 2 ** round(np.log2(0.05 * rate))


def still(picture: NDArray[np.uint8], alt: str, quality: int = 70) -> str:
    """A picture that stands there until, or unless, a script draws something better."""
    return f'<img class="avl-still" alt="{attribute(alt)}" src="{picture_uri(picture, quality)}">'


def _ticks(top: float, wanted: int) -> list[float]:
    """Round numbers from 0 up to `top`, about as many as wanted."""
    step = next(
        round_step
        for power in range(-3, 6)
        for round_step in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if top / round_step <= wanted
    )
    return [step * k for k in range(ceil(top / step) + 1) if step * k <= top * 1.0001]


def plot(inner: str, seconds: float, top_hz: float | int, kind: str = "") -> str:
    """Axes in seconds and kHz around whatever fills the area between them.

    Args:
        inner: HTML of pictures, canvases and cursors.
        seconds: at the right edge.
        top_hz: at the upper edge.
        kind: a further class.

    Example:
        >>> '<span class="avl-tick avl-y" style="bottom:50.00%">1</span>' in plot("", 6.0, 2000.0)
        True
    """
    marks = ""
    for axis, side, end, unit, wanted in (
        ("y", "bottom", top_hz / 1000, "kHz", 6),
        ("x", "left", seconds, "s", 8),
    ):
        places = _ticks(end, wanted)
        for place in places:
            text = f"{place:g}" + (f" {unit}" if place == places[-1] else "")
            marks += (
                f'<span class="avl-tick avl-{axis}" style="{side}:{place / end:.2%}">{text}</span>'
            )
    return (
        f'<div class="avl-axes{" " + kind if kind else ""}"><div class="avl-area">{inner}</div>'
        f'<div aria-hidden="true">{marks}</div></div>'
    )


def poster(
    pictures: Sequence[tuple[str, NDArray[np.uint8]]],
    seconds: float,
    top_hz: float | int,
    frame: NDArray[np.uint8] | None = None,
) -> bytes:
    """Titled spectrograms with axes, below a frame of the film if there is one, as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = ([3.0] if frame is not None else []) + [2.2] * len(pictures)
    drawing = Figure(figsize=(6, sum(heights)), layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if frame is not None:
        axes[0].imshow(frame)
        axes[0].axis("off")
    for axis, (title, picture) in zip(axes[-len(pictures) :], pictures, strict=True):
        axis.imshow(picture, extent=(0, seconds, 0, top_hz / 1000), aspect="auto")
        axis.set_title(title, fontsize=9, loc="left", parse_math=False)
        axis.set(xlabel="time (s)", ylabel="frequency (kHz)")
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=90)
    return buffer.getvalue()
