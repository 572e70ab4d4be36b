"""What every paper's recipe needs: its config out of a record, its record, its file, its weights.

A paper's room says what its config and its networks are; what is done with them around a training
is the same for all, and stands here.
"""

import hashlib
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from torch import nn

from avlib.training.checkpoint import load_checkpoint, provenance
from avlib.training.loop import Progress, TrainConfig, learning_rate_factor
from avlib.training.run import Run
from avlib.training.world import is_main

Config = TypeVar("Config")


def read_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a config, with the configs inside it, from what a record holds of it.

    JSON knows no tuples: its lists become tuples.

    Args:
        kind: a dataclass.
        values: its fields by name, as `dataclasses.asdict` and JSON leave them.

    Raises:
        ValueError: the record is of another version of the package.

    Example:
        >>> from avlib.training import TrainConfig
        >>> stored = {"steps": 3, "lrs": {"net": 0.1}, "milestones": [1, 2]}
        >>> read_config(TrainConfig, stored).milestones
        (1, 2)
    """
    try:
        return _build(kind, values)
    except TypeError as error:
        raise ValueError(
            f"this config is not of this version of avlib ({error}); train the model again, or "
            "install the version named in its record"
        ) from error


def _build(kind: type[Config], values: Mapping[str, Any]) -> Config:
    hints = get_type_hints(kind)
    fields = {}
    for name, value in values.items():
        if is_dataclass(hints.get(name)):
            fields[name] = _build(hints[name], value)
        else:
            fields[name] = tuple(value) if isinstance(value, list) else value
    return kind(**fields)


def training_record(
    cfg: Any, data: Mapping[str, Any], progress: Progress, device: torch.device
) -> dict[str, Any]:
    """Say how a model came about: config, data, seed, how long, which weights, which versions.

    Args:
        cfg: the recipe, a dataclass with a `seed`.
        data: what it was trained on.
        progress: what `fit` returned.
        device: where it was trained.
    """
    return provenance(device) | {
        "config": asdict(cfg),
        "data": dict(data),
        "seed": cfg.seed,
        "seconds": round(progress.seconds, 1),
        "steps": progress.step,
        "stopped_by": progress.stopped_by,
        "weights_of_step": progress.best_step or progress.step,
        "validation_loss": progress.best,
        "written": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def finish(
    run: Run,
    model: nn.Module,
    nets: dict[str, nn.Module],
    cfg: Any,
    data: Mapping[str, Any],
    progress: Progress,
    save: Callable[..., Any],
) -> None:
    """Do what is left after `fit`: the best weights, the model's file, a word if time ran out.

    Args:
        run: the folder of the run; `model.safetensors` and its record come into it.
        model: what was trained; it has the weights of the best validation afterwards.
        nets: its networks by name.
        cfg: the recipe, a dataclass with a `seed` and the `TrainConfig` as `train`.
        data: what it was trained on.
        progress: what `fit` returned.
        save: of the paper's room, called with model, path and record, by one process only.
    """
    best = run.best()
    if best is not None:
        load_checkpoint(best / "weights.safetensors", nets)
    record = training_record(cfg, data, progress, next(model.parameters()).device)
    if is_main():
        save(model, run.folder / "model", record)
        if progress.stopped_by == "minutes":
            print(cut_short(cfg.train, progress), file=sys.stderr)


def cut_short(cfg: TrainConfig, progress: Progress) -> str:
    """Say what a time limit did to a run, and how to get the whole recipe.

    Example:
        >>> cfg = TrainConfig(100, {}, schedule="multistep", milestones=(50,))
        >>> cut_short(cfg, Progress(step=10, seconds=60.0)).partition(";")[0]
        'note: the time was up after 10 of 100 steps'
    """
    rate = learning_rate_factor(progress.step, cfg)
    came_down = (
        ""
        if cfg.schedule == "constant"
        else (
            f"; its learning rate had not come down as the recipe's does (it stands at "
            f"{rate:.0%} of the highest), and the recipe's model is better"
        )
    )
    minutes = math.ceil(1.1 * progress.seconds / max(1, progress.step) * cfg.steps / 60)
    return (
        f"note: the time was up after {progress.step} of {cfg.steps} steps{came_down}. For the "
        f"full recipe run the same command with --minutes {minutes} or more: it goes on from here"
    )


def find_checkpoint(path: str | Path, shipped: Mapping[str, str], trained_by: str) -> Path:
    """Find the safetensors file that a shipped name, a file or a run's folder stands for.

    Args:
        path: one of these.
        shipped: names of checkpoints that come with the package, and their files' names.
        trained_by: what makes such a folder, for the message.

    Raises:
        FileNotFoundError: there is none.
    """
    if str(path) in shipped:
        folder = Path(str(resources.files("avlib"))) / "checkpoints"
        file = folder / f"{shipped[str(path)]}.safetensors"
    else:
        file = Path(path)
        file = file / "model.safetensors" if file.is_dir() else file.with_suffix(".safetensors")
    if not file.is_file():
        names = " or ".join(repr(name) for name in shipped)
        raise FileNotFoundError(
            f"no checkpoint at {file}. Give {names} for the one that comes with the package, or "
            f"the folder of a finished {trained_by}."
        )
    return file


def fingerprint(net: nn.Module) -> str:
    """Say which weights these are: the first 16 digits of their SHA-256.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> fingerprint(net) == fingerprint(net), len(fingerprint(net))
        (True, 16)
    """
    digest = hashlib.sha256()
    for name, value in net.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
