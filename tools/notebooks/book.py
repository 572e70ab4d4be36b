"""What all pages know together: order, numbers, labels, citations, and the public addresses."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml
from pybtex.database import Entry, Person, parse_file
from pybtex.richtext import Text as RichText

from notebooks.parse import Block, Directive, Maths, PageError, Target, Text, front_matter, parse

_COUNTED = {"prf": "Theorem", "exercise": "Exercise", "figure": "Fig.", "table": "Table"}


@dataclass(frozen=True)
class Label:
    """A place that pages refer to.

    Attributes:
        page: name of the page, without ending ("sound").
        anchor: the part of its address after the hash.
        title: what a bare reference says ("Counting to 512 × 256").
        number: with its kind ("Fig. 2.1", "(2.3)", "Exercise 2.1"); empty if it has none.
    """

    page: str
    anchor: str
    title: str = ""
    number: str = ""


@dataclass
class Page:
    """One page, read: its blocks, and the labels that it defines."""

    name: str
    chapter: int | None
    blocks: list[Block]
    labels: dict[str, Label] = field(default_factory=dict)
    terms: dict[str, Label] = field(default_factory=dict)
    title: str = ""

    @property
    def has_code(self) -> bool:
        """Whether it has cells, so that a notebook of it is of use."""
        return any(isinstance(b, Directive) and b.name == "code-cell" for b in self.blocks)


def anchor_of(label: str) -> str:
    """The id that Sphinx gives to a label in HTML.

    Example:
        >>> anchor_of("sec_Phase 2")
        'sec-phase-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def term_anchor(term: str) -> str:
    """The id of a glossary's entry; it keeps capitals, as Sphinx does.

    Example:
        >>> term_anchor("short-time Fourier transform")
        'term-short-time-Fourier-transform'
    """
    return "term-" + re.sub(r"[^a-zA-Z0-9._]+", "-", term).strip("-")


def plain(title: str) -> str:
    """A heading or caption without marks, roles and formulas' dollars.

    Example:
        >>> plain("The *mask* of {cite:t}`zhao2018sound` and `stft` at $f$")
        'The mask of and stft at f'
    """
    title = re.sub(r"\{[\w:]+\}`[^`]*`", "", title)
    return re.sub(r"\s+", " ", re.sub(r"[`*$]|(?<!\w)_|_(?!\w)", "", title)).strip()


class Book:
    """The book at a root folder: its pages, read once, and everything that they share."""

    def __init__(self, root: Path) -> None:
        """Read configuration and contents; pages are read when first asked for."""
        self.root = root
        self.config = yaml.safe_load((root / "_config.yml").read_text("utf8"))
        self.toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
        project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
        self.tag = f"v{project['version']}"

    @property
    def title(self) -> str:
        """The book's."""
        return self.config["title"]

    @property
    def repository(self) -> str:
        """Public address of the repository: the one place where it stands is _config.yml."""
        return self.config["repository"]["url"].rstrip("/")

    @property
    def site(self) -> str:
        """Address of the built book: the pages that the repository's host serves for it.

        Raises:
            PageError: the host is not one whose pages' addresses are known.
        """
        match = re.fullmatch(r"https://(github|gitlab)\.com/([\w.-]+)/([\w.-]+)", self.repository)
        if match is None:
            raise PageError(f"repository.url {self.repository}: where are its pages served?")
        host, owner, name = match.groups()
        return f"https://{owner}.{host}.io/{name}"

    def address(self, page: str, anchor: str = "") -> str:
        """Where a page of the book is to be read, at an anchor if one is given."""
        return f"{self.site}/book/{page}.html" + (f"#{anchor}" if anchor else "")

    def chapters(self) -> dict[str, int | None]:
        """Names of the pages in reading order, with the number that the contents give them."""
        found: dict[str, int | None] = {Path(self.toc["root"]).stem: None}
        count = 0
        for part in self.toc["parts"]:
            for entry in part["chapters"]:
                count += bool(part.get("numbered"))
                found[Path(entry["file"]).stem] = count if part.get("numbered") else None
        return found

    @cached_property
    def pages(self) -> dict[str, Page]:
        """All pages of the contents.

        Raises:
            PageError: one cannot be read; the message names it.
        """
        found = {}
        unnumbered: dict[str, int] = {}  # Sphinx counts on from one such page to the next
        for name, chapter in self.chapters().items():
            source = (self.root / "book" / f"{name}.md").read_text("utf8")
            try:
                counts = {} if chapter else unnumbered
                found[name] = read_page(name, chapter, front_matter(source)[1], counts)
            except PageError as err:
                raise PageError(f"book/{name}.md: {err}") from err
        return found

    def label(self, name: str) -> Label:
        """The place called `name`, on whichever page it is.

        Raises:
            PageError: there is none.
        """
        for page in self.pages.values():
            if name in page.labels:
                return page.labels[name]
        raise PageError(f"no page has a label {name!r}")

    def term(self, name: str) -> Label:
        """The glossary's entry for a term, whatever its capitals.

        Raises:
            PageError: there is none.
        """
        for page in self.pages.values():
            for term, label in page.terms.items():
                if term.lower() == name.lower():
                    return label
        raise PageError(f"no glossary explains {name!r}")

    @cached_property
    def bibliography(self) -> dict[str, Entry]:
        """The entries of the book's BibTeX files."""
        files = self.config["bibtex_bibfiles"]
        entries = [parse_file(str(self.root / f), "bibtex").entries for f in files]
        return {key: entry for found in entries for key, entry in found.items()}

    def citation(self, key: str) -> tuple[str, str, str]:
        """Authors, year and address of a cited work; without a DOI, of our list of references.

        Raises:
            PageError: it is in no BibTeX file.
        """
        if key not in self.bibliography:
            raise PageError(f"no bibliography has {key!r}")
        entry = self.bibliography[key]
        authors = entry.persons.get("author") or entry.persons.get("editor") or []
        eprint = re.search(r"arXiv:\s*([\w./-]+)", entry.fields.get("note", ""))
        if "doi" in entry.fields:
            address = f"https://doi.org/{entry.fields['doi']}"
        elif "url" in entry.fields:
            address = entry.fields["url"]
        elif eprint:
            address = f"https://arxiv.org/abs/{eprint[1]}"
        else:
            address = self.address("references")
        return short_authors(authors), entry.fields.get("year", "n.d."), address


def short_authors(authors: list[Person]) -> str:
    """Family names as in an author-year citation.

    Example:
        >>> short_authors([Person("Griffin, D. W."), Person("Lim, J. S.")])
        'Griffin and Lim'
    """
    names = [" ".join(str(part) for part in (*p.prelast_names, *p.last_names)) for p in authors]
    names = [str(RichText.from_latex(name)) for name in names]
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names) or "Anonymous"


def first_heading(text: str) -> str:
    """The heading with which a text begins, without its marks; empty if it begins otherwise."""
    match = re.match(r"\s*#{1,6} +(.+?) *#*\s*(?:\n|$)", text)
    return plain(match[1]) if match else ""


def read_page(name: str, chapter: int | None, source: str, counts: dict[str, int]) -> Page:
    """Parse a page and number what Sphinx numbers on it, going on from `counts`."""
    page = Page(name, chapter, parse(source))
    reader = _Reader(page, counts)
    reader.read(page.blocks)
    reader.settle("")
    titles = [first_heading(b.text) for b in page.blocks if isinstance(b, Text)]
    page.title = next((title for title in titles if title), name)
    return page


class _Reader:
    """Goes through a page once, counting as Sphinx counts."""

    def __init__(self, page: Page, counts: dict[str, int]) -> None:
        self.page = page
        self.counts = counts
        self.waiting: list[str] = []

    def number(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        chapter = f"{self.page.chapter}." if self.page.chapter else ""
        return f"{chapter}{self.counts[kind]}"

    def settle(self, title: str) -> None:
        """Labels that were waiting belong to what comes now."""
        for label in self.waiting:
            self.page.labels[label] = Label(self.page.name, anchor_of(label), title)
        self.waiting = []

    def add(self, label: str, title: str, number: str = "", anchor: str = "") -> None:
        anchor = anchor or anchor_of(label)
        self.page.labels[label] = Label(self.page.name, anchor, title, number)

    def read(self, blocks: list[Block]) -> None:
        for block in blocks:
            if isinstance(block, Target):
                self.waiting.append(block.label)
                continue
            self.settle(first_heading(block.text) if isinstance(block, Text) else "")
            if isinstance(block, Maths) and block.label:
                self.equation(block.label)
            elif isinstance(block, Directive):
                self.directive(block)
                self.read(block.children)

    def equation(self, label: str) -> None:
        number = f"({self.number('equation')})"
        self.add(label, number, number, "equation-" + anchor_of(label))

    def directive(self, block: Directive) -> None:
        name, options = block.name, block.options
        label = options.get("label") or options.get("name")
        if name == "code-cell":
            figure = (options.get("mystnb") or {}).get("figure") or {}
            if figure.get("name"):
                self.figure(figure["name"], figure.get("caption", ""), "figure")
        elif name == "math" and label:
            self.equation(label)
        elif name in ("figure", "table", "list-table") and label:
            title = block.body if name == "figure" else block.argument
            self.figure(label, title, "figure" if name == "figure" else "table")
        elif name in ("exercise", "exercise-start"):
            number = "" if "nonumber" in options else f"Exercise {self.number('exercise')}"
            if label:
                self.add(label, number or block.argument, number)
        elif name.startswith("prf:"):
            kind = name.removeprefix("prf:")
            number = "" if "nonumber" in options else f"{kind.capitalize()} {self.number(kind)}"
            if label:
                self.add(label, block.argument or number, number)
        elif name in ("solution", "solution-start") and label:
            of = self.page.labels.get(block.argument)
            self.add(label, f"Solution to {of.number if of else block.argument}")
        elif name == "glossary":
            for term in glossary(block.body):
                self.page.terms[term] = Label(self.page.name, term_anchor(term), term)

    def figure(self, label: str, caption: str, kind: str) -> None:
        self.add(label, plain(caption), f"{_COUNTED[kind]} {self.number(kind)}")


def glossary(body: str) -> dict[str, str]:
    r"""Terms and what they mean: a term stands at the margin, its meaning indented below.

    Example:
        >>> glossary("mask\n  A picture.\n\nSDR\nratio\n  A number.")
        {'mask': 'A picture.', 'SDR': 'A number.', 'ratio': 'A number.'}
    """
    found: dict[str, list[str]] = {}
    open_terms: list[str] = []
    meaning = False
    for line in body.split("\n"):
        if line.strip() and not line.startswith((" ", "\t", ":")):
            open_terms = [line.strip()] if meaning else [*open_terms, line.strip()]
            meaning = False
            found[line.strip()] = []
        elif line.strip():
            meaning = True
            for term in open_terms:
                found[term].append(line.removeprefix(":").strip())
        elif meaning:
            for term in open_terms:
                found[term].append("")
    return {term: "\n".join(lines).strip() for term, lines in found.items()}
