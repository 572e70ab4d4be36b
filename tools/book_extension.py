"""Small repairs of what Sphinx and its extensions make of the book; named in ``_config.yml``.

* Docstrings are written for readers of the code: ``$maths$`` and `names` in single backticks. Here
  they become what Sphinx means by maths and code, so that the API pages can show them.
* sphinx-exercise gives the body of every exercise the same id, docutils gives lists of references
  roles that screen readers cannot use. Both would fail the accessibility checks.
* What a page tells those who link to it (Open Graph) needs the address of the published book.
"""

import re
from typing import Any

from docutils import nodes
from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import stringify_annotation

REPEATED_IDS = {"exercise-content", "solution-content"}
MATHS = re.compile(r"(?<![\\$])\$([^$\n]+(?:\n[^$\n]+)?)\$")
SHOWN = re.compile(r"^( *)\$\$\s*([^$]+?)\s*\$\$[.,;]?$", re.M)
RAISED = re.compile(r"^ *Traceback \(most recent call last\):\n(?: *\.\.\.\n)?", re.M)
NAME = re.compile(r"(?<![`:\w])`([^`<>\n]+)`(?![`_])")


def docstring_line(line: str) -> str:
    r"""One line of a docstring, with its maths and names as Sphinx writes them.

    Example:
        >>> docstring_line("`mix` of $s_1$ and ``x``")
        '``mix`` of :math:`s_1` and ``x``'
    """
    if line.lstrip().startswith((">>>", "...")):
        return line
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    line = re.sub(r"``.+?``|:\w+:`[^`]+`", keep, line)
    line = NAME.sub(r"``\1``", line)
    line = re.sub(r"``.+?``", keep, line)
    line = MATHS.sub(lambda m: f":math:`{m[1]}`", line)
    for _ in range(2):
        line = re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], line)
    return line


def shown_maths(match: re.Match[str]) -> str:
    """A formula on lines of its own, as a directive."""
    indent, formula = match[1], " ".join(match[2].split())
    return f"\n{indent}.. math::\n\n{indent}   {formula}\n"


def docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place; a formula or name that runs over a line end is joined first."""
    text = RAISED.sub("", "\n".join(lines))  # the error alone: a page with a traceback is broken
    lines[:] = SHOWN.sub(shown_maths, text).split("\n")
    for k in range(len(lines) - 1):
        bare = re.sub(r"``.+?``", "", lines[k])
        code = lines[k].lstrip().startswith((">>>", "...", ".. "))
        if not code and (bare.count("$") % 2 or bare.count("`") % 2):
            lines[k + 1] = f"{lines[k].rstrip()} {lines[k + 1].lstrip()}"
            lines[k] = "\0"
    lines[:] = [docstring_line(line) for line in lines if line != "\0"]


def plain_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Signatures as they were written: shapes without the machinery that checks them."""
    return (signature and readable(signature), returns and readable(returns))


def readable(text: str) -> str:
    """Annotations without module paths, and NumPy's arrays without their parameters.

    Example:
        >>> readable("(x: jaxtyping.Float[Tensor, 'freq'], y: collections.abc.Sequence[int])")
        "(x: Float[Tensor, 'freq'], y: Sequence[int])"
        >>> readable("(a: numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.uint8]] | None)")
        '(a: ndarray | None)'
    """
    text = text.replace("~", "").replace(stringify_annotation(ArrayLike, "smart"), "ArrayLike")
    text = text.replace(stringify_annotation(ArrayLike).replace("~", ""), "ArrayLike")
    while (start := text.find("ndarray[")) >= 0:
        end, depth = start + len("ndarray["), 1
        while depth:
            depth += {"[": 1, "]": -1}.get(text[end], 0)
            end += 1
        text = f"{text[:start]}ndarray{text[end:]}"
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z]\w*|ndarray)", "", text)


def public_address(app: Sphinx, config: Config) -> None:
    """Where the book is published follows from where the repository is."""
    config.ogp_site_url = site_of(config.html_theme_options["repository_url"])


def site_of(repository: str) -> str:
    """Address of the pages that belong to a repository.

    Example:
        >>> site_of("https://github.com/someone/thing")
        'https://someone.github.io/thing/'
    """
    owner, name = repository.rstrip("/").split("/")[-2:]
    return f"https://{owner}.github.io/{name}/"


def unique_ids(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Take away the ids that sphinx-exercise gives to every exercise alike; nothing links there."""
    for section in doctree.findall(nodes.section):
        section["ids"] = [name for name in section["ids"] if name not in REPEATED_IDS]


def usable_roles(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """A list of references is a group: docutils says list, without items."""
    body = context.get("body")
    if body:
        body = re.sub(r'role="list" (class="(?:citation|footnote)-list")', r"\1", body)
        body = body.replace(' role="doc-biblioentry"', "")
        body = re.sub(r'<span class="pre">([^<]*)</span>', r"\1", body)  # a quarter of the API page
        context["body"] = body.replace('<span class="w"> </span>', " ")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the repairs."""
    app.connect("autodoc-process-docstring", docstring, priority=100)  # before napoleon
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("config-inited", public_address)
    app.connect("doctree-resolved", unique_ids)
    app.connect("html-page-context", usable_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
