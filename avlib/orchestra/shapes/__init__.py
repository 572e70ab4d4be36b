"""Instruments: how each is built, held and played. Each function takes a `Rig`, draws, and grips."""

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
    "violin": (bowed.violin, Stance(x=0.44, facing=0.5)),
    "xylophone": (struck.xylophone, Stance(x=0.5)),
    "harp": (boards.harp, Stance(x=0.63, seated=True, knees=0.12, facing=-0.5)),
    "harmonica": (winds.harmonica, Stance(x=0.5)),
    "oboe": (winds.oboe, Stance(x=0.53, facing=-0.2)),
    "trombone": (brass.trombone, Stance(x=0.66, facing=-0.8)),
    "horn": (brass.horn, Stance(x=0.56, seated=True, knees=0.12, facing=-0.2)),
}

__all__ = ["HOLDS"]
