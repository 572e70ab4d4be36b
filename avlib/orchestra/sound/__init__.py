"""Sound of the Pocket Orchestra: a sampler that plays a score, in a player's own voice.

The bank (`bank/`, made by `tools/build_note_bank.py`) holds notes of each instrument every four
semitones. `play` takes the nearest one, brings it to pitch by resampling within two semitones,
loops it if it is sustained, lets it go at the note's end, and then puts the whole clip into the
voice of one player: tuning, brightness, resonances, vibrato, room, level and noise, all pure
functions of (instrument, player number). So no two players sound alike, and a player sounds alike
in every clip.
"""

from avlib.orchestra.sound.bank import shared_samples
from avlib.orchestra.sound.sampler import NOMINAL_DB, play
from avlib.orchestra.sound.voicing import Voice, voice

__all__ = ["NOMINAL_DB", "Voice", "play", "shared_samples", "voice"]
