"""SeCo (Zhou et al. 2023): separate instruments never heard in training, by consistency.

As in Sound of Pixels a U-Net splits the mixture into maps and what is seen says how much of each
belongs to whom. What is new: an encoder compares what was separated with what is seen, with other
sounds of the same category and with what the others play, and none of these comparisons asks for
the name of an instrument.

==============  ============================================================================
``config``      `SeCoConfig` and the recipes `paper` and `pocket`
``sights``      `VisionNet` (video), `FrameNet` (pictures), `AttributeNet` (a control)
``graph``       `SkeletonNet` (joints), the graph it works on
``hearing``     `Separator`, `AudioEncoder`
``losses``      `separation_loss`, `consistency_loss` and its terms
``model``       `SeCo`: the three networks as one model, and its parts as functions
==============  ============================================================================
"""

from avlib.seco.config import (
    CONSISTENCY,
    MODALITIES,
    PRESETS,
    SeCoConfig,
    config_from_json,
    paper,
    pocket,
)
from avlib.seco.graph import GraphBlock, SkeletonNet, adjacency, hops
from avlib.seco.hearing import AudioEncoder, EncoderBlock, Separator
from avlib.seco.losses import (
    INTER,
    INTRA,
    TERMS,
    WITHOUT_TRUTH,
    Distance,
    Features,
    Term,
    consistency_loss,
    consistency_terms,
    distance,
    separation_loss,
    truth_weight,
)
from avlib.seco.model import (
    SeCo,
    channels_last,
    check_visuals,
    encode,
    look,
    make_sight,
    mask_logits,
    masked_input,
    spectrograms,
    start_sight,
)
from avlib.seco.sights import AttributeNet, Bottleneck3d, FrameNet, VisionNet, spread

__all__ = [
    "CONSISTENCY",
    "INTER",
    "INTRA",
    "MODALITIES",
    "PRESETS",
    "TERMS",
    "WITHOUT_TRUTH",
    "AttributeNet",
    "AudioEncoder",
    "Bottleneck3d",
    "Distance",
    "EncoderBlock",
    "Features",
    "FrameNet",
    "GraphBlock",
    "SeCo",
    "SeCoConfig",
    "Separator",
    "SkeletonNet",
    "Term",
    "VisionNet",
    "adjacency",
    "channels_last",
    "check_visuals",
    "config_from_json",
    "consistency_loss",
    "consistency_terms",
    "distance",
    "encode",
    "hops",
    "look",
    "make_sight",
    "mask_logits",
    "masked_input",
    "paper",
    "pocket",
    "separation_loss",
    "spectrograms",
    "spread",
    "start_sight",
    "truth_weight",
]
