"""`avlib separate`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro import conf

from avlib.cli.base import Command, checked_device


@dataclass(frozen=True, kw_only=True)
class Separate(Command):
    """Separate the players of a video file: one WAV each, and a page to click through."""

    TEXT: ClassVar[str] = """
Any video file with sound, of any length and size. Say where the players are, in pixels of the
picture (x to the right, y downwards), as boxes or as points on them; without, the left and the
right half are taken for two players. Boxes work best: whole player, instrument included, and
little else. Writes into the folder --out:

  player-1.wav ...   each player alone, mono, 11,025 Hz
  players.html       a page: click a player in the video, and hear that player
  players.mp4        the video with a box around each player
  spectrograms.png   mixture and players as pictures
  separate.json      what was done, for the record

Examples:
  avlib separate duet.mp4
  avlib separate duet.mp4 --boxes 40,60,300,470 330,50,610,470 --names violin flute
  avlib separate duet.mp4 --points 150,240 480,240 --out duet-players
  avlib separate duets/clips/test-0-0000-*/media.mp4 --truth
"""

    video: Annotated[Path, conf.Positional, conf.arg(metavar="VIDEO")]
    """The video file: MP4, MOV, MKV, WebM, whatever FFmpeg reads."""
    boxes: Annotated[
        tuple[str, ...], conf.arg(metavar="X1,Y1,X2,Y2 ...", help_behavior_hint="")
    ] = ()
    """A box around each player: left, top, right, bottom."""
    points: Annotated[tuple[str, ...], conf.arg(metavar="X,Y ...", help_behavior_hint="")] = ()
    """A point on each player instead."""
    halves: bool = False
    """The left and the right half instead: what is taken when nothing is said."""
    names: Annotated[tuple[str, ...], conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """What to call the players, in the same order."""
    out: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder for the results; without, the video's name with "-players", in this folder."""
    overwrite: bool = False
    """Write into a folder that holds other things."""
    checkpoint: Annotated[str, conf.arg(metavar="PATH")] = "pocket"
    """A trained model: a .safetensors file, or "pocket" for the one that is shipped."""
    truth: bool = False
    """For a clip that `avlib orchestra export` wrote: score against its stems."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, mps."""

    def run(self) -> int:
        """Separate, and say where the results are."""
        from avlib.apply import separate_video
        from avlib.apply.regions import parse_numbers

        result = separate_video(
            self.video,
            out=self.out,
            boxes=[parse_numbers(text, "box") for text in self.boxes],
            points=[parse_numbers(text, "point") for text in self.points],
            halves=self.halves,
            names=self.names,
            model=self.checkpoint,
            overwrite=self.overwrite,
            truth=self.truth,
            device=checked_device(self.device),
            progress=True,
        )
        for note in result.notes:
            print(f"note: {note}", file=sys.stderr)
        print(result.summary())
        return 0
