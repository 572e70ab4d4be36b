"""How stage 1 learns: one step, a whole run."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from avlib.dsol.config import DSOLConfig
from avlib.dsol.location import Localiser
from avlib.dsol.losses import localisation_loss
from avlib.dsol.networks import StageOne
from avlib.dsol.solos import Solos, collate
from avlib.training import Batches, Run, finish, fit


def train_step(
    nets: dict[str, nn.Module], batch: Mapping[str, Any], cfg: DSOLConfig
) -> dict[str, Tensor]:
    """Compute the loss of one batch: every sound with its own picture and with wrong ones.

    Wrong picture r of sound i is that of clip i + r of the batch: of another clip, where the
    authors' code asks for another video. The clip may show the same player, whose picture then
    counts as wrong all the same: a false negative, as every other player of the instrument is.

    Each clip is encoded once, however many wrong pictures there are (the authors' code encodes
    each sound twice). In evaluation mode what comes out is the same; in training the batch
    normalisation sees each clip once instead of once a pair, so its statistics may differ.

    Args:
        nets: "audio", "visual", "localiser", see `StageOne.nets`.
        batch: `sound` (batch, 1, column, mel), `picture` (batch, 3, height, width).
        cfg: the settings.

    Returns:
        The one term, "localisation".
    """
    layout = torch.channels_last if cfg.channels_last else torch.contiguous_format
    head = cast(Localiser, nets["localiser"])
    audio = head.embed_audio(nets["audio"](batch["sound"]))
    visual = head.embed_visual(nets["visual"](batch["picture"].contiguous(memory_format=layout)))
    scores = [
        head.locate(torch.einsum("bc,bchw->bhw", audio, visual.roll(-r, dims=0))).scores
        for r in range(cfg.negatives + 1)
    ]
    return {"localisation": localisation_loss(scores[0], torch.cat(scores[1:]))}


def train_localiser(
    cfg: DSOLConfig,
    folder: str | Path,
    solos: Solos | None = None,
    validation: Solos | None = None,
) -> StageOne:
    """Train stage 1 to match sounds and pictures, or go on training the model in `folder`.

    Every `validate_every` steps it is tried on clips of validation players; the weights with the
    lowest loss there are what comes out. Boxes are never looked at.

    Args:
        cfg: a recipe, such as `pocket()`.
        folder: of the run: log, checkpoints, and at the end `model.safetensors` with its record
            `model.json`.
        solos: what to learn from; solos by the orchestra's training players if not given.
        validation: what to validate on; solos by its validation players if not given.

    Returns:
        The model, in evaluation mode.

    Raises:
        ValueError: `folder` holds a run with other settings.
        FloatingPointError: the loss is not finite.
    """
    from avlib.dsol.shipped import save

    solos = solos or Solos(cfg, "train", cfg.clips, train=True)
    validation = validation or Solos(cfg, "validation", cfg.validation_clips)
    model = StageOne(cfg)
    data = {"name": "Orchestra", "split": solos.split, "clips": len(solos)}
    settings = {k: v for k, v in asdict(cfg).items() if k != "train"} | {"data": data}
    run = Run(folder, about=settings)
    batches = Batches(solos, cfg.batch_size, collate=collate, fresh=True)
    progress = fit(
        partial(train_step, cfg=cfg),
        model.nets,
        batches,
        cfg.train,
        run,
        partial(_validate, model=model, validation=validation),
    )
    finish(run, model, model.nets, cfg, data, progress, save)
    return model.eval()


def _validate(nets: dict[str, nn.Module], model: StageOne, validation: Solos) -> dict[str, float]:
    """The loss over all pairs of validation clips, and how often the right picture wins."""
    from avlib.dsol.evaluation import encode, match

    found = match(encode(model, validation))
    return {"score": found.loss, "accuracy": found.accuracy, "top1": found.picture_of_sound}
