"""Make the notebooks for Colab from the book's pages: ``make notebooks``.

Every page of the contents that has a cell to run becomes ``book/<name>.ipynb`` beside it; pages
without code (the start page, references, the package's documentation) have nothing to run and get
none. The notebooks are committed, and ``tests/test_colab_sync.py`` keeps them in step.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from notebooks.book import Book  # noqa: E402
from notebooks.convert import notebook_of  # noqa: E402
from notebooks.parse import PageError  # noqa: E402


def notebooks(root: Path = ROOT) -> dict[Path, str]:
    """What every notebook must hold, by its path.

    Raises:
        PageError: a page cannot be turned into one.
    """
    book = Book(root)
    pages = [page for page in book.pages.values() if page.has_code]
    return {root / "book" / f"{page.name}.ipynb": notebook_of(book, page) for page in pages}


def differences(root: Path = ROOT) -> list[str]:
    """What is not as it must be, one sentence a file; empty when all are in step."""
    wanted, found = notebooks(root), set((root / "book").glob("*.ipynb"))
    missing = [f"{path.name} is missing" for path in wanted if path not in found]
    extra = [f"{path.name} belongs to no page with code" for path in sorted(found - set(wanted))]
    stale = [
        f"{path.name} is not what its page says now"
        for path, text in wanted.items()
        if path in found and path.read_bytes() != text.encode()
    ]
    return [*missing, *extra, *stale]


def write(root: Path = ROOT) -> list[Path]:
    """Write what differs, remove what belongs to no page, and return what was touched."""
    wanted, touched = notebooks(root), []
    for path, text in wanted.items():
        if not path.exists() or path.read_bytes() != text.encode():
            path.write_bytes(text.encode())
            touched.append(path)
    for path in sorted(set((root / "book").glob("*.ipynb")) - set(wanted)):
        path.unlink()
        touched.append(path)
    return touched


def release_gap(root: Path = ROOT) -> list[str]:
    """What is wrong with the release that the notebooks install; empty if nothing.

    They name the tag of the version in pyproject.toml. If the changes since then stand under
    another heading, the notebooks would install a package that does not have what they use.
    """
    changes = (root / "CHANGELOG.md").read_text("utf8")
    newest = next(iter(re.findall(r"^## +\[?([^\s\]]+)", changes, re.M)), "nothing")
    tag = Book(root).tag
    if f"v{newest}" == tag:
        return []
    return [
        f"the notebooks install {tag}, but the newest heading of CHANGELOG.md is {newest}: give "
        "both the version of the release to come, and run `make notebooks`"
    ]


def main() -> int:
    """Write the notebooks, or say what differs."""
    parser = argparse.ArgumentParser(description="Notebooks for Colab from the book's pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if any differs")
    given = parser.parse_args()
    try:
        found = differences() if given.check else [str(path.name) for path in write()]
        gap = release_gap()
    except PageError as err:
        print(f"make_notebooks: {err}", file=sys.stderr)
        return 1
    print("\n".join(found) if found else "The notebooks are in step with their pages.")
    if found and given.check:
        print("Run `make notebooks` and commit what changes.")
    print("".join(f"make_notebooks: {line}\n" for line in gap), end="", file=sys.stderr)
    return int(bool(found or gap) and given.check)


if __name__ == "__main__":
    sys.exit(main())
