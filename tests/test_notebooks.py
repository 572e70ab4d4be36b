"""On Colab's versions: the install cell, the package's own tests, and every notebook to its end.

The first notebook's install cell runs as it stands, with a `google.colab` in place and with git
told that the public repository is a local clone of this tree, tagged as a release would be. So
its line for pip is tried as it will be used; only the address is not. All notebooks after that
run without `google.colab`, as on any machine where avlib is there: from top to bottom as they
are, as with *Run all*, and then, in the same kernel, every solution with its box ticked.
"""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import colab_like
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from notebooks.book import Book
from notebooks.solutions import SWITCH
from test_install import ADDED_ON_COLAB

pytestmark = [pytest.mark.colab, pytest.mark.slow]
BOOK = colab_like.Path(__file__).resolve().parent.parent / "book"
PAGES = sorted(path.stem for path in BOOK.glob("*.ipynb"))
DOCTOR_SECONDS = 30
KERNEL_SECONDS = 180  # a page of 45 of one core, with its solutions, the imports, the doctor


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """The environment after the install cell has run, what was there before, and its output."""
    book = Book(root)
    folder = root / ".venv-colab"
    version = colab_like.make_environment(root, folder)
    clone = colab_like.tagged_clone(root, tmp_path_factory.mktemp("repository"), book.tag)
    colab = colab_like.ColabLike(folder, version, clone, book.repository)
    before = colab.packages()
    assert "avlib" not in before
    notebook = nbformat.read(BOOK / f"{PAGES[0]}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if "install" in cell.metadata.get("tags", [])]
    notebook.cells = [nbformat.v4.new_code_cell(colab_like.FAKE), *cells]
    seconds, _ = colab.execute(notebook, tmp_path_factory.mktemp("install"))
    print(f"\nPython {version}; install cell: {seconds:.0f} s")
    return colab, before, said(notebook.cells[1])


@pytest.fixture(scope="module")
def side_by_side(request, installed, tmp_path_factory):
    """What takes long and was asked for, two at a time: futures, by the name of their test."""
    colab = installed[0]
    asked = {item.name for item in request.session.items if item.path == request.path}
    work = {"test_the_package_passes_its_own_tests_there": (own_tests, colab)}
    work |= {f"test_notebook_runs_to_its_end[{page}]": (run_all, colab, page) for page in PAGES}
    jobs = {name: (*job, tmp_path_factory.mktemp("job")) for name, job in work.items()}
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {name: pool.submit(*job) for name, job in jobs.items() if name in asked}
        pool.shutdown(cancel_futures=True)


def said(cell):
    """All text that a cell left."""
    parts = [
        out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
    ]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def times(root):
    """Seconds of each notebook; written where `make book` keeps its own."""
    found = {}
    yield found
    (root / "_build").mkdir(exist_ok=True)
    (root / "_build" / "colab-seconds.json").write_text(json.dumps(found, indent=1) + "\n")


def test_the_install_cell_changes_nothing_that_was_there(installed):
    colab, before, text = installed
    after = colab.packages()
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) == ADDED_ON_COLAB | {"avlib"}
    assert f"v{after['avlib']}" == Book(BOOK.parent).tag
    assert "OK   AV01" in text
    assert "Everything works" in text


def test_the_doctor_is_quick_when_warm(installed):
    colab = installed[0]
    command = [str(colab.python), "-c", "import os, subprocess, sys; "
               "subprocess.run([sys.executable, '-m', 'avlib', 'doctor'], check=True); "
               "print('CPU', sum(os.times()[2:4]))"]  # fmt: skip
    started = time.monotonic()
    text = colab_like.run(command, env=colab.environment(), cwd=colab.clone.parent)
    clock, cpu = time.monotonic() - started, float(re.search(r"CPU ([\d.]+)", text)[1])
    print(f"\navlib doctor: {clock:.1f} s, of one core {cpu:.1f} s")
    # Where other programs run beside, the clock says more about them.
    assert min(clock, cpu) < DOCTOR_SECONDS


@pytest.mark.parametrize(
    ("before", "right", "wrong", "error", "above"),
    [
        (colab_like.FAKE, "avlib@v", "avlib@none-v", "the installation failed", "none-v"),
        ("", "-m avlib", "-m none", "avlib is not ready.*run-it.html", "No module named none"),
    ],
)
def test_a_failed_install_is_loud(installed, tmp_path, before, right, wrong, error, above):
    """The cell must stop the notebook, and not go on to a NameError further down."""
    notebook = nbformat.read(BOOK / f"{PAGES[0]}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "install" in c.metadata.get("tags", []))
    assert cell.source.count(right) == 1
    cell.source = cell.source.replace(right, wrong)
    notebook.cells = [nbformat.v4.new_code_cell(before), cell]
    with pytest.raises(CellExecutionError, match=f"(?s){error}"):
        installed[0].execute(notebook, tmp_path)
    assert above in said(cell)


def own_tests(colab, place):
    """Seconds, and what pytest says of the package as installed there."""
    command = [str(colab.python), "-m", "pytest", "--pyargs", "avlib", "-q", "-x"]
    command += ["-c", str(colab.clone / "pyproject.toml"), "--rootdir", str(colab.clone)]
    command += ["-p", "no:cacheprovider"]
    started = time.monotonic()
    text = colab_like.run(command, cwd=place, env=colab.environment())
    return time.monotonic() - started, text


def test_the_package_passes_its_own_tests_there(side_by_side, request):
    """As installed, not as cloned: what the wheel forgot is missing here."""
    seconds, text = side_by_side[request.node.name].result()
    print(f"\npytest avlib: {seconds:.0f} s: {text.splitlines()[-1]}")
    passed = re.search(r"(\d+) passed", text)
    assert passed
    assert int(passed[1]) > 500
    assert "failed" not in text


def run_all(colab, page, place):
    """A notebook after *Run all*, then its solutions, ticked and run; seconds of clock and core."""
    notebook = nbformat.read(BOOK / f"{page}.ipynb", as_version=4)
    solutions = [c for c in notebook.cells if "solution" in c.metadata.get("tags", [])]
    ticked = []
    for cell in solutions:
        assert cell.source.count(SWITCH) == 1
        code = cell.source.replace(SWITCH, SWITCH.replace("False", "True"))
        ticked.append(nbformat.v4.new_code_cell(code, metadata={"tags": ["ticked"]}))
    notebook.cells += ticked
    seconds = colab.execute(notebook, place)
    return notebook.cells, seconds


@pytest.mark.parametrize("page", PAGES)
def test_notebook_runs_to_its_end(side_by_side, request, times, page):
    cells, (clock, cpu) = side_by_side[request.node.name].result()
    times[page] = {"clock": round(clock, 1), "cpu": round(cpu, 1)}
    print(f"\n{page}: {clock:.0f} s, of one core {cpu:.0f} s")
    ticked = 0
    for cell in cells:
        if cell.cell_type != "code":
            continue
        text, tags = said(cell), cell.metadata.get("tags", [])
        assert "Traceback" not in text, cell.source
        if "exercise" in tags:
            assert "not done yet" in text, f"a stub that says nothing: {cell.source}\n{text}"
        if "solution" in tags:
            assert cell.outputs == [], f"a solution that nobody asked for: {cell.source}"
        if "ticked" in tags:
            ticked += 1
            right = "check." not in cell.source or "✓ check." in text
            assert right, f"a solution that does not pass: {cell.source}\n{text}"
            assert not re.search(r"[✗○] check\.", text), f"{cell.source}\n{text}"
    source = (BOOK / f"{page}.md").read_text()
    assert ticked == len(re.findall(r"^tags: \[solution\]", source, re.M))
    # On a busy machine a second of a core does less.
    assert cpu < KERNEL_SECONDS * max(1.0, os.getloadavg()[1] / (os.cpu_count() or 1))
