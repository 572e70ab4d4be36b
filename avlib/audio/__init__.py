"""Waveform to spectrogram and back, log-frequency warp, masks and mixing.

All functions take any number of leading axes, run on the device of their input, keep its dtype
(float32 or float64) and can be differentiated. Waves are ``(..., sample)``, spectrograms
``(..., freq, column)``; only DSOL's log-mel is ``(..., column, mel)``, as in its paper.

The road of a separation: mixture wave -> `stft` -> magnitude -> `to_log_frequency` -> network
-> mask -> `separate_with_mask` (`to_linear_frequency`, mixture phase, `istft`) -> wave.

============  =========================================================================
``spectrum``  front ends of the papers, `stft` and its inverse
``mel``       DSOL's log-mel
``warp``      linear to logarithmic frequency and back
``masks``     mixing rules, masks, loss weight, separation with a mask
============  =========================================================================
"""

from avlib.audio.masks import (
    MAGNITUDE_FLOOR,
    Mixture,
    binary_mask,
    log_magnitude,
    loss_weight,
    mix,
    ratio_mask,
    separate_with_mask,
)
from avlib.audio.mel import log_mel, mel_filters
from avlib.audio.spectrum import (
    COSEP,
    DSOL,
    SECO,
    SECO_LITERAL,
    SOP,
    FrontEnd,
    column_count,
    istft,
    stft,
)
from avlib.audio.warp import to_linear_frequency, to_log_frequency

__all__ = [
    "COSEP",
    "DSOL",
    "MAGNITUDE_FLOOR",
    "SECO",
    "SECO_LITERAL",
    "SOP",
    "FrontEnd",
    "Mixture",
    "binary_mask",
    "column_count",
    "istft",
    "log_magnitude",
    "log_mel",
    "loss_weight",
    "mel_filters",
    "mix",
    "ratio_mask",
    "separate_with_mask",
    "stft",
    "to_linear_frequency",
    "to_log_frequency",
]
