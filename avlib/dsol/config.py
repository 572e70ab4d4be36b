"""Settings of DSOL: the paper's recipe and the pocket one (stage 1: matching)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from avlib.audio import DSOL, FrontEnd
from avlib.orchestra.instruments import MUSIC11
from avlib.training import TrainConfig, read_config

CLIPS = 217 * 240
"""Seconds of solo in an epoch of the paper's recipe, ours: the authors' list of stage 1 names 217
videos, and we suppose four minutes of each. How long they are is not known."""

STEPS_PER_EPOCH = CLIPS // 32
"""Steps of an epoch: a pair a second, in batches of 32."""


@dataclass(frozen=True)
class DSOLConfig:
    """Everything about a DSOL model: its sizes, its data and its training.

    Attributes:
        train: the optimiser of stage 1, its schedule and when to stop.
        preset: name of the recipe this came from.
        front_end: rate, length and transform of the sound.
        mels: bands of the log-mel spectrogram.
        level_db: taken off the log-mel spectrogram, dB (the paper's network sees it as it is).
        spread_db: what the rest is divided by.
        frame_size: side of the picture that the network sees, pixels.
        read_size: side of the picture before the random crop, pixels.
        audio_width: channels of the first stage of the sound's ResNet.
        visual_width: channels of the first stage of the picture's ResNet.
        visual_weights: weights the picture's ResNet starts from: None, "imagenet", a file with
            torchvision's names, or "sop-pocket": those of the Sound of Pixels model that comes
            with the package (`visual_width` 16), learned without labels too.
        embedding: length of the vectors that are compared.
        relu: a ReLU between the two layers of each embedding (as in the authors' code; Table 1
            of the supplement lists none).
        omega: where the scale of the cosine starts (authors' code: 5).
        location_bias: a bias beside the scale (the code for MUSIC has none).
        normalise: compare directions, so that the map is one of cosines; without (the code for
            AudioSet, together with the bias), vectors count with their lengths.
        pooling: how a map becomes one score: "max" (the paper's), "mean" or "softmax".
        init: how weights without a start are drawn, see `avlib.nets.initialise`.
        negatives: with how many wrong pictures of its batch each sound is compared.
        instruments: who plays in the orchestra that it is trained on.
        hard: hard cases in every training scene, see `avlib.orchestra.make_scene`.
        clips: how many seconds of solo the training set has; made once, then kept in memory.
        batch_size: pairs of sound and picture that a training step draws.
        validation_clips: how many clips of validation players are looked at.
        channels_last: memory layout of the networks, for speed only.
        seed: of the weights and of the training clips.
    """

    train: TrainConfig
    preset: str = "paper"
    front_end: FrontEnd = DSOL
    mels: int = 64
    level_db: float = 0.0
    spread_db: float = 1.0
    frame_size: int = 224
    read_size: int = 256
    audio_width: int = 64
    visual_width: int = 64
    visual_weights: str | None = None
    embedding: int = 128
    relu: bool = True
    omega: float = 5.0
    location_bias: bool = False
    normalise: bool = True
    pooling: str = "max"
    init: str = "he"
    negatives: int = 1
    instruments: tuple[str, ...] = field(default=MUSIC11)
    hard: tuple[str, ...] = ()
    clips: int = CLIPS
    batch_size: int = 32
    validation_clips: int = 128
    channels_last: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.negatives < self.batch_size:
            raise ValueError(
                f"negatives must be from 1 to batch_size - 1 = {self.batch_size - 1}: the other "
                f"pictures of the batch; got {self.negatives}"
            )
        if self.spread_db <= 0:
            raise ValueError(f"spread_db must be positive; got {self.spread_db}")
        if self.read_size < self.frame_size:
            raise ValueError(
                f"read_size={self.read_size} must be at least frame_size={self.frame_size}: "
                "the crop is taken out of it"
            )

    def changed(self, **changes: Any) -> "DSOLConfig":
        """Copy with other values; those of `TrainConfig` may be named too.

        Raises:
            TypeError: neither config has such a setting.

        Example:
            >>> pocket().changed(steps=20, embedding=8).train.steps
            20
        """
        own = {k: v for k, v in changes.items() if k in self.__dataclass_fields__}
        inner = {k: v for k, v in changes.items() if k not in own}
        train = replace(own.pop("train", self.train), **inner)
        return replace(self, train=train, **own)


def paper() -> DSOLConfig:
    """Give the recipe of the authors' code for MUSIC (`training_stage_one.py`), matching only.

    15 epochs; the picture's ResNet starts from ImageNet, the sound's from nothing (supplement A.3;
    Table 2 compares). Adam with 1e-4 and weight decay 1e-4 are what the code of the second stage
    (`training_stage_two.py`) uses, taken over here. The alternation with the classification of
    pseudo-labels is not part of this recipe.
    """
    epoch = STEPS_PER_EPOCH
    return DSOLConfig(
        TrainConfig(
            steps=15 * epoch,
            lrs={"audio": 1e-4, "visual": 1e-4, "localiser": 1e-4},
            weights={"localisation": 1.0},
            optimiser="adam",
            weight_decay=1e-4,
            save_every=epoch,
            validate_every=epoch,
        ),
        visual_weights="imagenet",
    )


def pocket() -> DSOLConfig:
    """Give the recipe that trains on one CPU core in about ten minutes (ours).

    The same networks, a quarter and an eighth as wide, on pictures of 128 pixels (maps of 8 x 8).
    As the paper's picture network starts from ImageNet (from scratch it does far worse,
    supplement Table 2), this one starts from the picture network of our Sound of Pixels model,
    which has learned without labels from the same players. The players stand far away ("small")
    and the crop is wide, because solos of the orchestra stand in the middle, where a map would
    need no ears to find them. Every other picture of the batch is a wrong one, which costs next
    to nothing since every clip is encoded once.
    """
    return DSOLConfig(
        TrainConfig(
            steps=900,
            lrs={"audio": 1e-3, "visual": 1e-3, "localiser": 1e-3},
            weights={"localisation": 1.0},
            optimiser="adamw",
            weight_decay=1e-2,
            schedule="one_cycle",
            warmup_steps=30,
            clip_norm=1.0,
            precision="bfloat16",
            save_every=100,
            validate_every=100,
        ),
        preset="pocket",
        level_db=-35.0,
        spread_db=15.0,
        frame_size=128,
        read_size=160,
        audio_width=8,
        visual_width=16,
        visual_weights="sop-pocket",
        embedding=64,
        negatives=31,
        hard=("small",),
        clips=3000,
        validation_clips=96,
        channels_last=True,
    )


PRESETS: dict[str, Callable[[], DSOLConfig]] = {"paper": paper, "pocket": pocket}
"""The recipes by name."""


def config_from_json(values: Mapping[str, Any]) -> DSOLConfig:
    """Build the config that a checkpoint's record holds.

    Raises:
        ValueError: the record is of another version of the package.

    Example:
        >>> from dataclasses import asdict
        >>> import json
        >>> config_from_json(json.loads(json.dumps(asdict(pocket())))) == pocket()
        True
    """
    return read_config(DSOLConfig, values)
