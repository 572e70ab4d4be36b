import math
from contextlib import nullcontext
from functools import partial
from inspect import unwrap

import librosa
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import grid_sample

from avlib import audio
from avlib.audio import COSEP, DSOL, SECO, SECO_LITERAL, SOP, istft, mix, separate_with_mask, stft

FRONT_ENDS = {"sop": SOP, "cosep": COSEP, "seco": SECO, "literal": SECO_LITERAL, "dsol": DSOL}
gradcheck = partial(torch.autograd.gradcheck, fast_mode=True)
ANY_FRONT_END = pytest.mark.parametrize("end", FRONT_ENDS.values(), ids=FRONT_ENDS)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# --- short-time Fourier transform ------------------------------------------------------------


@ANY_FRONT_END
def test_stft_equals_librosa(end):
    wave = noise(end.samples)
    expected = librosa.stft(
        wave.numpy(),
        n_fft=end.n_fft,
        hop_length=end.hop,
        center=end.center,
        pad_mode=end.pad_mode,
    )
    spec = end.stft(wave)
    assert spec.shape == (end.bins, end.columns) == expected.shape
    np.testing.assert_allclose(spec.numpy(), expected, atol=1e-11)


def test_paddings_differ_at_the_edges_only():
    wave = noise(65535)
    reflect, zeros = stft(wave), stft(wave, pad_mode="constant")
    differs = (reflect - zeros).abs().amax(0) > 1e-9
    assert differs.nonzero().flatten().tolist() == [0, 1, 255]
    expected = librosa.stft(wave.numpy(), n_fft=1022, hop_length=256, pad_mode="constant")
    np.testing.assert_allclose(zeros.numpy(), expected, atol=1e-11)


def test_stft_from_the_definition():
    """Bin 2 of column 3, written as the sum in the docstring."""
    wave, n, hop = noise(40), 8, 3
    start = 3 * hop - n // 2
    total = 0
    for i in range(n):
        hann = 0.5 - 0.5 * math.cos(2 * math.pi * i / n)
        total += hann * wave[start + i].item() * np.exp(-2j * math.pi * 2 * i / n)
    assert stft(wave, n, hop)[2, 3].item() == pytest.approx(total)
    assert stft(wave[start:], n, hop, center=False)[2, 0].item() == pytest.approx(total)


@ANY_FRONT_END
def test_istft_returns_the_wave(end):
    wave = noise(2, end.samples)
    back = end.istft(end.stft(wave))
    assert back.shape == wave.shape
    if end.center:
        torch.testing.assert_close(back, wave, atol=1e-12, rtol=0)


def test_edges_without_centring_follow_the_stated_rule():
    wave = noise(66000)
    back = SECO_LITERAL.istft(SECO_LITERAL.stft(wave))
    covered = 512 + 255 * 256
    inside = slice(53, covered - 52)
    torch.testing.assert_close(back[inside], wave[inside], atol=1e-12, rtol=0)
    squared = (0.5 - 0.5 * math.cos(2 * math.pi * 20 / 512)) ** 2
    assert back[20].item() == pytest.approx(wave[20].item() * squared / 0.01)
    assert back[52] != pytest.approx(wave[52].item(), rel=1e-3)  # the fade ends here, not earlier
    assert back[0] == 0
    assert (back[covered:] == 0).all()
    assert len(back[covered:]) == 66000 - covered == 208


def test_masked_edges_stay_bounded_without_centring():
    """Dividing by the squared windows themselves would multiply errors by up to 26,000."""
    spec = SECO_LITERAL.stft(noise(66000)) * torch.rand(257, 256).round()
    assert SECO_LITERAL.istft(spec).abs().max() < 20


def test_istft_equals_torch_on_a_masked_spectrogram():
    spec = stft(noise(3, 65535)) * torch.rand(512, 256)
    window = torch.hann_window(1022, dtype=torch.float64)
    expected = torch.istft(spec, 1022, 256, window=window, length=65535)
    torch.testing.assert_close(istft(spec, 65535), expected)


@settings(max_examples=30, deadline=None)
@given(
    n_fft=st.integers(4, 40),
    divisor=st.integers(2, 6),
    extra=st.integers(0, 70),
    pad=st.sampled_from(["reflect", "constant"]),
)
@example(n_fft=20, divisor=2, extra=9, pad="reflect")  # only one window's tail sees the end
def test_round_trip_for_any_size(n_fft, divisor, extra, pad):
    hop = max(1, n_fft // divisor)
    wave = noise(2, 3, n_fft + extra, seed=extra)
    back = istft(stft(wave, n_fft, hop, pad), wave.shape[-1], n_fft, hop)
    torch.testing.assert_close(back, wave, atol=1e-9, rtol=0)


def test_leading_axes_are_a_loop():
    waves = noise(2, 3, 3000)
    spec = stft(waves, 64, 16)
    one = stft(waves[1, 2], 64, 16)
    torch.testing.assert_close(spec[1, 2], one)
    torch.testing.assert_close(istft(spec, 3000, 64, 16)[1, 2], istft(one, 3000, 64, 16))
    torch.testing.assert_close(
        audio.to_log_frequency(spec.abs())[1, 2], audio.to_log_frequency(one.abs())
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    wave = noise(2, 65535, dtype=dtype)
    sources, mixture = mix(wave)
    mask = audio.ratio_mask(*(audio.to_log_frequency(stft(w).abs()) for w in (wave, mixture[None])))
    for tensor in (sources, mixture, mask, separate_with_mask(mixture, mask), audio.log_mel(wave)):
        assert tensor.dtype == dtype


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stft(torch.zeros(511)), "too short.*at least 512"),
        (lambda: stft(torch.zeros(1021), center=False), "at least 1022"),
        (lambda: stft(torch.zeros(0), pad_mode="constant"), "at least 1"),
        (lambda: stft(torch.full((65535,), torch.nan)), "NaN"),
        (lambda: stft(torch.tensor([1.0, torch.inf] * 4000)), "infinite"),
        (lambda: mix(torch.full((2, 9), torch.nan)), "NaN"),
        (lambda: unwrap(mix)(torch.zeros(2, 9), rule="Sop"), "'Sop'.*'seco'"),
        (lambda: unwrap(mix)(torch.zeros(2, 9), target_scale="half"), "'half'.*'consistent'"),
        (lambda: istft(stft(torch.zeros(65535)), 65536), "257 columns.*has 256"),
        (lambda: istft(stft(torch.zeros(65535)), 65535, n_fft=512), "257 rows"),
        (lambda: istft(stft(torch.zeros(65535), hop=600), 65535, hop=600), "half"),
        (lambda: audio.to_log_frequency(torch.zeros(512, 256), bins=1), "at least 2"),
        (lambda: audio.to_log_frequency(torch.zeros(1, 256)), "at least 2"),
        (lambda: audio.to_linear_frequency(torch.zeros(256, 1)), "at least 2"),
        (lambda: separate_with_mask(torch.zeros(65535), torch.zeros(256, 255)), "256 columns"),
        (lambda: separate_with_mask(torch.zeros(2, 65535), torch.zeros(256, 256)), "leading"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shortest_waves_that_work():
    assert stft(torch.zeros(512)).shape == (512, 3)
    assert stft(torch.zeros(1022), center=False).shape == (512, 1)


# --- log-frequency warp ----------------------------------------------------------------------


def released_warp(spec, rows, to_log, align_corners):
    """The authors' grid and `grid_sample`, in float64."""
    columns = spec.shape[-1]
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    if to_log:
        y = (np.power(21, (y + 1) / 2) - 11) / 10
    else:
        y = np.log(y * 10 + 11) / np.log(21) * 2 - 1
    grid = torch.from_numpy(np.stack([x, y.clip(-1, 1)], -1))[None]
    return grid_sample(spec[None, None], grid, align_corners=align_corners)[0, 0]


@pytest.mark.parametrize("align_corners", [True, False])
def test_warp_equals_grid_sample(align_corners):
    spec = noise(512, 256).abs()
    log = audio.to_log_frequency(spec, align_corners=align_corners)
    torch.testing.assert_close(log, released_warp(spec, 256, True, align_corners))
    back = audio.to_linear_frequency(log, align_corners=align_corners)
    torch.testing.assert_close(back, released_warp(log, 512, False, align_corners))


def test_warp_reads_the_stated_bins():
    """Row r reads bin 511 (21^(r/255) - 1) / 20; 99 of the 256 rows advance by less than a bin."""
    ramp = torch.arange(512.0, dtype=torch.float64)[:, None].expand(512, 2)
    rows = audio.to_log_frequency(ramp)[:, 0]
    r = torch.arange(256, dtype=torch.float64)
    torch.testing.assert_close(rows, 511 * (21 ** (r / 255) - 1) / 20)
    assert (rows.diff() < 1).sum() == 99


def smooth_mask():
    """Broad bumps over the rows that move with time, and some ripple: like a soft mask."""
    f = torch.linspace(0, 1, 256, dtype=torch.float64)[:, None]
    t = torch.linspace(0, 1, 256, dtype=torch.float64)[None]
    bumps = torch.exp(-(((f - 0.3 - 0.2 * t) / 0.1) ** 2)) + torch.exp(-(((f - 0.9) / 0.05) ** 2))
    return 0.2 + 0.6 * bumps + 0.1 * torch.sin(40 * f + 9 * t)


def test_round_trip_of_a_mask():
    """log -> linear -> log is nearly exact with aligned corners, and loses the edges without."""
    mask = smooth_mask()

    def error(align_corners):
        there = audio.to_linear_frequency(mask, 512, align_corners)
        back = audio.to_log_frequency(there, 256, align_corners)
        return ((back - mask).norm() / mask.norm()).item()

    assert error(True) < 0.01
    assert error(False) > 3 * error(True)
    assert error(False) > 0.05


def test_round_trip_of_a_spectrogram():
    """linear -> log -> linear of a harmonic tone: today's default triples the loss."""
    time = torch.arange(65535, dtype=torch.float64) / 11025
    wave = sum(torch.sin(2 * math.pi * 110 * k * time) / k for k in range(1, 12))
    spec = torch.log1p(stft(wave).abs())

    def relative(one, other):
        return ((one - other).norm() / other.norm()).item()

    def error(align_corners):
        there = audio.to_log_frequency(spec, 256, align_corners)
        return relative(audio.to_linear_frequency(there, 512, align_corners), spec)

    assert error(True) == pytest.approx(0.105, abs=0.005)
    assert error(False) == pytest.approx(0.296, abs=0.005)
    aligned, today = (audio.to_log_frequency(spec, align_corners=a) for a in (True, False))
    assert relative(today, aligned) == pytest.approx(0.224, abs=0.005)


def test_today_default_halves_the_edges():
    ones = torch.ones(512, 256, dtype=torch.float64)
    assert (audio.to_log_frequency(ones) == 1).all()
    halved = audio.to_log_frequency(ones, align_corners=False)
    assert halved[100, 100] == 1
    assert halved[0, 100].item() == halved[255, 100].item() == pytest.approx(0.5)
    assert halved[100, 0].item() == halved[100, 255].item() == pytest.approx(0.5)
    assert halved[0, 0].item() == pytest.approx(0.25)


def test_time_is_left_alone():
    spec, order = noise(512, 37).abs(), torch.randperm(37)
    warped = audio.to_log_frequency(spec)
    assert torch.equal(audio.to_log_frequency(spec[:, order]), warped[:, order])


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 300), bins=st.integers(2, 300), align=st.booleans(), up=st.booleans())
def test_warp_of_any_size_interpolates(rows, bins, align, up):
    """Weights are never negative, sum to at most 1, and to 1 with aligned corners."""
    warp = audio.to_log_frequency if up else audio.to_linear_frequency
    ones = warp(torch.ones(rows, 3, dtype=torch.float64), bins, align)
    assert ones.shape == (bins, 3)
    if align:
        torch.testing.assert_close(ones, torch.ones_like(ones))
    else:
        assert (ones >= 0).all()
        assert (ones <= 1 + 1e-12).all()


# --- masks and mixing ------------------------------------------------------------------------


def test_masks_by_hand():
    source = torch.tensor([[[0.6, 0.5], [0.0, 9.0]], [[0.4, 0.5], [0.0, 1.0]]])
    mixture = torch.tensor([[[1.0, 1.0], [0.0, 1.5]]])
    assert audio.binary_mask(source, mixture).tolist() == [
        [[1, 0], [0, 1]],
        [[0, 0], [0, 1]],
    ]
    torch.testing.assert_close(
        audio.ratio_mask(source, mixture),
        torch.tensor([[[0.6, 0.5], [0.0, 5.0]], [[0.4, 0.5], [0.0, 2 / 3]]]),
    )
    assert audio.ratio_mask(source, mixture, clip=1.0).max() == 1


def test_loss_weight_by_hand():
    weights = audio.loss_weight(torch.tensor([[0.0, 0.5e-3, 1.0, 1e6]]))
    torch.testing.assert_close(weights, torch.tensor([[1e-3, 1e-3, math.log(2), 10.0]]))


WAVES = [[0.4, -1.0, 0.0], [0.8, 0.0, 0.6], [0.0, 0.2, 0.3]]


@pytest.mark.parametrize(
    ("rule", "scale", "sources", "mixture"),
    [
        ("sop", "consistent", 1 / 3, [0.4, -0.8 / 3, 0.3]),
        ("cosep", "consistent", 1 / 3, [0.4, -0.8 / 3, 0.3]),
        ("cosep", "released", 1, [0.4, -0.8 / 3, 0.3]),
        ("sop", "released", 1 / 3, [0.4, -0.8 / 3, 0.3]),
        ("seco", "consistent", 1, [1.2, -0.8, 0.9]),
    ],
)
def test_mixing_rules_by_hand(rule, scale, sources, mixture):
    waves = torch.tensor(WAVES)
    mixed = mix(waves, rule, target_scale=scale)
    torch.testing.assert_close(mixed.sources, waves * sources)
    torch.testing.assert_close(mixed.mixture, torch.tensor(mixture))
    if scale == "consistent":
        torch.testing.assert_close(mixed.sources.sum(0), mixed.mixture)


@pytest.mark.parametrize("rule", ["sop", "cosep"])
def test_gains_are_drawn_clipped_and_repeatable(rule):
    waves = torch.full((4000, 2, 2), 0.8)
    sources, mixture = mix(waves, rule, torch.Generator().manual_seed(3))
    again = mix(waves, rule, torch.Generator().manual_seed(3))
    assert torch.equal(again.mixture, mixture)
    assert torch.equal(sources[..., 0], sources[..., 1])  # one gain a wave
    gains = sources[..., 0] * 2 / 0.8
    assert gains.min() == pytest.approx(0.5, abs=0.01)
    assert gains.max() == pytest.approx(1 / 0.8)  # clipped to 1 before the division
    assert (gains > 1.2499).double().mean() == pytest.approx(0.25, abs=0.02)
    unclipped = gains[gains < 1.2499]
    assert unclipped.mean() == pytest.approx(0.875, abs=0.01)  # uniform on [0.5, 1.25]
    assert np.corrcoef(gains.T)[0, 1] == pytest.approx(0, abs=0.05)


def test_seco_neither_scales_nor_clips():
    waves = torch.full((2, 5), 0.9)
    assert torch.equal(mix(waves, "seco", torch.Generator()).mixture, torch.full((5,), 1.8))


def test_released_targets_ask_for_a_mask_of_two():
    """Co-Separation's release: where one clip sounds alone, its mask is the number of clips."""
    waves = torch.stack([noise(65535, dtype=torch.float32).clamp(-1, 1), torch.zeros(65535)])
    for scale, expected in (("consistent", 1.0), ("released", 2.0)):
        sources, mixture = mix(waves, "cosep", target_scale=scale)
        mask = audio.ratio_mask(stft(sources).abs(), stft(mixture).abs()[None])
        torch.testing.assert_close(mask[0], torch.full((512, 256), expected), rtol=1e-3, atol=0)


# --- separation ------------------------------------------------------------------------------


def test_whole_mask_returns_the_mixture():
    mixture = noise(2, 65535).clamp(-1, 1)
    for rows in (256, 512):
        wave = separate_with_mask(mixture, torch.ones(2, 3, rows, 256, dtype=torch.float64))
        assert wave.shape == (2, 3, 65535)
        torch.testing.assert_close(wave, mixture[:, None].expand(2, 3, -1), atol=1e-9, rtol=0)


def test_masks_that_sum_to_one_give_waves_that_sum_to_the_mixture():
    mixture = 0.1 * noise(66150)
    mask = torch.rand(256, 256, dtype=torch.float64)
    parts = separate_with_mask(mixture, torch.stack([mask, 1 - mask]), hop=259)
    torch.testing.assert_close(parts.sum(0), mixture, atol=1e-9, rtol=0)


def test_linear_mask_keeps_the_rows_it_should():
    """Two tones; a mask of the upper rows keeps the high one, at its level and phase."""
    time = torch.arange(65535, dtype=torch.float64) / 11025
    low, high = (
        0.4 * torch.sin(2 * math.pi * 440 * time),
        0.4 * torch.sin(2 * math.pi * 3000 * time),
    )
    mask = torch.zeros(512, 256, dtype=torch.float64)
    mask[round(1500 / 5512.5 * 511) :] = 1
    wave = separate_with_mask(low + high, mask)
    assert (wave - high)[1000:-1000].abs().max() < 1e-4
    soft = audio.to_log_frequency(mask)
    wave = separate_with_mask(low + high, soft, threshold=0.5)
    assert (wave - high)[1000:-1000].abs().max() < 1e-4


def test_threshold_comes_after_the_warp_and_clipping_last():
    mixture = 3 * torch.sin(torch.arange(65535, dtype=torch.float64) * 0.3)
    mask = torch.full((256, 256), 0.6, dtype=torch.float64)
    loud = separate_with_mask(mixture, mask, threshold=0.5, clip=False)
    torch.testing.assert_close(loud, mixture, atol=1e-9, rtol=0)
    assert separate_with_mask(mixture, mask, threshold=0.6).abs().max() < 1e-9
    assert separate_with_mask(mixture, mask).abs().max() == 1
    step = (torch.arange(256) >= 128).double()[:, None].expand(256, 256)
    unwarped = (audio.to_linear_frequency(step) > 0.5).double()
    torch.testing.assert_close(
        separate_with_mask(mixture, step, threshold=0.5), separate_with_mask(mixture, unwarped)
    )


def test_every_front_end_separates():
    for end in (SECO, SECO_LITERAL, DSOL):
        mixture = 0.1 * noise(2, end.samples)
        mask = torch.full((2, 64, end.columns), 0.5, dtype=torch.float64)
        wave = separate_with_mask(
            mixture, mask, end.n_fft, end.hop, pad_mode=end.pad_mode, center=end.center
        )
        middle = slice(100, end.samples - 400)
        torch.testing.assert_close(wave[:, middle], mixture[:, middle] / 2, atol=1e-9, rtol=0)


# --- log-mel ---------------------------------------------------------------------------------


def test_mel_filters_equal_librosa():
    for rate, n_fft, mels in ((16000, 160, 64), (11025, 1022, 80), (1600, 128, 10)):
        with pytest.warns(UserWarning, match="Empty") if n_fft == 160 else nullcontext():
            expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels, dtype=np.float64)
        np.testing.assert_allclose(audio.mel_filters(rate, n_fft, mels), expected, atol=1e-12)


def test_log_mel_equals_librosa():
    quiet = torch.cat([noise(8000), 1e-7 * noise(8000)])  # so that the 80 dB limit is reached
    for wave in (0.1 * noise(16000), quiet):
        spec = librosa.stft(wave.numpy(), n_fft=160, hop_length=80, pad_mode="constant")
        with pytest.warns(UserWarning, match="Empty"):
            filters = librosa.filters.mel(sr=16000, n_fft=160, n_mels=64, fmax=8000)
        expected = librosa.power_to_db(filters @ np.abs(spec)).T
        np.testing.assert_allclose(audio.log_mel(wave).numpy(), expected, atol=1e-4)
    assert audio.log_mel(quiet).max() - audio.log_mel(quiet).min() == pytest.approx(80)


def test_log_mel_limits_each_clip_by_its_own_maximum():
    loud, quiet = noise(16000), 1e-6 * noise(16000, seed=1)
    both = audio.log_mel(torch.stack([loud, quiet]))
    torch.testing.assert_close(both[1], audio.log_mel(quiet))
    assert both.shape == (2, 201, 64)


# --- gradients -------------------------------------------------------------------------------


def test_gradients():
    wave = 0.1 * noise(1, 20).requires_grad_()
    mask = torch.rand(1, 2, 4, 6, dtype=torch.float64, requires_grad=True)

    def through(wave, mask):
        log = audio.to_log_frequency(stft(wave, 8, 4).abs(), 4)
        return separate_with_mask(wave, mask * log[:, None], 8, 4).square()

    end = audio.FrontEnd(1600, 20, 8, 4, "constant")
    assert gradcheck(through, (wave, mask))
    for align in (True, False):
        warp = partial(audio.to_linear_frequency, bins=5, align_corners=align)
        assert gradcheck(warp, (mask,))
    uncentred = partial(stft, n_fft=8, hop=4, center=False)
    assert gradcheck(lambda w: istft(uncentred(w), 20, 8, 4, False), (wave,))
    assert gradcheck(lambda w: audio.log_mel(w, end, 3), (wave,))
    assert gradcheck(lambda w: mix(w, "sop")[1], (wave,))


def test_inference_mode_leaves_nothing_behind():
    with torch.inference_mode():
        audio.log_mel(torch.zeros(16000))
        separate_with_mask(torch.zeros(65535), torch.zeros(250, 256))
    mask = torch.rand(250, 256, requires_grad=True)
    separate_with_mask(noise(65535, dtype=torch.float32), mask).square().sum().backward()
    assert mask.grad.abs().sum() > 0
    wave = torch.rand(16000, requires_grad=True)
    audio.log_mel(wave).sum().backward()
    assert wave.grad.abs().sum() > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu():
    waves = noise(2, 2, 65535).clamp(-1, 1)
    results = []
    for device in ("cpu", "cuda"):
        sources, mixture = mix(waves.to(device), "sop", torch.Generator().manual_seed(0))
        log = [audio.to_log_frequency(stft(w).abs()) for w in (sources, mixture[:, None])]
        masks = audio.ratio_mask(*log)
        results.append((separate_with_mask(mixture, masks).cpu(), audio.log_mel(mixture).cpu()))
    torch.testing.assert_close(results[0], results[1])
