"""A map laid over a picture: how strong, from which share of its maximum on, and what it covers."""

import base64
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from avlib.viz import spectral
from avlib.viz.component import (
    PEAK,
    Component,
    attribute,
    audio_list,
    checked_tracks,
    figure,
    json_block,
    png,
    unique_id,
)
from avlib.viz.film import Box, checked_frames, film_stage, track_choice, transport

OPACITY = 70
SHARE = 50
FILM_SIDE, STILL_SIDE = 32, 64


def heatmap_over_frame(
    frames: np.ndarray,
    maps: Mapping[str, ArrayLike],
    label: str,
    description: str,
    tracks: Mapping[str, ArrayLike] | None = None,
    rate: int | None = None,
    boxes: Mapping[str, Box] | None = None,
    fps: float | int | None = None,
) -> Component:
    """Lay maps over a picture or a film, cut them at a threshold, hear a player with a click.

    A map is drawn in viridis from the threshold on, a share of the map's own maximum over all its
    frames; the area it covers there is outlined and told in percent of the picture. Between cells
    it is interpolated linearly, as the papers do before they measure.

    Args:
        frames: (height, width, 3) RGB of one picture, or (frame, height, width, 3).
        maps: name -> (h, w), or (frame, h, w) with one map a frame. What is not positive is not
            drawn. Maps above 64 cells a side (32 in a film) are averaged down to that.
        label: the name that stands above it.
        description: what is to be seen, for who cannot see it.
        tracks: name -> samples (sample,). Without a track that has no box, all of them together
            are what plays at the start; otherwise the first such track is.
        rate: samples per second of the tracks.
        boxes: name -> (left, top, right, bottom) in pixels. One named as a track is a button that
            lets only that track be heard.
        fps: frames per second, for a film.

    Raises:
        ValueError: frames that are not RGB bytes; no map, one of another shape or not finite;
            tracks without `rate` or not of one length; several frames without `fps`; boxes that
            name no track although there are tracks.

    Example:
        >>> picture = np.zeros((32, 32, 3), np.uint8)
        >>> heatmap_over_frame(picture, {"here": np.eye(4)}, "A map", "A diagonal.").text
        'Maps over a picture: A map. A diagonal. Maps: here.'
    """
    frames = np.asarray(frames)
    film = checked_frames(frames[None] if frames.ndim == 3 else frames)
    if len(film) > 1 and not fps:
        raise ValueError("several frames need fps: how many of them are shown a second")
    boxes, tracks = dict(boxes or {}), dict(tracks or {})
    if unknown := set(boxes) - set(tracks) if tracks else set():
        raise ValueError(f"boxes name tracks that are not there: {sorted(unknown)}")
    scaled = {name: _scaled(values, name, len(film)) for name, values in _some(maps).items()}
    waves, heard = _heard(tracks, boxes, rate)
    name = unique_id("heatmap", label, *maps, *tracks)
    rate = rate or 1
    seconds = len(next(iter(waves.values()))) / rate if waves else len(film) / (fps or 1.0)
    first = next(iter(scaled))
    over = overlay(film[0], scaled[first][0], OPACITY / 100, SHARE / 100)
    told = f"{label}. {description} Map shown: {first}."
    scale = max(1, round(360 / film.shape[2]))
    stage = film_stage(
        film, fps or 1.0, heard, boxes, told, spectral.still(over, told), scale=scale
    )
    sound = ""
    if waves:
        sound = transport(seconds, moving=len(film) > 1)
        sound += track_choice(f"{name}-t", heard) if len(heard) > 1 else ""
    elif len(film) > 1:
        sound = _moment(name, len(film))
    data = {"frames": str(len(film)), "together": "yes" if len(heard) > len(waves) else "no"}
    body = stage + sound + _controls(name, list(scaled)) + _embedded(scaled)
    if waves:
        data["seconds"] = f"{seconds:.3f}"
        body += audio_list(waves, rate, "Each sound on its own")
    whole = figure(
        "heatmap",
        name,
        label,
        body,
        description,
        scripts=(*(["deck.js"] if waves else []), "film.js", "heatmap.js"),
        styles=("player.css", "heatmap.css"),
        data=data,
    )
    kind = "a film" if len(film) > 1 else "a picture"
    text = f"Maps over {kind}: {label}. {description} Maps: {', '.join(maps)}."
    if waves:
        text += f" To be heard, {seconds:.1f} s: {', '.join(heard)}."
    return Component(whole, text, lambda: png(over))


def overlay(
    frame: NDArray[np.uint8], values: NDArray[np.uint8], opacity: float, share: float
) -> NDArray[np.uint8]:
    """What the script draws, as a still picture: the map from a share of its maximum on.

    Args:
        frame: (height, width, 3).
        values: (h, w), 255 at the map's maximum.
        opacity: of the map where it is largest.
        share: of the maximum from which on the map is drawn.
    """
    from matplotlib import colormaps

    height, width = frame.shape[:2]
    wide = Image.fromarray(values.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    strength = np.clip(np.asarray(wide) / 255, 0, 1)[..., None]
    inside = (strength >= max(share, 1 / 255)) * opacity * np.sqrt(strength)
    colour = colormaps["viridis"](strength[..., 0])[..., :3] * 255
    return (frame * (1 - inside) + colour * inside).round().astype(np.uint8)


def _some(maps: Mapping[str, ArrayLike]) -> Mapping[str, ArrayLike]:
    if not maps:
        raise ValueError("there is no map to lay over the picture")
    return maps


def _scaled(values: ArrayLike, name: str, count: int) -> NDArray[np.uint8]:
    """One map as bytes (frame, h, w), 255 at its maximum over all frames."""
    found = np.asarray(values, np.float32)
    stack = found[None] if found.ndim == 2 else found
    if stack.ndim != 3 or not stack.size or len(stack) not in (1, count):
        raise ValueError(
            f"{name!r}: a map is (h, w) or (frame, h, w) with {count} frames, got {found.shape}"
        )
    if not np.isfinite(stack).all():
        raise ValueError(f"{name!r}: the map has values that are not finite")
    side = STILL_SIDE if len(stack) == 1 else FILM_SIDE
    height, width = (min(side, length) for length in stack.shape[1:])
    if (height, width) != stack.shape[1:]:
        smaller = [
            Image.fromarray(part).resize((width, height), Image.Resampling.BOX) for part in stack
        ]
        stack = np.stack([np.asarray(part) for part in smaller])
    top = float(stack.max())
    share = np.clip(stack / top, 0, 1) if top > 0 else np.zeros_like(stack)
    return (255 * share).round().astype(np.uint8)


def _heard(
    tracks: Mapping[str, ArrayLike], boxes: Mapping[str, Box], rate: int | None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The sounds, none of which exceeds full scale, nor their sum; and the names to choose from."""
    if not tracks:
        return {}, []
    if not rate:
        raise ValueError("tracks need their rate, in samples per second")
    waves = checked_tracks(tracks)
    free = [name for name in tracks if name not in boxes]
    together = bool(boxes) and not free
    most = max(float(np.abs(wave).max()) for wave in waves)
    if together:
        most = max(most, float(np.abs(np.sum(waves, axis=0)).max()))
    gain = min(1.0, PEAK / most) if most else 1.0
    named = {name: wave * gain for name, wave in zip(tracks, waves, strict=True)}
    if free:
        named = {free[0]: named[free[0]]} | named
    return named, (["everybody"] if together else []) + list(named)


def _moment(name: str, count: int) -> str:
    """A slider through the frames of a film without sound."""
    return (
        f'<div class="avl-bar" hidden><label for="{name}-f">Frame</label>'
        f'<input type="range" id="{name}-f" class="avl-frame" min="0" max="{count - 1}" step="1" '
        f'value="0"><output for="{name}-f">1 of {count}</output></div>'
    )


def _controls(name: str, maps: list[str]) -> str:
    """Map, opacity and threshold."""
    options = "".join(f'<option value="{k}">{attribute(m)}</option>' for k, m in enumerate(maps))
    select = (
        f'<label for="{name}-m">Map</label><select id="{name}-m" class="avl-map">{options}</select>'
    )
    return (
        f'<div class="avl-bar" hidden>{select}<span class="avl-scale" aria-hidden="true">0<i></i>'
        "maximum</span></div>"
        f'<div class="avl-bar" hidden><label for="{name}-o">Opacity</label>'
        f'<input type="range" id="{name}-o" class="avl-opacity" min="0" max="100" step="1" '
        f'value="{OPACITY}"><output for="{name}-o">{OPACITY} %</output></div>'
        f'<div class="avl-bar" hidden><label for="{name}-s">Threshold</label>'
        f'<input type="range" id="{name}-s" class="avl-share" min="0" max="100" step="1" '
        f'value="{SHARE}"><output for="{name}-s">{SHARE} % of the maximum</output></div>'
        '<p class="avl-covers" hidden></p>'
    )


def _embedded(scaled: Mapping[str, NDArray[np.uint8]]) -> str:
    """The maps' bytes, for the script."""
    return json_block(
        [
            {
                "frames": len(stack),
                "height": stack.shape[1],
                "width": stack.shape[2],
                "bytes": base64.b64encode(stack.tobytes()).decode(),
            }
            for stack in scaled.values()
        ]
    )
