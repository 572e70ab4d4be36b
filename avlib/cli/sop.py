"""`avlib train sop` and `avlib evaluate sop`."""

from dataclasses import dataclass

from avlib.cli.base import Command


@dataclass(frozen=True, kw_only=True)
class TrainSop(Command):
    """Train Sound of Pixels: two solos are mixed, and each picture must find its sound again."""

    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class EvaluateSop(Command):
    """Score Sound of Pixels on held-out players, beside mixture and ideal masks."""
