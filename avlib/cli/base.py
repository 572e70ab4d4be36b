"""What all commands share."""

import os
import re
from dataclasses import dataclass
from typing import ClassVar

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True, kw_only=True)
class Command:
    """What all commands have."""

    TEXT: ClassVar[str] = ""

    debug: bool = False
    """Show the traceback of an error."""

    def run(self) -> int:
        """Do the work; returns the exit code."""
        raise NotImplementedError(type(self).__name__)


def checked_device(name: str) -> str:
    """Return the name of a device if it can be one, and if this machine has it.

    Raises:
        ValueError: torch knows no such device, or there is none here.

    Example:
        >>> checked_device("auto")
        'auto'
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise ValueError(f"--device {name}: give auto, cpu, cuda, cuda:1 or mps")
    import torch

    kind = name.partition(":")[0]
    cuda = kind != "cuda" or torch.cuda.is_available()
    mps = kind != "mps" or torch.backends.mps.is_available()
    if not (cuda and mps):
        raise ValueError(f"--device {name}: there is none here; leave it away, or see avlib doctor")
    return name


def leave_a_core_to_the_workers() -> None:
    """Let torch compute with all cores but one, unless the user has said how many.

    Workers make the mixes meanwhile; on two cores, threads that wait for each other's core made a
    step of the pocket recipe 1.7 times as long. The variable counts only until torch is imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
