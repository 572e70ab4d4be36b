"""Checks of `seco_matching`: right answers of all kinds pass, near misses do not."""

import contextlib
import copy
import dataclasses

import numpy as np
import pytest
import torch
from check_cases import (
    MANY_SEEDS,
    confirm_all_have_variants,
    confirm_variant,
    functions_of,
    variants,
)

FUNCTIONS = functions_of("seco_matching")

# --- the steps -------------------------------------------------------------------------------


def steps_of_an_optimiser(loss, theta, steps, lr, **more):
    moving = theta.clone().requires_grad_()
    optimiser = torch.optim.SGD([moving], lr=lr, **more)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(moving).backward()
        optimiser.step()
    return moving


def steps_by_function(loss, theta, steps, lr):
    for _ in range(steps):
        theta = torch.sub(theta, torch.func.grad(loss)(theta), alpha=lr)
    return theta


def ever_shorter_steps(loss, theta, steps, lr):
    for step in range(steps):
        theta = steps_by_function(loss, theta, 1, lr / (1 + 0.1 * step))
    return theta


# --- the reset -------------------------------------------------------------------------------


def reset_by_context(model, work):
    before = copy.deepcopy(model.state_dict())
    with contextlib.ExitStack() as last:
        last.callback(model.load_state_dict, before)
        return work(model)


def reset_after_either(model, work):
    values = [*model.parameters(), *model.buffers()]
    before = [value.detach().clone() for value in values]

    def reset():
        for value, old in zip(values, before, strict=True):
            value.data.copy_(old)

    try:
        result = work(model)
    except BaseException:
        reset()
        raise
    reset()
    return result


def work_on_a_copy(model, work):
    return work(copy.deepcopy(model))


def reset_what_is_whole(model, work, change=lambda value: value):
    """Floating-point values alone are put back, changed."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        return work(model)
    finally:
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.copy_(change(before[name]))


# --- choosing --------------------------------------------------------------------------------


def choice_by_sorting(grid, plain):
    ranked = sorted(grid, key=lambda cell: (cell["failed"] > 0, -cell["gain"]))
    helps = ranked[0]["gain"] > plain
    return np.array([ranked[0]["lr"], ranked[0]["steps"] * helps])


def choice_in_a_loop(grid, plain):
    lr, steps, most = 0.0, 0, float("-inf")
    for cell in grid:
        if cell["failed"] == 0 and cell["gain"] > most:
            lr, steps, most = cell["lr"], cell["steps"], cell["gain"]
    return [lr, steps if most > plain else 0]


# --- the gain and its interval ---------------------------------------------------------------


def gain_by_repeating(after, before, group, drawn, level=0.95, often=lambda times: times):
    gain, group = (after - before).double().numpy(), group.numpy()
    means = []
    for row in drawn.numpy():
        sample = [gain[group == k] for k, times in enumerate(row) for _ in range(often(times))]
        means.append(np.concatenate(sample).mean())
    return gain.mean(), *np.quantile(means, [(1 - level) / 2, (1 + level) / 2])


def gain_by_weights(after, before, group, drawn):
    weights = drawn.double()[:, group]
    means = (weights * (after - before)).sum(1) / weights.sum(1)
    ends = means.quantile(torch.tensor([0.025, 0.975], dtype=means.dtype))
    return torch.cat([(after - before).double().mean()[None], ends])


def gain_by_the_bell(after, before, group, drawn):
    gain = after - before
    half = 1.96 * gain.std() / len(gain) ** 0.5
    return gain.mean(), gain.mean() - half, gain.mean() + half


RIGHT = {
    "matching_steps": [
        steps_of_an_optimiser,
        steps_by_function,
        lambda *args: steps_of_an_optimiser(*args).tolist(),
    ],
    "borrowed_model": [reset_by_context, reset_after_either, work_on_a_copy],
    "choose_steps": [choice_by_sorting, choice_in_a_loop],
    "paired_gain": [gain_by_repeating, gain_by_weights],
}

WRONG = {
    "matching_steps": [
        lambda *args: steps_of_an_optimiser(*args, momentum=0.1),
        lambda *args: steps_of_an_optimiser(*args, weight_decay=0.01),
        ever_shorter_steps,
    ],
    "borrowed_model": [
        reset_what_is_whole,
        lambda model, work: reset_what_is_whole(model, work, lambda value: value.bfloat16()),
    ],
    "choose_steps": [
        lambda grid, plain: choice_by_sorting(grid, plain)[::-1],
        lambda grid, plain: choice_in_a_loop(grid, 0.0),
    ],
    "paired_gain": [
        gain_by_the_bell,
        lambda *args: gain_by_repeating(*args, level=0.94),
        lambda *args: gain_by_repeating(*args, often=lambda times: min(times, 1)),
    ],
}


@pytest.mark.parametrize(("name", "passes", "function"), variants(RIGHT, WRONG))
def test_variant(name, passes, function):
    confirm_variant(name, passes, function)


def test_every_check_has_variants():
    confirm_all_have_variants(("seco_matching",), RIGHT, WRONG)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_draw_lets_a_mistake_pass(name):
    """A single draw finds each of the known mistakes, or a limit does."""
    quick = dataclasses.replace(FUNCTIONS[name], mistakes=(), draws=1)
    for seed in MANY_SEEDS:
        assert quick(quick.reference, seed=seed).passed
        for mistake in FUNCTIONS[name].mistakes:
            assert not quick(mistake.function, seed=seed).passed, (mistake.name, seed)
