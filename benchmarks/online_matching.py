"""Time and memory of a step of SeCo's online matching: pair by pair, and many pairs at once.

    $ OMP_NUM_THREADS=1 python benchmarks/online_matching.py                # pocket size
    $ python benchmarks/online_matching.py --preset paper --at-once 1 8 32  # on a GPU, if any

Times are those of T steps less those of none, medians of the rounds, in which all ways take turns:
processor seconds on a CPU, so that a busy machine disturbs them little, wall-clock seconds on a
GPU. Memory is the most that was allocated at any time, shared out over the pairs side by side;
beside it what `avlib.seco.memory_per_pair` says. "drift" is how far the masks of the ways lie
apart after T steps in float32, "moved" how far matching moved them at most.

Weights are drawn at random unless --checkpoint is given; sounds and sights are noise. With --out
all of it is written as JSON, too; results/matching holds what was measured so far.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.profiler import ProfilerActivity, profile

from avlib import seco
from avlib.seco import Trace, memory_per_pair, online_match, online_match_batched
from avlib.training import provenance

Work = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=list(seco.PRESETS), default="pocket")
    parser.add_argument("--modalities", nargs="+", default=["video", "image", "skeleton"])
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--pairs", type=int, default=None, help="default: the largest --at-once")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--checkpoint", help="of the one modality given")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor time"
    print(f"{arguments.preset}, {device.type} ({what}), {torch.get_num_threads()} threads, float32")
    found = [compare(modality, arguments, device) for modality in arguments.modalities]
    if arguments.out:
        about = {"preset": arguments.preset, "clock": what, **provenance(device)}
        text = json.dumps({**about, "modalities": found}, indent=1)
        arguments.out.write_text(f"{text}\n", encoding="utf-8")


def compare(modality: str, arguments: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Print one line for each way of matching, relative to pair by pair, and return them all."""
    count = arguments.pairs or max(arguments.at_once)
    model, mixture, visuals = prepared(modality, arguments, count, device)

    def one_by_one(steps: int, pairs: int = count, trace: Trace | None = None) -> torch.Tensor:
        return online_match(
            model, mixture[:pairs], visuals[:pairs], steps, arguments.lr, trace=trace
        )

    def together(at_once: int) -> Callable[..., torch.Tensor]:
        def match(steps: int, pairs: int = count) -> torch.Tensor:
            given = mixture[:pairs], visuals[:pairs], steps, arguments.lr
            return online_match_batched(model, *given, at_once=at_once)

        return match

    ways = {"pair by pair": (1, one_by_one)}
    ways |= {f"{n} at once": (n, together(n)) for n in arguments.at_once}
    seconds = times({name: way for name, (_, way) in ways.items()}, arguments, device)
    trace = Trace((0,))
    masks = one_by_one(arguments.steps, trace=trace)
    moved = (masks - torch.stack(trace.masks[0])).abs().max().item()
    estimate = memory_per_pair(model, visuals.shape[1:])
    parameters = sum(p.numel() for p in model.parameters())
    print(
        f"\n{modality}: {parameters:,} parameters, {count} pairs, {arguments.steps} steps of "
        f"{arguments.lr}; masks moved by up to {moved:.2f}; a pair side by side is estimated at "
        f"{estimate / 1e6:.0f} MB"
    )
    print(f"{'':14}{'ms a step and pair':>19}{'faster':>9}{'MB a pair':>11}{'of est.':>9}  drift")
    lines = []
    for name, (size, way) in ways.items():
        each = seconds[name] / (arguments.steps * count)
        faster = seconds["pair by pair"] / seconds[name]
        memory = most_allocated(lambda way=way, size=size: way(1, size), device) / size
        drift = (way(arguments.steps) - masks).abs().max().item()
        print(
            f"{name:14}{1000 * each:19.1f}{faster:8.2f}x{memory / 1e6:11.1f}"
            f"{memory / estimate:9.2f}  {drift:.0e}"
        )
        figures = {"seconds": each, "faster": faster, "bytes": memory, "drift": drift}
        lines.append({"way": name, "at_once": size, **figures})
    about = {"modality": modality, "parameters": parameters, "pairs": count}
    about |= {"steps": arguments.steps, "moved": moved, "estimated_bytes": estimate}
    return {**about, "ways": lines}


def prepared(
    modality: str, arguments: argparse.Namespace, count: int, device: torch.device
) -> tuple[seco.SeCo, torch.Tensor, torch.Tensor]:
    """A model, and noise to hear and to see; batch norms that have seen some of it."""
    cfg = seco.PRESETS[arguments.preset](modality)
    model = seco.load(arguments.checkpoint) if arguments.checkpoint else seco.SeCo(cfg)
    cfg = model.cfg
    side, joints = cfg.frame_size, 60
    shape = {
        "video": (3, cfg.frames, side, side),
        "image": (3, cfg.image_frames, side, side),
        "skeleton": (3, cfg.frames, joints),
        "attributes": (cfg.attributes,),
    }[cfg.modality]
    g = torch.Generator().manual_seed(0)
    mixture = 0.1 * torch.randn(count, cfg.front_end.samples, generator=g)
    visuals = torch.randn(count, cfg.n, *shape, generator=g)
    if not arguments.checkpoint:
        for norm in model.modules():
            if isinstance(norm, _BatchNorm):
                norm.momentum = None
        with torch.no_grad():
            model.separate(seco.spectrograms(mixture[:4], cfg), visuals[:4])
    return model.eval().to(device), mixture.to(device), visuals.to(device)


def times(
    ways: dict[str, Callable[..., torch.Tensor]],
    arguments: argparse.Namespace,
    device: torch.device,
) -> dict[str, float]:
    """Median seconds of the steps alone, the ways taking turns."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for k in range(arguments.rounds + 1):
        for name, way in ways.items():
            took = clock(lambda way=way: way(arguments.steps), device)
            took -= clock(lambda way=way: way(0), device)
            if k:  # the first round is for warming up
                found[name].append(took)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def clock(work: Work, device: torch.device) -> float:
    """Seconds that some work takes."""
    if device.type != "cuda":
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def most_allocated(work: Work, device: torch.device) -> int:
    """The most bytes that were in use at any time of some work, beyond those before it."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        work()
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


if __name__ == "__main__":
    main()
