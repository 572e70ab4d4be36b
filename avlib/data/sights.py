"""The three kinds of sight of an item: pictures, joints, and, as a control, the truth itself."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from avlib.data.clip import Clip, ClipError, check_joints, place_joints
from avlib.data.noise import JointNoise, noisy_joints
from avlib.data.splits import category
from avlib.data.view import View
from avlib.orchestra.instruments import INSTRUMENTS, TECHNIQUES
from avlib.orchestra.score import Note

SIGHTS = ("frames", "joints", "attributes")
"""What an item can show of its players, see `MixAndSeparate`."""


def check_sights(sights: Sequence[str], view: View, noise: JointNoise | None) -> tuple[str, ...]:
    """Give the sights in the order of `SIGHTS`.

    Raises:
        ValueError: an unknown sight, none, joints that cannot follow the view's augmentation, or
            noise without joints.
    """
    unknown = sorted(set(sights) - set(SIGHTS))
    if unknown or not sights or isinstance(sights, str):
        raise ValueError(f"sights={sights!r}: give one or more of {', '.join(SIGHTS)} in a tuple")
    if "joints" in sights and not view.places:
        raise ValueError(
            f"joints cannot follow the augmentation {type(view.augment).__name__}; use seco_view()"
        )
    if noise is not None and "joints" not in sights:
        raise ValueError("joint_noise without joints; give sights=('joints',)")
    return tuple(name for name in SIGHTS if name in sights)


def look(
    clip: Clip,
    view: View,
    sights: Sequence[str],
    generator: torch.Generator | None,
    noise: JointNoise | None = None,
    noise_generator: np.random.Generator | None = None,
) -> dict[str, Tensor]:
    """Make the sights of one solo; pictures and joints are cut and mirrored alike.

    Args:
        clip: one player's; `frames` may be empty where nobody asks for pictures.
        view: augments.
        sights: which, see `SIGHTS`.
        generator: of the augmentation (training); None: what evaluation does.
        noise: spoils the joints.
        noise_generator: of the noise.

    Returns:
        ``frames`` (channel, frame, height, width), ``joints`` (channel, frame, joint),
        ``attributes`` (feature,): those asked for.

    Raises:
        ClipError: more than one player where joints or attributes are asked for, or what
            `joints_input` and `attributes_input` raise.
    """
    found: dict[str, Tensor] = {}
    if len(clip.players) != 1 and {"joints", "attributes"} & set(sights):
        raise ClipError(
            f"clip {clip.name!r} has {len(clip.players)} players; joints and attributes of a mix "
            "are those of solos: leave the clip out, or cut it to one player"
        )
    if "joints" not in sights:
        if "frames" in sights:
            found["frames"] = view(clip.frames, generator)
    else:
        height, width = clip.frames.shape[1:3]
        joints = check_joints(clip)
        if noise is not None and noise_generator is not None:
            joints = noisy_joints(joints, noise_generator, height, noise)
        placement = view.place(height, width, generator)
        if "frames" in sights:
            found["frames"] = view.show(clip.frames, placement)
        found["joints"] = place_joints(joints, (height, width), placement)[0]
    if "attributes" in sights:
        found["attributes"] = attributes_input(clip, view.frames)[0]
    return found


def attributes_input(clip: Clip, moments: int = 24) -> Float32[Tensor, "player feature"]:
    """Write down what is true of each player: an oracle in place of sight, for a control.

    ==================  ====================================================================
    feature             what it is
    ==================  ====================================================================
    0, 1                lowest and highest pitch that the instrument sounds, (MIDI - 60) / 24
    2                   how many notes it may sound at once, divided by 4
    3 to 8              technique, one-hot: bowed, plucked, strummed, keyed, blown, struck
    9 to 8 + m          notes that begin in each of the m moments, chords counted in full
    9 + m to 8 + 2m     loudness in each moment: velocities of the notes held, averaged over it
    ==================  ====================================================================

    The moments divide the clip's segment evenly: 24 of 0.25 s in SeCo's 6 s, 57 features. All is
    known from the score; nothing is heard or seen. Who is there but silent has register and
    technique, and no notes.

    Args:
        clip: with notes: of the orchestra, or of a folder exported from it.
        moments: m.

    Raises:
        ClipError: nobody knows the notes, or a category is not the orchestra's.

    Example:
        >>> from avlib.data import Orchestra
        >>> clip = Orchestra(instruments=("violin",)).read(0, frame_times=(0.0,), pictures=False)
        >>> vector = attributes_input(clip)[0]
        >>> len(vector), [round(x, 3) for x in vector[:9].tolist()]
        (57, [-0.208, 1.292, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """
    if clip.notes is None:
        raise ClipError(
            f"clip {clip.name!r} has no notes, and attributes are made of them: they are a control "
            "for the orchestra; use another kind of sight"
        )
    return torch.stack(
        [
            torch.cat([_instrument(clip, label), _timeline(notes, clip, moments)])
            for label, notes in zip(clip.categories, clip.notes, strict=True)
        ]
    )


def _instrument(clip: Clip, label: str) -> Float32[Tensor, " feature"]:
    try:
        played = INSTRUMENTS[category(label)]
    except ValueError as error:
        raise ClipError(f"clip {clip.name!r} has no attributes: {error}") from error
    low, high = played.low + clip.transpose, played.high + clip.transpose
    numbers = [(low - 60) / 24, (high - 60) / 24, played.voices / 4]
    return torch.tensor(numbers + [float(played.technique == name) for name in TECHNIQUES])


def _timeline(notes: Sequence[Note], clip: Clip, moments: int) -> Float32[Tensor, " feature"]:
    """Onsets and loudness of a score in the moments of a clip's segment."""
    edges = clip.start_s + np.linspace(0, clip.seconds, moments + 1)
    onset = np.array([note.onset_s for note in notes])
    end = np.array([note.end_s for note in notes])
    velocity = np.array([note.velocity for note in notes])
    begins = (onset >= edges[:-1, None]) & (onset < edges[1:, None])  # (moment, note)
    held = np.minimum(end, edges[1:, None]) - np.maximum(onset, edges[:-1, None])
    loudness = held.clip(0) @ velocity / (edges[1] - edges[0])
    return torch.from_numpy(np.concatenate([begins.sum(1), loudness])).float()
