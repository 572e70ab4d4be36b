"""The book's checks over more random inputs than `pytest avlib` has time for."""

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent / "avlib" / "tests"
SEEDS = 20


def test_variants_over_many_seeds():
    """Right answers written differently pass, near misses fail, whatever was drawn."""
    files = sorted(str(path) for path in TESTS.glob("test_variants_*.py"))
    assert files
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        env=os.environ | {"AVLIB_TEST_SEEDS": str(SEEDS)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert found.returncode == 0, found.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", found.stdout)[1]) > 200, found.stdout[-300:]
