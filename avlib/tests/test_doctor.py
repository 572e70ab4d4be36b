"""The doctor: true on a sound machine, and each broken thing found, named and given its fix."""

import builtins
import importlib.metadata
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from avlib.doctor import CHECKS, Check, checks, report, run_checks
from avlib.doctor.checks import version_numbers
from avlib.doctor.finding import WrongError, examined

ROWS = {row[0]: row for row in CHECKS}


def examine(code):
    return examined(*ROWS[code])


@pytest.fixture(scope="module")
def found():
    run_checks()  # imports torch and its like, most of the time of a first run
    started = time.process_time()
    checks = run_checks()
    return checks, time.process_time() - started


def test_codes_are_unique_and_in_order(found):
    codes = [check.code for check in found[0]]
    assert codes == sorted(set(codes)) == list(ROWS)
    assert all(check.name and check.detail for check in found[0])


def test_this_machine_can_run_the_tests(found):
    """Whatever else: these work, or no other test here means anything."""
    by_code = {check.code: check for check in found[0]}
    for code in ("AV01", "AV02", "AV03", "AV06", "AV07", "AV08", "AV11", "AV12", "AV13", "AV16"):
        assert by_code[code].ok, str(by_code[code])


def test_it_is_quick(found):
    assert found[1] < 3


def test_details_tell_the_versions(found):
    text = report(found[0])
    assert f"torch {torch.__version__}" in text
    assert "H.264 and AAC written and read" in text
    assert "FLAC, OGG, MP3" in text
    assert "26 instruments" in text
    assert "records of results" in text


def test_the_report_says_ok_or_the_fix():
    good = Check("AV01", "Python", True, "3.12.1")
    bad = Check("AV06", "video", False, "no H.264", "reinstall av")
    soft = Check("AV10", "widgets", False, "too old", "upgrade", needed=False)
    lines = report([good, bad, soft]).splitlines()
    assert lines == [
        "OK   AV01 Python: 3.12.1",
        "FIX  AV06 video: no H.264",
        "     -> reinstall av",
        "FIX  AV10 widgets: too old",
        "     -> upgrade (not needed for the main work)",
        "2 of 3 checks to fix, 1 of them needed.",
    ]
    assert [c.blocks for c in (good, bad, soft)] == [False, True, False]
    assert report([good, good]).endswith("Everything works (2 checks).")


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("AV03", "torchaudio"),
        ("AV06", "av"),
        ("AV07", "soundfile"),
        ("AV08", "cv2"),
        ("AV11", "tyro"),
    ],
)
def test_a_package_that_cannot_be_imported_is_one_line(monkeypatch, code, module):
    real = builtins.__import__

    def broken(name, *args, **kwargs):
        if name.split(".")[0] == module:
            raise ImportError("libGL.so.1: cannot open shared object file\nand more")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    check = examine(code)
    monkeypatch.undo()
    assert not check.ok
    assert check.detail == "ImportError: libGL.so.1: cannot open shared object file"
    assert "pip" in check.fix


def test_mixed_versions_of_torch_are_noticed(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "0.24.1+cpu" if name == "torchvision" else real(name),
    )
    check = examine("AV03")
    assert not check.ok
    assert "torchvision 0.24.1+cpu" in check.detail
    assert "belongs to this torch" in check.detail
    assert "torch==2.11.0 torchvision==0.26.0 torchaudio==2.11.0" in check.fix


def test_compiled_operators_that_fail_are_noticed(monkeypatch, tmp_path):
    broken = tmp_path / "_C.so"
    broken.write_bytes(b"compiled for another torch")
    monkeypatch.setattr(checks, "_compiled", lambda package, part: str(broken))
    check = examine("AV03")
    assert not check.ok
    assert "_C.so" in check.detail
    monkeypatch.undo()
    examine("AV03")  # loads the operators
    monkeypatch.setattr(torch.ops.torchvision, "nms", lambda *a: torch.tensor([0, 1]))
    assert "wrong results" in examine("AV03").detail


def test_a_package_without_its_compiled_part_is_noticed():
    with pytest.raises(WrongError, match="torchvision has no compiled part _D"):
        checks._compiled("torchvision", "_D")
    with pytest.raises(WrongError, match="no_such_package has no compiled part _C"):
        checks._compiled("no_such_package", "_C")


def test_the_doctor_does_not_import_what_is_heavy():
    """Importing torchvision brings torch's compiler along: more than all checks together."""
    code = (
        "import sys; from avlib.doctor import run_checks; assert all(c.ok for c in run_checks()); "
        "print([n for n in ('torchvision', 'torch._dynamo', 'librosa') if n in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_packages_missing_or_too_old_are_named(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "librosa":
            raise importlib.metadata.PackageNotFoundError(name)
        return "13.1.0" if name == "av" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    check = examine("AV02")
    assert not check.ok
    assert "librosa is missing" in check.detail
    assert "av 13.1.0 is older than 14" in check.detail
    assert "scipy" not in check.detail


def test_versions_are_compared_as_numbers():
    assert version_numbers("2.9") < version_numbers("2.11.0+cu130")
    assert version_numbers("8.1.9rc1") == (8, 1, 9)
    assert version_numbers("7.7.1") < version_numbers("7.10")


def test_old_widgets_are_no_obstacle(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "7.6.5")
    check = examine("AV10")
    assert not check.ok
    assert not check.blocks


def test_a_solver_that_fails_silently_is_noticed(monkeypatch):
    monkeypatch.setattr(torch.linalg, "solve", lambda a, b: b * float("nan"))
    check = examine("AV05")
    assert "torch.linalg.solve is wrong" in check.detail
    assert "OMP_NUM_THREADS" in check.fix


@pytest.mark.parametrize("setting", ["0", "100000", "many"])
def test_a_bad_thread_setting_is_noticed(monkeypatch, setting):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert f"OMP_NUM_THREADS={setting}" in examine("AV05").detail


def test_a_codec_that_changes_what_it_stores_is_noticed(monkeypatch):
    import soundfile

    real = soundfile.read
    monkeypatch.setattr(soundfile, "read", lambda *a, **k: (np.zeros_like(real(*a, **k)[0]), 16000))
    check = examine("AV07")
    assert not check.ok
    assert "MP3" in check.detail


def test_pictures_that_come_back_changed_are_noticed(monkeypatch):
    import av

    class Darker:
        def to_ndarray(self, **kwargs):
            return np.zeros((32, 32, 3), np.uint8)

    real = av.open

    class Film:
        def __init__(self, film):
            self.film = film

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.film.close()

        def decode(self, video=None, audio=None):
            return [Darker()] * 4 if video is not None else self.film.decode(audio=audio)

    def opened(target, mode="r", **kwargs):
        return real(target, mode, **kwargs) if mode == "w" else Film(real(target, mode))

    monkeypatch.setattr(av, "open", opened)
    assert "H.264 does not come back" in examine("AV06").detail


@pytest.mark.parametrize(
    ("code", "hidden", "says"),
    [
        ("AV13", "index.json", "index.json is missing"),
        ("AV14", "sop-pocket.safetensors", "checkpoint"),
        ("AV15", "clip-v1.json", "clip-v1.json is missing"),
    ],
)
def test_package_data_that_is_missing_is_named(monkeypatch, tmp_path, code, hidden, says):
    from importlib import resources

    package = tmp_path / "avlib"
    for folder in ("orchestra/bank", "checkpoints", "pairs", "clipfolder"):
        (package / folder).mkdir(parents=True)
    (package / "pairs" / "sop.csv").touch()
    for name in (
        "orchestra/bank/index.json",
        "checkpoints/sop-pocket.json",
        "clipfolder/clip-v1.json",
    ):
        if not name.endswith(hidden):
            (package / name).write_text("{}")
    monkeypatch.setattr(resources, "files", lambda name: package)
    check = examine(code)
    assert not check.ok
    assert says in check.detail or says in check.name
    assert "git checkout" in check.fix


def test_a_bank_that_lost_a_file_is_noticed(monkeypatch, tmp_path):
    from importlib import resources

    bank = tmp_path / "orchestra" / "bank"
    bank.mkdir(parents=True)
    (bank / "index.json").write_text('{"violin": {"file": "violin.flac"}}')
    monkeypatch.setattr(resources, "files", lambda name: tmp_path)
    assert "violin.flac is missing" in examine("AV13").detail
    (bank / "violin.flac").touch()
    assert examine("AV13").ok


@pytest.mark.parametrize("there", [True, False])
def test_records_that_are_missing_are_noticed(monkeypatch, tmp_path, there):
    from avlib import records

    if there:
        (tmp_path / "results" / "sop").mkdir(parents=True)
    real = records.folder
    monkeypatch.setattr(records, "folder", lambda: real(tmp_path))
    check = examine("AV15")
    assert not check.ok
    assert "records of results" in check.detail
    assert "git checkout" in check.fix


def test_a_disk_that_is_full_or_closed_is_noticed(monkeypatch):
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(1, 1, 5 * 2**20))
    assert "only 5 MiB left" in examine("AV16").detail

    def closed(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "NamedTemporaryFile", closed)
    assert "cannot be written: Permission denied" in examine("AV16").detail
