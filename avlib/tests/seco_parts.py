"""What the tests of SeCo's networks share: tiny models, and things to look at."""

import torch
from torch import nn

from avlib import seco
from avlib.audio import FrontEnd
from avlib.skeleton import JOINTS

FRONT_END = FrontEnd(rate=1000, samples=1000, n_fft=126, hop=32)
"""64 rows and 32 columns: the smallest on which everything still works."""


def tiny(modality="video", **changes):
    return seco.pocket(modality).changed(
        **{
            "front_end": FRONT_END, "bins": 32, "maps": 4, "depth": 2, "sound_width": 4,
            "encoder_widths": (4, 4, 6, 8), "features": 8, "video_widths": (4, 4, 8, 8),
            "video_stem": 4, "image_width": 2, "joint_widths": (8,) * 11, "channels_last": False,
        }
        | changes
    )  # fmt: skip


def visuals(modality, batch=2, source=2, frames=3, seed=0):
    ends = {"skeleton": (3, frames, JOINTS), "attributes": (57,)}
    g = torch.Generator().manual_seed(seed)
    return torch.randn(batch, source, *ends.get(modality, (3, frames, 32, 32)), generator=g)


def count(net):
    return sum(p.numel() for p in net.parameters())


def convolutions(net, kind=nn.Conv2d):
    return [m for m in net.modules() if isinstance(m, kind)]
