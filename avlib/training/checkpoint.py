"""Files of weights: safetensors with a JSON beside it, complete or absent; nothing is unpickled."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def named_tensors(nets: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Name every parameter and buffer of several networks "net.parameter"."""
    return {
        f"{net}.{name}": value
        for net, module in nets.items()
        for name, value in module.state_dict().items()
    }


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any] | None = None
) -> None:
    """Write tensors to a safetensors file that appears complete or not at all.

    Args:
        path: the file.
        tensors: what to store; copied to the CPU in the ordinary memory layout.
        record: kept as JSON in the file's header, so that it cannot get lost.
    """
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    header = {"record": json.dumps(record)} if record is not None else None
    partial = path.with_name(path.name + ".partial")
    save_file(plain, partial, metadata=header)
    partial.chmod(0o644)  # safetensors makes it readable by its owner alone
    _publish(partial, path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote: the tensors and the record.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a safetensors file or is cut short.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a complete safetensors file ({error}); copy or train it again"
        ) from error
    return tensors, json.loads(header.get("record", "{}"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that appears complete or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    _publish(partial, path)


def save_checkpoint(
    path: str | Path,
    nets: Mapping[str, nn.Module],
    record: Mapping[str, Any],
    *,
    half: bool = False,
) -> Path:
    """Save the weights of networks and how they came about.

    Args:
        path: the file; its ending becomes `.safetensors`. The record lies beside it as `.json`,
            for people; the file's own header holds it too, and that is what is read back.
        nets: the networks by name.
        record: config, data, seed, scores, ...: anything JSON can hold.
        half: store float32 as float16, half the size. They come back as float32.

    Returns:
        The path of the safetensors file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_checkpoint(f"{folder}/a", {"net": nn.Linear(1, 1)}, {"seed": 3})
        ...     weights, record = load_checkpoint(path)
        >>> sorted(weights), record
        (['net.bias', 'net.weight'], {'seed': 3})
    """
    path = Path(path).with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = named_tensors(nets)
    if half:
        tensors = {
            name: value.half() if value.dtype == torch.float32 else value
            for name, value in tensors.items()
        }
    write_tensors(path, tensors, record)
    write_json(path.with_suffix(".json"), record)
    return path


def load_checkpoint(
    path: str | Path, nets: Mapping[str, nn.Module] | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint that `save_checkpoint` wrote, into networks if they are given.

    Args:
        path: the `.safetensors` file (the ending may be left out).
        nets: networks to fill, by the names they were saved under.

    Returns:
        The weights by name ("net.parameter", float32), and the record.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is broken, or does not fit the networks.
    """
    path = Path(path).with_suffix(".safetensors")
    weights, record = read_tensors(path)
    weights = {
        name: value.float() if value.dtype == torch.float16 else value
        for name, value in weights.items()
    }
    if nets is not None:
        fill(nets, weights, path)
    return weights, record


def fill(nets: Mapping[str, nn.Module], weights: Mapping[str, Tensor], source: Path) -> None:
    """Copy weights named "net.parameter" into networks; every one must fit.

    Raises:
        ValueError: names or shapes differ; the message names the file.
    """
    try:
        if set(weights) != set(named_tensors(nets)):
            odd = sorted(set(weights) ^ set(named_tensors(nets)))
            raise ValueError(f"only in the file or only in the networks: {', '.join(odd[:6])}")
        for net, module in nets.items():
            prefix = f"{net}."
            module.load_state_dict(
                {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
            )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"the checkpoint {source} does not fit these networks: {error}. "
            "Build them from the config in the checkpoint's record."
        ) from error


def provenance(device: torch.device | None = None) -> dict[str, Any]:
    """Say what a result was made with: versions, commit, device.

    Example:
        >>> sorted(provenance())
        ['commit', 'device', 'versions']
    """
    packages = ("avlib", "torch", "torchvision", "torchaudio", "numpy", "scipy")
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in packages}
    name = f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    if device is not None and device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return {"versions": versions, "commit": _commit(), "device": name}


def _commit() -> str | None:
    """The commit of the source tree this package lies in, with a mark if files were changed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # no git on this machine: the versions above still say what it was
    return answer.stdout.strip()


def _publish(partial: Path, path: Path) -> None:
    """Make sure that the bytes are on the disk, then give the file its name."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
