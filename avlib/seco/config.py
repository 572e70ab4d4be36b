"""Settings of SeCo: the paper's recipe and the pocket one, for every kind of sight."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from avlib.audio import SECO, FrontEnd, column_count
from avlib.data.splits import category_split
from avlib.orchestra.instruments import TECHNIQUES
from avlib.seco.graph import WIDTHS as JOINT_WIDTHS
from avlib.seco.losses import INTER, INTRA, WITHOUT_TRUTH, Distance, Term
from avlib.seco.sights import DILATIONS, STACKS, WIDTHS
from avlib.training import TrainConfig, read_config

MODALITIES = ("video", "image", "skeleton", "attributes")
"""The paper's three kinds of sight, and the control that is told what it should have seen."""

CONSISTENCY: dict[str, tuple[Term, ...]] = {
    "none": (),
    "inter": INTER,
    "intra": INTRA,
    "both": INTER + INTRA,
}
"""Which terms a row of the table is trained with."""

ENCODER_INPUTS = ("released", "log_masked")
AUGMENTS = ("seco", "released", "none")
STEPS_PER_EPOCH = 500
"""Steps of the paper's "epoch", derived: we assume 800 training videos, each taken 10 times, in
batches of 16 (factor and batch stand in the authors' code; the number of videos is our round
figure, and a list of another length makes another epoch)."""


@dataclass(frozen=True)
class SeCoConfig:
    """Everything about a SeCo model: its sight, its sizes, its data, its training, its switches.

    Attributes:
        train: the optimiser, its schedule and when to stop. Three of its settings follow from
            others and are set here: `weights` ("separation" counts 1, each term of `consistency`
            counts `consistency_weight`, and "truth_weight", which is r, is only logged); the
            learning rate of "encoder", which is 0 unless `train_encoder`; `find_unused`.
        preset: name of the recipe this came from.
        modality: "video", "image" or "skeleton"; "attributes" is a CONTROL, never a recipe: the
            model is told register, technique, onsets and loudness of each player instead of
            seeing them, so that what remains to be lost is what the eyes miss.
        split: "S1", "S2" or "S3": which five categories are never seen (Table A2).
        consistency: "none", "inter", "intra" or "both", see `CONSISTENCY`.
        consistency_weight: of each term; 0.01 in SeCo.
        distance: of vectors: "mean" as released, or "sum", see `avlib.seco.distance`.
        margin: of the hinges.
        train_encoder: whether the encoder learns. The release leaves it out of the optimiser:
            False, and it stays as it was drawn, but for the statistics of its batch norms.
        encoder_input: "released" or "log_masked", see `avlib.seco.masked_input`.
        front_end: rate, length and transform of the sound.
        train_samples: train on a stretch of at most so many samples, anywhere in each clip, while
            the sight sees the whole clip; None: on all of it, as evaluation does.
        bins: rows of the spectrogram after the warp to logarithmic frequency.
        align_corners: of that warp, see `avlib.audio.to_log_frequency`.
        n: how many clips are mixed.
        maps: on which sight and sound agree.
        depth: halvings of the U-Net.
        sound_width: channels of the U-Net's outermost level.
        encoder_widths: channels of the encoder's four blocks.
        features: length of the vectors that are compared; the last widths must be as much.
        video_widths: channels of the four stages of `VisionNet`.
        video_stacks: bottlenecks in each of them.
        video_stem: channels of its first convolution.
        image_width: channels of the first stage of `FrameNet`.
        image_dilation: "sop" or "literal", see `FrameNet`.
        image_weights: what `FrameNet` starts from: None, "imagenet" or a file.
        image_frames: how many of a clip's pictures `FrameNet` looks at, evenly spread.
        joint_widths: channels of the layers of `SkeletonNet`.
        wrist_links: whether its wrists are joined to the hands.
        first_residual: whether its first layer has a shortcut.
        adaptive_edges: whether it learns a weight for every edge.
        joint_noise: None: the joints as they are; "estimator": jittered and with joints and
            hands missing, as a pose estimator gives them, in training and evaluation.
        sight_weights: safetensors file that the sight starts from; None: from scratch.
        init: how the other weights are drawn, see `avlib.nets.initialise`.
        threshold: masks above it become 1, others 0, when sounds are separated; None leaves
            them soft, as SeCo does.
        expression: how far the orchestra's players rise with the pitch, in training and evaluation,
            see `avlib.orchestra.make_scene`; nothing where the clips are your own.
        transpose: at most so many semitones are the orchestra's clips higher or lower than written,
            in training only, see `avlib.data.Orchestra`; likewise.
        augment: "seco": pictures and joints are cut out of a margin and mirrored at random in
            training, and the middle is taken in evaluation; "released": likewise, at a size drawn
            at random, as in the authors' code (`avlib.data.seco_view`, scale_jitter); "none": all
            of the picture, always.
        frame_size: side of the pictures, pixels; 1.25 times as much is read to be cut.
        frames: pictures of a clip, or moments of its joints.
        batch_size: mixes that a training step draws, all processes together.
        pairings: in how many mixes of a step each clip takes part; above 1 the clips of the
            batch are mixed anew with others of the batch, of other categories only.
        clips: None: an endless orchestra; otherwise how many training clips are made, once, and
            kept in memory.
        workers: processes that make mixes; 0: none but this.
        validation_pairs: how many of the stored validation pairs are looked at.
        channels_last: memory layout of the networks, for speed only.
        seed: of the weights and of the training mixes.
    """

    train: TrainConfig
    preset: str = "paper"
    modality: str = "video"
    split: str = "S1"
    consistency: str = "both"
    consistency_weight: float = 0.01
    distance: Distance = "mean"
    margin: float = 1.0
    train_encoder: bool = True
    encoder_input: str = "released"
    front_end: FrontEnd = SECO
    train_samples: int | None = None
    bins: int = 256
    align_corners: bool = True
    n: int = 2
    maps: int = 64
    depth: int = 5
    sound_width: int = 64
    encoder_widths: tuple[int, ...] = (32, 64, 128, 256)
    features: int = 256
    video_widths: tuple[int, ...] = WIDTHS
    video_stacks: tuple[int, ...] = STACKS
    video_stem: int = 8
    image_width: int = 64
    image_dilation: str = "sop"
    image_weights: str | None = None
    image_frames: int = 24
    joint_widths: tuple[int, ...] = JOINT_WIDTHS
    wrist_links: bool = True
    first_residual: bool = False
    adaptive_edges: bool = True
    joint_noise: str | None = None
    sight_weights: str | None = None
    init: str = "sop"
    threshold: float | None = None
    expression: float = 0.0
    transpose: int = 0
    augment: str = "seco"
    frame_size: int = 128
    frames: int = 24
    batch_size: int = 16
    pairings: int = 1
    clips: int | None = None
    workers: int = 8
    validation_pairs: int = 128
    channels_last: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_names()
        self._check_numbers()
        self._check_widths()
        weights = {"separation": 1.0} | dict.fromkeys(self.terms, self.consistency_weight)
        if "inter_truth" in self.terms:
            weights["truth_weight"] = 0.0
        lrs = self.train.lrs if self.train_encoder else {**self.train.lrs, "encoder": 0.0}
        if self.train_encoder and not lrs.get("encoder", 1.0):
            raise ValueError("train_encoder=True needs a learning rate: give lrs of all networks")
        unused = self.train.find_unused or not self.terms  # the encoder hears nothing then
        train = replace(self.train, weights=weights, lrs=lrs, find_unused=unused)
        object.__setattr__(self, "train", train)

    def _check_names(self) -> None:
        for name, value, allowed in (
            ("modality", self.modality, MODALITIES),
            ("consistency", self.consistency, tuple(CONSISTENCY)),
            ("distance", self.distance, get_args(Distance)),
            ("encoder_input", self.encoder_input, ENCODER_INPUTS),
            ("image_dilation", self.image_dilation, tuple(DILATIONS)),
            ("joint_noise", self.joint_noise, (None, "estimator")),
            ("augment", self.augment, AUGMENTS),
        ):
            if value not in allowed:
                raise ValueError(
                    f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}"
                )
        category_split(self.split)

    def _check_numbers(self) -> None:
        for name in ("maps", "depth", "sound_width", "features", "frames", "image_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.n < 2:
            raise ValueError(f"n must be at least 2, since consistency compares; got {self.n}")
        if not 1 <= self.pairings <= self.batch_size:
            raise ValueError(f"pairings must be from 1 to batch_size; got {self.pairings}")
        if self.clips is not None and self.clips < 2:
            raise ValueError(f"clips must be at least 2, or None for endless; got {self.clips}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError(f"threshold must lie between 0 and 1, or be None: {self.threshold}")
        if self.bins == self.front_end.bins:
            raise ValueError(
                f"bins must differ from the front end's {self.bins} rows: masks with that many "
                f"rows are taken for masks on linear frequency; take {self.bins - 1} or fewer"
            )
        for columns in (self.front_end.columns, self.train_columns):
            if self.bins % 2**self.depth or columns % 2**self.depth:
                raise ValueError(
                    f"a spectrogram of {self.bins} x {columns} cannot be halved "
                    f"{self.depth} times: take sides that are multiples of {2**self.depth}"
                )

    def _check_widths(self) -> None:
        widths = {"encoder_widths": self.encoder_widths}
        if self.modality == "video":
            widths["video_widths"] = self.video_widths
        if self.modality == "skeleton":
            widths["joint_widths"] = self.joint_widths
        for name, value in widths.items():
            if value[-1] != self.features:
                raise ValueError(
                    f"the last of {name} is {value[-1]}, but features={self.features}: what is "
                    "seen and what is heard are compared, so make them equal"
                )

    @property
    def stretch(self) -> int:
        """Samples of a clip that a training step hears."""
        return min(self.train_samples or self.front_end.samples, self.front_end.samples)

    @property
    def train_columns(self) -> int:
        """Columns of the spectrograms in training."""
        front = self.front_end
        return column_count(self.stretch, front.n_fft, front.hop, front.center)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of the consistency losses that this model learns from."""
        return CONSISTENCY[self.consistency]

    @property
    def matching_terms(self) -> tuple[Term, ...]:
        """The terms of L_cs in online matching: those it learns from that need no truth.

        All of those where it learns from none at all, which is a control.

        Example:
            >>> pocket().changed(consistency="intra").matching_terms
            ('intra_negative',)
        """
        return tuple(term for term in WITHOUT_TRUTH if term in self.terms) or WITHOUT_TRUTH

    @property
    def attributes(self) -> int:
        """How many numbers the control modality is told about a player.

        Lowest pitch, highest pitch, voices, one of six techniques, and onsets and loudness at
        each of `frames` moments: see `avlib.data.attributes_input`.
        """
        return 3 + len(TECHNIQUES) + 2 * self.frames

    def changed(self, **changes: Any) -> "SeCoConfig":
        """Copy with other values; those of `TrainConfig` may be named too.

        Raises:
            TypeError: neither config has such a setting, or `weights`, which follow from others.
            ValueError: the values do not fit together.

        Example:
            >>> cfg = pocket().changed(steps=20, consistency="intra", train_encoder=False)
            >>> cfg.train.steps, cfg.train.lrs["encoder"]
            (20, 0.0)
            >>> cfg.train.weights
            {'separation': 1.0, 'intra_positive': 0.01, 'intra_negative': 0.01}
        """
        if "weights" in changes:
            raise TypeError("weights follow from consistency and consistency_weight: change those")
        own = {k: v for k, v in changes.items() if k in self.__dataclass_fields__}
        inner = {k: v for k, v in changes.items() if k not in own}
        train = replace(own.pop("train", self.train), **inner)
        return replace(self, train=train, **own)


def paper(modality: str = "video", split: str = "S1") -> SeCoConfig:
    """Give the recipe of the paper and the authors' code: 100 epochs, four GPUs.

    Adam (0.9, 0.999) without weight decay; learning rate 1e-4 for the sight and 1e-3 for the
    separator, nothing decays; 16 mixes a step. Ours, where both are silent: the encoder learns at
    1e-3 (the release leaves it out of the optimiser, `train_encoder=False`), the sight starts
    from scratch (the release: from a file whose origin is not stated, `sight_weights`), the image
    modality looks at all 24 pictures, and how long an epoch is, see `STEPS_PER_EPOCH`.

    Args:
        modality: kind of sight.
        split: which five categories are never seen.

    Example:
        >>> paper("skeleton", "S2").joint_widths[-1]
        256
    """
    epoch = STEPS_PER_EPOCH
    return SeCoConfig(
        TrainConfig(
            steps=100 * epoch,
            lrs={"sight": 1e-4, "separator": 1e-3, "encoder": 1e-3},
            optimiser="adam",
            save_every=epoch,
            validate_every=5 * epoch,
        ),
        modality=modality,
        split=split,
    )


def pocket(modality: str = "video", split: str = "S1") -> SeCoConfig:
    """Give the recipe that trains on two CPU cores in ten minutes (ours).

    The same networks, narrower and with one block where the paper stacks several; weights after He
    et al., AdamW with one cycle of the learning rate, 64 rows instead of 256 (the step takes a
    quarter of the time; it costs more than was thought when it was chosen: from joints 128 rows
    gained 0.7 to 1.6 dB more on the three splits, see the table's rows on Sound of Pixels' grid),
    half of each clip's sound in a training step, and pictures of 64 pixels, because a thousand
    steps are all there is time for.

    The orchestra's players rise with the pitch (`expression`), so that an unknown instrument's
    register can be seen at all; training clips are transposed by up to 9 semitones, so that to
    know the category is not enough; pictures and joints are neither cut nor mirrored at random,
    which would blur the first of these. All three were chosen with training
    categories of S1 held out; flute and ukulele were among these, which S2 and S3 test. Without
    them, trained as long from joints, SeCo lost about as much on split 1 as
    it gains with them.

    Args:
        modality: kind of sight.
        split: which five categories are never seen.

    Example:
        >>> pocket("image").image_frames
        3
    """
    return SeCoConfig(
        TrainConfig(
            steps=1000,
            lrs={"sight": 2e-3, "separator": 2e-3, "encoder": 2e-3},
            optimiser="adamw",
            weight_decay=1e-2,
            schedule="one_cycle",
            warmup_steps=50,
            clip_norm=1.0,
            precision="bfloat16",
            max_minutes=10.0,
            save_every=250,
            validate_every=250,
        ),
        preset="pocket",
        modality=modality,
        split=split,
        train_samples=33000,
        bins=64,
        maps=16,
        sound_width=16,
        encoder_widths=(8, 16, 32, 64),
        features=64,
        video_widths=(8, 16, 32, 64),
        video_stacks=(1, 1, 1, 1),
        image_width=16,
        image_frames=3,
        joint_widths=(16,) * 3 + (32,) * 3 + (64,) * 5,
        init="he",
        expression=1.0,
        transpose=9,
        augment="none",
        frame_size=64,
        batch_size=8,
        pairings=2,
        clips=2400,
        workers=0,
        validation_pairs=32,
        channels_last=True,
    )


PRESETS: dict[str, Callable[..., SeCoConfig]] = {"paper": paper, "pocket": pocket}
"""The recipes by name."""


def config_from_json(values: Mapping[str, Any]) -> SeCoConfig:
    """Build the config that a checkpoint's record holds.

    Raises:
        ValueError: the record is of another version of the package.

    Example:
        >>> from dataclasses import asdict
        >>> import json
        >>> config_from_json(json.loads(json.dumps(asdict(pocket())))) == pocket()
        True
    """
    return read_config(SeCoConfig, values)
