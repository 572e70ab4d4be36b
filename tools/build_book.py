"""Build the book and check what was built: ``make book``.

Four things that ``jupyter-book build`` alone gets wrong are put right here: it must be version 1;
its execution cache does not notice changes in ``avlib``; a page can be lost without an error; and
its default pages fetch MathJax from elsewhere.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
MATHJAX = "book/_assets/vendor/mathjax"


def check_version(version: str) -> None:
    """Refuse a Jupyter Book that cannot read ``_config.yml``: version 2 builds nothing, exits 0.

    Raises:
        RuntimeError: the version is 2 or later.

    Example:
        >>> check_version("1.0.4.post1")
    """
    if int(version.split(".")[0]) >= 2:
        raise RuntimeError(
            f"jupyter-book {version} cannot build this book; run `make setup` for 1.0.4.post1"
        )


def library_key(root: Path = ROOT) -> str:
    """Digest of what executed pages depend on besides themselves: versions, package, records."""
    digest = hashlib.sha256()
    folders = (root / "avlib", root / "results")
    files = [p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()]
    files = [p for p in files if "__pycache__" not in p.parts and "tests" not in p.parts]
    for path in [root / "constraints.txt", *files]:
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def refresh_cache(root: Path = ROOT) -> bool:
    """Empty the caches when the library has changed; return whether they were emptied.

    Two caches keep old outputs: Jupyter's, of executed pages, and Sphinx's, of pages read, which
    would not even ask the first for a page whose own text is unchanged.
    """
    caches = (root / "_build" / ".jupyter_cache", root / "_build" / ".doctrees")
    stamp = root / "_build" / "library-key"
    key = library_key(root)
    stale = not stamp.exists() or stamp.read_text() != key
    if stale:
        for cache in caches:
            shutil.rmtree(cache, ignore_errors=True)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
    return stale


def vendor_mathjax(root: Path = ROOT) -> None:
    """Copy the formula typesetter and its fonts beside the book's own assets.

    Raises:
        RuntimeError: the package that carries them is not installed, or not whole.
    """
    target = root / MATHJAX
    wanted = re.compile(r"mathjax/(tex-chtml\.js|input/tex/|a11y/assistive|output/chtml/fonts/)")
    files = metadata.files("sphinx-mathjax-offline") or []
    chosen = [f for f in files if wanted.search(f.as_posix())]
    if not any(f.name == "tex-chtml.js" for f in chosen):
        raise RuntimeError("sphinx-mathjax-offline is not installed whole; run `make setup`")
    for file in chosen:
        destination = target / file.as_posix().split("/mathjax/", 1)[1]
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.locate(), destination)
    note = "MathJax 3, Apache License 2.0, from the package sphinx-mathjax-offline "
    (target / "NOTICE.txt").write_text(note + metadata.version("sphinx-mathjax-offline") + "\n")


def toc_pages(root: Path = ROOT) -> list[str]:
    """Names of the pages in ``_toc.yml``, without ending, in reading order."""
    found = []

    def walk(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    found.append(str(Path(str(value)).with_suffix("")))
                else:
                    walk(value)

    walk(yaml.safe_load((root / "_toc.yml").read_text()))
    return found


def built_pages(root: Path = ROOT) -> list[str]:
    """Names of the pages that were built from sources, without ending, sorted."""
    html = root / "_build" / "html"
    made_by_sphinx = {"index", "genindex", "search", "py-modindex", "prf-prf"}
    pages = [p.relative_to(html).with_suffix("").as_posix() for p in html.rglob("*.html")]
    return sorted(p for p in pages if p not in made_by_sphinx and not p.startswith("_"))


def build(root: Path = ROOT) -> int:
    """Run Jupyter Book with every warning an error; its output goes to ``_build/book.log`` too."""
    check_version(metadata.version("jupyter-book"))
    refresh_cache(root)
    vendor_mathjax(root)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", "-W", "-n", "--keep-going", "."]
    (root / "_build").mkdir(exist_ok=True)
    colour = re.compile(r"\x1b\[[0-9;]*m")
    with (root / "_build" / "book.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout or ():
            line = colour.sub("", line)
            print(line, end="", flush=True)
            log.write(line)
    return process.wait()


def main() -> int:
    """Build, check that every page is there, and say where the book is."""
    started = time.monotonic()
    if code := build():
        print("The book was not built; the first WARNING or Traceback above says why.")
        return code
    if built_pages() != sorted(toc_pages()):
        print(f"built pages {built_pages()} are not those of _toc.yml {sorted(toc_pages())}")
        return 1
    print(f"\nThe book is built ({time.monotonic() - started:.0f} s). Open it:")
    print(ROOT / "_build" / "html" / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
