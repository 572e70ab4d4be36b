"""The book builds without a warning, and what was built is all there."""

import json
import shutil
import subprocess
import sys
from importlib import metadata

import execute_pages
import nbformat
import pytest
from conftest import load_tool

pytestmark = pytest.mark.build
PAGE_SECONDS = 60


@pytest.fixture
def check_book():
    return load_tool("check_book")


def test_book_builds_without_a_warning_and_says_where_it_is(book):
    assert ": WARNING:" not in book.output
    assert book.output.strip().splitlines()[-1] == str(book.html / "index.html")


def test_engine_is_version_1(build_book):
    build_book.check_version(metadata.version("jupyter-book"))
    with pytest.raises(RuntimeError, match=r"2\.1\.7 cannot build"):
        build_book.check_version("2.1.7")


def test_built_pages_are_those_of_the_contents(book, build_book):
    assert build_book.built_pages(book.root) == sorted(build_book.toc_pages())
    assert (book.html / "index.html").exists()


def test_no_page_shows_a_traceback(book, build_book):
    for name in build_book.toc_pages():
        text = book.page(name).read_text()
        assert "Traceback" not in text, name
        assert "<stderr>" not in text, name


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
def test_which_cells_must_show_something(check_book, source, expected):
    assert check_book.shows_something(source) is expected


def test_every_code_cell_was_executed_and_shows_what_it_should(book, build_book, check_book):
    executed = execute_pages.executed_pages(book.root, build_book.toc_pages())
    cells = 0
    for page, (notebook, _) in executed.items():
        cells += sum(cell.cell_type == "code" for cell in notebook.cells)
        assert list(check_book.cell_faults(page, notebook)) == []
    assert len(executed) >= 8
    assert cells > 100


def test_a_cell_that_went_wrong_is_named(check_book):
    cell = nbformat.v4.new_code_cell("x = 1\nx")
    book = nbformat.v4.new_notebook(cells=[cell])
    faults = list(check_book.cell_faults("p", book))
    assert [fault.split(": ")[1].split(",")[0] for fault in faults] == [
        "was not executed",
        "shows nothing",
    ]
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="careful")]
    assert [f.split(": ")[1] for f in check_book.cell_faults("p", book)] == ["wrote to stderr"]
    cell.outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]
    assert any("failed" in fault for fault in check_book.cell_faults("p", book))
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1"})]
    assert list(check_book.cell_faults("p", book)) == []
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": " "})]
    assert len(list(check_book.cell_faults("p", book))) == 1


def test_pages_run_within_their_time(book, build_book):
    seconds = json.loads((book.root / "_build" / "page-seconds.json").read_text())
    executed = execute_pages.executed_pages(book.root, build_book.toc_pages())
    assert set(seconds) == set(executed)
    # Seconds of the processor: what other programs take of the clock is not the page's doing.
    slow = {
        page: t["cpu_seconds"] for page, t in seconds.items() if t["cpu_seconds"] > PAGE_SECONDS
    }
    assert not slow
    assert sum(taken["cpu_seconds"] for taken in seconds.values()) < 600


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


@pytest.fixture
def mini_book(root, tmp_path):
    """The book's own configuration and tools on a book of one page, with a package of its own."""
    (tmp_path / "book" / "figures").mkdir(parents=True)
    names = ("_config.yml", "book/references.bib", "constraints.txt")
    names += ("book/figures/logo.svg", "book/figures/orchestra.png")
    for name in names:
        shutil.copyfile(root / name, tmp_path / name)
    shutil.copytree(
        root / "book" / "_assets",
        tmp_path / "book" / "_assets",
        ignore=shutil.ignore_patterns("vendor"),
    )
    shutil.copytree(root / "tools", tmp_path / "tools")
    (tmp_path / "avlib").mkdir()
    (tmp_path / "avlib" / "__init__.py").write_text("")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index.md\n")
    return tmp_path


def write_page(folder, text, name="index"):
    """A page that MyST-NB takes for a notebook."""
    head = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: Python 3}\n---"
    (folder / "book" / f"{name}.md").write_text(f"{head}\n\n{text}\n")


def build_in(folder):
    """Run the build there; its exit status and what it printed."""
    command = "import sys; sys.path.insert(0, 'tools'); import build_book, pathlib; "
    command += "sys.exit(build_book.build(pathlib.Path.cwd()))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


PAGE = """# A page

PROSE

```{code-cell} ipython3
import pathlib, sys
sys.path.insert(0, "..")
from avlib.tune import play
with pathlib.Path("runs.txt").open("a") as log:
    log.write("run ")
print(play())
```
"""


def test_pages_run_again_when_a_function_they_use_changes_and_only_then(mini_book):
    tune, runs = mini_book / "avlib" / "tune.py", mini_book / "book" / "runs.txt"
    html = mini_book / "_build" / "html" / "book" / "index.html"

    def built():
        code, output = build_in(mini_book)
        assert code == 0, output
        return html.read_text(), len(runs.read_text().split())

    tune.write_text("def play():\n    return 'do re mi'\n")
    write_page(mini_book, PAGE)
    text, count = built()
    assert "do re mi" in text
    assert count == 1
    seconds = json.loads((mini_book / "_build" / "page-seconds.json").read_text())
    assert 0 < seconds["book/index"]["cpu_seconds"] < 60
    assert seconds["book/index"]["seconds"] > 0

    write_page(mini_book, PAGE.replace("PROSE", "Other words."))
    text, count = built()
    assert count == 1  # neither the library nor the code of the page has changed
    assert "Other words." in text
    assert "do re mi" in text

    tune.write_text("def play():\n    return 'fa so la'\n")
    text, count = built()
    assert count == 2
    assert "fa so la" in text
    assert "do re mi" not in text

    write_page(mini_book, PAGE.replace("print(play())", "print(play().upper())"))
    text, count = built()
    assert count == 3
    assert "FA SO LA" in text


def test_a_cell_that_fails_and_a_label_set_twice_stop_the_build_at_once(mini_book):
    write_page(mini_book, "# A page\n\n```{code-cell} ipython3\n1 / 0\n```")
    code, output = build_in(mini_book)
    assert code == 1
    assert "book/index.md: a cell failed" in output
    assert "ZeroDivisionError" in output
    write_page(mini_book, "# A page\n\n(here)=\n## A\n\n(here)=\n## B")
    code, output = build_in(mini_book)
    assert code == 1
    assert "the label here is set 2 times: book/index.md:8, book/index.md:11" in output


def test_warnings_fail_the_build_and_the_next_one_too(mini_book):
    """Sphinx alone forgets its warnings: it does not read an unchanged page again."""
    faults = {
        "See {ref}`nowhere`.": "undefined label",
        "Here is {term}`a thing nobody explained`.": "term not in glossary",
        "```{literalinclude} gone.py\n```": "gone.py",
        "Cited {cite}`nobody1900`.": "nobody1900",
        "```{code-cell} ipython3\nimport sys; print('oh', file=sys.stderr); 1\n```": "stderr",
    }
    write_page(mini_book, "# A page\n\n" + "\n\n".join(faults))
    for attempt in ("first", "second"):
        code, output = build_in(mini_book)
        assert code != 0, f"{attempt} build: {output}"
        for message in faults.values():
            assert message in output, f"{attempt} build: {output}"


def test_what_was_built_is_looked_at(mini_book):
    faults = {
        "```{code-cell} ipython3\nprint()\n```": "shows nothing, although it prints",
        "```{code-cell} ipython3\nprint('Traceback (most recent call last)')\n```": "a Traceback",
        "```{eval-rst}\n.. raw:: html\n\n   <p id='x'></p><p id='x'></p>\n```": "the id x 2 times",
    }
    write_page(mini_book, "# A page\n\n" + "\n\n".join(faults))
    code, output = build_in(mini_book)
    assert code == 1
    for message in faults.values():
        assert message in output


def test_pages_that_are_missing_or_have_left_the_contents(mini_book):
    toc = mini_book / "_toc.yml"
    toc.write_text("format: jb-book\nroot: book/index.md\nchapters:\n  - file: book/other.md\n")
    write_page(mini_book, "# A page\n\n{ref}`sec-other`")
    code, output = build_in(mini_book)
    assert code == 1
    assert "book/other.md is in _toc.yml, but not there" in output
    write_page(mini_book, "(sec-other)=\n# Another page\n", "other")
    code, output = build_in(mini_book)
    assert code == 0, output
    toc.write_text("format: jb-book\nroot: book/index.md\n")
    write_page(mini_book, "# A page\n\nAlone.")
    (mini_book / ".some_cache").mkdir()
    (mini_book / ".some_cache" / "README.md").write_text("# Not a page\n")
    old = mini_book / "_build" / "html" / "_images" / "old.png"
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"a picture of the page that left")
    code, output = build_in(mini_book)
    assert code == 0, output
    assert not (mini_book / "_build" / "html" / "book" / "other.html").exists()
    assert not old.exists()


def test_what_a_whole_book_must_hold(check_book):
    assert list(check_book.page_set_faults(["a", "c"], ["a", "b"])) == [
        "b.md is in _toc.yml, but was not built",
        "c.html was built, but is not in _toc.yml",
    ]
    assert list(check_book.html_faults("a", "<p>as {ref} says</p>"))
    assert not list(check_book.html_faults("a", "<p>as <code>{ref}</code> says</p>"))
