"""What the hands must do when: notes turned into curves of time, for all frames at once.

Every curve is a function of continuous time, so a performance looks the same at any frame rate.
Nothing here knows an instrument's shape; `avlib.orchestra.shapes` maps the curves to places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avlib.orchestra.curves import Real
from avlib.orchestra.instruments import Instrument
from avlib.orchestra.score import Note

CHORD_S = 0.015  # notes that start closer than this are one stroke
READY_S = 0.18  # how long before a note a player leaves the resting posture
LEAVE_S = 0.22  # how long after a note a player takes to go back to it


def ease(times: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Go through (keys, values) with zero speed at each key (cubic smooth step between).

    Example:
        >>> ease(np.array([0.0, 0.25, 0.5, 9.0]), np.array([0.0, 1.0]), np.array([0.0, 4.0]))
        array([0.   , 0.625, 2.   , 4.   ])
    """
    after = np.searchsorted(keys, times, side="right").clip(1, len(keys) - 1)
    before = after - 1
    gap = np.maximum(keys[after] - keys[before], 1e-6)
    u = ((times - keys[before]) / gap).clip(0, 1)
    u = u * u * (3 - 2 * u)
    return values[before] * (1 - u) + values[after] * u


@dataclass(frozen=True)
class Strokes:
    """Strokes of one hand (or breath): chords merged; pitch 0 (lowest) to 1 (highest)."""

    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    midi: np.ndarray

    def __len__(self) -> int:
        return len(self.onset)

    def __getitem__(self, keep: np.ndarray | slice) -> "Strokes":
        return Strokes(
            self.onset[keep], self.end[keep], self.pitch[keep], self.velocity[keep], self.midi[keep]
        )


def strokes_of(notes: Sequence[Note], instrument: Instrument) -> Strokes:
    """Merge the notes of each chord into one stroke: top pitch, greatest velocity, last end."""
    if not notes:
        none = np.zeros(0)
        return Strokes(none, none, none, none, none)
    table = np.array([(n.onset_s, n.onset_s + n.duration_s, n.pitch, n.velocity) for n in notes])
    table = table[np.argsort(table[:, 0], kind="stable")]
    first = np.flatnonzero(np.diff(table[:, 0], prepend=-np.inf) > CHORD_S)
    onset = table[first, 0]
    end, midi, velocity = (np.maximum.reduceat(table[:, c], first) for c in (1, 2, 3))
    pitch = ((midi - instrument.low) / (instrument.high - instrument.low)).clip(0, 1)
    return Strokes(onset, end, pitch, velocity, midi)


class Timeline:
    """The curves of one performance at given times.

    Args:
        notes: what is played; empty for a player who is silent.
        instrument: whose range pitch is measured in.
        times: seconds of the frames, ``(frame,)``.
    """

    def __init__(self, notes: Sequence[Note], instrument: Instrument, times: np.ndarray) -> None:
        self.times = times
        self.notes = tuple(notes)
        self.instrument = instrument
        self.strokes = strokes_of(notes, instrument)
        self.zero = np.zeros(len(times))

    def active(self, strokes: Strokes | None = None) -> np.ndarray:
        """Playing posture: 1 while notes sound, 0 in rests, (frame,)."""
        s = self.strokes if strokes is None else strokes
        if not len(s):
            return self.zero
        t = self.times[:, None]
        u = np.minimum((t - s.onset + READY_S) / (READY_S - 0.03), (s.end + LEAVE_S - t) / 0.17)
        u = u.max(1).clip(0, 1)
        return u * u * (3 - 2 * u)

    def level(self) -> np.ndarray:
        """Loudness of the sounding note: its velocity, 40 ms attack, 80 ms release, (frame,)."""
        s = self.strokes
        if not len(s):
            return self.zero
        t = self.times[:, None]
        u = np.minimum((t - s.onset) / 0.04, (s.end + 0.08 - t) / 0.08).clip(0, 1)
        return (u * s.velocity).max(1)

    def pitch(self, strokes: Strokes | None = None, rest: Real = 0.4) -> np.ndarray:
        """Pitch in [0, 1], reached at the onset and held until the next note, (frame,)."""
        s = self.strokes if strokes is None else strokes
        if not len(s):
            return np.full(len(self.times), rest)
        return self.held(s, s.pitch)

    def held(self, strokes: Strokes, values: np.ndarray, lead: Real = 0.1) -> np.ndarray:
        """A value per stroke, reached at its onset from the one before within ``lead`` s."""
        onset = strokes.onset
        gap = np.diff(onset, prepend=onset[0] - 1.0)
        keys = np.stack([onset - np.minimum(lead, 0.6 * gap), onset], 1).ravel()
        before = np.concatenate([values[:1], values[:-1]])
        return ease(self.times, keys, np.stack([before, values], 1).ravel())

    def height(self, transpose: int = 0) -> np.ndarray:
        """Absolute pitch of the note that is played or was last, -1 (MIDI 30) to 1 (90), (frame,).

        Not relative to the instrument's range, as `pitch` is.

        Args:
            transpose: semitones by which the notes sound higher than they are written.
        """
        s = self.strokes
        if not len(s):
            return self.zero
        return self.held(s, ((s.midi + transpose - 60.0) / 30.0).clip(-1, 1), 0.15)

    def bow(self) -> np.ndarray:
        """Where on the bow the string is, -1 (frog) to 1 (tip): each note reverses it, (frame,)."""
        s = self.strokes
        if not len(s):
            return self.zero
        ends = np.append(s.onset[1:], np.inf)
        end = np.minimum(s.end, ends)
        reach = 0.3 + 0.65 * np.minimum((end - s.onset) / 0.8, 1.0)
        side = np.where(np.arange(len(s)) % 2 == 0, 1.0, -1.0)
        keys = np.stack([s.onset, end], 1).ravel()
        before = np.concatenate([[-0.6], (side * reach)[:-1]])
        return np.interp(self.times, keys, np.stack([before, side * reach], 1).ravel())

    def strum(self) -> np.ndarray:
        """Hand across the strings, -1 to 1: through 0 at each onset, down then up, (frame,)."""
        s = self.strokes
        if not len(s):
            return np.full(len(self.times), -0.6)
        gap = np.diff(s.onset, prepend=s.onset[0] - 1.0)
        half = np.minimum(0.06, 0.35 * gap)
        reach = 0.45 + 0.55 * s.velocity
        side = np.where(np.arange(len(s)) % 2 == 0, 1.0, -1.0)
        after = side * reach
        before = np.concatenate([[-reach[0]], after[:-1]])
        later = np.minimum(half, np.append(0.35 * gap[1:], 0.06))
        keys = np.stack([s.onset - half, s.onset + later], 1).ravel()
        return np.interp(self.times, keys, np.stack([before, after], 1).ravel())

    def fall(self, strokes: Strokes, rest: Real = 0.25) -> np.ndarray:
        """Height of a stick or finger: 0 at its onsets, raised before by loudness, (frame,)."""
        s = strokes
        if not len(s):
            return np.full(len(self.times), rest)
        gap = np.diff(s.onset, prepend=s.onset[0] - 2.0)
        following = np.append(gap[1:], 2.0)
        up = 0.45 + 0.55 * s.velocity
        drop = np.minimum(0.11, 0.45 * gap)
        rebound = np.minimum(0.1, 0.45 * following)
        keys = [s.onset - drop, s.onset, s.onset + rebound]
        values = [up, np.zeros(len(s)), 0.22 * up]
        early, late = gap > 0.8, following > 0.8
        keys += [s.onset[early] - 0.38, s.onset[late] + 0.4]
        values += [np.full(early.sum(), rest), np.full(late.sum(), rest)]
        key, value = np.concatenate(keys), np.concatenate(values)
        order = np.argsort(key, kind="stable")
        return np.interp(self.times, key[order], value[order])

    def effort(self) -> np.ndarray:
        """How far a wind player lifts the instrument, 0 to 17.

        Up with each attack and with loudness, sinking while the note is held; a little higher
        for high notes.
        """
        attack = 1 - self.since()
        return self.active() * (self.level() * (2.0 + 6.0 * attack) + 9.0 * self.pitch())

    def press(self, strokes: Strokes, rest: Real = 0.5) -> np.ndarray:
        """Height of a hand over keys: 0 while its note is held, up between notes, (frame,)."""
        s = strokes
        if not len(s):
            return np.full(len(self.times), rest)
        following = np.append(s.onset[1:], np.inf)
        gap = following - s.onset
        up = np.append(0.45 + 0.55 * s.velocity[1:], rest)
        release = np.minimum(s.end, s.onset + gap - np.minimum(0.12, 0.5 * gap))
        raised = np.minimum(release + 0.09, s.onset + gap - np.minimum(0.05, 0.2 * gap))
        keys = np.stack([s.onset, release, raised], 1).ravel()
        values = np.stack([0 * up, 0 * up, up], 1).ravel()
        keys, values = np.append(s.onset[0] - 0.1, keys), np.append(rest, values)
        return np.interp(self.times, keys, values)

    def since(self, strokes: Strokes | None = None, over: Real = 0.7) -> np.ndarray:
        """Time since the last onset, 0 just after it to 1 (``over`` s later or more), (frame,).

        Slow, so that a still picture tells how old a note is; the way back to 0 takes the last
        80 ms before the next onset.
        """
        s = self.strokes if strokes is None else strokes
        if not len(s):
            return self.zero + 1
        gap = np.diff(s.onset, append=np.inf)
        back = np.minimum(0.08, 0.4 * gap)
        late = np.minimum(gap - back, over)
        top = late / over
        keys = np.stack([s.onset, s.onset + late, s.onset + np.maximum(gap - back, late)], 1)
        keys[-1, 2] = keys[-1, 1] + 1e-3
        first = s.onset[0] - 0.08
        values = np.stack([np.zeros(len(s)), top, top], 1)
        return np.interp(self.times, np.append(first, keys.ravel()), np.append(1.0, values.ravel()))

    def pluck(self, strokes: Strokes | None = None) -> np.ndarray:
        """A quick flick at each onset, 0 at rest to 1 just after it, gone in 0.25 s, (frame,)."""
        s = self.strokes if strokes is None else strokes
        if not len(s):
            return self.zero
        t = self.times[:, None] - s.onset
        rise, decay = (t + 0.02) / 0.05, 1 - (t - 0.05) / 0.2
        return (np.minimum(rise, decay).clip(0, 1) * (0.5 + 0.5 * s.velocity)).max(1)

    def lungs(self) -> np.ndarray:
        """Air in the chest: fills before a phrase, sinks while it sounds, 0 to 1, (frame,)."""
        s = self.strokes
        if not len(s):
            return np.full(len(self.times), 0.2)
        first = np.flatnonzero(
            np.diff(s.onset, prepend=-np.inf) - np.append(0, s.end[:-1] - s.onset[:-1]) > 0.25
        )
        start = s.onset[first]
        stop = np.append(s.end[first[1:] - 1], s.end[-1])
        before = np.maximum(start - 0.3, np.append(-np.inf, stop[:-1] + 0.02))
        keys = np.stack([before, start - 0.02, stop], 1).ravel()
        return ease(self.times, keys, np.tile([0.0, 1.0, 0.05], len(first)))

    def bellows(self) -> np.ndarray:
        """How far the accordion is open, 0 to 1: moves while it sounds, turns at the ends."""
        s = self.strokes
        if not len(s):
            return np.full(len(self.times), 0.15)
        keys: list[float] = []
        values: list[float] = []
        place, side = 0.15, 1.0
        for onset, end, velocity in zip(s.onset, s.end, s.velocity, strict=True):
            if keys and onset < keys[-1]:
                onset = keys[-1]
            if end <= onset:
                continue
            keys.append(onset)
            values.append(place)
            step = (end - onset) * (0.45 + 0.5 * velocity)
            if not 0 <= place + side * step <= 1:
                side = -side
            place = min(1.0, max(0.0, place + side * step))
            keys.append(end)
            values.append(place)
        return np.interp(self.times, np.array(keys), np.array(values))

    def fingers(self, count: int) -> np.ndarray:
        """Which of ``count`` holes or keys are closed, (frame, count) in [0, 1].

        As on a simple pipe: the lowest note of an octave closes all, each step opens one more
        from the far end.
        """
        s = self.strokes
        if not len(s):
            return np.full((len(self.times), count), 0.6)
        closed = count - (np.round(s.midi) % 12) * count / 11.0
        down = (closed[:, None] - np.arange(count) > 0.5).astype(float)
        return np.stack([self.held(s, down[:, k], 0.07) for k in range(count)], 1)

    def valves(self) -> np.ndarray:
        """Which of three valves are pressed, (frame, 3) in [0, 1]: the trumpet's seven grips."""
        s = self.strokes
        if not len(s):
            return np.zeros((len(self.times), 3))
        grips = np.array(
            [[0, 0, 0], [1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0]], float
        )
        down = grips[np.round(s.midi).astype(int) % 7]
        return np.stack([self.held(s, down[:, k], 0.07) for k in range(3)], 1)

    def split(self, low: Strokes | None = None) -> tuple[Strokes, Strokes]:
        """Share the notes between a low and a high hand by pitch: (low strokes, high strokes)."""
        middle = np.median(self.strokes.midi) if len(self.strokes) else 0.0
        lower = [n for n in self.notes if n.pitch < middle]
        upper = [n for n in self.notes if n.pitch >= middle]
        return strokes_of(lower, self.instrument), strokes_of(upper, self.instrument)

    def alternate(self) -> tuple[Strokes, Strokes]:
        """Share the strokes between two hands in turn: (right strokes, left strokes)."""
        return self.strokes[0::2], self.strokes[1::2]
