"""Record a training for the book's replay: ``python tools/record_replay.py``.

A small Sound of Pixels is trained, by the pocket recipe with half the batch and fewer steps, and
looked at twenty times on the way: its masks of one held-out pair, its loss and its gain on the
first sixteen stored validation pairs. Writes ``avlib/checkpoints/sop-replay.npz`` with a record
beside it; the weights are not kept, and the model that comes with the package is another. Takes
about eight minutes on one core; the same seed gives the same replay on the same machine.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from avlib import sop
from avlib.audio import binary_mask
from avlib.data import MixAndSeparate, load_pairs, stored_mixes, train_loader
from avlib.sop.evaluation import evaluate
from avlib.sop.learning import train_step, training_mixes, view
from avlib.sop.networks import mask_logits, spectrograms
from avlib.training import Run, fit, provenance, write_json

TARGET = Path(__file__).resolve().parent.parent / "avlib" / "checkpoints" / "sop-replay.npz"
STEPS = (0, 2, 5, 10, 20, 30, 45, 60, 80, 100, 130, 170, 220, 280, 350, 430, 520, 620, 740, 900)
"""When it is looked at: often in the beginning, where much happens."""
PAIR = 14
"""The pair whose masks are kept, of "sop-validation": a flute and a xylophone."""
PAIRS = 16
LEVELS = 15
"""Masks are kept in steps of 1/15 and at every second column, so that they stay small."""


def settings(seed: int = 0) -> sop.SoPConfig:
    """The pocket recipe, made short: half the batch, every clip mixed twice, fewer steps."""
    return sop.pocket().changed(
        steps=STEPS[-1], warmup_steps=50, batch_size=8, pairings=2, workers=0, seed=seed,
        max_minutes=None, save_every=STEPS[-1], validate_every=STEPS[-1], tensorboard=False,
    )  # fmt: skip


class Watcher:
    """Counts the steps of a training, and looks at the model whenever one of `STEPS` is due."""

    def __init__(self, model: sop.SoundOfPixels, mixes: MixAndSeparate) -> None:
        self.model, self.mixes = model, mixes
        self.item = mixes[PAIR]
        self.losses: list[float] = []
        self.masks: list[Tensor] = []
        self.seen: list[dict[str, float]] = []
        self.gains: list[list[float]] = []

    def step(self, nets: dict[str, nn.Module], batch: dict[str, Any]) -> dict[str, Tensor]:
        """Do `sop.train_step`, and look before it where that is due."""
        if len(self.losses) in STEPS:
            self.look()
        terms = train_step(nets, batch, self.model.cfg)
        self.losses.append(terms["mask"].item())
        return terms

    def look(self) -> None:
        """Keep the masks of the pair, and how well the model does now."""
        cfg = self.model.cfg
        self.model.eval()
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            magnitude = spectrograms(self.item["mixture"][None], cfg)
            frames = self.item["frames"][None]
            self.masks.append(mask_logits(self.model.nets, magnitude, frames, cfg)[0].sigmoid())
            result = evaluate(self.model, self.mixes, baselines=False, progress=False)
        self.model.train()
        self.gains.append([row["sdr_gain"] for row in result.pairs])
        gain = result.scores["model"]["sdr_gain"].mean
        self.seen.append({"loss": result.loss, "sdr_gain": gain})
        print(f"step {len(self.losses)}: {self.seen[-1]}", flush=True)


def packed(masks: Tensor) -> NDArray[np.uint8]:
    """Halve the columns and keep `LEVELS` + 1 shades."""
    halved = masks.unflatten(-1, (-1, 2)).mean(-1)
    return (halved * LEVELS).round().to(torch.uint8).numpy()


def train(cfg: sop.SoPConfig, folder: str) -> Watcher:
    """Train with a watcher."""
    model = sop.SoundOfPixels(cfg)
    mixes = training_mixes(cfg)
    held_out = stored_mixes("sop-validation", front_end=cfg.front_end, view=view(cfg), limit=PAIRS)
    watcher = Watcher(model, held_out)

    def loader(step: int, rank: int, size: int) -> Iterator[Any]:
        return iter(train_loader(mixes, cfg.batch_size, start_step=step, workers=cfg.workers))

    fit(watcher.step, model.nets, loader, cfg.train, Run(folder, about={"replay": True}))
    watcher.look()
    return watcher


def main() -> None:
    """Train, and write the replay and its record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args()
    began, spent = time.monotonic(), time.process_time()
    cfg = settings(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        watcher = train(cfg, folder)
    item, pair = watcher.item, load_pairs("sop-validation")[PAIR]
    mixture, sources = spectrograms(item["mixture"], cfg), spectrograms(item["waves"], cfg)
    np.savez_compressed(
        given.target,
        steps=np.array(STEPS),
        losses=np.array(watcher.losses, np.float32),
        masks=packed(torch.stack(watcher.masks)),
        gains=np.array(watcher.gains, np.float32),
        ideal=packed(binary_mask(sources, mixture[None])),
        **{key: np.array([look[key] for look in watcher.seen], np.float32)
           for key in watcher.seen[0]},
    )  # fmt: skip
    record = provenance() | {
        "what": "twenty looks at a training of Sound of Pixels, for the book's replay",
        "command": "python tools/record_replay.py",
        "licence": "CC BY 4.0",
        "data": "Pocket Orchestra; trained on training players, watched on sop-validation",
        "pair": {"number": PAIR, "players": [one.players[0] for one in pair.clips]},
        "groups": [one.group for one in load_pairs("sop-validation")[:PAIRS]],
        "levels": LEVELS,
        "seed": given.seed,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
        "written": time.strftime("%Y-%m-%d", time.gmtime()),
        "config": asdict(cfg),
    }
    write_json(given.target.with_suffix(".json"), json.loads(json.dumps(record)))
    print(f"{given.target}: {given.target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
