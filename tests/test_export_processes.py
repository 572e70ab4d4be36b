"""An export in several processes: the same files, and what Ctrl-C and a kill leave behind."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
import soundfile

from avlib.clipfolder import read_index, validate
from avlib.orchestra.export import export_videos

SETTINGS = {"players": 1, "seconds": 2.0, "fps": 8.0, "size": 64}
COUNT = 40
START = """
import sys
from avlib.orchestra.export import export_videos
export_videos(sys.argv[1], {count}, workers=2, **{settings})
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc"),
]


def fingerprint(folder):
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".flac":
            found[name] = hashlib.sha256(soundfile.read(path, dtype="int32")[0]).hexdigest()
        elif path.suffix == ".npz":
            found[name] = hashlib.sha256(np.load(path)["joints"]).hexdigest()
        elif path.name in ("annotations.json", "index.csv"):
            found[name] = path.read_text()
    return found


def start(folder, mark):
    code = START.format(count=COUNT, settings=SETTINGS)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env=os.environ | {"AVLIB_TEST_MARK": mark, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, for Ctrl-C
    )


def alive(mark):
    """Processes that carry the mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
        except OSError:
            continue
        if f"AVLIB_TEST_MARK={mark}".encode() in environment:
            found.append(int(place.name))
    return found


def clips(folder):
    return [path for path in (Path(folder) / "clips").glob("*") if not path.name.startswith(".")]


def wait_for(what, seconds=240.0, process=None):
    end = time.monotonic() + seconds
    while not what():
        assert process is None or process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def test_an_interrupted_and_a_killed_export_go_on(tmp_path):
    folder, mark = tmp_path / "clips", uuid.uuid4().hex

    process = start(folder, mark)
    wait_for(lambda: len(clips(folder)) >= 2, process=process)
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the workers too
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert errors.count("Traceback") == 1, errors  # this process alone says that it was stopped
    assert errors.rstrip().endswith("KeyboardInterrupt")
    interrupted = len(clips(folder))
    assert 2 <= interrupted < COUNT
    assert not list((folder / "clips").glob(".*"))
    assert validate(folder) == []
    assert len(read_index(folder)) == interrupted
    wait_for(lambda: not alive(mark), 30)

    process = start(folder, mark)
    wait_for(lambda: len(clips(folder)) >= interrupted + 2, process=process)
    process.kill()
    process.communicate(timeout=120)
    killed = len(clips(folder))
    assert interrupted < killed < COUNT
    wait_for(lambda: not alive(mark), 30)  # workers do not outlive it

    export_videos(folder, COUNT, workers=1, progress=False, **SETTINGS)
    assert validate(folder) == []
    alone = export_videos(tmp_path / "alone", COUNT, workers=1, progress=False, **SETTINGS)
    assert fingerprint(folder) == fingerprint(alone)
