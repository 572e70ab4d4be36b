"""Sources and contents agree, and every chapter keeps to the template."""

import importlib
import re

import pytest
import yaml

CHAPTERS = ("welcome", "sound")
PARTS = (
    "At a glance",
    "Predict first",
    "Exercises",
    "Summary",
    "From the papers to the code",
    "To read on",
)


@pytest.fixture(params=CHAPTERS)
def chapter(request, root):
    return (root / "book" / f"{request.param}.md").read_text()


def test_every_source_is_in_the_contents_and_every_entry_is_there(root, build_book):
    sources = {str(p.relative_to(root).with_suffix("")) for p in (root / "book").rglob("*.md")}
    entries = build_book.toc_pages()
    assert set(entries) == sources
    assert len(entries) == len(set(entries))
    assert entries[0] == "book/index"


def test_entries_name_their_ending(root):
    """Without it, a notebook beside its source makes two files for one entry."""
    text = (root / "_toc.yml").read_text()
    files = re.findall(r"(?:root|file): (\S+)", text)
    assert files
    assert all(file.endswith(".md") for file in files)


def test_all_chapters_are_tested(root, build_book):
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    numbered = [part for part in toc["parts"] if part.get("numbered")]
    chapters = [c["file"] for part in numbered for c in part["chapters"]]
    assert chapters == [f"book/{name}.md" for name in CHAPTERS]


def test_chapter_has_all_parts_in_order(chapter):
    places = [chapter.index(part) for part in PARTS]
    assert places == sorted(places)
    glance = chapter[places[0] : places[1]]
    objectives = re.findall(r"^\d\. ", glance, re.M)
    assert 3 <= len(objectives) <= 5
    assert "**Before you start:**" in glance
    assert re.search(r"\*\*Time:\*\* \d+ minutes to read, \d+ minutes for the exercises", glance)


def test_chapter_has_five_exercises_of_four_kinds_with_solutions(chapter):
    exercises = re.findall(r"^```\{exercise\} (\w+)\n:label: (\S+)", chapter, re.M)
    assert len(exercises) >= 5
    assert {kind for kind, _ in exercises} == {"Predict", "Code", "Listen", "Critique"}
    solutions = re.findall(r"^```\{solution(?:-start)?\} (\S+)\n((?::.*\n)+)", chapter, re.M)
    assert [label for label, _ in solutions] == [label for _, label in exercises]
    assert all(":class: dropdown" in options for _, options in solutions)
    assert chapter.count("{solution-start}") == chapter.count("{solution-end}")


def test_every_plot_has_a_description_and_a_caption(chapter):
    for cell in re.findall(r"```\{code-cell\}.*?\n```", chapter, re.S):
        if "picture_slider(" not in cell and re.search(  # the slider asks for descriptions itself
            r"plots\.(waveform|spectrogram|mask|score_bars|film_strip)\(", cell
        ):
            alt = re.search(r"^    alt: (.+)$", cell, re.M)
            assert alt, cell[:200]
            assert len(alt[1]) > 60, alt[1]
            assert re.search(r"^    caption: .+$", cell, re.M), cell[:200]


def test_code_is_shown_from_the_package_never_pasted(chapter, root):
    for path, name in re.findall(
        r"```\{literalinclude\} \.\./(\S+)\n:pyobject: (\S+)\n```", chapter
    ):
        assert re.search(rf"^(def|class) {name}\b", (root / path).read_text(), re.M), name
    assert chapter.count("{literalinclude}") == chapter.count(":pyobject:")


def test_code_fits_the_column(chapter):
    for cell in re.findall(r"```\{code-cell\}[^\n]*\n(.*?)\n```", chapter, re.S):
        code = re.sub(r"\A---\n.*?\n---\n", "", cell, flags=re.S)
        too_long = [line for line in code.splitlines() if len(line) > 86]
        assert not too_long


def test_tables_name_code_and_tests_that_exist(chapter, root):
    table = chapter[chapter.index("From the papers to the code") : chapter.index("To read on")]
    symbols = set(re.findall(r"`(\w+)\.([\w.]+)`", table))
    assert len(symbols) >= 4
    for module, path in symbols:
        found = importlib.import_module(f"avlib.{module}")
        for part in path.split("."):
            found = getattr(found, part)
    for test in re.findall(r"`avlib/tests/(\w+\.py)`", table):
        assert (root / "avlib" / "tests" / test).exists() or list(
            (root / "avlib" / "tests").glob(test.replace(".py", "_*.py"))
        ), test


def test_headers_of_cells_can_be_read(chapter):
    """A colon in a caption is enough to stop the whole build with an obscure message."""
    headers = re.findall(r"```\{code-cell\}[^\n]*\n---\n(.*?)\n---\n", chapter, re.S)
    assert headers
    for header in headers:
        assert isinstance(yaml.safe_load(header), dict)
