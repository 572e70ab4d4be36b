"""Checkpoints of SeCo, those that come with the package among them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from avlib.seco.config import SeCoConfig, config_from_json
from avlib.seco.model import SeCo
from avlib.training import find_checkpoint, load_checkpoint, save_checkpoint

SHIPPED = {
    "pocket-S1-video": "seco-pocket-S1-video",
    "pocket-S1-skeleton": "seco-pocket-S1-skeleton",
}
"""Names that `load` knows, and the files they stand for."""


def save(model: SeCo, path: str | Path, record: Mapping[str, Any], *, half: bool = False) -> Path:
    """Save a model as safetensors, its record beside it as JSON.

    Args:
        model: the model.
        path: of the file; its ending becomes `.safetensors`.
        record: how it came about; the model's config is added.
        half: half the size, see `avlib.training.save_checkpoint`.

    Returns:
        The path of the safetensors file.
    """
    whole = {**record, "model": "SeCo", "config": asdict(model.cfg)}
    return save_checkpoint(path, model.nets, whole, half=half)


def load(
    path: str | Path = "pocket-S1-skeleton",
    device: str | torch.device = "cpu",
    *,
    modality: str | None = None,
    split: str | None = None,
    preset: str | None = None,
) -> SeCo:
    """Load a trained model.

    Args:
        path: a name of `SHIPPED`, or a checkpoint that `save` or `train` wrote (the file, or the
            folder of the run).
        device: where to put it.
        modality: the kind of sight it must have; None: any.
        split: the split it must be trained on; None: any.
        preset: the recipe it must be of; None: any.

    Returns:
        The model, in evaluation mode; how it was trained stands in the JSON beside the file.

    Raises:
        FileNotFoundError: there is no such checkpoint; the message says what there is.
        ValueError: the file is broken, of another version, no SeCo model, or not the one that
            was asked for.
    """
    file = checkpoint_path(path)
    _, record = load_checkpoint(file)
    if "config" not in record or "modality" not in record["config"]:
        raise ValueError(
            f"{file} holds no model of SeCo: it was not written by avlib.seco.save; Sound of "
            "Pixels' are loaded by avlib.sop.load"
        )
    cfg = config_from_json(record["config"])
    _check_wanted(file, cfg, {"modality": modality, "split": split, "preset": preset})
    # The same networks without fetching the weights they were started from.
    model = SeCo(cfg.changed(sight_weights=None, image_weights=None))
    model.cfg = cfg
    load_checkpoint(file, model.nets)
    model.loaded = (hashlib.sha256(file.read_bytes()).hexdigest()[:16], model.fingerprint())
    return model.to(device).eval()


def checkpoint_path(path: str | Path) -> Path:
    """Find the safetensors file that a name of `SHIPPED`, a file or a run's folder stands for.

    Raises:
        FileNotFoundError: there is none.
    """
    return find_checkpoint(path, SHIPPED, "`avlib train seco`")


def _check_wanted(file: Path, cfg: SeCoConfig, wanted: Mapping[str, str | None]) -> None:
    for name, value in wanted.items():
        there = getattr(cfg, name)
        if value is not None and value != there:
            raise ValueError(
                f"{file} holds a model of {name} {there!r}, asked for was {value!r}; give the "
                f"checkpoint of the other model, or train it: avlib train seco --{name} {value}"
            )
