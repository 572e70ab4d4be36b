"""Checks of the chapter `sound`: reading spectrograms, making them, and the way back."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from avlib import audio
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.check.transforms import (
    back_no_fade,
    back_not_cut,
    back_not_divided,
    back_window_sum,
    stft_by_hand,
    to_linear,
    to_log,
    trip,
)

Generator = torch.Generator


def _integer(generator: Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=generator))


def _note(hz: float) -> float:
    return 69 + 12 * math.log2(hz / 440)


def _read(row: int, column: int, rate: int, n_fft: int, hop: int) -> tuple[float, float, float]:
    """Frequency in Hz, time in seconds and note number of a cell."""
    hz = row * rate / n_fft
    return hz, column * hop / rate, _note(hz)


def _read_bins(row: int, column: int, rate: int, n_fft: int, hop: int) -> tuple:
    hz = row * rate / (n_fft // 2 + 1)
    return hz, column * hop / rate, _note(hz)


def _read_half(row: int, column: int, rate: int, n_fft: int, hop: int) -> tuple:
    hz = row * rate / 2 / n_fft
    return hz, column * hop / rate, _note(hz)


def _read_start(row: int, column: int, rate: int, n_fft: int, hop: int) -> tuple:
    hz, seconds, note = _read(row, column, rate, n_fft, hop)
    return hz, seconds - n_fft / 2 / rate, note


def _read_ln(row: int, column: int, rate: int, n_fft: int, hop: int) -> tuple:
    hz, seconds, _ = _read(row, column, rate, n_fft, hop)
    return hz, seconds, 69 + 12 * math.log(hz / 440)


def _read_draw(generator: Generator) -> tuple:
    n_fft = 2 * _integer(generator, 100, 600)
    rate = _integer(generator, 8000, 16000)
    row, column = _integer(generator, 5, n_fft // 2), _integer(generator, 3, 200)
    return row, column, rate, n_fft, n_fft // 4


read_cell = FunctionCheck(
    _read,
    _read_draw,
    shape_hint="Three numbers: frequency in Hz, time in seconds, note number.",
    limits=(
        Limit(
            (10, 100, 44000, 1000, 440),
            (440.0, 1.0, 69.0),
            "Row 10 of a window of 1000 samples at 44,000 Hz is 440 Hz, the note number 69.",
        ),
    ),
    value_hint="Row f is f · rate / N Hz, column k is at k · H / rate seconds, and the note number "
    "follows from p = 69 + 12 log2(Hz / 440).",
    mistakes=(
        Mistake(
            "divided by the rows",
            _read_bins,
            "You divide by the number of rows. Rows are rate / N apart, with the length of the "
            "*window*; there are only half as many rows because they end at half the rate.",
        ),
        Mistake(
            "half the rate",
            _read_half,
            "Half the rate is where the *last* row lies. That is row N / 2, so the rows are "
            "rate / N apart; you have halved twice.",
        ),
        Mistake(
            "time of the window's start",
            _read_start,
            "You give the time at which the window begins. The columns are centred: column 0 looks "
            "half a window to either side of time zero.",
        ),
        Mistake(
            "natural logarithm",
            _read_ln,
            "An octave is a factor of *two* and twelve semitones: 12 `math.log2`, not `math.log`.",
        ),
    ),
    rtol=1e-6,  # so that nobody who rounds passes by chance
)

two_windows = AnswerCheck(
    (1686, 441),
    tolerance=20,
    hints={
        (843, 441): "For the tones: the peak of the Hann window is 4 · rate / N wide from zero to "
        "zero; you have used half of it. That would do for a window without fading.",
        (421, 441): "For the tones: rate / N is the distance of two rows. The peak of one tone is "
        "four times as wide.",
        (1022, 441): "For the tones: the papers' window of 1022 samples has peaks 43 Hz wide, and "
        "these tones are 26 Hz apart.",
        (1686, 221): "For the clicks: 220 samples are the 20 milliseconds themselves. Half of the "
        "window should be no longer than that.",
        (1686, 882): "For the clicks: you took twice too much. Half the window, N / 2, may be 20 "
        "milliseconds long.",
    },
    otherwise="For the tones solve 4 · rate / N = distance in Hz; for the clicks N / 2 / rate = "
    "0.02 s.",
    right="And 1686 > 441: no window does both, whatever its length.",
)

possible_hops = AnswerCheck(
    (313, 376),
    hints={
        (312, 376): "256 · 312 = 79,872 samples are less than 5 seconds: every clip that is long "
        "enough has a 257th column.",
        (313, 375): "255 · 376 = 95,880 samples are still within 6 seconds. Which end is included?",
        (313, 377): "255 · 377 = 96,135 samples are more than 6 seconds, so there is no 256th "
        "column yet.",
        (312, 375): "You have asked for 256 H samples. Exactly 256 columns begin with 255 H "
        "samples and end before 256 H.",
        (314, 377): "You have asked for 255 columns: one of the plus ones is missing.",
    },
    otherwise="255 H ≤ L < 256 H, for at least one L from 80,000 to 96,000.",
    right="64 hops. The columns leave far more freedom than the rows, which fix the window.",
)


def _stft_draw(generator: Generator) -> tuple:
    n_fft = 2 * _integer(generator, 10, 20)
    samples = _integer(generator, 100, 160)
    return torch.randn(samples, generator=generator), n_fft, n_fft // 4


_CLICK = torch.zeros(24)
_CLICK[8] = 1.0

stft = FunctionCheck(
    lambda wave, n_fft, hop: audio.stft(wave, n_fft, hop),
    _stft_draw,
    shape_hint="A complex tensor of n // 2 + 1 rows and len(x) // hop + 1 columns: pad by half a "
    "window at either end, and put the columns side by side in the second axis.",
    limits=(
        Limit(
            (_CLICK, 8, 4),
            stft_by_hand(_CLICK, 8, 4),
            "A click at sample 8 is in the middle of column 2 (hop 4), where the window is 1: that "
            "column is the click's transform, all of magnitude 1.",
        ),
    ),
    value_hint="Each column is `torch.fft.rfft(window * piece)`, piece k beginning at sample "
    "k · hop of the padded wave.",
    mistakes=(
        Mistake(
            "no window",
            lambda wave, n_fft, hop: stft_by_hand(wave, n_fft, hop, torch.ones(n_fft)),
            "The window is missing: multiply every piece with `torch.hann_window(n)` before the "
            "transform, or every cut sounds like a click.",
        ),
        Mistake(
            "symmetric window",
            lambda wave, n_fft, hop: stft_by_hand(
                wave, n_fft, hop, torch.hann_window(n_fft, periodic=False)
            ),
            "Your window is the symmetric Hann window. For spectra it is the *periodic* one, whose "
            "last sample is not zero: `torch.hann_window(n)` without more.",
        ),
        Mistake(
            "zeros beyond the ends",
            lambda wave, n_fft, hop: stft_by_hand(wave, n_fft, hop, mode="constant"),
            "Only the first and last columns are wrong: beyond the ends you have zeros instead of "
            "the mirror image.",
        ),
        Mistake(
            "end sample repeated",
            lambda wave, n_fft, hop: stft_by_hand(wave, n_fft, hop, mode="symmetric"),
            "Only the first and last columns are wrong: your mirror repeats the sample *at* the "
            "end. Begin with the next one, `x[1 : half + 1].flip(0)`.",
        ),
        Mistake(
            "one column too few",
            lambda wave, n_fft, hop: stft_by_hand(wave, n_fft, hop)[:, :-1],
            "One column is missing. Both ends of the sound get one: len(x) // hop *plus one*.",
        ),
    ),
    atol=1e-4,
)


def _istft_draw(generator: Generator) -> tuple:
    """A spectrogram that somebody has edited, so that no wave has just this one."""
    n_fft = 4 * _integer(generator, 5, 10)
    wave = torch.randn(_integer(generator, 100, 160), generator=generator)
    spec = audio.stft(wave, n_fft, n_fft // 4)
    return spec * torch.rand(spec.shape, generator=generator), len(wave), n_fft, n_fft // 4


_RAMP = torch.linspace(-1, 1, 24)

istft = FunctionCheck(
    lambda spec, length, n_fft, hop: audio.istft(spec, length, n_fft, hop),
    _istft_draw,
    shape_hint="A real wave of `length` samples: cut off half a window at the beginning, then "
    "keep `length`.",
    limits=(
        Limit(
            (audio.stft(_RAMP, 8, 2), 24, 8, 2),
            _RAMP,
            "Nobody has touched this spectrogram, so the wave must come back exactly. Overlapping "
            "windows do not add up to one by themselves (COLA): divide.",
        ),
    ),
    value_hint="Transform each column back, multiply with the window once more, add up where the "
    "pieces overlap, divide by the sum of the *squared* windows.",
    mistakes=(
        Mistake(
            "not divided",
            back_not_divided,
            "Too loud by about one half: with a hop of a quarter of the window the squared Hann "
            "windows add up to 1.5, not to 1 (constant overlap-add, COLA, holds up to that "
            "factor). Divide by their sum.",
        ),
        Mistake(
            "sum of windows",
            back_window_sum,
            "You divide by the sum of the windows. Each piece was windowed *twice*, on the way "
            "there and on the way back: divide by the sum of their squares.",
        ),
        Mistake(
            "windowed once",
            back_no_fade,
            "Exact for a spectrogram that nobody has touched, but not for an edited one: window "
            "the pieces a second time, or their new edges click, and divide by the squares.",
        ),
        Mistake(
            "half a window late",
            back_not_cut,
            "Half a window late: the forward transform put half a window of mirror image before "
            "the beginning. Drop the first n // 2 samples.",
        ),
    ),
    atol=1e-4,
)


def _round_trip(
    mask: Float[Tensor, "freq column"], bins: int, align_corners: bool
) -> Float[Tensor, "freq column"]:
    """A mask warped to logarithmic frequency and back."""
    log = audio.to_log_frequency(mask, bins, align_corners)
    return audio.to_linear_frequency(log, len(mask), align_corners)


def _trip_draw(generator: Generator) -> tuple:
    mask = torch.rand(_integer(generator, 20, 30), 8, generator=generator)
    return mask, _integer(generator, 12, 18), True


round_trip = FunctionCheck(
    _round_trip,
    _trip_draw,
    shape_hint="The mask comes back with as many rows as it had: `bins` rows are only the way "
    "station on logarithmic frequency.",
    range=(0, 1),
    range_hint="Interpolation lies between its neighbours: a mask from 0 to 1 stays from 0 to 1.",
    limits=(
        Limit(
            (torch.ones(8, 4), 6, True),
            torch.ones(8, 4),
            "With aligned corners a mask that keeps everything must come back keeping everything.",
        ),
        Limit(
            (torch.linspace(0, 1, 9)[:, None].expand(9, 5).clone(), 7, False),
            _round_trip(torch.linspace(0, 1, 9)[:, None].expand(9, 5).clone(), 7, False),
            "This case has `align_corners=False`: pass the setting on to `grid_sample`, on both "
            "ways.",
        ),
    ),
    value_hint="There: row coordinate v of the output reads y = (21^{(v + 1)/2} − 11) / 10. Back: "
    "y = 2 ln(10 v + 11) / ln 21 − 1.",
    mistakes=(
        Mistake(
            "corners never aligned",
            lambda mask, bins, align_corners: trip(mask, bins, (False, False)),
            "This is what today's PyTorch does if nobody says anything: `grid_sample` defaults to "
            "`align_corners=False`, and the outermost rows fade. Pass the setting on.",
        ),
        Mistake(
            "corners always aligned",
            lambda mask, bins, align_corners: trip(mask, bins, (True, True)),
            "Right for aligned corners, but your function ignores `align_corners=False`.",
        ),
        Mistake(
            "corners on one way only",
            lambda mask, bins, align_corners: trip(mask, bins, (align_corners, False)),
            "There you pass `align_corners` on, on the way back you forgot it.",
        ),
        Mistake(
            "maps exchanged",
            lambda mask, bins, align_corners: trip(
                mask, bins, (align_corners, align_corners), (to_linear, to_log)
            ),
            "You have exchanged the two maps. The way there spends most of its rows on the low "
            "frequencies: its y grows slowly at first.",
        ),
    ),
    atol=1e-4,
)


def _row(hz: float, rate: int, bins: int) -> float:
    """Row of a frequency on the warped axis."""
    return (bins - 1) * math.log(1 + 20 * hz / (rate / 2)) / math.log(21)


def _row_draw(generator: Generator) -> tuple:
    rate = _integer(generator, 8000, 16000)
    hz = (0.02 + 0.46 * float(torch.rand((), generator=generator))) * rate
    return hz, rate, _integer(generator, 50, 300)


log_row = FunctionCheck(
    _row,
    _row_draw,
    shape_hint="One number, the row; it need not be whole.",
    limits=(
        Limit((0.0, 11025, 256), 0.0, "0 Hz is row 0: 1 + 20 · 0 = 1, and its logarithm is 0."),
        Limit(
            (5512.5, 11025, 256),
            255.0,
            "Half the rate is the last row, number `bins` − 1.",
        ),
    ),
    value_hint="Solve 1 + 20 g = 21^{r / (bins − 1)} for r, with g = Hz / (rate / 2).",
    mistakes=(
        Mistake(
            "share of the rate",
            lambda hz, rate, bins: (bins - 1) * math.log(1 + 20 * hz / rate) / math.log(21),
            "g is the share of the *highest* frequency, which is half the rate.",
        ),
        Mistake(
            "pure logarithm",
            lambda hz, rate, bins: (
                (bins - 1) * math.log(max(20 * hz / (rate / 2), 1e-9)) / math.log(20)
            ),
            "That is a pure logarithm, which never gets down to 0 Hz. The axis is log(1 + 20 g): "
            "the 1 makes it start at 0.",
        ),
        Mistake(
            "one row too many",
            lambda hz, rate, bins: _row(hz, rate, bins + 1),
            "The rows are numbered from 0 to `bins` − 1: stretch by `bins` − 1.",
        ),
        Mistake(
            "linear",
            lambda hz, rate, bins: (bins - 1) * hz / (rate / 2),
            "That is the linear axis. Which rows would 100 and 200 Hz have, and which 1000 and "
            "1100?",
        ),
    ),
    rtol=1e-6,
    atol=1e-4,
)

which_phase = AnswerCheck(
    ("random", "mixture", "zero"),
    hints={
        ("zero", "mixture", "random"): "The good one you have found. Of the other two, zero phase "
        "lets all frequencies of a window start together, which buzzes like a bee; random phase "
        "blurs like a room full of echo.",
        ("random", "zero", "mixture"): "The first is right. One of the other two buzzes, as if "
        "every window began with a click: that is zero phase.",
        ("mixture", "random", "zero"): "The last is right. Of the other two, the mixture's phase "
        "is nearly the violin itself.",
    },
    otherwise="Random phase is watery, zero phase buzzes, the mixture's phase is nearly right.",
    right="Watery is random, buzzing is zero, and what sounds like a violin has the phase of the "
    "mixture.",
)

resized = AnswerCheck(
    (21.5, "way back"),
    tolerance=0.1,
    hints={
        (10.8, "way back"): "10.8 Hz is the distance of rows of a window of 1022 samples. This one "
        "has 512.",
        (43.1, "way back"): "The 257 rows share *half* the rate, 5512.5 Hz.",
        (21.5, "training"): "The loss compares resized pictures with resized pictures. It cannot "
        "see what the resize has done, and it went down nicely.",
        (21.5, "never"): "A mask must be resized back to 257 × 259 before it can be multiplied "
        "with the mixture, and there every sharp edge has become a ramp.",
    },
    otherwise="Rows are rate / N apart; and think of where the mask has to fit the mixture again.",
    right="Rows twice as far apart, and a resized mask that no longer belongs to single windows: "
    "heard at the very end, in the inverse STFT.",
)
