"""Build the book but run only one page of it: ``python tools/preview_page.py book/masks.md``.

While a chapter is written, its cells run again and again and those of all other chapters need
not. The preview lies in a folder of its own, so that ``make book`` keeps its cache. References
into other pages work, because those are read, only not executed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("avlib", "results", "tests", "tools", "benchmarks")


def prepare(page: Path, folder: Path, root: Path = ROOT) -> None:
    """Lay out a copy of the book in `folder` in which only `page` is executed.

    Raises:
        FileNotFoundError: there is no such page in the book.
    """
    pages = sorted((root / "book").glob("*.md"))
    if page.name not in {p.name for p in pages}:
        names = ", ".join(p.stem for p in pages)
        raise FileNotFoundError(f"{page} is not a page of book/; there are {names}")
    shutil.rmtree(folder / "book", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(root / "book", folder / "book", ignore=shutil.ignore_patterns("*.ipynb"))
    for name in (*LINKED, "constraints.txt", "_toc.yml"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(root / name)
    config = yaml.safe_load((root / "_config.yml").read_text())
    config["execute"]["execute_notebooks"] = "force"
    config["execute"]["exclude_patterns"] = [f"book/{p.name}" for p in pages if p.name != page.name]
    (folder / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))


def main() -> int:
    """Build the preview and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, help="for example book/masks.md")
    parser.add_argument("--folder", type=Path, default=None, help="where to build")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.gettempdir()) / f"avlib-preview-{given.page.stem}"
    prepare(given.page, folder)
    program = Path(sys.executable).with_name("jupyter-book")
    code = subprocess.run([str(program), "build", "-n", "--keep-going", str(folder)]).returncode
    print(folder / "_build" / "html" / "book" / f"{given.page.stem}.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
