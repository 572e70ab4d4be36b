"""SeCo at the paper's size, for every kind of sight: two steps of training, and one of matching."""

import time

import pytest
import torch

from avlib import seco
from avlib.training import Run, fit

pytestmark = pytest.mark.slow

PARAMETERS = {"video": (0.2e6, 1.2e6), "image": (11e6, 12e6), "skeleton": (2e6, 8e6)}
"""From and to how many the sight has: a pocket-sized one would not do."""


def batch_of(cfg, step):
    """Two mixes of noise, with visuals of noise at the paper's size."""
    generator = torch.Generator().manual_seed(step)
    sides = (3, cfg.frames, cfg.frame_size, cfg.frame_size)
    ends = {"skeleton": (3, cfg.frames, 60), "attributes": (cfg.attributes,)}
    key = seco.learning.SIGHTS[cfg.modality]
    waves, partners = 0.1 * torch.randn(2, 2, 2, cfg.front_end.samples, generator=generator)
    return {
        "waves": waves,
        "mixture": waves.sum(1),
        "partners": partners,
        "categories": [["tuba", "flute"], ["cello", "violin"]],
        key: torch.randn(2, 2, *ends.get(cfg.modality, sides), generator=generator),
        "step": step,
    }


@pytest.mark.parametrize("modality", seco.MODALITIES)
def test_two_steps_and_one_of_online_matching(modality, tmp_path, capsys):
    cfg = seco.paper(modality).changed(
        batch_size=2, steps=2, save_every=2, validate_every=2, log_every=1, device="cpu",
        tensorboard=False,
    )  # fmt: skip
    assert (cfg.bins, cfg.front_end.columns, cfg.features, cfg.maps) == (256, 256, 256, 64)
    model = seco.SeCo(cfg)
    before = {name: value.clone() for name, value in model.named_parameters()}
    low, high = PARAMETERS.get(modality, (0, 1e6))
    assert low < sum(p.numel() for p in model.sight.parameters()) < high
    began = time.monotonic()
    progress = fit(
        lambda nets, batch: seco.train_step(nets, batch, cfg, batch["step"]),
        model.nets,
        lambda step, rank, size: (batch_of(cfg, k) for k in range(step, 2)),
        cfg.train,
        Run(tmp_path),
    )
    trained = time.monotonic()
    assert progress.step == 2
    losses = [line["loss"] for line in Run(tmp_path).read_log()]
    assert all(0 < loss < 10 for loss in losses)
    still = [n for n, p in model.named_parameters() if torch.equal(p, before[n])]
    assert len(still) < 0.1 * len(before), still
    after = {name: value.clone() for name, value in model.state_dict().items()}
    batch = batch_of(cfg, 9)
    trace = seco.matching.Trace(keep_masks=(0, 1))
    # The pair's own statistics: after two steps those of training are still nearly the first ones,
    # with which signals fade from layer to layer, and a step is lost in rounding.
    masks = seco.online_match(
        model,
        batch["mixture"][:1],
        batch[seco.learning.SIGHTS[modality]][:1],
        1,
        10.0,
        batch_norm="batch",
        trace=trace,
    )
    assert masks.shape == (1, 2, 256, 256)
    assert (trace.masks[0][0] - trace.masks[1][0]).abs().max() > 5e-3
    assert all(torch.equal(value, after[name]) for name, value in model.state_dict().items())
    with capsys.disabled():
        print(
            f"\n{modality}: {(trained - began) / 2:.1f} s a step of 2 mixes, "
            f"{time.monotonic() - trained:.1f} s a step of matching",
            end=" ",
        )


@pytest.mark.parametrize("modality", seco.MODALITIES)
def test_matched_side_by_side_as_one_by_one_at_pocket_size(modality):
    """In float64 both implementations of online matching agree, with steps that move the masks."""
    cfg = seco.pocket(modality)
    model = seco.SeCo(cfg).double().eval()
    generator = torch.Generator().manual_seed(4)
    sides = (3, cfg.frames, cfg.frame_size, cfg.frame_size)
    ends = {"skeleton": (3, cfg.frames, 60), "attributes": (cfg.attributes,)}
    mixture = 0.1 * torch.randn(2, cfg.front_end.samples, generator=generator).double()
    seen = torch.randn(2, 2, *ends.get(modality, sides), generator=generator).double()
    lr = 1e-2 * cfg.features
    expected = seco.online_match(model, mixture, seen, 2, lr)
    found = seco.online_match_batched(model, mixture, seen, 2, lr, at_once=2)
    assert (found - expected).abs().max() < 1e-8
    assert (expected - seco.online_match(model, mixture, seen, 0, lr)).abs().max() > 1e-4
