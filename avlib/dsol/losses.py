"""Two ways to learn from what occurs together: matched or not, and which one of many."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def localisation_loss(
    matched: Float[Tensor, "*matched_batch"], mismatched: Float[Tensor, "*mismatched_batch"]
) -> Float[Tensor, ""]:
    r"""Cross-entropy of the question whether sound and picture belong together.

    $$L_{loc} = -\tfrac12 \operatorname{mean} \log s^{+} - \tfrac12 \operatorname{mean}
    \log (1 - s^{-})$$

    (Hu et al. 2020, stage 1: each sound with its own picture, label 1, and with a picture of
    another video, label 0; authors' code `training_stage_one.py`). With as many matched as
    mismatched pairs, as there, this is the mean over all pairs; with more of the latter, both
    kinds still count alike. As in torch, no logarithm is taken for less than -100.

    Args:
        matched: scores of sounds with their own pictures, in [0, 1] ($s^+$).
        mismatched: scores of sounds with other pictures ($s^-$); there may be more of them.

    Raises:
        ValueError: no pair of one kind.

    Example:
        >>> round(localisation_loss(torch.tensor([0.5]), torch.tensor([0.5])).item(), 4)  # log 2
        0.6931
        >>> round(localisation_loss(torch.tensor([0.9]), torch.tensor([0.2, 0.2])).item(), 4)
        0.1643
    """
    if matched.numel() == 0 or mismatched.numel() == 0:
        raise ValueError(
            f"{matched.numel()} matched and {mismatched.numel()} mismatched pairs: the loss needs "
            "at least one of each"
        )
    right = matched.float().log().clamp_min(-100)
    wrong = torch.log1p(-mismatched.float()).clamp_min(-100)
    return -0.5 * (right.mean() + wrong.mean())


def contrastive_loss(
    similarities: Float[Tensor, "sound picture"], temperature: float = 0.07, symmetric: bool = True
) -> Float[Tensor, ""]:
    r"""Cross-entropy of the question which picture of the batch belongs to each sound (InfoNCE).

    $$L_{a \to v} = -\frac1n \sum_i \log \frac{e^{S_{ii} / T}}{\sum_j e^{S_{ij} / T}}$$

    (van den Oord et al. 2018, Eq. 4), and, if symmetric, the mean of it and of the question which
    sound belongs to each picture (Radford et al. 2021, Figure 3). DSOL does not use it; it is here
    for comparison.

    Args:
        similarities: of every sound (row) with every picture (column); pair i belongs together.
        temperature: $T$, greater than 0.
        symmetric: ask both questions; otherwise only the one of the rows.

    Raises:
        ValueError: not a square, or a temperature that is not positive.

    Example:
        >>> round(contrastive_loss(torch.zeros(4, 4)).item(), 4)  # log 4: a guess
        1.3863
    """
    if similarities.shape[0] != similarities.shape[1]:
        raise ValueError(
            f"{similarities.shape[0]} sounds and {similarities.shape[1]} pictures: as many of one "
            "as of the other are needed, in the same order"
        )
    if temperature <= 0:
        raise ValueError(f"temperature must be positive; got {temperature}")
    logits = similarities.float() / temperature
    own = torch.arange(len(logits), device=logits.device)
    loss = F.cross_entropy(logits, own)
    return 0.5 * (loss + F.cross_entropy(logits.T, own)) if symmetric else loss


def info_nce(
    audio: Float[Tensor, "batch channel"],
    visual: Float[Tensor, "batch channel"],
    temperature: float = 0.07,
    symmetric: bool = True,
) -> Float[Tensor, ""]:
    """InfoNCE of vectors: `contrastive_loss` of the cosines of all pairs of a batch.

    Args:
        audio: one vector a sound, of any length but 0.
        visual: one vector a picture; pair i belongs together.
        temperature: see `contrastive_loss`.
        symmetric: see `contrastive_loss`.

    Raises:
        ValueError: see `contrastive_loss`.

    Example:
        >>> vectors = torch.eye(2)
        >>> round(info_nce(vectors, 3 * vectors, temperature=1.0).item(), 4)  # log(1 + 1/e)
        0.3133
    """
    cosines = F.normalize(audio.float(), dim=1) @ F.normalize(visual.float(), dim=1).T
    return contrastive_loss(cosines, temperature, symmetric)
