"""Where it happens: rooms with clutter and lighting, and who stands where."""

from avlib.orchestra.stage.layout import Spot, lay_out
from avlib.orchestra.stage.room import Room, draw_occluder, draw_room, room_of

__all__ = ["Room", "Spot", "draw_occluder", "draw_room", "lay_out", "room_of"]
