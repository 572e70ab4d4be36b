"""Every chapter keeps to the template, the rules find what does not, and a new one begins right."""

import importlib.util
import re
import shutil
import sys

import pytest
from conftest import ROOT, load_tool

from avlib import check

lint = load_tool("lint_chapter")
new_chapter = load_tool("new_chapter")
NUMBERED = (ROOT / "_toc.yml").read_text().rpartition("- caption: Appendices")[0]
CHAPTERS = re.findall(r"file: book/(\S+)\.md", NUMBERED)


def chapter(name, text=None):
    return lint.Chapter(name, text or (ROOT / "book" / f"{name}.md").read_text())


@pytest.mark.parametrize("rule", lint.RULES)
@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_keeps_to_the_template(name, rule):
    assert list(lint.RULES[rule](chapter(name))) == []


def test_all_chapters_are_looked_at(build_book):
    assert [f"book/{name}" for name in CHAPTERS] == build_book.chapters()
    assert len(CHAPTERS) >= 8
    assert [name.replace("-", "_") for name in CHAPTERS] == list(check.CHAPTERS)


def test_hours_of_the_course_are_those_of_its_chapters():
    """What the landing page promises: reading and exercises of all chapters, rounded to hours."""
    index = (ROOT / "book" / "index.md").read_text()
    minutes = 0
    for name in CHAPTERS:
        page = chapter(name)
        (reading,) = re.findall(r"^\*\*Time:\*\* (\d+) minutes to read", page.text, re.M)
        minutes += int(reading) + page.minutes
    (hours, count) = re.search(r"about (\d+) hours for these (\w+) chapters", index).groups()
    assert int(hours) == round(minutes / 60)
    assert count == {8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}[len(CHAPTERS)]


PLAYERS = ("ab_player(", "audio_player(", "spec_cursor(")
FAULTS = [
    ("opens_as_all_do", "(sec-sound)=", "(sec-sounds)="),
    ("opens_as_all_do", "format_name: myst", "format_name: md"),
    ("parts_in_order", "## Summary\n", "## In short\n"),
    ("parts_in_order", "## Quiz\n", "## Quiz\n\n## Quiz\n"),
    ("parts_in_order", "## To read on\n", "## To read on\n\n## And more\n"),
    ("at_a_glance", "1. read a", "1. Reading a"),
    ("at_a_glance", "1. read a", "6. see a\n1. read a"),
    ("at_a_glance", "{ref}`sec-", "`sec-"),
    ("at_a_glance", "90 minutes for the exercises", "75 minutes for the exercises"),
    ("at_a_glance", "· up to 10 minutes · objective 1*", "· up to 15 minutes · objective 1*"),
    ("predict_first", "questions.predict_then_reveal(", "print("),
    ("predict_first", "Before the first formula", "Before the first\n\nformula"),
    ("predict_first", "tags: [hide-input]", "tags: []"),
    ("predict_first", ":::\n\n```{code-cell}", ":::\n\nA word.\n\n```{code-cell}"),
    ("has_a_component", PLAYERS, "print("),
    ("exercises", "```{exercise-start} Listen", "```{exercise-start} Hear"),
    ("exercises", "*Difficulty ●○○ · importance", "*Difficulty easy · importance"),
    ("exercises", "· up to 5 minutes ·", "· 5 minutes ·"),
    ("exercises", ":label: sol-sound-stft", ":label: sol-sound-stfd"),
    ("exercises", "{solution-start} ex-sound-stft", "{solution-start} ex-sound-read"),
    ("exercises", ":class: dropdown", ":class: note"),
    ("exercises", "tags: [exercise]", "tags: [stub]"),
    ("exercises", "tags: [solution]", "tags: [hide-input]"),
    ("exercises", "check.stft(stft_solution)", "check.istft(stft_solution)"),
    ("exercises", "check.stft(my_stft)", "print(my_stft)"),
    ("exercises", "my_windows = (..., ...)", "my_windows = (1686, 441)"),
    ("exercises", "```{exercise-end}", "```{exercise-stop}"),
    ("checks", "check.log_row(", "check.log_rows("),
    ("checks", "check.log_row(my_row)", "check.round_trip(my_row)"),
    ("objectives_are_practised_and_asked", "objective 4*", "objective 3*"),
    ("objectives_are_practised_and_asked", "objective 1*", "objective 6*"),
    ("objectives_are_practised_and_asked", "    Ordering(", "    sorted("),
    ("pictures_have_descriptions", "    alt: ", "    note: "),
    ("pictures_have_descriptions", "    caption: ", "    title: "),
    ("code_fits_and_can_be_read", "plots.use_theme()", "plots.use_theme()" + " " * 70 + "#"),
    ("code_fits_and_can_be_read", "plots.use_theme()", "plots.use_theme("),
    ("code_is_shown_from_the_package", ":pyobject: stft\n", ":pyobject: stfd\n"),
    ("code_is_shown_from_the_package", ":pyobject: stft\n", ""),
    ("table_names_what_is_there", "`audio.stft`", "`audio.stfd`"),
    ("table_names_what_is_there", "| tested in |", "| test |"),
    ("table_names_what_is_there", "`avlib/tests/test_audio.py`", "`avlib/tests/test_a.py`"),
    ("terms_are_linked", "{term}`", "`"),
    ("is_finished", "## Summary\n", "## Summary\n\nFILL IN\n"),
]


@pytest.mark.parametrize(("rule", "old", "new"), FAULTS)
def test_rules_find_what_is_wrong(rule, old, new):
    """Plant one fault in a chapter that keeps to the template."""
    text = (ROOT / "book" / "sound.md").read_text()
    for part in (old,) if isinstance(old, str) else old:
        assert part in text
        text = text.replace(part, new)
    assert list(lint.RULES[rule](chapter("sound", text)))


def test_every_rule_has_a_fault_that_it_finds():
    assert {rule for rule, _, _ in FAULTS} == set(lint.RULES)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A new chapter in an almost empty repository, with its checks where they would be."""
    for path in (new_chapter.TEMPLATE, new_chapter.LISTING, "_toc.yml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "avlib" / "tests").mkdir()
    new_chapter.create("brand-new", "Something new", tmp_path)
    module = "avlib.check.brand_new"
    spec = importlib.util.spec_from_file_location(module, tmp_path / "avlib/check/brand_new.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    monkeypatch.setitem(sys.modules, module, loaded)
    monkeypatch.setattr(check, "CHAPTERS", (*check.CHAPTERS, "brand_new"))
    return tmp_path


def test_new_chapter_lacks_only_what_must_be_written(fresh):
    text = (fresh / "book" / "brand-new.md").read_text()
    assert set(lint.problems(lint.Chapter("brand-new", text, fresh))) == {"is_finished"}
    assert "@" not in text.replace("@media", "")
    assert "# Something new\n" in text


def test_new_chapter_runs_and_its_solutions_pass(fresh, monkeypatch):
    text = (fresh / "book" / "brand-new.md").read_text()
    space, stages = {}, {"exercise": [], "solution": []}
    for cell in lint.cells_of(text):
        lines = cell.code.rstrip().rstrip(";").splitlines()
        found = re.search(r"^check\.\w+\(", lines[-1])
        if found:
            lines[-1] = f"verdict = {lines[-1]}"
        exec("\n".join(lines), space)
        if found:
            (tag,) = cell.tags
            stages[tag].append(space["verdict"].stage)
    assert stages == {"exercise": ["todo"] * 5, "solution": ["passed"] * 5}


def test_new_chapter_brings_tests_that_pass(fresh, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "avlib" / "tests"))
    import check_cases

    for name in check.chapter_checks("brand_new"):
        check_cases.confirm(name)
    path = fresh / "avlib" / "tests" / "test_check_brand_new.py"
    spec = importlib.util.spec_from_file_location("test_check_brand_new", path)
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    marks = tests.test_other_mistakes_stop_at_the_right_stage.pytestmark
    for case in marks[0].args[1]:
        tests.test_other_mistakes_stop_at_the_right_stage(*case)


def test_new_chapter_is_in_the_contents_and_in_the_list_of_checks(fresh):
    toc = (fresh / "_toc.yml").read_text()
    last = f"book/{CHAPTERS[-1]}.md"
    assert f"      - file: {last}\n      - file: book/brand-new.md\n  - caption: App" in toc
    assert (
        f'    "{check.CHAPTERS[-2]}",\n    "brand_new",\n)'
        in (fresh / new_chapter.LISTING).read_text()
    )


@pytest.mark.parametrize("name", ["Brand", "brand_new", "brand new", "", "9lives", "a--b"])
def test_new_chapter_needs_a_name_that_can_be_an_address(fresh, name):
    with pytest.raises(ValueError, match="small letters"):
        new_chapter.create(name, "T", fresh)


def test_new_chapter_does_not_overwrite_and_needs_a_title(fresh):
    before = (fresh / "_toc.yml").read_text()
    with pytest.raises(FileExistsError, match="brand-new"):
        new_chapter.create("brand-new", "Again", fresh)
    with pytest.raises(ValueError, match="TITLE"):
        new_chapter.create("other", "  ", fresh)
    assert (fresh / "_toc.yml").read_text() == before
