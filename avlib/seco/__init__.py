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
``matching``    `online_match`: Algorithm A1, pair by pair; `matching_batched`: many at once
``learning``    `train_step`, `train`; `rematch`: new mixes out of a batch's clips
``passes``      one pass through stored pairs, for all T
``evaluation``  `evaluate`: SDR, SIR, SAR and gain, with intervals, for several T
``choosing``    `choose_matching`: T and step size, on categories that were trained on
``shipped``     `load`: a checkpoint by path, or one that comes with the package
==============  ============================================================================
"""

from avlib.seco.choosing import Choice, check_rehearsal, choose_matching, step_sizes
from avlib.seco.config import (
    CONSISTENCY,
    MODALITIES,
    PRESETS,
    SeCoConfig,
    config_from_json,
    paper,
    pocket,
)
from avlib.seco.evaluation import Evaluation, evaluate, row_name
from avlib.seco.graph import GraphBlock, SkeletonNet, adjacency, hops
from avlib.seco.hearing import AudioEncoder, EncoderBlock, Separator
from avlib.seco.learning import rematch, train, train_step
from avlib.seco.losses import (
    INTER,
    INTRA,
    TERMS,
    WITHOUT_TRUTH,
    Features,
    consistency_loss,
    consistency_terms,
    distance,
    separation_loss,
    truth_weight,
)
from avlib.seco.matching import EVERYTHING, Trace, matching_loss, online_match
from avlib.seco.matching_batched import memory_per_pair, online_match_batched, pairs_at_once
from avlib.seco.model import (
    SeCo,
    channels_last,
    check_mixtures,
    check_visuals,
    encode,
    look,
    make_sight,
    mask_logits,
    masked_input,
    spectrograms,
    start_sight,
)
from avlib.seco.shipped import load, save
from avlib.seco.sights import AttributeNet, Bottleneck3d, FrameNet, VisionNet, spread

__all__ = [
    "CONSISTENCY",
    "EVERYTHING",
    "INTER",
    "INTRA",
    "MODALITIES",
    "PRESETS",
    "TERMS",
    "WITHOUT_TRUTH",
    "AttributeNet",
    "AudioEncoder",
    "Bottleneck3d",
    "Choice",
    "EncoderBlock",
    "Evaluation",
    "Features",
    "FrameNet",
    "GraphBlock",
    "SeCo",
    "SeCoConfig",
    "Separator",
    "SkeletonNet",
    "Trace",
    "VisionNet",
    "adjacency",
    "channels_last",
    "check_mixtures",
    "check_rehearsal",
    "check_visuals",
    "choose_matching",
    "config_from_json",
    "consistency_loss",
    "consistency_terms",
    "distance",
    "encode",
    "evaluate",
    "hops",
    "load",
    "look",
    "make_sight",
    "mask_logits",
    "masked_input",
    "matching_loss",
    "memory_per_pair",
    "online_match",
    "online_match_batched",
    "pairs_at_once",
    "paper",
    "pocket",
    "rematch",
    "row_name",
    "save",
    "separation_loss",
    "spectrograms",
    "spread",
    "start_sight",
    "step_sizes",
    "train",
    "train_step",
    "truth_weight",
]
