"""Contact sheets: many players in one picture, to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from avlib.orchestra.instruments import INSTRUMENTS


def contact_sheet(
    names: Sequence[str] | None = None,
    seed: int = 0,
    size: int = 256,
    columns: int = 6,
    captions: bool = True,
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw one player per instrument, in the middle of a note, with the label below.

    Args:
        names: labels, in order; all 26 if not given.
        seed: of the first scene; the next instruments take the next seeds.
        size: side of each picture in pixels.
        columns: pictures a row.
        captions: write the label under each picture.
    """
    from avlib.orchestra.scene import make_scene

    chosen = tuple(INSTRUMENTS) if names is None else tuple(names)
    strip = max(14, size // 10) if captions else 0
    rows = -(-len(chosen) // columns)
    sheet = np.full((rows * (size + strip), columns * size, 3), 250, np.uint8)
    for k, name in enumerate(chosen):
        scene = make_scene(seed + k, (name,), seconds=3.0, frames=12, size=size)
        note = max(scene.notes[0], key=lambda n: n.velocity * min(n.duration_s, 0.3))
        at = note.onset_s + min(0.1, note.duration_s / 2)
        scene = make_scene(seed + k, (name,), seconds=3.0, size=size, frame_times=[at])
        y, x = (k // columns) * (size + strip), (k % columns) * size
        sheet[y : y + size, x : x + size] = scene.frames[0]
        if captions:
            scale = strip / 30
            (wide, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
            at_px = (x + (size - wide) // 2, y + size + int(strip * 0.75))
            cv2.putText(
                sheet, name, at_px, cv2.FONT_HERSHEY_SIMPLEX, scale, (40, 40, 40), 1, cv2.LINE_AA
            )
    return sheet


def write_contact_sheet(path: str | Path, **options: object) -> Path:
    """Write `contact_sheet` (same options) as a PNG; returns the path.

    Raises:
        OSError: the file cannot be written.
    """
    sheet = contact_sheet(**options)  # type: ignore[arg-type]
    if not cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path}: cannot write the picture; is the folder there and the ending .png?")
    return Path(path)
