"""The truth beside an exported clip: which player is where, and what each sounds like alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.optimize import linear_sum_assignment

from avlib.apply.regions import Region
from avlib.clipfolder import ClipFolderError, read_annotations, read_waves
from avlib.metrics import bss_eval
from avlib.video import resample

# A region belongs to the player whose box it covers, if it covers at least this share of it.
COVERED = 0.5


class TruthError(ValueError):
    """There is no truth beside the file, or it does not fit; the message says which file."""


@dataclass(frozen=True)
class Truth:
    """What is known of the players in some regions, in the order of the regions.

    Attributes:
        stems: what each sounds like alone.
        rate: samples per second.
        categories: their instruments.
        players: who they are.
    """

    stems: Float32[np.ndarray, "player sample"]
    rate: int
    categories: tuple[str, ...]
    players: tuple[str, ...]


def find_truth(path: Path, regions: Sequence[Region]) -> Truth:
    """Read the stems beside a clip's `media.mp4`, sorted to the regions.

    Raises:
        TruthError: nothing lies beside the file, stems or boxes are not known, there are another
            number of players, or a region covers no player.
    """
    try:
        known = read_annotations(path.parent, joints=False)
        waves = read_waves(path.parent)
    except ClipFolderError as error:
        raise TruthError(
            f"{path}: --truth is for the media.mp4 of a clip that `avlib orchestra export` wrote, "
            f"with its annotations and stems beside it ({error})"
        ) from error
    if waves.stems is None or known.boxes is None:
        raise TruthError(f"{path.parent}: its annotations know no stems or no boxes; leave --truth")
    if len(regions) != len(known.players):
        raise TruthError(
            f"{path}: {len(regions)} players were given, but {len(known.players)} play "
            f"({', '.join(known.players)}); give one box or point for each"
        )
    order = match(regions, np.nanmean(known.boxes, axis=0), str(path))
    return Truth(
        waves.stems[order],
        waves.rate,
        tuple(known.categories[k] for k in order),
        tuple(known.players[k] for k in order),
    )


def match(regions: Sequence[Region], boxes: Float[np.ndarray, "player 4"], name: str) -> list[int]:
    """Which player each region is around: the assignment that covers most of the players' boxes.

    Args:
        regions: the places that the user gave.
        boxes: x1, y1, x2, y2 of as many players.
        name: what errors call the file.

    Raises:
        TruthError: a region covers less than half of its player.

    Example:
        >>> left, right = Region("l", (0.0, 0.0, 50.0, 90.0)), Region("r", (50.0, 0.0, 99.0, 90.0))
        >>> match([left, right], np.array([[60.0, 5, 90, 80], [10.0, 5, 45, 80]]), "a.mp4")
        [1, 0]
    """
    places = np.array([region.box for region in regions])[:, None]
    low, high = np.maximum(places[..., :2], boxes[:, :2]), np.minimum(places[..., 2:], boxes[:, 2:])
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    share = np.prod((high - low).clip(0), axis=-1) / np.maximum(area, 1e-9)
    rows, order = linear_sum_assignment(share, maximize=True)
    for row, player in zip(rows, order, strict=True):
        if not share[row, player] >= COVERED:
            raise TruthError(
                f"{name}: {regions[row].label} covers {100 * share[row, player]:.0f}% of the "
                "player it fits best; give boxes around the players to compare with the truth"
            )
    return [int(player) for player in order]


def score(
    truth: Truth,
    waves: Float[np.ndarray, "player sample"],
    mixture: Float[np.ndarray, " sample"],
    rate: int,
    regions: Sequence[Region],
) -> dict[str, Any]:
    """SDR, SIR and SAR of every player, and the SDR that the unseparated mixture has.

    Signals are compared over the length that all have. A player who is silent cannot be scored:
    its figures are None.

    Returns:
        "players": one row each, "sdr", "mixture_sdr" and "sdr_gain": means over the scored ones.
    """
    stems = resample(truth.stems, truth.rate, rate)
    length = min(stems.shape[1], waves.shape[1])
    references = torch.from_numpy(np.ascontiguousarray(stems[:, :length])).double()
    estimates = torch.from_numpy(np.ascontiguousarray(waves[:, :length])).double()
    whole = torch.from_numpy(mixture[:length]).double().expand_as(references)
    separated = bss_eval(references, estimates, silent="nan")
    unseparated = bss_eval(references, whole, silent="nan")
    rows = []
    for k, region in enumerate(regions):
        values = {
            "sdr": float(separated.sdr[k]),
            "sir": float(separated.sir[k]),
            "sar": float(separated.sar[k]),
            "mixture_sdr": float(unseparated.sdr[k]),
        }
        values["sdr_gain"] = values["sdr"] - values["mixture_sdr"]
        rows.append(
            {"label": region.label, "player": truth.players[k], "category": truth.categories[k]}
            | {name: value if np.isfinite(value) else None for name, value in values.items()}
        )
    scored = [row for row in rows if row["sdr_gain"] is not None]
    means = {
        name: float(np.mean([row[name] for row in scored])) if scored else None
        for name in ("sdr", "mixture_sdr", "sdr_gain")
    }
    return {"players": rows, "scored": len(scored), **means}
