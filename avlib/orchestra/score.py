"""Melodies for the Pocket Orchestra: what each player is given to play.

A score is a tuple of `Note`. `melody` writes one for an instrument from a random generator: a key,
a tempo, phrases with a breath between them, rhythms that suit the playing technique, small leaps
inside the instrument's range, an arc of loudness over each phrase, chords where the instrument has
them, and grooves for drum kit and congas. Sound and picture both follow the same notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from numpy.random import Generator

from avlib.orchestra.instruments import Instrument
from avlib.orchestra.instruments import instrument as find

_T = TypeVar("_T")

SHORTEST_S = 0.1  # no written note is shorter (repeats of a tremolo lie just above)
LONGEST_S = 2.4  # a breath, a bow
STRUCK_S = 0.45  # what is struck has died away by then
REST_S = 0.4  # the least silence between two phrases

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
}
# Scales of an instrument's own repertoire; the others use the first three.
_REPERTOIRE: dict[str, tuple[str, ...]] = {
    "erhu": ("pentatonic",),
    "guzheng": ("pentatonic",),
    "pipa": ("pentatonic",),
    "bagpipe": ("mixolydian",),
    "banjo": ("major", "mixolydian", "pentatonic"),
    "harmonica": ("major", "blues"),
    "saxophone": ("dorian", "minor", "blues"),
    "electric bass": ("minor", "dorian", "blues", "major"),
}
# One bar of four beats each, as note lengths in beats.
_RHYTHMS: dict[str, tuple[tuple[float, ...], ...]] = {
    "bowed": (
        (1, 1, 1, 1),
        (2, 1, 1),
        (1.5, 0.5, 1, 1),
        (0.5, 0.5, 1, 2),
        (3, 1),
        (1, 0.5, 0.5, 2),
        (0.5, 0.5, 0.5, 0.5, 1, 1),
    ),
    "blown": (
        (1, 1, 2),
        (1.5, 0.5, 2),
        (0.5, 0.5, 0.5, 0.5, 2),
        (1, 0.5, 0.5, 1, 1),
        (2, 2),
        (0.75, 0.25, 1, 0.75, 0.25, 1),
        (1, 1, 1, 1),
    ),
    "keyed": (
        (1, 1, 1, 1),
        (0.5, 0.5, 1, 0.5, 0.5, 1),
        (0.5,) * 8,
        (1.5, 0.5, 1, 1),
        (1, 0.5, 0.5, 2),
    ),
    "plucked": (
        (0.5,) * 8,
        (1, 0.5, 0.5, 1, 0.5, 0.5),
        (1, 1, 0.5, 0.5, 1),
        (1.5, 0.5, 1.5, 0.5),
        (1, 1, 1, 1),
        (0.5, 1, 0.5, 1, 1),
    ),
    "strummed": (
        (1, 1, 1, 1),
        (1, 0.5, 0.5, 1, 1),
        (1, 0.5, 1, 0.5, 1),
        (1.5, 0.5, 1, 1),
        (1, 0.5, 0.5, 0.5, 0.5, 1),
    ),
    "struck": (
        (0.5,) * 8,
        (1, 0.5, 0.5, 1, 1),
        (0.5, 0.5, 1, 0.5, 0.5, 1),
        (0.75, 0.25, 0.5, 0.5, 1, 1),
        (1, 1, 1, 1),
    ),
}
# How much of the time to the next note a note fills.
_LEGATO = {
    "bowed": (0.9, 0.99),
    "blown": (0.78, 0.95),
    "keyed": (0.7, 0.95),
    "plucked": (0.85, 1.0),
    "strummed": (0.85, 1.0),
    "struck": (0.7, 1.0),
}
# Sixteen steps a bar. Capitals are accents, dots are rests.
_GROOVES: tuple[dict[int, str], ...] = (
    {36: "X.......x.x.....", 38: "....X.......X...", 42: "x.x.x.x.x.x.x.x."},
    {36: "X..x..x...x.....", 38: "....X..x.x..X...", 42: "x.x.x.x.x.x.x.x."},
    {36: "X...x...X...x...", 38: "....X.......X..x", 46: "..x...x...x...x."},
    {36: "X.....x.X.......", 38: "....X.......X...", 51: "x...x.x.x...x.x."},
    {36: "X.......X.......", 38: "..x.X.x...x.X.x.", 42: "x...x...x...x..."},
    {36: "X..x......x.....", 38: "........X.......", 42: "x.xxx.x.x.xxx.x."},
    {36: "X...X...X...X...", 45: "x..x..x.x..x..x.", 47: "......x.......x."},
)
_FILLS = ((38, 38, 48, 48, 47, 47, 45, 45), (48, 48, 47, 45), (38, 48, 47, 45), (38, 38, 38, 38))
_CONGAS: tuple[dict[int, str], ...] = (
    {62: "x.x.X.x.x.x.x...", 63: "............X.X.", 64: "......x........."},
    {63: "X..x..X...X.....", 64: "....x.......x.xx"},
    {60: "X.xxX.xxX.xxX.xx", 61: "......x.......x."},
    {62: "x...x...x...x...", 63: "..X...X.....X.X.", 64: "........x......."},
    {63: "X.x.....X.x.....", 64: "....X.x.....X.xx", 60: "..............x."},
)
# How long a stroke is heard to ring, in seconds.
_RING_S = {36: 0.35, 42: 0.18, 46: 0.5, 49: 1.2, 51: 0.6, 62: 0.2}


@dataclass(frozen=True)
class Note:
    """One note.

    Attributes:
        onset_s: when it starts, in seconds from the start of the clip.
        duration_s: how long it is held, in seconds.
        pitch: MIDI number; for drum and congas the General MIDI number of the drum.
        velocity: how loud, in (0, 1].
    """

    onset_s: float
    duration_s: float
    pitch: float
    velocity: float

    @property
    def end_s(self) -> float:
        """When the note is let go, in seconds."""
        return self.onset_s + self.duration_s


def melody(instrument: str, seconds: float, rng: Generator) -> tuple[Note, ...]:
    """Write a melody for an instrument.

    The clip is an excerpt: the music may be under way at its start, or start late, and the last
    note may be cut by its end. Players rest about a fifth of the time, at least 0.4 s between
    phrases. Notes of an instrument with one voice never overlap; otherwise never more than
    `voices` sound at once. At least one note always sounds.

    Args:
        instrument: a name of `INSTRUMENTS`.
        seconds: length of the clip.
        rng: source of everything random; the same state writes the same melody.

    Returns:
        Notes sorted by onset, all inside the clip and inside the instrument's range.

    Raises:
        ValueError: the instrument is unknown or `seconds` is not positive.

    Example:
        >>> from numpy.random import default_rng
        >>> notes = melody("flute", 6.0, default_rng(0))
        >>> all(a.end_s <= b.onset_s for a, b in zip(notes, notes[1:]))
        True
    """
    player = find(instrument)
    if not seconds > 0:
        raise ValueError(f"a melody needs a positive length, not {seconds} s")
    lead_s = float(rng.uniform(-2.5, 0.5)) if seconds > 1 else -0.5
    for attempt in range(8):
        # A start before the clip means: the music is under way. Too thin a draw is drawn again.
        start_s = lead_s if attempt < 7 else 0.0
        written = _phrases(player, start_s, seconds, rng)
        notes = _excerpt(_limit_voices(written, player.voices), seconds)
        if notes and sounding_fraction(notes, seconds) >= 0.45:
            break
        lead_s = float(rng.uniform(-1.5, 0.0))
    return tuple(notes)


def sounding_fraction(notes: Sequence[Note], seconds: float) -> float:
    """Share of a clip during which at least one note is held.

    Args:
        notes: sorted by onset.
        seconds: length of the clip.

    Returns:
        A number in [0, 1].

    Example:
        >>> sounding_fraction([Note(0.0, 2.0, 60.0, 1.0), Note(1.0, 2.0, 64.0, 1.0)], 6.0)
        0.5
    """
    total, until = 0.0, 0.0
    for note in notes:
        end = min(note.end_s, seconds)
        total += max(0.0, end - max(note.onset_s, until))
        until = max(until, end)
    return total / seconds


def _phrases(player: Instrument, start_s: float, seconds: float, rng: Generator) -> list[Note]:
    """Phrases and the rests between them, from `start_s` to past the end of the clip."""
    beat_s = 60.0 / float(rng.uniform(70, 150))
    rest_share = float(rng.uniform(0.06, 0.18))
    tune = _Tune(player, rng)
    notes: list[Note] = []
    now_s = start_s
    while now_s < seconds:
        bars = 1 if 4 * beat_s > 2.4 or rng.random() < 0.2 else 2
        phrase = tune.phrase(now_s, bars, beat_s)
        notes += phrase
        length_s = max(note.end_s for note in phrase) - now_s
        rest_s = length_s * rest_share / (1 - rest_share) * float(rng.uniform(0.7, 1.4))
        now_s += length_s + max(REST_S + 0.02, rest_s)
    return notes


def _pick(choices: Sequence[_T], rng: Generator) -> _T:
    """One of the choices, all alike likely."""
    return choices[int(rng.random() * len(choices))]


class _Tune:
    """What stays the same from phrase to phrase: key, scale, register, groove."""

    def __init__(self, player: Instrument, rng: Generator) -> None:
        self.player = player
        self.rng = rng
        names = _REPERTOIRE.get(player.name, ("major", "minor", "dorian"))
        scale = SCALES[_pick(names, rng)]
        tonic = int(rng.integers(12))
        within = [p for p in range(player.low, player.high + 1) if (p - tonic) % 12 in scale]
        self.pitches = [float(p) for p in within]
        self.degrees = [scale.index((p - tonic) % 12) for p in within]
        self.steps = len(scale)
        self.home = float(rng.uniform(0.25, 0.75)) * (len(self.pitches) - 1)
        self.place = round(self.home)
        self.legato = float(rng.uniform(*_LEGATO[player.technique]))
        self.habit = float(rng.random())  # how much of chords, rolls, tremolo
        self.groove = _pick(_GROOVES if player.name == "drum" else _CONGAS, rng)

    def phrase(self, start_s: float, bars: int, beat_s: float) -> list[Note]:
        """One phrase of some bars of four beats."""
        if self.player.name in ("drum", "congas"):
            return self._groove(start_s, bars, beat_s)
        loud, arc = float(self.rng.uniform(0.45, 0.9)), float(self.rng.uniform(-0.25, 0.25))
        rhythm: list[float] = []
        patterns = _RHYTHMS[self.player.technique]
        for _ in range(bars):
            rhythm += _pick(patterns, self.rng)
        chords = self._progression(bars)
        notes: list[Note] = []
        position = 0.0
        for index, length in enumerate(rhythm):
            accent = 0.08 if position % 2 == 0 else 0.0
            shape = arc * (2 * position / (4 * bars) - 1)
            velocity = loud + accent + shape + 0.04 * float(self.rng.standard_normal())
            onset_s = start_s + position * beat_s + float(self.rng.uniform(-0.006, 0.006))
            held_s = min(length * beat_s * self.legato, LONGEST_S)
            if self.player.technique == "struck" and not self._rolls(held_s):
                held_s = min(held_s, STRUCK_S)
            held_s = max(held_s - 0.012, SHORTEST_S)
            is_last = index == len(rhythm) - 1
            self._step(is_last, chords[int(position // 4)])
            stroke = Note(onset_s, held_s, 0.0, min(max(velocity, 0.15), 1.0))
            notes += self._stroke(stroke, chords[int(position // 4)], index, position)
            position += length
        return notes

    def _progression(self, bars: int) -> list[tuple[int, ...]]:
        """The degrees of the scale in each bar's triad: on I, IV, V or VI."""
        roots = (_pick((0, 3, 4, 5), self.rng) for _ in range(bars))
        return [tuple((root + k) % self.steps for k in (0, 2, 4)) for root in roots]

    def _step(self, is_last: bool, chord: tuple[int, ...]) -> None:
        """Move on by a step or a small leap, drawn home; a phrase ends on a tone of its chord."""
        size = _pick((0, 1, 1, 1, 2, 2, 3, 4), self.rng)
        pull = 2 * (self.home - self.place) / len(self.pitches)
        up = self.rng.random() < 0.5 + 0.45 * min(max(pull, -1), 1)
        place = min(max(self.place + (size if up else -size), 0), len(self.pitches) - 1)
        if is_last:
            tones = (i for i, degree in enumerate(self.degrees) if degree in chord)
            place = min(tones, key=lambda i: abs(i - place))
        self.place = place

    def _stroke(
        self, stroke: Note, chord: tuple[int, ...], index: int, position: float
    ) -> list[Note]:
        """The notes of one stroke: a melody note, a chord, a strum, a roll or a tremolo."""
        player, rng = self.player, self.rng
        top = replace(stroke, pitch=self.pitches[self.place])
        on_bar = position % 4 == 0
        if player.technique == "strummed":
            if self.habit < 0.25 and index % 2:
                return [top]
            return self._strum(stroke, chord, down=index % 2 == 0)
        if self._rolls(stroke.duration_s):
            return self._tremolo(top)
        if player.voices >= 3 and (on_bar or rng.random() < 0.2 + 0.3 * self.habit):
            below = self._chord(chord, self.place - 2, player.voices - 1)
            soft = 0.85 * stroke.velocity
            return [top] + [replace(top, pitch=p, velocity=soft) for p in below]
        if player.voices == 2 and rng.random() < 0.15 + 0.35 * self.habit:
            if self.place >= 2:  # a third below
                second = self.pitches[self.place - 2]
                return [top, replace(top, pitch=second, velocity=0.85 * stroke.velocity)]
        return [top]

    def _chord(self, chord: tuple[int, ...], highest: int, count: int) -> list[float]:
        """Up to `count` tones of a chord, downwards from a place in the scale."""
        highest = min(highest, len(self.pitches) - 1)
        tones = [i for i in range(highest, -1, -1) if self.degrees[i] in chord]
        return [self.pitches[i] for i in tones[:count]]

    def _strum(self, stroke: Note, chord: tuple[int, ...], down: bool) -> list[Note]:
        """All strings, one after the other within some 60 ms; down strokes start at the bass."""
        pitches = self._chord(chord, self.place + 3, self.player.voices)[::-1]
        if not pitches:
            pitches = [self.pitches[self.place]]
        if not down:  # an up stroke catches the upper strings
            pitches = pitches[::-1][: max(2, len(pitches) - 1)]
        gap_s = float(self.rng.uniform(0.007, 0.014))
        return [
            Note(
                stroke.onset_s + i * gap_s,
                max(stroke.duration_s - i * gap_s, SHORTEST_S / 2),
                pitch,
                stroke.velocity * (0.95 if i else 1.0),
            )
            for i, pitch in enumerate(pitches)
        ]

    def _rolls(self, held_s: float) -> bool:
        """Whether a note is long enough, and the player inclined, to roll it."""
        inclined = {"pipa": 0.6, "xylophone": 0.7}.get(self.player.name, 0.0)
        return self.habit < inclined and held_s > STRUCK_S

    def _tremolo(self, note: Note) -> list[Note]:
        """A long note on pipa or xylophone: rolling repeats, eight or nine a second."""
        gap_s = float(self.rng.uniform(0.11, 0.13))
        count = int(note.duration_s // gap_s)
        soft = [1.0 if i == 0 else 0.75 for i in range(count)]
        return [
            Note(note.onset_s + i * gap_s, gap_s * 0.98, note.pitch, note.velocity * soft[i])
            for i in range(count)
        ]

    def _groove(self, start_s: float, bars: int, beat_s: float) -> list[Note]:
        """Some bars of the groove, with a fill now and then."""
        loud, step_s, kit = (
            float(self.rng.uniform(0.5, 0.85)),
            beat_s / 4,
            self.player.name == "drum",
        )
        strokes: list[tuple[int, int, float]] = []  # step, drum, velocity
        for bar in range(bars):
            fill = kit and bar == bars - 1 and self.rng.random() < 0.35
            for drum, row in self.groove.items():
                for step, mark in enumerate(row):
                    if mark != "." and not (fill and step >= 8):
                        strokes.append((16 * bar + step, drum, 1.15 if mark == "X" else 0.8))
            if fill:
                drums = _pick(_FILLS, self.rng)
                every = 8 // len(drums)
                strokes += [(16 * bar + 8 + i * every, d, 1.0) for i, d in enumerate(drums)]
        if kit and self.rng.random() < 0.4:
            strokes = [s for s in strokes if s[:2] != (0, 42)] + [(0, 49, 1.1)]
        notes = []
        for step, drum, accent in sorted(strokes):
            velocity = loud * accent * float(self.rng.uniform(0.85, 1.1))
            onset_s = start_s + step * step_s + float(self.rng.uniform(-0.005, 0.005))
            ring_s = _RING_S.get(drum, 0.3)
            notes.append(Note(onset_s, ring_s, float(drum), min(max(velocity, 0.15), 1.0)))
        return notes


def _limit_voices(notes: Sequence[Note], voices: int) -> list[Note]:
    """End a note early where its string is needed: same pitch again, or all voices taken."""
    kept: list[Note] = []
    active: list[int] = []  # indices into `kept`, oldest first
    for note in sorted(notes, key=lambda n: (n.onset_s, n.pitch)):
        active = [i for i in active if kept[i].end_s > note.onset_s]
        ending = [i for i in active if kept[i].pitch == note.pitch]
        rest = [i for i in active if i not in ending]
        ending += rest[: max(0, len(rest) - voices + 1)]
        for i in ending:
            kept[i] = replace(kept[i], duration_s=note.onset_s - kept[i].onset_s)
        active = [i for i in active if i not in ending] + [len(kept)]
        kept.append(note)
    return [note for note in kept if note.duration_s > 0]


def _excerpt(notes: Sequence[Note], seconds: float) -> list[Note]:
    """The notes that start inside the clip, the last ones cut at its end."""
    inside = [n for n in notes if 0 <= n.onset_s < seconds - 0.08]
    if not inside:
        inside = [replace(n, onset_s=0.0) for n in notes[:1]]
    return [replace(n, duration_s=min(n.duration_s, seconds - n.onset_s)) for n in inside]
