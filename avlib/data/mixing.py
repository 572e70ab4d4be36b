"""Mix-and-separate: make mixtures of known clips, so that the answer is known.

Sound of Pixels' idea, shared by all three papers: add the sounds of 2 to 4 clips and ask a
network for each of them, given the pictures of its clip. What differs is who may be mixed with
whom (`PARTNER_RULES`) and how (`avlib.audio.mix`).

Item k is a pure function of (seed, split, k). Training walks through k = 0, 1, 2, ... and never
comes back (`avlib.data.TrainSampler`): epoch e of length L has the items e L to (e + 1) L - 1.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.utils.data import Dataset

from avlib.audio import SOP, FrontEnd, mix
from avlib.audio.masks import MixRule, TargetScale
from avlib.data.clip import Clip, ClipError, Source, torch_generator
from avlib.data.noise import JointNoise
from avlib.data.partners import PARTNER_RULES, draw_companion, draw_partners
from avlib.data.sights import check_sights, look
from avlib.data.view import View, sop_view
from avlib.orchestra.programme import random_generator

REDRAWS = 50
"""Unreadable clips in a row after which training gives up even where it may skip them."""


@dataclass(frozen=True)
class MixPlan:
    """What goes into one mix, before anything is read.

    Attributes:
        entries: places in the source.
        starts: first sample of each clip's segment.
        partners: places of the clips of the same categories, one a source, if asked for.
        partner_starts: first sample of each partner's segment.
    """

    entries: tuple[int, ...]
    starts: tuple[int, ...]
    partners: tuple[int, ...] = ()
    partner_starts: tuple[int, ...] = ()


class MixAndSeparate(Dataset[dict[str, Any]]):
    """Mixtures of 2 to 4 clips with the truth beside them.

    An item is a dictionary of

    - ``waves`` (source, sample) float32: the sources as they are in the mixture,
    - ``mixture`` (sample,) float32,
    - ``frames`` (source, channel, frame, height, width) float32, normalised,
    - ``joints`` (source, channel, frame, joint): x and y in [-1, 1] of the square that ``frames``
      shows, and the confidence, see `joints_input`; mirrored when ``frames`` are,
    - ``attributes`` (source, feature): the truth, see `attributes_input`,
    - ``partners`` (source, sample) and ``partner_names``: for each source another clip of its
      category, as recorded (no gain, no division),
    - ``categories``, ``names``, ``players``: one string a source (";" between two players),
    - ``index``: its number,
    - ``missing``: clips that could not be read on the way (only with ``on_error="skip"``).

    Of ``frames``, ``joints`` and ``attributes`` there are those that `sights` names.

    Training (``train=True``) takes a random segment of each clip, draws gains and augments
    pictures; it has an item for every k >= 0, and `len` is the length of an epoch. Evaluation
    takes the middle of each clip, no gain and no augmentation; it has `len` items.

    A training segment begins anywhere in its clip, all places equally likely, under every rule.
    (SeCo's paper says "random"; its released code keeps 6 s away from the beginning and 12 s from
    the end of clips longer than 18 s, which this does not.) A silent segment is mixed like any
    other: its true mask is empty, which is right. In evaluation it has no SDR; the scores list
    such a pair as unscorable.

    Args:
        source: where the clips come from.
        n: how many are mixed, 2 to 4.
        rule: whose protocol: "sop", "cosep" or "seco".
        length: items of an epoch (training) or of the set (evaluation; default: all `pairs`).
        seed: another seed, other mixes.
        train: see above.
        front_end: rate and length of the sound.
        view: which pictures (default: Sound of Pixels' three).
        target_scale: scale of Co-Separation's targets, see `avlib.audio.mix`.
        pairs: places in the source of the clips of each mix, instead of drawing them.
        short: a clip shorter than the segment is an error ("raise"), or is repeated from its
            beginning until the segment is full ("tile"), as Co-Separation's code does; its
            pictures are then taken as if the clip were the segment.
        on_error: "raise": a clip that is missing, unreadable or too short is an error that names
            it. "skip": it is listed in `missing`, and training draws another while evaluation
            leaves the mix out (`avlib.data.MixLoader` counts and reports).
        sights: what is shown of the players: any of "frames", "joints" and "attributes". Without
            "frames" no picture is painted or decoded.
        partners: add ``partners``; each is drawn among all other clips of the category, with a
            segment of its own anywhere in it. A clip that is the only one of its category is its
            own partner.
        joint_noise: spoil the joints as a pose estimator would, in training and in evaluation;
            item k's noise is a pure function of (seed, split, k).

    Raises:
        ValueError: settings that make no sense, or pairs that break the rule.
    """

    def __init__(
        self,
        source: Source,
        n: int = 2,
        rule: MixRule = "sop",
        *,
        length: int | None = None,
        seed: int = 0,
        train: bool = True,
        front_end: FrontEnd = SOP,
        view: View | None = None,
        target_scale: TargetScale = "consistent",
        pairs: Sequence[tuple[int, ...]] | None = None,
        short: Literal["raise", "tile"] = "raise",
        on_error: Literal["raise", "skip"] = "raise",
        sights: Sequence[str] = ("frames",),
        partners: bool = False,
        joint_noise: JointNoise | None = None,
    ) -> None:
        if not 2 <= n <= 4:
            raise ValueError(f"mix 2 to 4 clips, not {n}")
        if rule not in PARTNER_RULES:
            raise ValueError(f"unknown rule {rule!r}; there are {', '.join(PARTNER_RULES)}")
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error={on_error!r}: it is 'raise' or 'skip'")
        if short not in ("raise", "tile"):
            raise ValueError(f"short={short!r}: it is 'raise' or 'tile'")
        if length is None and pairs is None:
            raise ValueError("give length=, the number of items of an epoch or of the test set")
        if pairs is not None and train:
            raise ValueError("stored pairs are for evaluation; training draws its own (train=True)")
        self.source, self.n, self.rule = source, n, rule
        self.seed, self.train, self.front_end = seed, train, front_end
        self.view = sop_view() if view is None else view
        self.sights = check_sights(sights, self.view, joint_noise)
        self.partners, self.joint_noise = partners, joint_noise
        self.target_scale, self.short, self.on_error = target_scale, short, on_error
        self.pairs = None if pairs is None else tuple(tuple(pair) for pair in pairs)
        self.missing: list[str] = []
        self._reported: set[str] = set()
        self._length = self._checked_length(length)

    def _checked_length(self, length: int | None) -> int:
        if self.pairs is None:
            length = length or 0
        else:
            self._check_pairs(self.pairs)
            length = len(self.pairs) if length is None else min(length, len(self.pairs))
        if length < 1:
            raise ValueError("a set of mixes needs at least one item; give length >= 1")
        return length

    def _check_pairs(self, pairs: Sequence[tuple[int, ...]]) -> None:
        entries, fits = self.source.entries, PARTNER_RULES[self.rule]
        for number, pair in enumerate(pairs):
            if len(pair) != self.n:
                raise ValueError(f"pair {number} has {len(pair)} clips, the mixes have {self.n}")
            for place, a in enumerate(pair):
                if not all(fits(entries[a], entries[b]) for b in pair[:place]):
                    names = ", ".join(entries[i].name for i in pair)
                    raise ValueError(f"pair {number} ({names}) breaks the rule {self.rule!r}")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def plan(self, index: int, attempt: int = 0) -> MixPlan:
        """Say what goes into item `index`, without reading anything.

        Args:
            index: of the item; in training any number from 0.
            attempt: how many times something unreadable was drawn before.

        Raises:
            IndexError: no such item.
            ClipError: a clip is shorter than a segment, or has one picture where SeCo looks for
                motion.
        """
        if index < 0 or (index >= len(self) and not self.train):
            raise IndexError(f"item {index} of {len(self)}")
        rng = self._generator("plan", index, attempt)
        if self.pairs is None:
            entries = draw_partners(self.source.entries, self.n, self.rule, rng)
        else:
            entries = self.pairs[index]
        starts = tuple(self._start(entry, rng) for entry in entries)
        if not self.partners:
            return MixPlan(entries, starts)
        rng = self._generator("partners", index, attempt)
        others = tuple(draw_companion(self.source.entries, entry, rng) for entry in entries)
        return MixPlan(
            entries, starts, others, tuple(self._start(other, rng, True) for other in others)
        )

    def _generator(self, use: str, index: int, attempt: int) -> np.random.Generator:
        return random_generator("mix", use, self.seed, self.source.split, attempt, index)

    def _start(self, index: int, rng: np.random.Generator, anywhere: bool = False) -> int:
        entry = self.source.entries[index]
        if self.rule == "seco" and entry.pictures == 1 and self.view.frames > 1:
            raise ClipError(
                f"clip {entry.name!r} has one picture, in which nothing moves; leave it out, or "
                "look at single pictures: seco_view(frames=1)"
            )
        room = round(entry.seconds * self.front_end.rate) - self.front_end.samples
        if room < 0 and self.short == "tile":
            return 0
        if room < 0:
            raise ClipError(
                f"clip {entry.name!r} is {entry.seconds:g} s long, shorter than the "
                f"{self.front_end.seconds:.3f} s asked for; use longer clips, leave it out, or "
                "repeat it with short='tile'"
            )
        # Half a sample late rather than early, so that a picture at the middle is not missed.
        return int(rng.integers(room + 1)) if self.train or anywhere else (room + 1) // 2

    def __getitem__(self, index: int) -> dict[str, Any]:
        missing: list[str] = []
        for attempt in range(REDRAWS):
            try:
                plan = self.plan(index, attempt)
                return self._item(index, attempt, plan) | {"missing": missing}
            except ClipError as error:
                if self.on_error == "raise":
                    raise
                missing.append(str(error))
                if not self.train:
                    return {"index": index, "missing": missing}
        raise ClipError(
            f"item {index}: {REDRAWS} draws in a row met a clip that cannot be read; check the "
            f"folder. The last: {missing[-1]}"
        )

    def _read(self, index: int, start: int, seen: bool = True) -> Clip:
        """A segment; of what is only heard, one moment and no picture."""
        rate, entry = self.front_end.rate, self.source.entries[index]
        # A clip that is shorter than a segment has come this far only to be repeated.
        samples = min(self.front_end.samples, round(entry.seconds * rate))
        times = self.view.times(entry, start / rate, samples / rate)
        size = self.view.read_size(self.train)
        clip = self.source.read(
            index,
            start / rate,
            samples / rate,
            times if seen else times[:1],
            size,
            rate,
            seen and "frames" in self.sights,
        )
        if not np.isfinite(clip.wave).all():
            raise ClipError(
                f"clip {clip.name!r} has NaN or infinite samples; write its sound again, or leave "
                "it out"
            )
        return clip

    def _item(self, index: int, attempt: int, plan: MixPlan) -> dict[str, Any]:
        clips = [self._read(*one) for one in zip(plan.entries, plan.starts, strict=True)]
        generator = torch_generator(self._generator("mix", index, attempt))
        waves = torch.from_numpy(self._segments(clips))
        sources, mixture = mix(
            waves, self.rule, generator if self.train else None, self.target_scale
        )
        noise = self._generator("joint noise", index, attempt) if self.joint_noise else None
        seen = [
            look(
                clip,
                self.view,
                self.sights,
                generator if self.train else None,
                self.joint_noise,
                noise,
            )
            for clip in clips
        ]
        item = {
            "waves": sources,
            "mixture": mixture,
            **{sight: torch.stack([one[sight] for one in seen]) for sight in self.sights},
            "categories": [";".join(clip.categories) for clip in clips],
            "names": [clip.name for clip in clips],
            "players": [";".join(clip.players) for clip in clips],
            "index": index,
        }
        if self.partners:
            both = zip(plan.partners, plan.partner_starts, strict=True)
            heard = [self._read(*one, seen=False) for one in both]
            item["partners"] = torch.from_numpy(self._segments(heard))
            item["partner_names"] = [clip.name for clip in heard]
        return item

    def _segments(self, clips: list[Clip]) -> Float32[np.ndarray, "source sample"]:
        # np.resize repeats what is too short; all else has the length already
        return np.stack([np.resize(clip.wave, self.front_end.samples) for clip in clips])

    def account(self, batch: dict[str, Any]) -> None:
        """Add what a batch (or an item) was short of to `missing`, and report it once.

        `MixLoader` does it. Whoever iterates otherwise, with workers, calls it on each batch,
        because a worker's own list dies with the worker.
        """
        for message in batch["missing"]:
            if message not in self._reported:
                print(f"left out: {message}", file=sys.stderr)
            self._reported.add(message)
            self.missing.append(message)


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make a batch of items: tensors are stacked, the rest becomes lists.

    Items that evaluation left out (``on_error="skip"``) only add to ``missing``; a batch of
    nothing else has no ``waves``.

    Args:
        items: of `MixAndSeparate`.

    Returns:
        ``waves`` (batch, source, sample), ``mixture`` (batch, sample), ``frames``
        (batch, source, channel, frame, height, width) and what else is a tensor, ``index`` and
        lists of lists of names.
    """
    missing = [name for item in items for name in item["missing"]]
    whole = [item for item in items if "waves" in item]
    batch: dict[str, Any] = {"missing": missing, "index": [item["index"] for item in whole]}
    for key in whole[0] if whole else ():
        values = [item[key] for item in whole]
        if isinstance(values[0], Tensor):
            batch[key] = torch.stack(values)
        elif key not in batch:
            batch[key] = values
    return batch
