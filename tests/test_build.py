"""The book builds without a warning, and what was built is all there."""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.build
PAGE_SECONDS = 60
PAGE_BYTES = 1.5e6


def test_book_builds_without_a_warning_and_says_where_it_is(book):
    assert ": WARNING:" not in book.output
    assert book.output.strip().splitlines()[-1] == str(book.html / "index.html")


def test_engine_is_version_1(build_book):
    build_book.check_version(metadata.version("jupyter-book"))
    with pytest.raises(RuntimeError, match=r"2\.1\.7 cannot build"):
        build_book.check_version("2.1.7")


def test_built_pages_are_those_of_the_contents(book, build_book):
    assert build_book.built_pages() == sorted(build_book.toc_pages())
    assert (book.html / "index.html").exists()


def test_no_page_shows_a_traceback(book, build_book):
    for name in build_book.toc_pages():
        text = book.page(name).read_text()
        assert "Traceback" not in text, name
        assert "<stderr>" not in text, name


def executed_notebooks(book):
    found = sorted((book.root / "_build" / "jupyter_execute").rglob("*.ipynb"))
    assert found, "the build kept no executed notebook"
    return found


def shows_something(source):
    """Whether a cell must leave an output: it prints, or ends with an expression shown."""
    tree = ast.parse("\n".join(line for line in source.splitlines() if not line.startswith("%")))
    if not tree.body:
        return False
    last = tree.body[-1]
    silenced = source.rstrip().endswith(";")
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
    prints = any(call.func.id == "print" for call in calls)
    draws = any(isinstance(n, ast.Attribute) and n.attr == "subplots" for n in ast.walk(tree))
    quiet = isinstance(last, ast.Expr) and ast.unparse(last).startswith("plots.use_theme")
    return prints or draws or (isinstance(last, ast.Expr) and not silenced and not quiet)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1", False),
        ("x = 1\nx", True),
        ("for i in range(3):\n    print(i)", True),
        ("def f():\n    return 1", False),
        ("f = g(1);", False),
        ("figure, ax = plt.subplots()\nax.plot([1]);", True),
        ("", False),
    ],
)
def test_which_cells_must_show_something(source, expected):
    assert shows_something(source) is expected


def test_every_code_cell_was_executed_and_shows_what_it_should(book):
    cells = 0
    for path in executed_notebooks(book):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type != "code":
                continue
            cells += 1
            where = f"{path.name}, cell {number}: {cell.source.splitlines()[:1]}"
            assert cell.execution_count, f"not executed: {where}"
            kinds = [output.output_type for output in cell.outputs]
            assert "error" not in kinds, where
            assert not any(o.get("name") == "stderr" for o in cell.outputs), where
            if shows_something(cell.source):
                assert kinds, f"nothing shown: {where}"
    assert cells > 20


def test_pages_run_within_their_time(book):
    from jupyter_cache import get_cache

    records = get_cache(str(book.root / "_build" / ".jupyter_cache")).list_cache_records()
    seconds = {Path(record.uri).name: record.data["execution_seconds"] for record in records}
    assert {"welcome.md", "sound.md"} <= set(seconds)
    # These are seconds of the clock: what other programs take is not the page's doing.
    share = max(1.0, os.getloadavg()[1] / (os.cpu_count() or 1))
    assert max(seconds.values()) <= PAGE_SECONDS * share, seconds


def test_pages_are_light(book, build_book):
    for name in build_book.toc_pages():
        page = book.page(name)
        text = page.read_text()
        pictures = {Path(src).name for src in re.findall(r'src="([^"]+_images/[^"]+)"', text)}
        images = sum((book.html / "_images" / picture).stat().st_size for picture in pictures)
        assert page.stat().st_size + images <= PAGE_BYTES, name


def test_cache_is_emptied_when_the_library_changes(build_book, tmp_path):
    package = tmp_path / "avlib"
    (package / "tests").mkdir(parents=True)
    (package / "a.py").write_text("x = 1\n")
    (package / "data.json").write_text("{}")
    (tmp_path / "constraints.txt").write_text("numpy==1\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "record.json").write_text("{}")
    cached = [tmp_path / "_build" / name / "page" for name in (".jupyter_cache", ".doctrees")]

    def fill_and_refresh():
        for page in cached:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text("old output")
        emptied = build_book.refresh_cache(tmp_path)
        assert [page.exists() for page in cached] == [not emptied] * 2
        return emptied

    assert fill_and_refresh()
    assert not fill_and_refresh()
    record = tmp_path / "results" / "record.json"
    for changed in (package / "a.py", package / "data.json", tmp_path / "constraints.txt", record):
        changed.write_text(changed.read_text() + "\n")
        assert fill_and_refresh(), changed
        assert not fill_and_refresh()
    (package / "b.py").write_text("")
    assert fill_and_refresh()
    (package / "tests" / "test_a.py").write_text("")
    assert not fill_and_refresh()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("```{code-cell} ipython3\n1 / 0\n```", "ZeroDivisionError"),
        ("See {ref}`nowhere`.", "undefined label"),
        ("```{literalinclude} gone.py\n```", "gone.py"),
        ("Cited {cite}`nobody1900`.", "nobody1900"),
    ],
)
def test_a_fault_on_a_page_fails_the_build(root, build_book, tmp_path, fault, message):
    """The book's own configuration and command, on a book of one faulty page."""
    (tmp_path / "book" / "figures").mkdir(parents=True)
    for name in ("_config.yml", "book/references.bib", "book/figures/logo.svg", "constraints.txt"):
        shutil.copyfile(root / name, tmp_path / name)
    shutil.copytree(
        root / "book" / "_assets",
        tmp_path / "book" / "_assets",
        ignore=shutil.ignore_patterns("vendor"),
    )
    (tmp_path / "avlib").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index.md\n")
    head = (root / "book" / "sound.md").read_text().split("\n\n")[0]  # it makes it a notebook
    (tmp_path / "book" / "index.md").write_text(f"{head}\n\n# A page\n\n{fault}\n")
    command = "import sys; sys.path.insert(0, sys.argv[1]); import build_book, pathlib; "
    command += "sys.exit(build_book.build(pathlib.Path(sys.argv[2])))"
    done = subprocess.run(
        [sys.executable, "-c", command, str(root / "tools"), str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0, done.stdout
    assert message in done.stdout + done.stderr
