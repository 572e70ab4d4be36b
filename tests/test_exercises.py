"""In the built book every solution passes its check, and every exercise is still to be done."""

import re
from functools import cache

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT

from avlib import check

pytestmark = pytest.mark.build
NUMBERED = (ROOT / "_toc.yml").read_text().rpartition("- caption: Appendices")[0]
CHAPTERS = re.findall(r"file: book/(\S+)\.md", NUMBERED)


@cache
def page(path):
    return BeautifulSoup(path.read_text(), "html.parser")


def verdicts(book, name, tag):
    """What the checks say in all cells with a tag, in the order of the page."""
    cells = page(book.page(f"book/{name}")).select(f"div.cell.tag_{tag}")
    found = [cell.select(".avl-checked") for cell in cells]
    assert all(len(said) == 1 for said in found), "one verdict for each cell"
    return [said[0] for said in found]


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_solution_passes(book, name):
    said = verdicts(book, name, "solution")
    assert len(said) >= 5
    wrong = [v["data-check"] for v in said if v["data-passed"] != "yes"]
    assert wrong == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_exercise_is_still_to_be_done(book, name):
    said = verdicts(book, name, "exercise")
    assert len(said) >= 5
    done = [v["data-check"] for v in said if v["data-stage"] != "todo"]
    assert done == []
    assert all("Not done yet" in verdict.text for verdict in said)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_check_has_one_exercise_and_its_solution(book, name):
    known = sorted(check.chapter_checks(name.replace("-", "_")))
    for tag in ("exercise", "solution"):
        assert sorted(v["data-check"] for v in verdicts(book, name, tag)) == known


@pytest.mark.parametrize("name", CHAPTERS)
def test_solutions_are_folded_away(book, name):
    cells = page(book.page(f"book/{name}")).select("div.cell.tag_solution")
    assert all(cell.find_parent(class_="dropdown") for cell in cells)


@pytest.mark.parametrize("name", CHAPTERS)
def test_verdicts_are_announced_and_not_by_colour_alone(book, name):
    for verdict in verdicts(book, name, "exercise") + verdicts(book, name, "solution"):
        assert verdict["role"] == "status"
        assert re.match(r"\s*[✓✗○]", verdict.p.text)
        assert verdict.p.strong.text in ("passed", "not done yet")
