"""Detections: what an object detector found in the pictures of a clip, and which to believe.

=============  ==============================================================================
``table``      `Detections`: one clip's, as columns; reads and writes Co-Separation's files
``rules``      `filter_detections`, the three rules of Co-Separation; `suppress_overlaps`,
               non-maximum suppression by itself; `box_overlaps`, IoU of boxes
``imperfect``  `imperfect_detections`: a seeded detector's output, made from known boxes
=============  ==============================================================================

Boxes are xyxy in pixels: left, top, right, bottom.
"""

from avlib.detection.imperfect import imperfect_detections
from avlib.detection.rules import box_overlaps, filter_detections, suppress_overlaps
from avlib.detection.table import COLUMNS, COSEP_CLASSES, Detections

__all__ = [
    "COLUMNS",
    "COSEP_CLASSES",
    "Detections",
    "box_overlaps",
    "filter_detections",
    "imperfect_detections",
    "suppress_overlaps",
]
