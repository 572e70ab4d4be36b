"""A source that reads each clip once and then has it in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from avlib.data.clip import Clip, Entry, Source

SLACK_S = 1e-4
"""How much of a clip may be missing where it is read as a whole, seconds: about a sample."""

_Sound = tuple[np.ndarray, np.ndarray | None, bool]


class Remembered:
    """Another source's clips, kept in memory once they were read.

    What was read is found again by its arguments: clip, moments, size, rate, and whether there
    are pictures; sound and sight are kept apart, so that what shares only the sound holds it
    once. Only whole clips are kept: make them as long as a training segment (`Orchestra` makes
    6 s, SeCo's segment). A segment of a longer clip begins elsewhere each time and would never
    be asked for again; it is read from the source.

    Memory of a clip: a byte for each sample of its pictures, 4 bytes for each of its sound, once
    more for each stem of more than one player. For SeCo's 6 s that is 2.1 MB with 24 pictures of
    160 pixels, 0.7 MB with 80, 0.3 MB with joints alone: 2,400 clips of 80 pixels take 1.8 GB.
    Every loader worker keeps a memory of its own; load without workers.

    Args:
        source: whose clips; may be endless.
        clips: keep to the first so many; None: all, which then must have an end.

    Attributes:
        entries: what there is to read.
        held: how many bytes are kept.

    Raises:
        ValueError: no clips, or no end of them.

    Example:
        >>> from avlib.data import Orchestra
        >>> source = Remembered(Orchestra("train"), clips=30)
        >>> a, b = source.read(3, size=16), source.read(3, size=16)
        >>> len(source), bool((a.frames == b.frames).all()), source.held
        (30, True, 300912)
    """

    def __init__(self, source: Source, clips: int | None = None) -> None:
        if clips is None and len(source) >= 2**31:
            raise ValueError("this source has no end; say clips=, how many of it to keep to")
        if clips is not None and clips < 1:
            raise ValueError(f"clips={clips}: keep to 1 or more")
        self.source = source
        self.entries: tuple[Entry, ...] = tuple(source.entries[:clips])
        self._sounds: dict[tuple[Any, ...], _Sound] = {}
        self._sights: dict[tuple[Any, ...], Clip] = {}

    @property
    def split(self) -> str:
        """The split of all entries."""
        return self.source.split

    @property
    def held(self) -> int:
        """Bytes that are kept: samples, pictures, joints, boxes."""
        arrays: list[np.ndarray | None] = []
        for wave, stems, _ in self._sounds.values():
            arrays += [wave, stems]
        for clip in self._sights.values():
            arrays += [clip.frames, clip.boxes, clip.joints, clip.sounding, clip.frame_times]
        return sum(array.nbytes for array in arrays if array is not None)

    def __len__(self) -> int:
        return len(self.entries)

    def read(
        self,
        index: int,
        start_s: float = 0.0,
        seconds: float | None = None,
        frame_times: Sequence[float] | np.ndarray | None = None,
        size: int | tuple[int, int] | None = None,
        rate: int | None = None,
        pictures: bool = True,
    ) -> Clip:
        """Read clip `index`, or remember it; see `Source.read`."""
        index = range(len(self))[index]
        length = self.entries[index].seconds
        if start_s != 0 or (seconds is not None and abs(seconds - length) > SLACK_S):
            return self.source.read(index, start_s, seconds, frame_times, size, rate, pictures)
        times = None if frame_times is None else tuple(float(time) for time in frame_times)
        sound = (index, seconds, rate)
        sight = (*sound, times, size, pictures)
        if sound not in self._sounds or sight not in self._sights:
            clip = self.source.read(index, start_s, seconds, times, size, rate, pictures)
            self._sounds.setdefault(sound, _sound_of(clip))
            self._sights[sight] = replace(clip, wave=np.zeros(0, np.float32), stems=None)
        wave, stems, solo = self._sounds[sound]
        seen = self._sights[sight]
        return replace(
            seen,
            wave=wave.copy(),
            stems=wave[None].copy() if solo else _copy(stems),
            frames=seen.frames.copy(),
            frame_times=seen.frame_times.copy(),
            boxes=_copy(seen.boxes),
            joints=_copy(seen.joints),
            sounding=_copy(seen.sounding),
        )


def _sound_of(clip: Clip) -> _Sound:
    """The sound of a clip, and its stems unless a solo's only one is the same again."""
    solo = clip.stems is not None and np.array_equal(clip.stems, clip.wave[None])
    # copies: what a source gives may be a part of something longer
    return clip.wave.copy(), None if solo else _copy(clip.stems), solo


def _copy(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else array.copy()
