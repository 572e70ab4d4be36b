"""Roles and links inside a line of text, as Markdown that every notebook can show."""

import re

from notebooks.book import Book, Page, PageError, plain

# Code, formulas and roles; whatever comes first in the line is taken whole.
_INLINE = re.compile(
    r"\{(?P<role>[\w:+-]+)\}(?P<ticks>`+)(?P<words>.+?)(?P=ticks)(?!`)"
    r"|(?P<code>(?P<marks>`+).+?(?P=marks)(?!`))"
    r"|(?P<maths>(?<![\\$])\$(?!\$)[^$]+?(?<!\\)\$)"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.S,
)
_TITLED = re.compile(r"^(?P<title>.*?)\s*<(?P<label>[^<>]+)>$", re.S)
CROSS = ("ref", "numref", "eq", "term", "doc")
CITE = ("cite", "cite:p", "cite:t")


def inline(text: str, book: Book, page: Page) -> str:
    """Text with every role and relative link replaced; code and formulas stay as they are.

    Args:
        text: Markdown, any number of lines, without fenced blocks.
        book: where labels and citations are looked up.
        page: the page that the text stands on.

    Raises:
        PageError: a role without a rule, or a label or key that nothing has.
    """

    def replaced(match: re.Match) -> str:
        if match["role"]:
            return _role(match["role"], match["words"].strip(), book, page)
        if match["target"]:
            words = inline(match["text"], book, page)
            if not match["image"] and _here(match["target"], page):
                return words
            target = _target(match["target"], book, picture=bool(match["image"]))
            return f"{match['image']}[{words}]({target})"
        return match[0]

    return _INLINE.sub(replaced, text)


def _here(target: str, page: Page) -> bool:
    """Whether a link leads to the page it stands on, which the reader of a notebook has open."""
    return target.partition("#")[0] in ("", f"{page.name}.md")


def _role(role: str, words: str, book: Book, page: Page) -> str:
    if role in CITE:
        return _cited(words, book, textual=role == "cite:t")
    if role in CROSS:
        return _cross(role, words, book, page)
    raise PageError(f"the role {{{role}}} has no rule in tools/notebooks/inline.py")


def _cited(keys: str, book: Book, textual: bool) -> str:
    found = []
    for key in keys.split(","):
        authors, year, address = book.citation(key.strip())
        if textual:
            found.append(f"{authors} ([{year}]({address}))")
        else:
            found.append(f"[{authors}, {year}]({address})")
    return ", ".join(found) if textual else f"({'; '.join(found)})"


def _cross(role: str, words: str, book: Book, page: Page) -> str:
    """A reference: a link to a page of the book, but only words for what is in this notebook."""
    titled = _TITLED.match(words)
    title, name = (titled["title"], titled["label"]) if titled else ("", words)
    if role == "doc":
        name = name.removeprefix("/book/").removesuffix(".md")
        if name not in book.pages:
            raise PageError(f"there is no page {name!r}")
        words = title or book.pages[name].title
        return words if name == page.name else f"[{words}]({book.address(name)})"
    label = book.term(name) if role == "term" else book.label(name)
    if role == "numref" and title:
        number = label.number.split(" ")[-1]
        title = title.replace("%s", number).replace("{number}", number)
        title = title.replace("{name}", label.title)
    shown = {
        "ref": label.title or label.number,
        "numref": label.number,
        "eq": label.number,
        "term": name,
    }[role]
    if not (title or shown):
        raise PageError(f"{{{role}}}`{name}` needs a text: what it refers to has no title")
    if label.page == page.name:
        return title or shown
    return f"[{title or shown}]({book.address(label.page, label.anchor)})"


def _target(target: str, book: Book, picture: bool) -> str:
    """The address of a link that may be relative to the page's place in the repository."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return target
    path, _, anchor = target.partition("#")
    if path.endswith(".md") and "/" not in path:
        return book.address(path.removesuffix(".md"), anchor)
    place = (book.root / "book" / path).resolve()
    if not place.exists():
        raise PageError(f"the link {target!r} leads to no file")
    relative = place.relative_to(book.root.resolve()).as_posix()
    kind = "raw" if picture else "blob"
    return f"{book.repository}/{kind}/{book.tag}/{relative}" + (f"#{anchor}" if anchor else "")


def short_title(text: str, limit: int = 80) -> str:
    """The first sentence of a text, plain and in one line, for the title of a form.

    Example:
        >>> short_title("The *wave*, twice. More of it.")
        'The wave, twice'
    """
    text = re.sub(r"[{}]", "", plain(text))
    first = re.split(r"(?<=[.!?:;])\s", text)[0].rstrip(".:;")
    if len(first) <= limit:
        return first
    return first[: first.rindex(" ", 0, limit)] + " …"
