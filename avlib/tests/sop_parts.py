"""What the tests of Sound of Pixels share: a tiny model, two kinds of tone, mixes of them."""

import functools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from avlib.data import MixAndSeparate
from avlib.sop import SoPConfig, SoundOfPixels, pocket, train_step

SAMPLES = 15 * 256 + 64  # 16 columns


def tiny(**changes) -> SoPConfig:
    base = pocket()
    front_end = replace(base.front_end, samples=SAMPLES)
    sizes = dict(
        front_end=front_end,
        bins=32,
        depth=3,
        sound_width=4,
        frame_width=4,
        maps=4,
        frame_size=32,
        frames=2,
        train_samples=None,
        batch_size=4,
        pairings=1,
        workers=0,
        channels_last=False,
        precision="float32",
    )
    return base.changed(**(sizes | changes))


def tones(rng, pitch, count):
    """A tone with two overtones, at a random phase and loudness."""
    time = np.arange(SAMPLES) / 11025
    waves = []
    for _ in range(count):
        phase = rng.uniform(0, 2 * np.pi, 3)
        gain = rng.uniform(0.2, 0.4)
        parts = [np.sin(2 * np.pi * pitch * k * time + phase[k - 1]) / k for k in (1, 2, 3)]
        waves.append(gain * sum(parts))
    return np.stack(waves).astype(np.float32)


def batch_of(seed, size=4):
    """Low tones are shown as a white left half, high ones as a white lower half."""
    rng = np.random.default_rng(seed)
    waves = np.stack([tones(rng, 220, size), tones(rng, 1500, size)], axis=1)
    frames = np.full((size, 2, 3, 2, 32, 32), -1, np.float32)
    frames[:, 0, ..., :16] = 1
    frames[:, 1, ..., 16:, :] = 1
    frames += 0.1 * rng.standard_normal(frames.shape, dtype=np.float32)
    order = rng.integers(0, 2, size)
    for i in np.flatnonzero(order):
        waves[i], frames[i] = waves[i, ::-1].copy(), frames[i, ::-1].copy()
    waves = torch.from_numpy(waves) / 2
    return {
        "waves": waves,
        "mixture": waves.sum(1),
        "frames": torch.from_numpy(frames),
        "categories": [["tuba", "flute"] if o == 0 else ["flute", "tuba"] for o in order],
        "names": [["a", "b"]] * size,
        "index": list(range(size)),
        "missing": [],
    }


@functools.cache
def trained_model():
    """A tiny model after some steps on two kinds of tone, each with its own picture."""
    cfg = tiny()
    model = SoundOfPixels(cfg)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for step in range(36):
        loss = train_step(model.nets, batch_of(step), cfg)["mask"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return SimpleNamespace(model=model.eval(), cfg=cfg, losses=losses)


class Mixes(MixAndSeparate):
    """Evaluation mixes that need no orchestra."""

    def __init__(self, batch):
        self.batch, self.missing, self.train, self.seed = batch, [], False, 0
        self.source = SimpleNamespace(split="test")

    def __len__(self):
        return len(self.batch["index"])

    def __getitem__(self, index):
        item = {key: value[index] for key, value in self.batch.items() if key != "missing"}
        return item | {"missing": []}
