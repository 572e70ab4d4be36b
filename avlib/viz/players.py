"""Players for the book: sound, sound against sound, and film with sound, each one piece of HTML.

Every function returns a `Component`: a notebook shows its HTML, a PDF its poster, a text reader its
description. The HTML carries its own sound and pictures, needs no network and no kernel, uses the
browser's own controls, and plays nothing by itself. Sounds are MP3 (25 kB for 6 s), or WAV where
the system's libsndfile cannot write MP3.
"""

import html
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avlib.viz.component import (
    MP3_RATES,
    PEAK,
    Component,
    asset,
    audio_element,
    audio_list,
    caption,
    checked_tracks,
    checked_wave,
    encode,
    figure,
    joint_gain,
    style,
    unique_id,
)
from avlib.viz.film import Box, checked_frames, film_stage, track_choice, transport

__all__ = [
    "MP3_RATES",
    "PEAK",
    "Box",
    "Component",
    "ab_player",
    "asset",
    "audio_player",
    "encode",
    "scene_player",
    "video_player",
]


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
    loud = equally_loud(waves) if match_loudness else joint_gain(waves)
    note = "All are played equally loud." if match_loudness else ""
    note = " ".join(part for part in (note, description) if part)
    return _player(dict(zip(tracks, loud, strict=True)), rate, label, note, blind)


def video_player(
    frames: NDArray[np.uint8],
    fps: float | int,
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
    fps: float | int,
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
    frames = checked_frames(frames)
    if unknown := set(boxes) - set(tracks):
        raise ValueError(f"boxes name tracks that are not there: {sorted(unknown)}")
    waves = dict(zip(tracks, joint_gain(checked_tracks(tracks)), strict=True))
    picture = film_stage(frames, fps, list(tracks), boxes, f"{label}. {description}".strip())
    return _player(waves, rate, label, description, blind=False, stage=picture, frames=frames)


def _player(
    waves: Mapping[str, np.ndarray],
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
    parts = [stage, transport(seconds, moving=bool(stage))]
    if len(names) > 1:
        parts.append(track_choice(name, names))
    if blind and len(names) > 1:
        guesses = "".join(
            f'<button type="button" class="avl-guess" hidden>{html.escape(track)}</button>'
            for track in names
        )
        parts.append(
            '<div class="avl-bar avl-blind" hidden><button type="button" class="avl-x">Blind test: '
            f'play X</button>{guesses}<span class="avl-verdict" role="status"></span></div>'
        )
    heading = "Each sound on its own" if len(names) > 1 else "Sound only"
    parts.append(audio_list(waves, rate, heading))
    whole = figure(
        "player",
        name,
        label,
        "".join(parts),
        description,
        scripts=("deck.js", *(["film.js"] if stage else []), "player.js"),
        styles=("player.css",),
        data={"seconds": f"{seconds:.3f}"},
    )
    kind = "Film with sound" if stage else "Player"
    text = f"{kind}: {label}, {seconds:.1f} s."
    if len(names) > 1:
        text = f"{kind} that switches between {len(names)} sounds of {seconds:.1f} s: "
        text += ", ".join(names) + "."
    if description:
        text += f" {description}"
    return Component(whole, text, lambda: _poster(waves, rate, frames))


def equally_loud(waves: list[np.ndarray]) -> list[np.ndarray]:
    """Bring all to one root mean square, the loudest that lets none exceed full scale."""
    power = [float(np.sqrt(np.mean(np.square(wave)))) for wave in waves]
    peaks = [float(np.abs(wave).max()) for wave in waves]
    target = min((PEAK * r / p for r, p in zip(power, peaks, strict=True) if p), default=0.0)
    return [wave * (target / r) if r else wave for wave, r in zip(waves, power, strict=True)]


def _poster(
    waves: Mapping[str, np.ndarray], rate: int, frames: NDArray[np.uint8] | None = None
) -> bytes:
    """A still picture of the component: first frame, and the outline of every sound."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(waves) + (frames is not None)
    height = 1.1 * len(waves) + (3 if frames is not None else 0) + 0.3
    drawing = Figure(figsize=(6, height), layout="tight")
    FigureCanvasAgg(drawing)
    heights = ([3.0] if frames is not None else []) + [1.0] * len(waves)
    axes = drawing.subplots(rows, 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    if frames is not None:
        axes[0].imshow(frames[0])
        axes[0].axis("off")
    for axis, (name, wave) in zip(axes[rows - len(waves) :], waves.items(), strict=True):
        axis.plot(np.arange(len(wave)) / rate, wave, linewidth=0.3, color="#0b5c7d")
        axis.set_ylabel(name, rotation=0, ha="right", fontsize=7)
        axis.set(yticks=[], xlim=(0, len(wave) / rate))
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
