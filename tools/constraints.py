"""Resolve ``constraints.txt`` anew: exact versions of everything, for Python 3.11 to 3.13, no URL.

Run ``make constraints``, then ``make test``; commit the file when both are green. The book's engine
and the three torch packages move only on purpose: their versions stand in ``HELD``.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELD = {
    "torch": "2.11.0",
    "torchvision": "0.26.0",
    "torchaudio": "2.11.0",
    "jupyter-book": "1.0.4.post1",
}
HEADER = """\
# The exact versions that `make` and the CI install; made by `make constraints`.
# One file for Python 3.11, 3.12 and 3.13. The package itself asks only for lower bounds.
"""


def resolve(upgrade: bool = True) -> str:
    """Return the pinned versions of ``avlib[book,test]``, one per line.

    Args:
        upgrade: take the newest versions; otherwise keep those of the present file where they fit.

    Raises:
        RuntimeError: the resolver found no set of versions; its own words are passed on.
    """
    held = "\n".join(f"{name}=={version}" for name, version in HELD.items())
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-"]
    command += ["--extra", "book", "--extra", "test", "--universal", "--python-version", "3.11"]
    command += ["--fork-strategy", "fewest", "--no-header", "--no-annotate", "--quiet"]
    if not upgrade:
        command += ["--constraints", "constraints.txt"]
    done = subprocess.run(command, cwd=ROOT, input=held, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"no set of versions found:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    target = ROOT / "constraints.txt"
    target.write_text(HEADER + resolve())
    print(f"{target}: {sum('==' in line for line in target.read_text().splitlines())} versions")
