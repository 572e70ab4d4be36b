"""Checks of `unet` and `mix_and_separate`: right answers of all kinds pass, near misses do not."""

from itertools import permutations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from check_cases import confirm_all_have_variants, confirm_variant, variants
from torch import nn

from avlib import audio

# --- unet ------------------------------------------------------------------------------------


def sizes_of_torch(size, kernel, stride, padding):
    weight = torch.zeros(1, 1, kernel)
    narrow = F.conv1d(torch.zeros(1, 1, size), weight, None, stride, padding)
    return narrow.shape[-1], F.conv_transpose1d(narrow, weight, None, stride, padding).shape[-1]


def sizes_by_counting(size, kernel, stride, padding):
    narrow = len(range(0, size + 2 * padding - kernel + 1, stride))
    wide = [stride * k + tap for k in range(narrow) for tap in range(kernel)]
    return np.array([narrow, max(wide) + 1 - 2 * padding])


def parameters_of_torch(inside, outside):
    layers = nn.Sequential(
        nn.Conv2d(inside, outside, 4, device="meta"), nn.BatchNorm2d(outside, device="meta")
    )
    return sum(p.numel() for p in layers.parameters())


def unet_by_recursion(x, down, up, outermost=True):
    kept = down[0](x)
    if len(down) == 1:
        return up[0](kept)
    below = unet_by_recursion(kept, down[1:], up[1:])
    return up[0](torch.cat([below, kept], dim=1))


def unet_by_index(x, down, up):
    outputs = [x]
    for layer in down:
        outputs.append(layer(outputs[-1]))
    y = up[-1](outputs[-1])
    for k in range(len(up) - 2, -1, -1):
        y = up[k](torch.concat((y, outputs[k + 1]), 1))
    return y


def unet_with_blurred_skips(x, down, up):
    kept = down[0](x)
    middle = down[1](kept)
    y = up[1](torch.cat([up[2](down[2](middle)), middle], 1))
    return up[0](torch.cat([y, kept.mean(-1, keepdim=True).expand_as(kept)], 1))


def unet_with_relu(x, down, up):
    return unet_by_index(x, down, [lambda y, layer=layer: layer(y.relu()) for layer in up])


def maps_in_a_loop(vision, sound, scale, bias):
    total = 0
    for k in range(len(scale)):
        total = total + scale[k] * vision[:, :, k, None, None] * sound[:, None, k]
    return torch.sigmoid(total + bias)


def maps_by_matmul(vision, sound, scale, bias):
    flat = (vision * scale) @ sound.flatten(2)
    return 1 / (1 + torch.exp(-flat.unflatten(2, sound.shape[2:]) - bias))


def tile_by_repeat(vision, sound):
    grid = vision.unsqueeze(-1).unsqueeze(-1).repeat(1, 1, sound.shape[2], sound.shape[3])
    return torch.cat((grid, sound), dim=-3)


def tile_in_a_loop(vision, sound):
    rows = [
        torch.stack([v * torch.ones_like(sound[b, 0]) for v in vision[b]])
        for b in range(len(sound))
    ]
    return torch.stack([torch.cat([rows[b], sound[b]]) for b in range(len(sound))])


def film_by_linear(x, vision, to_scale, to_shift):
    scale, shift = F.linear(vision, to_scale), F.linear(vision, to_shift)
    return x + x * scale.view(*scale.shape, 1, 1) + shift.view(*shift.shape, 1, 1)


def film_by_einsum(x, vision, to_scale, to_shift):
    scale = torch.einsum("bf,cf->bc", vision, to_scale) + 1
    shift = torch.einsum("bf,cf->bc", vision, to_shift)
    return torch.einsum("bchw,bc->bchw", x, scale) + shift.unsqueeze(2).unsqueeze(3)


# --- mix and separate ------------------------------------------------------------------------


def mix_in_a_loop(waves, generator):
    gains = torch.rand(len(waves), generator=generator) + 0.5
    sources = [torch.clip(g * w, -1, 1) / len(waves) for g, w in zip(gains, waves, strict=True)]
    return torch.stack(sources), sum(sources)


def mix_in_numpy(waves, generator):
    gains = torch.rand(len(waves), generator=generator).numpy() + 0.5
    sources = np.clip(waves.numpy() * gains[:, None], -1, 1)
    return sources / len(sources), sources.mean(0)


def mix_clipped_late(waves, generator):
    gains = torch.rand(len(waves), generator=generator) + 0.5
    sources = (waves * gains[:, None] / len(waves)).clamp(-1, 1)
    return sources, sources.sum(0)


def mix_with_powers(waves, generator):
    gains = (torch.rand(len(waves), generator=generator) + 0.5).sqrt()
    sources = (waves * gains[:, None]).clamp(-1, 1) / len(waves)
    return sources, sources.sum(0)


def target_in_a_loop(source, mixture):
    half = audio.to_log_frequency(mixture) / 2
    return torch.stack([torch.where(audio.to_log_frequency(s) > half, 1.0, 0.0) for s in source])


def target_in_numpy(source, mixture):
    source, mixture = audio.to_log_frequency(source), audio.to_log_frequency(mixture)
    return (2 * source.numpy() > mixture.numpy()).astype(np.float32)


def bce_of_torch(z, y, w):
    return F.binary_cross_entropy_with_logits(z, y, weight=w.expand_as(z))


def bce_by_hand(z, y, w):
    return (w * (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs())))).mean()


def bce_in_a_loop(z, y, w):
    cells = zip(z.flatten(), y.flatten(), w.expand_as(z).flatten(), strict=True)
    costs = [weight * F.softplus(-logit if right else logit) for logit, right, weight in cells]
    return torch.stack(costs).mean()


def bce_weighed_after(z, y, w):
    return w.mean() * F.binary_cross_entropy_with_logits(z, y)


def orders_as_torch_sees_them(estimates, targets):
    losses = [F.l1_loss(estimates, targets[list(o)]) for o in permutations(range(len(targets)))]
    return min(losses)


def orders_of_the_estimates(estimates, targets):
    best = None
    for order in permutations(range(len(estimates))):
        both = zip(order, targets, strict=True)
        pairs = [(estimates[k] - target).abs().mean() for k, target in both]
        loss = sum(pairs) / len(pairs)
        best = loss if best is None or loss < best else best
    return best


def best_pair_first(estimates, targets):
    """Greedy over the whole table of costs."""
    costs = (estimates[:, None] - targets).abs().mean((2, 3))
    total, left = 0, costs.detach().clone()
    for _ in range(len(costs)):
        row, column = divmod(int(left.argmin()), len(costs))
        total = total + costs[row, column]
        left[row], left[:, column] = torch.inf, torch.inf
    return total / len(costs)


def only_rotations(estimates, targets):
    return min(F.l1_loss(estimates, targets.roll(k, 0)) for k in range(len(targets)))


def only_swaps_of_two(estimates, targets):
    orders = [o for o in permutations(range(len(targets)))
              if sum(a != b for a, b in enumerate(o)) <= 2]  # fmt: skip
    return min(F.l1_loss(estimates, targets[list(o)]) for o in orders)


def leaks_in_a_loop(train, held_out):
    found = []
    for clip in held_out:
        for other in train:
            if clip["player"] == other["player"] or clip["video"] == other["video"]:
                found.append(clip["name"])
                break
    return tuple(sorted(found))


def leaks_by_sets(train, held_out):
    seen = {c["player"] for c in train} | {c["video"] for c in train}
    return sorted({c["name"] for c in held_out if {c["player"], c["video"]} & seen})


def leaks_in_numpy(train, held_out):
    names = [c["name"] for c in held_out]
    mask = [any(c[k] == t[k] for t in train for k in ("player", "video")) for c in held_out]
    return np.sort(np.array(names)[np.array(mask, dtype=bool)])


RIGHT = {
    "level_sizes": [sizes_of_torch, sizes_by_counting],
    "level_parameters": [
        parameters_of_torch,
        lambda inside, outside: outside * (4 * 4 * inside + 1 + 2),
        lambda inside, outside: torch.tensor(float(outside)) * (16 * inside + 3),
    ],
    "unet_forward": [unet_by_recursion, unet_by_index],
    "sum_of_maps": [
        maps_in_a_loop,
        maps_by_matmul,
        lambda v, s, a, b: torch.sigmoid(torch.einsum("bsk,k,bkfc->bsfc", v, a, s) + b),
    ],
    "tile_and_concatenate": [
        tile_by_repeat,
        tile_in_a_loop,
        lambda v, s: torch.cat([v[..., None, None] + 0 * s[:, :1], s], 1),
    ],
    "film": [film_by_linear, film_by_einsum],
    "mix_solos": [mix_in_a_loop, mix_in_numpy],
    "log_frequency_target": [target_in_a_loop, target_in_numpy],
    "weighted_bce": [
        bce_of_torch,
        bce_by_hand,
        bce_in_a_loop,
        lambda z, y, w: F.binary_cross_entropy_with_logits(z, y, w),
        lambda z, y, w: -(w * (y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z))).mean(),
        lambda z, y, w: (w * (F.softplus(z) - z * y)).mean(),
        lambda z, y, w: (w * F.softplus((1 - 2 * y) * z)).mean(),
        lambda z, y, w: (w * torch.where(y > 0.5, F.softplus(-z), F.softplus(z))).mean(),
    ],
    "permutation_free_loss": [
        orders_as_torch_sees_them,
        orders_of_the_estimates,
        lambda e, t: orders_as_torch_sees_them(e, t.detach()),
    ],
    "leaked_clips": [leaks_in_a_loop, leaks_by_sets, leaks_in_numpy],
}

WRONG = {
    "level_sizes": [
        lambda n, k, s, p: (sizes_of_torch(n, k, s, p)[0], n),
        lambda n, k, s, p: (sizes_of_torch(n, k, s, p)[0], sizes_of_torch(n, k, s, p)[0] * s),
        lambda n, k, s, p: (round((n + 2 * p - k) / s + 1), sizes_of_torch(n, k, s, p)[1]),
    ],
    "level_parameters": [
        lambda inside, outside: 16 * inside * outside + 3 * inside,
        lambda inside, outside: 16 * inside * outside + outside + 2,
        lambda inside, outside: 16 * (inside + 1) * outside,
    ],
    "unet_forward": [unet_with_blurred_skips, unet_with_relu],
    "sum_of_maps": [
        lambda v, s, a, b: maps_in_a_loop(v, s, a, b.detach()),
        lambda v, s, a, b: maps_in_a_loop(v.softmax(-1), s, a, b),
        lambda v, s, a, b: maps_in_a_loop(v.flip(1), s, a, b),
        lambda v, s, a, b: maps_in_a_loop(v, s, a * a, b),
    ],
    "tile_and_concatenate": [
        lambda v, s: tile_by_repeat(v.flip(1), s),
        lambda v, s: tile_by_repeat(v.roll(1, 0), s),
        lambda v, s: tile_by_repeat(v, s.transpose(0, 0).flip(1)),
        lambda v, s: tile_by_repeat(torch.tensor(v.tolist()), s),
    ],
    "film": [
        lambda x, v, g, b: film_by_linear(x, v, g, b).relu(),
        lambda x, v, g, b: x * (v @ g.T).exp()[..., None, None] + (v @ b.T)[..., None, None],
        lambda x, v, g, b: film_by_linear(x, v.flip(0), g, b),
        lambda x, v, g, b: film_by_linear(x, v, g, b.detach()),
    ],
    "mix_solos": [mix_clipped_late, mix_with_powers],
    "log_frequency_target": [
        lambda s, m: target_in_a_loop(s.square(), m.square()),
        lambda s, m: target_in_a_loop(s, s.sum(0) * 0.9),
        lambda s, m: audio.binary_mask(
            audio.to_log_frequency(s, align_corners=False),
            audio.to_log_frequency(m, align_corners=True),
        ),
    ],
    "weighted_bce": [
        bce_weighed_after,
        lambda z, y, w: bce_of_torch(z, y, w.sqrt()),
        lambda z, y, w: bce_of_torch(z, 1 - y, w),
        lambda z, y, w: bce_of_torch(z.clamp(-100, 100), y, w),
        lambda z, y, w: F.binary_cross_entropy(z.sigmoid(), y, weight=w.expand_as(z)),
        lambda z, y, w: bce_of_torch(z, 0.98 * y + 0.01, w),
    ],
    "permutation_free_loss": [
        best_pair_first,
        only_rotations,
        only_swaps_of_two,
        lambda e, t: orders_as_torch_sees_them(e, t) ** 2,
        lambda e, t: orders_as_torch_sees_them(e.detach(), t),
    ],
    "leaked_clips": [
        lambda train, held_out: set(leaks_in_a_loop(train, held_out)),
        lambda train, held_out: sorted(leaks_in_a_loop(train, held_out), reverse=True),
        lambda train, held_out: leaks_in_a_loop(train[:-1], held_out),
        lambda train, held_out: leaks_in_a_loop(train, held_out)[:-1],
    ],
}


@pytest.mark.parametrize(("name", "passes", "function"), variants(RIGHT, WRONG))
def test_variant(name, passes, function):
    confirm_variant(name, passes, function)


def test_every_check_has_variants():
    confirm_all_have_variants(("unet", "mix_and_separate"), RIGHT, WRONG)
