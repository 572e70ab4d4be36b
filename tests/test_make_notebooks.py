"""From a page to a notebook: one test for each rule, on a book of two pages."""

import math

import nbformat
import pytest
from notebooks.book import Book
from notebooks.convert import notebook_of
from notebooks.parse import PageError

SITE = "https://someone.github.io/thing/book"
CONFIG = """title: A book
repository: {url: https://github.com/someone/thing, branch: main}
bibtex_bibfiles: [book/references.bib]
"""
TOC = """format: jb-book
root: book/index.md
parts:
  - caption: One
    numbered: true
    chapters: [{file: book/first.md}, {file: book/page.md}]
  - caption: Appendices
    chapters: [{file: book/words.md}]
"""
BIB = r"""@article{one2001, author = {M{\"u}ller, Ada}, title = {T}, year = {2001}, doi = {10.1/x}}
@article{two2002, author = {Bo, B. and Co, C.}, title = {T}, year = {2002},
  note = {arXiv:2002.00001}}
@article{three2003, author = {Bo, B. and Co, C. and Do, D.}, title = {T}, year = {2003}}
"""
FIRST = """(sec-first)=
# First *things*

$$
a = 1
$$ (eq-a)

```{figure} pictures/a.svg
:alt: A line.
:name: fig-a

A *line*.
```

(sec-below)=
## Below all
"""
WORDS = """(sec-words)=
# Words

```{glossary}
mask
  A picture of numbers.

short-time Fourier transform
STFT
  Many short questions.
```
"""
FRONT = "---\nkernelspec:\n  name: python3\n---\n\n"
CELL = "```{code-cell} ipython3\nx = 1\n```\n"


@pytest.fixture
def make(tmp_path):
    """Write a book whose second chapter holds `body`; return the cells of its notebook."""
    (tmp_path / "book" / "pictures").mkdir(parents=True)
    (tmp_path / "pack").mkdir()
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": TOC,
        "pyproject.toml": '[project]\nname = "thing"\nversion = "1.2.3"\n',
        "book/references.bib": BIB,
        "book/index.md": "# Start\n",
        "book/first.md": FIRST,
        "book/words.md": WORDS,
        "book/pictures/a.svg": "<svg/>",
        "pack/code.py": "import functools\n\n\ndef before():\n    pass\n\n\n@functools.cache\n"
        'def shown(a):\n    """Doc."""\n    return a\n\n\n'
        "class Kind:\n    def inner(self):\n        return 2\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def made(body):
        (tmp_path / "book" / "page.md").write_text(f"{FRONT}(sec-page)=\n# Page\n\n{body}\n")
        book = Book(tmp_path)
        return nbformat.reads(notebook_of(book, book.pages["page"]), as_version=4).cells

    return made


@pytest.fixture
def text(make):
    """The Markdown that `body` becomes, when it becomes one cell."""

    def of(body):
        found = make(body)[2:]
        assert [cell.cell_type for cell in found] == ["markdown"]
        return found[0].source

    return of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{cite}`one2001`", "([Müller, 2001](https://doi.org/10.1/x))"),
        (
            "{cite}`two2002,three2003`",
            f"([Bo and Co, 2002](https://arxiv.org/abs/2002.00001); "
            f"[Bo et al., 2003]({SITE}/references.html))",
        ),
        ("{cite:t}`one2001` say", "Müller ([2001](https://doi.org/10.1/x)) say"),
        ("{ref}`sec-first`", f"[First things]({SITE}/first.html#sec-first)"),
        ("{ref}`there <sec-below>`", f"[there]({SITE}/first.html#sec-below)"),
        ("{eq}`eq-a`", f"[(1.1)]({SITE}/first.html#equation-eq-a)"),
        ("{numref}`fig-a`", f"[Fig. 1.1]({SITE}/first.html#fig-a)"),
        ("{numref}`picture %s <fig-a>`", f"[picture 1.1]({SITE}/first.html#fig-a)"),
        ("{ref}`fig-a`", f"[A line.]({SITE}/first.html#fig-a)"),
        ("{term}`Mask`", f"[Mask]({SITE}/words.html#term-mask)"),
        ("{term}`masks <mask>`", f"[masks]({SITE}/words.html#term-mask)"),
        (
            "{term}`short-time Fourier transform`",
            f"[short-time Fourier transform]({SITE}/words.html#term-short-time-Fourier-transform)",
        ),
        ("{doc}`first`", f"[First things]({SITE}/first.html)"),
        ("[here](first.md#sec-below)", f"[here]({SITE}/first.html#sec-below)"),
        ("[up](#sec-page)", "up"),
        ("[*up*](page.md#sec-page) and {doc}`page`", "*up* and Page"),
        ("{ref}`sec-page`, {ref}`there <sec-page>`", "Page, there"),
        (
            "[code](../pack/code.py)",
            "[code](https://github.com/someone/thing/blob/v1.2.3/pack/code.py)",
        ),
        ("[out](https://example.org)", "[out](https://example.org)"),
        (
            "[{eq}`eq-a` here](first.md)",
            f"[[(1.1)]({SITE}/first.html#equation-eq-a) here]({SITE}/first.html)",
        ),
        ("`{eq}` and ``{ref}`x` ``", "`{eq}` and ``{ref}`x` ``"),
        ("$a_{ref}`$ and \\$5", "$a_{ref}`$ and \\$5"),
        ("% a comment\nText", "Text"),
        ("Word\n: What it is.", "* **Word**: What it is."),
    ],
)
def test_what_stands_in_a_line(text, source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$$\nx\n$$", "$$\nx\n$$"),
        ("$$ x + y $$ (eq-b)", "$$\nx + y \\tag{2.1}\n$$"),
        ("$$\nx\n\\\\ y\n$$ (eq-b)", "$$\nx\n\\\\ y \\tag{2.1}\n$$"),
        ("```{math}\n:label: eq-b\nx\n```", "$$\nx \\tag{2.1}\n$$"),
        (
            "\\begin{align}\na &= b\n\\end{align}",
            "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$",
        ),
        (
            ":::{admonition} Look\n:class: tip\n\nOne.\n\n* two\n:::",
            "> **Look**\n>\n> One.\n>\n> * two",
        ),
        ("```{note}\nText.\n```", "> **Note**\n>\n> Text."),
        (":::{warning} At once\nMore.\n:::", "> **Warning**\n>\n> At once\n>\n> More."),
        (
            ":::{admonition} The `x` answer\n:class: dropdown important\n\nYes.\n:::",
            "<details>\n<summary>The <code>x</code> answer</summary>\n\nYes.\n\n</details>",
        ),
        (
            ":::{dropdown} Code\n```{literalinclude} ../pack/code.py\n:pyobject: shown\n```\n:::",
            "<details>\n<summary>Code</summary>\n\n```python\n@functools.cache\ndef shown(a):\n"
            '    """Doc."""\n    return a\n```\n\n</details>',
        ),
        (
            "```{literalinclude} ../pack/code.py\n:pyobject: Kind.inner\n```",
            "```python\ndef inner(self):\n    return 2\n```",
        ),
        (
            "```{figure} pictures/a.svg\n:alt: A line.\n:name: fig-b\n\n"
            "The *line*, {eq}`eq-a`.\n```",
            "![A line.](https://github.com/someone/thing/raw/v1.2.3/book/pictures/a.svg)\n\n"
            f"**Fig. 2.1** The *line*, [(1.1)]({SITE}/first.html#equation-eq-a).",
        ),
        (
            ":::{table} Sizes of {term}`mask`s\n:name: tab-a\n| a | b |\n|---|---|\n| 1 | 2 |\n:::",
            f"**Table 2.1** Sizes of [mask]({SITE}/words.html#term-mask)s\n\n"
            "| a | b |\n|---|---|\n| 1 | 2 |",
        ),
        (
            "```{list-table} Sizes\n:header-rows: 1\n* - a\n  - b\n"
            "* - 1,\n    long\n  - {eq}`eq-a`\n```",
            "Sizes\n\n| a | b |\n| --- | --- |\n"
            f"| 1, long | [(1.1)]({SITE}/first.html#equation-eq-a) |",
        ),
        (
            "::::{tab-set}\n:::{tab-item} One\nA\n:::\n:::{tab-item} Two\nB\n:::\n::::",
            "**One**\n\nA\n\n**Two**\n\nB",
        ),
        (
            "```{glossary}\nword\n  What {eq}`eq-a`\n  is.\n```",
            f"* **word**: What [(1.1)]({SITE}/first.html#equation-eq-a) is.",
        ),
        (
            "```{prf:definition} Of it\n:label: d\nIt is.\n```",
            "> **Definition 2.1 (Of it)**\n>\n> It is.",
        ),
        (
            "```{bibliography}\n:style: plain\n```",
            f"The works cited are listed [here]({SITE}/references.html).",
        ),
        ("```console\n$ x {eq}`eq-a`\n```", "```shell\n$ x {eq}`eq-a`\n```"),
        ("1. one\n\n   ```python\n   x\n   ```", "1. one\n\n   ```python\n   x\n   ```"),
        ("```{math}\nx\n```\n\n% gone\n\n(a)=\nEnd", "$$\nx\n$$\n\nEnd"),
    ],
)
def test_what_stands_in_a_block(text, source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{ref}`nowhere`", "no page has a label 'nowhere'"),
        ("{term}`nothing`", "no glossary explains 'nothing'"),
        ("{cite}`nobody1999`", "no bibliography has 'nobody1999'"),
        ("{doc}`none`", "there is no page 'none'"),
        ("{sub}`2`", r"the role \{sub\} has no rule"),
        ("[x](../gone.py)", "leads to no file"),
        ("```{mermaid}\na\n```", r"the directive \{mermaid\} has no rule"),
        ("```{literalinclude} ../pack/code.py\n:pyobject: gone\n```", "has no gone"),
        ("```{literalinclude} ../pack/gone.py\n:pyobject: a\n```", "no file"),
        ("```{literalinclude} ../pack/code.py\n```", "say :pyobject:"),
        ("```{list-table}\n* - a\n  - b\n* - c\n```", "same number of cells"),
        ("```{note}\nopen", "nothing closes the fence"),
    ],
)
def test_what_has_no_rule_is_named_with_its_page(make, source, says):
    with pytest.raises(PageError, match=f"book/page.md: .*{says}"):
        make(source)


def test_the_first_cells(make):
    hello, install, *rest = make(CELL)
    assert hello.source.startswith("# Page\n\nThis notebook is chapter 2 of [*A book*](")
    assert f"{SITE}/page.html" in hello.source
    lines = install.source.splitlines()
    assert '    %pip install -q "avlib @ git+https://github.com/someone/thing@v1.2.3"' in lines
    assert lines.index("!{sys.executable} -m avlib doctor") > 3
    assert f'        "{SITE}/run-it.html"' in lines
    assert [cell.source for cell in rest] == ["x = 1"]


def test_a_cell_starts_at_every_heading_and_not_in_code(make):
    found = make("A\n\n## B\n\n```shell\n# no\n```\n\n### C\n\nD")
    assert [cell.source for cell in found[2:]] == ["A", "## B\n\n```shell\n# no\n```", "### C\n\nD"]


def test_a_folded_cell_is_a_form_and_its_figure_is_described(make):
    head = (
        "---\ntags: [hide-input]\nmystnb:\n  image:\n    alt: A wave.\n  figure:\n"
        "    caption: The *wave* of {eq}`eq-a`, twice. See {ref}`sec-first`.\n"
        "    name: fig-w\n---\n"
    )
    code, caption = make(f"```{{code-cell}} ipython3\n{head}plot(x);\n```")[2:]
    assert code.source == "# @title The wave of (1.1), twice\nplot(x);"
    assert code.metadata == {
        "cellView": "form",
        "jupyter": {"source_hidden": True},
        "tags": ["hide-input"],
    }
    assert caption.source == (
        f"**Fig. 2.1** The *wave* of [(1.1)]({SITE}/first.html#equation-eq-a), twice. "
        f"See [First things]({SITE}/first.html#sec-first).\n\n"
        "<details>\n<summary>The picture in words</summary>\n\nA wave.\n\n</details>"
    )


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ('players.audio_player(x, 3, "A violin", "Long.")', "A violin"),
        (
            'picture("Which {one}? Say.", ["a"], 0, "b", label="Of {this}: that")',
            "Of this",
        ),
        ("questions.quiz([1])", "Quiz"),
        ("quiz([1])", "Quiz"),
        ('questions.predict_then_reveal("Which one?", ["a"], 0, "b")', "Predict first"),
        ("x = 2", "The code of what you see"),
        ("%matplotlib inline\nf(x)", "The code of what you see"),
        ('f("' + "word " * 30 + '")', ("word " * 15).strip() + " word …"),
    ],
)
def test_what_a_form_is_called(make, code, title):
    cell = make(f"```{{code-cell}} ipython3\n---\ntags: [hide-input]\n---\n{code}\n```")[2]
    assert cell.source == f"# @title {title}\n{code}"


EXERCISE = """## Exercises

```{exercise-start} Code
:label: ex-a
```
*Difficulty ●○○*

Do {eq}`eq-a`.

```{code-cell} ipython3
---
tags: [exercise]
---
raise NotImplementedError
```
```{exercise-end}
```

```{solution-start} ex-a
:label: sol-a
:class: dropdown
```
Think.

```{code-cell} ipython3
---
tags: [solution]
---
y = 2
```

Because.
```{solution-end}
```

## After
"""


def test_an_exercise_is_a_card_and_its_solution_is_folded(make):
    heading, card, stub, text, solution, last = make(EXERCISE)[2:]
    assert heading.source == "## Exercises"
    assert card.source == (
        "### Exercise 2.1 · Code\n\n*Difficulty ●○○*\n\n"
        f"Do [(1.1)]({SITE}/first.html#equation-eq-a)."
    )
    assert stub.source == "raise NotImplementedError"
    assert stub.metadata == {"tags": ["exercise"]}
    assert text.source == (
        "<details>\n<summary>Solution to Exercise 2.1</summary>\n\nThink.\n\nBecause.\n\n</details>"
    )
    assert solution.source == (
        '# @title Solution to Exercise 2.1 { run: "auto" }\n'
        'show_solution = False  # @param {type:"boolean"}\n'
        "if show_solution:\n    y = 2"
    )
    assert solution.metadata.cellView == "form"
    assert solution.metadata.tags == ["solution"]
    assert last.source == "## After"


def test_exercises_and_solutions_without_gates(make):
    body = (
        "```{exercise} Listen\n:label: ex-b\n\nListen.\n```\n\n"
        "```{solution} ex-b\n:label: sol-b\n:class: dropdown\n\nHeard.\n```\n\n"
        "{ref}`ex-b`, {ref}`sol-b`"
    )
    card, solution, text = (cell.source for cell in make(body)[2:])
    assert card == "### Exercise 2.1 · Listen\n\nListen."
    assert solution.endswith("<summary>Solution to Exercise 2.1</summary>\n\nHeard.\n\n</details>")
    assert text == "Exercise 2.1, Solution to Exercise 2.1"


def solved(make, cells):
    """The cells of a notebook that stand after an exercise whose solution holds `cells`."""
    return make(
        "```{exercise} Code\n:label: ex-c\nDo.\n```\n```{solution-start} ex-c\n```\n"
        f"{cells}```{{solution-end}}\n```"
    )[3:]


def test_the_parts_of_a_solution_are_numbered_and_none_is_empty(make):
    first, second = solved(make, CELL + "\n" + CELL)
    assert first.source.startswith("# @title Solution to Exercise 2.1 (1 of 2) {")
    assert second.source.startswith("# @title Solution to Exercise 2.1 (2 of 2) {")
    (only,) = solved(make, CELL)
    assert only.source.startswith("# @title Solution to Exercise 2.1 {")


SOLUTION = """import math


def area(r):
    '''Of a disc:
as wide as π r².
    '''
    return math.pi * r**2


"πr²", area(1)  # both
"""


def test_a_solution_does_nothing_until_its_box_is_ticked(make):
    """And then the same as before: definitions, texts of several lines, the value shown."""
    (cell,) = solved(make, f"```{{code-cell}} ipython3\n{SOLUTION}```\n")
    shown, names = [], {}
    exec(cell.source, names | {"display": shown.append}, names)
    assert shown == []
    assert names == {"show_solution": False}
    ticked = cell.source.replace("show_solution = False", "show_solution = True")
    names = {"display": shown.append}
    exec(ticked, names)
    assert shown == [("πr²", math.pi)]
    assert names["area"].__doc__ == "Of a disc:\nas wide as π r².\n    "
    assert cell.source.endswith('\n    display(("πr²", area(1)))  # both')


def test_a_solution_with_a_magic_is_refused(make):
    with pytest.raises(PageError, match=r"book/page.md: .*without magics: '%time f"):
        solved(make, "```{code-cell} ipython3\n%time f(1)\n```\n")


def test_ids_follow_from_the_text(make):
    first = make(f"A\n\n{CELL}\nB\n\n{CELL}")
    ids = [cell.id for cell in first]
    assert len(set(ids)) == len(ids)
    changed = [cell.id for cell in make(f"A\n\n{CELL}\nC\n\n{CELL}")]
    assert [a == b for a, b in zip(ids, changed, strict=True)] == [True] * 4 + [False, True]


def test_pages_without_a_number_count_on_from_each_other(make, tmp_path):
    make(CELL)
    figure = "```{{figure}} pictures/a.svg\n:name: fig-{}\n\nA.\n```\n"
    (tmp_path / "book" / "index.md").write_text("# Start\n\n" + figure.format("x"))
    (tmp_path / "book" / "words.md").write_text(WORDS + "\n" + figure.format("y"))
    book = Book(tmp_path)
    numbers = [book.label(name).number for name in ("fig-x", "fig-a", "fig-y")]
    assert numbers == ["Fig. 1", "Fig. 1.1", "Fig. 2"]


def test_only_pages_with_code_have_notebooks(make, tmp_path):
    import make_notebooks

    make(CELL)
    book = tmp_path / "book"
    assert make_notebooks.differences(tmp_path) == ["page.ipynb is missing"]
    (book / "stray.ipynb").write_text("{}")
    assert [p.name for p in make_notebooks.write(tmp_path)] == ["page.ipynb", "stray.ipynb"]
    assert not (book / "stray.ipynb").exists()
    assert make_notebooks.differences(tmp_path) == []
    assert make_notebooks.write(tmp_path) == []
    (book / "page.ipynb").write_text((book / "page.ipynb").read_text() + "\n")
    (book / "first.ipynb").write_text("{}")
    assert make_notebooks.differences(tmp_path) == [
        "first.ipynb belongs to no page with code",
        "page.ipynb is not what its page says now",
    ]


@pytest.mark.parametrize(
    ("changes", "newest"),
    [
        ("# Changes\n\n## 1.2.3\n\nNew.\n\n## 1.2.2\n", None),
        ("# Changes\n\n## [1.2.3] (to come)\n", None),
        ("# Changes\n\n## Unreleased\n\n## 1.2.3\n", "Unreleased"),
        ("# Changes\n\n## 1.2.30\n\n## 1.2.3\n", "1.2.30"),
        ("# Changes\n", "nothing"),
    ],
)
def test_the_tag_to_install_is_the_newest_of_the_changes(make, tmp_path, changes, newest):
    import make_notebooks

    make(CELL)
    (tmp_path / "CHANGELOG.md").write_text(changes)
    gap = make_notebooks.release_gap(tmp_path)
    assert len(gap) == (newest is not None)
    if newest:
        assert f"install v1.2.3, but the newest heading of CHANGELOG.md is {newest}:" in gap[0]


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://github.com/someone/thing/", "https://someone.github.io/thing"),
        ("https://gitlab.com/some.one/thing", "https://some.one.gitlab.io/thing"),
    ],
)
def test_the_site_follows_from_the_repository(make, tmp_path, url, site):
    make(CELL)
    book = Book(tmp_path)
    book.config["repository"]["url"] = url
    assert book.site == site
    book.config["repository"]["url"] = "https://example.org/thing"
    with pytest.raises(PageError, match="where are its pages served"):
        _ = book.site
