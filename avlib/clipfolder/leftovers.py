"""What is being written, and what a killed process left of it.

A temporary name carries who writes it, ``.NAME~HOST~PROCESS~RANDOM.tmp``, so that one export
never deletes what another is writing: neither of these signs can be in a clip's name.
"""

import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path

from avlib.clipfolder.layout import CLIPS, TEMPORARY

PATIENCE_S = 3600.0
"""How long a temporary file of which the writer cannot be asked may rest before it is deleted."""

_WRITER = re.compile(r"~(?P<host>[^~]*)~(?P<process>\d{1,9})~[^~]*" + re.escape(TEMPORARY))


def temporary_prefix(name: str) -> str:
    """How the temporary name of something that this process writes begins.

    Example:
        >>> temporary_prefix("a").split("~")[2] == str(os.getpid())
        True
    """
    return f".{name}~{_host()}~{os.getpid()}~"


def leftovers(folder: Path) -> list[Path]:
    """What an interrupted write left: temporary files and folders that nobody is known to write."""
    places = (folder, folder / CLIPS)
    found = sorted(p for place in places for p in place.glob(f".*{TEMPORARY}"))
    return [path for path in found if _is_dead(path) is not False]


def remove_leftovers(folder: str | os.PathLike[str]) -> int:
    """Delete what a killed export left behind; what another process is writing stays.

    Deleted is what a process of this computer wrote that no longer runs. Where the writer cannot
    be asked (another computer that shares the folder, a name without one, Windows), only what
    nobody has touched for an hour.

    Args:
        folder: the clip folder.

    Returns:
        How many temporary files and folders were deleted.
    """
    count = 0
    for path in leftovers(Path(folder)):
        if _is_dead(path) is None and _age_s(path) < PATIENCE_S:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # two exports may clean up at once
        else:
            path.unlink(missing_ok=True)
        count += 1
    return count


def _is_dead(path: Path) -> bool | None:
    """Whether the writer of a temporary file has ended; None: it cannot be asked."""
    writer = _WRITER.search(path.name)
    # On Windows, os.kill(process, 0) would not ask but end it.
    if writer is None or writer["host"] != _host() or sys.platform == "win32":
        return None
    try:
        os.kill(int(writer["process"]), 0)  # signal 0 only asks
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as somebody else
        return False
    return _is_zombie(int(writer["process"]))


def _is_zombie(process: int) -> bool:
    """Whether it has ended and nobody asked how: containers without an init keep such for ever."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf8", "replace").rpartition(")")[2]
    except OSError:  # ended this moment, or no Linux: the next clean-up will see
        return False
    return state.split()[0] in "ZX"


def _age_s(path: Path) -> float:
    """Seconds since anything in it was touched; endless if it is gone meanwhile."""
    try:
        touched = max(p.stat().st_mtime for p in (path, *path.rglob("*")))
    except FileNotFoundError:
        return float("inf")
    return time.time() - touched


def _host() -> str:
    """This computer's name, fit for a file name."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:64]
