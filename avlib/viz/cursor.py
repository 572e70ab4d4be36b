"""A sound with a cursor that moves over its spectrogram; windows to choose, frequencies to read."""

import html
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from avlib.viz import spectral
from avlib.viz.component import (
    Component,
    audio_list,
    checked_wave,
    figure,
    joint_gain,
    unique_id,
)
from avlib.viz.film import choice, transport


def spec_cursor(
    wave: ArrayLike,
    rate: int,
    pictures: Mapping[str, ArrayLike],
    label: str,
    descriptions: Mapping[str, str],
    hop: Mapping[str, int] | int,
    floor_db: float | int = spectral.FLOOR_DB,
    start: int = 0,
    top_hz: float | int | None = None,
) -> Component:
    """Hear a sound and see where in its spectrogram you are; a click jumps there.

    With several pictures a reader chooses between them, for example between windows. A second line
    lies at a frequency, moved with a click or a slider, and is read in Hz and as a note.

    Args:
        wave: samples (sample,).
        rate: samples per second.
        pictures: name -> magnitudes (freq, column) of a centred STFT of this sound.
        label: the name that stands above it.
        descriptions: name of a picture -> what is to be seen, for who cannot see it.
        hop: samples from column to column, one for all or name -> hop.
        floor_db: what is black, in dB below the loudest point of a picture.
        start: number of the picture shown first.
        top_hz: highest frequency shown; half the sample rate if not given.

    Raises:
        ValueError: no picture, one that is not (freq, column) of finite magnitudes, one without a
            description or a hop, one that does not last as long as the sound, or a `start` or
            `top_hz` that is not there.

    Example:
        >>> tone = np.sin(np.arange(8000.0))
        >>> picture = {"window 256": np.ones((129, 126))}
        >>> spec_cursor(tone, 8000, picture, "A tone", {"window 256": "One line."}, 64).text
        'Sound with its spectrogram: A tone, 1.0 s. window 256: One line.'
    """
    (samples,) = joint_gain([checked_wave(wave, label)])
    seconds = len(samples) / rate
    top = rate / 2 if top_hz is None else float(top_hz)
    hops = {name: hop if isinstance(hop, int) else hop.get(name, 0) for name in pictures}
    _check(pictures, descriptions, hops, len(samples), start)
    if not 0 < top <= rate / 2:
        raise ValueError(f"top_hz={top_hz}: frequencies reach from 0 to {rate / 2:g} Hz")
    drawn = {
        state: spectral.pixels(np.asarray(magnitude), rate, hops[state], seconds, top, floor_db)
        for state, magnitude in pictures.items()
    }
    name = unique_id("cursor", label, *pictures)
    plots = "".join(
        f'<div class="avl-window"><p>{html.escape(state)}</p>'
        + spectral.plot(
            spectral.still(picture, descriptions[state])
            + '<div class="avl-level" hidden></div><div class="avl-now" hidden></div>',
            seconds,
            top,
        )
        + "</div>"
        for state, picture in drawn.items()
    )
    windows = choice(f"{name}-w", "Picture", list(pictures), start=start)
    body = (
        f"{transport(seconds)}{windows if len(pictures) > 1 else ''}{plots}"
        f'<div class="avl-bar" hidden><label for="{name}-hz">Read a frequency</label>'
        f'<input type="range" class="avl-hz" id="{name}-hz" min="0" max="{top:g}" step="1" '
        f'value="{min(440.0, top):g}"><output for="{name}-hz" class="avl-read"></output></div>'
        f"{audio_list({label: samples}, rate, 'Sound only')}"
    )
    whole = figure(
        "cursor",
        name,
        label,
        body,
        scripts=("deck.js", "cursor.js"),
        styles=("spectrum.css", "cursor.css"),
        data={"seconds": f"{seconds:.3f}", "top": f"{top:g}", "window": str(start)},
    )
    told = " ".join(f"{state}: {descriptions[state]}" for state in pictures)
    return Component(
        whole,
        f"Sound with its spectrogram: {label}, {seconds:.1f} s. {told}",
        lambda: spectral.poster(list(drawn.items()), seconds, top),
    )


def _check(
    pictures: Mapping[str, ArrayLike],
    descriptions: Mapping[str, str],
    hops: Mapping[str, int],
    samples: int,
    start: int,
) -> None:
    """Raise a ValueError where a picture cannot be that of the sound."""
    if not 0 <= start < len(pictures):
        raise ValueError(f"start={start}, but there are {len(pictures)} pictures")
    if missing := [name for name in pictures if not descriptions.get(name)]:
        raise ValueError(f"pictures without a description: {missing}")
    for name, picture in pictures.items():
        magnitude = np.asarray(picture)
        if magnitude.ndim != 2 or min(magnitude.shape) < 2 or np.iscomplexobj(magnitude):
            raise ValueError(
                f"{name!r}: magnitudes are real (freq, column), got {magnitude.dtype} "
                f"{magnitude.shape}"
            )
        if not np.isfinite(magnitude).all() or magnitude.min() < 0:
            raise ValueError(f"{name!r}: magnitudes are finite and not negative")
        hop, window = hops[name], 2 * (magnitude.shape[0] - 1)
        if hop < 1:
            raise ValueError(f"{name!r}: needs its hop, in samples")
        if abs((magnitude.shape[1] - 1) * hop - samples) > window + hop:
            raise ValueError(
                f"{name!r}: {magnitude.shape[1]} columns {hop} samples apart do not last as long "
                f"as the sound's {samples} samples; is the hop right?"
            )
