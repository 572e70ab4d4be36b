"""MyST Markdown as a tree of blocks: text, fenced code, directives, labels, formulas."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,}|~{3,})(?P<info>.*)$")
_DIRECTIVE = re.compile(r"^\{(?P<name>[\w:+-]+)\}[ \t]*(?P<argument>.*)$")
_TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=\s*$")
_MATHS_END = re.compile(r"\$\$[ \t]*(?:\((?P<label>[^()\s]+)\))?[ \t]*$")
_ENVIRONMENT = re.compile(r"^\\begin\{(?P<name>align|gather|equation)(?P<star>\*?)\}")
_OPTION = re.compile(r"^:(?P<key>[\w-]+):[ \t]*(?P<value>.*)$")
# Whatever stands in these is not read as Markdown.
_LITERAL = {"code-cell", "literalinclude", "math", "bibliography", "list-table", "glossary"}


class PageError(ValueError):
    """A page says something that has no rule; the message names it and the remedy."""


@dataclass
class Text:
    """Lines of ordinary Markdown; `indent` is how far a list pushes the block to the right."""

    text: str


@dataclass
class Fence:
    """A fenced code block that is only shown, never run."""

    info: str
    body: str
    indent: int = 0


@dataclass
class Maths:
    """A formula on lines of its own, and its label if it has one."""

    tex: str
    label: str | None = None
    indent: int = 0


@dataclass
class Target:
    """A label for what follows: ``(sec-sound)=``."""

    label: str


@dataclass
class Directive:
    """A directive; `children` are the blocks of its body unless that is literal."""

    name: str
    argument: str
    options: dict
    body: str
    indent: int = 0
    children: list = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """The words of its ``:class:``."""
        return set(str(self.options.get("class", "")).split())


Block = Text | Fence | Maths | Target | Directive


def front_matter(source: str) -> tuple[dict, str]:
    r"""The YAML head of a page, and the rest.

    Example:
        >>> front_matter("---\na: 1\n---\n# Title")
        ({'a': 1}, '# Title')
    """
    match = re.match(r"---\n(.*?)\n---\n", source, re.S)
    if match is None:
        return {}, source
    return yaml.safe_load(match[1]) or {}, source[match.end() :]


def _options(lines: list[str]) -> tuple[dict, list[str]]:
    """Options at the top of a directive, in either notation, and the lines after them."""
    if lines and lines[0].strip() == "---":
        end = next((k for k in range(1, len(lines)) if lines[k].strip() == "---"), None)
        if end is not None:
            return yaml.safe_load("\n".join(lines[1:end])) or {}, lines[end + 1 :]
    found, key, k = {}, "", 0
    while k < len(lines):
        match = _OPTION.match(lines[k])
        if match:
            key = match["key"]
            found[key] = match["value"].strip()
        elif key and re.match(r"^\s{2,}\S", lines[k]):  # a long value goes on, indented
            found[key] = f"{found[key]} {lines[k].strip()}".strip()
        else:
            break
        k += 1
    return found, lines[k:]


def _closing(lines: list[str], start: int, fence: str) -> int:
    """Index of the line that closes the fence opened at `start`.

    Raises:
        PageError: nothing closes it.
    """
    pattern = re.compile(rf"^ *{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    for k in range(start + 1, len(lines)):
        if pattern.match(lines[k]):
            return k
    raise PageError(f"nothing closes the fence {lines[start].strip()!r}")


def _fenced(match: re.Match, body: list[str]) -> Block:
    """The block that a fence and the lines in it make."""
    indent = len(match["indent"])
    body = [line[indent:] if not line[:indent].strip() else line for line in body]
    directive = _DIRECTIVE.match(match["info"].strip())
    if directive is None:
        return Fence(match["info"].strip(), "\n".join(body), indent)
    name, argument = directive["name"], directive["argument"].strip()
    options, rest = _options(body)
    text = "\n".join(rest).strip("\n")
    children = [] if name in _LITERAL else parse(text)
    return Directive(name, argument, options, text, indent, children)


def _formula(lines: list[str], start: int) -> tuple[Maths, int]:
    """The formula whose ``$$`` stands on line `start`, and the index of the line after it.

    Raises:
        PageError: it has no end.
    """
    indent = len(lines[start]) - len(lines[start].lstrip())
    found = []
    for k in range(start, len(lines)):
        line = lines[k].strip()
        rest = line[2:] if k == start else line
        end = _MATHS_END.search(rest)
        if end:
            found.append(rest[: end.start()].strip())
            tex = "\n".join(part for part in found if part)
            return Maths(tex, end["label"], indent), k + 1
        found.append(rest.strip())
    raise PageError(f"the formula that begins {lines[start]!r} has no end")


def _environment(lines: list[str], start: int, match: re.Match) -> tuple[Maths, int]:
    r"""A bare ``\begin{align}`` …, which stands in no dollars, as a formula."""
    end = "\\end{" + match["name"] + match["star"] + "}"
    stop = next((k for k in range(start, len(lines)) if lines[k].strip().endswith(end)), None)
    if stop is None:
        raise PageError(f"{lines[start]!r} has no {end}")
    tex = "\n".join(lines[start : stop + 1]).strip()
    tex = tex[match.end() : -len(end)].strip()
    label = re.search(r"\\label\{([^}]+)\}\s*", tex)
    tex = tex.replace(label[0], "") if label else tex
    if match["name"] in ("align", "gather"):
        tex = f"\\begin{{{match['name']}ed}}\n{tex}\n\\end{{{match['name']}ed}}"
    return Maths(tex, label[1] if label else None), stop + 1


def parse(source: str) -> list[Block]:
    r"""Read Markdown without its front matter.

    Returns:
        Blocks in the order of the page; ``% comments`` are gone.

    Raises:
        PageError: a fence or a formula is not closed.

    Example:
        >>> [type(block).__name__ for block in parse("(a)=\n# T\n\n$$\nx\n$$ (eq-x)")]
        ['Target', 'Text', 'Maths']
    """
    lines, blocks, words = source.split("\n"), [], []

    def finish() -> None:
        text = "\n".join(words).strip("\n")
        if text.strip():
            blocks.append(Text(text))
        words.clear()

    k = 0
    while k < len(lines):
        line = lines[k]
        fence, target = _FENCE.match(line), _TARGET.match(line)
        environment = _ENVIRONMENT.match(line)
        # Backticks in the rest of the line make it inline code, not a fence.
        if fence and not (fence["fence"][0] == "`" and "`" in fence["info"]):
            finish()
            end = _closing(lines, k, fence["fence"])
            blocks.append(_fenced(fence, lines[k + 1 : end]))
            k = end + 1
        elif target:
            finish()
            blocks.append(Target(target["label"]))
            k += 1
        elif line.lstrip().startswith("$$"):
            finish()
            formula, k = _formula(lines, k)
            blocks.append(formula)
        elif environment:
            finish()
            formula, k = _environment(lines, k, environment)
            blocks.append(formula)
        elif line.startswith("%") or line.startswith("+++"):
            k += 1
        else:
            words.append(line)
            k += 1
    finish()
    return blocks


def walk(blocks: list[Block]) -> Iterator[Block]:
    """Every block, those inside others too, in reading order."""
    for block in blocks:
        yield block
        if isinstance(block, Directive):
            yield from walk(block.children)
