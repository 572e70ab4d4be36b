"""The same players sound the same in every process."""

import os
import subprocess
import sys

SCRIPT = """
import zlib
from numpy.random import default_rng
from avlib.orchestra.score import melody
from avlib.orchestra.sound import play
for name in ("violin", "drum", "acoustic guitar"):
    notes = melody(name, 3.0, default_rng(5))
    wave = play(notes, name, 7, 3.0, rng=default_rng(6))
    print(name, len(notes), zlib.crc32(wave.tobytes()))
"""


def test_two_processes_play_the_same_bytes():
    heard = []
    for seed in ("0", "1"):  # string hashes differ, and nothing may hang on them
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        heard.append(run.stdout)
    assert heard[0] == heard[1]
    assert heard[0].count("\n") == 3
