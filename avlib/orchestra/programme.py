"""The programme of a concert: who plays what in a scene, drawn by a seed.

The sources of `avlib.data` and the exporter draw their scenes here, and so agree.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avlib.orchestra.instruments import INSTRUMENTS, PLAYERS


@dataclass(frozen=True)
class Programme:
    """The arguments of `make_scene` that say what is played.

    Attributes:
        seed: of the scene.
        instruments: one label a player, all different.
        players: the players' numbers.
        silent: positions of those who are there but do not play.
    """

    seed: int
    instruments: tuple[str, ...]
    players: tuple[int, ...]
    silent: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The players' names, such as "violin-07"."""
        return tuple(map(player_name, self.instruments, self.players))


def player_name(instrument: str, number: int) -> str:
    """Name a player of the orchestra.

    Example:
        >>> player_name("violin", 7)
        'violin-07'
    """
    return f"{instrument}-{number:02d}"


def random_generator(*key: int | str) -> np.random.Generator:
    """Make the generator that belongs to a key, the same on every machine and in every worker.

    Args:
        key: integers from 0 and names; keys of one use have one length.

    Raises:
        ValueError: a negative number.

    Example:
        >>> int(random_generator("mix", 0, 17).integers(1000))
        319
    """
    if any(isinstance(part, int) and part < 0 for part in key):
        raise ValueError(f"seeds and indices count from 0, got {key}")
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng(np.random.SeedSequence(words))


def check_programme(instruments: Sequence[str], players: int, silent_probability: float) -> None:
    """Make sure that scenes can be drawn.

    Raises:
        ValueError: not 1 to 4 players, fewer instruments than players, or no probability.
    """
    kinds = len(set(instruments))
    if not 1 <= players <= min(4, kinds):
        raise ValueError(
            f"{players} players in a scene: from 1 to 4, and no more than the {kinds} instruments "
            "they choose from"
        )
    if not 0 <= silent_probability <= 1:
        raise ValueError(f"silent_probability={silent_probability} is no probability")


def draw_programme(
    rng: np.random.Generator,
    split: str,
    instruments: Sequence[str],
    players: int = 1,
    silent_probability: float = 0.0,
) -> Programme:
    """Draw who plays what: different instruments, players of one split, somebody sounds.

    Args:
        rng: where the draws come from.
        split: whose players: "train", "validation" or "test".
        instruments: to choose from.
        players: in the scene.
        silent_probability: how likely it is that a player does not play.

    Example:
        >>> draw_programme(random_generator(0), "test", ("cello", "flute", "horn"), 2)
        Programme(seed=175979945, instruments=('flute', 'horn'), players=(52, 52), silent=())
    """
    members = PLAYERS[split]
    chosen = rng.choice(len(instruments), players, replace=False)
    numbers = rng.integers(members.start, members.stop, players)
    silent = np.flatnonzero(rng.random(players) < silent_probability)
    if len(silent) == players:  # somebody has to play
        silent = np.delete(silent, rng.integers(players))
    return Programme(
        seed=int(rng.integers(2**32)),
        instruments=tuple(instruments[i] for i in chosen),
        players=tuple(numbers.tolist()),
        silent=tuple(silent.tolist()),
    )


def draw_transpose(programme: Programme, most: int) -> int:
    """Draw by how many semitones all of a scene sounds higher than written.

    Evenly from -most to most, cut so that no instrument leaves the range of the whole orchestra.
    The draw belongs to the scene's seed, and is its own: nothing else of the scene moves.

    Args:
        programme: of the scene.
        most: semitones; 0: as written.

    Example:
        >>> flute = Programme(0, ("flute",), (0,), ())
        >>> draw_transpose(flute, 9), draw_transpose(flute, 0)
        (-8, 0)
    """
    table = INSTRUMENTS.values()
    played = [INSTRUMENTS[name] for name in programme.instruments]
    room_below = min(one.low for one in played) - min(one.low for one in table)
    room_above = max(one.high for one in table) - max(one.high for one in played)
    rng = random_generator("transpose", programme.seed)
    return int(rng.integers(-min(most, room_below), min(most, room_above) + 1))
