"""What the commands that train share: the user's own clips, the folder and limits of a run."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avlib.data import ClipFolder


def solos(
    folder: Path, paper: str, categories: Sequence[str] | None = None, joints: bool = False
) -> "tuple[ClipFolder, ClipFolder]":
    """The clips of a folder to train on, and those of its validation split.

    Args:
        folder: laid out as `avlib orchestra export` does.
        paper: whose training it is, for the messages.
        categories: only clips of these; None: all.
        joints: whether joints are needed.

    Raises:
        ValueError: clips of several players, or the same players or videos in both splits.
    """
    from avlib.data import ClipFolder, check_disjoint

    train = ClipFolder(folder, "train", categories=categories, joints=joints)
    held_out = ClipFolder(folder, "validation", categories=categories, joints=joints)
    for entry in (*train.entries, *held_out.entries):
        if len(entry.players) > 1:
            raise ValueError(
                f"{folder}: clip {entry.name!r} has {len(entry.players)} players, and {paper} "
                "learns from solos; leave such clips out (avlib orchestra export --players 1 "
                "writes solos)"
            )
    try:
        check_disjoint(train.entries, held_out.entries, by=("players", "videos"))
    except ValueError as error:
        raise ValueError(
            f"{folder}: the splits train and validation are not apart: {error}; put all clips of "
            "a player, and all of a video, into one split"
        ) from error
    return train, held_out


def begun_in(folder: Path, resume: str) -> list[Path]:
    """Find the checkpoints of a run that was begun in a folder.

    Raises:
        ValueError: there are some, and `resume` is "never".
    """
    begun = sorted(folder.glob("step-*"))
    if resume == "never" and begun:
        raise ValueError(
            f"{folder}: holds a run already; give another --out, or leave out --resume "
            "never to go on with it"
        )
    return begun


def announce(folder: Path, begun: Sequence[Path]) -> None:
    """Say where the run is, and that it may be stopped."""
    going_on = f", going on from {begun[-1].name}" if begun else ""
    print(f"run: {folder}{going_on}; stop with Ctrl-C, the same command goes on", file=sys.stderr)


def asked_for(minutes: float | None, steps: int | None, workers: int | None) -> dict[str, Any]:
    """What of a recipe the user wants otherwise.

    The schedule goes by steps and a time limit cuts it short: the recipe's must not cut a number
    of steps that the user asked for.

    Example:
        >>> asked_for(None, 100, None)
        {'steps': 100, 'max_minutes': None}
    """
    wanted = {"max_minutes": minutes, "steps": steps, "workers": workers}
    changes: dict[str, Any] = {k: v for k, v in wanted.items() if v is not None}
    if steps is not None and minutes is None:
        changes["max_minutes"] = None
    return changes
