"""Checks of the chapter `sound`."""

import numpy as np
import pytest
import torch
from check_cases import checks_of, confirm
from torch.nn import functional

from avlib import audio, check


@pytest.mark.parametrize("name", checks_of("sound"))
def test_right_work_passes_and_known_mistakes_are_named(name):
    confirm(name)


@pytest.mark.parametrize(
    ("name", "function", "stage"),
    [
        ("read_cell", lambda row, column, rate, n, hop: row * rate / n, "shape"),
        ("read_cell", lambda row, column, rate, n, hop: (0.0, 0.0, 0.0), "limits"),
        ("read_cell", lambda row, column, rate, n, hop: (440.0, 1.0, 69.0), "value"),
        ("stft", lambda wave, n, hop: audio.stft(wave, n, hop).abs(), "shape"),
        ("stft", lambda wave, n, hop: audio.stft(wave, n, hop).T, "shape"),
        ("stft", lambda wave, n, hop: audio.stft(wave, n, hop) / torch.zeros(1), "range"),
        ("stft", lambda wave, n, hop: 2 * audio.stft(wave, n, hop), "limits"),
        (
            "stft",
            lambda wave, n, hop: audio.stft(wave if n == 8 else wave.flip(0), n, hop),
            "value",
        ),
        ("istft", lambda spec, length, n, hop: audio.istft(spec, length - 1, n, hop), "shape"),
        ("istft", lambda spec, length, n, hop: 0.9 * audio.istft(spec, length, n, hop), "limits"),
        (
            "istft",
            lambda spec, length, n, hop: audio.istft(spec, length, n, hop).clamp(-1, 1),
            "value",
        ),
        ("round_trip", lambda mask, bins, corners: audio.to_log_frequency(mask, bins), "shape"),
        ("round_trip", lambda mask, bins, corners: mask + 1, "range"),
        ("round_trip", lambda mask, bins, corners: mask, "limits"),
        ("log_row", lambda hz, rate, bins: [0, bins], "shape"),
        ("log_row", lambda hz, rate, bins: bins / 2, "limits"),
        ("log_row", lambda hz, rate, bins: (bins - 1) * (hz / (rate / 2)) ** 0.5, "value"),
    ],
)
def test_other_mistakes_stop_at_the_right_stage(name, function, stage):
    for seed in range(3):
        verdict = getattr(check, name)(function, seed=seed)
        assert verdict.stage == stage, verdict
        known = {mistake.hint for mistake in getattr(check, name).mistakes}
        assert verdict.hint not in known


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("two_windows", (100, 100)),
        ("possible_hops", (1, 1022)),
        ("which_phase", ("zero", "random", "mixture")),
        ("resized", (5.0, "training")),
    ],
)
def test_other_answers_are_wrong_too(name, answer):
    verdict = getattr(check, name)(answer)
    assert verdict.stage == "value"
    assert verdict.hint not in getattr(check, name).hints.values()


def test_the_readers_own_transform_passes():
    """As in the solution: with a loop over columns and a mirror made by hand."""

    def my_stft(x, n, hop):
        window = torch.hann_window(n)
        half = n // 2
        padded = torch.cat([x[1 : half + 1].flip(0), x, x[-half - 1 : -1].flip(0)])
        columns = 1 + len(x) // hop
        pieces = [padded[k * hop : k * hop + n] for k in range(columns)]
        return torch.stack([torch.fft.rfft(window * piece) for piece in pieces], dim=1)

    assert check.stft(my_stft).passed


def test_the_readers_own_warp_passes_with_both_corners():
    def resample(picture, y, corners):
        x = torch.linspace(-1, 1, picture.shape[1])
        columns, rows = torch.meshgrid(x, y, indexing="xy")
        grid = torch.stack([columns, rows], dim=-1)
        return functional.grid_sample(
            picture[None, None], grid[None], align_corners=corners
        )[0, 0]  # fmt: skip

    def trip(mask, bins, corners):
        v = torch.linspace(-1, 1, bins)
        log = resample(mask, (21 ** ((v + 1) / 2) - 11) / 10, corners)
        v = torch.linspace(-1, 1, len(mask))
        return resample(log, 2 * torch.log(10 * v + 11) / np.log(21) - 1, corners)

    for seed in range(5):
        assert check.round_trip(trip, seed=seed).passed


def test_hops_counted_one_by_one():
    """What the solution says, by trying every hop and every length that could matter."""
    works = []
    for hop in range(1, 1023):
        lengths = {80_000, 96_000, 255 * hop, 256 * hop - 1}
        if any(audio.column_count(n, 1022, hop) == 256 for n in lengths if 80_000 <= n <= 96_000):
            works.append(hop)
    assert (works[0], works[-1]) == check.possible_hops.truth
    assert len(works) == works[-1] - works[0] + 1 == 64


def test_windows_as_the_text_says():
    tones, clicks = check.two_windows.truth
    assert abs(4 * 11025 / tones - (466.16 - 440)) < 0.1
    assert abs(clicks / 2 / 11025 - 0.02) < 1e-4


def test_rows_of_the_colleague():
    assert abs(11025 / 512 - check.resized.truth[0]) < 0.05


def test_row_on_the_warped_axis_is_where_the_warp_puts_it():
    hz = torch.arange(512.0)[:, None].expand(512, 2) * 11025 / 1022
    rows = audio.to_log_frequency(hz)[:, 0]
    for row in (10, 128, 200):
        assert abs(check.log_row.reference(rows[row].item(), 11025, 256) - row) < 0.2
