"""Try every address outside the book that its pages name: ``make links``.

Not part of the build or the tests, because the world is not ours: a workflow runs it weekly and
opens an issue. References are asked for by their DOI, which outlives publishers' addresses.
"""

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_ASKED = ("https://colab.research.google.com/", "http://localhost")
# They answer programs with a refusal, and readers with the page.
REFUSALS = {401, 403, 405, 406, 418, 429, 503}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [v for n, v in attrs if n == "href" and v and v.startswith("http")]


def outside_links(html: Path, own: Iterable[str] = ()) -> dict[str, list[str]]:
    """Every outside address -> the pages that name it; `own` are beginnings to leave out."""
    found: dict[str, list[str]] = {}
    for page in sorted(html.rglob("*.html")):
        parser = _Links()
        parser.feed(page.read_text())
        for link in sorted(set(parser.found)):
            link = link.split("#")[0]
            if not link.startswith((*NOT_ASKED, *own)):
                found.setdefault(link, []).append(page.relative_to(html).as_posix())
    return found


def dois(bibliography: str) -> list[str]:
    """DOIs of a BibTeX file, as addresses.

    Example:
        >>> dois("doi = {10.1000/182},")
        ['https://doi.org/10.1000/182']
    """
    return [f"https://doi.org/{d}" for d in re.findall(r'doi\s*=\s*[{"]([^}"]+)', bibliography)]


def state(link: str) -> str:
    """Empty if somebody answers, otherwise what happened instead."""
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urllib.request.urlopen(request, timeout=30):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in REFUSALS else f"{error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return str(error)


def main() -> int:
    """Ask all, print what is gone; 1 if anything is."""
    links = outside_links(ROOT / "_build" / "html")
    for doi in dois((ROOT / "book" / "references.bib").read_text()):
        links.setdefault(doi, []).append("book/references.bib")
    order = sorted(links, key=lambda link: ("doi.org" not in link, link))
    gone = {link: problem for link in order if (problem := state(link))}
    for link, problem in gone.items():
        print(f"{link}: {problem} (in {', '.join(links[link])})")
    print(f"{len(links)} addresses, {len(gone)} of them do not answer")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
