"""Sound of Pixels (Zhao et al. 2018): separate what is heard by what is seen.

A U-Net splits the spectrogram of the mixture into K maps; a ResNet looks at each player and says
how much of each map is theirs; a synthesizer adds the maps up to a mask. Trained by
mix-and-separate: nobody tells it which instrument is which.

==============  ============================================================================
``config``      `SoPConfig` and the recipes `paper` and `pocket`
``networks``    `FrameNet`, `Synthesizer`, `SoundOfPixels`
``learning``    `separation_loss`, `train_step`, `train`
``inference``   `separate`; pixel by pixel: `pixel_masks`, `energy_map`, `pixel_separate`
``evaluation``  `evaluate`: SDR, SIR, SAR and gain, with intervals, beside trivial baselines
``shipped``     `load`: a checkpoint by path, or the one that comes with the package
==============  ============================================================================
"""

from avlib.sop.config import PRESETS, SoPConfig, config_from_json, paper, pocket
from avlib.sop.evaluation import Evaluation, evaluate
from avlib.sop.inference import energy_map, pixel_masks, pixel_separate, separate
from avlib.sop.learning import colour_leak, separation_loss, train, train_step
from avlib.sop.networks import FrameNet, SoundOfPixels, Synthesizer, spectrograms
from avlib.sop.shipped import load, save

__all__ = [
    "PRESETS",
    "Evaluation",
    "FrameNet",
    "SoPConfig",
    "SoundOfPixels",
    "Synthesizer",
    "colour_leak",
    "config_from_json",
    "energy_map",
    "evaluate",
    "load",
    "paper",
    "pixel_masks",
    "pixel_separate",
    "pocket",
    "save",
    "separate",
    "separation_loss",
    "spectrograms",
    "train",
    "train_step",
]
