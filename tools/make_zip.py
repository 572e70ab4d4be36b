"""Pack the built book for reading without a network: ``make zip``.

The archive holds one folder; unpack it anywhere and open its ``index.html``. Sounds, formulas,
search and quizzes work from the file system. The same book gives the same archive, byte by byte.
"""

import hashlib
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_PACKED = {".buildinfo", "objects.inv"}
LICENCES = ("LICENSE", "LICENSE-TEXT", "CITATION.cff", "book/provenance.csv")


def version_of(root: Path) -> str:
    """Version of the package, and so of the book."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]


def archive_name(root: Path = ROOT) -> str:
    """Name of the archive without ending, and of the folder in it."""
    return f"avlib-book-{version_of(root)}"


def make_zip(root: Path = ROOT) -> Path:
    """Write ``_build/avlib-book-<version>.zip`` and its SHA-256 beside it; return its path.

    Raises:
        FileNotFoundError: the book is not built.
    """
    html = root / "_build" / "html"
    if not (html / "index.html").exists():
        raise FileNotFoundError(f"there is no book in {html}; run `make book` first")
    name = archive_name(root)
    target = root / "_build" / f"{name}.zip"
    files = {path.relative_to(html).as_posix(): path for path in html.rglob("*") if path.is_file()}
    files |= {Path(licence).name: root / licence for licence in LICENCES}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for inside in sorted(files):
            if Path(inside).name in NOT_PACKED:
                continue
            entry = zipfile.ZipInfo(f"{name}/{inside}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[inside].read_bytes())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".zip.sha256").write_text(f"{digest}  {target.name}\n")
    return target


if __name__ == "__main__":
    made = make_zip()
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
    sys.exit(0)
