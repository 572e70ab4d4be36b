"""`avlib doctor` and `avlib orchestra`."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro import conf

from avlib.cli.base import BAD_INPUT, FAILED, Command


@dataclass(frozen=True, kw_only=True)
class Doctor(Command):
    """Check versions, devices, codecs and fonts; say the fix for what is missing."""

    TEXT: ClassVar[str] = """
Each line is OK, or says what is missing, what for, and the command that repairs it.
The exit code is 1 if something that is needed does not work.

Example:
  avlib doctor
"""

    def run(self) -> int:
        """Print the findings."""
        from avlib import doctor

        findings = doctor.run_checks()
        print(doctor.report(findings))
        return FAILED if any(finding.blocks for finding in findings) else 0


@dataclass(frozen=True, kw_only=True)
class Preview(Command):
    """Draw a contact sheet of the whole orchestra: one picture per instrument."""

    TEXT: ClassVar[str] = """
The Pocket Orchestra is generated: every player, melody and picture follows from a seed. The sheet
shows each of the 26 instruments once, with the name below.

Examples:
  avlib orchestra preview                     writes orchestra.png here
  avlib orchestra preview sheet.png --open    and shows it, if there is a viewer
"""

    out: Annotated[Path, conf.Positional, conf.arg(metavar="OUT.png")] = Path("orchestra.png")
    """The picture to write."""
    open: bool = False
    """Show the picture in the system's viewer when it is written."""
    seed: int = 0
    """Which players, melodies and places."""
    size: int = 192
    """Side of each picture, in pixels."""

    def run(self) -> int:
        """Write the sheet."""
        from avlib.orchestra.preview import write_contact_sheet

        if self.out.suffix.lower() != ".png":
            raise ValueError(f"{self.out}: give a name that ends in .png")
        if not self.out.parent.is_dir():
            raise ValueError(f"{self.out}: there is no folder {self.out.parent}; make it first")
        temporary = self.out.with_name(f".{self.out.stem}-{os.getpid()}.tmp.png")
        try:
            write_contact_sheet(temporary, seed=self.seed, size=self.size)
            os.replace(temporary, self.out)
        finally:
            temporary.unlink(missing_ok=True)
        print(self.out)
        if self.open:
            show(self.out)
        return 0


def show(path: Path) -> None:
    """Open a picture in the system's viewer, if there is one; say so if not."""
    viewer = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
    if shutil.which(viewer) is None:
        print(f"note: no viewer found ({viewer}); open {path} yourself", file=sys.stderr)
        return
    quiet = subprocess.DEVNULL
    subprocess.Popen([viewer, str(path)], stdout=quiet, stderr=quiet, start_new_session=True)


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Write clips of the orchestra as MP4 files, with stems and annotations."""

    TEXT: ClassVar[str] = """
Writes ordinary MP4 files (H.264, AAC) and beside each the truth: every player's sound alone,
boxes, joints, who sounds when. The layout is that of prepared real video, so whatever reads one
reads the other. Runs in parallel; a clip is complete or absent, so after Ctrl-C the same command
goes on where it stopped.

Examples:
  avlib orchestra export duets --count 20 --players 2 --split test
  avlib orchestra export quartets --count 5 --players 4 --size 256 --fps 25
"""

    folder: Annotated[Path, conf.Positional, conf.arg(metavar="DIR")]
    """Folder to write into; made if it is not there."""
    count: int = 20
    """How many clips."""
    players: int = 2
    """Players in each clip, 1 to 4."""
    seconds: float = 6.0
    """Length of each clip."""
    fps: float = 25.0
    """Pictures per second."""
    size: int = 256
    """Side of the square picture, in pixels."""
    split: Literal["train", "validation", "test"] = "test"
    """Whose players: those that models may train on, or held-out ones."""
    seed: int = 0
    """The same seed gives the same clips."""
    instruments: Annotated[
        tuple[str, ...], conf.arg(metavar="NAME ...", help_behavior_hint="")
    ] = ()
    """Which may play; without, the 21 of MUSIC-21. Two words in quotes: "acoustic guitar"."""
    rate: int = 16000
    """Samples per second of the sound."""
    silent: float = 0.0
    """How likely it is, from 0 to 1, that a player is there but does not play."""
    hard: Annotated[tuple[str, ...], conf.arg(metavar="CASE ...", help_behavior_hint="")] = ()
    """Hard cases in every clip: poster, two_sounds, small, occlusion."""
    workers: Annotated[int | None, conf.arg(metavar="INT", help_behavior_hint="")] = None
    """Processes; without, one per core."""

    def run(self) -> int:
        """Write the clips."""
        from avlib.orchestra.export import export_videos
        from avlib.orchestra.instruments import MUSIC21

        export_videos(
            self.folder,
            self.count,
            players=self.players,
            seed=self.seed,
            split=self.split,
            seconds=self.seconds,
            fps=self.fps,
            size=self.size,
            rate=self.rate,
            silent_probability=self.silent,
            hard=self.hard,
            workers=self.workers,
            instruments=self.instruments or MUSIC21,
        )
        print(self.folder)
        clips = (self.folder / "clips").glob(f"{self.split}-{self.seed}-0000-*/media.mp4")
        for first in clips:
            video = shlex.quote(str(first))
            print(f"next: avlib separate {video} --truth", file=sys.stderr)
        return 0


@dataclass(frozen=True, kw_only=True)
class Validate(Command):
    """Check a folder of clips against the layout, file by file."""

    TEXT: ClassVar[str] = """
Every problem is one line: which file, what is wrong with it, what to do. The exit code is 2 if
there is any.

Example:
  avlib orchestra validate duets
"""

    folder: Annotated[Path, conf.Positional, conf.arg(metavar="DIR")]
    """A folder that `avlib orchestra export` wrote, or one laid out like it."""

    def run(self) -> int:
        """Print the problems."""
        from avlib import clipfolder

        problems = clipfolder.validate(self.folder)
        for problem in problems:
            print(problem)
        if not problems:
            print(f"{self.folder}: OK, {len(clipfolder.read_index(self.folder))} clips")
        return BAD_INPUT if problems else 0
