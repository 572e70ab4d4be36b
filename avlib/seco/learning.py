"""How SeCo learns: new mixes out of a batch's clips, one training step, a whole training run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from avlib import data
from avlib.audio import log_magnitude
from avlib.seco.config import SeCoConfig
from avlib.seco.losses import Features, consistency_terms, separation_loss, truth_weight
from avlib.seco.model import SeCo, encode, look, mask_logits, masked_input, spectrograms
from avlib.seco.shipped import save
from avlib.training import (
    Run,
    TrainConfig,
    finish,
    fit,
)

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate, Source, View

SIGHTS = {"video": "frames", "image": "frames", "skeleton": "joints", "attributes": "attributes"}
"""What a batch must hold for each kind of sight."""

CONFIGURED = "configured"
"""Default of what the model's config says."""


def train_step(
    nets: Mapping[str, nn.Module], batch: Mapping[str, Any], cfg: SeCoConfig, step: int
) -> dict[str, Tensor]:
    r"""Compute the terms of the loss of one batch.

    Every clip is looked at once, and its true sound and its partner's are encoded once, in
    however many mixes it takes part (`rematch`). The encoder hears the separated sounds, the true
    ones and the partners' in three passes, as in the authors' code: its batch norms see each kind
    by itself, and all three move the running statistics. Under autocast the losses are still
    computed in float32, from float32 vectors and masks.

    Args:
        nets: "sight", "separator", "encoder", see `SeCo.nets`.
        batch: of `avlib.data.MixAndSeparate`: `waves` (batch, source, sample), what the model
            looks at (see `visuals`), `categories`; `partners` (batch, source, sample) where
            "intra_positive" is among the terms.
        cfg: the settings; `cfg.terms` says which terms there are.
        step: number of the step, from 0: the true sounds' agreement with the pictures counts
            $r = \max(0.1, 0.9^{step / 100})$.

    Returns:
        "separation" and the terms of `cfg.terms`, means over the mixes, none of them weighted but
        "inter_truth", which is multiplied by r; with it, "truth_weight", which is r.

    Raises:
        ValueError: the batch lacks what the model needs.
    """
    clips = _Clips(batch, cfg)
    seen = clips.mixed(look(nets, visuals(batch, cfg), cfg))
    mixture_mag = spectrograms(clips.mixed(clips.waves).sum(dim=1), cfg)
    logits = mask_logits(nets, mixture_mag, seen)
    source_mag = spectrograms(clips.waves, cfg)
    found = {"separation": separation_loss(logits, clips.mixed(source_mag), mixture_mag)}
    if cfg.terms:
        masked = masked_input(mixture_mag, logits.sigmoid(), cfg.encoder_input)
        heard = encode(nets, masked)
        truth = partners = None
        if "inter_truth" in cfg.terms:
            truth = clips.mixed(encode(nets, log_magnitude(source_mag)))
        if "intra_positive" in cfg.terms:
            partner_mag = spectrograms(
                stretch(_needed(batch, "partners", "partners=True"), cfg), cfg
            )
            partners = clips.mixed(encode(nets, log_magnitude(partner_mag)))
        features = Features(heard, seen, truth, partners)
        with torch.autocast(seen.device.type, enabled=False):
            terms = consistency_terms(features, cfg.distance, cfg.margin, cfg.terms)
        found |= {name: values.mean() for name, values in terms.items()}
    if "inter_truth" in cfg.terms:
        r = truth_weight(step)
        found["inter_truth"] = r * found["inter_truth"]
        found["truth_weight"] = seen.new_tensor(r)
    return found


class _Clips:
    """The clips of a batch, and in which mixes each of them takes part."""

    def __init__(self, batch: Mapping[str, Any], cfg: SeCoConfig) -> None:
        self.waves = stretch(batch["waves"], cfg)
        self.order: Tensor | None = None
        if cfg.pairings > 1:
            order = rematch(batch["categories"], cfg.pairings)
            self.order = order.to(self.waves.device)

    def mixed(self, of_clips: Tensor) -> Tensor:
        """What is known of each clip, (batch, source, ...), for each source of each mix."""
        return of_clips if self.order is None else of_clips.flatten(0, 1)[self.order]


def stretch(
    waves: Float[Tensor, "batch source sample"], cfg: SeCoConfig
) -> Float[Tensor, "batch source stretch"]:
    """Cut the stretch that a step trains on, the same of all clips; all there is by default.

    Where it begins comes from torch's generator, which `fit` seeds for each step.

    Args:
        waves: whole clips.
        cfg: the settings; `cfg.stretch` is the length.
    """
    room = waves.shape[-1] - cfg.stretch
    if room <= 0:
        return waves
    start = int(torch.randint(room + 1, ()))
    return waves[..., start : start + cfg.stretch]


def rematch(categories: Sequence[Sequence[str]], pairings: int) -> Int[Tensor, "mixes source"]:
    """Give the clips of a batch new partners, of other categories only.

    In every round each clip is in one mix. The first round leaves everybody where they are; in
    round r the clip of source s of mix i would like to move r x s mixes on (which is Sound of
    Pixels' rule), and goes elsewhere if it would meet its own category there, or somebody it has
    met. The assignment is the best one for the whole batch and depends on nothing but the
    categories. For two sources there is always one; for more, a mix in which two clips of a
    category meet is left out of its round.

    Args:
        categories: label of each source of each mix, several players' with ";" between them.
        pairings: rounds.

    Returns:
        For each source of each mix the number of the clip, mix x sources + source.

    Example:
        >>> rematch([["flute", "tuba"], ["tuba", "flute"], ["cello", "tuba"]], 2).tolist()
        [[0, 1], [2, 3], [4, 5], [0, 5], [2, 3], [4, 1]]
    """
    labels = [[set(label.split(";")) for label in mix] for mix in categories]
    size, sources = len(labels), len(labels[0])
    met: set[tuple[int, int]] = set()
    rows = []
    for turn in range(pairings):
        mixes = [[i * sources] for i in range(size)]
        for source in range(1, sources):
            _join(mixes, source, turn * source, labels, met)
        for mix in mixes:
            met |= {(a, b) for a in mix for b in mix}
            if turn == 0 or not any(_alike(a, b, labels) for a in mix for b in mix if a < b):
                rows.append(mix)
    return torch.tensor(rows)


def _join(
    mixes: list[list[int]],
    source: int,
    shift: int,
    labels: Sequence[Sequence[set[str]]],
    met: set[tuple[int, int]],
) -> None:
    """Add a clip of place `source` to every mix, so that as few as can be meet their like."""
    size, sources = len(labels), len(labels[0])
    cost = np.zeros((size, size))
    for i, mix in enumerate(mixes):
        for j in range(size):
            clip = j * sources + source
            # Each reason outweighs all that come after it, of all mixes together.
            alike = sum(_alike(clip, other, labels) for other in mix) if shift else 0
            again = sum((clip, other) in met for other in mix)
            cost[i, j] = (alike * size**2 * sources + again) * size**2 + (i - shift - j) % size
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        mixes[i].append(int(j) * sources + source)


def _alike(a: int, b: int, labels: Sequence[Sequence[set[str]]]) -> bool:
    """Whether two clips share a category."""
    sources = len(labels[0])
    return not labels[a // sources][a % sources].isdisjoint(labels[b // sources][b % sources])


def visuals(batch: Mapping[str, Any], cfg: SeCoConfig) -> Tensor:
    """Pick out of a batch what a model looks at.

    Raises:
        ValueError: the batch does not hold it; the message says how to make such batches.
    """
    key = SIGHTS[cfg.modality]
    return _needed(batch, key, f"sights=({key!r},)")


def _needed(batch: Mapping[str, Any], key: str, how: str) -> Tensor:
    if key not in batch:
        raise ValueError(f"these mixes have no {key}: make them with {how}")
    return batch[key]


def shown(cfg: SeCoConfig, joint_noise: str | None = CONFIGURED) -> dict[str, Any]:
    """What mixes must show of their players to a model, as `avlib.data.MixAndSeparate` is told.

    Args:
        cfg: of the model.
        joint_noise: "estimator": as a pose estimator sees the joints; None: as they are. The
            config's by default. Nothing but joints can be noisy.
    """
    noise = cfg.joint_noise if joint_noise == CONFIGURED else joint_noise
    spoilt = noise == "estimator" and cfg.modality == "skeleton"
    return {
        "view": view(cfg),
        "sights": (SIGHTS[cfg.modality],),
        "joint_noise": data.ESTIMATOR if spoilt else None,
    }


def view(cfg: SeCoConfig) -> "View":
    """Which pictures, or moments of the joints, a model looks at.

    The image modality's are those that `FrameNet` would choose out of all (`avlib.seco.spread`).
    """
    some = cfg.modality == "image" and cfg.image_frames < cfg.frames
    frames = cfg.image_frames if some else cfg.frames
    whole = data.seco_view(
        cfg.frame_size,
        frames,
        cfg.front_end.seconds,
        augment=cfg.augment != "none",
        scale_jitter=cfg.augment == "released",
    )
    return replace(whole, align="centre") if some else whole


def training_mixes(cfg: SeCoConfig, source: "Source | None" = None) -> "MixAndSeparate":
    """Make the training set, of training categories alone.

    Args:
        cfg: the settings.
        source: solos; if not given, the orchestra's training players with the instruments that
            the split trains on, `cfg.clips` clips of them kept in memory.

    Raises:
        ValueError: there are clips of held-out categories.
    """
    if source is None:
        seen, _ = data.category_split(cfg.split)
        source = data.Orchestra(
            "train",
            seen,
            seed=cfg.seed,
            length=cfg.clips,
            expression=cfg.expression,
            transpose=cfg.transpose,
        )
    data.check_categories(source, cfg.split)
    if cfg.clips is not None:
        source = data.Remembered(source)
    return data.MixAndSeparate(
        source,
        cfg.n,
        "seco",
        length=cfg.batch_size * cfg.train.validate_every,
        seed=cfg.seed,
        front_end=cfg.front_end,
        partners="intra_positive" in cfg.terms,
        **shown(cfg),
    )


def validation_mixes(cfg: SeCoConfig) -> "MixAndSeparate":
    """Make the set that weights, T and step size are chosen on: of training categories alone.

    The split's stored validation pairs: validation players with instruments that the split trains
    on. What is made is kept in memory if training clips are.
    """
    mixes = data.stored_mixes(
        f"seco-{cfg.split}-validation",
        front_end=cfg.front_end,
        limit=cfg.validation_pairs,
        expression=cfg.expression,
        **shown(cfg),
    )
    if cfg.clips is not None:
        mixes.source = data.Remembered(mixes.source)
    return mixes


def train(
    cfg: SeCoConfig,
    folder: str | Path,
    source: "Source | None" = None,
    validation: "MixAndSeparate | None" = None,
) -> SeCo:
    """Train a model, or go on training the one in `folder`.

    Every `validate_every` steps it is tried on the first `validation_pairs` stored validation
    pairs, of categories that are trained on (the authors' code looks at the test list); the
    weights with the lowest separation loss there are what comes out. With `train_encoder=False`
    the encoder's parameters stay as they were drawn, bit for bit, and only the statistics of its
    batch norms move.

    Args:
        cfg: a recipe, such as `pocket("skeleton")`.
        folder: of the run: log, checkpoints, and at the end `model.safetensors` with its record
            `model.json`.
        source: solos to mix; the orchestra's training players if not given.
        validation: mixes to validate on; the stored validation pairs if not given.

    Returns:
        The model, in evaluation mode.

    Raises:
        ValueError: `folder` holds a run with other settings, or clips of held-out categories are
            among those to train or to validate on.
        FloatingPointError: the loss is not finite.
    """
    model = SeCo(cfg)
    mixes = training_mixes(cfg, source)
    validation = validation_mixes(cfg) if validation is None else validation
    data.check_categories(validation.source, cfg.split)
    origin = {"name": _name(mixes.source), "split": mixes.source.split, "categories": cfg.split}
    settings = {k: v for k, v in (asdict(cfg) | {"data": origin}).items() if k != "train"}
    run = Run(folder, about=settings)
    with _encoder_as_configured(model) as plan:
        progress = fit(
            partial(_step, cfg=cfg),
            model.nets,
            partial(_batches, mixes=mixes, cfg=cfg),
            plan,
            run,
            partial(_validate, model=model, mixes=validation),
        )
    finish(run, model, model.nets, cfg, origin, progress, save)
    return model.eval()


def _step(
    nets: dict[str, nn.Module], batch: Mapping[str, Any], cfg: SeCoConfig
) -> dict[str, Tensor]:
    return train_step(nets, batch, cfg, batch["step"])


def _batches(
    step: int, rank: int, size: int, mixes: "MixAndSeparate", cfg: SeCoConfig
) -> Iterator[dict[str, Any]]:
    """The batches from a step on, each with its number, from which r follows."""
    if cfg.batch_size % size:
        raise ValueError(f"a batch of {cfg.batch_size} cannot be shared by {size} processes")
    share = cfg.batch_size // size
    loader = data.train_loader(
        mixes, share, start_step=step, workers=cfg.workers, rank=rank, world=size
    )
    return ({**batch, "step": number} for number, batch in enumerate(loader, step))


@contextmanager
def _encoder_as_configured(model: SeCo) -> Iterator[TrainConfig]:
    """Keep the encoder out of the optimiser if it is not to learn, and give the plan without it."""
    plan = model.cfg.train
    if model.cfg.train_encoder:
        yield plan
        return
    lrs = {name: lr for name, lr in plan.lrs.items() if name.partition(".")[0] != "encoder"}
    model.encoder.requires_grad_(False)
    try:
        yield replace(plan, lrs=lrs)
    finally:
        model.encoder.requires_grad_(True)


def _validate(nets: dict[str, nn.Module], model: SeCo, mixes: "MixAndSeparate") -> dict[str, float]:
    """Separation loss and SDR gain on validation pairs; the loss decides which weights are best."""
    from avlib.seco.evaluation import evaluate

    (result,) = evaluate(model, mixes, baselines=False, progress=False)
    return {"score": result.loss, "sdr_gain": result.scores["model"]["sdr_gain"].mean}


def _name(source: "Source") -> str:
    """What the clips come from, whoever remembers them."""
    return type(getattr(source, "source", source)).__name__
