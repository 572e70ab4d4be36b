"""How Sound of Pixels learns: the mask loss, one training step, a whole training run."""

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avlib.audio import binary_mask, loss_weight, ratio_mask
from avlib.audio.masks import MixRule
from avlib.orchestra.instruments import INSTRUMENTS
from avlib.sop.config import SoPConfig
from avlib.sop.networks import SoundOfPixels, mask_logits, rematch, spectrograms
from avlib.training import Run, finish, fit

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate, Source


def separation_loss(
    logits: Float[Tensor, "batch source freq column"],
    source_mag: Float[Tensor, "batch source freq column"],
    mixture_mag: Float[Tensor, "batch freq column"],
    mask: str = "binary",
    weighted: bool = True,
) -> Float[Tensor, ""]:
    r"""Compare the predicted masks with the true ones.

    With $w = \mathrm{clamp}(\log(1 + |X|), 10^{-3}, 10)$ and $\hat M_n = \sigma(z_n)$,

    $$L = \operatorname{mean}_{n, f, t}\; w \cdot \mathrm{BCE}(\hat M_n, [\,|S_n| > |X| / 2\,])$$

    for binary masks, and $\operatorname{mean}\, w\,|\hat M_n - \mathrm{clamp}(|S_n| / |X|, 0, 5)|$
    for ratio masks (authors' code of Zhao et al. 2018). All magnitudes after the warp.

    Args:
        logits: masks before the sigmoid ($z_n$).
        source_mag: magnitudes of the sources ($|S_n|$).
        mixture_mag: magnitudes of the mixture ($|X|$).
        mask: "binary" or "ratio".
        weighted: weigh by $w$; otherwise every bin counts alike.

    Raises:
        ValueError: an unknown mask.

    Example:
        >>> mixture, sources = torch.ones(1, 1, 1), torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
        >>> loss = separation_loss(torch.zeros(1, 2, 1, 1), sources, mixture)
        >>> round(loss.item(), 4)  # log 2, twice
        0.4805
    """
    over = mixture_mag[:, None]
    weight = loss_weight(over) if weighted else torch.ones_like(over)
    if mask == "binary":
        target = binary_mask(source_mag, over)
        errors = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    elif mask == "ratio":
        errors = (logits.sigmoid() - ratio_mask(source_mag, over)).abs()
    else:
        raise ValueError(f"mask must be 'binary' or 'ratio'; got {mask!r}")
    return (weight * errors).mean()


def train_step(
    nets: dict[str, nn.Module], batch: Mapping[str, Any], cfg: SoPConfig
) -> dict[str, Tensor]:
    """Compute the terms of the loss of one batch: transform, warp, masks, loss, all batched.

    Args:
        nets: "sound", "frame", "synthesizer", see `SoundOfPixels.nets`.
        batch: of `avlib.data.MixAndSeparate`: `waves` (batch, source, sample), `mixture`
            (batch, sample), `frames` (batch, source, channel, frame, height, width).
        cfg: the settings.

    Returns:
        The one term, "mask".
    """
    waves, mixture = batch["waves"], batch["mixture"]
    if cfg.pairings > 1:
        waves = rematch(waves, cfg.pairings)
        mixture = waves.sum(dim=1)
    mixture_mag, source_mag = spectrograms(mixture, cfg), spectrograms(waves, cfg)
    logits = mask_logits(nets, mixture_mag, visible(batch, cfg), cfg)
    return {"mask": separation_loss(logits, source_mag, mixture_mag, cfg.mask, cfg.weighted_loss)}


def visible(batch: Mapping[str, Any], cfg: SoPConfig) -> Tensor:
    """The pictures of a batch; tinted in the control experiment `cfg.colour_leak`."""
    frames = batch["frames"]
    return colour_leak(frames, batch["categories"]) if cfg.colour_leak else frames


def colour_leak(
    frames: Float[Tensor, "batch source channel frame height width"],
    categories: Sequence[Sequence[str]],
    strength: float = 0.5,
) -> Float[Tensor, "batch source channel frame height width"]:
    """Tint pictures with a colour that gives the category away: a control, see `SoPConfig`.

    Args:
        frames: normalised pictures.
        categories: label of each source of each item.
        strength: 0 leaves the pictures alone, 1 leaves nothing of them but the colour.

    Raises:
        ValueError: a label that is no instrument of the orchestra.
    """
    names = list(INSTRUMENTS)
    unknown = {label for labels in categories for label in labels} - set(names)
    if unknown:
        raise ValueError(f"no colour for {', '.join(sorted(unknown))}; the control is for solos")
    colours = [
        [colorsys.hsv_to_rgb(names.index(label) / len(names), 1, 1) for label in labels]
        for labels in categories
    ]
    tint = 4 * torch.tensor(colours, device=frames.device, dtype=frames.dtype) - 2
    return torch.lerp(frames, tint[..., None, None, None].expand_as(frames), strength)


def training_mixes(
    cfg: SoPConfig, source: "Source | None" = None, rule: MixRule = "sop"
) -> "MixAndSeparate":
    """The endless training set: of the orchestra's training players, or of another source."""
    from avlib.data import MixAndSeparate, Orchestra

    if source is None:
        source = Orchestra(
            "train",
            cfg.instruments,
            seed=cfg.seed,
            expression=cfg.expression,
            transpose=cfg.transpose,
        )
    front_end = cfg.front_end
    if cfg.train_samples is not None:
        front_end = type(front_end)(**(asdict(front_end) | {"samples": cfg.train_samples}))
    return MixAndSeparate(
        source,
        cfg.n,
        rule,
        length=cfg.batch_size * cfg.train.validate_every,
        seed=cfg.seed,
        front_end=front_end,
        view=view(cfg),
    )


def view(cfg: SoPConfig) -> Any:
    """Which pictures the networks look at."""
    from avlib.data import sop_view

    return sop_view(cfg.frame_size, cfg.frames, cfg.frame_spacing_s)


def train(
    cfg: SoPConfig,
    folder: str | Path,
    source: "Source | None" = None,
    validation: "MixAndSeparate | None" = None,
    rule: MixRule = "sop",
) -> SoundOfPixels:
    """Train a model, or go on training the one in `folder`.

    Every `validate_every` steps it is tried on the first `validation_pairs` stored validation
    pairs (validation players); the weights with the lowest loss there are what comes out.

    Args:
        cfg: a recipe, such as `pocket()`.
        folder: of the run: log, checkpoints, and at the end `model.safetensors` with its record
            `model.json`.
        source: solos to mix; the orchestra's training players if not given.
        validation: mixes to validate on; the stored validation pairs if not given.
        rule: how training clips are mixed, see `avlib.audio.mix`; another paper's for a
            comparison on its data.

    Returns:
        The model, in evaluation mode.

    Raises:
        ValueError: `folder` holds a run with other settings.
        FloatingPointError: the loss is not finite.
    """
    from avlib.data import stored_mixes, train_loader
    from avlib.sop.shipped import save

    model = SoundOfPixels(cfg)
    mixes = training_mixes(cfg, source, rule)
    if validation is None:
        validation = stored_mixes(
            "sop-validation",
            front_end=cfg.front_end,
            view=view(cfg),
            limit=cfg.validation_pairs,
            expression=cfg.expression,
        )
    data = {"name": type(mixes.source).__name__, "split": mixes.source.split}
    if rule != "sop":
        data["rule"] = rule
    about = asdict(cfg) | {"data": data}
    settings = {k: v for k, v in about.items() if k != "train"}
    run = Run(folder, about=settings)

    def loader(step: int, rank: int, size: int) -> Iterator[Any]:
        if cfg.batch_size % size:
            raise ValueError(f"a batch of {cfg.batch_size} cannot be shared by {size} processes")
        share = cfg.batch_size // size
        return iter(
            train_loader(mixes, share, start_step=step, workers=cfg.workers, rank=rank, world=size)
        )

    progress = fit(
        partial(train_step, cfg=cfg),
        model.nets,
        loader,
        cfg.train,
        run,
        partial(_validate, model=model, mixes=validation),
    )
    finish(run, model, model.nets, cfg, data, progress, save)
    return model.eval()


def _validate(
    nets: dict[str, nn.Module], model: SoundOfPixels, mixes: "MixAndSeparate"
) -> dict[str, float]:
    """Mask loss and SDR gain on validation pairs; the loss decides which weights are the best."""
    from avlib.sop.evaluation import evaluate

    result = evaluate(model, mixes, baselines=False, progress=False)
    return {"score": result.loss, "sdr_gain": result.scores["model"]["sdr_gain"].mean}
