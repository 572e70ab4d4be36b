"""Records of results: what was measured, by which command, on what. One JSON file per row.

They lie in `results/` of the repository and travel inside an installed package, so that a page
of the book finds them on Colab too. The scores of every pair, where there are any, lie beside
the record under the same name with the ending `.csv`.
"""

import json
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(package: Path = _PACKAGE) -> Path:
    """Where the records are: in the clone's `results/`, or in the installed package.

    Args:
        package: folder of the package.

    Returns:
        The folder, which has one folder for each table.

    Raises:
        FileNotFoundError: neither is there.

    Example:
        >>> (folder() / "sop").is_dir()
        True
    """
    clone = package.parent
    # In a clone its own folder is newer than anything a build has left inside the package.
    if (clone / "pyproject.toml").exists() and (clone / "results").is_dir():
        return clone / "results"
    if (package / "results").is_dir():
        return package / "results"
    raise FileNotFoundError(
        f"the records of results are missing: neither {package / 'results'} nor "
        f"{clone / 'results'} is there; reinstall avlib, or see avlib doctor (AV15)"
    )


def path(name: str) -> Path:
    """The file of a record.

    Args:
        name: table and row, with an ending (`.csv` for the scores of all pairs) or without.

    Returns:
        Path of the file, which exists.

    Raises:
        FileNotFoundError: there is no such record; the message lists what its table has.

    Example:
        >>> path("sop/sound-of-pixels--sop--pocket--seed0").name
        'sound-of-pixels--sop--pocket--seed0.json'
    """
    base = folder()
    file = base / (name if name.endswith((".json", ".csv")) else f"{name}.json")
    if not file.is_file():
        there = sorted(p.name for p in file.parent.glob("*")) or sorted(
            p.name for p in base.iterdir()
        )
        raise FileNotFoundError(f"no record {name!r}; there are {', '.join(there)}")
    return file


def read(name: str) -> dict:
    """A record's content.

    Args:
        name: table and row, as for `path`.

    Returns:
        Its keys: `table, row, data, preset, seed, scores, count, seconds, device, config,
        versions, commit`; `scores` maps a metric to `{"mean", "low", "high"}`, in dB or shares.

    Raises:
        FileNotFoundError: there is no such record.

    Example:
        >>> read("sop/sound-of-pixels--sop--pocket--seed0")["count"]
        256
    """
    return json.loads(path(name).read_text("utf8"))
