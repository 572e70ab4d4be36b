"""Scores of separation, and how sure they are.

=============  ======================================================================
``bss``        SDR, SIR, SAR (BSS-eval v3, 512 taps), and the gain over the mixture
``intervals``  intervals of means, plain, paired, and resampled by group
=============  ======================================================================
"""

from avlib.metrics.bss import BSSScores, bss_eval, sdr_gain
from avlib.metrics.intervals import Interval, bootstrap, paired_bootstrap

__all__ = ["BSSScores", "Interval", "bootstrap", "bss_eval", "paired_bootstrap", "sdr_gain"]
