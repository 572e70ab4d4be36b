"""Begin a chapter: ``make new-chapter NAME=my-chapter TITLE="What it is about"``.

Writes a page that keeps to the template (``book/chapter-template.md.txt``), a module with its
checks, their test, and the entry in the contents. The page runs as it is; everything that says
FILL IN is yours. ``python tools/lint_chapter.py book/my-chapter.md`` tells what is left.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "book/chapter-template.md.txt"
LISTING = "avlib/check/__init__.py"

CHECKS = '''"""Checks of the chapter `@MODULE@`."""

import torch

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

# FILL IN: these are examples. Every check needs at least three known mistakes, each with its hint.

@MODULE@_guess = AnswerCheck(
    20,
    hints={10: "FILL IN one error", 40: "FILL IN another", 2: "FILL IN a third"},
    right="FILL IN why it is right.",
)

@MODULE@_loudness = FunctionCheck(
    lambda wave: wave.square().mean(-1).sqrt(),
    lambda generator: (torch.randn(2, 50, generator=generator),),
    shape_hint="One number for each wave.",
    range=(0, None),
    range_hint="A root mean square is not negative.",
    limits=(Limit((torch.zeros(1, 4),), [0.0], "Silence has loudness 0."),),
    value_hint="Square, mean, root, in this order.",
    mistakes=(
        Mistake("no root", lambda wave: wave.square().mean(-1), "The root is missing."),
        Mistake("absolute", lambda wave: wave.abs().mean(-1), "That is the mean magnitude."),
        Mistake("sum", lambda wave: wave.square().sum(-1).sqrt(), "A sum instead of a mean."),
    ),
)

@MODULE@_count = AnswerCheck(
    66150,
    hints={65535: "FILL IN one error", 11025: "FILL IN another", 6: "FILL IN a third"},
    right="FILL IN why it is right.",
)

@MODULE@_listen = AnswerCheck(
    "cello",
    hints={"flute": "FILL IN a hint", "tuba": "FILL IN another", "nobody": "FILL IN a third"},
    right="FILL IN why it is right.",
)

@MODULE@_critique = AnswerCheck(
    "no baseline",
    hints={"too long": "FILL IN a hint", "too loud": "FILL IN another", "fine": "FILL IN a third"},
    right="FILL IN why it is right.",
)
'''

TEST = '''"""Checks of the chapter `@MODULE@`."""

import pytest
from check_cases import checks_of, confirm

from avlib import check


@pytest.mark.parametrize("name", checks_of("@MODULE@"))
def test_right_work_passes_and_known_mistakes_are_named(name):
    confirm(name)


@pytest.mark.parametrize(
    ("name", "function", "stage"),
    [
        ("@MODULE@_loudness", lambda wave: wave, "shape"),
        ("@MODULE@_loudness", lambda wave: -wave.square().mean(-1).sqrt(), "range"),
        ("@MODULE@_loudness", lambda wave: wave.square().mean(-1).sqrt() + 1, "limits"),
        ("@MODULE@_loudness", lambda wave: wave.square().amax(-1).sqrt(), "value"),
    ],
)
def test_other_mistakes_stop_at_the_right_stage(name, function, stage):
    assert getattr(check, name)(function, seed=0).stage == stage
'''


def create(name: str, title: str, root: Path = ROOT) -> list[Path]:
    """Write the files of a new chapter.

    Args:
        name: of the page: small letters and hyphens, because it becomes the address.
        title: the heading.
        root: of the repository.

    Returns:
        The files that are new or changed.

    Raises:
        ValueError: the name cannot be an address, or the title is empty.
        FileExistsError: there is such a chapter already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"NAME={name!r}: small letters, digits and single hyphens only")
    if not title.strip():
        raise ValueError('TITLE is empty: say TITLE="What it is about"')
    module = name.replace("-", "_")
    page = root / "book" / f"{name}.md"
    texts = {
        page: (root / TEMPLATE).read_text(),
        root / "avlib" / "check" / f"{module}.py": CHECKS,
        root / "avlib" / "tests" / f"test_check_{module}.py": TEST,
    }
    if there := [path for path in texts if path.exists()]:
        raise FileExistsError(f"{there[0].relative_to(root)} exists; choose another NAME")
    listing, contents = _listed(root, module), _entered(root, name)
    for path, text in texts.items():
        for mark, value in (("@NAME@", name), ("@MODULE@", module), ("@TITLE@", title.strip())):
            text = text.replace(mark, value)
        path.write_text(text)
    (root / LISTING).write_text(listing)
    (root / "_toc.yml").write_text(contents)
    return [*texts, root / LISTING, root / "_toc.yml"]


def _listed(root: Path, module: str) -> str:
    """The list of check modules with one more at its end."""
    text = (root / LISTING).read_text()
    found = re.search(r"^CHAPTERS = \(\n(?:    \"\w+\",\n)+", text, re.M)
    if not found:
        raise ValueError(f"no list CHAPTERS in {LISTING}")
    return text[: found.end()] + f'    "{module}",\n' + text[found.end() :]


def _entered(root: Path, name: str) -> str:
    """The contents with the page at the end of the last numbered part."""
    lines = (root / "_toc.yml").read_text().splitlines()
    numbered = max(k for k, line in enumerate(lines) if line.strip() == "numbered: true")
    last = numbered
    while last + 1 < len(lines) and not lines[last + 1].lstrip().startswith("- caption:"):
        last += 1
    indent = re.match(r" *", next(x for x in lines[numbered:] if "- file:" in x))[0]
    lines.insert(last + 1, f"{indent}- file: book/{name}.md")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write them and say what to do next."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="of the page, for example cosep-idea")
    parser.add_argument("title", help="the heading, in quotes")
    given = parser.parse_args()
    try:
        touched = create(given.name, given.title)
    except (ValueError, FileExistsError) as error:
        print(f"new-chapter: {error}", file=sys.stderr)
        return 2
    print("\n".join(str(path.relative_to(ROOT)) for path in touched))
    print(f"Write, and look: python tools/preview_page.py book/{given.name}.md")
    print(f"What is left:    python tools/lint_chapter.py book/{given.name}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
