"""Scores of localisation: how well a map covers the boxes, and how often well enough."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

STEPS = 20
"""The success curve has 21 points: 0, 1/20, 2/20, … 1."""


def iou(
    heatmap: Float[Tensor, "*batch height width"],
    boxes: Float[Tensor, "*pictures box 4"],
    relative_threshold: float | int,
    *,
    size: int | tuple[int, int] = 224,
    empty: Literal["raise", "nan"] = "raise",
) -> Float[Tensor, "*batch"]:
    r"""Overlap of the bright part of a map with the boxes of what is to be found.

    $\mathrm{IoU} = \sum [P > \tau][G] \,/\, (\sum [G] + \sum [P > \tau][\neg G])$, where P is the
    map resized bilinearly to the picture, $\tau$ = `relative_threshold` x max(P) of the resized
    map, and G the union of the boxes, their coordinates cut to whole pixels: columns int(x1) to
    int(x2) - 1, rows int(y1) to int(y2) - 1 (Hu et al. 2020, authors' code, `tools.py`).

    The comparison is strict. A map that is zero everywhere, or has no positive value at all,
    marks nothing and scores 0; a constant positive map marks the whole picture.

    Args:
        heatmap: any resolution.
        boxes: xyxy in pixels of the picture; what lies outside is cut off. A row of NaN is no
            box, so that pictures with different numbers of boxes fit one tensor.
        relative_threshold: as a share of the largest value; 0.1 for DSOL's single sources.
        size: side, or (height, width), of the picture in pixels.
        empty: what to do where no box has a pixel: raise, or report NaN. DSOL leaves these
            pictures out.

    Returns:
        IoU from 0 to 1.

    Raises:
        ValueError: shapes do not fit, the map is not finite, the threshold is not in [0, 1], a
            box is only partly NaN, or there is no box (if "raise").

    Example:
        >>> heatmap = torch.zeros(4, 4); heatmap[1:3, 1:3] = 1
        >>> iou(heatmap, torch.tensor([[1.0, 1.0, 3.0, 4.0]]), 0.5, size=4)
        tensor(0.6667)
    """
    if heatmap.shape[:-2] != boxes.shape[:-2]:
        raise ValueError(
            f"maps {tuple(heatmap.shape)} and boxes {tuple(boxes.shape)} must have the same "
            "leading axes: (…, height, width) and (…, box, 4)"
        )
    if not 0 <= relative_threshold <= 1:
        raise ValueError(f"relative_threshold={relative_threshold} is a share: from 0 to 1")
    if empty not in ("raise", "nan"):
        raise ValueError(f"empty={empty!r}: it is 'raise' or 'nan'")
    if not bool(torch.isfinite(heatmap).all()):
        raise ValueError("the map holds NaN or infinite values")
    height, width = (size, size) if isinstance(size, int) else size
    truth = _covered(boxes, height, width)
    if empty == "raise" and not bool(truth.flatten(-2).any(-1).all()):
        raise ValueError(
            "a picture without a box (or whose boxes hold no whole pixel) has no IoU: leave it "
            "out and count it, or ask for empty='nan'"
        )
    marked = _marked(heatmap, relative_threshold, height, width)
    both = (marked & truth).flatten(-2).sum(-1)
    either = (marked | truth).flatten(-2).sum(-1)
    return (both / either).where(truth.flatten(-2).any(-1), torch.nan)


def _marked(heatmap: Tensor, share: float | int, height: int, width: int) -> Tensor:
    """Where the map, resized to the picture, is above a share of its maximum."""
    maps = heatmap.reshape(-1, 1, *heatmap.shape[-2:])
    maps = maps if maps.dtype == torch.float64 else maps.float()
    picture = F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)
    marked = picture > share * picture.amax(dim=(-2, -1), keepdim=True)
    marked &= picture.amax(dim=(-2, -1), keepdim=True) > 0
    return marked.reshape(*heatmap.shape[:-2], height, width)


def _covered(boxes: Tensor, height: int, width: int) -> Tensor:
    """Which pixels lie in a box; a row of NaN is none."""
    missing = boxes.isnan()
    if bool((missing.any(-1) != missing.all(-1)).any()):
        raise ValueError("a box is four numbers, or four NaN for no box")
    x1, y1, x2, y2 = boxes.nan_to_num(nan=0).trunc().unsqueeze(-1).unbind(-2)
    rows = torch.arange(height, device=boxes.device)
    columns = torch.arange(width, device=boxes.device)
    down = (rows >= y1) & (rows < y2)
    across = (columns >= x1) & (columns < x2)
    return (down[..., :, None] & across[..., None, :]).any(-3)


class SuccessCurve(NamedTuple):
    """How often a score reaches each threshold: ``(point,)`` and ``(..., point)``."""

    thresholds: Tensor
    success: Tensor


def success_curve(scores: Float[Tensor, "*batch frame"]) -> SuccessCurve:
    """Share of pictures whose score is at least x, for x = 0, 1/20, … 1.

    The released code of DSOL compares with ``0.05 * i`` in float64, where the 7th point is
    0.30000000000000004 and a score of exactly 0.3 fails. Here thresholds are the fractions
    i/20, rounded to the precision of the scores, and 0.3 succeeds.

    Args:
        scores: one for each picture, such as `iou`; pictures without a score left out.

    Raises:
        ValueError: no scores, or scores that are not finite.

    Example:
        >>> curve = success_curve(torch.tensor([0.3, 0.8]))
        >>> [round(x, 2) for x in curve.success[[0, 6, 7, 16, 17]].tolist()]
        [1.0, 1.0, 0.5, 0.5, 0.0]
    """
    if not scores.shape or not scores.shape[-1]:
        raise ValueError("a success curve needs at least one score")
    if not bool(torch.isfinite(scores).all()):
        bad = int((~torch.isfinite(scores)).sum())
        raise ValueError(f"{bad} of {scores.numel()} scores are not finite: leave out, count them")
    points = torch.arange(STEPS + 1, device=scores.device).to(scores.dtype) / STEPS
    reached = scores.unsqueeze(-1) >= points
    return SuccessCurve(points, reached.to(scores.dtype).mean(-2))


def success_auc(scores: Float[Tensor, "*batch frame"]) -> Float[Tensor, "*batch"]:
    """Area under the `success_curve`, by the trapezoid rule on its 21 points (Hu et al. 2020).

    Args:
        scores: as in `success_curve`.

    Returns:
        From 0 to 1; close to the mean score, since the area under the exact curve is the mean.

    Raises:
        ValueError: as in `success_curve`.

    Example:
        >>> success_auc(torch.tensor([1.0, 0.0]))
        tensor(0.5125)
    """
    points, success = success_curve(scores)
    return torch.trapezoid(success, points, dim=-1)
