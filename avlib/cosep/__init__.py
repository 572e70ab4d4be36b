"""Co-Separation (Gao and Grauman 2019): separate the sounds of visual objects.

A U-Net hears the mixture; what an object looks like is laid over every cell of its narrowest
level; what comes out is the mask of that object.

==============  ============================================================================
``config``      `CoSepConfig` and the recipes `paper` and `pocket`
``networks``    `Separator`
==============  ============================================================================
"""

from avlib.cosep.config import PRESETS, CoSepConfig, paper, pocket
from avlib.cosep.networks import Separator

__all__ = ["PRESETS", "CoSepConfig", "Separator", "paper", "pocket"]
