"""The table of goals names evidence that exists."""

import re


def test_forty_goals_with_their_state_and_evidence(root):
    text = (root / "book" / "goals.md").read_text()
    rows = re.findall(r"^\* - (\d+)\n  - (.+)\n  - (holds|partly|open)\n  - (.+)$", text, re.M)
    assert [int(number) for number, *_ in rows] == list(range(1, 41))
    for number, _, state, evidence in rows:
        for path in re.findall(r"`((?:avlib|tests|tools|book)/[\w./*-]+)(?:::\w+)?`", evidence):
            assert list(root.glob(path.rstrip("/"))), f"goal {number} names {path}"
        for path, test in re.findall(r"`(tests/\w+\.py)::(\w+)`", evidence):
            assert f"def {test}(" in (root / path).read_text(), f"goal {number} names {test}"
        assert state != "holds" or "`" in evidence or "{ref}" in evidence or "row" in evidence
