"""Video files: frame-exact reading, writing, and the papers' augmentations.

===========  =================================================================================
reading      `probe`, `read_clip`, `read_frames`, `iter_frames`, `read_audio`, `resample`
writing      `write_video`
augmenting   `SoPAugment`, `SeCoAugment`, `CoSepAugment`, `DSOLAugment`, `Placement`,
             `normalise`, `denormalise`, `crop_box`
===========  =================================================================================

Time zero is the file's first picture, for pictures and for sound. Whatever is wrong with a file is
a `VideoError` that names the file and says what to do.
"""

from avlib.video.augment import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    CoSepAugment,
    DSOLAugment,
    Placement,
    SeCoAugment,
    SoPAugment,
    crop_box,
    denormalise,
    normalise,
)
from avlib.video.picture import iter_frames, read_frames
from avlib.video.probe import Probe, VideoError, probe
from avlib.video.read import VideoClip, read_clip
from avlib.video.sound import Sound, read_audio, resample
from avlib.video.write import write_video

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "CoSepAugment",
    "DSOLAugment",
    "Placement",
    "Probe",
    "SeCoAugment",
    "SoPAugment",
    "Sound",
    "VideoClip",
    "VideoError",
    "crop_box",
    "denormalise",
    "iter_frames",
    "normalise",
    "probe",
    "read_audio",
    "read_clip",
    "read_frames",
    "resample",
    "write_video",
]
