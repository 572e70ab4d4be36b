"""Does a chapter keep to the template? ``python tools/lint_chapter.py book/masks.md``.

The rules are those of CONTRIBUTING: parts in their order, objectives that are practised and asked
for, exercises that check themselves, pictures with descriptions. `RULES` names them all;
``tests/test_template.py`` runs every rule on every chapter.
"""

import argparse
import ast
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"Predict", "Code", "Listen", "Critique"}
TO_FILL_IN = "FILL IN"
COLUMNS = "| what | where it comes from | in `avlib` | tested in |"
PARTS = (
    ":::{admonition} At a glance",
    ":::{admonition} Predict first",
    "\n## Exercises\n",
    "\n## Quiz\n",
    "\n## Summary\n",
    "\n## From the papers to the code\n",
    "\n## To read on\n",
)
FRONT = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
COMPONENTS = (
    "stem_mixer spec_cursor mask_lab heatmap_over_frame sim_matrix loss_stepper train_replay "
    "matching_replay picture_slider ab_player scene_player audio_player video_player"
).split()
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?P<body>.*?)\n```$", re.M | re.S)
_EXERCISE = re.compile(
    r"^```\{exercise-start\} (?P<kind>\w+)\n:label: (?P<label>\S+)\n```\n(?P<body>.*?)"
    r"^```\{exercise-end\}\n```\n\n"
    r"```\{solution-start\} (?P<of>\S+)\n(?P<options>(?::[^\n]*\n)+)```\n(?P<solution>.*?)"
    r"^```\{solution-end\}\n```$",
    re.M | re.S,
)
_CARD = re.compile(
    r"^\*Difficulty (●○○|●●○|●●●) · importance (●○○|●●○|●●●) · up to (?P<minutes>\d+) minutes"
    r" · objectives? (?P<objectives>\d(?:(?:, | and )\d)*)\*$",
    re.M,
)
_CHECK = re.compile(r"^check\.(\w+)\(.*\)$")
_OBJECTIVE_PLACE = {"Choice": 2, "Numeric": 5, "Ordering": 3}


@dataclass(frozen=True)
class Cell:
    """One code cell: its header, read, and its code."""

    header: dict
    code: str

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return self.header.get("tags") or []

    @property
    def last(self) -> str:
        """Its last line."""
        return self.code.rstrip().rpartition("\n")[2]

    @property
    def check(self) -> str:
        """Name of the check that it ends with, or an empty text."""
        found = _CHECK.match(self.last)
        return found[1] if found else ""

    @property
    def component(self) -> str:
        """The component that it makes, or an empty text."""
        found = [name for name in COMPONENTS if re.search(rf"\b{name}\(", self.code)]
        return found[0] if found else ""


@dataclass(frozen=True)
class Chapter:
    """The text of a chapter and what is found in it.

    Args:
        name: of the page, as in ``book/<name>.md``.
        text: its source.
        root: of the repository, for what the page names.
    """

    name: str
    text: str
    root: Path = ROOT

    def section(self, start: str, end: str = "") -> str:
        """The text from one mark to the next; empty where the first is missing."""
        _, found, rest = self.text.partition(start)
        return rest.partition(end)[0] if found and end else rest

    @cached_property
    def cells(self) -> list[Cell]:
        """All code cells."""
        return cells_of(self.text)

    @cached_property
    def exercises(self) -> list[re.Match]:
        """Exercises with their solutions."""
        return list(_EXERCISE.finditer(self.text))

    @cached_property
    def objectives(self) -> int:
        """How many objectives there are."""
        return len(re.findall(r"^\d\. ", self.section(PARTS[0], ":::\n"), re.M))

    @cached_property
    def minutes(self) -> int:
        """How long all exercises take at most, by their cards."""
        cards = (_CARD.search(exercise["body"]) for exercise in self.exercises)
        return sum(int(card["minutes"]) for card in cards if card)

    @cached_property
    def practised(self) -> set[int]:
        """Objectives of all exercises."""
        cards = (_CARD.search(exercise["body"]) for exercise in self.exercises)
        return {int(n) for card in cards if card for n in re.findall(r"\d", card["objectives"])}

    @cached_property
    def asked(self) -> list[int]:
        """Objective of each item of the quiz; 0 where none can be read."""
        found = []
        for cell in cells_of(self.section(PARTS[3], PARTS[4])):
            calls = [n for n in ast.walk(ast.parse(cell.code)) if isinstance(n, ast.Call)]
            for call in sorted(calls, key=lambda call: call.lineno):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                if name in _OBJECTIVE_PLACE:
                    found.append(_objective(call, _OBJECTIVE_PLACE[name]))
        return found


def cells_of(text: str) -> list[Cell]:
    """The code cells of a piece of a page, of which each header can be read as YAML."""
    cells = []
    for match in _CELL.finditer(text):
        header, code = {}, match["body"]
        if found := re.match(r"---\n(.*?)\n---\n(.*)\Z", code, re.S):
            header, code = yaml.safe_load(found[1]), found[2]
        cells.append(Cell(header, code))
    return cells


def _objective(call: ast.Call, place: int) -> int:
    given = {word.arg: word.value for word in call.keywords}
    node = given.get("objective", call.args[place] if len(call.args) > place else None)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0


Problems = Iterator[str]
RULES: dict[str, Callable[[Chapter], Problems]] = {}


def rule(function: Callable[[Chapter], Problems]) -> Callable[[Chapter], Problems]:
    """Add a rule under its name."""
    RULES[function.__name__] = function
    return function


@rule
def opens_as_all_do(chapter: Chapter) -> Problems:
    """Front matter, label, title."""
    if not chapter.text.startswith(FRONT):
        yield "the front matter is not that of the other chapters"
    if not re.match(rf"\n\(sec-{chapter.name}\)=\n# \S", chapter.text[len(FRONT) :]):
        yield f"after the front matter come `(sec-{chapter.name})=` and the title"


@rule
def parts_in_order(chapter: Chapter) -> Problems:
    """All parts, each once, in their order."""
    places = []
    for part in PARTS:
        count = chapter.text.count(part)
        if count != 1:
            yield f"{part.strip()!r} stands {count} times"
        places.append(chapter.text.find(part))
    if places != sorted(places):
        yield "the parts are not in their order"
    last = re.findall(r"^## (.+)$", chapter.text, re.M)[-5:]
    if [f"\n## {title}\n" for title in last] != list(PARTS[2:]):
        yield f"the last five sections are {last}"


@rule
def at_a_glance(chapter: Chapter) -> Problems:
    """Objectives with verbs, prerequisites with links, minutes."""
    glance = chapter.section(PARTS[0], ":::\n")
    if not 3 <= chapter.objectives <= 5:
        yield f"{chapter.objectives} objectives: there are three to five"
    for text in re.findall(r"^\d\. (.+)$", glance, re.M):
        if not re.match(r"[a-z*]", text):
            yield f"an objective begins with a verb, in small letters: {text!r}"
    before = re.search(r"^\*\*Before you start:\*\* (.+)$", glance, re.M)
    if not before or "{ref}`sec-" not in before[1]:
        yield "**Before you start:** needs a {ref} to what comes before"
    time = re.search(
        r"^\*\*Time:\*\* \d+ minutes to read, (\d+) minutes for the exercises\. "
        r"The code of the page runs in under \d+ seconds",
        glance,
        re.M,
    )
    if not time:
        yield "**Time:** n minutes to read, n minutes for the exercises. The code of the page …"
        return
    if int(time[1]) != chapter.minutes:
        yield f"{time[1]} minutes for the exercises, but their cards add up to {chapter.minutes}"


@rule
def predict_first(chapter: Chapter) -> Problems:
    """A sentence, then nothing but a component that asks for a prediction."""
    admonition = chapter.section(PARTS[1], ":::\n")
    sentence = re.sub(r"^:.*$", "", admonition, flags=re.M).strip()
    if "\n" in sentence or not 5 <= len(sentence.split()) <= 70:
        yield "one short paragraph leads to the prediction"
    after = chapter.section(PARTS[1]).partition(":::\n")[2]
    run = re.match(r"(?:\s*```\{code-cell\}[^\n]*\n.*?\n```\n)+", after, re.S)
    cells = cells_of(run[0]) if run else []
    asks = [k for k, cell in enumerate(cells) if "predict_then_reveal(" in cell.code]
    if not asks:
        yield "right after the admonition comes a cell with predict_then_reveal"
        return
    if "hide-input" not in cells[asks[0]].tags:
        yield "the cell of the prediction has the tag hide-input"
    for cell in cells[: asks[0]]:
        if not re.search(r"^(import|from) ", cell.code, re.M):
            yield "only imports come before the prediction"


@rule
def has_a_component(chapter: Chapter) -> Problems:
    """Something to play with in the body."""
    body = cells_of(chapter.section(PARTS[1], PARTS[2]))
    if not any(cell.component for cell in body):
        yield f"the body has none of the components {', '.join(COMPONENTS)}"


@rule
def exercises(chapter: Chapter) -> Problems:
    """At least five, of all kinds, each with a card, a check and a solution that follows it."""
    found = chapter.exercises
    for word in ("exercise-start", "exercise-end", "solution-start", "solution-end"):
        if (count := chapter.text.count(f"{{{word}}}")) != len(found):
            yield f"{count} times {{{word}}}, but {len(found)} exercises in the right form"
    if len(found) < 5:
        yield f"{len(found)} exercises: there are at least five"
    if missing := KINDS - {exercise["kind"] for exercise in found}:
        yield f"no exercise of the kind {', '.join(sorted(missing))}"
    if others := {exercise["kind"] for exercise in found} - KINDS:
        yield f"unknown kind of exercise: {', '.join(sorted(others))}"
    if re.search(r"\{(exercise|solution)\}", chapter.text):
        yield "exercises and solutions are written with -start and -end"
    inside = chapter.section(PARTS[2], PARTS[3]).count("{exercise-start}")
    if inside != len(found):
        yield "exercises stand under ## Exercises"
    for exercise in found:
        yield from (f"{exercise['label']}: {said}" for said in _exercise(exercise))


def _exercise(exercise: re.Match) -> Problems:
    label = exercise["label"]
    if not label.startswith("ex-"):
        yield "its label begins with ex-"
    if exercise["of"] != label:
        yield f"the solution that follows is that of {exercise['of']}"
    options = exercise["options"]
    if f":label: {label.replace('ex-', 'sol-', 1)}\n" not in options:
        yield "the solution's label is the exercise's with sol- instead of ex-"
    if ":class: dropdown\n" not in options:
        yield "the solution is not a dropdown"
    if not _CARD.match(exercise["body"].lstrip()):
        yield "no card: *Difficulty ●●○ · importance ●●● · up to 10 minutes · objective 2*"
    stubs = [cell for cell in cells_of(exercise["body"]) if "exercise" in cell.tags]
    answers = [cell for cell in cells_of(exercise["solution"]) if "solution" in cell.tags]
    if len(stubs) != 1 or len(answers) != 1:
        yield f"{len(stubs)} cells tagged exercise, {len(answers)} tagged solution: one of each"
        return
    if not stubs[0].check or stubs[0].check != answers[0].check:
        yield f"its cells end with {stubs[0].last!r} and {answers[0].last!r}: the same check"
    if "NotImplementedError" not in stubs[0].code and "..." not in stubs[0].code:
        yield "there is nothing left to do in its cell"


@rule
def checks(chapter: Chapter) -> Problems:
    """Every check of the chapter has one exercise, and every exercise one check."""
    from avlib import check

    known = set(check.chapter_checks(chapter.name.replace("-", "_")))
    used = [cell.check for cell in chapter.cells if "exercise" in cell.tags]
    for name in sorted(known - set(used)):
        yield f"check.{name} has no exercise"
    for name in sorted(set(used) - known):
        yield f"check.{name} is not among the checks of this chapter"
    for name in sorted({name for name in used if used.count(name) > 1}):
        yield f"check.{name} is used by several exercises"


@rule
def objectives_are_practised_and_asked(chapter: Chapter) -> Problems:
    """Five items in the quiz; every objective in at least one of them and in one exercise."""
    wanted = set(range(1, chapter.objectives + 1))
    if len(chapter.asked) != 5:
        yield f"the quiz has {len(chapter.asked)} items: there are five"
    for word, found in (("exercise", chapter.practised), ("item of the quiz", set(chapter.asked))):
        for n in sorted(wanted - found):
            yield f"objective {n} has no {word}"
        for n in sorted(found - wanted):
            yield f"an {word} is for objective {n}, which there is not"
    for cell in cells_of(chapter.section(PARTS[3], PARTS[4])):
        if "hide-input" not in cell.tags:
            yield "the cell of the quiz has the tag hide-input"


@rule
def pictures_have_descriptions(chapter: Chapter) -> Problems:
    """Every cell that draws has a description for who cannot see it, and a caption."""
    for cell in chapter.cells:
        draws = re.search(r"\bplots\.(?!use_theme)\w+\(|\bplt\.subplots\(", cell.code)
        if not draws or cell.component:
            continue
        mystnb = cell.header.get("mystnb") or {}
        alt = (mystnb.get("image") or {}).get("alt") or ""
        caption = (mystnb.get("figure") or {}).get("caption") or ""
        if len(alt) <= 60:
            yield f"a picture with the description {alt!r}: say what is to be seen; {cell.last!r}"
        if len(caption) <= 20:
            yield f"a picture without a caption: {cell.last!r}"


@rule
def code_fits_and_can_be_read(chapter: Chapter) -> Problems:
    """Lines of at most 86 characters, and Python that parses."""
    for cell in chapter.cells:
        for line in cell.code.splitlines():
            if len(line) > 86:
                yield f"{len(line)} characters: {line}"
        try:
            ast.parse(re.sub(r"^([%!])", r"# \1", cell.code, flags=re.M))
        except SyntaxError as error:
            yield f"{error.msg}: {error.text}"


@rule
def code_is_shown_from_the_package(chapter: Chapter) -> Problems:
    """Code of `avlib` is included by name, never pasted, and the name is there."""
    included = re.findall(r"\{literalinclude\} \.\./(\S+)\n:pyobject: (\S+)\n", chapter.text)
    if len(included) != chapter.text.count("{literalinclude}"):
        yield "every literalinclude has a :pyobject:"
    for path, name in included:
        file = chapter.root / path
        found = file.read_text() if file.exists() else ""
        if not re.search(rf"^\s*(def|class) {name.rpartition('.')[2]}\b", found, re.M):
            yield f"there is no {name} in {path}"


@rule
def table_names_what_is_there(chapter: Chapter) -> Problems:
    """From the papers to the code: symbols that exist, tests that exist."""
    table = chapter.section(PARTS[5], PARTS[6])
    if COLUMNS not in table:
        yield f"the table has the columns {COLUMNS}"
    symbols = set(re.findall(r"`([a-z]\w*(?:\.\w+)+)(?:\([^`]*\))?`", table.replace("avlib.", "")))
    symbols = {symbol for symbol in symbols if not symbol.endswith(".py")}
    if len(symbols) < 4:
        yield f"only {len(symbols)} symbols of avlib are named"
    for symbol in sorted(symbols):
        if missing := _missing(symbol):
            yield missing
    tests = re.findall(r"`((?:avlib/)?tests/\w+\.py)`", table)
    if not tests:
        yield "the table names no test"
    for test in tests:
        if not (chapter.root / test).exists():
            yield f"there is no {test}"


def _missing(symbol: str) -> str:
    """What of `module.name.attribute` is not in `avlib`; empty if all is there."""
    module, *path = symbol.split(".")
    try:
        found = importlib.import_module(f"avlib.{module}")
    except ImportError as error:
        return f"{symbol}: {error}"
    for part in path:
        if part in getattr(found, "__dataclass_fields__", {}):
            return ""
        try:
            found = getattr(found, part)
        except AttributeError as error:
            return f"{symbol}: {error}"
    return ""


@rule
def terms_are_linked(chapter: Chapter) -> Problems:
    """Terms of the glossary are linked where they first occur."""
    body = chapter.section(PARTS[1], PARTS[2])
    if len(set(re.findall(r"\{term\}`([^`]+)`", body))) < 3:
        yield "the body links fewer than three terms with {term}"


@rule
def is_finished(chapter: Chapter) -> Problems:
    """Nothing of the template is left to be filled in."""
    for line in chapter.text.splitlines():
        if TO_FILL_IN in line:
            yield line.strip()


def problems(chapter: Chapter) -> dict[str, list[str]]:
    """What is wrong, by rule; empty when all is right."""
    found = {name: list(look(chapter)) for name, look in RULES.items()}
    return {name: said for name, said in found.items() if said}


def main() -> int:
    """Say what is wrong with the chapters given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path, nargs="+", help="for example book/masks.md")
    bad = 0
    for page in parser.parse_args().pages:
        for name, said in problems(Chapter(page.stem, page.read_text())).items():
            bad += len(said)
            print("\n".join(f"{page}: {name}: {text}" for text in said))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
