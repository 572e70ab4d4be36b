"""Checks of `welcome`, `sound` and `masks`: right answers of all kinds pass, near misses do not."""

import math

import numpy as np
import pytest
import torch
from check_cases import confirm_all_have_variants, confirm_variant, variants
from torch.nn import functional

from avlib import audio

# --- welcome ---------------------------------------------------------------------------------


def split_in_a_loop(spectrum, rate, hz):
    low, high = torch.zeros_like(spectrum), torch.zeros_like(spectrum)
    for k in range(len(spectrum)):
        part = low if k / (len(spectrum) - 1) * rate / 2 < hz else high
        part[k] = spectrum[k]
    return low, high


def split_in_numpy(spectrum, rate, hz):
    low = (np.fft.rfftfreq(2 * (len(spectrum) - 1), 1 / rate) < hz)[:, None]
    return spectrum.numpy() * low, spectrum.numpy() * ~low


def split_by_linspace(spectrum, rate, hz):
    mask = (torch.linspace(0, rate / 2, spectrum.shape[0]) < hz).float().unsqueeze(1)
    return [spectrum * mask, spectrum * (1 - mask)]


def split_one_row_late(spectrum, rate, hz):
    rows = torch.arange(1, len(spectrum) + 1) * rate / (2 * (len(spectrum) - 1))
    return spectrum * (rows < hz)[:, None], spectrum * (rows >= hz)[:, None]


def shares_in_a_loop(parts, mixture):
    whole = sum(float(x) ** 2 for x in mixture)
    return [sum(float(x) ** 2 for x in part) / whole for part in parts]


def swap_in_a_loop(separate, recording, looks):
    first = separate(recording, looks)
    second = separate(recording, torch.stack([looks[1], looks[0]]))
    change = sum(torch.dot(b - a, b - a) for a, b in zip(first, second, strict=True))
    return change / sum(torch.dot(a, a) for a in first)


def swap_in_numpy(separate, recording, looks):
    a = np.asarray(separate(recording, looks))
    b = np.asarray(separate(recording, looks[[1, 0]]))
    return np.mean((a - b) ** 2) / np.mean(a**2)


def swap_by_norm(separate, recording, looks):
    a, b = separate(recording, looks), separate(recording, looks.flip(0))
    return (a - b).norm() / a.norm()


def swap_over_the_recording(separate, recording, looks):
    a, b = separate(recording, looks), separate(recording, looks.flip(0))
    return (a - b).square().sum() / recording.square().sum()


# --- sound -----------------------------------------------------------------------------------


def reading_in_numpy(row, column, rate, n_fft, hop):
    hz = np.fft.rfftfreq(n_fft, 1 / rate)[row]
    return np.array([hz, hop * column / rate, 12 * np.log2(hz / 440) + 69])


def reading_by_logarithms(row, column, rate, n_fft, hop):
    hz = rate / 2 * row / (n_fft // 2)
    return [hz, hop / rate * column, 69 + 12 * (math.log(hz) - math.log(440)) / math.log(2)]


def stft_of_torch(x, n, hop):
    return torch.stft(x, n, hop, window=torch.hann_window(n), return_complex=True)


def stft_in_numpy(x, n, hop):
    padded = np.pad(x.numpy(), n // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    pieces = [padded[k : k + n] * window for k in range(0, len(padded) - n + 1, hop)]
    return np.fft.rfft(pieces, axis=1).T


def stft_by_hann_of_numpy(x, n, hop):
    padded = np.pad(x.numpy(), n // 2, mode="reflect")
    pieces = [padded[k : k + n] * np.hanning(n + 2)[1:-1] for k in range(0, len(x) + 1, hop)]
    return np.fft.rfft(pieces, axis=1).T


def istft_of_torch(spec, length, n, hop):
    return torch.istft(spec, n, hop, window=torch.hann_window(n), length=length)


def istft_in_numpy(spec, length, n, hop):
    window = np.hanning(n + 1)[:-1]
    total = np.zeros((spec.shape[1] - 1) * hop + n)
    weight = np.zeros_like(total)
    for k in range(spec.shape[1]):
        total[k * hop : k * hop + n] += window * np.fft.irfft(spec[:, k].numpy(), n)
        weight[k * hop : k * hop + n] += window**2
    inside = slice(n // 2, n // 2 + length)
    return total[inside] / np.maximum(weight[inside], 1e-11)


def istft_by_one_and_a_half(spec, length, n, hop):
    """Right in the middle, where four squared windows overlap; not at the ends."""
    window = torch.hann_window(n)
    total = torch.zeros((spec.shape[1] - 1) * hop + n)
    for k, column in enumerate(spec.T):
        total[k * hop : k * hop + n] += window * torch.fft.irfft(column, n) / 1.5
    return total[n // 2 :][:length]


def trip_of_the_library(mask, bins, corners):
    log = audio.to_log_frequency(mask[None], bins, align_corners=corners)
    return audio.to_linear_frequency(log, mask.shape[0], align_corners=corners)[0]


def resample(picture, y, corners, **options):
    x = torch.linspace(-1, 1, picture.shape[1])
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return functional.grid_sample(
        picture[None, None], grid[None], align_corners=corners, **options
    )[0, 0]


def trip_with(mask, bins, corners, base=21, **options):
    v, w = torch.linspace(-1, 1, bins), torch.linspace(-1, 1, len(mask))
    log = resample(mask, (base ** ((v + 1) / 2) - (base + 1) / 2) / ((base - 1) / 2), corners,
                   **options)  # fmt: skip
    back = 2 * torch.log((base - 1) / 2 * w + (base + 1) / 2) / math.log(base) - 1
    return resample(log, back, corners, **options)


# --- masks -----------------------------------------------------------------------------------


def binary_in_a_loop(source, mixture):
    mask = torch.zeros_like(source)
    for n, f, k in np.ndindex(*source.shape):
        if source[n, f, k] > mixture[f, k] / 2:
            mask[n, f, k] = 1
    return mask


def real_by_dot_product(source, mixture):
    dot = source.real * mixture.real + source.imag * mixture.imag
    return dot / (mixture.real**2 + mixture.imag**2 + 1e-12)


def real_in_numpy(source, mixture):
    s, x = source.numpy(), mixture.numpy()
    return np.where(x == 0, 0, s / np.where(x == 0, 1, x)).real


def oracle_in_a_loop(sources):
    mixture = audio.stft(sources.sum(0))
    waves = []
    for source in sources:
        mask = audio.ratio_mask(audio.stft(source).abs(), mixture.abs())
        waves.append(audio.istft(mask * mixture, len(source)))
    return torch.stack(waves)


def oracle_by_angle(sources):
    mixture = audio.stft(sources[0] + sources[1])
    masks = audio.ratio_mask(audio.stft(sources).abs(), mixture.abs())
    estimate = torch.polar(masks * mixture.abs(), mixture.angle().expand_as(masks))
    return audio.istft(estimate, length=sources.shape[-1]).numpy()


def oracle_clipped_at_one(sources):
    mixture = audio.stft(sources.sum(0))
    masks = audio.ratio_mask(audio.stft(sources).abs(), mixture.abs()).clamp(0, 1)
    return audio.istft(masks * mixture, sources.shape[-1])


RIGHT = {
    "fixed_split": [split_in_a_loop, split_in_numpy, split_by_linspace],
    "lazy_sdr": [
        lambda g: (10 * math.log10(1 / g**2), 10 * math.log10(g**2)),
        lambda g: 20 * np.log10(np.array([1 / g, g])),
        lambda g: 20 * torch.log10(torch.tensor([1 / g, g])),
    ],
    "energy_share": [
        shares_in_a_loop,
        lambda parts, mixture: parts.square().mean(1) / mixture.square().mean(),
        lambda parts, mixture: (parts.norm(dim=-1) / mixture.norm()) ** 2,
        lambda parts, mixture: (parts.numpy() ** 2).sum(1) / (mixture.numpy() ** 2).sum(),
    ],
    "swap_test": [swap_in_a_loop, swap_in_numpy],
    "read_cell": [reading_in_numpy, reading_by_logarithms],
    "stft": [stft_of_torch, stft_in_numpy],
    "istft": [istft_of_torch, istft_in_numpy],
    "round_trip": [trip_of_the_library, trip_with],
    "log_row": [
        lambda hz, rate, bins: (bins - 1) * math.log(1 + 40 * hz / rate, 21),
        lambda hz, rate, bins: (bins - 1) * np.log1p(20 * hz / (rate / 2)) / np.log(21),
        lambda hz, rate, bins: (
            torch.log10(torch.tensor(1 + 40 * hz / rate)) / math.log10(21) * (bins - 1)
        ),
    ],
    "binary_mask": [
        lambda source, mixture: torch.where(source > 0.5 * mixture, 1.0, 0.0),
        lambda source, mixture: 2 * source > mixture,
        lambda source, mixture: source / mixture > 0.5,
        lambda source, mixture: (source.numpy() > mixture.numpy() / 2).astype(int),
        lambda source, mixture: (
            binary_in_a_loop(source.view(-1, *mixture.shape[-2:]), mixture).view_as(source)
        ),
    ],
    "ratio_mask": [
        lambda source, mixture: (source / (mixture + 1e-10)).clamp(0, 5),
        lambda source, mixture: (source / mixture).nan_to_num(0).clamp(max=5),
        lambda source, mixture: torch.minimum(
            source / mixture.clamp_min(1e-8), torch.tensor(5.0)
        ),
        lambda source, mixture: np.clip(source.numpy() / (mixture.numpy() + 1e-9), 0, 5),
        lambda source, mixture: torch.stack(
            [torch.where(mixture == 0, 0.0, s / mixture).clip(0, 5) for s in source]
        ),
    ],
    "loss_weight": [
        lambda mixture: torch.log(1 + mixture).clamp(0.001, 10),
        lambda mixture: np.clip(np.log1p(mixture.numpy()), 1e-3, 10),
        lambda mixture: [[min(max(math.log(1 + x), 1e-3), 10) for x in row]
                         for row in mixture.tolist()],
    ],
    "best_real_mask": [
        real_by_dot_product,
        real_in_numpy,
        lambda s, x: torch.where(x == 0, 0, s / x).real,
        lambda s, x: (s.abs() / x.abs().clamp_min(1e-20)) * torch.cos(s.angle() - x.angle()),
    ],
    "oracle_estimates": [oracle_in_a_loop, oracle_by_angle],
}  # fmt: skip

WRONG = {
    "fixed_split": [
        split_one_row_late,
        lambda s, rate, hz: (s * (torch.arange(len(s)) < 2 * hz / rate * len(s))[:, None], s),
    ],
    "lazy_sdr": [
        lambda g: (-20 * math.log10(g), -20 * math.log10(g)),
        lambda g: (-20 * math.log10(g), 10 * math.log10(g)),
    ],
    "energy_share": [
        lambda parts, mixture: parts.square().sum(-1) / parts.sum(0).square().sum(),
        lambda parts, mixture: parts.var(-1) / mixture.var(),
        lambda parts, mixture: (parts * mixture).sum(-1) / mixture.square().sum(),
    ],
    "swap_test": [swap_by_norm, swap_over_the_recording],
    "read_cell": [
        lambda row, column, rate, n, hop: (
            round(row * rate / n), column * hop / rate, 69 + 12 * math.log2(row * rate / n / 440)
        ),
        lambda row, column, rate, n, hop: (
            row * rate / n, column * hop / rate, round(69 + 12 * math.log2(row * rate / n / 440))
        ),
    ],
    "stft": [
        stft_by_hann_of_numpy,
        lambda x, n, hop: stft_of_torch(x, n, hop).conj(),
        lambda x, n, hop: stft_of_torch(x, n, hop) / math.sqrt(n),
    ],
    "istft": [
        istft_by_one_and_a_half,
        lambda spec, length, n, hop: istft_of_torch(spec, length, n, hop).roll(1),
    ],
    "round_trip": [
        lambda mask, bins, corners: trip_with(mask, bins, corners, padding_mode="border"),
        lambda mask, bins, corners: trip_with(mask, bins, corners, mode="nearest"),
        lambda mask, bins, corners: trip_with(mask, bins, corners, base=20),
        lambda mask, bins, corners: trip_with(mask, bins + 1, corners),
    ],
    "log_row": [
        lambda hz, rate, bins: round((bins - 1) * math.log(1 + 40 * hz / rate) / math.log(21)),
        lambda hz, rate, bins: (bins - 1) * math.log(1 + 40 * hz / rate) / math.log(20),
    ],
    "binary_mask": [
        lambda source, mixture: source / (mixture + 1e-10) >= 0.5,
        lambda source, mixture: (source > 0.5 * source.norm(dim=0)).float(),
        lambda source, mixture: (source > 0.51 * mixture).float(),
    ],
    "ratio_mask": [
        lambda source, mixture: (source / (mixture + 0.01)).clamp(0, 5),
        lambda source, mixture: (source / (mixture + 1e-10)).clamp(0, 4.9),
        lambda source, mixture: (source**2 / (mixture**2 + 1e-10)).clamp(0, 5),
    ],
    "loss_weight": [
        lambda mixture: torch.log1p(mixture).clamp(1e-2, 10),
        lambda mixture: torch.log2(1 + mixture).clamp(1e-3, 10),
        lambda mixture: torch.log1p(mixture).clamp_min(1e-3),
    ],
    "best_real_mask": [
        lambda s, x: (s / x).real.nan_to_num(0).abs(),
        lambda s, x: (s * x.conj()).imag / x.abs().square().clamp_min(1e-20),
        lambda s, x: (s.real / x.real).nan_to_num(0, 0, 0),
    ],
    "oracle_estimates": [oracle_clipped_at_one, lambda sources: oracle_in_a_loop(sources).flip(0)],
}  # fmt: skip


@pytest.mark.parametrize(("name", "passes", "function"), variants(RIGHT, WRONG))
def test_variant(name, passes, function):
    confirm_variant(name, passes, function)


def test_every_check_has_variants():
    confirm_all_have_variants(("welcome", "sound", "masks"), RIGHT, WRONG)
