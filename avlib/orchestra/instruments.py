"""The 26 instruments of the Pocket Orchestra: who plays what, how, and how high.

One table that sound (`sound`), melody (`score`) and picture (`performer`, `stage`) all read.
Pitches are MIDI numbers (60 = middle C, 261.6 Hz).
"""

from dataclasses import dataclass

FAMILIES = ("strings", "plucked strings", "keyboard", "woodwind", "brass", "percussion")
TECHNIQUES = ("bowed", "plucked", "strummed", "keyed", "blown", "struck")


@dataclass(frozen=True)
class Instrument:
    """One instrument.

    Attributes:
        name: the data sets' own label ("acoustic guitar").
        family: one of `FAMILIES`; relatives look alike.
        technique: one of `TECHNIQUES`; decides which motion follows the notes.
        low: lowest MIDI pitch a melody uses.
        high: highest MIDI pitch a melody uses.
        voices: how many notes may sound at once (1 = melody only).
    """

    name: str
    family: str
    technique: str
    low: int
    high: int
    voices: int = 1


_TABLE = (
    Instrument("accordion", "keyboard", "keyed", 53, 84, 3),
    Instrument("acoustic guitar", "plucked strings", "strummed", 40, 76, 5),
    Instrument("bagpipe", "woodwind", "blown", 60, 77),
    Instrument("banjo", "plucked strings", "plucked", 50, 79, 2),
    Instrument("bassoon", "woodwind", "blown", 34, 65),
    Instrument("cello", "strings", "bowed", 36, 69),
    Instrument("clarinet", "woodwind", "blown", 50, 84),
    Instrument("congas", "percussion", "struck", 60, 64, 2),
    Instrument("drum", "percussion", "struck", 35, 51, 3),
    Instrument("electric bass", "plucked strings", "plucked", 28, 55),
    Instrument("erhu", "strings", "bowed", 62, 86),
    Instrument("flute", "woodwind", "blown", 60, 93),
    Instrument("guzheng", "plucked strings", "plucked", 43, 81, 2),
    Instrument("piano", "keyboard", "keyed", 36, 88, 4),
    Instrument("pipa", "plucked strings", "plucked", 45, 79, 2),
    Instrument("saxophone", "woodwind", "blown", 49, 80),
    Instrument("trumpet", "brass", "blown", 54, 82),
    Instrument("tuba", "brass", "blown", 28, 58),
    Instrument("ukulele", "plucked strings", "strummed", 60, 81, 4),
    Instrument("violin", "strings", "bowed", 55, 91),
    Instrument("xylophone", "percussion", "struck", 65, 96, 2),
    Instrument("harp", "plucked strings", "plucked", 36, 91, 3),
    Instrument("harmonica", "woodwind", "blown", 60, 88, 2),
    Instrument("oboe", "woodwind", "blown", 58, 86),
    Instrument("trombone", "brass", "blown", 40, 70),
    Instrument("horn", "brass", "blown", 41, 74),
)

INSTRUMENTS: dict[str, Instrument] = {instrument.name: instrument for instrument in _TABLE}

MUSIC21: tuple[str, ...] = tuple(i.name for i in _TABLE[:21])
MUSIC11: tuple[str, ...] = (
    "accordion",
    "acoustic guitar",
    "cello",
    "clarinet",
    "erhu",
    "flute",
    "saxophone",
    "trumpet",
    "tuba",
    "violin",
    "xylophone",
)

# Who may be heard where: look and voice belong to (instrument, player number), so a player of
# the test set was never seen or heard in training.
PLAYERS: dict[str, range] = {
    "train": range(0, 40),
    "validation": range(40, 48),
    "test": range(48, 64),
}


def instrument(name: str) -> Instrument:
    """Look an instrument up by its label.

    Raises:
        ValueError: the label is unknown; the message lists all that are.

    Example:
        >>> instrument("erhu").technique
        'bowed'
    """
    try:
        return INSTRUMENTS[name]
    except KeyError:
        known = ", ".join(INSTRUMENTS)
        raise ValueError(f"unknown instrument {name!r}; the orchestra has: {known}") from None
