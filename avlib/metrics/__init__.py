"""Scores of separation and localisation, and how sure they are.

=============  ======================================================================
``bss``        SDR, SIR, SAR (BSS-eval v3, 512 taps), and the gain over the mixture
``intervals``  intervals of means, plain, paired, resampled by group or by shared member
``places``     IoU of a map with boxes, the success curve and the area under it
=============  ======================================================================
"""

from avlib.metrics.bss import BSSScores, bss_eval, sdr_gain
from avlib.metrics.intervals import Interval, bootstrap, crossed_bootstrap, paired_bootstrap
from avlib.metrics.places import SuccessCurve, iou, success_auc, success_curve

__all__ = [
    "BSSScores",
    "Interval",
    "SuccessCurve",
    "bootstrap",
    "bss_eval",
    "crossed_bootstrap",
    "iou",
    "paired_bootstrap",
    "sdr_gain",
    "success_auc",
    "success_curve",
]
