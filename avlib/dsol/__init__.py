"""DSOL (Hu et al. 2020): which objects of a scene sound, and where they are.

Stage 1, matching: two networks, one for a second of sound and one for a picture, and a small head
that asks of every place of the picture whether it could have made the sound. Nobody tells it
where anything is; it only learns which sound and picture belong together.

==============  ============================================================================
``config``      `DSOLConfig` and the recipes `paper` and `pocket`
``networks``    `AudioNet`, `VisualNet`, `StageOne`
``location``    `Localiser`, and its equation in parts: `cosine_map`, `location_map`, `pool_map`
``losses``      `localisation_loss` (matched or not), `info_nce` (which of the batch)
``solos``       `Solos`: a second of sound and a picture of it, with the truth beside them
``learning``    `train_step`, `train_localiser`
``evaluation``  `evaluate`: matching, retrieval and boxes, beside trivial baselines
``shipped``     `load`: a checkpoint by path, or the one that comes with the package
==============  ============================================================================
"""

from avlib.dsol.config import PRESETS, DSOLConfig, config_from_json, paper, pocket
from avlib.dsol.evaluation import (
    Matching,
    box_scores,
    centre_side,
    encode,
    evaluate,
    match,
    similarities,
    trivial_maps,
)
from avlib.dsol.learning import train_localiser, train_step
from avlib.dsol.location import (
    POOLINGS,
    Localiser,
    Location,
    cosine_map,
    location_map,
    pool_map,
    resize_map,
)
from avlib.dsol.losses import contrastive_loss, info_nce, localisation_loss
from avlib.dsol.networks import AudioNet, StageOne, VisualNet
from avlib.dsol.shipped import load, save
from avlib.dsol.solos import Solo, Solos, sound_input

__all__ = [
    "POOLINGS",
    "PRESETS",
    "AudioNet",
    "DSOLConfig",
    "Localiser",
    "Location",
    "Matching",
    "Solo",
    "Solos",
    "StageOne",
    "VisualNet",
    "box_scores",
    "centre_side",
    "config_from_json",
    "contrastive_loss",
    "cosine_map",
    "encode",
    "evaluate",
    "info_nce",
    "load",
    "localisation_loss",
    "location_map",
    "match",
    "paper",
    "pocket",
    "pool_map",
    "resize_map",
    "save",
    "similarities",
    "sound_input",
    "train_localiser",
    "train_step",
    "trivial_maps",
]
