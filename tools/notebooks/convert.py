"""Blocks of a page as the cells of a notebook."""

import ast
import hashlib
import re
from dataclasses import dataclass, field
from itertools import groupby

import nbformat
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from notebooks.book import Book, Page, PageError
from notebooks.inline import short_title
from notebooks.parse import Block, Directive
from notebooks.render import Renderer, folded
from notebooks.solutions import switched

FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


@dataclass
class Solution:
    """The solution that is being read: its text, from before and after the code, and its code."""

    title: str
    words: list[str] = field(default_factory=list)
    code: list[Directive] = field(default_factory=list)


class Notebook:
    """Collects the cells of one page."""

    def __init__(self, book: Book, page: Page) -> None:
        self.book, self.page = book, page
        self.renderer = Renderer(book, page)
        self.cells: list[NotebookNode] = []
        self.words: list[str] = []
        self.solution: Solution | None = None

    def finish_text(self) -> None:
        """Put the words collected so far into cells, a new one at each heading."""
        text = "\n\n".join(self.words).strip()
        self.words = []
        if not text:
            return
        if self.solution:
            self.solution.words.append(text)
            return
        for part in split_at_headings(text):
            self.cells.append(new_markdown_cell(part))

    def read(self, blocks: list[Block]) -> None:
        """Go through the blocks of a page."""
        for block in blocks:
            name = block.name if isinstance(block, Directive) else ""
            if name == "code-cell":
                self.finish_text()
                self._code(block)
            elif name in ("exercise", "exercise-start"):
                self.finish_text()
                self._exercise(block)
            elif name in ("solution", "solution-start"):
                self.finish_text()
                self._start_solution(block)
                if name == "solution":
                    self.read(block.children)
                    self._end_solution()
            elif name == "solution-end":
                self._end_solution()
            elif name == "exercise-end":
                self.finish_text()
            else:
                self.words += filter(None, [self.renderer.render([block])])
        self.finish_text()

    def _exercise(self, block: Directive) -> None:
        label = block.options.get("label")
        number = self.book.label(label).number if label else ""
        heading = " · ".join(part for part in (number or "Exercise", block.argument) if part)
        body = self.renderer.render(block.children)
        self.words.append(f"### {heading}\n\n{body}".strip())

    def _start_solution(self, block: Directive) -> None:
        number = self.book.label(block.argument).number
        self.solution = Solution(f"Solution to {number or block.argument}")

    def _end_solution(self) -> None:
        """One folded cell with all text, then the code, each cell behind its switch."""
        self.finish_text()
        solution, self.solution = self.solution, None
        if solution is None:
            raise PageError("a {solution-end} without its start")
        if solution.words:
            text = folded(solution.title, "\n\n".join(solution.words))
            self.cells.append(new_markdown_cell(text))
        many = len(solution.code)
        for count, block in enumerate(solution.code, 1):
            title = solution.title + (f" ({count} of {many})" if many > 1 else "")
            self._cell(block, switched(title, block.body), form=True)

    def _code(self, block: Directive) -> None:
        """A cell to run, folded into a form where the page folds it, and its caption below."""
        if self.solution:
            self.solution.code.append(block)
            return
        folds = bool(FOLDED & set(block.options.get("tags") or []))
        title = f"# @title {form_title(block, self.renderer)}\n" if folds else ""
        self._cell(block, title + block.body, form=folds)

    def _cell(self, block: Directive, code: str, form: bool) -> None:
        tags = list(block.options.get("tags") or [])
        metadata = {"tags": tags} if tags else {}
        if form:
            metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
        self.cells.append(new_code_cell(code, metadata=metadata))
        self._caption(block.options.get("mystnb") or {})

    def _caption(self, shown: dict) -> None:
        figure, alt = shown.get("figure") or {}, (shown.get("image") or {}).get("alt", "")
        name = figure.get("name")
        number = self.book.label(name).number if name else ""
        caption = self.renderer.words(" ".join(str(figure.get("caption", "")).split()))
        parts = [Renderer.caption(number, caption)]
        if alt:
            parts.append(folded("The picture in words", " ".join(str(alt).split())))
        text = "\n\n".join(part for part in parts if part)
        if text:
            self.cells.append(new_markdown_cell(text))


def form_title(block: Directive, renderer: Renderer) -> str:
    """What a folded cell is called: its figure's caption, or the label of its component."""
    shown = block.options.get("mystnb") or {}
    caption = renderer.words(str((shown.get("figure") or {}).get("caption", "")))
    caption = re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", caption)  # a link's words only
    return short_title(caption or component_label(block.body) or "The code of what you see")


def component_label(code: str) -> str:
    r"""The label of the component that a cell's last line makes: ``label=``, or its first text.

    Example:
        >>> component_label('x = 1\nplayers.audio_player(x, 2, "A violin", "A melody.")')
        'A violin'
    """
    lines = [line for line in code.split("\n") if not line.startswith(("%", "!"))]
    body = ast.parse("\n".join(lines)).body
    if not body or not isinstance(body[-1], ast.Expr) or not isinstance(body[-1].value, ast.Call):
        return ""
    call = body[-1].value
    called = ast.unparse(call.func).rpartition(".")[2]
    if called in ("quiz", "predict_then_reveal"):  # their first text would be a whole question
        return "Quiz" if called == "quiz" else "Predict first"
    named = [k.value for k in call.keywords if k.arg == "label"]
    texts = [n.value for n in (*named, *call.args) if isinstance(n, ast.Constant)]
    return next((text for text in texts if isinstance(text, str)), "")


def split_at_headings(text: str) -> list[str]:
    r"""Parts that begin with a heading each, so that Colab can fold sections.

    Example:
        >>> split_at_headings("a\n\n## B\n\n```shell\n# no heading\n```\n\n## C")
        ['a', '## B\n\n```shell\n# no heading\n```', '## C']
    """
    parts: list[list[str]] = [[]]
    fence = ""
    for line in text.split("\n"):
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if mark:
            fence = "" if fence and line.strip() == fence else fence or mark[1]
        if re.match(r"#{1,6} ", line) and not fence and any(parts[-1]):
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part).strip() for part in parts if any(part)]


def first_cells(book: Book, page: Page) -> list[NotebookNode]:
    """Where the notebook comes from, and the cell that makes it run on Colab."""
    which = f"chapter {page.chapter} of" if page.chapter else "an appendix of"
    read = f"[page of the book]({book.address(page.name)})"
    hello = (
        f"This notebook is {which} [*{book.title}*]({book.site}). Its {read} says the same, with "
        "everything that moves and sounds already in place.\n\n"
        "Run the install cell, the next one, first: it makes `avlib` ready and checks that "
        "everything works. Cells that only draw are folded; a double click opens them. Solutions "
        "are folded too, and their code does nothing until you tick its box `show_solution` "
        "(outside Colab: open the cell and write `True`). "
        "Text: CC BY 4.0; code: MIT."
    )
    help_page = book.address("run-it")
    code = (
        "# On Colab this adds avlib and changes nothing that is there; elsewhere avlib is there.\n"
        "import sys\n\n"
        'if "google.colab" in sys.modules:\n'
        f'    %pip install -q "avlib @ git+{book.repository}@{book.tag}"\n'
        '    assert not _exit_code, "the installation failed; the lines above say why"\n\n'
        "!{sys.executable} -m avlib doctor\n"
        "if _exit_code:\n"
        "    raise RuntimeError(\n"
        '        "avlib is not ready. The lines above name what is wrong; what to do: "\n'
        f'        "{help_page}"\n'
        "    )"
    )
    return [new_markdown_cell(hello), new_code_cell(code, metadata={"tags": ["install"]})]


def notebook_of(book: Book, page: Page) -> str:
    """The notebook of a page, as the text of its file: always the same for the same page.

    Raises:
        PageError: the page has something without a rule; the message names page and remedy.
    """
    maker = Notebook(book, page)
    try:
        maker.read(page.blocks)
    except PageError as err:
        raise PageError(f"book/{page.name}.md: {err}") from err
    title, *rest = maker.cells
    hello, install = first_cells(book, page)
    heading, _, text = title.source.partition("\n")
    hello.source = f"{heading}\n\n{hello.source}"
    text = text.strip()
    cells = [hello, install, *([new_markdown_cell(text)] if text else []), *rest]
    name_cells(cells)
    metadata = {
        "colab": {"name": f"{page.name}.ipynb", "provenance": [], "toc_visible": True},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": page.title,
    }
    notebook = new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def name_cells(cells: list[NotebookNode]) -> None:
    """Ids that follow from what a cell says, so that a change touches few of them."""

    def digest(cell: NotebookNode) -> str:
        return hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]

    for _, same in groupby(sorted(cells, key=digest), key=digest):
        for count, cell in enumerate(same):
            cell.id = digest(cell) + (f"-{count}" if count else "")
