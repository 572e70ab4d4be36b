"""Joints as a pose estimator finds them: shaken, with gaps, and less sure of themselves."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from avlib.skeleton import LEFT_HAND, RIGHT_HAND


@dataclass(frozen=True)
class JointNoise:
    """How badly a pose estimator sees. All numbers are ours, not measured on an estimator.

    The defaults are meant for an estimator such as OpenPose and a player who fills a small
    picture: joints a pixel or two off, fingers lost now and then for a second.

    Attributes:
        jitter: standard deviation of x and of y, independent from picture to picture, as a part
            of the picture's height: 0.0125 is 1 px in a picture of 80, 2 px in one of 160.
        dropped: how likely a single joint is not found in a picture.
        hands_lost: the part of the time that a hand is not found at all.
        lost_frames: how many pictures such a gap lasts on average (4: a second at 4 per second).
        sureness: the confidence of a joint that is where it should be is multiplied by a number
            between this and 1.
    """

    jitter: float = 0.0125
    dropped: float = 0.05
    hands_lost: float = 0.2
    lost_frames: float = 4.0
    sureness: float = 0.6

    def __post_init__(self) -> None:
        parts = (self.dropped, self.hands_lost, self.sureness)
        if not all(0 <= part <= 1 for part in parts) or self.jitter < 0:
            raise ValueError(f"{self}: parts lie in [0, 1] and jitter is not negative")
        if self.hands_lost < 1 and self.lost_frames < max(1.0, 1 / (1 - self.hands_lost) - 1):
            raise ValueError(f"{self}: gaps that short cannot fill so much time; raise lost_frames")


ESTIMATOR = JointNoise()
"""The joints of "noisy joints" in SeCo's table."""


def noisy_joints(
    joints: Float32[np.ndarray, "frame player joint 3"],
    generator: np.random.Generator,
    height: int,
    noise: JointNoise = ESTIMATOR,
) -> Float32[np.ndarray, "frame player joint 3"]:
    """Spoil joints as a pose estimator would.

    Joints move, single ones vanish, whole hands vanish for runs of pictures. What has vanished
    is (0, 0, 0), as OpenPose writes it. The confidence of what is left is multiplied by
    ``U[sureness, 1] exp(-d² / 8σ²)``, d how far the joint was moved and σ the jitter: never more
    than before. What was not seen stays unseen.

    Args:
        joints: x, y in pixels and confidence; not changed.
        generator: decides everything.
        height: of the picture in pixels, the measure of the jitter.
        noise: how strong.

    Example:
        >>> joints = np.ones((24, 1, 60, 3), np.float32)
        >>> found = noisy_joints(joints, np.random.default_rng(0), 80)
        >>> bool((found[..., 2] <= 1).all()), bool((found[..., 2] == 0).any())
        (True, True)
    """
    frames, players, count = joints.shape[:3]
    sigma = noise.jitter * height
    # all draws first and of fixed shapes, so that one strength does not move another's draws
    moved = generator.standard_normal((frames, players, count, 2)) * sigma
    dropped = generator.random((frames, players, count)) < noise.dropped
    sure = generator.uniform(noise.sureness, 1.0, (frames, players, count))
    gaps = _gaps(generator.random((frames, players, 2)), noise)
    for side, hand in enumerate((LEFT_HAND, RIGHT_HAND)):
        dropped[:, :, hand] |= gaps[:, :, side, None]
    if sigma > 0:
        sure *= np.exp(-(moved**2).sum(-1) / (8 * sigma**2))
    out = joints.astype(np.float64)
    out[..., :2] += moved
    out[..., 2] *= sure
    out[dropped | (joints[..., 2] <= 0)] = 0
    return out.astype(np.float32)


def _gaps(draws: np.ndarray, noise: JointNoise) -> Bool[np.ndarray, "frame player 2"]:
    """When each hand is lost: a chain of two states with the wanted share and mean length."""
    end = 1 / noise.lost_frames
    begin = 1.0 if noise.hands_lost == 1 else end * noise.hands_lost / (1 - noise.hands_lost)
    lost = draws < noise.hands_lost  # of the first picture; the others follow it
    for frame in range(1, len(draws)):
        stay = draws[frame] >= end if noise.hands_lost < 1 else np.ones_like(lost[0])
        lost[frame] = np.where(lost[frame - 1], stay, draws[frame] < begin)
    return lost
