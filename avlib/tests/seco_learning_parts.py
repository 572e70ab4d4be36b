"""What the tests of SeCo's training and evaluation share: a tiny model, tones, mixes of them."""

import functools
from types import SimpleNamespace

import numpy as np
import torch
from seco_parts import tiny

from avlib.audio import FrontEnd
from avlib.data import MixAndSeparate
from avlib.seco import SeCo, train_step

FRONT_END = FrontEnd(rate=1000, samples=6000, n_fft=510, hop=192)
"""32 columns of 6 s."""
KINDS = {"tuba": 40.0, "cello": 110.0, "flute": 330.0}
"""Pitches of three categories, in Hz."""


def told(**changes):
    """A tiny model of the control modality, which needs no pictures."""
    sizes = dict(
        front_end=FRONT_END, batch_size=4, pairings=1, clips=None, precision="float32",
        device="cpu", tensorboard=False, log_every=1, max_minutes=None, schedule="constant",
    )  # fmt: skip
    return tiny("attributes", **(sizes | changes))


def tone(rng, pitch):
    """A tone with an overtone, at a random phase, swelling at random."""
    time = np.arange(FRONT_END.samples) / FRONT_END.rate
    phase = rng.uniform(0, 2 * np.pi, 3)
    wave = sum(np.sin(2 * np.pi * pitch * k * time + phase[k - 1]) / k for k in (1, 2))
    return rng.uniform(0.2, 0.4) * (1.5 + np.sin(time * rng.uniform(1, 3) + phase[2])) * wave


def batch_of(seed, size=4, kinds=("tuba", "flute")):
    """Mixes of one tone of each kind, in a random order; attributes say which is which."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(list(kinds)).tolist() for _ in range(size)]
    waves = np.array([[tone(rng, KINDS[kind]) for kind in order] for order in orders])
    partners = np.array([[tone(rng, KINDS[kind]) for kind in order] for order in orders])
    attributes = np.zeros((size, len(kinds), 57))
    for i, order in enumerate(orders):
        for s, kind in enumerate(order):
            attributes[i, s, list(KINDS).index(kind)] = 1
    noise = 0.01 * rng.standard_normal(waves.shape)  # so that no tone is exactly periodic
    return {
        "waves": torch.from_numpy(waves + noise).float(),
        "mixture": torch.from_numpy((waves + noise).sum(1)).float(),
        "partners": torch.from_numpy(partners + noise[::-1]).float(),
        "attributes": torch.from_numpy(attributes).float(),
        "categories": orders,
        "names": [["a", "b", "c"][: len(kinds)]] * size,
        "index": list(range(size)),
        "missing": [],
    }


@functools.cache
def trained_model():
    """A tiny model after some steps on one batch after another of two kinds of tone."""
    cfg = told()
    model = SeCo(cfg)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for step in range(20):
        terms = train_step(model.nets, batch_of(step), cfg, step)
        loss = sum(cfg.train.weights[name] * value for name, value in terms.items())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append({name: value.item() for name, value in terms.items()})
    return SimpleNamespace(model=model.eval(), cfg=cfg, losses=losses)


class Mixes(MixAndSeparate):
    """Evaluation mixes that need no orchestra."""

    def __init__(self, batch, categories=("tuba", "cello", "flute")):
        self.batch, self.missing, self.train, self.seed = batch, [], False, 0
        self.joint_noise = None
        self.source = Listed(categories)

    def __len__(self):
        return len(self.batch["index"])

    def __getitem__(self, index):
        item = {key: value[index] for key, value in self.batch.items() if key != "missing"}
        return item | {"missing": []}


class Listed:
    """A source of nothing, with the categories that it would have."""

    split = "test"

    def __init__(self, categories):
        self.entries = [
            SimpleNamespace(name=f"a {one}", categories=(one,), split="test") for one in categories
        ]

    def __len__(self):
        return len(self.entries)

    def read(self, *_, **__):
        raise AssertionError("there is nothing to read")


def state(model):
    """Parameters and buffers, copied."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a, b):
    """Whether two states agree bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
