"""Players for the book: sound, sound against sound, and film with sound, each one piece of HTML.

Every function returns a `Component`: a notebook shows its HTML, a PDF its poster, a text reader its
description. The HTML carries its own sound and pictures, needs no network and no kernel, uses the
browser's own controls, and plays nothing by itself. Sounds are MP3 (25 kB for 6 s), or WAV where
the system's libsndfile cannot write MP3.
"""

import html
import io
import json
from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avlib.viz.component import (
    MP3_RATES,
    PEAK,
    Component,
    asset,
    audio_element,
    caption,
    checked_tracks,
    checked_wave,
    encode,
    joint_gain,
    picture_uri,
    style,
    unique_id,
)

__all__ = [
    "MP3_RATES",
    "PEAK",
    "Component",
    "ab_player",
    "asset",
    "audio_player",
    "encode",
    "scene_player",
    "video_player",
]

Box = Sequence[float | int] | np.ndarray


def audio_player(wave: ArrayLike, rate: int, label: str, description: str = "") -> Component:
    """One sound with the browser's own controls.

    Args:
        wave: samples (sample,), made quieter if they exceed full scale.
        rate: samples per second.
        label: the name that stands above it.
        description: what is to be heard, for who cannot hear it.

    Raises:
        ValueError: the wave is empty, not one-dimensional or not finite.

    Example:
        >>> audio_player(np.zeros(11025), 11025, "silence").text
        'Audio player: silence, 1.0 s at 11025 Hz.'
    """
    (samples,) = joint_gain([checked_wave(wave, label)])
    seconds = len(samples) / rate
    text = f"Audio player: {label}, {seconds:.1f} s at {rate} Hz."
    text += f" {description}" if description else ""
    body = caption(label) + audio_element(samples, rate, label, "avl-solo")
    if description:
        body += f'<p class="avl-note">{html.escape(description)}</p>'
    whole = f'<figure class="avl" data-seconds="{seconds:.3f}">{style("player.css")}{body}</figure>'
    return Component(whole, text, lambda: _poster({label: samples}, rate))


def ab_player(
    tracks: Mapping[str, ArrayLike],
    rate: int,
    label: str = "Compare",
    description: str = "",
    match_loudness: bool = True,
    blind: bool = True,
) -> Component:
    """Several versions of one sound, switched while they play, and a blind test.

    All tracks start on the same sample of one clock, so that switching changes nothing but the
    version. A reader who does not want to be told which version plays asks for X and guesses.

    Args:
        tracks: name -> samples (sample,), all of one length.
        rate: samples per second.
        label: the name that stands above it.
        description: what is to be heard, for who cannot hear it.
        match_loudness: bring all to the same root mean square, because louder sounds better;
            otherwise their proportions stay.
        blind: offer the blind test.

    Raises:
        ValueError: no track, tracks of different length, or one that is not a finite wave.

    Example:
        >>> tone = np.sin(np.arange(11025.0))
        >>> ab_player({"loud": tone, "quiet": tone / 4}, 11025).text
        'Player that switches between 2 sounds of 1.0 s: loud, quiet. All are played equally loud.'
    """
    waves = checked_tracks(tracks)
    loud = _matched(waves) if match_loudness else joint_gain(waves)
    note = "All are played equally loud." if match_loudness else ""
    note = " ".join(part for part in (note, description) if part)
    return _player(dict(zip(tracks, loud, strict=True)), rate, label, note, blind)


def video_player(
    frames: NDArray[np.uint8],
    fps: float,
    wave: ArrayLike,
    rate: int,
    label: str,
    description: str = "",
) -> Component:
    """A short film with its sound.

    Args:
        frames: (frame, height, width, 3) RGB; frame k is shown from k / fps seconds on.
        fps: frames per second.
        wave: samples (sample,).
        rate: samples per second.
        label: the name that stands above it.
        description: what is to be seen and heard, for who cannot.

    Raises:
        ValueError: the frames are not RGB bytes, or the wave is not a finite wave.
    """
    return scene_player(frames, fps, {label: wave}, rate, {}, label, description)


def scene_player(
    frames: NDArray[np.uint8],
    fps: float,
    tracks: Mapping[str, ArrayLike],
    rate: int,
    boxes: Mapping[str, Box],
    label: str,
    description: str = "",
) -> Component:
    """A film in which a click on a player lets that player be heard alone.

    Args:
        frames: (frame, height, width, 3) RGB; frame k is shown from k / fps seconds on.
        fps: frames per second.
        tracks: name -> samples (sample,); the first is what plays at the start.
        rate: samples per second.
        boxes: name of a track -> its place in the picture, (left, top, right, bottom) in pixels.
        label: the name that stands above it.
        description: what is to be seen and heard, for who cannot.

    Raises:
        ValueError: the frames are not RGB bytes, a box names no track, or a wave is not one.
    """
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not len(frames):
        raise ValueError(
            f"frames must be bytes (frame, height, width, 3), not {frames.dtype} {frames.shape}"
        )
    if unknown := set(boxes) - set(tracks):
        raise ValueError(f"boxes name tracks that are not there: {sorted(unknown)}")
    waves = dict(zip(tracks, joint_gain(checked_tracks(tracks)), strict=True))
    stage = _stage(frames, fps, list(tracks), boxes, f"{label}. {description}".strip())
    return _player(waves, rate, label, description, blind=False, stage=stage, frames=frames)


def _player(
    waves: Mapping[str, NDArray],
    rate: int,
    label: str,
    description: str,
    blind: bool,
    stage: str = "",
    frames: NDArray[np.uint8] | None = None,
) -> Component:
    """The HTML that `player.js` brings to life, usable (plain players) where no script runs."""
    names = list(waves)
    seconds = len(waves[names[0]]) / rate
    name = unique_id("player", *names, label, description)
    parts = [style("player.css"), caption(label), stage, _bar(seconds, moving=bool(stage))]
    if len(names) > 1:
        radios = "".join(
            f'<label><input type="radio" name="{name}" value="{k}"{" checked" if not k else ""}>'
            f" {html.escape(track)}</label>"
            for k, track in enumerate(names)
        )
        parts.append(
            f'<fieldset class="avl-tracks" hidden><legend>Listen to</legend>{radios}</fieldset>'
        )
    if blind and len(names) > 1:
        guesses = "".join(
            f'<button type="button" class="avl-guess" hidden>{html.escape(track)}</button>'
            for track in names
        )
        parts.append(
            '<div class="avl-bar avl-blind" hidden><button type="button" class="avl-x">Blind test: '
            f'play X</button>{guesses}<span class="avl-verdict" role="status"></span></div>'
        )
    own = "".join(
        f"<p><span>{html.escape(track)}</span>{audio_element(wave, rate, track)}</p>"
        for track, wave in waves.items()
    )
    heading = "Each sound on its own" if len(names) > 1 else "Sound only"
    parts.append(f"<details open><summary>{heading}</summary>{own}</details>")
    if description:
        parts.append(f'<p class="avl-note">{html.escape(description)}</p>')
    script = f'<script>{asset("player.js").strip()}(document.getElementById("{name}"));</script>'
    whole = (
        f'<figure class="avl" id="{name}" data-seconds="{seconds:.3f}">'
        f"{''.join(parts)}</figure>{script}"
    )
    kind = "Film with sound" if stage else "Player"
    text = f"{kind}: {label}, {seconds:.1f} s."
    if len(names) > 1:
        text = f"{kind} that switches between {len(names)} sounds of {seconds:.1f} s: "
        text += ", ".join(names) + "."
    if description:
        text += f" {description}"
    return Component(whole, text, lambda: _poster(waves, rate, frames))


def _stage(
    frames: NDArray[np.uint8],
    fps: float,
    names: list[str],
    boxes: Mapping[str, Box],
    description: str,
) -> str:
    """The picture: all frames in one sheet, drawn one at a time, and a button over each box."""
    count, height, width = frames.shape[:3]
    columns = ceil(count**0.5)
    rows = ceil(count / columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for k, frame in enumerate(frames):
        top, left = k // columns * height, k % columns * width
        sheet[top : top + height, left : left + width] = frame
    film = {"frames": count, "fps": fps, "columns": columns, "width": width, "height": height}
    buttons = ""
    for name, box in boxes.items():
        left, top, right, bottom = np.asarray(box, np.float64).tolist()
        place = (left / width, top / height, (right - left) / width, (bottom - top) / height)
        style = "left:{:.2%};top:{:.2%};width:{:.2%};height:{:.2%}".format(*place)
        buttons += (
            f'<button type="button" data-track="{names.index(name)}" aria-pressed="false" '
            f'style="{style}"><span>{html.escape(name)}</span></button>'
        )
    return (
        f'<div class="avl-stage"><canvas width="{width}" height="{height}" role="img" '
        f'aria-label="{html.escape(description, quote=True)}" '
        f"data-film='{json.dumps(film)}'></canvas>{buttons}"
        f'<img class="avl-sprite" alt="" hidden '
        f'src="{picture_uri(sheet)}"></div>'
    )


def _bar(seconds: float, moving: bool) -> str:
    """Play, position, repeat, and a switch for motion; hidden until the script runs."""
    motion = (
        '<label><input type="checkbox" class="avl-motion" checked> moving picture</label>'
        if moving
        else ""
    )
    return (
        '<div class="avl-bar" hidden><button type="button" class="avl-play">Play</button>'
        f'<input type="range" class="avl-seek" min="0" max="{seconds:.3f}" step="0.01" value="0" '
        f'aria-label="Position in seconds"><output>0.0 / {seconds:.1f} s</output>'
        f'<label><input type="checkbox" class="avl-repeat"> repeat</label>{motion}</div>'
    )


def _matched(waves: list[NDArray]) -> list[NDArray]:
    """Bring all to one root mean square, the loudest that lets none exceed full scale."""
    power = [float(np.sqrt(np.mean(np.square(wave)))) for wave in waves]
    peaks = [float(np.abs(wave).max()) for wave in waves]
    target = min((PEAK * r / p for r, p in zip(power, peaks, strict=True) if p), default=0.0)
    return [wave * (target / r) if r else wave for wave, r in zip(waves, power, strict=True)]


def _poster(
    waves: Mapping[str, NDArray], rate: int, frames: NDArray[np.uint8] | None = None
) -> bytes:
    """A still picture of the component: first frame, and the outline of every sound."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(waves) + (frames is not None)
    height = 1.1 * len(waves) + (3 if frames is not None else 0) + 0.3
    figure = Figure(figsize=(6, height), layout="tight")
    FigureCanvasAgg(figure)
    heights = ([3.0] if frames is not None else []) + [1.0] * len(waves)
    axes = figure.subplots(rows, 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    if frames is not None:
        axes[0].imshow(frames[0])
        axes[0].axis("off")
    for axis, (name, wave) in zip(axes[rows - len(waves) :], waves.items(), strict=True):
        axis.plot(np.arange(len(wave)) / rate, wave, linewidth=0.3, color="#0b5c7d")
        axis.set_ylabel(name, rotation=0, ha="right", fontsize=7)
        axis.set(yticks=[], xlim=(0, len(wave) / rate))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
