"""A laboratory for masks: cut one of two sounds out of their mixture, hear it, read its score."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from avlib.viz import spectral
from avlib.viz.component import (
    PEAK,
    Component,
    attribute,
    audio_list,
    checked_tracks,
    figure,
    unique_id,
)
from avlib.viz.film import choice, track_choice, transport

MODES = ("binary", "ratio", "drawn by hand")
VIEWS = ("mixture, removed cells in grey", "mask", "result", "truth")


def mask_lab(
    sources: Mapping[str, ArrayLike], rate: int, label: str, description: str = ""
) -> Component:
    r"""Mask the spectrogram of a mixture of two sounds, and hear what is left.

    The browser computes an STFT (Hann window of about 50 ms, a hop of a quarter of it), and the
    mask of the first source as `avlib.audio` defines it: binary, $|S_1| > t\,|X|$, or ratio,
    $\min(|S_1| / |X|, 5)$ where that exceeds the threshold $t$ and 0 elsewhere. Or the reader draws
    it, with the pointer or with the keys. The score is

    $$\mathrm{SDR} = 10 \log_{10} \frac{\sum_n s_n^2}{\sum_n (s_n - \hat s_n)^2}$$

    in dB: truth against error, with no projection and no gain allowed.

    Args:
        sources: name -> samples (sample,), two of one length; the first is the one to cut out.
        rate: samples per second, 8,000 at least.
        label: the name that stands above it.
        description: what is to be heard and seen, for who cannot.

    Raises:
        ValueError: not two sources, of different length, one that is silent or not a finite wave,
            or a rate that browsers cannot decode to.

    Example:
        >>> tone = np.sin(np.arange(11025.0))
        >>> mask_lab({"low": tone, "high": tone[::-1]}, 11025, "Two tones").text
        'Mask laboratory: Two tones, 1.0 s. A mask cuts low out of a mixture with high.'
    """
    if len(sources) != 2:
        raise ValueError(f"a mixture of two sources is to be masked, got {len(sources)}")
    if not 8000 <= rate <= 96000:
        raise ValueError(f"rate={rate}: browsers decode to rates from 8,000 to 96,000")
    waves = checked_tracks(sources)
    if silent := [name for name, wave in zip(sources, waves, strict=True) if not wave.any()]:
        raise ValueError(f"a source that is silent cannot be cut out or scored: {silent}")
    most = float(np.sum(np.abs(waves), axis=0).max())
    waves = [wave * min(1.0, PEAK / most) for wave in waves]
    seconds, top_hz = len(waves[0]) / rate, rate / 2
    window = spectral.window_for(rate)
    picture = spectral.pixels(
        spectral.magnitudes(waves[0] + waves[1], window, window // 4),
        rate,
        window // 4,
        seconds,
        top_hz,
    )
    first, second = sources
    name = unique_id("mask", label, first, second)
    tracks = ("mixture", f"result: {first}, masked", f"{first} alone (truth)", f"{second} alone")
    body = (
        transport(seconds)
        + track_choice(f"{name}-t", tracks)
        + choice(f"{name}-m", f"Mask of {first}", MODES, "avl-choice avl-modes")
        + _controls(name)
        + spectral.plot(_area(name, first, second, picture, top_hz), seconds, top_hz)
        + _score(first)
        + audio_list(dict(zip(sources, waves, strict=True)), rate, "Each source on its own")
    )
    data = {
        "seconds": f"{seconds:.3f}",
        "rate": str(rate),
        "samples": str(len(waves[0])),
        "window": str(window),
        "floor": f"{spectral.FLOOR_DB:g}",
    }
    whole = figure(
        "mask",
        name,
        label,
        body,
        description,
        scripts=("deck.js", "spectrum.js", "mask_lab.js"),
        styles=("spectrum.css", "mask_lab.css"),
        data=data,
    )
    text = f"Mask laboratory: {label}, {seconds:.1f} s. A mask cuts {first} out of a mixture with "
    text += f"{second}. {description}"
    title = f"{label}: {first} + {second}"
    return Component(
        whole, text.strip(), lambda: spectral.poster([(title, picture)], seconds, top_hz)
    )


def _area(name: str, first: str, second: str, picture: np.ndarray, top_hz: float) -> str:
    """The picture between the axes: a still one, the one that scripts draw, brush and position."""
    told = attribute(f"Spectrogram of the mixture of {first} and {second}, 0 to {top_hz:g} Hz")
    return (
        f"{spectral.still(picture, told)}"
        f'<canvas role="img" aria-label="{told}" aria-describedby="{name}-keys" hidden></canvas>'
        '<div class="avl-brush" hidden></div><div class="avl-now" hidden></div>'
    )


def _controls(name: str) -> str:
    """Threshold, or brush; and what the picture shows."""
    views = "".join(f'<option value="{k}">{view}</option>' for k, view in enumerate(VIEWS))
    tools = choice(f"{name}-b", "Brush", ("keep", "remove"), "avl-choice avl-tools")
    return (
        f'<div class="avl-bar avl-auto" hidden><label for="{name}-at">Threshold</label>'
        f'<input type="range" id="{name}-at" class="avl-threshold" min="0" max="1" step="0.01" '
        f'value="0.5"><output for="{name}-at" class="avl-at">0.50</output></div>'
        f'<div class="avl-hand" hidden>{tools}'
        f'<div class="avl-bar"><label for="{name}-size">Size</label>'
        f'<input type="range" id="{name}-size" class="avl-size" min="1" max="20" step="1" '
        'value="5"><output class="avl-wide"></output>'
        '<button type="button" class="avl-quiet avl-full">Keep everything</button>'
        '<button type="button" class="avl-quiet avl-empty">Remove everything</button></div>'
        f'<p id="{name}-keys" class="avl-note">Draw with the pointer. Or move to the picture with '
        "the tab key: arrows move the brush, with shift they draw, enter draws one spot, K takes "
        'the brush that keeps, R the one that removes. <span class="avl-spot" role="status">'
        "</span></p></div>"
        f'<div class="avl-bar" hidden><label for="{name}-v">Show</label>'
        f'<select id="{name}-v" class="avl-shows">{views}</select></div>'
    )


def _score(first: str) -> str:
    """What the mask has achieved, in words that a script fills in."""
    return (
        '<div class="avl-score" hidden><p><span class="avl-big"><output class="avl-sdr"></output> '
        f"dB</span> SDR of the result as {attribute(first)}; the mixture itself has "
        '<output class="avl-base"></output> dB. The mask keeps <output class="avl-kept"></output> '
        "of the cells.</p>"
        '<p class="avl-note">The score is 10 log<sub>10</sub>(energy of the truth / energy of the '
        "difference), with no projection and no gain allowed. More is better; it changes with "
        "every stroke.</p></div>"
    )
