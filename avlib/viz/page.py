"""The page that ``avlib separate`` writes: click a player, hear that player.

One HTML file that works from the file system, with no server and no request to anywhere: styles
and script are inside it, and its media are either data URIs or files that lie beside it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jaxtyping import Float

# Okabe and Ito's colour-blind-safe colours, darkened where white text must stay readable on them
# (contrast at least 4.5). Players also carry a number and a name: never colour alone.
COLOURS = ("#0068a3", "#b34700", "#007a59", "#a03d76", "#6b5b00", "#5b4fbf", "#8a2f2f", "#3d5a6c")
FLOOR_DB = -48.0


@dataclass(frozen=True)
class PagePlayer:
    """One player on the page.

    Attributes:
        label: what the reader sees ("violin", "left half").
        box: where to click: x1, y1, x2, y2 as fractions of the picture, in [0, 1].
        audio: address of the player's sound: a data URI or a file beside the page.
        wav: name of the WAV file beside the page, for the download link.
        levels: loudness over time, 0 to 100, from `loudness`.
        score: a line beside the name, such as "SDR 6.1 dB"; empty for none.
    """

    label: str
    box: tuple[float, float, float, float]
    audio: str
    wav: str
    levels: Sequence[int]
    score: str = ""


def loudness(
    wave: Float[np.ndarray, " sample"],
    rate: int,
    reference: float,
    per_second: float = 20.0,
    at_most: int = 6000,
) -> list[int]:
    """Loudness over time as whole numbers from 0 (48 dB below the reference, or less) to 100.

    Each number is the RMS of one slice of the wave, in dB relative to `reference`.

    Args:
        wave: the sound.
        rate: its sample rate in Hz.
        reference: the RMS that is shown as 100; use one for all the players of a page.
        per_second: slices per second.
        at_most: with more slices than this, they get longer.

    Returns:
        One number a slice; at least one.

    Example:
        >>> loudness(np.full(8, 0.5), rate=4, reference=1.0, per_second=1.0)
        [87, 87]
    """
    count = int(np.clip(round(len(wave) / rate * per_second), 1, at_most))
    edges = np.linspace(0, len(wave), count + 1).round().astype(int)
    power = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    rms = np.sqrt(np.diff(power[edges]).clip(0) / np.diff(edges).clip(1))
    db = 20 * np.log10(np.maximum(rms / max(reference, 1e-12), 1e-12))
    return [int(v) for v in np.rint(100 * np.clip(1 - db / FLOOR_DB, 0, 1))]


def page_address(name: str) -> str:
    """Address of a file beside the page, whatever characters its name has.

    Example:
        >>> page_address('50% of "us" #1?.mp4')
        '50%25%20of%20%22us%22%20%231%3F.mp4'
    """
    return quote(name)


def _region(number: int, player: PagePlayer) -> str:
    x1, y1, x2, y2 = (100 * v for v in player.box)
    label = escape(player.label)
    return (
        f'<button type="button" class="region" data-choose="{number}" aria-pressed="false" '
        f'aria-label="Hear {label}, in the picture" style="--colour: {colour(number)}; '
        f'left: {x1:.3f}%; top: {y1:.3f}%; width: {x2 - x1:.3f}%; height: {y2 - y1:.3f}%">'
        f"<span>{numbered(number, label)}</span></button>"
    )


def numbered(number: int, label: str) -> str:
    """A player's label with the number in front, unless it ends with it.

    Example:
        >>> numbered(2, "violin"), numbered(2, "player 2")
        ('2 violin', 'player 2')
    """
    return label if label.endswith(f" {number}") else f"{number} {label}"


def _card(number: int, label: str, tint: str, score: str = "", wav: str = "") -> str:
    name = escape(label)
    link = f'<a class="soft" href="{escape(page_address(wav))}" download>WAV</a>' if wav else ""
    mark = f'<span class="score">{escape(score)}</span>' if score else ""
    kind = "card" if wav else "card everyone"
    title = numbered(number, name) if wav else name
    return (
        f'<div class="{kind}" data-card="{number}" style="--colour: {tint}">'
        f'<div class="row"><span class="name">{title}</span>{mark}{link}'
        f'<button type="button" class="hear" data-choose="{number}" aria-pressed="false" '
        f'aria-label="Hear {name}">Listen</button></div>'
        f'<canvas class="lane" data-lane="{number}" role="img" '
        f'aria-label="Loudness of {name} over time"></canvas></div>'
    )


def colour(number: int) -> str:
    """Colour of player `number`, which counts from 1.

    Example:
        >>> colour(1), colour(9) == colour(1)
        ('#0068a3', True)
    """
    return COLOURS[(number - 1) % len(COLOURS)]


def separate_page(
    *,
    title: str,
    video: str,
    poster: str,
    size: tuple[int, int],
    seconds: float,
    levels: Sequence[int],
    players: Sequence[PagePlayer],
    plot: str,
    notes: Sequence[str],
) -> str:
    """The page as one string of HTML.

    Args:
        title: name of the video file; any text, it is escaped.
        video: address of the video whose own sound is everyone: a data URI, or `page_address`.
        poster: address of the picture that stands there before the video has loaded.
        size: width and height of the picture in pixels.
        seconds: length of the video.
        levels: loudness of the mixture, from `loudness`.
        players: one entry a player, in the order of the keys 1, 2, ...
        plot: address of the picture of the spectrograms.
        notes: sentences about how the result was made; plain text.

    Returns:
        The HTML. It asks for nothing but the addresses given.
    """
    width, height = size
    names = ", ".join(player.label for player in players)
    data = {
        "seconds": seconds,
        "levels": list(levels),
        "players": [{"label": p.label, "levels": list(p.levels)} for p in players],
    }
    cards = [_card(0, "Everyone", "var(--all)")]
    cards += [_card(k, p.label, colour(k), p.score, p.wav) for k, p in enumerate(players, 1)]
    fields = {
        "TITLE": escape(title),
        "VIDEO": escape(video),
        "POSTER": escape(poster),
        "WIDTH": str(width),
        "HEIGHT": str(height),
        "SECONDS": f"{seconds:.3f}",
        "SHAPE": "tall" if width < 1.5 * height else "wide",
        "COUNT": str(len(players)),
        "REGIONS": "\n".join(_region(k, p) for k, p in enumerate(players, 1)),
        "CARDS": "\n".join(cards),
        "AUDIOS": "\n".join(
            f'<audio data-player="{k}" src="{escape(p.audio)}" preload="auto" muted></audio>'
            for k, p in enumerate(players, 1)
        ),
        "PLOT": escape(plot),
        "PLOT_ALT": escape(f"Spectrograms: the mixture, then {names}"),
        "NOTES": "\n".join(f"<li>{escape(note)}</li>" for note in notes),
        # "<" would let a label end the script element.
        "DATA": json.dumps(data).replace("<", "\\u003c"),
    }
    template = (Path(__file__).parent / "separate_page.html").read_text(encoding="utf-8")
    # One pass, so that a file name that reads {{NOTES}} stays a file name.
    return re.sub(r"\{\{([A-Z_]+)\}\}", lambda match: fields[match.group(1)], template)
