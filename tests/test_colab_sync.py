"""Every page with code has its notebook, in step to the byte, and its button leads there."""

import ast
import builtins
import re
import subprocess

import make_notebooks
import nbformat
import pytest
from bs4 import BeautifulSoup
from notebooks.book import Book
from notebooks.solutions import SWITCH


@pytest.fixture(scope="module")
def book_source(root):
    return Book(root)


@pytest.fixture(scope="module")
def made(root):
    return {path.stem: text for path, text in make_notebooks.notebooks(root).items()}


def cells(text, kind=None):
    found = nbformat.reads(text, as_version=4).cells
    return [cell for cell in found if kind in (None, cell.cell_type)]


def test_notebooks_are_those_of_the_pages(root):
    assert make_notebooks.differences(root) == [], "run `make notebooks` and commit what changes"


def test_what_they_install_has_what_they_use(root):
    """The tag that they name is the release to come, with all changes, and not the last one."""
    assert make_notebooks.release_gap(root) == []


def test_every_chapter_has_one(book_source, made):
    chapters = {name for name, number in book_source.chapters().items() if number}
    assert chapters
    assert chapters <= set(made)


def test_a_second_time_gives_the_same_bytes(root, made):
    assert {p.stem: t for p, t in make_notebooks.notebooks(root).items()} == made


def test_notebooks_are_clean(made):
    for name, text in made.items():
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        assert notebook.metadata.colab.toc_visible
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None
            else:
                assert cell.source.strip(), name


def test_nothing_of_the_page_markup_is_left(made):
    """On Colab a directive or a role is raw text."""
    for name, text in made.items():
        for cell in cells(text, "markdown"):
            prose = re.sub(r"^(`{3,}).*?^\1$", "", cell.source, flags=re.S | re.M)
            prose = re.sub(r"`[^`]+`|\$\$.*?\$\$|\$[^$]+\$", "", prose, flags=re.S)
            left = re.findall(
                r"\{[\w:+-]+\}|^:{3,}.*|^\([\w-]+\)=|^:[\w-]+:|\]\((?!https:)", prose, re.M
            )
            assert not left, f"{name}: {left} in {cell.source[:200]!r}"


def test_the_second_cell_installs_the_release_in_the_open(made, book_source):
    for text in made.values():
        install = cells(text)[1]
        line = f'%pip install -q "avlib @ git+{book_source.repository}@{book_source.tag}"'
        assert f'if "google.colab" in sys.modules:\n    {line}\n    assert' in install.source
        assert "-m avlib doctor\n" in install.source
        assert "capture" not in text
        assert "pip install" not in "".join(cell.source for cell in cells(text)[2:])


def test_every_exercise_and_every_cell_of_the_page_arrive(root, made):
    for name, text in made.items():
        page = (root / "book" / f"{name}.md").read_text()
        code = [
            cell for cell in cells(text, "code") if "install" not in cell.metadata.get("tags", [])
        ]
        assert len(code) == len(re.findall(r"^```\{code-cell\}", page, re.M))
        exercises = re.findall(r"^`{3,}\{exercise(?:-start)?\} (\w+)", page, re.M)
        heads = re.findall(r'"### Exercise [\d.]+ · (\w+)', text)
        assert heads == exercises


def test_solutions_are_folded(made):
    for text in made.values():
        notebook = cells(text)
        solved = [c for c in notebook if c.source.startswith("# @title Solution")]
        for cell in notebook:
            if "solution" in cell.metadata.get("tags", []):
                assert cell in solved
        for cell in solved:
            assert cell.metadata.cellView == "form"
            switch, body = cell.source.split("\n")[1:3]
            assert switch == SWITCH
            assert body == "if show_solution:"
        told = [c for c in notebook if "<summary>Solution to " in c.source]
        assert len(told) == len({re.search(r"<summary>(.*?)<", c.source)[1] for c in told})


def names(code):
    """What a cell binds and what it looks up, anywhere in it."""
    bound, used = set(), set()
    lines = [line for line in code.split("\n") if not line.lstrip().startswith(("%", "!"))]
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Name):
            (bound if isinstance(node.ctx, ast.Store) else used).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound, used


def test_nothing_needs_a_solution_that_was_not_run(made):
    """Neither the text after it nor another solution."""
    for name, text in made.items():
        known, solved = {*dir(builtins), "display", "_exit_code"}, {}
        for cell in cells(text, "code"):
            title = re.match(r"# @title (Solution to [A-Z]\w+ [\d.]+)", cell.source)
            bound, used = names(cell.source)
            own = solved.setdefault(title[1], set()) if title else set()
            assert used <= known | own | bound, f"{name}: {cell.source}"
            (own if title else known).update(bound)


def test_no_second_place_names_the_repository(root, book_source):
    """Whoever publishes the book changes one line and runs `make notebooks`."""
    assert (root / "_config.yml").read_text().count(book_source.repository) == 1
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True
    )
    names = [book_source.repository.split("://")[1], book_source.site.split("://")[1]]
    for name in listed.stdout.split():
        if name == "_config.yml" or name.endswith(".ipynb") or not (root / name).is_file():
            continue
        text = (root / name).read_bytes()
        assert not any(address.encode() in text for address in names), name


def test_a_moved_repository_changes_every_address(root, book_source, made):
    moved = Book(root)
    moved.config["repository"]["url"] = "https://github.com/somebody/elsewhere"
    from notebooks.convert import notebook_of

    name = next(iter(made))
    text = notebook_of(moved, moved.pages[name])
    assert book_source.repository.split("://")[1] not in text
    assert "git+https://github.com/somebody/elsewhere@" in text
    assert f"https://somebody.github.io/elsewhere/book/{name}.html" in text


# What follows looks at the built book.


@pytest.mark.build
def test_buttons_lead_to_the_notebooks(book, made, root, book_source):
    branch = book_source.config["repository"]["branch"]
    owner = book_source.repository.removeprefix("https://github.com/")
    for page in book_source.pages:
        place = book.html / "book" / f"{page}.html"
        found = re.findall(r'href="(https://colab[^"]*)"', place.read_text())
        expected = (
            f"https://colab.research.google.com/github/{owner}/blob/{branch}/book/{page}.ipynb"
        )
        assert found == ([expected] if page in made else []), page
        assert (root / "book" / f"{page}.ipynb").exists() == (page in made)


@pytest.mark.build
def test_links_of_the_notebooks_lead_to_places_that_exist(book, made, book_source):
    """Pages and anchors too: what Sphinx calls a label is what the notebook calls it."""
    ids = {}
    for name, text in made.items():
        for page, anchor in re.findall(
            rf"{book_source.site}/book/([\w-]+)\.html(?:#([\w.-]+))?", text
        ):
            if page not in ids:
                soup = BeautifulSoup(
                    (book.html / "book" / f"{page}.html").read_text(), "html.parser"
                )
                ids[page] = {tag["id"] for tag in soup.find_all(id=True)}
            assert not anchor or anchor in ids[page], f"{name}: {page}.html#{anchor}"


@pytest.mark.build
def test_numbers_are_those_of_the_book(book, book_source):
    """Figures, equations and exercises are counted here as Sphinx counts them there."""
    compared = 0
    for page in book_source.pages.values():
        soup = BeautifulSoup((book.html / "book" / f"{page.name}.html").read_text(), "html.parser")
        for label in page.labels.values():
            tag = soup.find(id=label.anchor)
            if not label.number:
                continue
            assert tag is not None, label
            shown = tag.find(class_="eqno" if label.number[0] == "(" else "caption-number")
            assert shown is not None, label
            assert shown.get_text().rstrip("#").strip() == label.number
            compared += 1
    assert compared > 20
