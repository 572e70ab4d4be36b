"""`avlib doctor`: is everything here that avlib needs, and does it really work?

Each check tries the thing itself (encodes and decodes a film in memory, writes an MP3, runs a
compiled operator) rather than reading a version only. Nothing heavy is imported before its check,
so a broken package is one line of the report and not a traceback.
"""

from collections.abc import Callable

from avlib.doctor import checks
from avlib.doctor.finding import Check, examined, report

__all__ = ["CHECKS", "Check", "report", "run_checks"]

_TRIO = "torch==2.11.0 torchvision==0.26.0 torchaudio==2.11.0"
_REINSTALL = "pip install --force-reinstall --no-deps"
_RESTORE = f"{_REINSTALL} avlib (a clone: git checkout avlib)"
# code, name, check, its usual fix, whether the main work needs it
CHECKS: tuple[tuple[str, str, Callable[[], str], str, bool], ...] = (
    ("AV01", "Python", checks.python, "install Python 3.11, 3.12 or 3.13", True),
    (
        "AV02",
        "packages",
        checks.packages,
        "pip install --upgrade avlib (a clone: pip install -e .)",
        True,
    ),
    (
        "AV03",
        "torch",
        checks.trio,
        f"install the three together, from one place: pip install {_TRIO}",
        True,
    ),
    (
        "AV04",
        "devices",
        checks.devices,
        "update the driver, or install the torch build for its CUDA version; CPU works meanwhile",
        False,
    ),
    (
        "AV05",
        "threads",
        checks.threads,
        "never call torch.set_num_threads(2 or more); set OMP_NUM_THREADS before Python starts",
        True,
    ),
    ("AV06", "video", checks.film, f"{_REINSTALL} av", True),
    ("AV07", "sound files", checks.sound_files, "pip install --upgrade 'soundfile>=0.12'", True),
    (
        "AV08",
        "OpenCV",
        checks.opencv,
        "pip uninstall -y opencv-python opencv-contrib-python opencv-python-headless, then "
        "pip install opencv-python-headless",
        True,
    ),
    (
        "AV09",
        "fonts",
        checks.fonts,
        f"{_REINSTALL} matplotlib, and let it write its cache (MPLCONFIGDIR)",
        False,
    ),
    ("AV10", "widgets", checks.widgets, "pip install --upgrade 'ipywidgets>=7.7.1'", False),
    ("AV11", "command line", checks.command_line, "pip install --upgrade 'tyro>=1.0'", True),
    (
        "AV12",
        "shape checks",
        checks.shapes,
        "pip install --upgrade 'jaxtyping>=0.3' 'beartype>=0.22'",
        True,
    ),
    (
        "AV13",
        "note bank",
        checks.note_bank,
        _RESTORE,
        True,
    ),
    (
        "AV14",
        "checkpoint",
        checks.checkpoint,
        f"{_REINSTALL} avlib (a clone: git checkout avlib/checkpoints), or train one: "
        "avlib train sop --preset pocket",
        True,
    ),
    ("AV15", "tables", checks.tables, _RESTORE, True),
    ("AV16", "disk", checks.disk, "free some space, or go to a folder that you may write", True),
)


def run_checks() -> list[Check]:
    """Try everything avlib stands on; takes a few seconds, most of them importing torch.

    Returns:
        One `Check` per thing, in the order of their codes.
    """
    return [examined(*row) for row in CHECKS]
