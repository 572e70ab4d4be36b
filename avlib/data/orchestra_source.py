"""The Pocket Orchestra as a source of clips: endless, reproducible, and read in milliseconds.

An entry is a line of a concert programme: who plays what, under which seed. It costs
microseconds; the clip itself is made when it is read, and only what is asked for: three
pictures where three are needed, at the size and the rate that are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avlib.data.clip import Clip, Entry, picture_times, segment
from avlib.data.splits import check_player_split
from avlib.orchestra.instruments import MUSIC21, instrument
from avlib.orchestra.programme import (
    check_programme,
    draw_programme,
    draw_transpose,
    player_name,
    random_generator,
)
from avlib.orchestra.scene import TRANSPOSE, make_scene

ENDLESS = 2**40
"""The length of an orchestra without a given length: no clip is ever heard twice."""


@dataclass(frozen=True)
class Performance(Entry):
    """The entry of an orchestra's clip: all that `make_scene` needs to make it again.

    Attributes:
        seed: of the scene.
        numbers: the players' numbers, see `avlib.orchestra.instruments.PLAYERS`.
        silent: positions of the players who are there but do not play.
        hard: hard cases, see `make_scene`.
        expression: how far players rise with the pitch, see `make_scene`.
        transpose: semitones by which they sound higher than written, see `make_scene`.
    """

    seed: int = 0
    numbers: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()
    hard: tuple[str, ...] = ()
    expression: float = 0.0
    transpose: int = 0

    @property
    def pictures(self) -> None:
        """None: a picture can be drawn of any moment."""
        return None


def performance(
    seed: int,
    instruments: Sequence[str],
    numbers: Sequence[int],
    split: str,
    *,
    name: str = "",
    seconds: float = 6.0,
    fps: float = 4.0,
    silent: Sequence[int] = (),
    hard: Sequence[str] = (),
    expression: float = 0.0,
    transpose: int = 0,
) -> Performance:
    """Write the entry of one clip of the orchestra.

    Args:
        seed: of the scene.
        instruments: one label a player.
        numbers: one number a player, out of the split's.
        split: "train", "validation" or "test".
        name: of the clip (default: made of the rest).
        seconds: length.
        fps: pictures per second, where `read` is not told when to take them.
        silent: positions of players who are there but do not play.
        hard: hard cases, see `make_scene`.
        expression: how far players rise with the pitch, see `make_scene`.
        transpose: semitones by which they sound higher than written, see `make_scene`.

    Raises:
        ValueError: an unknown instrument or split, or a player who belongs to another split.

    Example:
        >>> performance(3, ["violin"], [50], "test").players
        ('violin-50',)
    """
    members = check_player_split(split)
    for number in numbers:
        if number not in members:
            raise ValueError(f"player {number} is not in split {split!r} ({members})")
    if len(instruments) != len(numbers):
        raise ValueError(f"{len(instruments)} instruments for {len(numbers)} players")
    labels = tuple(instrument(label).name for label in instruments)
    players = tuple(player_name(*pair) for pair in zip(labels, numbers, strict=True))
    name = name or f"{'+'.join(players)}-{seed}".replace(" ", "_")
    return Performance(
        name=name,
        categories=labels,
        players=players,
        seconds=seconds,
        split=split,
        fps=fps,
        video=name,
        seed=seed,
        numbers=tuple(numbers),
        silent=tuple(silent),
        hard=tuple(hard),
        expression=expression,
        transpose=transpose,
    )


class _Programme(Sequence[Performance]):
    """The entries of an orchestra, each written when it is looked at."""

    def __init__(self, orchestra: "Orchestra") -> None:
        self._orchestra = orchestra

    def __len__(self) -> int:
        length = self._orchestra.length
        return ENDLESS if length is None else length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self._orchestra.entry(i) for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"entry {index} of an orchestra of {len(self)} clips")
        return self._orchestra.entry(int(index) % len(self))


@dataclass(frozen=True)
class Orchestra:
    """The Pocket Orchestra as a source: entry i is a pure function of (seed, split, i).

    Attributes:
        split: whose players: "train", "validation" or "test".
        instruments: which may play.
        seed: another seed, another orchestra of the same players.
        length: number of clips; None: endless (2^40).
        players_per_scene: 1 to 4; players of one scene play different instruments.
        seconds: length of a clip.
        fps: pictures per second, where `read` is not told when to take them.
        size: of the pictures in pixels, (height, width) or one number for both.
        rate: samples per second.
        silent_probability: how likely it is that a player is there but does not play (somebody
            always does).
        hard: hard cases in every scene, see `make_scene`.
        expression: how far players rise with the pitch, see `make_scene`.
        transpose: at most so many semitones is each scene higher or lower than written: drawn for
            every scene, cut so that its instruments stay between the orchestra's lowest and
            highest pitch; 0: as written, always.

    Raises:
        ValueError: an unknown instrument or split, or not enough instruments for a scene.

    Example:
        >>> source = Orchestra("test", instruments=("cello", "flute"), length=100)
        >>> len(source), source.entries[7].players
        (100, ('flute-55',))
    """

    split: str = "train"
    instruments: Sequence[str] = MUSIC21
    seed: int = 0
    length: int | None = None
    players_per_scene: int = 1
    seconds: float = 6.0
    fps: float = 4.0
    size: int | tuple[int, int] = 128
    rate: int = 11025
    silent_probability: float = 0.0
    hard: Sequence[str] = field(default=())
    expression: float = 0.0
    transpose: int = 0

    def __post_init__(self) -> None:
        check_player_split(self.split)
        labels = tuple(instrument(label).name for label in self.instruments)
        object.__setattr__(self, "instruments", labels)
        object.__setattr__(self, "hard", tuple(self.hard))
        check_programme(labels, self.players_per_scene, self.silent_probability)
        if not 0 <= self.transpose <= TRANSPOSE:
            raise ValueError(
                f"transpose goes from 0 to {TRANSPOSE} semitones; got {self.transpose}"
            )
        if self.length is not None and self.length < 1:
            raise ValueError(f"an orchestra of {self.length} clips; give 1 or more, or None")

    @property
    def entries(self) -> Sequence[Performance]:
        """What there is to read, without making it."""
        return _Programme(self)

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, index: int) -> Performance:
        """Write entry `index`."""
        rng = random_generator("orchestra", self.seed, self.split, index)
        drawn = draw_programme(
            rng, self.split, self.instruments, self.players_per_scene, self.silent_probability
        )
        return performance(
            drawn.seed,
            drawn.instruments,
            drawn.players,
            self.split,
            name=f"orchestra-{self.split}-{self.seed}-{index}",
            seconds=self.seconds,
            fps=self.fps,
            silent=drawn.silent,
            hard=self.hard,
            expression=self.expression,
            transpose=draw_transpose(drawn, self.transpose),
        )

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
        """Make clip `index`; see `Source.read`."""
        return perform(
            self.entries[index],
            start_s,
            seconds,
            frame_times,
            self.size if size is None else size,
            self.rate if rate is None else rate,
            pictures,
        )


@dataclass(frozen=True)
class Performances:
    """Listed clips of the orchestra as a source, such as those of the stored pairs.

    Attributes:
        entries: what there is to read.
        split: whose players they are.
        size: of the pictures in pixels, (height, width) or one number for both.
        rate: samples per second.
    """

    entries: tuple[Performance, ...]
    split: str
    size: int | tuple[int, int] = 128
    rate: int = 11025

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
        """Make clip `index`; see `Source.read`."""
        return perform(
            self.entries[index],
            start_s,
            seconds,
            frame_times,
            self.size if size is None else size,
            self.rate if rate is None else rate,
            pictures,
        )


def perform(
    entry: Performance,
    start_s: float = 0.0,
    seconds: float | None = None,
    frame_times: Sequence[float] | np.ndarray | None = None,
    size: int | tuple[int, int] = 128,
    rate: int = 11025,
    pictures: bool = True,
) -> Clip:
    """Make the clip of an entry.

    Args:
        entry: which clip.
        start_s: where to begin, seconds.
        seconds: how much (default: to the end).
        frame_times: when to take pictures, seconds from the beginning of the clip (default:
            all pictures of the segment).
        size: of the pictures in pixels, (height, width) or one number for both.
        rate: samples per second.
        pictures: False: nothing is painted.

    Raises:
        ClipError: the clip is shorter than asked.
    """
    first, last = segment(entry, start_s, seconds, rate)
    times = picture_times(entry, first / rate, last / rate, frame_times)
    scene = make_scene(
        entry.seed,
        entry.categories,
        entry.silent,
        entry.seconds,
        size=size,
        rate=rate,
        split=entry.split,
        players=entry.numbers,
        frame_times=times,
        hard=entry.hard,
        expression=entry.expression,
        transpose=entry.transpose,
        pictures=pictures,
    )
    stems = scene.stems[:, first:last]
    return Clip(
        name=entry.name,
        categories=entry.categories,
        players=entry.players,
        wave=scene.mixture[first:last],
        rate=rate,
        frames=scene.frames,
        fps=entry.fps,
        frame_times=times,
        start_s=first / rate,
        stems=stems,
        boxes=scene.boxes,
        joints=scene.joints,
        sounding=scene.sounding,
        notes=scene.notes,
        transpose=entry.transpose,
    )
