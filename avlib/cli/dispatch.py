"""From the words on the command line to a command, and from an error to one line."""

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import make_dataclass
from types import FrameType
from typing import Annotated, Any, Union

import tyro
from tyro import conf

import avlib
from avlib.cli.base import BAD_INPUT, FAILED, INTERRUPTED, Command
from avlib.cli.orchestra import Doctor, Export, Preview, Validate
from avlib.cli.seco import EvaluateSeco, TrainSeco
from avlib.cli.separate import Separate
from avlib.cli.sop import EvaluateSop, TrainSop
from avlib.cli.tables import List, RunRows, Show

Tree = dict[str, Union[type[Command], "Tree"]]

COMMANDS: Tree = {
    "doctor": Doctor,
    "orchestra": {"preview": Preview, "export": Export, "validate": Validate},
    "train": {"sop": TrainSop, "seco": TrainSeco},
    "evaluate": {"sop": EvaluateSop, "seco": EvaluateSeco},
    "separate": Separate,
    "tables": {"list": List, "run": RunRows, "show": Show},
}

TEXTS = {
    "": """
Hear each player of a music video alone, by looking at them. The first steps:

  avlib doctor                              is everything here that is needed?
  avlib orchestra preview                   see the data: 26 instruments, drawn and played
  avlib orchestra export duets --count 5    some of it as MP4 files, the truth beside them
  avlib separate my-video.mp4               separate the players of a video file
  avlib train sop --preset pocket           train the model yourself, on two cores
  avlib evaluate sop                        how good is it? A table, with intervals
  avlib tables show seco                    a paper's table, its rows run here

Each command explains itself: avlib separate --help. An error is one line that names the file and
the remedy; --debug, or AVLIB_DEBUG=1, adds the traceback. Ctrl-C leaves nothing half written.
Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 130 stopped by Ctrl-C.
""",
    "orchestra": """The Pocket Orchestra: the data set that is generated, with the truth known.

26 instruments, drawn and sounding, as solos, duets, trios and quartets; whatever you ask for
follows from a seed, and is the same on every machine.
""",
    "train": "Train a model, from generated or from your own clips; stop and resume as you like.",
    "evaluate": "Score a model on held-out players, beside the trivial baselines.",
    "tables": """The papers' tables: run their rows, and see paper beside ours.

A row trains what it needs, unless that is done, and leaves a record under results/; the table is
shown from the records alone, with the rows that are still open.
""",
}

_CONFIG = (conf.OmitArgPrefixes, conf.OmitSubcommandPrefixes, conf.FlagCreatePairsOff)


def parse(words: Sequence[str]) -> Command:
    """Turn the words after `avlib` into a command.

    Raises:
        SystemExit: after help (0), or after saying what is wrong with the words (2).

    Example:
        >>> parse(["separate", "duet.mp4", "--halves"]).halves
        True
    """
    branch: type[Command] | Tree = COMMANDS
    path: list[str] = []
    rest = list(words)
    while isinstance(branch, dict) and rest and rest[0] in branch:
        branch = branch[rest[0]]
        path.append(rest.pop(0))
    program = " ".join(["avlib", *path])
    if not isinstance(branch, dict):
        return _tyro(branch, program, f"{_sentence(branch)}\n{branch.TEXT}", rest)
    # Help, or a word that is no command: neither comes back.
    _tyro(_listing(branch), program, TEXTS[" ".join(path)], rest or ["--help"])
    raise SystemExit(BAD_INPUT)


def _tyro(kind: Any, program: str, text: str, words: Sequence[str]) -> Any:
    """Let tyro parse; in the help it prints, set `text` line by line (tyro would re-flow it)."""
    mark, real = "@text@", sys.stdout
    caught = io.TextIOWrapper(io.BytesIO(), encoding=real.encoding)
    with redirect_stdout(caught):
        try:
            return tyro.cli(kind, prog=program, description=mark, args=words, config=_CONFIG)
        finally:
            caught.seek(0)
            real.write(caught.read().replace(mark, text.strip()))


def _sentence(command: type[Command]) -> str:
    return (command.__doc__ or "").strip()


def _listing(branch: Tree) -> Any:
    """A type of which tyro lists the branches, each with one sentence."""
    members = []
    for name, inner in branch.items():
        text = TEXTS[name].partition("\n")[0] if isinstance(inner, dict) else _sentence(inner)
        members.append(Annotated[make_dataclass(name, []), conf.subcommand(name, description=text)])
    # A union of one would not be a choice.
    members.append(Annotated[make_dataclass("none", []), conf.subcommand("none"), conf.Suppress])
    return Union[tuple(members)]  # noqa: UP007


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        words: what stands after `avlib`; default: what the process was started with.
    """
    words = sys.argv[1:] if words is None else list(words)
    if words in (["--version"], ["-V"]):
        print(f"avlib {avlib.__version__}")
        return 0
    debug = os.environ.get("AVLIB_DEBUG", "0") not in {"", "0"}
    # Being terminated clears up exactly as Ctrl-C does.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        command = parse(words)
        debug = debug or command.debug
        return command.run()
    except KeyboardInterrupt:
        print("\navlib: stopped by Ctrl-C; nothing half written is left", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; Python must not complain when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # the one place where every error ends
        if debug:
            traceback.print_exc()
        print(f"avlib: {one_line(error)}", file=sys.stderr)
        if not debug and not _is_input(error):
            print("avlib: run it again with --debug for the details", file=sys.stderr)
        return BAD_INPUT if _is_input(error) else FAILED


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _is_input(error: Exception) -> bool:
    """Whether the user can mend it by giving something else.

    The package's own errors about input are `ValueError`s that name the file and the remedy.
    """
    return isinstance(error, ValueError | FileNotFoundError | FileExistsError | IsADirectoryError)


def one_line(error: Exception) -> str:
    r"""An error as one line: what, which file, remedy.

    Example:
        >>> one_line(FileNotFoundError(2, "No such file or directory", "a.mp4"))
        'a.mp4: No such file or directory'
        >>> one_line(RuntimeError("first,\n  then"))
        'RuntimeError: first, then'
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory; use a shorter or smaller file, or fewer --workers"
    text = " ".join(str(error).split())
    # The package's own errors speak for themselves; of others, say what they are.
    return text if text and _is_input(error) else f"{type(error).__name__}: {text}"
