"""Print the whole book to one PDF: ``make pdf``, from the pages that are already built.

The pages of ``_build/html`` become one document with a title page, a table of contents with page
numbers and a chapter after the other; Chromium sets the formulas and prints it. Where the web
shows something that plays or moves, paper shows its poster, its description and the way to the
page (as an address and as a code for a telephone's camera). Solutions stand at the end of their
chapter.
"""

import base64
import html
import io
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import build_book
import execute_pages
import make_zip
import yaml
from book_extension import site_of
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parent.parent
STYLE = Path("book") / "_assets" / "print.css"
NOT_PRINTED = "script, style, .headerlink, .toggle-button, .copybtn, .prev-next-area, noscript"
ATTRIBUTES = {"a": "href", "img": "src", "audio": "src", "source": "src"}


def site(root: Path) -> str:
    """Address of the published book."""
    config = yaml.safe_load((root / "_config.yml").read_text())
    return site_of(config["repository"]["url"])


def posters(root: Path, pages: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Of every page the posters of its components, in order: a data URI and a description."""
    found: dict[str, list[tuple[str, str]]] = {page: [] for page in pages}
    for page, (notebook, _) in execute_pages.executed_pages(root, pages).items():
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if '<figure class="avl' in "".join(data.get("text/html", "")):
                    image = "".join(data.get("image/png", "").split())
                    uri = f"data:image/png;base64,{image}" if image else ""
                    found[page].append((uri, "".join(data.get("text/plain", ""))))
    return found


def code_for(address: str) -> str:
    """A two-dimensional code that a telephone's camera reads, as a data URI."""
    import segno

    picture = io.BytesIO()
    segno.make(address, error="l", micro=False).save(picture, kind="svg", scale=1, border=1)
    return "data:image/svg+xml;base64," + base64.b64encode(picture.getvalue()).decode()


def printed_component(name: str, image: str, description: str, address: str) -> str:
    """What paper shows of a component: its poster, its description, and where it lives."""
    picture = f'<img src="{image}" alt="">' if image else ""
    where = f"{address}#{name}" if name else address
    return (
        f'<div class="component">{picture}<div class="way"><img class="code" alt="" '
        f'src="{code_for(address)}"><p>{html.escape(description)}</p>'
        f'<p class="address">To hear it and to work it: <a href="{html.escape(where)}">'
        f"{html.escape(address)}</a></p></div></div>"
    )


def chapter(root: Path, page: str, known: list[tuple[str, str]], pages: list[str]) -> Tag:
    """The article of one page, ready for paper: links lead within the document or to the web."""
    path = root / "_build" / "html" / f"{page}.html"
    soup = BeautifulSoup(path.read_text(), "html.parser")
    article = soup.select_one("article")
    if not isinstance(article, Tag):
        raise RuntimeError(f"{path} has no article; was the book built whole?")
    address = f"{site(root)}{page}.html"
    figures = article.select("figure.avl")
    if len(figures) != len(known):
        raise RuntimeError(
            f"{page} shows {len(figures)} components, not {len(known)}; build it again"
        )
    for figure, (image, description) in zip(figures, known, strict=True):
        paper = printed_component(str(figure.get("id", "")), image, description, address)
        figure.replace_with(BeautifulSoup(paper, "html.parser"))
    for drawing in article.select(".tag_hide-input details.above-input"):
        drawing.decompose()  # code that only draws, folded away on the web
    for folded in article.select("details"):
        folded["open"] = ""
    for useless in article.select(NOT_PRINTED):
        useless.decompose()
    prefix = page.replace("/", "-")
    for element in article.find_all(id=True):
        element["id"] = f"{prefix}--{element['id']}"
    for element in article.find_all(list(ATTRIBUTES)):
        redirect(element, path, prefix, root, pages)
    move_solutions(soup, article)
    article.name = "section"
    article["class"] = "chapter"
    article["id"] = prefix
    return article


def redirect(element: Tag, path: Path, prefix: str, root: Path, pages: list[str]) -> None:
    """Let a link or picture lead where it does on paper."""
    name = ATTRIBUTES[element.name]
    value = element.get(name)
    parts = urlsplit(str(value or ""))
    if not value or parts.scheme:
        return
    if not parts.path:
        element[name] = f"#{prefix}--{parts.fragment}"
        return
    target = (path.parent / parts.path).resolve()
    inside = target.relative_to((root / "_build" / "html").resolve()).with_suffix("").as_posix()
    if element.name == "a" and inside in pages:
        part = f"--{parts.fragment}" if parts.fragment else ""
        element[name] = f"#{inside.replace('/', '-')}{part}"
    else:
        element[name] = target.as_uri()


def move_solutions(soup: BeautifulSoup, article: Tag) -> None:
    """Solutions to the end of the chapter, so that nobody reads them by accident."""
    solutions = article.select("div.solution")
    if not solutions:
        return
    part = soup.new_tag("section", attrs={"class": "solutions"})
    title = soup.new_tag("h2")
    title.string = "Solutions"
    part.append(title)
    for solution in solutions:
        part.append(solution.extract())
    article.append(part)


def contents(chapters: list[Tag], numbers: dict[str, int]) -> str:
    """The table of contents; pages are known after the first printing."""
    rows = []
    for article in chapters:
        heading = article.find("h1")
        title = " ".join(heading.get_text(" ").split()) if heading else ""
        number = numbers.get(str(article["id"]), "")
        link = f'<a href="#{article["id"]}">{html.escape(title)}</a>'
        rows.append(f"<tr><td>{link}</td><td>{number}</td></tr>")
    return f'<table class="contents">{"".join(rows)}</table>'


def document(root: Path, chapters: list[Tag], numbers: dict[str, int]) -> str:
    """The whole book as one page of HTML."""
    config = yaml.safe_load((root / "_config.yml").read_text())
    version = make_zip.version_of(root)
    mathjax = (root / "_build" / "html" / "_static" / "vendor" / "mathjax").resolve()
    setting = (
        "window.MathJax = {options: {processHtmlClass: 'tex2jax_process|mathjax_process|math'},"
        "startup: {pageReady: () => MathJax.startup.defaultPageReady().then(() => {"
        "document.documentElement.dataset.set = 'yes'; })}};"
    )
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{html.escape(config["title"])}</title><style>{(root / STYLE).read_text()}</style>
<link rel="stylesheet" href="{(root / "_build/html/_static/pygments.css").resolve().as_uri()}">
<script>{setting}</script>
<script src="{(mathjax / "tex-chtml.js").as_uri()}"></script></head><body>
<section class="cover"><h1>{html.escape(config["title"])}</h1>
<p>Audio-visual sound separation and localisation, from the first sine to the research frontier</p>
<p>{html.escape(config["author"])}<br>Version {version}</p>
<p><img class="code" alt="" src="{code_for(site(root))}"><br>{html.escape(site(root))}</p>
<p>Text, figures and audio: CC BY 4.0. Code: MIT.</p></section>
<section class="toc"><h1>Contents</h1>{contents(chapters, numbers)}
<p>Sounds, films and everything that can be worked are shown here by a picture, a description and
the address of the page where they live. Solutions stand at the end of each chapter.</p></section>
{"".join(map(str, chapters))}</body></html>"""


def print_page(page: Path) -> bytes:
    """A page as Chromium prints it, with page numbers, bookmarks and tags for screen readers.

    Raises:
        RuntimeError: there is no Chromium, or it could not set the formulas.
    """
    from print_browser import open_browser

    with open_browser() as browser:
        browser.get(page.resolve().as_uri())
        wait_until_set(browser)
        footer = (
            '<div style="width:100%;text-align:center;font:9px sans-serif">'
            '<span class="pageNumber"></span></div>'
        )
        options: dict[str, Any] = {
            "printBackground": True,
            "paperWidth": 8.27,
            "paperHeight": 11.69,
            "marginTop": 0.8,
            "marginBottom": 0.8,
            "marginLeft": 0.8,
            "marginRight": 0.8,
            "displayHeaderFooter": True,
            "headerTemplate": "<span></span>",
            "footerTemplate": footer,
            "generateTaggedPDF": True,
            "generateDocumentOutline": True,
        }
        return base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", options)["data"])


def wait_until_set(browser: Any, seconds: float = 300) -> None:
    """Until MathJax has set every formula and every picture is there."""
    from selenium.webdriver.support.ui import WebDriverWait

    done = (
        "return document.documentElement.dataset.set === 'yes' && "
        "Array.from(document.images).every((image) => image.complete)"
    )
    WebDriverWait(browser, seconds).until(lambda b: b.execute_script(done))


def first_pages(pdf: bytes) -> dict[str, int]:
    """Anchor of every chapter -> its page in a printed book, counted from 1."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf))
    return {
        name.lstrip("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def make_pdf(root: Path = ROOT) -> Path:
    """Write ``_build/avlib-book-<version>.pdf``; return its path.

    Raises:
        FileNotFoundError: the book is not built.
    """
    if not (root / "_build" / "html" / "index.html").exists():
        raise FileNotFoundError("there is no built book; run `make book` first")
    pages = build_book.toc_pages(root)
    known = posters(root, pages)
    chapters = [chapter(root, page, known[page], pages) for page in pages]
    source = root / "_build" / "print.html"
    source.write_text(document(root, chapters, {}))
    numbers = first_pages(print_page(source))
    source.write_text(document(root, chapters, numbers))
    target = root / "_build" / f"{make_zip.archive_name(root)}.pdf"
    target.write_bytes(print_page(source))
    return target


if __name__ == "__main__":
    made = make_pdf()
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
    sys.exit(0)
