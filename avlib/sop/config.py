"""Settings of Sound of Pixels: the paper's recipe and the pocket one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from avlib.audio import SOP, FrontEnd
from avlib.orchestra.instruments import MUSIC11
from avlib.training import TrainConfig, read_config

STEPS_PER_EPOCH = 500
"""Steps of the paper's "epoch", derived: we assume 400 training videos, each taken 100 times, in
batches of 80 (dup_trainset 100 and 4 GPUs x 20 stand in the authors' code; the number of videos
is our round figure, and a list of another length makes another epoch)."""


@dataclass(frozen=True)
class SoPConfig:
    """Everything about a Sound of Pixels model: its sizes, its data and its training.

    Attributes:
        train: the optimiser, its schedule and when to stop.
        preset: name of the recipe this came from.
        front_end: rate, length and transform of the sound.
        bins: rows of the spectrogram after the warp to logarithmic frequency; not as many as
            before it, since masks with that many are taken for masks on linear frequency.
        align_corners: of that warp, see `avlib.audio.to_log_frequency`.
        maps: how many maps sound and picture agree on (K, 32 in the paper).
        depth: halvings of the U-Net.
        sound_width: channels of the U-Net's outermost level.
        frame_width: channels of the ResNet's first stage.
        frame_weights: weights the ResNet starts from: None or "imagenet".
        init: how the other weights are drawn, see `avlib.nets.initialise`.
        mask: what the masks are trained to be: "binary" (cross-entropy) or "ratio" (L1).
        weighted_loss: weigh each bin by the loudness of the mixture.
        threshold: masks above it become 1, others 0, when sounds are separated; None leaves
            them soft.
        n: how many clips are mixed.
        frame_size: side of the pictures, pixels.
        frames: how many pictures of a clip are looked at.
        frame_spacing_s: from one to the next, seconds.
        train_samples: train on segments of this many samples; None: as long as evaluation's.
        instruments: who plays in the orchestra that it is trained on.
        batch_size: mixes that a training step draws, all processes together.
        pairings: in how many mixes of a step each clip takes part; above 1 the clips of the
            batch are mixed with each other anew, which costs neither data nor pictures.
        workers: processes that make mixes; 0: none but this.
        validation_pairs: how many of the stored validation pairs are looked at.
        channels_last: memory layout of the networks, for speed only.
        seed: of the weights and of the training mixes.
        expression: how far the orchestra's players rise with the pitch, in training and evaluation,
            see `avlib.orchestra.make_scene`; nothing where the clips are your own.
        transpose: at most so many semitones are the orchestra's clips higher or lower than written,
            in training only, see `avlib.data.Orchestra`; likewise.
        colour_leak: a CONTROL, never a recipe: every picture is tinted with a colour that
            belongs to its category, in training and evaluation, so that recognising instruments
            takes no more than telling colours apart. What a model gains with it and not without
            is what pictures that gave the category away would have feigned.
    """

    train: TrainConfig
    preset: str = "paper"
    front_end: FrontEnd = SOP
    bins: int = 256
    align_corners: bool = True
    maps: int = 32
    depth: int = 7
    sound_width: int = 64
    frame_width: int = 64
    frame_weights: str | None = None
    init: str = "sop"
    mask: str = "binary"
    weighted_loss: bool = True
    threshold: float | None = 0.5
    n: int = 2
    frame_size: int = 224
    frames: int = 3
    frame_spacing_s: float = 3.0
    train_samples: int | None = None
    instruments: tuple[str, ...] = field(default=MUSIC11)
    batch_size: int = 80
    pairings: int = 1
    workers: int = 8
    validation_pairs: int = 128
    channels_last: bool = False
    seed: int = 0
    expression: float = 0.0
    transpose: int = 0
    colour_leak: bool = False

    def __post_init__(self) -> None:
        if self.mask not in ("binary", "ratio"):
            raise ValueError(f"mask must be 'binary' or 'ratio'; got {self.mask!r}")
        if not 1 <= self.pairings <= self.batch_size:
            raise ValueError(f"pairings must be from 1 to batch_size; got {self.pairings}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError(f"threshold must lie between 0 and 1, or be None: {self.threshold}")
        if self.bins == self.front_end.bins:
            raise ValueError(
                f"bins must differ from the front end's {self.bins} rows: masks with that many "
                f"rows are taken for masks on linear frequency; take {self.bins - 1} or fewer"
            )

    def changed(self, **changes: Any) -> "SoPConfig":
        """Copy with other values; those of `TrainConfig` may be named too.

        Raises:
            TypeError: neither config has such a setting.

        Example:
            >>> pocket().changed(steps=20, maps=8).train.steps
            20
        """
        own = {k: v for k, v in changes.items() if k in self.__dataclass_fields__}
        inner = {k: v for k, v in changes.items() if k not in own}
        train = replace(own.pop("train", self.train), **inner)
        return replace(self, train=train, **own)


def paper() -> SoPConfig:
    """Give the recipe of the authors' code (scripts/train_MUSIC.sh): 100 epochs, four GPUs.

    SGD with momentum 0.9 and weight decay 1e-4; learning rate 1e-4 for the ResNet, which starts
    from ImageNet, and 1e-3 for all else; a tenth of both after 40 and 80 epochs.
    """
    epoch = STEPS_PER_EPOCH
    return SoPConfig(
        TrainConfig(
            steps=100 * epoch,
            lrs={"sound": 1e-3, "synthesizer": 1e-3, "frame": 1e-4, "frame.fc": 1e-3},
            weights={"mask": 1.0},
            optimiser="sgd",
            momentum=0.9,
            weight_decay=1e-4,
            schedule="multistep",
            milestones=(40 * epoch, 80 * epoch),
            decay=0.1,
            save_every=epoch,
            validate_every=epoch,
        ),
        frame_weights="imagenet",
    )


def pocket() -> SoPConfig:
    """Give the recipe that trains on two CPU cores in a quarter of an hour (ours).

    The same networks, a quarter as wide; weights after He et al. instead of the tiny ones of the
    authors' code, and AdamW with one cycle of the learning rate, because a few thousand steps
    are all there is time for; 128 rows instead of 256 (the ideal masks lose about 2 dB on 24
    pairs; the step takes half the time); segments of 3 s in training (evaluation: 6 s, as the
    paper's); soft masks.
    Nothing here knows the names of the instruments.
    """
    return SoPConfig(
        TrainConfig(
            steps=2000,
            lrs={"sound": 2e-3, "synthesizer": 2e-3, "frame": 2e-3},
            weights={"mask": 1.0},
            optimiser="adamw",
            weight_decay=1e-2,
            schedule="one_cycle",
            warmup_steps=100,
            clip_norm=1.0,
            precision="bfloat16",
            max_minutes=15.0,
            save_every=250,
            validate_every=500,
        ),
        preset="pocket",
        bins=128,
        maps=16,
        depth=6,
        sound_width=16,
        frame_width=16,
        init="he",
        threshold=None,
        frame_size=96,
        frames=2,
        frame_spacing_s=1.5,
        train_samples=32767,
        batch_size=16,
        workers=1,
        validation_pairs=32,
        channels_last=True,
    )


PRESETS: dict[str, Callable[[], SoPConfig]] = {"paper": paper, "pocket": pocket}
"""The recipes by name."""


def config_from_json(values: Mapping[str, Any]) -> SoPConfig:
    """Build the config that a checkpoint's record holds.

    Raises:
        ValueError: the record is of another version of the package.

    Example:
        >>> from dataclasses import asdict
        >>> import json
        >>> config_from_json(json.loads(json.dumps(asdict(pocket())))) == pocket()
        True
    """
    return read_config(SoPConfig, values)
