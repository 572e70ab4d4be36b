"""The person: idle life, posture, arms that reach (two-bone inverse kinematics), 21-joint hands."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from avlib.orchestra.curves import Real
from avlib.orchestra.performer.look import Look
from avlib.orchestra.performer.timeline import Timeline
from avlib.orchestra.sketch import Sketch

HAND = 0.088  # wrist to the tip of the straight middle finger, in units of the player's square
UPPER_ARM, FOREARM = 0.135, 0.125

# The hand at rest, fingers along +x, thumb towards -y; lengths in units of HAND.
_KNUCKLES = np.array([0.18 - 0.16j, 0.47 - 0.20j, 0.50 - 0.065j, 0.48 + 0.075j, 0.42 + 0.20j])
_SPREAD = np.deg2rad(np.array([-52.0, -16.0, -4.0, 8.0, 22.0]))
_BONES = np.array(
    [
        [0.0, 0.17, 0.15, 0.12],
        [0.0, 0.19, 0.14, 0.12],
        [0.0, 0.21, 0.16, 0.13],
        [0.0, 0.19, 0.14, 0.12],
        [0.0, 0.15, 0.11, 0.10],
    ]
)


@dataclass(frozen=True)
class Stance:
    """How somebody sits or stands; units of the player's square.

    Attributes:
        x: where the middle of the person is.
        seated: on a stool, or standing.
        knees: how far apart the knees are, from the middle.
        facing: how far the face looks to the side (-1 the player's right, 1 left).
    """

    x: Real = 0.5
    seated: bool = False
    knees: Real = 0.075
    facing: Real = 0.0


@dataclass
class Grip:
    """Where a hand is: middle of the palm, where its fingers point, how they are curled.

    Attributes:
        palm: (frame,) complex.
        towards: unit direction of the fingers, (frame,) complex.
        curl: 0 straight to 1 fist, (frame, 5), thumb first.
        flip: which way round the hand is seen: 1 thumb to the fingers' left, -1 right.
        z: drawing height of the hand; the arm is drawn just below.
    """

    palm: np.ndarray
    towards: np.ndarray
    curl: np.ndarray
    flip: Real = 1.0
    z: Real = 7.0


@dataclass(frozen=True)
class Idle:
    """Movement that follows no note: sway, look-about, blinking; each (frame,)."""

    sway: np.ndarray
    nod: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray


def idle_of(times: np.ndarray, seconds: Real, rng: np.random.Generator) -> Idle:
    """Draw the idle life of one player in one scene, as functions of continuous time."""
    speed = rng.uniform([0.12, 0.25, 0.1, 0.15], [0.25, 0.45, 0.2, 0.3])
    phase = rng.uniform(0, 2 * np.pi, 4)
    wave = np.sin(2 * np.pi * speed[:, None] * times + phase[:, None])
    blinks = rng.uniform(0, seconds, max(1, round(seconds * 0.35)))
    closed = (np.abs(times[:, None] - blinks) < 0.08).any(1)
    return Idle(
        sway=0.010 * wave[0] + 0.004j * wave[1],
        nod=0.004j * wave[1],
        gaze=0.35 * wave[2] + 0.25 * wave[3],
        blink=closed.astype(float),
    )


def reach(
    shoulder: Complex[np.ndarray, " frame"],
    wrist: Complex[np.ndarray, " frame"],
    upper: Real,
    fore: Real,
    bend: Real,
) -> Complex[np.ndarray, " frame"]:
    """Find the elbow between shoulder and wrist: two-bone inverse kinematics.

    The law of cosines gives the angle at the shoulder; ``bend`` (+1 or -1) the side. An arm
    that is too short is lengthened in proportion (it leans towards the viewer).

    Example:
        >>> reach(np.array([0j]), np.array([1 + 0j]), 0.5, 0.5, 1.0).round(3).tolist()
        [(0.5+0j)]
    """
    line = wrist - shoulder
    distance = np.maximum(np.abs(line), 1e-6)
    stretch = np.maximum(1.0, distance / (upper + fore))
    a, b = upper * stretch, fore * stretch
    cosine = ((a**2 + distance**2 - b**2) / (2 * a * distance)).clip(-1, 1)
    return shoulder + line / distance * a * (cosine + 1j * bend * np.sqrt(1 - cosine**2))


def hand_joints(grip: Grip, size: Real) -> Complex[np.ndarray, "frame joint"]:
    """Place the 21 joints of a hand: root, then thumb to little finger, four each."""
    curl = grip.curl[:, :, None] * np.array([0.0, 0.5, 1.2, 1.8])
    angle = _SPREAD[:, None] + curl * np.array([0.6, 0.75, 0.75, 0.75, 0.75])[:, None]
    bones = _BONES * np.exp(1j * angle) * (1 - 0.35 * grip.curl[:, :, None])
    fingers = _KNUCKLES[:, None] + np.cumsum(bones, -1)
    local = np.concatenate([np.zeros((len(grip.palm), 1)), fingers.reshape(len(grip.palm), 20)], 1)
    local = local - 0.38  # the palm is at 0
    if grip.flip < 0:
        local = local.conj()
    return grip.palm[:, None] + grip.towards[:, None] * local * size


class Body:
    """Joints of one person over time, before the arms are known.

    All points are complex, (frame,) or, where they never move, single; ``right`` is the
    person's own right, left in the picture.
    """

    def __init__(
        self,
        stance: Stance,
        look: Look,
        timeline: Timeline,
        idle: Idle,
        expression: Real = 0.0,
        transpose: int = 0,
    ) -> None:
        x, low = stance.x, 0.03 if stance.seated else 0.0
        lungs = timeline.lungs() if timeline.instrument.technique == "blown" else timeline.zero
        self.stance, self.look, self.idle, self.lungs = stance, look, idle, lungs
        lift = expression * timeline.height(transpose)
        sway = idle.sway - 0.045j * lift
        self.sway = sway
        breath = -0.012j * lungs
        self.neck = x + 1j * (0.39 + low) + sway + 0.5 * breath
        self.chest = x + 1j * (0.49 + low) + 0.8 * sway
        self.head = x + 1j * (0.265 + low) + 1.2 * sway + idle.nod - 0.03j * lift + 0.6 * breath
        wide = 0.118 * look.shoulders
        self.right_shoulder = self.neck - wide + 0.03j + breath
        self.left_shoulder = self.neck + wide + 0.03j + breath
        hip_y = 0.70 if stance.seated else 0.665
        self.right_hip = x - 0.062 + 1j * hip_y
        self.left_hip = x + 0.062 + 1j * hip_y
        knee_y = 0.755 if stance.seated else 0.735
        self.right_knee: Place = x - stance.knees + 1j * knee_y
        self.left_knee = x + stance.knees + 1j * knee_y
        foot = stance.knees * (0.9 if stance.seated else 1.05)
        ankle_y = 0.86 if stance.seated else 0.80
        self.right_ankle = x - foot + 1j * ankle_y
        self.left_ankle = x + foot + 1j * ankle_y
        turned = 0.022 * (stance.facing + idle.gaze)
        self.turned = turned
        self.face = self.head + turned
        radius = 0.088 * look.head
        self.radius = radius
        self.nose = self.head + 1.4 * turned + 0.012j
        self.right_eye = self.face - 0.40 * radius - 0.10j * radius
        self.left_eye = self.face + 0.40 * radius - 0.10j * radius
        self.right_ear = self.head - 0.97 * radius + 0.1j * radius - 0.2 * turned
        self.left_ear = self.head + 0.97 * radius + 0.1j * radius - 0.2 * turned
        self.mouth = self.head + 1.2 * turned + 0.055j * look.head
        self.hand_size = HAND * look.limb**0.5

    def arm(
        self, grip: Grip, side: str, bend: Real, elbow: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reach for a grip: (elbow (frame,), wrist (frame,), hand (frame, 21)).

        The elbow is found by `reach`, unless the hold knows better where it is.
        """
        hand = hand_joints(grip, self.hand_size)
        shoulder = self.right_shoulder if side == "right" else self.left_shoulder
        if elbow is None:
            elbow = reach(shoulder, hand[:, 0], UPPER_ARM, FOREARM, bend)
        return elbow, hand[:, 0], hand

    def joints(
        self,
        right: tuple[np.ndarray, np.ndarray, np.ndarray],
        left: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Complex[np.ndarray, "frame joint"]:
        """All 60 joints in the order of `avlib.skeleton`."""
        body = [self.nose, self.neck, self.right_shoulder, right[0], right[1]]
        body += [self.left_shoulder, left[0], left[1], self.right_hip, self.right_knee]
        body += [self.right_ankle, self.left_hip, self.left_knee, self.left_ankle]
        body += [self.right_eye, self.left_eye, self.right_ear, self.left_ear]
        whole = np.stack([np.broadcast_to(point, self.sway.shape) for point in body], 1)
        return np.concatenate([whole, left[2], right[2]], 1)


Skeleton = Float[np.ndarray, "frame joint 3"]
__all__ = ["Body", "Grip", "Idle", "Sketch", "Stance", "hand_joints", "idle_of", "reach"]
