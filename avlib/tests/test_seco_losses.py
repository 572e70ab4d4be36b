"""SeCo's losses: by hand, by loops written from the equations, in their limits, gradients."""

import math
from inspect import unwrap

import pytest
import torch

from avlib import sop
from avlib.seco import (
    CONSISTENCY,
    INTER,
    INTRA,
    TERMS,
    WITHOUT_TRUTH,
    Features,
    consistency_loss,
    consistency_terms,
    distance,
    separation_loss,
    truth_weight,
)


def vectors(n=2, features=5, batch=3, seed=0):
    """Random a, v, g, t in float64."""
    g = torch.Generator().manual_seed(seed)
    shape = (4, batch, n, features)
    return [*torch.randn(shape, generator=g, dtype=torch.float64)]


def d_by_hand(x, y, reduction):
    """The distance of two lists of numbers, in plain Python."""
    long_x, long_y = math.hypot(*x), math.hypot(*y)
    total = sum((p / long_x - q / long_y) ** 2 for p, q in zip(x, y, strict=True))
    return total / len(x) if reduction == "mean" else total


def terms_by_loops(a, v, g, t, reduction, margin):
    """Every term of one mixture by loops; a to t: lists of vectors."""
    n = len(a)

    def d(x, y):
        return d_by_hand(x, y, reduction)

    def hinge(x, y):
        return max(0.0, margin - d(x, y))

    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    return {
        "inter_positive": sum(d(a[i], v[i]) for i in range(n)),
        "inter_truth": sum(d(g[i], v[i]) for i in range(n)),
        "inter_negative": 2 * sum(hinge(a[i], v[j]) for i, j in pairs) / len(pairs),
        "intra_positive": sum(d(t[i], a[i]) for i in range(n)),
        "intra_negative": sum(hinge(a[i], a[j]) for i, j in pairs) / len(pairs),
    }


# --- masks


def test_separation_loss_by_hand():
    """One cell of magnitude e - 1 (weight 1), one silent (weight 1e-3), three sources."""
    mixture = torch.tensor([[[math.e - 1, 0.0]]])
    sources = torch.tensor([1.0, 0.0, 0.8, 0.0, 0.86, 0.0]).view(1, 3, 1, 2)
    logits = torch.tensor([0.0, 0.0, 2.0, -1.0, -1.0, 3.0]).view(1, 3, 1, 2)

    def bce(logit, target):
        p = 1 / (1 + math.exp(-logit))
        return -math.log(p if target else 1 - p)

    first = bce(0, 1) + 1e-3 * bce(0, 0)
    second = bce(2, 0) + 1e-3 * bce(-1, 0)  # 0.8 is less than half of e - 1 = 1.718
    third = bce(-1, 1) + 1e-3 * bce(3, 0)  # 0.86 is more
    expected = (first + second + third) / 3 / 2  # mean over sources, then over the two cells
    assert separation_loss(logits, sources, mixture).item() == pytest.approx(expected, rel=1e-5)
    halves = [separation_loss(logits[:, k : k + 1], sources[:, k : k + 1], mixture) for k in (0, 1)]
    both = separation_loss(logits[:, :2], sources[:, :2], mixture)
    torch.testing.assert_close(both, 0.5 * (halves[0] + halves[1]))  # as the release writes it


def test_separation_loss_is_that_of_sound_of_pixels():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 4, 5, generator=g)
    sources, mixture = torch.rand(2, 2, 4, 5, generator=g), torch.rand(2, 4, 5, generator=g)
    found = separation_loss(logits, sources, mixture)
    torch.testing.assert_close(found, sop.separation_loss(logits, sources, mixture))


def test_no_gradient_passes_through_the_true_mask():
    g = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 2, 3, 4, generator=g, dtype=torch.float64, requires_grad=True)
    sources = torch.rand(2, 2, 3, 4, generator=g, dtype=torch.float64, requires_grad=True)
    mixture = torch.rand(2, 3, 4, generator=g, dtype=torch.float64)
    loss = separation_loss(logits, sources, mixture)
    found, none = torch.autograd.grad(loss, (logits, sources), allow_unused=True)
    assert none is None
    weight = (mixture + 1).log().clamp(1e-3, 10)[:, None]
    target = (sources > mixture[:, None] / 2).double()
    torch.testing.assert_close(found, weight * (logits.sigmoid() - target) / logits.numel())


# --- the distance


@pytest.mark.parametrize(("reduction", "unit"), [("mean", 1 / 8), ("sum", 1.0)])
def test_distance_between_what_is_like_and_unlike(reduction, unit):
    x = torch.zeros(8)
    x[0] = 3.0
    y = torch.zeros(8)
    y[5] = 0.2
    half = x + 3 * y / 0.2  # 45 degrees from both
    for other, expected in ((x, 0), (y, 2), (-x, 4), (7 * x, 0), (half, 2 - math.sqrt(2))):
        assert distance(x, other, reduction).item() == pytest.approx(expected * unit, abs=1e-6)


def test_distance_equals_loops_is_symmetric_and_knows_no_lengths():
    a, v, _, _ = vectors()
    for reduction in ("mean", "sum"):
        found = distance(a, v, reduction)
        for b in range(3):
            for n in range(2):
                expected = d_by_hand(a[b, n].tolist(), v[b, n].tolist(), reduction)
                assert found[b, n].item() == pytest.approx(expected, rel=1e-12)
        torch.testing.assert_close(found, distance(v, a, reduction))
        torch.testing.assert_close(found, distance(1e-3 * a, 1e4 * v, reduction))
    with pytest.raises(ValueError, match="'mean' or 'sum'; got 'max'"):
        unwrap(distance)(a, v, "max")


@pytest.mark.parametrize("scale", [1e-9, 1e-12, 1e-20])
def test_next_to_nothing_has_a_finite_gradient(scale):
    short = (scale * torch.tensor([[3.0, 4.0]])).requires_grad_()
    found = distance(short, torch.tensor([[0.0, 1.0]]), "sum")
    (gradient,) = torch.autograd.grad(found.sum(), short)
    assert gradient.isfinite().all()
    assert found.item() == pytest.approx(2 - 2 * 0.8 if scale > 1e-10 else 1.0, abs=1e-5)


def test_a_vector_of_zeros_has_no_direction_and_pulls_nothing():
    zeros = torch.zeros(2, 4, requires_grad=True)
    other = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    found = distance(zeros, other, "sum")
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0]))
    (gradient,) = torch.autograd.grad(found.sum(), zeros)
    assert torch.equal(gradient, torch.zeros(2, 4))


# --- the weight of the true sounds


def test_truth_weight_by_hand():
    assert truth_weight(0) == 1.0
    assert truth_weight(100) == pytest.approx(0.9)
    assert truth_weight(250) == pytest.approx(0.9 * 0.9 * math.sqrt(0.9))
    assert truth_weight(2185) > 0.1 == truth_weight(2186) == truth_weight(10**6)


# --- the terms


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_two_sources_are_as_released(reduction):
    """The formulas of the released criterion, which knows two sources only."""
    a, v, g, t = vectors(2, seed=1)
    found = consistency_terms(Features(a, v, g, t), reduction)
    (a1, a2), (v1, v2), (g1, g2), (t1, t2) = (x.unbind(1) for x in (a, v, g, t))

    def d(x, y):
        return distance(x, y, reduction)

    released = {
        "inter_positive": d(a1, v1) + d(a2, v2),
        "inter_truth": d(g1, v1) + d(g2, v2),
        "inter_negative": (1 - d(a1, v2)).relu() + (1 - d(a2, v1)).relu(),
        "intra_positive": d(t1, a1) + d(t2, a2),
        "intra_negative": (1 - d(a1, a2)).relu(),
    }
    assert list(found) == list(released) == list(TERMS)
    for name, expected in released.items():
        torch.testing.assert_close(found[name], expected)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_any_number_of_sources_equals_loops(n, reduction):
    features = vectors(n, seed=n)
    margin = 0.4 if reduction == "mean" else 2.0
    found = consistency_terms(Features(*features), reduction, margin)
    open_hinges = 0
    for b in range(3):
        expected = terms_by_loops(*(x[b].tolist() for x in features), reduction, margin)
        for name in TERMS:
            assert found[name][b].item() == pytest.approx(expected[name], rel=1e-10), name
        open_hinges += expected["inter_negative"] > 0
    assert open_hinges  # else the comparison is of zeros


def test_three_sources_by_hand():
    """Axes of space as vectors; sum: right angles are at 2, opposites at 4."""
    a = torch.tensor([[[1.0, 0, 0], [0, 2.0, 0], [0, 1.0, 0]]])
    v = torch.tensor([[[1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]]])
    found = consistency_terms(Features(a, v, v, -a), "sum", margin=3.0)
    assert {name: value.item() for name, value in found.items()} == {
        "inter_positive": 4.0,  # the third looks where it does not sound
        "inter_truth": 0.0,
        # ordered pairs, 3 - d: 1-2, 1-3, 2-1, 3-1 leave 1 each; 2-3 is opposite; 3-2 is the same
        "inter_negative": pytest.approx(2 * (1 + 1 + 1 + 0 + 1 + 3) / 6),
        "intra_positive": 12.0,
        "intra_negative": pytest.approx((1 + 1 + 1 + 3 + 1 + 3) / 6),
    }


def test_the_mean_never_reaches_its_margin_and_the_sum_does():
    features = 64
    a = torch.zeros(1, 2, features, dtype=torch.float64)
    a[0, :, 0] = torch.tensor([1.0, -1.0])
    opposite = Features(a, a)
    mean = consistency_terms(opposite, "mean", terms=WITHOUT_TRUTH)
    # as far apart as can be, and still nearly all of the margin is there
    assert mean["intra_negative"].item() == pytest.approx(1 - 4 / features)
    assert mean["inter_negative"].item() == pytest.approx(2 * (1 - 4 / features))
    total = consistency_terms(opposite, "sum", terms=WITHOUT_TRUTH)
    assert [value.item() for value in total.values()] == [0, 0, 0]

    right_angle = vectors(2, features)[0].requires_grad_()
    for reduction, pulled in (("mean", True), ("sum", False)):
        loss = consistency_loss(Features(right_angle, right_angle), reduction, 1.0, INTRA[1:]).sum()
        (gradient,) = torch.autograd.grad(loss, right_angle)
        assert bool(gradient.abs().max() > 0) == pulled  # random vectors are at 2 or so


def test_negatives_fall_as_vectors_part():
    """The sign of the margin: what belongs to different sources is pushed apart, not together."""
    angles = torch.tensor([0.1, 0.4, 0.8], dtype=torch.float64)
    moving = torch.stack([angles.cos(), angles.sin()], dim=-1)
    fixed = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(3, 2)
    apart = torch.stack([fixed, moving], dim=1)
    terms = consistency_terms(Features(apart, apart), "sum", terms=("inter_negative",))
    assert (terms["inter_negative"].diff() < 0).all()
    leaf = apart[:1].clone().requires_grad_()
    negative = consistency_terms(Features(leaf, leaf), "sum", terms=("intra_negative",))
    (gradient,) = torch.autograd.grad(negative["intra_negative"].sum(), leaf)
    after = leaf.detach() - 0.01 * gradient
    assert distance(after[:, 0], after[:, 1]) > distance(leaf[:, 0], leaf[:, 1])
    positive = consistency_terms(Features(leaf, leaf.flip(1)), "sum", terms=("inter_positive",))
    (gradient,) = torch.autograd.grad(positive["inter_positive"].sum(), leaf)
    after = leaf.detach() - 0.01 * gradient
    assert distance(after[:, 0], after[:, 1]) < distance(leaf[:, 0], leaf[:, 1])


def test_neither_order_of_sources_nor_lengths_nor_neighbours_matter():
    features = vectors(3, seed=4)
    found = consistency_terms(Features(*features), "sum")
    order = torch.tensor([2, 0, 1])
    turned = consistency_terms(Features(*(x[:, order] for x in features)), "sum")
    longer = [x * s for x, s in zip(features, (3.0, 0.1, 20.0, 7.0), strict=True)]
    scaled = consistency_terms(Features(*longer), "sum")
    alone = consistency_terms(Features(*(x[1:2] for x in features)), "sum")
    for name in TERMS:
        torch.testing.assert_close(turned[name], found[name])
        torch.testing.assert_close(scaled[name], found[name])
        torch.testing.assert_close(alone[name], found[name][1:2])


def test_truth_and_sight_may_not_be_exchanged():
    """Which vectors a term compares: only these move it."""
    reads = {
        "inter_positive": {"a", "v"},
        "inter_truth": {"g", "v"},
        "inter_negative": {"a", "v"},
        "intra_positive": {"t", "a"},
        "intra_negative": {"a"},
    }
    names = "avgt"
    leaves = [x.requires_grad_() for x in vectors(3, seed=5)]
    for term in TERMS:
        loss = consistency_loss(Features(*leaves), "mean", 1.0, (term,)).sum()
        found = torch.autograd.grad(loss, leaves, allow_unused=True)
        moved = {n for n, g in zip(names, found, strict=True) if g is not None and g.any()}
        assert moved == reads[term], term


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_reach_every_vector_and_equal_numeric_ones(reduction):
    """Nothing is detached, as in the release: both sides of every comparison move."""
    leaves = [x.requires_grad_() for x in vectors(3, 3, batch=1, seed=6)]
    margin = 1.0 if reduction == "mean" else 2.5

    def loss(a, v, g, t):
        return consistency_loss(Features(a, v, g, t), reduction, margin, r=0.7)

    assert torch.autograd.gradcheck(loss, leaves)
    for gradient in torch.autograd.grad(loss(*leaves).sum(), leaves):
        assert (gradient.abs().sum(dim=-1) > 0).all()


# --- their sum


def test_the_loss_adds_terms_up_and_r_weighs_the_true_sounds_alone():
    features = Features(*vectors(seed=7))
    terms = consistency_terms(features)
    for row, chosen in CONSISTENCY.items():
        if not chosen:
            continue
        expected = sum(terms[name] * (0.25 if name == "inter_truth" else 1) for name in chosen)
        found = consistency_loss(features, terms=chosen, r=0.25)
        torch.testing.assert_close(found, expected, msg=row)
    assert set(INTER) | set(INTRA) == set(TERMS)
    assert set(CONSISTENCY["both"]) == set(TERMS)


def test_matching_needs_no_truth():
    a, v, g, t = vectors(seed=8)
    bare = consistency_loss(Features(a, v), terms=WITHOUT_TRUTH)
    torch.testing.assert_close(bare, consistency_loss(Features(a, v, g, t), terms=WITHOUT_TRUTH))
    assert set(WITHOUT_TRUTH) == set(TERMS) - {"inter_truth", "intra_positive"}


def test_what_cannot_be_computed_says_why():
    a, v, g, _ = vectors()
    with pytest.raises(ValueError, match="inter_truth needs the true sounds"):
        consistency_loss(Features(a, v))
    with pytest.raises(ValueError, match="intra_positive needs partners of the same category"):
        consistency_loss(Features(a, v, g))
    with pytest.raises(ValueError, match=r"unknown terms \['inter'\]; there are inter_positive"):
        unwrap(consistency_terms)(Features(a, v), terms=("inter",))
    with pytest.raises(ValueError, match="two sources or more in a mixture, to compare; got 1"):
        consistency_terms(Features(a[:, :1], v[:, :1]), terms=WITHOUT_TRUTH)
    with pytest.raises(ValueError, match="no terms to add up"):
        consistency_loss(Features(a, v), terms=())
