"""The Pocket Orchestra: generated performances with the truth known exactly.

``score`` writes melodies, ``sound`` plays them, ``performer`` moves a player through them,
``shapes`` knows how each instrument is built and held, ``stage`` gives the room, ``scene`` puts
it together, ``preview`` shows many at once.
"""

from avlib.orchestra.instruments import INSTRUMENTS, MUSIC11, MUSIC21, PLAYERS, Instrument
from avlib.orchestra.scene import Scene, make_scene

__all__ = ["INSTRUMENTS", "MUSIC11", "MUSIC21", "PLAYERS", "Instrument", "Scene", "make_scene"]
