"""A folder of the user's own clips, for the commands that train."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
