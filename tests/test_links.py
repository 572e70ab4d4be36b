"""Every link and every anchor inside the book leads somewhere; labels in docstrings exist."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from conftest import load_tool

pytestmark = pytest.mark.build


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links = set(), []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.ids.add(value)
            if name in ("href", "src", "data-src") and value:
                self.links.append(value)


@pytest.fixture(scope="module")
def pages(book):
    """Path of every page -> its ids and links."""
    found = {}
    for path in sorted(book.html.rglob("*.html")):
        if "_static" not in path.parts:
            parser = Page()
            parser.feed(path.read_text())
            found[path] = parser
    return found


def test_every_link_inside_leads_somewhere(book, pages):
    broken, count = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if (
                parts.scheme
                or link.startswith(("//", "#", "data:", "javascript:"))
                or not parts.path
            ):
                continue
            count += 1
            target = (path.parent / unquote(parts.path)).resolve()
            if not target.exists():
                broken.append(f"{path.name}: {link}")
            elif parts.fragment and target.suffix == ".html":
                ids = pages[target].ids if target in pages else set()
                if unquote(parts.fragment) not in ids:
                    broken.append(f"{path.name}: {link} (no such place)")
    assert count > 500
    assert broken == []


def test_every_anchor_on_a_page_is_there(pages):
    broken = [
        f"{path.name}: {link}"
        for path, page in pages.items()
        for link in page.links
        if link.startswith("#") and len(link) > 1 and unquote(link[1:]) not in page.ids
    ]
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(pages):
    """What a browser loads by itself: scripts, styles, pictures, sounds, frames."""
    for path in pages:
        text = path.read_text()
        loaded = re.findall(
            r"<(?:script|img|audio|video|source|iframe|embed)\b[^>]*\bsrc=\"([^\"]+)", text
        )
        loaded += re.findall(
            r"<link\b[^>]*rel=\"(?:stylesheet|preload|icon)[^>]*href=\"([^\"]+)", text
        )
        loaded += re.findall(r"url\(['\"]?(https?:[^)'\"]+)", text)
        assert not [link for link in loaded if re.match(r"(https?:)?//", link)], path.name


def test_labels_that_docstrings_name_are_in_the_book(root, build_book):
    labels = set()
    for page in build_book.toc_pages():
        text = (root / f"{page}.md").read_text()
        labels |= set(re.findall(r"^\(([\w-]+)\)=|\$\$ \(([\w-]+)\)|:label: ([\w-]+)", text, re.M))
    names = {name for found in labels for name in found if name}
    assert len(names) > 30
    for path in (root / "avlib").rglob("*.py"):
        for label in re.findall(
            r"\{(?:ref|eq|numref)\}`([\w-]+)`|\bbook label `([\w-]+)`", path.read_text()
        ):
            assert set(label) - {""} <= names, f"{path.name} names {label}"


def test_outside_links_are_found_with_the_pages_that_name_them(tmp_path):
    check_links = load_tool("check_links")
    (tmp_path / "a.html").write_text('<a href="https://x.org/p#q">x</a><a href="b.html">b</a>')
    (tmp_path / "b.html").write_text('<a href="https://x.org/p">x</a><img src="https://y.org/z">')
    assert check_links.outside_links(tmp_path) == {"https://x.org/p": ["a.html", "b.html"]}
    assert check_links.outside_links(tmp_path, own=["https://x.org"]) == {}


def test_every_reference_that_has_a_doi_is_asked_for_by_it(root):
    bibliography = (root / "book" / "references.bib").read_text()
    found = load_tool("check_links").dois(bibliography)
    assert len(found) == len(re.findall(r"^\s*doi\s*=", bibliography, re.M)) > 3
    assert all(re.match(r"https://doi\.org/10\.\d+/", doi) for doi in found)
