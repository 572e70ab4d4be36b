"""Pages keep to the Markdown that Jupyter Book 1, its successor and our notebooks all know."""

import re

import pytest
from notebooks.inline import CITE, CROSS
from notebooks.parse import Directive, Fence, PageError, Text, front_matter, parse, walk

DIRECTIVES = {
    *("code-cell", "admonition", "note", "tip", "warning", "important", "dropdown"),
    *("literalinclude", "exercise", "exercise-start", "exercise-end"),
    *("solution", "solution-start", "solution-end", "figure", "table", "list-table", "math"),
    *("tab-set", "tab-item", "glossary", "bibliography"),
}
AUTODOC = {"eval-rst", "automodule", "autoclass", "autofunction", "autodata", "autosummary"}
# pages without a notebook
ALSO = {
    "avlib-api": AUTODOC,
    "avlib-api-papers": AUTODOC,
    "index": {"grid", "grid-item-card"},
}
ROLES = {*CROSS, *CITE}
PROOFS = re.compile(r"prf:(theorem|lemma|definition|proof|proposition|corollary|remark|algorithm)")


def pages(root):
    return sorted((root / "book").glob("*.md"))


def problems(name, source):
    """What on a page stands outside of the allow-list."""
    found = []
    allowed = DIRECTIVES | ALSO.get(name, set())
    for block in walk(parse(front_matter(source)[1])):
        if isinstance(block, Directive):
            if block.name not in allowed and not PROOFS.fullmatch(block.name):
                found.append(f"{{{block.name}}}")
            if block.name == "code-cell" and (block.argument != "ipython3" or block.indent):
                found.append(f"a cell of {block.argument!r}, or one that is indented")
            if block.name == "literalinclude" and set(block.options) - {"dedent"} != {"pyobject"}:
                found.append("literalinclude without :pyobject: alone")
        elif isinstance(block, Fence) and block.info.startswith("{"):
            found.append(block.info)
        elif isinstance(block, Text):
            prose = re.sub(r"(?<!\})(`+)(?!`).+?(?<!`)\1(?!`)", "", block.text, flags=re.S)
            found += [
                f"role {{{r}}}" for r in re.findall(r"\{([\w:+-]+)\}`", prose) if r not in ROLES
            ]
            found += re.findall(
                r"\{\{.*?\}\}|\[\^[\w-]+\]|<(?:script|iframe|img|audio|video)\b", prose
            )
    return found


def test_pages_use_only_what_travels(root):
    found = {page.stem: problems(page.stem, page.read_text()) for page in pages(root)}
    assert len(found) >= 8
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("```{mermaid}\na\n```", ["{mermaid}"]),
        (":::{note}\n```{plot} x.py\n```\n:::", ["{plot}"]),
        ("See {py:func}`avlib.audio.stft`.", ["role {py:func}"]),
        ("See `{py:func}` and {term}`mask`, {eq}`eq-a`.", []),
        ("```{code-cell} julia\n1\n```", ["a cell of 'julia', or one that is indented"]),
        (
            "* a\n  ```{code-cell} ipython3\n  1\n  ```",
            ["a cell of 'ipython3', or one that is indented"],
        ),
        ("```{literalinclude} a.py\n:lines: 1-3\n```", ["literalinclude without :pyobject: alone"]),
        ("A note[^1] and {{ name }}.", ["[^1]", "{{ name }}"]),
        ('<script src="x"></script>', ["<script"]),
        ("```{prf:theorem} Of x\nText\n```", []),
        ("```python\n{{ x }} {foo}`a`\n```", []),
        ("```{grid} 1\n```", ["{grid}"]),
    ],
)
def test_what_does_not_travel_is_found(source, wrong):
    assert problems("page", source) == wrong


def test_pages_that_have_no_notebook_may_do_more():
    assert problems("index", "```{grid} 1\n```") == []
    assert problems("avlib-api", "```{eval-rst}\n.. autofunction:: f\n```") == []


def test_what_is_not_closed_is_named():
    with pytest.raises(PageError, match=r"nothing closes .*```\{note\}"):
        parse("```{note}\ntext")
    with pytest.raises(PageError, match="has no end"):
        parse("$$\nx = 1\n")


def test_names_of_pages_are_lower_case_with_hyphens(root):
    """The address of a page is then the same in either engine."""
    for page in pages(root):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", page.stem), page.name


def test_every_label_stands_once(root):
    """Two of a name are a warning at best; the notebook would take the first it meets."""
    seen = {}
    for page in pages(root):
        source = front_matter(page.read_text())[1]
        labels = re.findall(r"^\(([\w-]+)\)=|^:label: (\S+)|^\$\$.*\(([\w-]+)\)$", source, re.M)
        labels += [("", "", name) for name in re.findall(r"^    name: (\S+)", source, re.M)]
        for label in (next(filter(None, found)) for found in labels):
            assert label not in seen, f"{label}: {seen.get(label)} and {page.stem}"
            seen[label] = page.stem
    assert len(seen) > 20
