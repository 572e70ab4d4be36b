"""The single checks: each returns what it found, or raises `WrongError` or what broke."""

import importlib.machinery
import importlib.metadata
import importlib.util
import io
import os
import platform
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

from avlib.doctor.finding import WrongError

_FREE_BYTES = 2**30


def python() -> str:
    """Python of a version that avlib is written for."""
    if version_numbers(platform.python_version()) < (3, 11):
        raise WrongError(f"{platform.python_version()} is too old")
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def packages() -> str:
    """Every core dependency at or above its lower bound, by what pip recorded."""
    bad, count = [], 0
    for line in importlib.metadata.requires("avlib") or []:
        if "extra ==" in line:
            continue
        count += 1
        match = re.match(r"([A-Za-z0-9_.-]+)\s*(?:>=\s*([0-9][0-9A-Za-z.]*))?", line)
        assert match is not None
        name, bound = match.groups()
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(f"{name} is missing")
            continue
        if bound and version_numbers(version) < version_numbers(bound):
            bad.append(f"{name} {version} is older than {bound}")
    if bad:
        raise WrongError("; ".join(bad))
    return f"{count} packages, none missing or too old"


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison.

    Example:
        >>> version_numbers("2.11.0+cu130") < version_numbers("2.9"), version_numbers("8.1.9")
        (False, (8, 1, 9))
    """
    numbers = []
    for part in version.split("+")[0].split("."):
        match = re.match(r"\d+", part)
        if match is None:
            break
        numbers.append(int(match.group()))
    return tuple(numbers)


def trio() -> str:
    """Torch, torchvision and torchaudio: of matching versions, and their compiled parts work.

    Importing torchvision would take more time than all the rest (its models bring the compiler
    of torch along), so its version is what pip recorded, and its operators are loaded alone.
    """
    import torch
    import torchaudio

    versions = {
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "torchaudio": torchaudio.__version__,
    }
    found = " ".join(f"{name} {version}" for name, version in versions.items())
    mine, vision = (version_numbers(versions[n])[:2] for n in ("torch", "torchvision"))
    if mine[0] == 2 and vision != (0, mine[1] + 15):
        raise WrongError(f"{found}: torchvision 0.{mine[1] + 15} belongs to this torch")
    torch.ops.load_library(_compiled("torchvision", "_C"))
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2.1]])
    kept = torch.ops.torchvision.nms(boxes, torch.tensor([0.5, 0.9]), 0.5)
    wave = torchaudio.functional.resample(torch.ones(1, 441), 44100, 11025)
    if kept.tolist() != [1] or wave.shape != (1, 111):
        raise WrongError(f"{found}: compiled operators give wrong results")
    return found


def _compiled(package: str, part: str) -> str:
    """The file of a compiled part of a package, found without importing the package."""
    kinds = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    home = importlib.util.find_spec(package)
    for place in (home and home.submodule_search_locations) or ():
        file = importlib.machinery.FileFinder(place, kinds).find_spec(part)
        if file is not None and file.origin is not None:
            return file.origin
    raise WrongError(f"{package} has no compiled part {part}")


def devices() -> str:
    """What can compute here; a driver whose GPU torch does not see is a finding."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{cores} CPU cores"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
        return f"{text}; CUDA {torch.version.cuda}: {', '.join(names)}"
    if torch.backends.mps.is_available():
        return f"{text}; Apple GPU (mps)"
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        raise WrongError(f"{text}; an NVIDIA driver is here, but torch finds no GPU")
    return f"{text}; no GPU (everything runs without one)"


def threads() -> str:
    """Thread settings, and the batched LU that some of them break (torch 2.11, MKL)."""
    import torch

    cores = os.cpu_count() or 1
    setting = os.environ.get("OMP_NUM_THREADS")
    if setting is not None and (not setting.isdigit() or not 0 < int(setting) <= cores):
        raise WrongError(
            f"OMP_NUM_THREADS={setting} on {cores} cores",
            f"export OMP_NUM_THREADS={cores}, or unset it",
        )
    noise = torch.Generator().manual_seed(0)
    unit = torch.eye(256, dtype=torch.float64)
    matrix = torch.randn(2, 256, 256, generator=noise, dtype=torch.float64) + 25 * unit
    off = (torch.linalg.solve(matrix, matrix[..., :1]) - unit[:, :1]).abs().max()
    if not off < 1e-6:
        raise WrongError(f"torch.linalg.solve is wrong with {torch.get_num_threads()} threads")
    return f"{torch.get_num_threads()} threads; OMP_NUM_THREADS {setting or 'not set'}"


def _likeness(a: "np.ndarray", b: "np.ndarray") -> float:
    """Cosine of two waveforms; 0 where one is silent."""
    scale = float((a @ a) * (b @ b)) ** 0.5
    return float(a @ b) / scale if scale > 0 else 0.0


def film() -> str:
    """Encode a second of H.264 and AAC in memory, decode it, and look whether it is the same."""
    from fractions import Fraction

    import av
    import numpy as np

    memory = io.BytesIO()
    wave = (0.5 * np.sin(np.arange(11025) / 11025 * 2 * np.pi * 440)).astype(np.float32)
    with av.open(memory, "w", format="mp4") as out:
        pictures = out.add_stream("libx264", rate=4)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        sound = out.add_stream("aac", rate=11025)
        sound.layout = "mono"
        for k in range(4):
            shade = np.full((32, 32, 3), 60 * k, np.uint8)
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        out.mux(pictures.encode(None))
        block = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = 11025, 0, Fraction(1, 11025)
        out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    memory.seek(0)
    with av.open(memory, "r") as film:
        shades = [f.to_ndarray(format="rgb24").mean() for f in film.decode(video=0)]
    memory.seek(0)
    with av.open(memory, "r") as film:
        back = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])[: len(wave)]
    if len(shades) != 4 or np.abs(np.subtract(shades, [0, 60, 120, 180])).max() > 5:
        raise WrongError(f"PyAV {av.__version__}: H.264 does not come back as it was written")
    if len(back) != len(wave) or _likeness(back, wave) < 0.9:
        raise WrongError(f"PyAV {av.__version__}: AAC does not come back as it was written")
    return f"PyAV {av.__version__}: H.264 and AAC written and read"


def sound_files() -> str:
    """Write and read a tone in each format, in memory."""
    import numpy as np
    import soundfile

    wave = (0.5 * np.sin(np.arange(16000) / 16)).astype(np.float32)
    bad = []
    for kind, subtype, likeness in (
        ("WAV", "PCM_16", 0.9999),
        ("FLAC", "PCM_24", 0.9999),
        ("OGG", "VORBIS", 0.99),
        ("MP3", "MPEG_LAYER_III", 0.98),
    ):
        memory = io.BytesIO()
        try:
            soundfile.write(memory, wave, 16000, format=kind, subtype=subtype)
            memory.seek(0)
            back, _ = soundfile.read(memory, dtype="float32")
        except (RuntimeError, ValueError, TypeError) as err:
            bad.append(f"{kind} ({err})")
            continue
        back = back[: len(wave)]
        if len(back) < len(wave) or _likeness(back, wave) < likeness:
            bad.append(f"{kind} (comes back changed)")
    version = f"soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}"
    if bad:
        raise WrongError(f"{version}: no {', '.join(bad)}")
    return f"{version}: WAV, FLAC, OGG, MP3"


def opencv() -> str:
    """Draw a disc."""
    import cv2
    import numpy as np

    picture = np.zeros((32, 32, 3), np.uint8)
    cv2.circle(picture, (16, 16), 8, (255, 255, 255), -1, cv2.LINE_AA)
    if picture[16, 16, 0] != 255 or picture[0, 0, 0] != 0:
        raise WrongError(f"OpenCV {cv2.__version__} draws wrongly")
    return f"OpenCV {cv2.__version__}"


def fonts() -> str:
    """The font of the plots is there, and a figure can be drawn."""
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    font = font_manager.findfont("DejaVu Sans", fallback_to_default=False)
    figure = Figure(figsize=(1, 1))
    figure.text(0.5, 0.5, "♪ dB")
    memory = io.BytesIO()
    FigureCanvasAgg(figure).print_png(memory)
    return f"matplotlib {matplotlib.__version__} draws with {Path(font).name}"


def widgets() -> str:
    """The live layer of the book: 7.7.1 is what Colab has."""
    version = importlib.metadata.version("ipywidgets")
    if version_numbers(version) < (7, 7, 1):
        raise WrongError(f"ipywidgets {version} is older than 7.7.1")
    return f"ipywidgets {version}"


def command_line() -> str:
    """Parse a command line."""
    import tyro

    if tyro.cli(int, args=["3"]) != 3:
        raise WrongError(f"tyro {tyro.__version__} does not parse")
    return f"tyro {importlib.metadata.version('tyro')}"


def shapes() -> str:
    """A wrong shape is noticed by jaxtyping with beartype, as in the tests."""
    import beartype
    import numpy as np
    from jaxtyping import Float, TypeCheckError, jaxtyped

    @jaxtyped(typechecker=beartype.beartype)
    def same(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> None:
        return None

    same(np.zeros(2), np.zeros(2))
    try:
        same(np.zeros(2), np.zeros(3))
    except TypeCheckError:
        version = importlib.metadata.version
        return f"jaxtyping {version('jaxtyping')}, beartype {version('beartype')}"
    raise WrongError("jaxtyping does not notice a wrong shape")


def _data_file(*parts: str) -> Path:
    path = Path(str(resources.files("avlib"))).joinpath(*parts)
    if not path.exists():
        raise WrongError(f"{path} is missing")
    return path


def note_bank() -> str:
    """The index and every file it names."""
    import json

    index = json.loads(_data_file("orchestra", "bank", "index.json").read_text("utf8"))
    for entry in index.values():
        if isinstance(entry, dict) and "file" in entry:
            _data_file("orchestra", "bank", entry["file"])
    return f"sounds of {len(index)} instruments"


def checkpoint() -> str:
    """The shipped Sound of Pixels model and its record."""
    record = _data_file("checkpoints", "sop-pocket.json")
    weights = _data_file("checkpoints", "sop-pocket.safetensors")
    from safetensors import safe_open

    with safe_open(weights, framework="np") as file:
        count = len(list(file.keys()))
    return f"{weights.name}: {count} arrays, {weights.stat().st_size / 1e6:.1f} MB; {record.name}"


def tables() -> str:
    """The stored evaluation pairs, the records of results and the clip folder's schema."""
    from avlib import records

    pairs = sorted(p.name for p in _data_file("pairs").glob("*.csv"))
    if not pairs:
        raise WrongError("no stored pairs in avlib/pairs")
    _data_file("clipfolder", "clip-v1.json")
    count = len(list(records.folder().glob("*/*.json")))
    if not count:
        raise WrongError(f"no records of results in {records.folder()}")
    return f"{len(pairs)} lists of evaluation pairs, {count} records of results, the clip schema"


def disk() -> str:
    """The working folder and the temporary folder can be written and have room."""
    free = []
    for place in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            with tempfile.NamedTemporaryFile(dir=place) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as err:
            raise WrongError(f"{place} cannot be written: {err.strerror}") from err
        room = shutil.disk_usage(place).free
        if room < _FREE_BYTES:
            raise WrongError(f"{place} has only {room / 2**20:.0f} MiB left")
        free.append(f"{room / 2**30:.0f} GiB free in {place}")
    return "; ".join(free)
