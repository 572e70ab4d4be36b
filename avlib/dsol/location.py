"""Where could this sound come from? The map of cosines and what is made of it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

POOLINGS = ("max", "mean", "softmax")


class Location(NamedTuple):
    """What a `Localiser` says about pairs of sound and picture.

    Attributes:
        maps: how much each place of the picture could have made the sound, in (0, 1).
        scores: whether sound and picture belong together, in (0, 1).
    """

    maps: Float[Tensor, "batch height width"]
    scores: Float[Tensor, " batch"]


def cosine_map(
    audio: Float[Tensor, "batch channel"], visual: Float[Tensor, "batch channel height width"]
) -> Float[Tensor, "batch height width"]:
    r"""Cosine of the angle between the sound's vector and the vector of each place.

    $c_p = \dfrac{\langle a, v_p \rangle}{\lVert a \rVert \, \lVert v_p \rVert}$ (Hu et al. 2020,
    supplement A.1, Table 1, "L2-norm" and "Cosine Similarity"). A vector of zeros has cosine 0
    with everything.

    Args:
        audio: one vector a sound ($a$).
        visual: one vector a place ($v_p$).

    Returns:
        Cosines, from -1 to 1.

    Example:
        >>> visual = torch.tensor([[3.0, 0.0, -2.0], [0.0, 1.0, 2.0]]).view(1, 2, 1, 3)
        >>> cosine_map(torch.tensor([[5.0, 0.0]]), visual).round(decimals=3)
        tensor([[[ 1.0000,  0.0000, -0.7070]]])
    """
    return torch.einsum("bc,bchw->bhw", F.normalize(audio, dim=1), F.normalize(visual, dim=1))


def location_map(
    cosines: Float[Tensor, "*batch height width"],
    omega: float | Float[Tensor, ""] = 5.0,
    bias: float | Float[Tensor, ""] = 0.0,
) -> Float[Tensor, "*batch height width"]:
    r"""Turn cosines into a map of how much each place could have made the sound.

    $l_p = \sigma(\omega\, c_p + \beta)$ (Hu et al. 2020, supplement Table 1, "Conv(1), 1x1" and
    "Sigmoid"; authors' code: no bias, $\omega$ starts at 5). With $\omega = 5$ and no bias the
    map lies between 0.0067 and 0.9933 whatever the pair.

    Args:
        cosines: of `cosine_map` ($c_p$).
        omega: the scale ($\omega$).
        bias: the shift ($\beta$).

    Example:
        >>> location_map(torch.tensor([[-1.0, 0.0, 1.0]])).round(decimals=4)
        tensor([[0.0067, 0.5000, 0.9933]])
    """
    return torch.sigmoid(omega * cosines + bias)


def pool_map(
    maps: Float[Tensor, "*batch height width"], pooling: str = "max"
) -> Float[Tensor, "*batch"]:
    r"""Make one score of a map.

    ``"max"``: the largest cell, $\max_p l_p$ (Hu et al. 2020, supplement A.1: one place that fits
    is enough). ``"mean"``: $\frac{1}{P} \sum_p l_p$ (every place has to fit). ``"softmax"``:
    $\sum_p w_p l_p$ with $w_p \propto l_p / (1 - l_p)$, which is the softmax of $\omega c_p$:
    between the two. The last two are for comparison, no paper's.

    Args:
        maps: of `location_map` ($l_p$, over $P$ places), in (0, 1).
        pooling: one of `POOLINGS`.

    Raises:
        ValueError: an unknown pooling.

    Example:
        >>> one = torch.tensor([[0.8, 0.5], [0.5, 0.2]])
        >>> [round(pool_map(one, kind).item(), 3) for kind in POOLINGS]
        [0.8, 0.5, 0.68]
    """
    cells = maps.flatten(-2)
    if pooling == "max":
        return cells.amax(dim=-1)
    if pooling == "mean":
        return cells.mean(dim=-1)
    if pooling == "softmax":
        return (torch.softmax(torch.logit(cells, eps=1e-7), dim=-1) * cells).sum(dim=-1)
    raise ValueError(f"pooling must be one of {POOLINGS}; got {pooling!r}")


def resize_map(
    maps: Float[Tensor, "*batch height width"], size: int | tuple[int, int]
) -> Float[Tensor, "*batch new_height new_width"]:
    """Stretch maps over the picture they belong to, bilinear (as the authors' code evaluates).

    Args:
        maps: small ones.
        size: of the picture, (height, width) or one number for both.

    Example:
        >>> resize_map(torch.tensor([[0.0, 1.0]]), (1, 4))
        tensor([[0.0000, 0.2500, 0.7500, 1.0000]])
    """
    target = (size, size) if isinstance(size, int) else size
    flat = maps.reshape(-1, 1, *maps.shape[-2:])
    large = F.interpolate(flat, target, mode="bilinear", align_corners=False)
    return large.reshape(*maps.shape[:-2], *target)


class Localiser(nn.Module):
    r"""From the features of a sound and a picture to a map and a score.

    Two linear layers for the sound, two 1x1 convolutions for the picture, then

    $$l_p = \sigma\!\left(\omega\, \frac{\langle a, v_p \rangle}{\lVert a \rVert\,
    \lVert v_p \rVert}\right), \qquad s = \max_p l_p$$

    (Hu et al. 2020, supplement Table 1; authors' code `location_model.py`).

    Args:
        channels: of the picture's features.
        embedding: length of the vectors that are compared.
        audio_channels: of the sound's features (default: `channels`).
        relu: a ReLU between the two layers: the authors' code has it, the supplement's table
            lists none.
        omega: where $\omega$ starts; it is learned.
        bias: a learned shift beside $\omega$: the code for MUSIC has none, that for AudioSet has.
        normalise: divide vectors by their lengths, as the equation says and the code for MUSIC
            does; that for AudioSet does not, so that its map is that of the dot products
            $\langle a, v_p \rangle$.
        pooling: see `pool_map`.

    Raises:
        ValueError: an unknown pooling.

    Example:
        >>> maps, scores = Localiser()(torch.randn(2, 512), torch.randn(2, 512, 14, 14))
        >>> maps.shape, scores.shape
        (torch.Size([2, 14, 14]), torch.Size([2]))
    """

    def __init__(
        self,
        channels: int = 512,
        embedding: int = 128,
        audio_channels: int | None = None,
        *,
        relu: bool = True,
        omega: float = 5.0,
        bias: bool = False,
        normalise: bool = True,
        pooling: str = "max",
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}; got {pooling!r}")
        self.pooling = pooling
        self.relu = relu
        self.normalise = normalise
        self.audio1 = nn.Linear(channels if audio_channels is None else audio_channels, embedding)
        self.audio2 = nn.Linear(embedding, embedding)
        self.visual1 = nn.Conv2d(channels, embedding, 1)
        self.visual2 = nn.Conv2d(embedding, embedding, 1)
        self.omega = nn.Parameter(torch.tensor(float(omega)))
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def embed_audio(
        self, audio: Float[Tensor, "batch channel"]
    ) -> Float[Tensor, "batch embedding"]:
        """Turn the features of sounds into vectors, of length 1 if `normalise`."""
        x = self.audio1(audio)
        return self._directed(self.audio2(F.relu(x) if self.relu else x))

    def embed_visual(
        self, visual: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch embedding height width"]:
        """Turn the features of every place into vectors, of length 1 if `normalise`."""
        x = self.visual1(visual)
        return self._directed(self.visual2(F.relu(x) if self.relu else x))

    def _directed(self, vectors: Tensor) -> Tensor:
        """In float32, and without their lengths if so wanted."""
        return F.normalize(vectors.float(), dim=1) if self.normalise else vectors.float()

    def locate(self, cosines: Float[Tensor, "*batch height width"]) -> Location:
        """Turn cosines (dot products, if not `normalise`) into maps and scores."""
        maps = location_map(cosines, self.omega, 0.0 if self.bias is None else self.bias)
        return Location(maps, pool_map(maps, self.pooling))

    def forward(
        self,
        audio: Float[Tensor, "batch channel"],
        visual: Float[Tensor, "batch visual_channel height width"],
    ) -> Location:
        """Compute the map and the score of every pair."""
        embedded = self.embed_audio(audio), self.embed_visual(visual)
        return self.locate(torch.einsum("bc,bchw->bhw", *embedded))

    def all_cosines(
        self,
        audio: Float[Tensor, "sound channel"],
        visual: Float[Tensor, "picture visual_channel height width"],
    ) -> Float[Tensor, "sound picture height width"]:
        """Compare every sound with every place of every picture, each encoded once."""
        embedded = self.embed_audio(audio), self.embed_visual(visual)
        return torch.einsum("ac,vchw->avhw", *embedded)
