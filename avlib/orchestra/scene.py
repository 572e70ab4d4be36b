"""`make_scene`: a performance with everything known about it.

Picture and sound are two readings of the same notes. A scene is a pure function of its arguments.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from avlib.orchestra.ink import Ink, paint
from avlib.orchestra.instruments import PLAYERS
from avlib.orchestra.instruments import instrument as find
from avlib.orchestra.perform import Performance, perform
from avlib.orchestra.score import Note, melody
from avlib.orchestra.sketch import BODY, INSTRUMENT, Sketch
from avlib.orchestra.sound import play
from avlib.orchestra.stage import Room, Spot, draw_occluder, draw_room, lay_out, room_of
from avlib.skeleton import MIRRORED

HARD_CASES = ("poster", "two_sounds", "small", "occlusion")
PEAK = 0.95  # stems are scaled down together so that neither they nor their sum pass this
SOUNDING_DB = -50.0  # a player sounds when louder than this, relative to the stem's loudest sample
TRANSPOSE = 12  # semitones: a size or two larger or smaller, not another instrument
SOUNDING_S = 0.0625  # least half width of the window in which that is measured


@dataclass(frozen=True)
class Scene:
    """One to four players, seen and heard.

    Attributes:
        instruments: one label per player.
        players: identity number of each player (look and voice).
        frames: the picture, RGB; of shape (0, height, width, 3) where none was asked for.
        stems: what each player plays; zero for a silent player.
        mixture: exactly ``stems.sum(0)``; peak at most 0.95.
        boxes: xyxy pixels around each player with instrument, as if nothing stood before them,
            clipped to the picture.
        instrument_boxes: idem, the instrument alone (with bow, sticks, strap and stands).
        joints: x, y in pixels and confidence of the 60 joints of `avlib.skeleton`;
            confidence 0 outside the picture.
        sounding: whether a player is heard at a frame: RMS of the stem within half a period of
            the ``frames`` asked for (at least 62.5 ms) either way, above -50 dB of the stem's
            greatest sample. ``frame_times`` does not change that window.
        notes: what each player plays, as it sounds.
        seconds: length.
        rate: samples a second.
        fps: frames a second.
    """

    instruments: tuple[str, ...]
    players: tuple[int, ...]
    frames: UInt8[np.ndarray, "_frame height width 3"]
    stems: Float32[np.ndarray, "player sample"]
    mixture: Float32[np.ndarray, " sample"]
    boxes: Float32[np.ndarray, "frame player 4"]
    instrument_boxes: Float32[np.ndarray, "frame player 4"]
    joints: Float32[np.ndarray, "frame player joint 3"]
    sounding: Bool[np.ndarray, "frame player"]
    notes: tuple[tuple[Note, ...], ...]
    seconds: float
    rate: int
    fps: float


def _generator(seed: int, *about: str | int) -> np.random.Generator:
    """A generator for one purpose: adding a draw here never moves a draw there."""
    words = [zlib.crc32(a.encode()) if isinstance(a, str) else a for a in about]
    return np.random.default_rng([seed, *words])


def _identities(
    seed: int, instruments: Sequence[str], split: str, players: Sequence[int] | None
) -> tuple[int, ...]:
    if players is not None:
        if len(players) != len(instruments):
            raise ValueError(f"{len(players)} players for {len(instruments)} instruments")
        return tuple(int(p) for p in players)
    if split not in PLAYERS:
        raise ValueError(f"unknown split {split!r}; there are {', '.join(PLAYERS)}")
    rng = _generator(seed, "players")
    chosen: list[int] = []
    for name in instruments:
        taken = {p for n, p in zip(instruments, chosen, strict=False) if n == name}
        chosen.append(int(rng.choice([p for p in PLAYERS[split] if p not in taken])))
    return tuple(chosen)


def _check(
    instruments: Sequence[str],
    silent: Sequence[int],
    hard: Sequence[str],
    seconds: float | int,
    count: int,
    expression: float,
    transpose: int,
) -> None:
    if not 1 <= len(instruments) <= 4:
        raise ValueError(f"a scene has one to four players, not {len(instruments)}")
    for name in instruments:
        find(name)
    if not set(silent) <= set(range(len(instruments))):
        raise ValueError(f"silent={tuple(silent)} must number players 0 to {len(instruments) - 1}")
    if count < 1 or seconds <= 0:
        raise ValueError(f"a scene needs time and frames, not {seconds} s with {count} frames")
    if not 0 <= expression <= 1:
        raise ValueError(f"expression goes from 0 to 1; got {expression}")
    if abs(transpose) > TRANSPOSE:
        raise ValueError(
            f"transpose goes from {-TRANSPOSE} to {TRANSPOSE} semitones; got {transpose}"
        )
    unknown = sorted(set(hard) - set(HARD_CASES))
    if unknown:
        raise ValueError(f"unknown hard case {unknown[0]!r}; there are {', '.join(HARD_CASES)}")


def _scores(
    seed: int, instruments: Sequence[str], silent: Sequence[int], seconds: float | int, two: bool
) -> tuple[tuple[Note, ...], ...]:
    scores: list[tuple[Note, ...]] = []
    for k, name in enumerate(instruments):
        if k in silent:
            scores.append(())
            continue
        notes = melody(name, seconds, _generator(seed, "melody", k, name))
        if two and k == 0:
            notes += melody(name, seconds, _generator(seed, "second melody", k, name))
            notes = tuple(sorted(notes, key=lambda note: note.onset_s))
        scores.append(notes)
    return tuple(scores)


def _sound(
    seed: int,
    instruments: Sequence[str],
    players: Sequence[int],
    scores: Sequence[tuple[Note, ...]],
    seconds: float | int,
    rate: int,
    transpose: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Stems (player, sample) and their sum, scaled together to a peak of at most 0.95."""
    stems = np.zeros((len(instruments), round(seconds * rate)), np.float32)
    for k, (name, player, notes) in enumerate(zip(instruments, players, scores, strict=True)):
        if notes:
            rng = _generator(seed, "sound", k, name)
            stems[k] = play(notes, name, player, seconds, rate, rng, transpose)
    peak = max(float(np.abs(stems).max(initial=0)), float(np.abs(stems.sum(0)).max(initial=0)))
    if peak > PEAK:
        stems *= np.float32(PEAK / peak)
    return stems, stems.sum(0)


def _heard(notes: tuple[Note, ...], transpose: int) -> tuple[Note, ...]:
    """Notes at the pitch that is heard."""
    return tuple(replace(note, pitch=note.pitch + transpose) for note in notes)


def sounding_at(
    stems: Float32[np.ndarray, "player sample"],
    times: Float[np.ndarray, " frame"],
    rate: int,
    half_s: float | int,
) -> Bool[np.ndarray, "frame player"]:
    """Say who is heard around each time: RMS in +-``half_s`` above -50 dB of the stem's peak.

    Example:
        >>> stem = np.zeros((1, 100), np.float32); stem[0, 50:] = 0.5
        >>> sounding_at(stem, np.array([0.2, 0.8]), 100, 0.1).tolist()
        [[False], [True]]
    """
    low = np.round((times - half_s) * rate).astype(int).clip(0, stems.shape[1]).tolist()
    high = np.round((times + half_s) * rate).astype(int).clip(0, stems.shape[1]).tolist()
    power = np.array(
        [
            [float(stem[a:b] @ stem[a:b]) / max(b - a, 1) for a, b in zip(low, high, strict=True)]
            for stem in stems
        ]
    ).reshape(len(stems), len(times))
    peak = np.abs(stems).max(-1, initial=0).astype(np.float64)
    return ((peak > 0)[:, None] & (power > (peak**2 * 10 ** (SOUNDING_DB / 10))[:, None])).T


def _picture_on_wall(image: np.ndarray, seed: int, shown: Sequence[str]) -> None:
    """Hard case "poster": a framed picture of an instrument that nobody plays."""
    from avlib.orchestra.instruments import INSTRUMENTS

    rng = _generator(seed, "poster")
    name = rng.choice([n for n in INSTRUMENTS if n not in shown])
    height, width = image.shape[:2]
    act = perform(str(name), int(rng.integers(64)), (), np.zeros(1), 1.0, rng)
    side = 0.34 * min(height, width)
    x = rng.choice([0.02 * width, 0.98 * width - side])
    corner = x + 0.03j * height
    low, high = (act.sketch.ink(1000, 0j).bounds()[INSTRUMENT][0] / 1000).reshape(2, 2)
    scale = 0.84 * side / (high - low).max()
    middle = complex(*(low + high) / 2)
    frame = Sketch(1)
    square = np.array([0.02 + 0.02j, 0.98 + 0.02j, 0.98 + 0.98j, 0.02 + 0.98j])
    frame.fill(0, square, (240, 236, 224))
    frame.lines(1, [square], 0.04, (70, 50, 40), closed=True)
    frame.ink(side, corner).draw_frame(image, 0)
    act.sketch.ink(scale, corner + side * (0.5 + 0.5j) - scale * middle).draw_frame(
        image, 0, parts=(INSTRUMENT,)
    )


def _place(act: Performance, spot: Spot) -> tuple[Ink, np.ndarray]:
    """Put a performance into its square: ink and joints in pixels (frame, joint, 2)."""
    scale = spot.side * act.look.size * act.zoom
    sign = -1.0 if act.look.left_handed else 1.0
    centre = spot.corner + spot.side * (0.5 + 0.5j)
    origin = centre - scale * (sign * act.middle.real + 1j * act.middle.imag)
    places = act.joints * scale
    joints = np.stack([sign * places.real + origin.real, places.imag + origin.imag], -1)
    if act.look.left_handed:
        joints = joints[:, MIRRORED]
    return act.sketch.ink(scale, origin, act.look.left_handed), joints


def _clip(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    boxes[..., 0::2] = boxes[..., 0::2].clip(0, width)
    boxes[..., 1::2] = boxes[..., 1::2].clip(0, height)
    return boxes.astype(np.float32)


def _see(
    seed: int,
    instruments: Sequence[str],
    players: Sequence[int],
    scores: Sequence[tuple[Note, ...]],
    times: np.ndarray,
    seconds: float | int,
    size: tuple[int, int],
    hard: Sequence[str],
    pictures: bool,
    expression: float,
    transpose: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frames, boxes, instrument boxes, joints."""
    height, width = size
    room: Room = room_of(_generator(seed, "room"))
    spots = lay_out(len(instruments), height, width, _generator(seed, "layout"), "small" in hard)
    inks, boxes, tools, joints = [], [], [], []
    for k, (name, player) in enumerate(zip(instruments, players, strict=True)):
        rng = _generator(seed, "idle", k)
        act = perform(
            name, player, scores[k], times, seconds, rng, room.tint, expression, transpose
        )
        ink, at = _place(act, spots[k])
        inks.append(ink)
        bounds = ink.bounds()
        tool, body = bounds[INSTRUMENT], bounds[BODY]
        low, high = np.minimum(tool, body)[:, :2], np.maximum(tool, body)[:, 2:]
        boxes.append(np.concatenate([low, high], -1))
        tools.append(tool)
        inside = np.all((at >= 0) & (at < np.array([width, height])), axis=-1)
        joints.append(np.concatenate([at, inside[..., None]], -1))
    if pictures:
        frames = _paint(seed, room, inks, instruments, len(times), size, hard)
    else:
        frames = np.zeros((0, height, width, 3), np.uint8)
    return (
        frames,
        _clip(np.stack(boxes, 1), height, width),
        _clip(np.stack(tools, 1), height, width),
        np.stack(joints, 1).astype(np.float32),
    )


def _paint(
    seed: int,
    room: Room,
    inks: list[Ink],
    instruments: Sequence[str],
    count: int,
    size: tuple[int, int],
    hard: Sequence[str],
) -> np.ndarray:
    """The players in their room, with what hangs behind them and stands before them."""
    height, width = size
    back = draw_room(room, height, width)
    if "poster" in hard:
        _picture_on_wall(back, seed, instruments)
    if "occlusion" in hard:
        front = Sketch(count, room.tint)
        draw_occluder(front, _generator(seed, "occluder"), width / height)
        inks = [*inks, front.ink(height, 0j)]
    return paint(back, inks, count)


def make_scene(
    seed: int,
    instruments: Sequence[str] = ("violin", "flute"),
    silent: Sequence[int] = (),
    seconds: float | int = 6.0,
    frames: int = 24,
    size: int | tuple[int, int] = 128,
    rate: int = 11025,
    *,
    split: str = "train",
    players: Sequence[int] | None = None,
    frame_times: Sequence[float] | np.ndarray | None = None,
    hard: Sequence[str] = (),
    pictures: bool = True,
    expression: float = 0.0,
    transpose: int = 0,
) -> Scene:
    """Make one scene of the Pocket Orchestra.

    Args:
        seed: with the other arguments, decides everything.
        instruments: one to four labels of `INSTRUMENTS`.
        silent: indices of players who are present but do not play.
        seconds: length.
        frames: how many frames; frame k is at ``k * seconds / frames`` seconds.
        size: side of the square picture, or (height, width), in pixels.
        rate: samples a second.
        split: whose players may appear when ``players`` is not given.
        players: identity numbers, one per instrument.
        frame_times: seconds of the frames wanted instead of ``frames`` even ones; each picture is
            the same as it would be among any others.
        hard: hard cases: "poster" (a picture of another instrument hangs on the wall),
            "two_sounds" (player 0 plays two melodies at once: one object, two sounds in one
            stem), "small" (far away, anywhere), "occlusion" (something stands in front; boxes
            and joints stay as if it did not).
        pictures: False: nothing is painted, ``frames`` is empty; all else stays the same.
        expression: how far head, shoulders and arms rise with high notes and sink with low ones,
            from 0 (not at all) to 1 (by 4.5 % of the player's square, the head by 8.4 %, from
            MIDI 60 to 90). Everybody moves by the same law, whatever they play: singers and many
            players do raise their heads with the pitch, if less, and less reliably.
        transpose: semitones by which everybody sounds higher than written, -12 to 12, as on a
            smaller instrument of the same make (a larger one below 0). The hands play what is
            written; the sound, `Scene.notes` and what `expression` moves have the pitch that is
            heard. Instruments do come in such families; it makes many out of few.

    Raises:
        ValueError: an argument that no scene can have; the message says what would do.

    Example:
        >>> scene = make_scene(1, ("cello", "flute"), silent=(1,), seconds=1.0, frames=4)
        >>> scene.frames.shape, scene.stems.shape, bool(scene.sounding[:, 1].any())
        ((4, 128, 128, 3), (2, 11025), False)
    """
    instruments = tuple(instruments)
    count = frames if frame_times is None else min(frames, len(frame_times))
    _check(instruments, silent, hard, seconds, count, expression, transpose)
    height, width = (size, size) if isinstance(size, int) else size
    if frame_times is None:
        times, fps = np.arange(frames) * (seconds / frames), frames / seconds
    else:
        times = np.asarray(frame_times, np.float64)
        span = float(times[-1] - times[0]) if len(times) > 1 else 0.0
        fps = (len(times) - 1) / span if span > 0 else frames / seconds
    identities = _identities(seed, instruments, split, players)
    scores = _scores(seed, instruments, silent, seconds, "two_sounds" in hard)
    stems, mixture = _sound(seed, instruments, identities, scores, seconds, rate, transpose)
    picture, boxes, tools, joints = _see(
        seed,
        instruments,
        identities,
        scores,
        times,
        seconds,
        (height, width),
        hard,
        pictures,
        expression,
        transpose,
    )
    heard = sounding_at(stems, times, rate, max(SOUNDING_S, 0.5 * seconds / frames))
    return Scene(
        instruments=instruments,
        players=identities,
        frames=picture,
        stems=stems,
        mixture=mixture,
        boxes=boxes,
        instrument_boxes=tools,
        joints=joints,
        sounding=heard,
        notes=tuple(_heard(notes, transpose) for notes in scores),
        seconds=float(seconds),
        rate=rate,
        fps=float(fps),
    )
