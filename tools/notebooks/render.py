"""Blocks without cells as plain Markdown: boxes, folds, figures, tables, formulas."""

import ast
import re
from collections.abc import Iterable

from notebooks.book import Book, Page, PageError, glossary
from notebooks.inline import inline
from notebooks.parse import Block, Directive, Fence, Maths, Target, Text

ADMONITIONS = ("admonition", "note", "tip", "warning", "important")


def folded(title: str, body: str) -> str:
    r"""Text behind a triangle; the blank lines make what is inside Markdown again.

    Example:
        >>> folded("Why", "Because.")
        '<details>\n<summary>Why</summary>\n\nBecause.\n\n</details>'
    """
    title = re.sub(r"`([^`]*)`", r"<code>\1</code>", title)
    title = re.sub(r"\*([^*]*)\*", r"<em>\1</em>", title)
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def quoted(title: str, body: str) -> str:
    r"""A box: a quotation with a bold title.

    Example:
        >>> quoted("Note", "One.\n\nTwo.")
        '> **Note**\n>\n> One.\n>\n> Two.'
    """
    lines = [f"**{title}**", "", *body.split("\n")]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def source_of(path: str, name: str, book: Book) -> str:
    """The text of one function or class of the package, decorators included.

    Raises:
        PageError: the file or the object is not there.
    """
    file = (book.root / "book" / path).resolve()
    if not file.exists():
        raise PageError(f"literalinclude: there is no file {path}")
    text = file.read_text("utf8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        inside = [n for n in getattr(node, "body", []) if isinstance(n, kinds)]
        node = next((n for n in inside if n.name == part), None)
        if node is None:
            raise PageError(f"literalinclude: {path} has no {name}")
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


class Renderer:
    """Turns blocks without cells into one string of Markdown."""

    def __init__(self, book: Book, page: Page) -> None:
        self.book, self.page = book, page

    def words(self, text: str) -> str:
        """Inline rules, and definition lists, which Colab does not know."""
        text = re.sub(r"^(\S.*)\n: +(.+)$", r"* **\1**: \2", text, flags=re.M)
        return inline(text, self.book, self.page)

    def render(self, blocks: Iterable[Block]) -> str:
        """Markdown of the blocks, one after the other, indented as they stand in lists."""
        parts = []
        for block in blocks:
            text = self._block(block)
            pad = " " * getattr(block, "indent", 0)
            if text:
                parts.append("\n".join((pad + line).rstrip() for line in text.split("\n")))
        return "\n\n".join(parts)

    def _block(self, block: Block) -> str:
        if isinstance(block, Text):
            return self.words(block.text)
        if isinstance(block, Target):
            return ""
        if isinstance(block, Maths):
            return self._formula(block.tex, block.label)
        if isinstance(block, Fence):
            ticks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", block.body)), default=0))
            info = {"ipython3": "python", "console": "shell"}.get(block.info, block.info)
            return f"{ticks}{info}\n{block.body}\n{ticks}"
        return self._directive(block)

    def _formula(self, tex: str, label: str | None) -> str:
        number = self.book.label(label).number.strip("()") if label else ""
        tag = f" \\tag{{{number}}}" if number else ""
        return f"$$\n{tex}{tag}\n$$"

    def _directive(self, block: Directive) -> str:
        name = block.name
        rule = {
            "dropdown": self._dropdown,
            "literalinclude": self._literalinclude,
            "figure": self._figure,
            "table": self._table,
            "list-table": self._list_table,
            "math": lambda b: self._formula(b.body, b.options.get("label")),
            "tab-set": lambda b: self.render(b.children),
            "tab-item": self._tab,
            "glossary": self._glossary,
            "bibliography": self._bibliography,
        }.get(name)
        if name in ADMONITIONS:
            return self._admonition(block)
        if name.startswith("prf:"):
            return self._proof(block)
        if rule is None:
            raise PageError(f"the directive {{{name}}} has no rule here (tools/notebooks)")
        return rule(block)

    def _admonition(self, block: Directive) -> str:
        first = block.argument if block.name == "admonition" else ""
        lead = "" if block.name == "admonition" or not block.argument else block.argument + "\n\n"
        title = self.words(first or block.name.capitalize())
        body = self.words(lead) + self.render(block.children)
        return folded(title, body) if "dropdown" in block.classes else quoted(title, body)

    def _dropdown(self, block: Directive) -> str:
        return folded(self.words(block.argument or "More"), self.render(block.children))

    def _literalinclude(self, block: Directive) -> str:
        if "pyobject" not in block.options:
            raise PageError("literalinclude shows an object: say :pyobject:")
        return f"```python\n{source_of(block.argument, block.options['pyobject'], self.book)}\n```"

    def _figure(self, block: Directive) -> str:
        alt = " ".join(str(block.options.get("alt", "")).split())
        picture = self.words(f"![{alt}]({block.argument})")
        name = block.options.get("name")
        number = self.book.label(name).number if name else ""
        return f"{picture}\n\n{Renderer.caption(number, self.render(block.children))}".strip()

    @staticmethod
    def caption(number: str, text: str) -> str:
        """A number in bold, then the text."""
        return " ".join(part for part in (f"**{number}**" if number else "", text) if part)

    def _table(self, block: Directive) -> str:
        name = block.options.get("name")
        number = self.book.label(name).number if name else ""
        title = Renderer.caption(number, self.words(block.argument))
        return f"{title}\n\n{self.render(block.children)}".strip()

    def _list_table(self, block: Directive) -> str:
        rows: list[list[str]] = []
        for line in block.body.split("\n"):
            match = re.match(r"^(\* -|  -|- \*|  \*) ?(.*)$", line)
            if match:
                if match[1] in ("* -", "- *"):
                    rows.append([])
                rows[-1].append(match[2].strip())
            elif line.strip():
                rows[-1][-1] += " " + line.strip()
        if not rows or len({len(row) for row in rows}) > 1:
            raise PageError("list-table: every row needs the same number of cells")
        head = int(block.options.get("header-rows", 0))
        first = rows[0] if head else [""] * len(rows[0])
        lines = [first, ["---"] * len(first), *(rows[1:] if head else rows)]
        body = "\n".join(f"| {' | '.join(self.words(c) for c in row)} |" for row in lines)
        name = block.options.get("name")
        number = self.book.label(name).number if name else ""
        return f"{Renderer.caption(number, self.words(block.argument))}\n\n{body}".strip()

    def _tab(self, block: Directive) -> str:
        return f"**{self.words(block.argument)}**\n\n{self.render(block.children)}"

    def _glossary(self, block: Directive) -> str:
        items = glossary(block.body).items()
        flat = ((term, " ".join(meaning.split())) for term, meaning in items)
        return "\n".join(f"* **{term}**: {self.words(meaning)}" for term, meaning in flat)

    def _bibliography(self, block: Directive) -> str:
        return f"The works cited are listed [here]({self.book.address('references')})."

    def _proof(self, block: Directive) -> str:
        kind = block.name.removeprefix("prf:").capitalize()
        label = block.options.get("label")
        number = self.book.label(label).number if label else kind
        title = f"{number or kind} ({self.words(block.argument)})" if block.argument else number
        return quoted(title or kind, self.render(block.children))
