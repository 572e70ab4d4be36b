"""The page on the package is whole, and its table leads to code and tests that exist."""

import importlib
import pkgutil
import re

import pytest

import avlib
import avlib.viz

PAGES = ("avlib-api", "avlib-api-papers")

# Parts of components that pages do not call themselves.
INSIDE = {"viz.film", "viz.pieces", "viz.spectral", "checkpoints", "pairs", "tests"}


@pytest.fixture(scope="module")
def page(root):
    return "".join((root / "book" / f"{name}.md").read_text() for name in PAGES)


def rooms():
    """Every public room of the package; `viz` is a street of rooms."""
    for found in pkgutil.iter_modules(avlib.__path__):
        yield found.name
    for found in pkgutil.iter_modules(avlib.viz.__path__):
        yield f"viz.{found.name}"


def test_every_public_room_is_on_the_page(page):
    shown = re.findall(r"^\.\. automodule:: avlib\.([\w.]+)$", page, re.M)
    wanted = {room for room in rooms() if not room.startswith("_") and room != "viz"} - INSIDE
    assert set(shown) == wanted
    assert len(shown) == len(set(shown))


def table_rows(page):
    table = page[page.index("| what | paper |") : page.index("## Audio")]
    return [line.strip("| \n").split(" | ") for line in table.splitlines()[2:] if "|" in line]


def test_every_row_names_code_and_a_test_that_exist(page, root):
    rows = table_rows(page)
    assert len(rows) >= 20
    for *_, symbols, test in rows:
        names = re.findall(r"`([\w.]+)`", symbols)
        assert names, symbols
        for name in names:
            room, *path = name.split(".")
            found = importlib.import_module(f"avlib.{room}")
            for part in path:
                found = getattr(found, part)
        file, function = test.strip("`").split("::")
        text = (root / "avlib" / "tests" / file).read_text()
        assert re.search(rf"^def {function}\(", text, re.M), test


def test_everything_public_is_on_the_built_page(book):
    """Every name that a room offers has an entry of its own, with a sentence."""
    texts = [book.page(f"book/{name}").read_text() for name in PAGES]
    text = "".join(texts)
    shown = set(re.findall(r'id="avlib\.([\w.]+)"', text))
    for room in (
        "audio",
        "metrics",
        "data",
        "sop",
        "seco",
        "dsol",
        "cosep",
        "detection",
        "orchestra",
        "tables",
    ):
        module = importlib.import_module(f"avlib.{room}")
        callables = [n for n in module.__all__ if callable(getattr(module, n))]
        ends = {name.rsplit(".", 1)[-1] for name in shown if name.startswith(f"{room}.")}
        assert set(callables) <= ends, set(callables) - ends
    for text in texts:
        body = text[text.index("<article") :]
        assert "$" not in re.sub(r"<(pre|script)\b.*?</\1>", "", body, flags=re.S)  # maths was set
