"""A second of sound and a picture of that second, with the truth beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from avlib.audio import log_mel
from avlib.data import Orchestra, random_generator, torch_generator
from avlib.dsol.config import DSOLConfig
from avlib.video import DSOLAugment, normalise

CLIP_S = 3.0
"""Length of the solo that the second is taken out of."""

PICTURES_PER_S = 4
"""The authors' code has four pictures a second and takes one of them."""


@dataclass(frozen=True)
class Solo:
    """One second of somebody playing alone.

    Attributes:
        category: label of the instrument.
        player: whose sound and picture it is, such as "violin-50".
        sound: the second.
        picture: RGB, before any crop.
        box: xyxy in pixels of `picture`, player with instrument.
    """

    category: str
    player: str
    sound: Float32[np.ndarray, " sample"]
    picture: UInt8[np.ndarray, "height width 3"]
    box: Float32[np.ndarray, " 4"]


def sound_input(
    waves: Float[Tensor, "*batch sample"], cfg: DSOLConfig
) -> Float[Tensor, "*batch 1 column mel"]:
    """Turn sounds into what `AudioNet` takes: log-mel spectrograms with one channel."""
    level = log_mel(waves, cfg.front_end, cfg.mels)
    return ((level - cfg.level_db) / cfg.spread_db)[..., None, :, :]


class Solos:
    """Pairs of sound and picture from solos of the Pocket Orchestra.

    Item i is a pure function of (seed, split, i). In training there is no last item: every
    `length` items all clips have been seen once, in an order of their own, cropped, mirrored and
    with changed colours anew; the clips themselves are made once and kept in memory. In
    evaluation the crop belongs to the clip, and boxes move with it.

    Args:
        cfg: sizes, instruments and seed.
        split: whose players: "train", "validation" or "test".
        length: number of clips.
        train: augment.

    Example:
        >>> from avlib.dsol import pocket
        >>> solos = Solos(pocket(), "test", 4)
        >>> item = solos[1]
        >>> item["sound"].shape, item["picture"].shape, item["player"]
        (torch.Size([1, 201, 64]), torch.Size([3, 128, 128]), 'cello-59')
    """

    def __init__(self, cfg: DSOLConfig, split: str, length: int, *, train: bool = False) -> None:
        self.cfg, self.split, self.length, self.train = cfg, split, length, train
        self.augment = DSOLAugment(cfg.frame_size, cfg.read_size)
        self.source = Orchestra(
            split,
            cfg.instruments,
            seed=cfg.seed,
            length=length,
            seconds=CLIP_S,
            size=cfg.read_size,
            rate=cfg.front_end.rate,
            hard=cfg.hard,
        )
        self._kept: dict[int, tuple[Tensor, Solo]] = {}
        self._order: tuple[int, np.ndarray] = (-1, np.arange(0))

    def __len__(self) -> int:
        return self.length

    def solo(self, index: int) -> Solo:
        """Make one second: the loudest of the clip's, so that it is never a rest."""
        rng = random_generator("solo", self.cfg.seed, self.split, index)
        rate, width = self.cfg.front_end.rate, self.cfg.front_end.samples
        starts = np.arange(0.0, CLIP_S - width / rate + 1e-6, 0.5)
        moment = (rng.integers(PICTURES_PER_S) + 0.5) / PICTURES_PER_S * width / rate
        clip = self.source.read(index, frame_times=starts + moment)
        cuts = [clip.wave[round(start * rate) :][:width] for start in starts]
        best = int(np.argmax([np.square(cut).sum() for cut in cuts]))
        assert clip.boxes is not None
        return Solo(  # copies: views would keep the whole clip in memory
            clip.categories[0],
            clip.players[0],
            cuts[best].copy(),
            clip.frames[best].copy(),
            clip.boxes[best, 0].copy(),
        )

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index < 0 or (index >= self.length and not self.train):
            raise IndexError(f"item {index} of {self.length}")
        which = self._clip_of(index) if self.train else index
        sound, solo = self._keep(which)
        item = {"sound": sound, "category": solo.category, "player": solo.player}
        if self.train:
            rng = random_generator("look", self.cfg.seed, index)
            picture = self.augment(solo.picture[None], torch_generator(rng))[:, 0]
            return item | {"picture": picture}
        frame, box = self._cropped(index, solo)
        seen = {"picture": normalise(frame[None])[:, 0], "frame": frame, "box": box}
        return item | seen | {"wave": solo.sound}

    def boxes(self) -> Float32[np.ndarray, "picture 4"]:
        """Boxes of all pictures of an evaluation set, xyxy in pixels of the network's picture.

        Raises:
            ValueError: a training set, in which every picture is cropped anew.
        """
        if self.train:
            raise ValueError("these solos are for training (train=True): they have no one box")
        return np.stack([self._cropped(i, self._keep(i)[1])[1] for i in range(self.length)])

    def _clip_of(self, index: int) -> int:
        """The clip of training item `index`: every round goes through all, in another order."""
        turn, place = divmod(index, self.length)
        if self._order[0] != turn:
            rng = random_generator("order", self.cfg.seed, turn)
            self._order = (turn, rng.permutation(self.length))
        return int(self._order[1][place])

    def _keep(self, index: int) -> tuple[Tensor, Solo]:
        if index not in self._kept:
            solo = self.solo(index)
            sound = sound_input(torch.from_numpy(solo.sound), self.cfg)
            self._kept[index] = (sound, solo)
        return self._kept[index]

    def _cropped(self, index: int, solo: Solo) -> tuple[np.ndarray, np.ndarray]:
        """The crop of an evaluation item, and the box in it."""
        rng = random_generator("crop", self.cfg.seed, self.split, index)
        side = self.cfg.frame_size
        left, top = rng.integers(0, self.cfg.read_size - side + 1, 2)
        picture = solo.picture[top : top + side, left : left + side]
        box = solo.box - np.array([left, top, left, top], np.float32)
        return np.ascontiguousarray(picture), box.clip(0, side).astype(np.float32)


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make a batch of items: tensors stacked, all else in lists."""
    return {
        key: torch.stack([item[key] for item in items])
        if isinstance(items[0][key], Tensor)
        else [item[key] for item in items]
        for key in items[0]
    }
