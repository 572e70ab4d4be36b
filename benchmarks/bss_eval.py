"""Time of BSS-eval on 32 pairs of 65,535 samples against mir_eval and fast_bss_eval (float64).

    python benchmarks/bss_eval.py [--pairs 32] [--rounds 3]

All three score the same signals in turn, in one process; the times are the best of the rounds. On
a busy machine several threads wait for one another, so that even the ratios mean little: then set
OMP_NUM_THREADS=1 and read the processor time beside them.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import fast_bss_eval
import torch
from mir_eval.separation import bss_eval_sources

from avlib.metrics import bss_eval


def signals(pairs: int, samples: int = 65_535) -> tuple[torch.Tensor, torch.Tensor]:
    """Decaying coloured noise, mixed at about -14 dB with some noise of its own."""
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(2, pairs, 2, samples, generator=generator, dtype=torch.float64)
    colour = torch.exp(-torch.arange(41.0) / 5).double()
    references = torch.nn.functional.conv1d(
        white[0].reshape(-1, 1, samples), colour[None, None], padding="same"
    ).reshape(pairs, 2, samples)
    references = references * torch.exp(-2 * ((torch.arange(samples) / 11_025) % 1))
    return references, references + 0.2 * references.flip(1) + 0.1 * white[1]


def best(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds of each call over the rounds, the calls taking turns."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            wall, busy = time.perf_counter(), time.process_time()
            call()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {
        name: tuple(min(x) for x in zip(*pairs, strict=True)) for name, pairs in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # mir_eval.separation goes in 0.9

    references, estimates = signals(arguments.pairs)
    as_numpy = list(zip(references.numpy(), estimates.numpy(), strict=True))
    calls = {
        "avlib": lambda: bss_eval(references, estimates),
        "fast_bss_eval": lambda: fast_bss_eval.bss_eval_sources(
            references, estimates, compute_permutation=False
        ),
        "mir_eval": lambda: [bss_eval_sources(*x, compute_permutation=False) for x in as_numpy],
    }
    scores = bss_eval(references[:1], estimates[:1])
    theirs = torch.tensor(bss_eval_sources(*as_numpy[0], compute_permutation=False)[0])
    print(f"largest difference of SDR to mir_eval: {(scores.sdr[0] - theirs).abs().max():.1e} dB")
    seconds = best(calls, arguments.rounds)
    print(f"{arguments.pairs} pairs, best of {arguments.rounds}, {torch.get_num_threads()} threads")
    print(f"{'':14s} {'wall':>21s} {'processor':>25s}")
    for name, value in seconds.items():
        columns = [
            f"{1000 * mine / arguments.pairs:7.1f} ms a pair {mine / ours:5.2f} x"
            for mine, ours in zip(value, seconds["avlib"], strict=True)
        ]
        print(f"{name:14s}", *columns)


if __name__ == "__main__":
    main()
