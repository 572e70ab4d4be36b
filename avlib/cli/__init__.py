"""The `avlib` command: the only place that parses a command line.

Every command is a frozen dataclass: its fields are the flags, `TEXT` is what `--help` teaches, and
`run` does the work. What is heavy (torch above all) is imported inside `run`, after the command
line has been understood, so that `avlib --help` and a typing mistake answer at once.

Exit codes: 0 done, 1 it failed, 2 wrong usage or a bad input file, 130 stopped by Ctrl-C.
"""

from avlib.cli.dispatch import main

__all__ = ["main"]
