"""Checks of the chapter `welcome`: an ill-posed problem, a known concert, a model that looks."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

Separator = Callable[[Tensor, Tensor], Tensor]

separable_by_sound = AnswerCheck(
    "tuba and flute",
    hints={
        "violin and trumpet": "They play in the same register: whatever frequency you split at, "
        "both have notes and overtones on either side of it.",
        "two violins": "The same instrument in the same register. A fixed split finds nothing to "
        "hold on to, and an ear does not know either which of them is the left one.",
        "all of them": "A split at one frequency needs two players who stay on either side of it. "
        "How many of the three duets have that?",
        "none of them": "One of the duets has a player who hardly leaves the cellar and one who "
        "hardly comes down from the roof.",
    },
    right="The tuba's energy lies below that of the flute nearly everywhere, so one fixed "
    "frequency is a fair separator.",
)


def _split(
    spectrum: Complex[Tensor, "freq column"], rate: float | int, hz: float | int
) -> tuple[Tensor, Tensor]:
    """All below a frequency, and the rest."""
    rows = torch.arange(len(spectrum)) * rate / (2 * (len(spectrum) - 1))
    low = (rows < hz)[:, None]
    return spectrum * low, spectrum * ~low


def _split_row_count(spectrum: Tensor, rate: float | int, hz: float | int) -> tuple:
    low = (torch.arange(len(spectrum)) * rate / len(spectrum) < hz)[:, None]
    return spectrum * low, spectrum * ~low


def _split_half_row_count(spectrum: Tensor, rate: float | int, hz: float | int) -> tuple:
    low = (torch.arange(len(spectrum)) * rate / (2 * len(spectrum)) < hz)[:, None]
    return spectrum * low, spectrum * ~low


def _split_not_strict(spectrum: Tensor, rate: float | int, hz: float | int) -> tuple:
    rows = torch.arange(len(spectrum)) * rate / (2 * (len(spectrum) - 1))
    low = (rows <= hz)[:, None]
    return spectrum * low, spectrum * ~low


def _split_draw(generator: torch.Generator) -> tuple:
    rows = int(torch.randint(20, 40, (), generator=generator))
    spectrum = torch.randn(rows, 6, dtype=torch.complex64, generator=generator)
    return spectrum, 8000, 1500 + 2000 * float(torch.rand((), generator=generator))


_FIVE = torch.tensor([1.0, 2, 3, 4, 5]).to(torch.complex64)[:, None]
_KEPT = torch.tensor([1.0, 1, 1, 0, 0])[:, None]
_BELOW_350 = torch.tensor([1.0, 1, 1, 1, 0])[:, None]

fixed_split = FunctionCheck(
    _split,
    _split_draw,
    shape_hint="Two complex spectrograms of the shape of the given one: first the low part, then "
    "the high one. Where a part has nothing it is zero, not missing.",
    limits=(
        Limit(
            (_FIVE, 800, 300),
            (_FIVE * _KEPT, _FIVE * (1 - _KEPT)),
            "Five rows at 800 Hz lie at 0, 100, 200, 300 and 400 Hz. Below 300 Hz are three; the "
            "row at 300 Hz belongs to the high part, and only to it.",
        ),
        Limit(
            (_FIVE, 800, 350),
            (_FIVE * _BELOW_350, _FIVE * (1 - _BELOW_350)),
            "Five rows at 800 Hz lie at 0, 100, 200, 300 and 400 Hz. Four are below 350 Hz.",
        ),
    ),
    value_hint="Which frequency has row f? The last of F rows is half the sample rate, so that "
    "rows are rate / (2 (F − 1)) apart.",
    mistakes=(
        Mistake(
            "rows over the whole rate",
            _split_row_count,
            "The rows go from 0 Hz to *half* the sample rate, not to the whole: row f is "
            "f · rate / (2 (F − 1)) Hz.",
        ),
        Mistake(
            "plus one forgotten",
            _split_half_row_count,
            "Nearly. F rows have F − 1 gaps between them, as a fence has one gap less than posts: "
            "divide by F − 1, not by F.",
        ),
        Mistake(
            "not strict",
            _split_not_strict,
            "*Below* the frequency: a row that lies just at it belongs to the high part.",
        ),
        Mistake(
            "magnitudes",
            lambda spectrum, rate, hz: tuple(part.abs() for part in _split(spectrum, rate, hz)),
            "You return magnitudes. Without the angles the way back to sound is lost; multiply "
            "the complex spectrum itself with the mask.",
        ),
        Mistake(
            "high part first",
            lambda spectrum, rate, hz: _split(spectrum, rate, hz)[::-1],
            "Both parts are right, but the low one comes first.",
        ),
    ),
)

concert_facts = AnswerCheck(
    (66150, 15, "violin"),
    hints={
        (65535, 15, "violin"): "65,535 samples are the clip of Sound of Pixels. This concert was "
        "made with the default length: 6 seconds at 11,025 samples per second.",
        (198450, 15, "violin"): "That is the size of all three parts together. One part has one "
        "number per sample.",
        (66150, 7, "violin"): "Seven are the clarinet's notes. `notes` is in the order of "
        "`instruments`, and the tuba is the second.",
        (66150, 33, "violin"): "33 are the notes of all three. Ask for those of the tuba alone.",
        (66150, 15, "clarinet"): "Look at the highest `pitch` of each player's notes: somebody "
        "gets above the clarinet's.",
    },
    otherwise="Look at `stems.shape`, at `len(notes[k])` and at the `pitch` of the notes.",
    right="All of it is written down in the scene: nobody had to listen.",
)


def _lazy(g: float) -> tuple[float, float]:
    """SDR of the recording as an answer for two noises, the second times g, in dB."""
    return -20 * math.log10(g), 20 * math.log10(g)


lazy_sdr = FunctionCheck(
    _lazy,
    lambda generator: (0.1 + 3 * float(torch.rand((), generator=generator)),),
    shape_hint="Two numbers: the SDR for the first noise and that for the second.",
    limits=(
        Limit((1.0,), (0.0, 0.0), "Equally loud: what is wanted is as strong as what is not."),
        Limit(
            (0.5,),
            (6.0206, -6.0206),
            "Half the amplitude is a quarter of the power, which is 6 dB. Who is louder than the "
            "rest has a positive SDR.",
        ),
    ),
    value_hint="10 log10 of (power of what is wanted / power of what is not wanted). The recording "
    "holds both, in full.",
    mistakes=(
        Mistake(
            "amplitudes",
            lambda g: (-10 * math.log10(g), 10 * math.log10(g)),
            "Decibels compare *powers*. The second noise has amplitude g, so its power is g^{2}: "
            "10 log10 g^{2} = 20 log10 g.",
        ),
        Mistake(
            "swapped",
            lambda g: (20 * math.log10(g), -20 * math.log10(g)),
            "The sign. With a small g the first noise is nearly alone in the recording, so its SDR "
            "must be high.",
        ),
        Mistake(
            "over the sum",
            lambda g: (-10 * math.log10(1 + g * g), 10 * math.log10(g * g / (1 + g * g))),
            "You divide by the power of the whole recording. The SDR divides by what is *not* "
            "wanted, here the other noise alone; otherwise it could never be above 0 dB.",
        ),
        Mistake(
            "natural logarithm",
            lambda g: (-20 * math.log(g), 20 * math.log(g)),
            "Decibels use the logarithm with base 10: `math.log10`, not `math.log`.",
        ),
    ),
    rtol=1e-3,
    atol=1e-3,
)

two_errors = AnswerCheck(
    ("holes", "leak"),
    hints={
        ("leak", "holes"): "The other way round. In one of them somebody else is softly there; in "
        "the other the cello is alone, but torn and watery.",
        ("leak", "leak"): "One of the two has no flute in it at all. Listen for a cello that "
        "sounds as if under water.",
        ("holes", "holes"): "In one of the two the cello is whole, only not alone. Listen for a "
        "flute in the background.",
    },
    right="Cells dropped at random make holes: thin, watery, nobody else to be heard. A mask that "
    "is not quite zero lets the flute leak through.",
)


def _shares(
    parts: Float[Tensor, "player sample"], mixture: Float[Tensor, " sample"]
) -> Float[Tensor, " player"]:
    """Energy of each part over that of the recording."""
    return parts.square().sum(-1) / mixture.square().sum()


def _shares_draw(generator: torch.Generator) -> tuple:
    players = int(torch.randint(2, 5, (), generator=generator))
    parts = torch.randn(players, 50, generator=generator)
    return parts, parts.sum(0) + 0.1 * torch.randn(50, generator=generator)


energy_share = FunctionCheck(
    _shares,
    _shares_draw,
    shape_hint="One number for each player: add up over the samples, the last axis, only.",
    range=(0, None),
    range_hint="An energy is a sum of squares and cannot be negative.",
    limits=(
        Limit(
            (torch.tensor([[1.0, -2.0, 2.0], [0.0, 0.0, 0.0]]), torch.tensor([1.0, -2.0, 2.0])),
            [1.0, 0.0],
            "Who plays all there is has a share of 1, who is silent one of 0.",
        ),
    ),
    value_hint="Energy is the sum of the squares of the samples.",
    mistakes=(
        Mistake(
            "amplitudes",
            lambda parts, mixture: parts.abs().sum(-1) / mixture.abs().sum(),
            "You add up amplitudes. Energy is the sum of their *squares*.",
        ),
        Mistake(
            "shares of the parts",
            lambda parts, mixture: parts.square().sum(-1) / parts.square().sum(),
            "You divide by the energy of the parts, so that your shares always add up to 1 and "
            "tell nothing about the recording. Divide by the energy of the mixture.",
        ),
        Mistake(
            "all players together",
            lambda parts, mixture: parts.square().sum() / mixture.square().sum(),
            "This is one number for all. `sum()` adds up over players too; `sum(-1)` does not.",
        ),
        Mistake(
            "root",
            lambda parts, mixture: _shares(parts, mixture).sqrt(),
            "This is the ratio of amplitudes: energies need no square root.",
        ),
    ),
)


def _swap(separate: Separator, recording: Tensor, looks: Tensor) -> Tensor:
    """How much of the answers' energy changes when the pictures change places."""
    right, swapped = separate(recording, looks), separate(recording, looks.flip(0))
    return (swapped - right).square().sum() / right.square().sum()


def _swapped_back(separate: Separator, recording: Tensor, looks: Tensor) -> Tensor:
    right, swapped = separate(recording, looks), separate(recording, looks.flip(0)).flip(0)
    return (swapped - right).square().sum() / right.square().sum()


def _mirrored(separate: Separator, recording: Tensor, looks: Tensor) -> Tensor:
    right, swapped = separate(recording, looks), separate(recording, looks.flip(-1))
    return (swapped - right).square().sum() / right.square().sum()


def _sound_turned(separate: Separator, recording: Tensor, looks: Tensor) -> Tensor:
    right, swapped = separate(recording, looks), separate(recording.flip(-1), looks)
    return (swapped - right).square().sum() / right.square().sum()


def _over_the_swapped(separate: Separator, recording: Tensor, looks: Tensor) -> Tensor:
    right, swapped = separate(recording, looks), separate(recording, looks.flip(0))
    return (swapped - right).square().sum() / swapped.square().sum()


def _blind(recording: Tensor, looks: Tensor) -> Tensor:
    """A separator that does not look."""
    return torch.stack([0.7 * recording, 0.3 * recording])


def _swap_draw(generator: torch.Generator) -> tuple:
    eye = torch.randn(5, generator=generator)
    seats = torch.tensor([1.0, 0.4])  # so that swapped answers have another energy

    def separate(recording: Tensor, looks: Tensor) -> Tensor:
        return (seats * (looks @ eye).sigmoid())[:, None] * recording

    return (
        separate,
        torch.randn(40, generator=generator),
        torch.randn(2, 5, generator=generator),
    )


swap_test = FunctionCheck(
    _swap,
    _swap_draw,
    shape_hint="One number for the whole duet.",
    range=(0, None),
    range_hint="A ratio of energies cannot be negative: have you squared the difference?",
    limits=(
        Limit(
            (_blind, torch.linspace(-1, 1, 9), torch.eye(2)),
            0.0,
            "This separator does not look at all: nothing may change, and your number must be 0.",
        ),
    ),
    value_hint="Energy of (answers with swapped pictures − answers with the right ones), divided "
    "by the energy of the latter.",
    mistakes=(
        Mistake(
            "answers swapped back",
            _swapped_back,
            "You swap the pictures and then put the *answers* back in order. Compare what is "
            "handed to the same place, otherwise a model that looks seems not to.",
        ),
        Mistake(
            "pictures mirrored",
            _mirrored,
            "`flip(-1)` mirrors each picture. To hand each player the other's pictures, flip the "
            "axis of the players, the first.",
        ),
        Mistake(
            "sound instead of pictures",
            _sound_turned,
            "You changed the sound. Change the one thing that is to be tested, the pictures.",
        ),
        Mistake(
            "divided by the swapped",
            _over_the_swapped,
            "You divide by the energy of the answers to the *swapped* pictures. Divide by that of "
            "the answers to the right ones.",
        ),
        Mistake(
            "not divided",
            lambda separate, recording, looks: (
                _swap(separate, recording, looks) * separate(recording, looks).square().sum()
            ),
            "Divide by the energy of the answers, or the number depends on how loud the recording "
            "is.",
        ),
    ),
)

first_question = AnswerCheck(
    ("players", "swap"),
    hints={
        ("layers", "swap"): "The experiment is well chosen. But the depth of the network is no "
        "reason to doubt a number. What might be in both the training and the test set?",
        ("loudness", "swap"): "The experiment is well chosen. Loudness is looked after by the SDR "
        "of the lazy answer; think of what a random split of *videos* lets through.",
        ("players", "longer"): "The right question. But longer training would make a wrong number "
        "better, not true. What would show that the pictures matter?",
        ("players", "repeat"): "The right question. Another seed tells how much the number "
        "wobbles, not what it is made of. Take something away instead.",
    },
    otherwise="Ask what could be known from training, and which experiment takes something away.",
    right="If the same players are in both sets, the model may know the person instead of the "
    "instrument; and if swapped pictures hardly hurt, the pictures are not what it uses.",
)
