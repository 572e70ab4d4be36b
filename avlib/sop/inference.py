"""What a trained Sound of Pixels model can do: separate by player, and pixel by pixel."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avlib.audio import column_count, log_magnitude, to_linear_frequency
from avlib.nets import evaluating
from avlib.scoring import masked
from avlib.sop.config import SoPConfig
from avlib.sop.networks import SoundOfPixels, layout, spectrograms

CONFIGURED = -1.0
"""Default of `threshold`: what the model's config says."""


@torch.inference_mode()
def separate(
    model: SoundOfPixels,
    mixture: Float[Tensor, "batch sample"],
    frames: Float[Tensor, "batch source channel frame height width"],
    threshold: float | None = CONFIGURED,
) -> Float[Tensor, "batch source sample"]:
    """Separate mixtures into what each of the players shown plays.

    Args:
        model: a trained model; used in evaluation mode whatever mode it is in.
        mixture: of any length; the model was trained on the length of its config's front end
            and does best on it.
        frames: pictures of each player, normalised (`avlib.video.normalise`).
        threshold: masks above it become 1, others 0; None: soft masks. The config's by default.

    Returns:
        One wave for each player, as long as the mixture, within ±1.
    """
    with evaluating(model):
        padded = _padded(mixture, model.cfg)
        masks = model(padded, frames).sigmoid()
    return apply_masks(model.cfg, padded, masks, threshold)[..., : mixture.shape[-1]]


@torch.inference_mode()
def pixel_masks(
    model: SoundOfPixels,
    mixture: Float[Tensor, "batch sample"],
    frames: Float[Tensor, "batch channel frame height width"],
) -> Float[Tensor, "batch height_out width_out freq column"]:
    r"""Compute the mask of every place in the picture.

    $\hat M_{xy} = \sigma\big(\sum_k \alpha_k v_k(x, y)\, s_k + \beta\big)$: the synthesizer is
    given the picture's K numbers at one place instead of their maximum over all places (Zhao et
    al. 2018). Over the frames of the clip the maximum is still taken.

    Args:
        model: a trained model.
        mixture: as in `separate`; its spectrogram must fit the U-Net.
        frames: the whole picture, not one player.

    Returns:
        Masks on logarithmic frequency, one for each place of a grid of 1/16 of the picture's
        sides. 64 places of 256 x 256 take 17 MB.
    """
    with evaluating(model):
        vision = model.frame.clip(frames)
        heard = layout(log_magnitude(spectrograms(mixture, model.cfg))[:, None], model.cfg)
        height, width = vision.shape[-2:]
        logits = model.synthesizer(vision.flatten(2).transpose(1, 2), model.sound(heard))
    return logits.sigmoid().unflatten(1, (height, width))


@torch.inference_mode()
def pixel_separate(
    model: SoundOfPixels,
    mixture: Float[Tensor, "batch sample"],
    frames: Float[Tensor, "batch channel frame height width"],
    x: float,
    y: float,
    threshold: float | None = CONFIGURED,
) -> Float[Tensor, "batch sample"]:
    """Separate the sound of one place in the picture.

    Args:
        model: a trained model.
        mixture: as in `separate`.
        frames: the whole picture.
        x: from 0 (left edge) to 1 (right edge).
        y: from 0 (upper edge) to 1 (lower edge).
        threshold: as in `separate`.

    Raises:
        ValueError: a place outside the picture.
    """
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"x and y go from 0 to 1 across the picture; got x={x}, y={y}")
    with evaluating(model):
        padded = _padded(mixture, model.cfg)
        vision = model.frame.clip(frames)
        height, width = vision.shape[-2:]
        row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
        heard = layout(log_magnitude(spectrograms(padded, model.cfg))[:, None], model.cfg)
        logits = model.synthesizer(vision[:, None, :, row, column], model.sound(heard))
    waves = apply_masks(model.cfg, padded, logits.sigmoid(), threshold)
    return waves[:, 0, : mixture.shape[-1]]


@torch.inference_mode()
def energy_map(
    model: SoundOfPixels,
    mixture: Float[Tensor, "batch sample"],
    frames: Float[Tensor, "batch channel frame height width"],
) -> Float[Tensor, "batch height_out width_out"]:
    r"""Show where the sound comes from: the energy of the sound of every place.

    $E_{xy} = \sum_{f, t} \big(\hat M_{xy}\,|X|\big)^2$ on linear frequency, as a share of the
    mixture's energy, from 0 to 1 (Zhao et al. 2018 draw its square root in decibels).

    Args:
        model: a trained model.
        mixture: as in `pixel_masks`.
        frames: the whole picture.
    """
    masks = pixel_masks(model, mixture, frames)
    magnitude = model.cfg.front_end.stft(mixture).abs()
    total = magnitude.square().sum(dim=(-2, -1)).clamp_min(torch.finfo(magnitude.dtype).tiny)
    rows = []
    for row in masks.unbind(dim=1):  # a row at a time: on linear frequency it is twice as much
        linear = to_linear_frequency(row, magnitude.shape[-2], model.cfg.align_corners)
        rows.append((linear * magnitude[:, None]).square().sum(dim=(-2, -1)))
    return torch.stack(rows, dim=1) / total[:, None, None]


def apply_masks(
    cfg: SoPConfig,
    mixture: Float[Tensor, "batch sample"],
    masks: Float[Tensor, "batch source freq column"],
    threshold: float | None,
) -> Float[Tensor, "batch source sample"]:
    """Turn masks into waves with the phase of the mixture."""
    if threshold == CONFIGURED:
        threshold = cfg.threshold
    return masked(mixture, masks, cfg.front_end, cfg.align_corners, threshold)


def _padded(mixture: Float[Tensor, "batch sample"], cfg: SoPConfig) -> Tensor:
    """Add silence until the number of columns suits the U-Net."""
    front, samples, multiple = cfg.front_end, mixture.shape[-1], 2**cfg.depth
    columns = max(1, column_count(samples, front.n_fft, front.hop, front.center))
    wanted = -(-columns // multiple) * multiple
    # Centred columns find half a window of padding at either end; others need it in the wave.
    window = front.n_fft - 2 * (front.n_fft // 2) if front.center else front.n_fft
    missing = 0 if columns == wanted else (wanted - 1) * front.hop + window - samples
    return F.pad(mixture, (0, max(0, missing)))
