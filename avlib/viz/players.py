"""Players for the book: sound, sound against sound, and film with sound, each one piece of HTML.

Every function returns a `Component`: a notebook shows its HTML, a PDF its poster, a text reader its
description. The HTML carries its own sound and pictures, needs no network and no kernel, uses the
browser's own controls, and plays nothing by itself. Sounds are MP3 (25 kB for 6 s), or WAV where
the system's libsndfile cannot write MP3.
"""

import base64
import html
import io
import itertools
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import ceil, gcd

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.signal import resample_poly

MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
PEAK = 0.95
_number = itertools.count(1)

Box = Sequence[float | int] | np.ndarray


@dataclass(frozen=True)
class Component:
    """A self-contained piece of a page.

    Attributes:
        html: the piece itself, with everything it needs.
        text: what it is, in words.
        poster: makes the picture that stands for it where no HTML is shown, as PNG bytes.
    """

    html: str
    text: str
    poster: Callable[[], bytes]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str | bytes]:
        """The three forms; a notebook or a book takes the richest it can show."""
        return {"text/html": self.html, "image/png": self.poster(), "text/plain": self.text}

    def page(self, title: str) -> str:
        """A whole HTML page with only this component, to open from the file system."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(title)}</title></head>"
            f"<body><main><h1>{html.escape(title)}</h1>{self.html}</main></body></html>"
        )


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
    (samples,) = _joint_gain([_wave(wave, label)])
    seconds = len(samples) / rate
    text = f"Audio player: {label}, {seconds:.1f} s at {rate} Hz."
    text += f" {description}" if description else ""
    body = _caption(label) + _audio(samples, rate, label, "avl-solo")
    if description:
        body += f'<p class="avl-note">{html.escape(description)}</p>'
    whole = f'<figure class="avl" data-seconds="{seconds:.3f}">{_style()}{body}</figure>'
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
    waves = _tracks(tracks)
    loud = _matched(waves) if match_loudness else _joint_gain(waves)
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
    waves = dict(zip(tracks, _joint_gain(_tracks(tracks)), strict=True))
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
    content = "".join(names) + label + description
    name = f"avl-{zlib.crc32(content.encode()):08x}-{next(_number)}"
    parts = [_style(), _caption(label), stage, _bar(seconds, moving=bool(stage))]
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
        f"<p><span>{html.escape(track)}</span>{_audio(wave, rate, track)}</p>"
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
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", quality=75, method=4)
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
        f'src="data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"></div>'
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


def _caption(label: str) -> str:
    return f"<figcaption>{html.escape(label)}</figcaption>"


def _style() -> str:
    return f"<style>{asset('player.css')}</style>"


def asset(name: str) -> str:
    """Text of a file that lies beside this one."""
    return resources.files("avlib.viz").joinpath(name).read_text()


def _audio(wave: NDArray, rate: int, label: str, kind: str = "") -> str:
    """An ``<audio>`` element that carries its sound."""
    mime, data = encode(wave, rate)
    return (
        f'<audio class="{kind}" controls preload="metadata" '
        f'aria-label="{html.escape(label, quote=True)}" '
        f'src="data:{mime};base64,{base64.b64encode(data).decode()}"></audio>'
    )


def encode(wave: ArrayLike, rate: int) -> tuple[str, bytes]:
    """Compress a sound for a page.

    A rate that MP3 does not know is resampled to the next that it does.

    Args:
        wave: samples (sample,) in [-1, 1].
        rate: samples per second.

    Returns:
        MIME type and the file's bytes.

    Example:
        >>> mime, data = encode(np.zeros(22050), 11025)
        >>> mime, len(data) < 20_000
        ('audio/mpeg', True)
    """
    samples = np.asarray(wave, np.float32)
    buffer = io.BytesIO()
    if "MP3" not in soundfile.available_formats():
        soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
        return "audio/wav", buffer.getvalue()
    target = next((known for known in MP3_RATES if known >= rate), MP3_RATES[-1])
    if target != rate:
        factor = gcd(target, rate)
        samples = resample_poly(samples, target // factor, rate // factor).astype(np.float32)
    soundfile.write(buffer, np.clip(samples, -1, 1), target, format="MP3")
    return "audio/mpeg", buffer.getvalue()


def _wave(wave: ArrayLike, label: str) -> NDArray:
    """The samples, checked."""
    samples = np.asarray(wave, np.float32)
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"{label!r}: a wave is (sample,) and not empty, got {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{label!r}: the wave has samples that are not finite")
    return samples


def _tracks(tracks: Mapping[str, ArrayLike]) -> list[NDArray]:
    """All tracks, checked against each other."""
    waves = [_wave(wave, name) for name, wave in tracks.items()]
    if not waves:
        raise ValueError("there is no track to play")
    if len({len(wave) for wave in waves}) > 1:
        lengths = {name: len(wave) for name, wave in zip(tracks, waves, strict=True)}
        raise ValueError(f"tracks must have the same number of samples, got {lengths}")
    return waves


def _joint_gain(waves: list[NDArray]) -> list[NDArray]:
    """Make all quieter by one factor so that none exceeds full scale; proportions stay."""
    peak = max(float(np.abs(wave).max()) for wave in waves)
    return [wave * min(1.0, PEAK / peak) if peak else wave for wave in waves]


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
