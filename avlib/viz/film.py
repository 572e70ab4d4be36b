"""Parts that components with sound share: a film in one sheet, play and position, what to hear."""

import html
import json
from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from avlib.viz.component import attribute, picture_uri

Box = Sequence[float | int] | np.ndarray


def checked_frames(frames: np.ndarray) -> NDArray[np.uint8]:
    """Frames of a film.

    Raises:
        ValueError: they are not bytes (frame, height, width, 3), or there is none.
    """
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(
            f"frames must be bytes (frame, height, width, 3), not {frames.dtype} {frames.shape}"
        )
    return frames


def sheet(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Lay pictures out in rows on one sheet, as near to a square as they go.

    Args:
        pictures: (frame, height, width) or (frame, height, width, channel).

    Returns:
        The sheet, and how many pictures stand in a row.

    Example:
        >>> whole, columns = sheet(np.arange(3, dtype=np.uint8).reshape(3, 1, 1))
        >>> whole.tolist(), columns
        ([[0, 1], [2, 0]], 2)
    """
    count, height, width = pictures.shape[:3]
    columns = ceil(count**0.5)
    whole = np.zeros(
        (ceil(count / columns) * height, columns * width, *pictures.shape[3:]), np.uint8
    )
    for k, picture in enumerate(pictures):
        top, left = k // columns * height, k % columns * width
        whole[top : top + height, left : left + width] = picture
    return whole, columns


def film_stage(
    frames: NDArray[np.uint8],
    fps: float | int,
    names: list[str],
    boxes: Mapping[str, Box],
    description: str,
    still: str = "",
    scale: int = 1,
) -> str:
    """The picture: all frames in one sheet, drawn one at a time, and a button over each box.

    Args:
        frames: (frame, height, width, 3).
        fps: frames per second.
        names: of the tracks.
        boxes: name -> (left, top, right, bottom) in pixels; one that names no track is not a
            button.
        description: what is to be seen.
        still: HTML of a picture that is shown where no script draws.
        scale: pixels of the canvas for one of the frame.
    """
    count, height, width = frames.shape[:3]
    whole, columns = sheet(frames)
    film = {"frames": count, "fps": fps, "columns": columns, "width": width, "height": height}
    buttons = ""
    for name, box in boxes.items():
        left, top, right, bottom = np.asarray(box, np.float64).tolist()
        place = (left / width, top / height, (right - left) / width, (bottom - top) / height)
        css = "left:{:.2%};top:{:.2%};width:{:.2%};height:{:.2%}".format(*place)
        shown = f"<span>{html.escape(name)}</span>"
        if name not in names:
            buttons += f'<div class="avl-box" style="{css}">{shown}</div>'
            continue
        buttons += (
            f'<button type="button" data-track="{names.index(name)}" aria-pressed="false" '
            f'style="{css}">{shown}</button>'
        )
    hidden = " hidden" if still else ""
    return (
        f'<div class="avl-stage">{still}<canvas width="{width * scale}" height="{height * scale}" '
        f'role="img" aria-label="{attribute(description)}" '
        f"data-film='{json.dumps(film)}'{hidden}></canvas>{buttons}"
        f'<img class="avl-sprite" alt="" hidden src="{picture_uri(whole)}"></div>'
    )


def transport(seconds: float, moving: bool = False) -> str:
    """Play, position, repeat, and a switch for motion; hidden until the script runs."""
    motion = (
        '<label><input type="checkbox" class="avl-motion" checked> moving picture</label>'
        if moving
        else ""
    )
    return (
        '<div class="avl-bar" hidden><button type="button" class="avl-play">Play</button>'
        f'<input type="range" class="avl-seek" min="0" max="{seconds:.3f}" step="0.01" value="0" '
        f'aria-label="Position in seconds"><output class="avl-clock">0.0 / {seconds:.1f} s</output>'
        f'<label><input type="checkbox" class="avl-repeat"> repeat</label>{motion}</div>'
    )


def choice(
    group: str, legend: str, options: Sequence[str], kind: str = "avl-choice", start: int = 0
) -> str:
    """Radio buttons in a group of that name; hidden until the script runs.

    Args:
        group: unique on the page.
        legend: what is chosen.
        options: in order.
        kind: class of the group.
        start: which is chosen at first.
    """
    radios = "".join(
        f'<label><input type="radio" name="{group}" value="{k}"{" checked" * (k == start)}>'
        f" {html.escape(option)}</label>"
        for k, option in enumerate(options)
    )
    return (
        f'<fieldset class="{kind}" hidden><legend>{html.escape(legend)}</legend>{radios}</fieldset>'
    )


def track_choice(group: str, names: Sequence[str]) -> str:
    """Which track is heard."""
    return choice(group, "Listen to", names, "avl-tracks")
