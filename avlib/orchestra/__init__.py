"""The Pocket Orchestra: generated performances with the truth known exactly.

``score`` writes melodies, ``sound`` plays them, ``performer`` moves a player through them,
``shapes`` knows how each instrument is built and held, ``stage`` gives the room, ``scene`` puts
it together, ``preview`` shows many at once, ``export`` writes video files.
"""

from typing import TYPE_CHECKING, Any

from avlib.orchestra.instruments import INSTRUMENTS, MUSIC11, MUSIC21, PLAYERS, Instrument
from avlib.orchestra.scene import Scene, make_scene

if TYPE_CHECKING:
    from avlib.orchestra.export import export_videos

__all__ = [
    "INSTRUMENTS",
    "MUSIC11",
    "MUSIC21",
    "PLAYERS",
    "Instrument",
    "Scene",
    "export_videos",
    "make_scene",
]


def __getattr__(name: str) -> Any:
    """Load the exporter when it is asked for: it needs FFmpeg and the clip folder."""
    if name == "export_videos":
        from avlib.orchestra.export import export_videos

        return export_videos
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
