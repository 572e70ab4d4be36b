"""`fit`: the loop on one screen."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from avlib.training.batches import to_device
from avlib.training.checkpoint import provenance
from avlib.training.run import Run
from avlib.training.world import World, world

Nets = dict[str, nn.Module]
Loader = Callable[[int, int, int], Iterator[Any]]
OPTIMISERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "multistep", "one_cycle")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class TrainConfig:
    """Everything about a training run but the networks, the data and the losses.

    Attributes:
        steps: optimiser steps of the whole run.
        lrs: learning rate of every network by name; "frame.fc" singles out a part of "frame".
            Each network must be named (`fit` raises otherwise).
        weights: weight of every loss term that the step returns; 0 only logs a term.
        optimiser: "sgd" (with `momentum`), "adam" or "adamw" (with `betas`).
        momentum: of SGD.
        betas: of Adam.
        weight_decay: of all parameters.
        schedule: of the learning rates, by steps: "constant"; "multistep" multiplies by `decay`
            at each of `milestones`; "one_cycle" rises in a line over the first `warmup_steps`
            and falls in a half cosine to zero at the last step.
        milestones: steps at which the rate falls ("multistep").
        decay: by which factor ("multistep").
        warmup_steps: length of the rise ("one_cycle").
        clip_norm: longest gradient allowed, over all parameters together; None: any.
        precision: "float32"; "bfloat16" or "float16" compute the step under autocast (float16
            with a gradient scaler, on CUDA only).
        max_minutes: stop after this much wall-clock time, stops in between not counted; None:
            never. The schedule goes by steps all the same.
        log_every: steps from one line of the log to the next.
        save_every: steps from one checkpoint to the next.
        validate_every: steps from one validation to the next.
        seed: of all that is random in the step (dropout).
        device: "auto", "cpu", "cuda", ...
        sync_batch_norm: under torchrun on GPUs, batch norm over the batches of all processes;
            otherwise each process normalises its own share, and process 0's running statistics
            are kept.
        find_unused: some steps leave parameters without a gradient (under torchrun).
        tensorboard: write curves for TensorBoard if it is installed.
    """

    steps: int
    lrs: dict[str, float]
    weights: dict[str, float] = field(default_factory=lambda: {"loss": 1.0})
    optimiser: str = "adam"
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: str = "constant"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    warmup_steps: int = 0
    clip_norm: float | None = None
    precision: str = "float32"
    max_minutes: float | None = None
    log_every: int = 10
    save_every: int = 500
    validate_every: int = 500
    seed: int = 0
    device: str = "auto"
    sync_batch_norm: bool = False
    find_unused: bool = False
    tensorboard: bool = True

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("optimiser", self.optimiser, OPTIMISERS),
            ("schedule", self.schedule, SCHEDULES),
            ("precision", self.precision, tuple(PRECISIONS)),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {value!r}")
        if min(self.steps, self.log_every, self.save_every, self.validate_every) < 1:
            raise ValueError("steps and the three ..._every must be at least 1")


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: optimiser steps done.
        seconds: wall-clock seconds spent in `fit`, over all its resumptions.
        best: lowest validation score so far; None before the first.
        best_step: the step it was reached at.
        stopped_by: "steps" or "minutes" once the run is over, "" before.
    """

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int | None = None
    stopped_by: str = ""


def fit(
    step: Callable[[Nets, Any], dict[str, Tensor]],
    nets: Nets,
    loader: Loader,
    cfg: TrainConfig,
    run: Run,
    validate: Callable[[Nets], dict[str, float]] | None = None,
) -> Progress:
    """Train for `cfg.steps` optimiser steps; goes on from the last checkpoint of `run`, if any.

    A resumed run ends, on a CPU, with the same weights bit for bit as one that was never
    stopped: the batch, the learning rate and all of torch's random numbers in a step are
    functions of its number (a step that draws from another library's generator must seed it
    itself), and the rest lies in the checkpoint. Under torchrun every process computes its share
    of the batch and gradients are averaged; process 0 validates and writes.

    Args:
        step: takes the networks and a batch, returns the terms of the loss by name.
        nets: the networks by name; trained in place.
        loader: gives process `rank` of `size` its batches from a step on, called as
            `loader(step, rank, size)`: a `Batches`, or any function that does the same.
        cfg: the settings.
        run: the folder of the run.
        validate: takes the networks (in evaluation mode), returns numbers to log; the one named
            "score" decides which checkpoint is the best: lower is better.

    Returns:
        How far the run has come.

    Raises:
        ValueError: a network or a loss term is missing in `cfg`, or `run` has other settings.
        FloatingPointError: the loss is not finite; the message gives its terms.
    """
    with world(cfg.device) as here, torch.random.fork_rng(_gpus(here)):
        for net in nets.values():
            net.to(here.device).train()
        if here.is_main:
            run.start(asdict(cfg), provenance(here.device))
        here.wait()
        optimiser = _make_optimiser(nets, cfg)
        scaler = torch.amp.GradScaler(here.device.type, enabled=cfg.precision == "float16")
        progress = Progress(**run.resume(nets, optimiser, scaler))
        model = _shared(nets, step, here, cfg)
        batches = loader(progress.step, here.rank, here.size)
        with _Reporter(run, cfg, progress, here) as report:
            done = _over(progress, cfg, here)
            while not done:
                batch = to_device(next(batches), here.device)
                torch.manual_seed(_step_seed(cfg.seed, progress.step, here.rank))
                for group in optimiser.param_groups:
                    group["lr"] = group["base_lr"] * learning_rate_factor(progress.step, cfg)
                with _autocast(cfg, here):
                    terms = model(batch)
                loss = _weighted_sum(terms, cfg.weights, progress.step)

                optimiser.zero_grad(set_to_none=True)
                scaler.scale(loss).backward()
                scaler.unscale_(optimiser)
                parameters = [p for group in optimiser.param_groups for p in group["params"]]
                longest = math.inf if cfg.clip_norm is None else cfg.clip_norm
                norm = nn.utils.clip_grad_norm_(parameters, longest)
                scaler.step(optimiser)
                scaler.update()
                progress.step += 1
                report(loss, terms, norm, optimiser)

                done = _over(progress, cfg, here)
                is_best = False
                if validate and (done or progress.step % cfg.validate_every == 0):
                    is_best = _validate(validate, nets, progress, run, here)
                    report.tick()
                if here.is_main and (done or is_best or progress.step % cfg.save_every == 0):
                    run.save(nets, optimiser, scaler, progress)
        here.wait()
    return progress


def learning_rate_factor(step: int, cfg: TrainConfig) -> float:
    """By what the learning rates are multiplied at a step (counted from 0).

    Example:
        >>> cfg = TrainConfig(10, {}, schedule="multistep", milestones=(4, 8))
        >>> [learning_rate_factor(step, cfg) for step in (0, 3, 4)]
        [1.0, 1.0, 0.1]
    """
    if cfg.schedule == "multistep":
        return cfg.decay ** sum(step >= milestone for milestone in cfg.milestones)
    if cfg.schedule == "one_cycle":
        if step < cfg.warmup_steps:
            return (step + 1) / cfg.warmup_steps
        done = (step - cfg.warmup_steps) / max(1, cfg.steps - cfg.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return 1.0


def parameter_groups(nets: Nets, lrs: Mapping[str, float]) -> list[dict[str, Any]]:
    """Sort every trainable parameter into the group with the longest name that fits it.

    Args:
        nets: networks by name.
        lrs: learning rates; "frame" means the whole network, "frame.fc" a part of it.

    Returns:
        One group for each learning rate: its name, parameters and rate.

    Raises:
        ValueError: a parameter without a learning rate, or a learning rate without parameters.

    Example:
        >>> groups = parameter_groups({"a": nn.Linear(2, 3)}, {"a": 0.1, "a.bias": 0.2})
        >>> [(g["name"], g["base_lr"], g["params"][0].shape) for g in groups]
        [('a', 0.1, torch.Size([3, 2])), ('a.bias', 0.2, torch.Size([3]))]
    """
    members: dict[str, list[nn.Parameter]] = {name: [] for name in lrs}
    homeless = []
    for net, module in nets.items():
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            full = f"{net}.{name}"
            fitting = [key for key in lrs if full == key or full.startswith(f"{key}.")]
            if fitting:
                members[max(fitting, key=len)].append(parameter)
            else:
                homeless.append(full)
    if homeless:
        raise ValueError(
            f"no learning rate for {', '.join(homeless[:4])}"
            f"{' and others' if len(homeless) > 4 else ''}: name every network in TrainConfig.lrs "
            "(requires_grad_(False) if it is not to be trained)"
        )
    empty = [name for name, parameters in members.items() if not parameters]
    if empty:
        raise ValueError(
            f"TrainConfig.lrs names {', '.join(empty)}, but no trainable parameter is called so; "
            f"the networks are {', '.join(nets)}"
        )
    return [
        {"name": name, "params": parameters, "lr": lrs[name], "base_lr": lrs[name]}
        for name, parameters in members.items()
    ]


class _Step(nn.Module):
    """The networks and the step as one module, so that one DDP wrapper sees every gradient."""

    def __init__(self, nets: Nets, step: Callable[[Nets, Any], dict[str, Tensor]]) -> None:
        super().__init__()
        self.members = nn.ModuleDict(nets)
        self._nets = nets
        self._step = step

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return self._step(self._nets, batch)


def _shared(nets: Nets, step: Callable, here: World, cfg: TrainConfig) -> nn.Module:
    """Make the step average its gradients over all processes, if there are several."""
    if here.size == 1:
        return _Step(nets, step)
    if cfg.sync_batch_norm:
        if here.device.type != "cuda":
            raise ValueError("sync_batch_norm works on GPUs only; leave it off on CPUs")
        for net in nets.values():
            nn.SyncBatchNorm.convert_sync_batchnorm(net)
    return DistributedDataParallel(
        _Step(nets, step),
        device_ids=[here.device] if here.device.type == "cuda" else None,
        find_unused_parameters=cfg.find_unused,
    )


def _make_optimiser(nets: Nets, cfg: TrainConfig) -> torch.optim.Optimizer:
    groups = parameter_groups(nets, cfg.lrs)
    if cfg.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=cfg.momentum, weight_decay=cfg.weight_decay)
    kind = torch.optim.AdamW if cfg.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, betas=cfg.betas, weight_decay=cfg.weight_decay)


def _weighted_sum(terms: dict[str, Tensor], weights: Mapping[str, float], step: int) -> Tensor:
    """Add the terms up; stop where the sum is no number."""
    unknown = sorted(set(terms) ^ set(weights))
    if unknown:
        raise ValueError(
            f"the step returned {sorted(terms)}, TrainConfig.weights names {sorted(weights)}; "
            "they must agree (a weight of 0 only logs a term)"
        )
    loss = torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
    if not torch.isfinite(loss):
        values = ", ".join(f"{name} = {term.item():g}" for name, term in terms.items())
        raise FloatingPointError(f"the loss of step {step} is not finite: {values}")
    return loss


def _validate(
    validate: Callable[[Nets], dict[str, float]],
    nets: Nets,
    progress: Progress,
    run: Run,
    here: World,
) -> bool:
    """Validate on process 0 while the others wait; say whether this is the best score so far."""
    best = math.inf if progress.best is None else progress.best
    score = math.inf
    if here.is_main:
        for net in nets.values():
            net.eval()
        with torch.no_grad():
            values = validate(nets)
        run.log(progress.step, {f"validation/{name}": value for name, value in values.items()})
        score = values["score"]
        for net in nets.values():
            net.train()
    score = here.agree(score)
    if score < best:
        progress.best, progress.best_step = score, progress.step
    return score < best


def _over(progress: Progress, cfg: TrainConfig, here: World) -> bool:
    """Whether the steps are done or the time is up; all processes agree."""
    progress.stopped_by = ""
    if progress.step >= cfg.steps:
        progress.stopped_by = "steps"
    elif cfg.max_minutes is not None and here.agree(progress.seconds) >= 60 * cfg.max_minutes:
        progress.stopped_by = "minutes"
    return bool(progress.stopped_by)


def _autocast(cfg: TrainConfig, here: World) -> torch.autocast:
    if cfg.precision == "float16" and here.device.type != "cuda":
        raise ValueError("precision float16 needs a CUDA device; use bfloat16 or float32 here")
    dtype = PRECISIONS[cfg.precision]
    return torch.autocast(here.device.type, dtype, enabled=dtype != torch.float32)


def _gpus(here: World) -> list[torch.device]:
    return [here.device] if here.device.type == "cuda" else []


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])


class _Reporter:
    """The clock, the progress bar and the log; the last two on process 0 only."""

    def __init__(self, run: Run, cfg: TrainConfig, progress: Progress, here: World) -> None:
        self.run, self.cfg, self.progress, self.here = run, cfg, progress, here
        self.before = progress.seconds
        self.sums: dict[str, float] = {}
        self.count = 0

    def __enter__(self) -> "_Reporter":
        self.began = time.monotonic()
        if self.here.is_main:
            self.run.forget_after(self.progress.step)
            if self.cfg.tensorboard:
                self.run.open_tensorboard(self.progress.step)
        self.bar = tqdm(
            total=self.cfg.steps,
            initial=self.progress.step,
            unit="step",
            disable=not self.here.is_main,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
        self.run.close()

    def tick(self) -> None:
        """Note how long the run has taken so far."""
        self.progress.seconds = self.before + time.monotonic() - self.began

    def __call__(
        self, loss: Tensor, terms: dict[str, Tensor], norm: Tensor, optimiser: torch.optim.Optimizer
    ) -> None:
        """Note one step; every `log_every` steps, write the means since the last line."""
        self.tick()
        values = {"loss": loss, **{f"term/{k}": v for k, v in terms.items()}, "gradient": norm}
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.item()
        self.count += 1
        self.bar.update()
        if self.progress.step % self.cfg.log_every == 0:
            means = self.here.mean([total / self.count for total in self.sums.values()])
            line = dict(zip(self.sums, means, strict=True))
            line |= {f"lr/{g['name']}": g["lr"] for g in optimiser.param_groups}
            if self.here.is_main:
                self.run.log(self.progress.step, line | {"seconds": self.progress.seconds})
            self.bar.set_postfix(loss=f"{line['loss']:.4f}")
            self.sums, self.count = {}, 0
