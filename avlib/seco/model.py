"""SeCo as one model: sight, separator and encoder, and what they make of a mixture."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avlib.audio import column_count, log_magnitude, to_log_frequency
from avlib.nets import initialise
from avlib.seco.config import ENCODER_INPUTS, SeCoConfig, paper
from avlib.seco.graph import SkeletonNet
from avlib.seco.hearing import AudioEncoder, Separator
from avlib.seco.losses import Features
from avlib.seco.sights import AttributeNet, FrameNet, VisionNet
from avlib.skeleton import JOINTS
from avlib.training import fingerprint, load_checkpoint

AXES = {
    "video": "(batch, source, 3, frame, height, width)",
    "image": "(batch, source, 3, frame, height, width)",
    "skeleton": f"(batch, source, 3, frame, {JOINTS})",
    "attributes": "(batch, source, number)",
}
"""What each kind of sight looks at."""
AFTER_MAXIMUM = 0.1
"""How much smaller than after He et al. the layer behind `FrameNet`'s maximum is drawn: maxima are
several times as large as what they reckon with. At full size four fifths of the separator's gates
are shut at the first step, and training never leaves the masks that know nothing of the sight."""


def make_sight(cfg: SeCoConfig) -> nn.Module:
    """Build the network that sees: one interface, visuals of a clip to one vector.

    Example:
        >>> from avlib.seco import pocket
        >>> type(make_sight(pocket("skeleton"))).__name__
        'SkeletonNet'
    """
    if cfg.modality == "video":
        return VisionNet(cfg.video_widths, cfg.video_stacks, cfg.video_stem)
    if cfg.modality == "image":
        return FrameNet(
            cfg.features, cfg.image_width, cfg.image_dilation, cfg.image_weights, cfg.image_frames
        )
    if cfg.modality == "skeleton":
        return SkeletonNet(
            cfg.joint_widths,
            wrist_links=cfg.wrist_links,
            first_residual=cfg.first_residual,
            adaptive=cfg.adaptive_edges,
        )
    return AttributeNet(cfg.attributes, cfg.features)


class SeCo(nn.Module):
    """The three networks as one model.

    With `init="sop"`, as in the paper's recipe, the separator's weights are drawn as in the
    authors' code (see `avlib.nets.initialise`), the encoder's after He et al. by fan out (as
    there) and the sight's by fan in (ours); any other scheme holds for all three, but for what
    comes after the image modality's maximum with "he" (`AFTER_MAXIMUM`).

    Args:
        cfg: kind of sight, sizes, switches; the paper's with video if not given.

    Attributes:
        cfg: the same.
        sight: what sees.
        separator: what separates.
        encoder: what compares sounds.
        loaded: SHA-256 (first 16 digits) of the file that the weights were loaded from and of the
            weights then, by which a record says what was evaluated; None: not loaded.

    Raises:
        FileNotFoundError: `cfg.sight_weights` is not there.
        ValueError: these weights are of another kind or size of sight.

    Example:
        >>> from avlib.seco import pocket
        >>> model = SeCo(pocket()).eval()
        >>> mixture, frames = torch.zeros(1, 66150), torch.zeros(1, 2, 3, 1, 64, 64)
        >>> model(mixture, frames).shape
        torch.Size([1, 2, 64, 256])
    """

    def __init__(self, cfg: SeCoConfig | None = None) -> None:
        super().__init__()
        self.cfg = paper() if cfg is None else cfg
        self.loaded: tuple[str, str] | None = None
        cfg = self.cfg
        generator = torch.Generator().manual_seed(cfg.seed)
        self.separator = Separator(cfg.features, cfg.maps, cfg.depth, cfg.sound_width)
        initialise(self.separator, generator, cfg.init)
        self.encoder = AudioEncoder(cfg.encoder_widths)
        initialise(self.encoder, generator, "he_out" if cfg.init == "sop" else cfg.init)
        self.sight = make_sight(cfg)
        for name, part in self.sight.named_children():
            if name != "resnet" or cfg.image_weights is None:
                initialise(part, generator, "he" if cfg.init == "sop" else cfg.init)
        if isinstance(self.sight, FrameNet) and cfg.init == "he":
            with torch.no_grad():
                self.sight.project.weight.mul_(AFTER_MAXIMUM)
        if cfg.sight_weights is not None:
            start_sight(self.sight, cfg.sight_weights)
        if cfg.channels_last:
            channels_last(self)

    @property
    def nets(self) -> dict[str, nn.Module]:
        """The networks by name, as `train_step` and `avlib.training.fit` take them."""
        return {"sight": self.sight, "separator": self.separator, "encoder": self.encoder}

    def fingerprint(self) -> str:
        """Say which weights these are: the first 16 digits of their SHA-256."""
        return fingerprint(self)

    def look(self, visuals: Tensor) -> Float[Tensor, "batch source feature"]:
        """Compute the vector of each player, see `look`."""
        return look(self.nets, visuals, self.cfg)

    def encode(
        self, inputs: Float[Tensor, "batch source freq column"]
    ) -> Float[Tensor, "batch source feature"]:
        """Compute the vector of each log spectrogram, see `encode`."""
        return encode(self.nets, inputs)

    def hear(
        self,
        mixture_mag: Float[Tensor, "batch freq column"],
        logits: Float[Tensor, "batch source freq column"],
    ) -> Float[Tensor, "batch source feature"]:
        """Compute the vector of each separated sound: the encoder on the masked mixture."""
        return self.encode(masked_input(mixture_mag, logits.sigmoid(), self.cfg.encoder_input))

    def separate(
        self, mixture_mag: Float[Tensor, "batch freq column"], visuals: Tensor
    ) -> tuple[Float[Tensor, "batch source freq column"], Features]:
        """Compute masks before the sigmoid, and the vectors that need no truth.

        Args:
            mixture_mag: of `spectrograms`.
            visuals: see `AXES`.
        """
        seen = self.look(visuals)
        logits = mask_logits(self.nets, mixture_mag, seen)
        return logits, Features(self.hear(mixture_mag, logits), seen)

    def forward(
        self, mixture: Float[Tensor, "batch sample"], visuals: Tensor
    ) -> Float[Tensor, "batch source freq column"]:
        """Compute the mask of each source on logarithmic frequency, before the sigmoid.

        Args:
            mixture: sounds.
            visuals: of the model's kind of sight, see `AXES`.

        Raises:
            ValueError: visuals of another kind of sight, of other mixtures, or with numbers that
                are not finite; sounds of a length that the networks cannot take.
        """
        check_mixtures(mixture, visuals, self.cfg)
        return mask_logits(self.nets, spectrograms(mixture, self.cfg), self.look(visuals))


def look(
    nets: Mapping[str, nn.Module], visuals: Tensor, cfg: SeCoConfig
) -> Float[Tensor, "batch source feature"]:
    """Compute the vector of each player, $v$.

    Args:
        nets: see `SeCo.nets`.
        visuals: see `AXES`; any number of frames from one on.
        cfg: the settings.

    Raises:
        ValueError: the visuals are of another kind of sight than the model's.
    """
    _check_shape(visuals, cfg)
    batch, source = visuals.shape[:2]
    return _whole(nets["sight"](visuals.flatten(0, 1))).unflatten(0, (batch, source))


def encode(
    nets: Mapping[str, nn.Module], inputs: Float[Tensor, "batch source freq column"]
) -> Float[Tensor, "batch source feature"]:
    r"""Compute the vector of each log spectrogram.

    $a$ of `masked_input` for what is separated; $g$ and $t$ of $\log(|S| + 10^{-10})$, which is
    `avlib.audio.log_magnitude`, for true sounds (authors' code).

    Args:
        nets: see `SeCo.nets`.
        inputs: one spectrogram for each source.
    """
    batch, source = inputs.shape[:2]
    return _whole(nets["encoder"](inputs.flatten(0, 1)[:, None])).unflatten(0, (batch, source))


def mask_logits(
    nets: Mapping[str, nn.Module],
    mixture_mag: Float[Tensor, "batch freq column"],
    seen: Float[Tensor, "batch source feature"],
) -> Float[Tensor, "batch source freq column"]:
    """Compute the mask of each source, before the sigmoid, see `Separator`.

    Args:
        nets: see `SeCo.nets`.
        mixture_mag: of `spectrograms`.
        seen: of `look`.
    """
    return _whole(nets["separator"](log_magnitude(mixture_mag)[:, None], seen))


def spectrograms(
    waves: Float[Tensor, "*batch sample"], cfg: SeCoConfig
) -> Float[Tensor, "*batch freq column"]:
    """Compute magnitudes on logarithmic frequency, the axes that the networks live on.

    Example:
        >>> from avlib.seco import pocket
        >>> spectrograms(torch.zeros(1, 66150), pocket()).shape
        torch.Size([1, 64, 256])
    """
    magnitude = cfg.front_end.stft(waves).abs()
    return to_log_frequency(magnitude, cfg.bins, cfg.align_corners)


def masked_input(
    mixture_mag: Float[Tensor, "batch freq column"],
    masks: Float[Tensor, "batch source freq column"],
    encoder_input: str = "released",
) -> Float[Tensor, "batch source freq column"]:
    r"""Compute what the encoder is given of each separated sound.

    Args:
        mixture_mag: magnitudes of the mixture, $|X|$.
        masks: from 0 to 1, $\hat M$.
        encoder_input: "released": $\log(|X| + 10^{-10}) \odot \hat M$, the product in the
            logarithmic domain, in which a cell that is masked out becomes 0, the logarithm of 1
            (authors' code). "log_masked": $\log(|X| \odot \hat M + 10^{-10})$, the domain of the
            true sounds' input, in which it becomes -23.

    Raises:
        ValueError: another input.

    Example:
        >>> mixture, mask = torch.ones(1, 1, 1), torch.zeros(1, 1, 1, 1)
        >>> [round(masked_input(mixture, mask, kind).item(), 1) for kind in ENCODER_INPUTS]
        [0.0, -23.0]
    """
    if encoder_input not in ENCODER_INPUTS:
        raise ValueError(f"encoder_input must be one of {ENCODER_INPUTS}; got {encoder_input!r}")
    if encoder_input == "released":
        return log_magnitude(mixture_mag)[:, None] * masks
    return log_magnitude(mixture_mag[:, None] * masks)


def check_visuals(visuals: Tensor, cfg: SeCoConfig) -> None:
    """Check that visuals are of a model's kind of sight, and finite.

    Raises:
        ValueError: they are not; the message says what the model looks at.

    Example:
        >>> from avlib.seco import pocket
        >>> check_visuals(torch.zeros(1, 2, 3, 24, 60), pocket("skeleton"))
    """
    _check_shape(visuals, cfg)
    if not torch.isfinite(visuals).all():
        bad = (~torch.isfinite(visuals)).flatten(2).any(dim=2).nonzero()[0].tolist()
        raise ValueError(
            f"the visuals of source {bad[1]} of item {bad[0]} hold NaN or infinite numbers: joints "
            "that were not seen are zeros with confidence 0"
        )


def check_mixtures(
    mixture: Float[Tensor, "batch sample"], visuals: Tensor, cfg: SeCoConfig
) -> None:
    """Check that mixtures are as long as a model takes them, and have visuals each.

    Raises:
        ValueError: they are not; the message says what to give.

    Example:
        >>> from avlib.seco import pocket
        >>> joints = torch.zeros(1, 2, 3, 24, 60)
        >>> check_mixtures(torch.zeros(1, 66150), joints, pocket("skeleton"))
    """
    if len(mixture) != len(visuals) or len(mixture) == 0:
        raise ValueError(
            f"each mixture needs the visuals of its players; got {len(mixture)} mixtures and "
            f"visuals for {len(visuals)}"
        )
    front, samples = cfg.front_end, mixture.shape[-1]
    columns = column_count(samples, front.n_fft, front.hop, front.center)
    if columns < 1 or columns % 2**cfg.depth:
        raise ValueError(
            f"a mixture of {samples} samples ({samples / front.rate:.2f} s) makes a spectrogram of "
            f"{columns} columns, which cannot be halved {cfg.depth} times: give {front.samples} "
            f"samples, {front.seconds:.2f} s at {front.rate} Hz; avlib.data.MixAndSeparate cuts "
            "them out of clips"
        )
    check_visuals(visuals, cfg)


def start_sight(sight: nn.Module, path: str | Path) -> None:
    """Start the sight from a checkpoint: of a whole SeCo model, or of this network alone.

    Args:
        sight: filled in place.
        path: a safetensors file, with the network's own parameter names ("res1.0.conv1.weight"),
            or with "sight." before them, as `avlib.seco.save` writes them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no safetensors file, or of another kind or size of sight.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights for the sight at {path}: give a .safetensors file")
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{path} is no .safetensors file, and nothing else is read, since it could run code: "
            "convert it with safetensors.torch.save_file(torch.load(...), ...)"
        )
    tensors, _ = load_checkpoint(path)
    inner = {k.removeprefix("sight."): v for k, v in tensors.items() if k.startswith("sight.")}
    try:
        sight.load_state_dict(inner or tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not hold a {type(sight).__name__} of these sizes: {error}"
        ) from error


def channels_last(model: nn.Module) -> None:
    """Bring weights of convolutions into the layout in which channels lie side by side, in place.

    What comes out of a convolution is laid out as its weights are. Faster, and changes nothing.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def _check_shape(visuals: Tensor, cfg: SeCoConfig) -> None:
    """Without a look at the numbers, so that it works inside `torch.func` and costs nothing."""
    ends = {
        "skeleton": {2: 3, -1: JOINTS},
        "attributes": {-1: cfg.attributes},
    }.get(cfg.modality, {2: 3})
    axes = AXES[cfg.modality]
    right = visuals.ndim == axes.count(",") + 1
    if not right or any(visuals.shape[k] != n for k, n in ends.items()) or 0 in visuals.shape:
        if cfg.modality == "attributes":
            axes = axes.replace("number", str(cfg.attributes))
        raise ValueError(
            f"this model's sight is {cfg.modality!r}: it looks at {axes}, got "
            f"{tuple(visuals.shape)}; give it such visuals, or load a model with the other sight"
        )


def _whole(x: Tensor) -> Tensor:
    """Leave autocast: what is compared or becomes a mask has at least 32 bits."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
