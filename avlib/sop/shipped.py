"""Checkpoints of Sound of Pixels, the one that comes with the package among them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from avlib.sop.config import SoPConfig, config_from_json
from avlib.sop.networks import SoundOfPixels
from avlib.training import find_checkpoint, load_checkpoint, save_checkpoint

SHIPPED = {"pocket": "sop-pocket"}
"""Names that `load` knows, and the files they stand for."""


def save(
    model: SoundOfPixels, path: str | Path, record: Mapping[str, Any], *, half: bool = False
) -> Path:
    """Save a model as safetensors, its record beside it as JSON.

    Args:
        model: the model.
        path: of the file; its ending becomes `.safetensors`.
        record: how it came about; the model's config is added.
        half: half the size, see `avlib.training.save_checkpoint`.

    Returns:
        The path of the safetensors file.
    """
    return save_checkpoint(path, model.nets, {**record, "config": asdict(model.cfg)}, half=half)


def load(path: str | Path = "pocket", device: str | torch.device = "cpu") -> SoundOfPixels:
    """Load a trained model.

    Args:
        path: "pocket" for the one that comes with the package, or a checkpoint that `save` or
            `train` wrote (the file, or the folder of the run).
        device: where to put it.

    Returns:
        The model, in evaluation mode; how it was trained stands in the JSON beside the file.

    Raises:
        FileNotFoundError: there is no such checkpoint; the message says what there is.
        ValueError: the file is broken or of another version.
    """
    file = checkpoint_path(path)
    _, record = load_checkpoint(file)
    if "config" not in record:
        raise ValueError(f"{file} was not written by avlib.sop.save: it holds no config")
    cfg = config_from_json(record["config"])
    model = SoundOfPixels(_without_start(cfg))
    model.cfg = cfg
    load_checkpoint(file, model.nets)
    model.loaded = (hashlib.sha256(file.read_bytes()).hexdigest()[:16], model.fingerprint())
    return model.to(device).eval()


def checkpoint_path(path: str | Path) -> Path:
    """Find the safetensors file that "pocket", a file or a run's folder stands for.

    Raises:
        FileNotFoundError: there is none.
    """
    return find_checkpoint(path, SHIPPED, "`avlib train sop`")


def _without_start(cfg: SoPConfig) -> SoPConfig:
    """The same network without fetching the weights it was started from."""
    return cfg.changed(frame_weights=None)
