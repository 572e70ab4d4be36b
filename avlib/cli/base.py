"""What all commands share."""

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
