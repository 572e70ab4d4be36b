"""The page on running it knows every finding of the doctor, and its commands exist."""

import re
import shlex

import pytest

from avlib.cli import main
from avlib.doctor import CHECKS


@pytest.fixture(scope="module")
def page(root):
    return (root / "book" / "run-it.md").read_text()


def explained(page):
    """Code -> (name, text) of each paragraph that explains a finding."""
    found = re.findall(r"^\*\*(AV\d\d) ([\w ]+)\.\*\* (.+)$", page, re.M)
    return {code: (name, text) for code, name, text in found}


def test_every_code_is_explained_with_its_fix(page):
    found = explained(page)
    assert list(found) == [code for code, *_ in CHECKS]
    for code, name, _, fix, needed in CHECKS:
        title, text = found[code]
        assert title == name
        assert "*Fix:*" in text
        command = re.search(r"pip install [^,()]+", fix)
        if command and "avlib" not in command[0] and "force" not in command[0]:
            package = re.search(
                r"(opencv-python-headless|torch|soundfile|ipywidgets|tyro|jaxtyping)", fix
            )
            assert package, code
            assert package[1] in text
        if not needed:
            assert re.search(r"finding only|Until then|only for the live|cache", text), code


def test_the_printed_example_is_what_the_doctor_prints(page):
    from avlib.doctor import Check, report

    _, name, _, fix, needed = CHECKS[9]
    wrong = Check("AV10", name, False, "ipywidgets 7.6.5 is older than 7.7.1", fix, needed)
    fine = [Check(f"AV{k:02}", "x", True, "fine") for k in range(1, 16)]
    lines = report([*fine, wrong]).splitlines()
    for line in lines[-3:]:
        assert line in page.splitlines(), line


def test_the_commands_are_understood(page, capsys):
    """Each is parsed by the real parser; --help at its end keeps it from running."""
    commands = re.findall(r"^\$ (avlib .+)$", page, re.M)
    assert len(commands) > 6
    for command in commands:
        words = shlex.split(command)
        with pytest.raises(SystemExit) as left:
            main([*words[1:], "--help"])
        assert left.value.code == 0, command
        said = capsys.readouterr().out
        for option in re.findall(r" (--[a-z-]+)", command):
            assert option in said, command


def test_the_targets_exist(page, root):
    makefile = (root / "Makefile").read_text()
    wanted = set(re.findall(r"(?:`|\$ )make ([a-z]+)\b", page))
    assert {"book", "serve", "zip", "pdf", "clean"} <= wanted
    for target in wanted:
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"


def test_the_settings_exist(page, root):
    package = "".join(p.read_text() for p in (root / "avlib").rglob("*.py"))
    for name in re.findall(r"`(AVLIB_\w+)", page):
        assert name in package
