"""How good is a model of stage 1? Matching, retrieval and boxes, beside trivial baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avlib.dsol.location import resize_map
from avlib.dsol.losses import localisation_loss
from avlib.dsol.networks import StageOne
from avlib.dsol.solos import Solos, collate
from avlib.metrics import bootstrap, iou, paired_bootstrap, success_auc


@dataclass(frozen=True)
class Encoded:
    """All sounds of a set with all its pictures.

    Attributes:
        cosines: of every sound with every place of every picture; pair i belongs together.
        scores: of every sound with every picture.
        maps: of every sound with its own picture.
        categories: label of each clip.
        players: of each clip.
        boxes: xyxy in pixels of the network's picture.
        size: side of that picture, pixels.
    """

    cosines: Float[Tensor, "sound picture height width"]
    scores: Float[Tensor, "sound picture"]
    maps: Float[Tensor, "sound height width"]
    categories: tuple[str, ...]
    players: tuple[str, ...]
    boxes: Float[np.ndarray, "sound 4"]
    size: int


@dataclass(frozen=True)
class Matching:
    """How well sounds and pictures are brought together.

    Attributes:
        loss: `localisation_loss` over all pairs.
        accuracy: of the question "do they belong together?" at a score of 0.5, over matched pairs
            and pairs of different instruments, both kinds counting alike (a guess: 0.5).
        recall: share of matched pairs that are called so.
        rejection: share of pairs of different instruments that are told apart.
        false_friends: share of pairs of different clips of one instrument that are called
            matched; nobody says what is right here.
        picture_of_sound: how often a sound's own picture has the highest score of all pictures.
        instrument_of_sound: how often the picture with the highest score shows the instrument.
        chance: what a guess would get for the last two.
        count: number of clips.
    """

    loss: float
    accuracy: float
    recall: float
    rejection: float
    false_friends: float
    picture_of_sound: float
    instrument_of_sound: float
    chance: tuple[float, float]
    count: int


@torch.no_grad()
def encode(model: StageOne, solos: Solos, batch_size: int = 32) -> Encoded:
    """Encode every sound and every picture of a set once, and compare all with all.

    Args:
        model: used as it is; put it into evaluation mode before.
        solos: an evaluation set (``train=False``).
        batch_size: how many at a time.

    Raises:
        ValueError: a training set, whose pictures are augmented.
    """
    if solos.train:
        raise ValueError("these solos are for training (train=True), their pictures are augmented")
    device = next(model.parameters()).device
    items = [solos[i] for i in range(len(solos))]
    audio, visual = [], []
    for start in range(0, len(items), batch_size):
        batch = collate(items[start : start + batch_size])
        audio.append(model.localiser.embed_audio(model.audio(batch["sound"].to(device))))
        visual.append(model.localiser.embed_visual(model.visual(batch["picture"].to(device))))
    cosines = torch.einsum("ac,vchw->avhw", torch.cat(audio), torch.cat(visual)).float()
    maps, scores = model.localiser.locate(cosines)
    own = torch.arange(len(items))
    return Encoded(
        cosines=cosines.cpu(),
        scores=scores.float().cpu(),
        maps=maps[own, own].float().cpu(),
        categories=tuple(item["category"] for item in items),
        players=tuple(item["player"] for item in items),
        boxes=np.stack([item["box"] for item in items]),
        size=solos.cfg.frame_size,
    )


def similarities(found: Encoded) -> Float[Tensor, "sound picture"]:
    """Say how well each sound fits each picture: the largest cosine of all its places."""
    return found.cosines.amax(dim=(-2, -1))


def match(found: Encoded) -> Matching:
    """Score how well sounds and pictures were brought together.

    Raises:
        ValueError: clips of one instrument only.
    """
    n = len(found.categories)
    labels = np.array(found.categories)
    same = torch.from_numpy(labels[:, None] == labels[None, :])
    own = torch.eye(n, dtype=torch.bool)
    other, friend = ~same, same & ~own
    if not other.any():
        raise ValueError("all clips are of one instrument; matching needs at least two")
    scores = found.scores
    recall = _share(scores[own] > 0.5)
    rejection = _share(scores[other] <= 0.5)
    best = scores.argmax(dim=1)
    return Matching(
        loss=localisation_loss(scores[own], scores[~own]).item(),
        accuracy=0.5 * (recall + rejection),
        recall=recall,
        rejection=rejection,
        false_friends=_share(scores[friend] > 0.5) if friend.any() else float("nan"),
        picture_of_sound=_share(best == torch.arange(n)),
        instrument_of_sound=_share(same[torch.arange(n), best]),
        chance=(1 / n, _share(same)),
        count=n,
    )


def trivial_maps(size: int, centre: float = 0.5) -> dict[str, Float[Tensor, "{size} {size}"]]:
    """Give maps that need neither eyes nor ears, to be beaten.

    Args:
        size: side of the picture, pixels.
        centre: side of the centre box as a share of the picture's.

    Returns:
        ``"centre box"``: 1 in a square in the middle, 0 elsewhere. ``"whole image"``: 1 on it all,
        which is also what any uniform map becomes under a threshold relative to its maximum.
        ``"random map"``: noise, the same every time.

    Example:
        >>> {name: one.mean().item() for name, one in trivial_maps(8).items()}["centre box"]
        0.25
    """
    middle = torch.zeros(size, size)
    edge = round(size * (1 - centre) / 2)
    middle[edge : size - edge, edge : size - edge] = 1
    noise = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
    return {
        "centre box": middle,
        "whole image": torch.ones(size, size),
        "random map": resize_map(noise, size),
    }


def centre_side(boxes: Float[np.ndarray, "picture 4"], size: int) -> float:
    """Choose the side of the centre box that has the largest mean IoU with these boxes.

    Choose it on other pictures than those on which it is to be beaten: a size taken from the test
    boxes has seen the answers.

    Args:
        boxes: xyxy in pixels.
        size: side of the picture, pixels.

    Returns:
        A share of the picture's side, one of 0.10, 0.12, … 0.90.

    Example:
        >>> centre_side(np.array([[25.0, 25.0, 75.0, 75.0]]), 100)
        0.5
    """
    shares = [k / 50 for k in range(5, 46)]
    boxes = np.asarray(boxes, np.float32)

    def overlap(share: float) -> float:
        one = trivial_maps(size, share)["centre box"]
        return float(box_scores(one.expand(len(boxes), -1, -1), boxes, size).mean())

    return max(shares, key=overlap)


def box_scores(
    maps: Float[Tensor, "picture height width"],
    boxes: Float[np.ndarray, "picture 4"],
    size: int,
    relative_threshold: float = 0.1,
) -> Float[np.ndarray, " picture"]:
    """IoU of each map, stretched over its picture, with the box of the player.

    Args:
        maps: small maps, or maps of the picture's size.
        boxes: xyxy in pixels.
        size: side of the picture, pixels.
        relative_threshold: share of a map's maximum above which a pixel belongs to the answer
            (authors' code: 0.1 for one source).
    """
    truth = torch.from_numpy(boxes)[:, None]
    return iou(maps, truth, relative_threshold, size=size).numpy()


def evaluate(
    model: StageOne,
    solos: Solos,
    thresholds: Sequence[float] = (0.1, 0.3, 0.5),
    centre: float = 0.5,
) -> dict[str, Any]:
    """Score a model of stage 1 on solos, with 95 % intervals that draw players.

    Args:
        model: in evaluation mode.
        solos: an evaluation set.
        thresholds: relative thresholds for the boxes; trivial maps do not depend on them but the
            random one.
        centre: side of the centre box, a share of the picture's; choose it by `centre_side` on
            other players.

    Returns:
        ``matching`` (see `Matching`); ``matching_95``: for what is a share of pairs, the bounds
        of its interval, drawn by the sound's player; ``boxes``: for each threshold and kind of
        map ``iou``, ``success`` at IoU 0.5 and ``auc``, for the first two the bounds ``iou_95``
        and ``success_95``, and ``iou_above_centre``: mean, low and high of the paired difference
        to the centre box.
    """
    found = encode(model, solos)
    kinds: Mapping[str, Tensor] = {"model": found.maps} | {
        name: one.expand(len(found.maps), -1, -1)
        for name, one in trivial_maps(found.size, centre).items()
    }
    boxes = {}
    for threshold in thresholds:
        values = {
            name: box_scores(maps, found.boxes, found.size, threshold)
            for name, maps in kinds.items()
        }
        for name, one in values.items():
            above = paired_bootstrap(one, values["centre box"], groups=found.players)
            boxes[f"{name} at {threshold:g}"] = {
                "iou": float(one.mean()),
                "iou_95": list(bootstrap(one, groups=found.players)[1:]),
                "success": float((one >= 0.5).mean()),
                "success_95": list(bootstrap(one >= 0.5, groups=found.players)[1:]),
                "auc": success_auc(torch.from_numpy(one)).item(),
                "iou_above_centre": list(above),
            }
    bounds = matching_intervals(found)
    return {"matching": asdict(match(found)), "matching_95": bounds, "boxes": boxes}


def matching_intervals(found: Encoded) -> dict[str, list[float]]:
    """Bounds of 95 % bootstrap intervals of the shares in `Matching`, by the sound's player."""
    labels, players = np.array(found.categories), np.array(found.players)
    same = labels[:, None] == labels[None, :]
    own = np.eye(len(labels), dtype=bool)
    scores = found.scores.numpy()
    best = scores.argmax(axis=1)
    whose = np.broadcast_to(players[:, None], same.shape)
    shares = {
        "recall": (scores[own] > 0.5, players),
        "rejection": (scores[~same] <= 0.5, whose[~same]),
        "false_friends": (scores[same & ~own] > 0.5, whose[same & ~own]),
        "picture_of_sound": (best == np.arange(len(best)), players),
        "instrument_of_sound": (labels[best] == labels, players),
    }
    return {
        name: list(bootstrap(values, groups=groups)[1:])
        for name, (values, groups) in shares.items()
        if len(values)
    }


def _share(true: Bool[Tensor, "*any"]) -> float:
    return true.float().mean().item()
