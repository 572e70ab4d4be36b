"""The folder of a training run: log, config, checkpoints, exact resume."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from avlib.training.checkpoint import fill, named_tensors, read_tensors, write_json, write_tensors

if TYPE_CHECKING:
    from avlib.training.loop import Progress

# A run may be resumed with other values of these: they do not change what is learnt.
_FREE = ("max_minutes", "log_every", "save_every", "device", "tensorboard", "workers")


class Run:
    """Everything that a training run leaves on the disk.

    ::

        FOLDER/config.json             settings, data, versions, commit, device
        FOLDER/log.jsonl               one JSON object a line
        FOLDER/tensorboard/            the same curves, if TensorBoard is installed
        FOLDER/step-00001000/          the last checkpoint, and the best one
            weights.safetensors        the networks
            optimiser.safetensors      what the optimiser remembers
            state.json                 step, seconds, best score, gradient scale

    A checkpoint is written under another name and then renamed, so it is complete or absent,
    whenever the process is killed.

    Args:
        folder: the folder; made if it is not there.
        about: what to note in `config.json` besides the training settings (network, data, ...).
            A run is only resumed with the same settings.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Run(folder)
        ...     run.log(10, {"loss": 0.5})
        ...     run.read_log()
        [{'step': 10, 'loss': 0.5}]
    """

    def __init__(self, folder: str | Path, about: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.about = dict(about or {})
        self._board: Any = None

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Add one line to the log (and its numbers to TensorBoard's)."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if self._board is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(name, value, step)

    def read_log(self) -> list[dict[str, Any]]:
        """Read the log; a last line that a killed process left unfinished is left out."""
        path = self.folder / "log.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def checkpoints(self) -> list[Path]:
        """The complete checkpoints, oldest first."""
        return sorted(p for p in self.folder.glob("step-*") if p.suffix != ".partial")

    def last(self) -> Path | None:
        """The newest complete checkpoint, or None."""
        found = self.checkpoints()
        return found[-1] if found else None

    def best(self) -> Path | None:
        """The checkpoint with the best validation score, or None if nothing was validated."""
        last = self.last()
        if last is None:
            return None
        step = json.loads((last / "state.json").read_text(encoding="utf-8"))["best_step"]
        return None if step is None else self.folder / _name(step)

    def start(self, settings: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Write `config.json`, or check that it is the one the run was begun with.

        Raises:
            ValueError: the folder holds a run with other settings.
        """
        path = self.folder / "config.json"
        ours = json.loads(json.dumps({**self.about, "train": settings}))
        if path.exists() and self.last() is not None:
            theirs = json.loads(path.read_text(encoding="utf-8"))["settings"]
            changed = settings_changed(theirs, ours)
            if changed:
                raise ValueError(
                    f"{self.folder} holds a run with other settings ({'; '.join(changed)}). "
                    "Use another folder, or delete this one to start afresh."
                )
            return
        write_json(path, {"settings": ours, **provenance})

    def open_tensorboard(self, step: int) -> None:
        """Write curves for TensorBoard too, from `step` on, if it is installed."""
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(self.folder / "tensorboard", purge_step=step)

    def close(self) -> None:
        """Finish TensorBoard's file."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def save(
        self,
        nets: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        progress: "Progress",
    ) -> Path:
        """Write a checkpoint; then delete those that are neither the last nor the best."""
        path = self.folder / _name(progress.step)
        partial = path.with_name(path.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_tensors(partial / "weights.safetensors", named_tensors(nets))
        write_tensors(partial / "optimiser.safetensors", _optimiser_tensors(nets, optimiser))
        write_json(partial / "state.json", {**asdict(progress), "scaler": scaler.state_dict()})
        if path.exists():  # the same step once more: a run that had nothing left to do
            shutil.rmtree(path)
        os.replace(partial, path)
        keep = {progress.step, progress.best_step}
        for old in self.folder.glob("step-*"):
            if old.name not in {_name(step) for step in keep if step is not None}:
                shutil.rmtree(old)
        return path

    def resume(
        self,
        nets: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> dict[str, Any]:
        """Put everything back as it was at the last checkpoint; nothing if there is none.

        Returns:
            The fields of `Progress`; empty on a fresh run.
        """
        path = self.last()
        if path is None:
            return {}
        weights, _ = read_tensors(path / "weights.safetensors")
        fill(nets, weights, path)
        _fill_optimiser(nets, optimiser, read_tensors(path / "optimiser.safetensors")[0])
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        scale = state.pop("scaler")
        if scale:
            scaler.load_state_dict(scale)
        return state

    def forget_after(self, step: int) -> None:
        """Drop the log lines that a killed process wrote after its last checkpoint."""
        kept = [line for line in self.read_log() if line["step"] <= step]
        path = self.folder / "log.jsonl"
        partial = path.with_name("log.jsonl.partial")
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        os.replace(partial, path)


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _named_parameters(nets: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    return {
        f"{net}.{name}": parameter
        for net, module in nets.items()
        for name, parameter in module.named_parameters()
    }


def _optimiser_tensors(
    nets: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """The optimiser's memory by name, such as "frame.conv1.weight|exp_avg"."""
    return {
        f"{name}|{key}": value
        for name, parameter in _named_parameters(nets).items()
        for key, value in optimiser.state.get(parameter, {}).items()
        if value is not None  # SGD without momentum
    }


def _fill_optimiser(
    nets: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    parameters = _named_parameters(nets)
    for full_name, value in tensors.items():
        name, key = full_name.split("|")
        parameter = parameters[name]
        if value.shape == parameter.shape and value.dim() > 0:
            # the parameter's own memory layout, so that the arithmetic is the same bit for bit
            value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        optimiser.state[parameter][key] = value


def settings_changed(old: Any, new: Any, path: str = "") -> list[str]:
    """Name the settings that changed, except those that do not change what is learnt.

    Args:
        old: settings as JSON leaves them.
        new: others, likewise.
        path: where these settings stand in larger ones.

    Example:
        >>> settings_changed({"seed": 0, "device": "cpu"}, {"seed": 1, "device": "cuda"})
        ['seed: 0 became 1']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(set(old) | set(new)):
            if key not in _FREE:
                name = f"{path}.{key}" if path else key
                found += settings_changed(old.get(key), new.get(key), name)
        return found
    return [] if old == new else [f"{path}: {old} became {new}"]
