"""What a built book must hold; every function returns sentences that say what is wrong with it."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
MADE_BY_SPHINX = {"index", "genindex", "search", "py-modindex", "prf-prf"}


def shows_something(source: str) -> bool:
    """Whether a cell must leave an output: it prints, draws, or ends with an expression.

    Example:
        >>> shows_something("x = 1"), shows_something("x = 1; x"), shows_something("f(x);")
        (False, True, False)
    """
    tree = ast.parse("\n".join(line for line in source.splitlines() if line[:1] not in "%!"))
    if not tree.body:
        return False
    last = tree.body[-1]
    silenced = source.rstrip().endswith(";")
    top = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    nodes = [node for part in top for node in ast.walk(part)]
    prints = any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"
        for n in nodes
    )
    draws = any(isinstance(n, ast.Attribute) and n.attr == "subplots" for n in nodes)
    quiet = isinstance(last, ast.Expr) and ast.unparse(last).startswith("plots.use_theme")
    return prints or draws or (isinstance(last, ast.Expr) and not silenced and not quiet)


def has_content(output: Mapping[str, Any]) -> bool:
    """Whether one output of a cell has anything in it."""
    if output["output_type"] == "stream":
        return bool("".join(output["text"]).strip())
    return any(str(value).strip() for value in output.get("data", {}).values())


def cell_faults(page: str, notebook: Any) -> Iterator[str]:
    """Cells that were not run, failed, complained, or show nothing where they should."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        first = next(iter(cell.source.strip().splitlines()), "")
        where = f"{page}.md, code cell {number} ({first[:60]!r})"
        if not cell.get("execution_count"):
            yield f"{where}: was not executed"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{where}: failed"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{where}: wrote to stderr"
        if shows_something(cell.source) and not any(map(has_content, cell.outputs)):
            yield (
                f"{where}: shows nothing, although it prints, draws or ends with an expression; "
                "end it with a semicolon if that is meant"
            )
        if any(
            "application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in cell.outputs
        ):
            yield f"{where}: shows a widget, which is empty without a kernel; show a component"


def built_pages(root: Path) -> list[str]:
    """Names of the pages that were built from sources, without ending, sorted."""
    html = root / "_build" / "html"
    pages = [p.relative_to(html).with_suffix("").as_posix() for p in html.rglob("*.html")]
    return sorted(p for p in pages if p not in MADE_BY_SPHINX and not p.startswith("_"))


def page_set_faults(built: Iterable[str], expected: Iterable[str]) -> Iterator[str]:
    """Pages of the contents that are missing, and pages that nobody asked for."""
    built, expected = set(built), set(expected)
    for page in sorted(expected - built):
        yield f"{page}.md is in _toc.yml, but was not built"
    for page in sorted(built - expected):
        yield f"{page}.html was built, but is not in _toc.yml"


class _Page(HTMLParser):
    """Ids and visible text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.silent += tag in ("script", "style", "pre", "code")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "pre", "code")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def html_faults(page: str, text: str) -> Iterator[str]:
    """Tracebacks, complaints, roles that were not understood, and ids that occur twice."""
    if "Traceback (most recent call last)" in text or "Traceback</span>" in text:
        yield f"{page}.html shows a Traceback"
    if 'class="system-message' in text:
        yield f"{page}.html shows a message of docutils"
    parsed = _Page()
    parsed.feed(text)
    for role in re.findall(r"\{(?:ref|numref|eq|cite|cite:t|term|doc)\}", " ".join(parsed.words)):
        yield f"{page}.html shows the role {role} as text"
    for name, count in Counter(parsed.ids).items():
        if count > 1:
            yield f"{page}.html has the id {name} {count} times"


def label_faults(root: Path, pages: Sequence[str]) -> Iterator[str]:
    """Labels that are set twice, on one page or on two: references would lead to either."""
    patterns = (r"^\(([\w:-]+)\)=\s*$", r"^:(?:label|name): (\S+)", r"^    +name: (\S+)\s*$")
    patterns += (r"^\$\$ \(([\w:-]+)\)",)
    places: dict[str, list[str]] = {}
    for page in pages:
        for number, line in enumerate((root / f"{page}.md").read_text().splitlines(), 1):
            for pattern in patterns:
                if found := re.match(pattern, line):
                    places.setdefault(found[1], []).append(f"{page}.md:{number}")
    for label, found_at in places.items():
        if len(found_at) > 1:
            yield f"the label {label} is set {len(found_at)} times: {', '.join(found_at)}"
