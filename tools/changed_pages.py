"""List the pages of the book that a change touches: ``python tools/changed_pages.py [BASE]``.

Writes ``_build/html/_changed.html``, a list of links for reviewers who look at the preview of a
proposed change, and prints the same list. A page has changed when its own source has; a change of
the package can change any page that runs code, and is said so.
"""

import html
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def changed_files(base: str, root: Path = ROOT) -> list[str]:
    """Paths that differ between `base` and the working tree.

    Raises:
        RuntimeError: git does not know `base`.
    """
    command = ["git", "diff", "--name-only", base]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"git cannot compare with {base}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def pages_of(files: list[str]) -> tuple[list[str], bool]:
    """Pages whose source is among `files`, and whether the package under them changed.

    Example:
        >>> pages_of(["book/masks.md", "book/masks.ipynb", "avlib/nets.py", "README.md"])
        (['book/masks'], True)
    """
    pages = sorted(
        f.removesuffix(".md") for f in files if f.startswith("book/") and f[-3:] == ".md"
    )
    package = any(f.startswith("avlib/") and "/tests/" not in f for f in files)
    return pages, package or "constraints.txt" in files


def as_html(pages: list[str], package: bool, base: str) -> str:
    """The list as a page of its own."""
    items = "".join(f'<li><a href="{p}.html">{html.escape(p)}</a></li>' for p in pages)
    note = "<p>The package or its pins changed: outputs of any page may differ.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Changed pages</title>'
        f"<h1>Pages changed since {html.escape(base)}</h1>"
        f"{note if package else ''}<ul>{items or '<li>none</li>'}</ul></html>\n"
    )


def main(base: str) -> int:
    """Write and print the list."""
    pages, package = pages_of(changed_files(base))
    target = ROOT / "_build" / "html" / "_changed.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(as_html(pages, package, base))
    for page in pages:
        print(f"- {page}.html")
    if package:
        print("- the package or its pins changed: outputs of any page may differ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "origin/main"))
