"""What every component of the book is made of: its three forms, its parts, and one look.

A `Component` is one piece of a page. Its HTML carries its own sound and pictures (data URIs), its
style and its script, so that it works offline, without a kernel, and in a frame of its own (Colab
puts every cell's output into one). The helpers here escape what users write, number elements so
that no two on a page share a name, and pack sounds and pictures.
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
from math import gcd
from typing import Any

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.signal import resample_poly

MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
PEAK = 0.95
_number = itertools.count(1)


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
            '<meta name="color-scheme" content="light dark">'
            f"<title>{html.escape(title)}</title></head>"
            f"<body><main><h1>{html.escape(title)}</h1>{self.html}</main></body></html>"
        )


def asset(name: str) -> str:
    """Text of a file that lies beside this one."""
    return resources.files("avlib.viz").joinpath(name).read_text(encoding="utf-8")


def unique_id(kind: str, *content: str) -> str:
    """A name for an element that no other element of a page has.

    Args:
        kind: which component, in letters and digits.
        *content: what it shows; keeps names of different kernels apart.

    Example:
        >>> first, second = unique_id("mixer", "a"), unique_id("mixer", "a")
        >>> first.startswith("avl-mixer-") and first != second
        True
    """
    return f"avl-{kind}-{zlib.crc32(chr(0).join(content).encode()):08x}-{next(_number)}"


def figure(
    kind: str,
    name: str,
    label: str,
    body: str,
    description: str = "",
    *,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    data: Mapping[str, str] | None = None,
) -> str:
    """The whole HTML of a component: frame, style, caption, body, note and script.

    Args:
        kind: gives the class ``avl-<kind>``.
        name: the element's id, from `unique_id`.
        label: the caption, plain text.
        body: HTML.
        description: plain text below, for who cannot see or hear.
        scripts: files beside this one, as in `script`.
        styles: files beside this one that follow the shared style.
        data: ``data-`` attributes of the root.

    Example:
        >>> figure("demo", "avl-demo-1", "a < b", "<p>body</p>")[-53:]
        '<figcaption>a &lt; b</figcaption><p>body</p></figure>'
    """
    extra = "".join(f' data-{key}="{attribute(value)}"' for key, value in (data or {}).items())
    note = f'<p class="avl-note">{html.escape(description)}</p>' if description else ""
    code = script(name, *scripts) if scripts else ""
    return (
        f'<figure class="avl avl-{kind}" id="{name}"{extra}>{style(*styles)}{caption(label)}'
        f"{body}{note}{code}</figure>"
    )


def style(*names: str) -> str:
    """The shared style, then the named files, as one ``<style>`` element."""
    return f"<style>{''.join(asset(name) for name in ('component.css', *names))}</style>"


def script(name: str, *files: str) -> str:
    """A ``<script>`` that brings the element `name` to life.

    Args:
        name: id of the element.
        *files: script files beside this one. The last is a function expression that is called
            with the element; those before it are run first. Each of them must do nothing where
            it has run already, because every component carries its own copy.
    """
    shared, own = [asset(file).strip() for file in files[:-1]], asset(files[-1]).strip()
    code = "\n".join([*shared, f'{own.rstrip(";")}(document.getElementById("{name}"));'])
    return f"<script>{_slim(code)}</script>"


def _slim(code: str) -> str:
    """Without indentation and without lines that only comment: every component has a copy."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def caption(label: str) -> str:
    """The name that stands above a component."""
    return f"<figcaption>{html.escape(label)}</figcaption>"


def attribute(text: str) -> str:
    """Text made safe for the inside of an HTML attribute in double quotes."""
    return html.escape(text, quote=True)


def json_block(value: Any, kind: str = "avl-data") -> str:
    r"""Data for a script: a ``<script type="application/json">`` that no text can break out of.

    Example:
        >>> json_block("</script>")
        '<script type="application/json" class="avl-data">"\\u003c/script>"</script>'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" class="{kind}">{text}</script>'


def data_uri(mime: str, data: bytes) -> str:
    """Bytes as an address that needs no network."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def picture_uri(picture: NDArray[np.uint8], quality: int = 75, lossless: bool = False) -> str:
    """A picture as a data URI, packed as WebP.

    Args:
        picture: (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA bytes.
        quality: of lossy packing, 0 to 100.
        lossless: keep every value, for pictures that carry numbers.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=4, lossless=lossless)
    return data_uri("image/webp", buffer.getvalue())


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture as PNG bytes, for posters; axes as in `picture_uri`."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def audio_element(wave: np.ndarray, rate: int, label: str, kind: str = "") -> str:
    """An ``<audio>`` element that carries its sound; `kind` is its class."""
    uri = data_uri(*encode(wave, rate))
    return (
        f'<audio class="{kind}" controls preload="metadata" '
        f'aria-label="{attribute(label)}" src="{uri}"></audio>'
    )


def audio_list(waves: Mapping[str, np.ndarray], rate: int, heading: str) -> str:
    """Every sound on its own, for who has no script; scripts fold it and use its sounds."""
    rows = "".join(
        f"<p><span>{html.escape(track)}</span>{audio_element(wave, rate, track)}</p>"
        for track, wave in waves.items()
    )
    return f"<details open><summary>{html.escape(heading)}</summary>{rows}</details>"


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


def checked_wave(wave: ArrayLike, label: str) -> NDArray[np.float32]:
    """The samples (sample,) as float32.

    Raises:
        ValueError: the wave is empty, not one-dimensional or not finite.
    """
    samples = np.asarray(wave, np.float32)
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"{label!r}: a wave is (sample,) and not empty, got {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{label!r}: the wave has samples that are not finite")
    return samples


def checked_tracks(tracks: Mapping[str, ArrayLike]) -> list[NDArray[np.float32]]:
    """All tracks, checked against each other.

    Raises:
        ValueError: no track, tracks of different length, or one that is not a finite wave.
    """
    waves = [checked_wave(wave, name) for name, wave in tracks.items()]
    if not waves:
        raise ValueError("there is no track to play")
    if len({len(wave) for wave in waves}) > 1:
        lengths = {name: len(wave) for name, wave in zip(tracks, waves, strict=True)}
        raise ValueError(f"tracks must have the same number of samples, got {lengths}")
    return waves


def joint_gain(waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Make all quieter by one factor so that none exceeds full scale; proportions stay."""
    peak = max(float(np.abs(wave).max()) for wave in waves)
    return [wave * min(1.0, PEAK / peak) if peak else wave for wave in waves]
