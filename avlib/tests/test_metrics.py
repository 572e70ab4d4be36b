import itertools
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.metrics import (
    Interval,
    bootstrap,
    bss,
    bss_eval,
    crossed_bootstrap,
    paired_bootstrap,
    sdr_gain,
    toeplitz,
)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def oracle(references, estimates):
    """mir_eval's scores, (metric, source)."""
    import mir_eval

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        scores = mir_eval.separation.bss_eval_sources(
            references.double().numpy(), estimates.double().numpy(), compute_permutation=False
        )
    return torch.from_numpy(np.stack(scores[:3]))


def stack(scores):
    return torch.stack(list(scores), dim=-2)


def projections(references, estimate, own, taps):
    """The decomposition from its definition: least squares on matrices of delayed references."""
    samples = references.shape[-1]
    padded = np.concatenate([estimate, np.zeros(taps - 1)])
    delayed = [
        [np.concatenate([np.zeros(t), r, np.zeros(taps - 1 - t)]) for t in range(taps)]
        for r in references
    ]
    assert len(delayed[0][0]) == samples + taps - 1

    def project(basis):
        basis = np.stack(basis, 1)
        return basis @ np.linalg.lstsq(basis, padded, rcond=None)[0]

    target = project(delayed[own])
    every = project(list(itertools.chain(*delayed)))
    return target, every - target, padded - every


def naive(references, estimates, taps):
    scores = []
    for j, estimate in enumerate(estimates.numpy()):
        target, interference, artefact = projections(references.numpy(), estimate, j, taps)
        ratios = (
            (target, interference + artefact),
            (target, interference),
            (target + interference, artefact),
        )
        scores.append([10 * np.log10((a @ a) / (b @ b)) for a, b in ratios])
    return torch.tensor(scores, dtype=torch.float64).T


# --- values ----------------------------------------------------------------------------------


def test_one_tap_orthogonal_by_hand():
    """Projections are plain dot products: target 3, interference 1, artefact 1/2."""
    references = torch.eye(4)[:2]
    estimates = torch.tensor([[3.0, 1.0, 0.0, 0.5], [0.0, 1.0, 2.0, 0.0]])
    sdr, sir, sar = bss_eval(references, estimates, filter_length=1)
    torch.testing.assert_close(sdr, 10 * torch.tensor([9 / 1.25, 1 / 4]).double().log10())
    torch.testing.assert_close(sir[0], 10 * torch.tensor(9.0).double().log10())
    torch.testing.assert_close(sar, 10 * torch.tensor([10 / 0.25, 1 / 4]).double().log10())
    assert sir[1] == torch.inf or sir[1] > 250  # nothing interferes


def test_one_tap_oblique_by_hand():
    """r1 = (1,0,0), r2 = (1,1,0). e1 = (2,1,1): target (2,0,0), interference (0,1,0), artefact
    (0,0,1). e2 = (0,1,1): target (1,1,0)/2, interference (-1,1,0)/2, artefact (0,0,1).
    """
    references = torch.tensor([[1.0, 0, 0], [1, 1, 0]])
    estimates = torch.tensor([[2.0, 1, 1], [0, 1, 1]])
    expected = [[4 / 2, 0.5 / 1.5], [4 / 1, 0.5 / 0.5], [5 / 1, 1 / 1]]
    scores = stack(bss_eval(references, estimates, filter_length=1))
    torch.testing.assert_close(scores, 10 * torch.tensor(expected).double().log10())


def test_two_taps_by_hand():
    """A unit impulse and its delay span the first two samples: all but the third is forgiven."""
    reference, estimate = torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([[4.0, 3, 0, 0.5]])
    sdr, sir, sar = bss_eval(reference, estimate, filter_length=2)
    torch.testing.assert_close(sdr, 10 * torch.tensor([25 / 0.25]).double().log10())
    assert sir == torch.inf
    torch.testing.assert_close(sar, sdr)


@pytest.mark.parametrize("sources", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 2, 5, 8])
def test_definition(sources, taps):
    """Even and odd numbers of taps take different roads to the projection on one source."""
    references = noise(sources, 60, seed=1)
    estimates = references + 0.5 * references.roll(1, 0) + noise(sources, 60, seed=2)
    expected = naive(references, estimates, taps) if sources > 1 else None
    scores = stack(bss_eval(references, estimates, taps))
    if sources == 1:
        target, _, rest = projections(references.numpy(), estimates[0].numpy(), 0, taps)
        sdr = 10 * np.log10((target @ target) / (rest @ rest))
        expected = torch.tensor([[sdr], [np.inf], [sdr]], dtype=torch.float64)
    torch.testing.assert_close(scores, expected, atol=1e-9, rtol=0)


@cache
def hard_cases():
    """Ill-conditioned pairs: (references, estimates), 20,000 samples at 11025 Hz."""
    samples = 20_000
    time = torch.arange(samples, dtype=torch.float64) / 11025
    white, other = noise(2, samples), noise(2, samples, seed=1)

    def tone(hz, harmonics=8):
        return sum(torch.sin(2 * torch.pi * hz * k * time) / k for k in range(1, harmonics + 1))

    tail = white * (time < 0.7)
    short = white * (time < 0.1)
    periodic = torch.stack([tone(220), tone(330)])
    exact = torch.stack([tone(11025 / 50), tone(11025 / 40)])
    same = torch.stack([tone(11025 / 50), tone(11025 / 50, 3)])
    decay = periodic * torch.exp(-6 * ((2 * time) % 1))
    cases = {
        "white": white + 0.1 * other,
        "tail": tail + 0.05 * other * (time < 0.7),
        "short": short + 0.01 * other,
        "periodic": periodic + 0.05 * other,
        "exact": exact + 0.01 * other,
        "same": same + 0.01 * other,
        "decay": decay + 0.003 * other,
        "pure": torch.sin(2 * torch.pi * torch.tensor([[440.0], [660.0]]) * time) + 0.01 * other,
        "79 dB": white + 1e-4 * other,
    }
    references = dict(
        white=white, tail=tail, short=short, periodic=periodic, exact=exact, same=same, decay=decay
    )
    references |= {"79 dB": white, "pure": cases["pure"] - 0.01 * other}
    return {k: (references[k], e + 0.2 * references[k].flip(0)) for k, e in cases.items()}


@pytest.mark.parametrize("name", hard_cases())
def test_mir_eval(name):
    references, estimates = hard_cases()[name]
    expected = oracle(references, estimates)
    scores = stack(bss_eval(references, estimates))
    assert torch.isfinite(scores).all()
    tolerance = 1e-6 if name in ("white", "tail", "short", "decay", "79 dB") else 0.01
    below_80 = expected < 80
    assert below_80.sum() >= 4
    difference = (scores - expected).abs()[below_80].max()
    assert difference < tolerance


def test_band_limited_noise_equals_dense_least_squares():
    """The Gram matrix is singular to rounding: mir_eval is up to 0.06 dB off, by its threads."""
    spec = torch.fft.rfft(noise(2, 3000))
    spec[:, 700:] = 0
    references = torch.fft.irfft(spec, 3000)
    estimates = references + 0.2 * references.flip(0) + 0.01 * noise(2, 3000, seed=1)
    scores = stack(bss_eval(references, estimates, 128))
    torch.testing.assert_close(scores, naive(references, estimates, 128), atol=0.03, rtol=0)


def test_fast_bss_eval():
    reason = "the second oracle is built from source; the extra `test` has it"
    fast_bss_eval = pytest.importorskip("fast_bss_eval", reason=reason)

    pairs = zip(hard_cases()["white"], hard_cases()["short"], strict=True)
    references, estimates = (torch.stack(x) for x in pairs)
    expected = fast_bss_eval.bss_eval_sources(references, estimates, compute_permutation=False)
    scores = bss_eval(references, estimates)
    assert (scores.sdr - expected[0]).abs().max() < 1e-6
    assert (scores.sir - expected[1]).abs().max() < 1e-6
    assert (scores.sar - expected[2]).abs().max() < 1e-6


@pytest.mark.parametrize("sources", [1, 3])
def test_mir_eval_other_counts(sources):
    references = noise(sources, 3000)
    estimates = references + 0.3 * references.roll(1, 0) + 0.2 * noise(sources, 3000, seed=1)
    scores = stack(bss_eval(references, estimates))
    torch.testing.assert_close(scores, oracle(references, estimates), atol=1e-6, rtol=0)


# --- laws ------------------------------------------------------------------------------------


def example(batch=(), sources=2, samples=400, seed=0):
    references = noise(*batch, sources, samples, seed=seed)
    other = noise(*batch, sources, samples, seed=seed + 1)
    return references, references + 0.4 * references.roll(1, -2) + 0.3 * other


@settings(max_examples=20, deadline=None)
@given(
    gains=st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4),
    seed=st.integers(0, 99),
)
def test_gain_changes_nothing(gains, signs, seed):
    references, estimates = example(seed=seed)
    gains = torch.tensor(gains, dtype=torch.float64) * torch.tensor(signs)
    expected = stack(bss_eval(references, estimates, 16))
    scaled = bss_eval(references * gains[:2, None], estimates * gains[2:, None], 16)
    torch.testing.assert_close(stack(scaled), expected, atol=1e-7, rtol=0)


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(4)), seed=st.integers(0, 99))
def test_order_of_sources_is_carried_along(order, seed):
    references, estimates = example(sources=4, seed=seed)
    expected = stack(bss_eval(references, estimates, 8))[:, order]
    permuted = bss_eval(references[order, :], estimates[order, :], 8)
    torch.testing.assert_close(stack(permuted), expected, atol=1e-8, rtol=0)


def test_a_filter_is_forgiven_up_to_its_taps():
    """References with room at the end, so that the filtered ones are not cut off."""
    references = torch.nn.functional.pad(noise(2, 2000), (0, 600))
    for taps, worst, best in ((512, 200, 400), (513, 0, 30)):
        impulse = torch.zeros(1, 1, taps, dtype=torch.float64)
        impulse[..., 0] = 0.3  # conv1d correlates: the first is the longest delay
        impulse[..., -1] = 1
        padded = torch.nn.functional.pad(references[:, None], (taps - 1, 0))
        estimates = torch.nn.functional.conv1d(padded, impulse)[:, 0]
        sdr = bss_eval(references, estimates).sdr
        assert (sdr > worst).all()
        assert (sdr < best).all()


def test_delay_is_forgiven_forwards_only():
    references = torch.nn.functional.pad(noise(2, 2000), (600, 600))
    assert (bss_eval(references, references.roll(511, -1)).sdr > 200).all()
    assert (bss_eval(references, references.roll(512, -1)).sdr < 10).all()
    assert (bss_eval(references, references.roll(-1, -1)).sdr < 10).all()


def test_noise_sets_the_sdr():
    """512 taps of 200,000 samples fit hardly any of the noise."""
    references = noise(2, 100_000)
    sdr, sir, sar = bss_eval(references, references + 0.1 * noise(2, 100_000, seed=1), 64)
    torch.testing.assert_close(sdr, torch.full((2,), 20.0).double(), atol=0.1, rtol=0)
    torch.testing.assert_close(sar, sdr, atol=0.05, rtol=0)
    assert (sir > 45).all()


def test_batches_are_a_loop(monkeypatch):
    references, estimates = example((2, 3), samples=300)
    scores = stack(bss_eval(references, estimates, 8))
    assert scores.shape == (2, 3, 3, 2)
    alone = stack(bss_eval(references[1, 2], estimates[1, 2], 8))
    torch.testing.assert_close(scores[1, 2], alone, atol=1e-10, rtol=0)
    # Whatever the chunks.
    monkeypatch.setattr(bss, "SIGNAL_BYTES", {"cpu": 4 * 32 * 600})
    chunked = stack(bss_eval(references, estimates, 8))
    torch.testing.assert_close(chunked, scores, atol=1e-10, rtol=0)


def test_no_mixtures_have_no_scores():
    assert bss_eval(torch.zeros(0, 2, 100), torch.zeros(0, 2, 100)).sdr.shape == (0, 2)


def test_float32_input_is_scored_in_float64():
    references, estimates = (x.float() for x in example())
    scores = bss_eval(references, estimates)
    assert scores.sdr.dtype == torch.float64
    expected = bss_eval(references.double(), estimates.double())
    torch.testing.assert_close(stack(scores), stack(expected), atol=1e-10, rtol=0)


def test_inputs_are_left_alone_and_need_no_gradient():
    references, estimates = example()
    before = references.clone(), estimates.clone()
    sdr = bss_eval(references, estimates.requires_grad_(), 8).sdr
    assert not sdr.requires_grad
    assert torch.equal(references, before[0])
    assert torch.equal(estimates, before[1])


# --- silence and other trouble ---------------------------------------------------------------


@pytest.mark.parametrize("which", ["references", "estimates"])
def test_silence_raises_or_is_reported(which):
    signals = dict(zip(("references", "estimates"), example((2,), sources=3), strict=True))
    signals[which][1, 2] = 0
    with pytest.raises(ValueError, match=rf"{which} are silent at index \[1, 2\]"):
        bss_eval(**signals, filter_length=8)
    scores = stack(bss_eval(**signals, filter_length=8, silent="nan"))
    silent = torch.zeros(2, 3, 3, dtype=torch.bool)
    silent[1, :, 2] = True
    assert torch.equal(scores.isnan(), silent)


def test_a_silent_reference_does_not_disturb_the_others():
    references, estimates = example(sources=3)
    references[1] = 0
    scores = stack(bss_eval(references, estimates, 8, "nan"))
    rest = stack(bss_eval(references[[0, 2]], estimates[[0, 2]], 8))
    torch.testing.assert_close(scores[:, [0, 2]], rest, atol=1e-9, rtol=0)
    references[2] = 0
    assert bss_eval(references, estimates, 8, "nan").sir[0] == torch.inf


def test_singular_systems_are_finite_or_infinite_but_not_nan():
    wave = noise(2, 2000)
    twice = wave[:1].expand(2, -1)
    sdr, sir, sar = bss_eval(twice, wave)
    assert sdr[0] > 250
    assert -40 < sdr[1] < 0  # an unrelated wave
    assert sar[1] == pytest.approx(sdr[1].item(), abs=1e-6)  # the copy adds nothing to the span
    assert not torch.isnan(torch.stack([sdr, sir, sar])).any()
    # Fewer samples than taps: the delays span nearly everything.
    assert not torch.isnan(stack(bss_eval(noise(2, 100), noise(2, 100, seed=1)))).any()
    assert not torch.isnan(stack(bss_eval(noise(3, 1), noise(3, 1, seed=1)))).any()
    constant = torch.ones(2, 3000)
    assert not torch.isnan(stack(bss_eval(constant, constant))).any()
    assert not torch.isnan(stack(bss_eval(constant, noise(2, 3000)))).any()


def test_orthogonal_estimate_is_minus_infinity():
    sdr, sir, sar = bss_eval(torch.eye(3)[:2], torch.eye(3)[[2, 2]], filter_length=1)
    assert (sdr < -250).all()
    assert (sar < -250).all()
    assert not sir.isnan().any()


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_extreme_levels(scale):
    references, estimates = example()
    expected = stack(bss_eval(references, estimates, 8))
    scaled = stack(bss_eval(references * scale, estimates, 8))
    torch.testing.assert_close(scaled, expected, atol=1e-8, rtol=0)


def test_shifted_solve_equals_the_pseudo_inverse():
    basis = noise(200, 20)
    basis[:, 13] = basis[:, 4]  # rank 19
    gram, cross = basis.mT @ basis, basis.mT @ noise(200, 3, seed=1)
    expected = basis @ (torch.linalg.pinv(gram, rtol=1e-12) @ cross)
    for solution in (
        toeplitz.solve_shifted(gram, cross),
        toeplitz.solve_dense(gram[None], cross[None])[0],
    ):
        torch.testing.assert_close(basis @ solution, expected, atol=1e-9, rtol=0)


def test_shifted_solve_ends_whatever_the_matrix():
    """Zero and indefinite matrices, which rounding could make of a nearly constant signal."""
    for diagonal in ([0.0, 0.0], [1.0, -1e-12], [-1e-16, -1e-16]):
        gram, cross = torch.diag(torch.tensor(diagonal).double()), torch.zeros(2, 1).double()
        assert torch.equal(toeplitz.solve_shifted(gram, cross), cross)


@pytest.mark.parametrize("taps", [1, 2, 5, 6, 64])
def test_toeplitz_systems_are_solved(taps):
    lags = torch.fft.irfft(torch.fft.rfft(noise(5, 300)).abs().square())[:, :taps]
    lags = torch.cat([lags[:, 1:].flip(-1), lags], -1)
    gram, right = toeplitz._toeplitz(lags), noise(5, taps, 3)
    assert torch.equal(gram, gram.mT)
    assert gram[0, 0, -1] == lags[0, -1]
    factor, singular = toeplitz.factorise(lags)
    assert not singular.any()
    torch.testing.assert_close(gram @ toeplitz.solve_factorised(factor, right), right)


@pytest.mark.parametrize("way", ["conjugate gradients", "Cholesky"])
@pytest.mark.parametrize("name", ["white", "decay", "same"])
def test_both_ways_to_the_whole_projection(way, name, monkeypatch):
    """Conjugate gradients, which give up on pairs that correlate too much, and Cholesky."""
    used = []
    dense = toeplitz.solve_dense

    def spy(gram, cross):
        used.append(len(gram))
        return dense(gram, cross)

    monkeypatch.setattr(toeplitz, "solve_dense", spy)
    if way == "Cholesky":
        monkeypatch.setattr(toeplitz, "MAX_STEPS", 0)
    references, estimates = hard_cases()[name]
    scores, expected = stack(bss_eval(references, estimates)), oracle(references, estimates)
    assert used == ([] if way == "conjugate gradients" and name == "white" else [1])
    tolerance = 0.01 if name == "same" else 1e-6
    assert (scores - expected).abs()[expected < 80].max() < tolerance


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(references=torch.zeros(2, 50)), "references are silent"),
        (dict(references=torch.full((2, 50), torch.nan)), "references hold NaN"),
        (dict(estimates=torch.full((2, 50), torch.inf)), "estimates hold NaN or inf"),
        (dict(filter_length=0), "filter_length=0"),
    ],
)
def test_errors_say_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        bss_eval(**(dict(references=noise(2, 50), estimates=noise(2, 50)) | change))


def test_shapes_that_differ():
    from inspect import unwrap

    with pytest.raises(ValueError, match=r"\(2, 50\) and estimates \(2, 49\)"):
        unwrap(bss_eval)(noise(2, 50), noise(2, 49))
    with pytest.raises(ValueError, match="'raise' or 'nan'"):
        unwrap(bss_eval)(noise(2, 50), noise(2, 50), silent="skip")


def test_sdr_gain_is_a_difference():
    references, estimates = example((2,))
    mixture = references.sum(-2)
    gain = sdr_gain(references, estimates, mixture, 16)
    untouched = bss_eval(references, torch.stack([mixture, mixture], 1), 16).sdr
    torch.testing.assert_close(gain, bss_eval(references, estimates, 16).sdr - untouched)
    assert (gain > 3).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu():
    references, estimates = example((3,), samples=20_000)
    expected = stack(bss_eval(references, estimates))
    scores = stack(bss_eval(references.cuda(), estimates.cuda()))
    assert scores.is_cuda
    torch.testing.assert_close(scores.cpu(), expected, atol=1e-6, rtol=0)


# --- bootstrap -------------------------------------------------------------------------------


def test_bootstrap_of_two_values_by_hand():
    """Two values: means 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4."""
    assert bootstrap([0.0, 1.0]) == Interval(0.5, 0.0, 1.0)
    assert bootstrap([0.0, 1.0], level=0.4) == Interval(0.5, 0.5, 0.5)


def test_bootstrap_weighs_groups_by_their_size():
    """Groups a (0, 0, 0) and b (4): means 0, 4 x 1 / (1 + 3) = 1, and 4."""
    result = bootstrap([0.0, 4.0, 0.0, 0.0], ["a", "b", "a", "a"])
    assert result == Interval(1.0, 0.0, 4.0)
    assert bootstrap([0.0, 4.0, 0.0, 0.0], ["a", "b", "a", "a"], level=0.4).low == 1.0


def test_bootstrap_equals_a_naive_loop():
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=60), rng.integers(0, 9, 60)
    means = []
    for _ in range(4000):
        drawn = rng.choice(np.unique(groups), len(np.unique(groups)))
        means.append(np.concatenate([values[groups == g] for g in drawn]).mean())
    result = bootstrap(values, groups)
    assert result.mean == pytest.approx(values.mean())
    np.testing.assert_allclose(result[1:], np.quantile(means, [0.025, 0.975]), atol=0.02)


def test_bootstrap_covers_the_truth():
    """A 95% interval of a mean of 60 normal values holds the truth about 94 times in 100."""
    rng = np.random.default_rng(1)
    intervals = [bootstrap(rng.normal(3, 2, 60), resamples=400, seed=i) for i in range(300)]
    covered = np.mean([low <= 3 <= high for _, low, high in intervals])
    assert 0.90 < covered < 0.975
    width = np.mean([high - low for _, low, high in intervals])
    assert width == pytest.approx(2 * 1.96 * 2 / 60**0.5, rel=0.05)


def test_groups_widen_the_interval_of_dependent_values():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 10)
    values = rng.normal(size=20)[groups] + 0.1 * rng.normal(size=200)
    plain, grouped = bootstrap(values), bootstrap(values, groups)
    assert plain.mean == grouped.mean
    assert (grouped.high - grouped.low) > 2.5 * (plain.high - plain.low)


def test_groups_may_be_objects_as_a_column_of_a_table_gives_them():
    """Columns of text reach NumPy as objects in some versions of pandas."""
    values, names = [1.0, 2.0, 4.0, 8.0], ["b", "a", "b", "c"]
    expected = bootstrap(values, names)
    assert bootstrap(values, np.array(names, dtype=object)) == expected
    pairs = [(name, "z") for name in names]
    assert bootstrap(values, np.array(pairs, dtype=object)) == expected
    assert bootstrap(values, pairs) == expected


def test_groups_may_be_pairs_of_names():
    pairs = [("flute", "violin"), ("flute", "tuba"), ("flute", "violin")]
    assert bootstrap([1.0, 4.0, 1.0], pairs) == bootstrap([1.0, 4.0, 1.0], [0, 1, 0])


def test_crossed_bootstrap_of_three_pairs_by_hand():
    """Of 27 draws of three categories 3 leave no pair; a pair drawn whole counts 2 x 1 or 1."""
    values, members = [0.0, 3.0, 6.0], [("a", "b"), ("b", "c"), ("c", "a")]
    means = []
    for drawn in itertools.product("abc", repeat=3):
        times = [drawn.count(one) * drawn.count(other) for one, other in members]
        if sum(times):
            means.append(np.average(values, weights=times))
    assert (len(means), means.count(0.0), means.count(3.0)) == (24, 6, 12)
    for level in (0.95, 0.6, 0.3):
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        result = crossed_bootstrap(values, members, level=level)
        assert result == (3.0, pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_order_and_repeats_of_members_do_not_matter():
    values = [1.0, 5.0, 2.0, 4.0]
    plain = crossed_bootstrap(values, ["ab", "bc", "ab", "ca"])
    assert crossed_bootstrap(values, ["ba", "cb", "ab", "ac"]) == plain
    # A pair of one kind twice hangs on that kind alone.
    assert crossed_bootstrap(values, ["aa", "bb", "aa", "cc"]) == crossed_bootstrap(
        values, ["a", "b", "a", "c"]
    )
    alone = crossed_bootstrap(values, [(k,) for k in range(4)])
    assert alone.low == pytest.approx(bootstrap(values).low, abs=0.05)


@pytest.mark.parametrize(
    ("kinds", "trials", "pair", "kind"), [(5, 200, 0.6, 0.7), (15, 40, 0.5, 0.8)]
)
def test_an_interval_by_category_covers_where_one_by_pair_does_not(kinds, trials, pair, kind):
    """Effects of categories, all pairs of them: pairs are no independent witnesses."""
    rng, pairs = np.random.default_rng(5), list(itertools.combinations(range(kinds), 2))
    held = np.zeros(2)
    for seed in range(trials):
        effect = rng.normal(size=kinds)
        values = [effect[a] + effect[b] + 0.1 * rng.normal() for a, b in pairs]
        plain = bootstrap(values, resamples=400, seed=seed)
        crossed = crossed_bootstrap(values, pairs, resamples=400, seed=seed)
        held += [found.low < 0 < found.high for found in (plain, crossed)]
    by_pair, by_category = held / trials
    assert by_pair < pair
    assert by_category > kind


def test_bootstrap_is_seeded():
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1) != bootstrap(values, seed=2)
    assert bootstrap(torch.from_numpy(values)) == bootstrap(list(values))


def test_many_values_are_resampled_in_blocks():
    result = bootstrap(np.arange(20_000), resamples=300)
    assert result.mean == 9999.5
    assert result.high - result.low == pytest.approx(2 * 1.96 * 5773.5 / 20_000**0.5, rel=0.2)


def test_pairing_cancels_what_is_common():
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 5, 80)
    a, b = hard + 0.5 + 0.1 * rng.normal(size=80), hard
    difference = paired_bootstrap(a, b)
    assert 0.45 < difference.low < 0.5 < difference.high < 0.55
    assert bootstrap(a).low < bootstrap(b).high  # unpaired, the two cannot be told apart
    swapped = paired_bootstrap(b, a)
    assert swapped.mean == pytest.approx(-difference.mean)
    assert swapped.low == pytest.approx(-difference.high, abs=0.005)
    groups = np.arange(80) // 4
    assert paired_bootstrap(a, b, groups) == bootstrap(a - b, groups) != bootstrap(a - b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap([]), "at least one"),
        (lambda: bootstrap([1.0, np.nan, np.inf]), "2 of 3 values"),
        (lambda: bootstrap([1.0], [1, 2]), "2 groups for 1"),
        (lambda: bootstrap([1.0], level=1.0), "level"),
        (lambda: paired_bootstrap([1.0, 2.0], [1.0]), "differ"),
        (lambda: crossed_bootstrap([1.0], []), "0 times members for 1 values"),
        (lambda: crossed_bootstrap([1.0, 2.0], ["ab", ""]), "no members"),
        (lambda: crossed_bootstrap([np.nan], ["ab"]), "1 of 1 values"),
        (lambda: crossed_bootstrap([1.0], [range(40)], resamples=3), "no draw holds"),
    ],
)
def test_bootstrap_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
