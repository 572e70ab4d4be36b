"""The recorded training that the book replays: complete, small, and about the pair it names."""

import json
from importlib import resources

import numpy as np
import pytest
import torch

from avlib import audio, sop
from avlib.data import load_pairs, sop_view, stored_mixes

FOLDER = resources.files("avlib") / "checkpoints"


@pytest.fixture(scope="module")
def stored():
    with (FOLDER / "sop-replay.npz").open("rb") as file:
        return dict(np.load(file))


@pytest.fixture(scope="module")
def record():
    return json.loads((FOLDER / "sop-replay.json").read_text())


def test_twenty_looks_that_fit_together(stored, record):
    cfg = sop.config_from_json(record["config"])
    steps = stored["steps"]
    assert len(steps) == 20
    assert (np.diff(steps) > 0).all()
    assert (steps[0], steps[-1]) == (0, cfg.train.steps)
    assert stored["losses"].shape == (cfg.train.steps,)
    assert stored["masks"].shape == (20, 2, cfg.bins, cfg.front_end.columns // 2)
    assert stored["masks"].max() <= record["levels"]
    assert stored["gains"].shape == (20, len(record["groups"]))
    np.testing.assert_allclose(stored["gains"].mean(1), stored["sdr_gain"], rtol=1e-4)
    assert all(np.isfinite(values).all() for values in stored.values())
    assert len((FOLDER / "sop-replay.npz").read_bytes()) < 300_000


def test_it_is_about_the_pair_it_names(stored, record):
    cfg = sop.config_from_json(record["config"])
    number, groups = record["pair"]["number"], record["groups"]
    pairs = load_pairs("sop-validation")
    assert groups == [pair.group for pair in pairs[: len(groups)]]
    view = sop_view(cfg.frame_size, cfg.frames, cfg.frame_spacing_s)
    item = stored_mixes("sop-validation", front_end=cfg.front_end, view=view)[number]
    assert item["players"] == record["pair"]["players"]
    mixture, sources = (sop.spectrograms(item[key], cfg) for key in ("mixture", "waves"))
    ideal = audio.binary_mask(sources, mixture[None]).unflatten(-1, (-1, 2)).mean(-1)
    shades = torch.from_numpy(stored["ideal"]) / record["levels"]
    assert (shades - ideal).abs().max() <= 0.51 / record["levels"]


def test_it_learned_something(stored):
    """Or the chapter's story would not be true."""
    assert stored["losses"][-100:].mean() < 0.6 * stored["losses"][:20].mean()
    assert stored["sdr_gain"][0] < 0 < 3 < stored["sdr_gain"][-1]
    ideal = stored["ideal"].astype(float)
    errors = np.abs(stored["masks"].astype(float) - ideal).mean((1, 2, 3))
    assert errors[-1] < 0.8 * errors[0]
