"""Run the book's pages, several at a time, into the cache from which Jupyter Book then takes them.

Jupyter Book runs one page after another, knows nothing of the package that pages import, and keeps
only the seconds of the clock. Here pages run side by side, each with one thread for arithmetic, and
their processor seconds are kept too. What is in the cache is not run again; the cache itself goes
when the library changes (`refresh_cache` in build_book.py).
"""

import json
import logging
import os
import re
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

CACHE = Path("_build") / ".jupyter_cache"
SECONDS = Path("_build") / "page-seconds.json"
MOST_AT_ONCE = 4
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Run:
    """One execution of a page: what it left, how long it took, and why it stopped, if it did."""

    notebook: Any
    seconds: float
    cpu_seconds: float
    error: str = ""


def read_page(path: Path, extensions: Sequence[str] = ()) -> Any | None:
    """A page as the notebook that MyST-NB makes of it, or None where it has no code to run."""
    from myst_nb.core.config import NbParserConfig
    from myst_nb.core.read import create_nb_reader
    from myst_parser.config.main import MdParserConfig

    text = path.read_text(encoding="utf-8")
    config = MdParserConfig(enable_extensions=set(extensions))
    reader = create_nb_reader(str(path), config, NbParserConfig(), text)
    notebook = reader.read(text) if reader else None
    if notebook is None or not any(cell.cell_type == "code" for cell in notebook.cells):
        return None
    return notebook


def pages_with_code(root: Path, pages: Sequence[str]) -> dict[str, Any]:
    """Name of every page that has code -> its notebook, not executed."""
    config = yaml.safe_load((root / "_config.yml").read_text())
    extensions = config.get("parse", {}).get("myst_enable_extensions", [])
    found = {page: read_page(root / f"{page}.md", extensions) for page in pages}
    return {page: notebook for page, notebook in found.items() if notebook is not None}


def run_page(path: Path, notebook: Any, cell_timeout: int) -> Run:
    """Execute one page in its own folder, as MyST-NB would; runs in a process of its own."""
    from jupyter_cache.executors.utils import single_nb_execution

    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with plain_profile():
        result = single_nb_execution(
            notebook, cwd=str(path.parent), timeout=cell_timeout, allow_errors=False
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the kernel, which has ended
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    error = re.sub(r"\x1b\[[0-9;]*m", "", str(result.err)) if result.err else ""
    return Run(result.nb, result.time, cpu, error)


@contextmanager
def plain_profile() -> Iterator[None]:
    """Give kernels an IPython profile of their own: no start-up files of the user, only errors."""
    with TemporaryDirectory() as folder:
        settings = Path(folder) / "profile_default" / "ipython_kernel_config.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps({"IPKernelApp": {"log_level": logging.ERROR}}))
        before = os.environ.get("IPYTHONDIR")
        os.environ["IPYTHONDIR"] = folder
        try:
            yield
        finally:
            os.environ.pop("IPYTHONDIR")
            if before is not None:
                os.environ["IPYTHONDIR"] = before


def workers() -> int:
    """How many pages run at once: one a core, at most four, for each holds torch in memory."""
    return max(1, min(MOST_AT_ONCE, os.cpu_count() or 1))


def execute(root: Path, pages: Sequence[str]) -> list[str]:
    """Run those of `pages` that are not in the cache; return what went wrong, page by page.

    A page that fails is not cached, so that the next build runs it again.
    """
    from jupyter_cache import get_cache

    cache = get_cache(str(root / CACHE))
    config = yaml.safe_load((root / "_config.yml").read_text())
    timeout = config["execute"]["timeout"]
    waiting = {
        page: notebook
        for page, notebook in pages_with_code(root, pages).items()
        if not is_cached(cache, notebook)
    }
    if not waiting:
        return []
    print(f"Running {len(waiting)} pages, {workers()} at a time", flush=True)
    started, faults = time.monotonic(), []
    with ProcessPoolExecutor(workers(), max_tasks_per_child=1) as pool:
        futures: dict[Future[Run], str] = {
            pool.submit(run_page, root / f"{page}.md", notebook, timeout): page
            for page, notebook in waiting.items()
        }
        for future in as_completed(futures):
            page, run = futures[future], future.result()
            print(f"  {page}: {run.seconds:.0f} s", flush=True)
            if run.error:
                faults.append(f"{page}.md: a cell failed\n{run.error}")
            else:
                store(cache, root / f"{page}.md", run)
    print(f"  together {time.monotonic() - started:.0f} s", flush=True)
    return sorted(faults)


def is_cached(cache: Any, notebook: Any) -> bool:
    """Whether a page with just this code is there."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def store(cache: Any, path: Path, run: Run) -> None:
    """Put an executed page where MyST-NB looks for it."""
    from jupyter_cache.base import CacheBundleIn

    data = {"execution_seconds": run.seconds, "cpu_seconds": run.cpu_seconds}
    bundle = CacheBundleIn(run.notebook, str(path), data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def executed_pages(root: Path, pages: Sequence[str]) -> dict[str, tuple[Any, dict[str, float]]]:
    """Name of every page with code -> the executed notebook in the cache, and its seconds.

    Raises:
        RuntimeError: a page is not there as it now stands.
    """
    from jupyter_cache import get_cache

    cache = get_cache(str(root / CACHE))
    found = {}
    for page, notebook in pages_with_code(root, pages).items():
        if not is_cached(cache, notebook):
            raise RuntimeError(f"{page}.md has changed since the book was built; run `make book`")
        record = cache.match_cache_notebook(notebook)
        _, executed = cache.merge_match_into_notebook(notebook)
        seconds = {
            "seconds": round(record.data["execution_seconds"], 1),
            "cpu_seconds": round(record.data.get("cpu_seconds", float("nan")), 1),
        }
        found[page] = (executed, seconds)
    return found
