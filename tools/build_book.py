"""Build the book and check what was built: ``make book``.

What ``jupyter-book build`` alone gets wrong is put right here: it must be version 1; its execution
cache does not notice changes in ``avlib``; it runs one page at a time; a page can be lost, a cell
show nothing or a label stand twice without an error; a warning is forgotten at the second build;
pages that left the contents stay; and the default pages fetch MathJax from elsewhere.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import check_book
import execute_pages
import yaml
from check_book import built_pages

__all__ = ["build", "built_pages", "chapters", "check_version", "library_key", "toc_pages"]
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
    would not even ask the first for a page whose own text is unchanged. The key of an executed page
    is thus (constraints, everything under ``avlib`` but its tests, records, the page's code).
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


def chapters(root: Path = ROOT) -> list[str]:
    """The pages of numbered parts, in reading order: the chapters proper."""
    parts = yaml.safe_load((root / "_toc.yml").read_text()).get("parts", [])
    entries = [entry for part in parts if part.get("numbered") for entry in part["chapters"]]
    return [str(Path(entry["file"]).with_suffix("")) for entry in entries]


def prune(root: Path, pages: list[str]) -> None:
    """Remove what an earlier build made of pages that are no longer in the contents."""
    html = root / "_build" / "html"
    for page in set(check_book.built_pages(root)) - set(pages):
        (html / f"{page}.html").unlink()
        for source in (html / "_sources").glob(f"{page}.*"):
            source.unlink()


def prune_images(root: Path) -> None:
    """Remove pictures of earlier builds that no page shows any more."""
    html = root / "_build" / "html"
    shown = {
        name
        for page in html.rglob("*.html")
        for name in re.findall(r"_images/([^\"'?#)\s]+)", page.read_text())
    }
    for picture in (html / "_images").glob("*"):
        if picture.name not in shown:
            picture.unlink()


def run_jupyter_book(root: Path) -> int:
    """Jupyter Book with every warning an error; its output goes to ``_build/book.log`` too."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", "-W", "-n", "--keep-going", "."]
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


def faults_of(root: Path, pages: list[str]) -> list[str]:
    """Everything that is wrong with the book as it was built."""
    executed = execute_pages.executed_pages(root, pages)
    faults = [f for page, (book, _) in executed.items() for f in check_book.cell_faults(page, book)]
    faults += check_book.page_set_faults(check_book.built_pages(root), pages)
    for page in pages:
        path = root / "_build" / "html" / f"{page}.html"
        if path.exists():
            faults += check_book.html_faults(page, path.read_text())
    return faults


def record_seconds(root: Path, pages: list[str]) -> None:
    """Write what each page took when it was last run to ``_build/page-seconds.json``; print it."""
    executed = execute_pages.executed_pages(root, pages)
    seconds = {page: taken for page, (_, taken) in executed.items()}
    (root / execute_pages.SECONDS).write_text(json.dumps(seconds, indent=1) + "\n")
    print("\nSeconds of each page when it was last run (clock, processor):")
    for page, taken in seconds.items():
        print(f"  {page:28} {taken['seconds']:6.1f} {taken['cpu_seconds']:6.1f}")


def build(root: Path = ROOT) -> int:
    """Build the book in `root` and check it; 0 if it is whole, otherwise it was said why not."""
    check_version(metadata.version("jupyter-book"))
    pages = toc_pages(root)
    refresh_cache(root)
    vendor_mathjax(root)
    missing = [f"{p}.md is in _toc.yml, but not there" for p in pages if not exists(root, p)]
    if faults := missing or [*check_book.label_faults(root, pages)]:
        return refuse(faults)
    if faults := execute_pages.execute(root, pages):
        return refuse(faults)
    prune(root, pages)
    if code := run_jupyter_book(root):
        # The warnings belong to pages that Sphinx would now believe to have read: forget them.
        shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
        print("The book was not built; the first WARNING or Traceback above says why.")
        return code
    prune(root, pages)
    prune_images(root)
    if faults := faults_of(root, pages):
        return refuse(faults)
    record_seconds(root, pages)
    return 0


def exists(root: Path, page: str) -> bool:
    """Whether a page of the contents has its source."""
    return (root / f"{page}.md").is_file()


def refuse(faults: list[str]) -> int:
    """Say what is wrong."""
    print("\nThe book is not whole:")
    for fault in faults:
        print(f"  {fault}")
    return 1


def main() -> int:
    """Build, and say where the book is."""
    started = time.monotonic()
    try:
        if code := build():
            return code
    except RuntimeError as problem:
        return refuse([str(problem)])
    print(f"\nThe book is built ({time.monotonic() - started:.0f} s). Open it:")
    print(ROOT / "_build" / "html" / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
