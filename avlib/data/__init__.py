"""Clips, sources of clips, splits, and mixtures with the truth beside them.

====================  =====================================================================
``clip``              `Clip`, `Entry`, `Source`; the adapters `video_input`, `joints_input`
``orchestra_source``  `Orchestra`: endless clips of the Pocket Orchestra
``folder_source``     `ClipFolder`: clips of a folder, exported or prepared
``splits``            SeCo's category splits S1 to S3, and the players'
``view``              which pictures an item shows
``mixing``            `MixAndSeparate`, each paper's rules for partners and gains
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
from avlib.data.loading import MixLoader, TrainSampler, eval_loader, start_worker, train_loader
from avlib.data.mixing import PARTNER_RULES, MixAndSeparate, MixPlan, collate, draw_partners
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
    stored_mixes,
)
from avlib.data.splits import (
    SPLITS,
    category,
    category_split,
    check_disjoint,
    player_split,
)
from avlib.data.view import View, seco_view, sop_view
from avlib.orchestra.programme import player_name, random_generator

__all__ = [
    "ENDLESS",
    "PAIR_LISTS",
    "PARTNER_RULES",
    "SPLITS",
    "Clip",
    "ClipError",
    "ClipFolder",
    "Entry",
    "MixAndSeparate",
    "MixLoader",
    "MixPlan",
    "Orchestra",
    "Pair",
    "PairList",
    "Performance",
    "Performances",
    "Source",
    "TrainSampler",
    "View",
    "category",
    "category_split",
    "check_disjoint",
    "collate",
    "draw_partners",
    "eval_loader",
    "joints_input",
    "load_pairs",
    "make_pairs",
    "pair_list",
    "pairs_source",
    "perform",
    "performance",
    "player_name",
    "player_split",
    "random_generator",
    "save_pairs",
    "seco_view",
    "sop_view",
    "start_worker",
    "stored_mixes",
    "torch_generator",
    "train_loader",
    "video_input",
]
