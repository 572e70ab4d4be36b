"""A trained model on somebody's video file.

============  ==========================================================================
``separate``  `separate_video`: every player alone, and a page to click through
``regions``   boxes, points or halves: where the players are, and their pictures
``windows``   long sounds in windows, and back by overlap-add
``truth``     the stems beside an exported clip, and the scores against them
``outputs``   the files it writes, complete or absent
``plot``      spectrograms of the mixture and of the players
============  ==========================================================================
"""

from avlib.apply.outputs import OutputError
from avlib.apply.regions import Region, RegionError
from avlib.apply.separate import Separation, separate_video
from avlib.apply.truth import TruthError

__all__ = [
    "OutputError",
    "Region",
    "RegionError",
    "Separation",
    "TruthError",
    "separate_video",
]
