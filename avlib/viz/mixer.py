"""A mixing desk: one slider, mute and solo a stem, and the spectrogram of what they add up to."""

import html
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from avlib.viz.film import checked_frames, film_stage, transport


def stem_mixer(
    stems: Mapping[str, ArrayLike],
    rate: int,
    label: str,
    description: str = "",
    frames: NDArray[np.uint8] | None = None,
    fps: float | int | None = None,
) -> Component:
    """Mix a recording yourself: gain, mute and solo of each stem, all on one clock.

    The spectrogram is that of the sum at the gains that are set, computed in the browser whenever
    one changes; colours keep their meaning, so that what is turned down becomes darker. All stems
    are made quieter by one factor, so that no setting can exceed full scale.

    Args:
        stems: name -> samples (sample,), all of one length.
        rate: samples per second.
        label: the name that stands above it.
        description: what is to be heard and seen, for who cannot.
        frames: (frame, height, width, 3) RGB of a film that follows the sound, if there is one.
        fps: its frames per second.

    Raises:
        ValueError: no stem, stems of different length, one that is not a finite wave, or frames
            without `fps`.

    Example:
        >>> tone = np.sin(np.arange(11025.0))
        >>> stem_mixer({"low": tone, "high": tone / 2}, 11025, "Two tones").text
        'Mixing desk: Two tones, 1.0 s. A gain slider, mute and solo for each of: low, high.'
    """
    waves = checked_tracks(stems)
    # The most that the stems can reach together at any gains from 0 to 1.
    most = float(np.sum(np.abs(waves), axis=0).max())
    waves = [wave * min(1.0, PEAK / most) if most else wave for wave in waves]
    named = dict(zip(stems, waves, strict=True))
    film = None if frames is None else checked_frames(frames)
    if film is not None and not fps:
        raise ValueError("frames need fps: how many of them are shown a second")
    seconds, top_hz = len(waves[0]) / rate, rate / 2
    window = spectral.window_for(rate)
    total = np.sum(waves, axis=0)
    picture = spectral.pixels(
        spectral.magnitudes(total, window, window // 4), rate, window // 4, seconds, top_hz
    )
    name = unique_id("mixer", *stems, label)
    told = f"Spectrogram of the sum of {', '.join(stems)}, 0 to {top_hz / 1000:g} kHz."
    inner = (
        f'{spectral.still(picture, told)}<canvas role="img" hidden aria-label="{attribute(told)} '
        'It follows the gains."></canvas><div class="avl-now" hidden></div>'
    )
    stage = ""
    if film is not None and fps:
        stage = film_stage(film, fps, [], {}, f"{label}. {description}".strip())
    strips = "".join(_strip(f"{name}-{k}", stem) for k, stem in enumerate(stems))
    body = (
        f"{stage}{transport(seconds, moving=bool(stage))}"
        f'<div class="avl-desk" hidden>{strips}'
        '<div class="avl-bar"><button type="button" class="avl-quiet avl-reset">'
        "All as recorded</button></div></div>"
        f"<p>The sum of the stems</p>{spectral.plot(inner, seconds, top_hz)}"
        f"{audio_list(named, rate, 'Each stem on its own')}"
    )
    data = {
        "seconds": f"{seconds:.3f}",
        "rate": str(rate),
        "samples": str(len(total)),
        "window": str(window),
        "floor": f"{spectral.FLOOR_DB:g}",
    }
    scripts = ("deck.js", *(["film.js"] if stage else []), "spectrum.js", "mixer.js")
    styles = (*(["player.css"] if stage else []), "spectrum.css", "mixer.css")
    whole = figure(
        "mixer", name, label, body, description, scripts=scripts, styles=styles, data=data
    )
    text = f"Mixing desk: {label}, {seconds:.1f} s. A gain slider, mute and solo for each of: "
    text += f"{', '.join(stems)}. {description}"
    first = None if film is None else film[0]
    title = f"{label}: {' + '.join(stems)}"
    return Component(
        whole, text.strip(), lambda: spectral.poster([(title, picture)], seconds, top_hz, first)
    )


def _strip(name: str, stem: str) -> str:
    """The controls of one stem."""
    shown, safe = html.escape(stem), attribute(stem)
    return (
        f'<div class="avl-bar avl-strip" role="group" aria-label="{safe}">'
        f'<label for="{name}">{shown}</label>'
        f'<input type="range" id="{name}" min="0" max="100" step="1" value="100" '
        f'aria-label="Gain of {safe}">'
        f'<output for="{name}">100 %</output>'
        f'<button type="button" class="avl-quiet avl-mute" aria-pressed="false" '
        f'aria-label="Mute {safe}">Mute</button>'
        f'<button type="button" class="avl-quiet avl-solo-one" aria-pressed="false" '
        f'aria-label="Solo {safe}">Solo</button></div>'
    )
