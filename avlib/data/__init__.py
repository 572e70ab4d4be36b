"""Clips, sources of clips, splits, and mixtures with the truth beside them.

====================  =====================================================================
``clip``              `Clip`, `Entry`, `Source`; the adapters `video_input`, `joints_input`
``orchestra_source``  `Orchestra`: endless clips of the Pocket Orchestra
``folder_source``     `ClipFolder`: clips of a folder, exported or prepared
``splits``            SeCo's category splits S1 to S3, their rehearsals, and the players'
``held_out``          the check that no test category is heard before the test
``remembered``        `Remembered`: another source's clips, kept in memory
``view``              which pictures an item shows
``sights``            pictures, joints and true attributes of an item's players
``noise``             joints as a pose estimator finds them
``partners``          who may be mixed with whom
``mixing``            `MixAndSeparate`: mixtures with the truth beside them
``pairs``             the stored evaluation pairs
``loading``           `TrainSampler`, `train_loader`, `eval_loader`
====================  =====================================================================
"""

from avlib.data.clip import (
    Clip,
    ClipError,
    Entry,
    Source,
    joints_input,
    torch_generator,
    video_input,
)
from avlib.data.folder_source import ClipFolder
from avlib.data.held_out import check_categories
from avlib.data.loading import MixLoader, TrainSampler, eval_loader, start_worker, train_loader
from avlib.data.mixing import MixAndSeparate, MixPlan, collate
from avlib.data.noise import ESTIMATOR, JointNoise, noisy_joints
from avlib.data.orchestra_source import (
    ENDLESS,
    Orchestra,
    Performance,
    Performances,
    perform,
    performance,
)
from avlib.data.pairs import (
    PAIR_LISTS,
    Pair,
    PairList,
    load_pairs,
    make_pairs,
    pair_list,
    pairs_source,
    save_pairs,
    seco_mixes,
    stored_mixes,
)
from avlib.data.partners import PARTNER_RULES, draw_companion, draw_partners
from avlib.data.remembered import Remembered
from avlib.data.sights import SIGHTS, attributes_input
from avlib.data.splits import (
    FOLDS,
    SPLITS,
    category,
    category_split,
    check_disjoint,
    player_split,
    whole_split,
)
from avlib.data.view import View, seco_view, sop_view
from avlib.orchestra.programme import player_name, random_generator

__all__ = [
    "ENDLESS",
    "ESTIMATOR",
    "FOLDS",
    "PAIR_LISTS",
    "PARTNER_RULES",
    "SIGHTS",
    "SPLITS",
    "Clip",
    "ClipError",
    "ClipFolder",
    "Entry",
    "JointNoise",
    "MixAndSeparate",
    "MixLoader",
    "MixPlan",
    "Orchestra",
    "Pair",
    "PairList",
    "Performance",
    "Performances",
    "Remembered",
    "Source",
    "TrainSampler",
    "View",
    "attributes_input",
    "category",
    "category_split",
    "check_categories",
    "check_disjoint",
    "collate",
    "draw_companion",
    "draw_partners",
    "eval_loader",
    "joints_input",
    "load_pairs",
    "make_pairs",
    "noisy_joints",
    "pair_list",
    "pairs_source",
    "perform",
    "performance",
    "player_name",
    "player_split",
    "random_generator",
    "save_pairs",
    "seco_mixes",
    "seco_view",
    "sop_view",
    "start_worker",
    "stored_mixes",
    "torch_generator",
    "train_loader",
    "video_input",
    "whole_split",
]
