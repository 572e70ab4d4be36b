"""Who may be mixed with whom, and which clip stands for a category."""

from collections.abc import Callable, Sequence

import numpy as np

from avlib.data.clip import Entry

TRIES = 200
"""Random draws of a partner before the whole list is searched for one."""

RESTARTS = 5
"""Fresh starts after a clip that nothing may be mixed with."""


def _any_other(a: Entry, b: Entry) -> bool:
    return a.name != b.name


def _other_video(a: Entry, b: Entry) -> bool:
    return a.video != b.video


def _other_category(a: Entry, b: Entry) -> bool:
    return a.name != b.name and not set(a.categories) & set(b.categories)


def _same_category(a: Entry, b: Entry) -> bool:
    return a.name != b.name and set(a.categories) == set(b.categories)


PARTNER_RULES: dict[str, Callable[[Entry, Entry], bool]] = {
    "sop": _any_other,
    "cosep": _other_video,
    "seco": _other_category,
}
"""Who may be mixed with whom. Sound of Pixels: any other clip. Co-Separation: clips of two
videos, of which the categories may coincide. SeCo: clips of different categories."""

_WHAT_IS_MISSING = {
    "sop": "another clip",
    "cosep": "a clip of another video",
    "seco": "a clip of another category",
}


def draw_partners(
    entries: Sequence[Entry], n: int, rule: str, rng: np.random.Generator
) -> tuple[int, ...]:
    """Draw clips that may be mixed: each fits to all before it, all equally likely.

    Args:
        entries: what there is to draw from; may be endless.
        n: how many clips.
        rule: "sop", "cosep" or "seco", see `PARTNER_RULES`.
        rng: where the draws come from.

    Raises:
        ValueError: an unknown rule, or no clip fits.
    """
    if rule not in PARTNER_RULES:
        raise ValueError(f"unknown rule {rule!r}; there are {', '.join(PARTNER_RULES)}")
    for _ in range(RESTARTS):
        drawn: list[int] = []
        while len(drawn) < n:
            chosen = [entries[i] for i in drawn]
            index = _draw_one(entries, chosen, PARTNER_RULES[rule], rng)
            if index is None:  # a clip that fits to nobody: begin with others
                break
            drawn.append(index)
        else:
            return tuple(drawn)
    names = ", ".join(f"{entries[i].name} ({';'.join(entries[i].categories)})" for i in drawn)
    raise ValueError(
        f"nothing to mix with {names}: {_WHAT_IS_MISSING[rule]} is needed and none of the "
        f"{len(entries)} clips is one; add clips, or mix fewer at a time"
    )


def draw_companion(entries: Sequence[Entry], index: int, rng: np.random.Generator) -> int:
    """Draw another clip of the same category: SeCo's partner for the intra-modal consistency.

    Args:
        entries: what there is to draw from; may be endless.
        index: the clip that is accompanied.
        rng: where the draws come from.

    Returns:
        The place of the other clip, all equally likely; `index` itself if there is no other.

    Example:
        >>> from avlib.data import Orchestra
        >>> entries = Orchestra(instruments=("cello", "flute", "tuba"), length=90).entries
        >>> other = draw_companion(entries, 0, np.random.default_rng(0))
        >>> other != 0, entries[other].categories == entries[0].categories
        (True, True)
    """
    other = _draw_one(entries, [entries[index]], _same_category, rng)
    return index if other is None else other


def _draw_one(
    entries: Sequence[Entry],
    chosen: list[Entry],
    fits: Callable[[Entry, Entry], bool],
    rng: np.random.Generator,
) -> int | None:
    for _ in range(TRIES):
        index = int(rng.integers(len(entries)))
        if all(fits(entries[index], other) for other in chosen):
            return index
    # Rare partners: look at everybody. Of an orchestra, which plays all instruments equally
    # often and may be endless, a part is enough.
    known = len(entries) if isinstance(entries, tuple) else min(len(entries), 10_000)
    left = [i for i in range(known) if all(fits(entries[i], other) for other in chosen)]
    return left[int(rng.integers(len(left)))] if left else None
