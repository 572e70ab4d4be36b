"""How each instrument is built, held and played: functions of a `Rig` that draw, and grip."""

from collections.abc import Callable

from avlib.orchestra.performer.body import Stance
from avlib.orchestra.performer.rig import Rig
from avlib.orchestra.shapes import boards, bowed, brass, lutes, struck, winds

HOLDS: dict[str, tuple[Callable[[Rig], None], Stance]] = {
    "accordion": (boards.accordion, Stance(x=0.5, seated=True, knees=0.10)),
    "acoustic guitar": (lutes.acoustic_guitar, Stance(x=0.45, seated=True, knees=0.13, facing=0.5)),
    "bagpipe": (winds.bagpipe, Stance(x=0.46, facing=0.2)),
    "banjo": (lutes.banjo, Stance(x=0.45, seated=True, knees=0.13, facing=0.5)),
    "bassoon": (winds.bassoon, Stance(x=0.50, seated=True, knees=0.12, facing=0.2)),
    "cello": (bowed.cello, Stance(x=0.48, seated=True, knees=0.165, facing=-0.2)),
    "clarinet": (winds.clarinet, Stance(x=0.54, facing=-0.3)),
    "congas": (struck.congas, Stance(x=0.49)),
    "drum": (struck.drum, Stance(x=0.5, seated=True, knees=0.14)),
    "electric bass": (lutes.electric_bass, Stance(x=0.43, facing=0.5)),
    "erhu": (bowed.erhu, Stance(x=0.48, seated=True, knees=0.12, facing=-0.2)),
    "flute": (winds.flute, Stance(x=0.60, facing=-0.6)),
    "guzheng": (boards.guzheng, Stance(x=0.5, seated=True)),
    "piano": (boards.piano, Stance(x=0.5, seated=True)),
    "pipa": (lutes.pipa, Stance(x=0.47, seated=True, knees=0.12, facing=0.3)),
    "saxophone": (winds.saxophone, Stance(x=0.56, facing=-0.2)),
    "trumpet": (brass.trumpet, Stance(x=0.62, facing=-0.9)),
    "tuba": (brass.tuba, Stance(x=0.53, seated=True, knees=0.15)),
    "ukulele": (lutes.ukulele, Stance(x=0.47, facing=0.3)),
    "violin": (bowed.violin, Stance(x=0.40, facing=0.5)),
    "xylophone": (struck.xylophone, Stance(x=0.5)),
    "harp": (boards.harp, Stance(x=0.64, seated=True, knees=0.12, facing=-0.5)),
    "harmonica": (winds.harmonica, Stance(x=0.5)),
    "oboe": (winds.oboe, Stance(x=0.53, facing=-0.2)),
    "trombone": (brass.trombone, Stance(x=0.74, facing=-0.8)),
    "horn": (brass.horn, Stance(x=0.56, seated=True, knees=0.12, facing=-0.2)),
}

# Zoom and middle of each player with instrument: what is drawn fills the middle 80% of the square
# whatever is played (tools: the union of the boxes of many players and melodies).
FRAMING: dict[str, tuple[float, float, float]] = {
    "accordion": (1.02, 0.469, 0.515),
    "acoustic guitar": (0.95, 0.557, 0.520),
    "bagpipe": (0.99, 0.575, 0.501),
    "banjo": (1.03, 0.526, 0.518),
    "bassoon": (0.95, 0.571, 0.491),
    "cello": (1.00, 0.503, 0.530),
    "clarinet": (0.94, 0.451, 0.522),
    "congas": (1.01, 0.489, 0.497),
    "drum": (0.98, 0.499, 0.517),
    "electric bass": (0.94, 0.556, 0.482),
    "erhu": (0.97, 0.524, 0.489),
    "flute": (1.06, 0.419, 0.468),
    "guzheng": (0.90, 0.500, 0.516),
    "piano": (0.93, 0.504, 0.506),
    "pipa": (1.01, 0.525, 0.511),
    "saxophone": (1.00, 0.452, 0.495),
    "trumpet": (1.07, 0.461, 0.470),
    "tuba": (1.00, 0.431, 0.506),
    "ukulele": (1.07, 0.480, 0.471),
    "violin": (0.98, 0.505, 0.487),
    "xylophone": (0.99, 0.500, 0.493),
    "harp": (0.99, 0.469, 0.500),
    "harmonica": (1.07, 0.499, 0.470),
    "oboe": (1.00, 0.487, 0.492),
    "trombone": (0.91, 0.479, 0.488),
    "horn": (1.03, 0.535, 0.516),
}

__all__ = ["FRAMING", "HOLDS"]
