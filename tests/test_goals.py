"""The table of goals names evidence that exists."""

import re


def test_forty_goals_with_their_state_and_evidence(root):
    text = (root / "book" / "goals.md").read_text()
    makefile = (root / "Makefile").read_text()
    rows = re.findall(r"^\* - (\d+)\n  - (.+)\n  - (holds|partly|open)\n  - (.+)$", text, re.M)
    assert [int(number) for number, *_ in rows] == list(range(1, 41))
    for number, _, state, evidence in rows:
        paths = re.findall(r"`((?:avlib|tests|tools|book)/[\w./*-]+|CONTRIBUTING\.md)", evidence)
        modules = re.findall(r"`(avlib(?:\.\w+)+)`", evidence)
        for module in modules:
            place = root / module.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").exists(), f"goal {number}: {module}"
        for path in re.findall(r"`((?:avlib|tests|tools|book)/[\w./*-]+)(?:::\w+)?`", evidence):
            assert list(root.glob(path.rstrip("/"))), f"goal {number} names {path}"
        for path, test in re.findall(r"`(tests/\w+\.py)::(\w+)`", evidence):
            assert f"def {test}(" in (root / path).read_text(), f"goal {number} names {test}"
        for target in re.findall(r"`make ([\w-]+)`", evidence):
            assert re.search(rf"^{target}:", makefile, re.M), f"goal {number}: make {target}"
        assert state != "holds" or paths, f"goal {number} holds, and names no file that shows it"
