"""Checks of the chapter `seco-matching`."""

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.check.matching_choice import choose_steps, paired_gain
from avlib.check.verdict import Verdict

__all__ = [
    "Interrupted",
    "borrowed_model",
    "choose_steps",
    "matching_critique",
    "matching_steps",
    "paired_gain",
    "same_step",
    "terms_without_truth",
    "too_long_a_step",
]

# --- terms -----------------------------------------------------------------------------------

terms_without_truth = AnswerCheck(
    truth=(True, False, True, False, True),
    hints={
        (True, True, True, True, True): "All five are there in training. At a test pair somebody "
        "has to hand over the true sounds (second term) and a clip of the same category (fourth).",
        (True, False, True, True, True): "The fourth term compares with *another clip of the same "
        "category*: one would have to know the category, and SeCo is not told it.",
        (True, True, True, False, True): "The second term needs the true sounds, and they are what "
        "is looked for.",
        (True, False, True, False, False): "The last term compares one separated sound with the "
        "other one: both come out of the mixture.",
        (True, False, False, False, False): "Negatives need no truth either: the other player's "
        "picture and the other separated sound are at hand.",
        (False, False, False, False, True): "Pictures are at hand too: whoever is to be separated "
        "is seen.",
    },
    otherwise="For each term: which vectors does it compare, and who gave them? The mixture and "
    "the pictures are given; *a* and *v* follow from them, *g* and *t* do not.",
    right="Whatever compares only a and v can be computed from the mixture and the pictures.",
)

same_step = AnswerCheck(
    truth=0.64,
    tolerance=0.001,
    hints={
        0.01: "With the mean every gradient is 64 times smaller, and the same beta makes a step 64 "
        "times shorter.",
        0.00015625: "The other way round: the mean is *smaller* than the sum, so that its beta has "
        "to be larger.",
        0.08: "That is the root of 64. The distance itself is divided by 64, and a gradient is "
        "linear in what it is the gradient of.",
        2.56: "256 is the number of features at paper size; this model has 64.",
        40.96: "64 was multiplied twice.",
    },
    otherwise="The mean is the sum divided by the number of features. What happens to the "
    "gradient, and what must happen to beta so that beta times the gradient stays?",
    right="Gradients are divided by 64, so beta is multiplied by 64: the step is the same.",
)


# --- the steps -------------------------------------------------------------------------------


class _Bowl:
    """A loss whose slope changes from place to place: no two steps are alike."""

    def __init__(self, matrix: Tensor, target: Tensor) -> None:
        self.matrix, self.target = matrix, target

    def __call__(self, theta: Tensor) -> Tensor:
        misses = self.matrix @ theta - self.target
        return misses.square().mean() + 0.25 * theta.pow(4).mean()

    def __repr__(self) -> str:
        return "a loss"


def _slope(loss: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(loss(theta), theta)[0]


def _descend(
    loss: Callable[[Tensor], Tensor], theta: Tensor, steps: int, lr: float, sign: float = -1.0
) -> Tensor:
    for _ in range(steps):
        theta = theta.detach() + sign * lr * _slope(loss, theta)
    return theta


def _old_slope(loss: Callable[[Tensor], Tensor], theta: Tensor, steps: int, lr: float) -> Tensor:
    return theta - steps * lr * _slope(loss, theta)


def _heaped(loss: Callable[[Tensor], Tensor], theta: Tensor, steps: int, lr: float) -> Tensor:
    heap = torch.zeros_like(theta)
    for _ in range(steps):
        heap = heap + _slope(loss, theta)
        theta = theta - lr * heap
    return theta


def _unit(loss: Callable[[Tensor], Tensor], theta: Tensor, steps: int, lr: float) -> Tensor:
    for _ in range(steps):
        slope = _slope(loss, theta)
        theta = theta - lr * slope / slope.norm()
    return theta


def _in_place(loss: Callable[[Tensor], Tensor], theta: Tensor, steps: int, lr: float) -> Tensor:
    for _ in range(steps):
        slope = _slope(loss, theta)
        with torch.no_grad():
            theta -= lr * slope
    return theta


def _draw_bowl(generator: torch.Generator) -> tuple[_Bowl, Tensor, int, float]:
    matrix, target = torch.randn(6, 4, generator=generator), torch.randn(6, generator=generator)
    theta = torch.randn(4, generator=generator) + 1.0
    steps = int(torch.randint(2, 6, (), generator=generator))
    return _Bowl(matrix, target), theta, steps, 0.05


_FLAT = _Bowl(torch.eye(2), torch.zeros(2))

matching_steps = FunctionCheck(
    reference=lambda loss, theta, steps, lr: _descend(loss, theta, steps, lr),
    inputs=_draw_bowl,
    shape_hint="Return the parameters after the last step, of the shape of `theta`.",
    range_hint="The numbers ran away. Is it *minus* the gradient?",
    limits=(
        Limit(
            (_FLAT, torch.tensor([2.0, -1.0]), 0, 0.1),
            torch.tensor([2.0, -1.0]),
            "No step at all leaves the parameters where they are: T = 0 is plain separation.",
        ),
        Limit(
            (_FLAT, torch.tensor([2.0, -1.0]), 1, 0.1),
            torch.tensor([1.4, -0.85]),
            "One step from (2, -1): the slope is theta + theta³/2 = (6, -1.5), so that 0.1 times "
            "it leads to (1.4, -0.85).",
        ),
    ),
    value_hint="T times: gradient of the loss *where you are now*, then theta minus lr times it.",
    mistakes=(
        Mistake(
            "uphill",
            lambda loss, theta, steps, lr: _descend(loss, theta, steps, lr, 1.0),
            "You climb: the gradient points to where the loss grows. It is minus.",
        ),
        Mistake(
            "always the first slope",
            _old_slope,
            "You took the gradient once, at the start, and walked along it T times. In the "
            "algorithm it is computed anew after every step.",
        ),
        Mistake(
            "gradients heaped up",
            _heaped,
            "Gradients of earlier steps are still in there: `backward()` adds to `.grad`. Set it "
            "to None after each step, or use `torch.autograd.grad`.",
        ),
        Mistake(
            "one step too few",
            lambda loss, theta, steps, lr: _descend(loss, theta, max(steps - 1, 0), lr),
            "T - 1 steps were taken. For tau = 1 to T makes T of them.",
        ),
        Mistake(
            "steps of one length",
            _unit,
            "You divided by the gradient's length. Then every step is as long as the first, also "
            "at the bottom, where plain descent slows down.",
        ),
        Mistake(
            "in place",
            _in_place,
            "The steps are right, and they were taken in the caller's own parameters. Who wants to "
            "go back to the first ones has lost them: begin with a copy.",
        ),
    ),
)


# --- the reset -------------------------------------------------------------------------------


class Interrupted(RuntimeError):
    """Raised by the work of the exercise on the reset, half way through."""


def _borrow(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        return work(model)
    finally:
        model.load_state_dict(before)


def _never(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor:
    return work(model)


def _only_if_well(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = work(model)
    model.load_state_dict(before)
    return result


def _swallowed(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor | None:
    try:
        return _borrow(model, work)
    except Interrupted:
        return None


@torch.no_grad()
def _put_back(values: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> None:
    for name, value in before.items():
        values[name].copy_(value)


def _parameters_only(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor:
    theta = dict(model.named_parameters())
    before = {name: value.detach().clone() for name, value in theta.items()}
    try:
        return work(model)
    finally:
        _put_back(theta, before)


def _walked_back(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> Tensor:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        return work(model)
    finally:
        now = model.state_dict()
        _put_back(now, {name: now[name] + (before[name] - now[name]) for name in now})


class _Work:
    """Moves everything that a model has, as matching with wandering statistics would."""

    def __init__(self, sound: Tensor, lr: float, fails: bool) -> None:
        self.sound, self.lr, self.fails = sound, lr, fails

    def __call__(self, model: nn.Module) -> Tensor:
        model.train()
        loss = model(self.sound).square().sum()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(self.lr * (gradient + 1.0))
            if self.fails:
                raise Interrupted("L_cs is nan after step 1")
            return model(self.sound)

    def __repr__(self) -> str:
        return "work that stops with an exception" if self.fails else "work"


def _watched(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """What a function returned or raised, and what it left behind in a copy of the model."""
    if getattr(function, "watched", False):
        return function

    @functools.wraps(function)
    def watch(model: nn.Module, work: Callable[[nn.Module], Tensor]) -> dict[str, Any]:
        own, raised, result = copy.deepcopy(model), False, None
        try:
            result = function(own, work)
        except Interrupted:
            raised = True
        left = {name: value.detach().clone() for name, value in own.state_dict().items()}
        return {"returned": result, "raised": raised, "model": left}

    watch.watched = True  # type: ignore[attr-defined]
    return watch


def _small_model(generator: torch.Generator) -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    with torch.no_grad():
        for value in (*model.parameters(), model.get_buffer("1.running_mean")):
            value.copy_(torch.randn(value.shape, generator=generator))
    return model.eval()


def _draw_work(
    generator: torch.Generator, fails: bool = False
) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    model = _small_model(generator)
    return model, _Work(torch.randn(5, 3, generator=generator), 100.0, fails)


def _same_bits(got: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(_same_bits(got[name], value) for name, value in expected.items())
    if isinstance(expected, Tensor) and isinstance(got, Tensor):
        return torch.equal(got, expected)
    return got is expected


class _ResetCheck(FunctionCheck):
    """Looks at the model that a function leaves behind, besides what it returns."""

    def __call__(self, function: Any, seed: int | None = None) -> Verdict:
        return super().__call__(_watched(function) if callable(function) else function, seed)


_FAILING = _draw_work(torch.Generator().manual_seed(0), fails=True)

borrowed_model = _ResetCheck(
    reference=_watched(_borrow),
    inputs=_draw_work,
    shape_hint="Return what `work(model)` returns.",
    range_hint="What comes back is not finite, though what `work` returns is.",
    limits=(
        Limit(
            _FAILING,
            _watched(_borrow)(*_FAILING),
            "Here `work` stops half way with an exception. The model must be as before all the "
            "same, and the exception must go on to the caller: `try: … finally: …`.",
        ),
    ),
    value_hint="Afterwards every parameter *and* buffer (`model.state_dict()`) must be what it "
    "was, bit for bit. Were the values cloned, or only their names noted?",
    mistakes=(
        Mistake(
            "no reset",
            _watched(_never),
            "The model stays as the work left it. If you did keep `model.state_dict()`: that holds "
            "the tensors themselves, not copies, and they changed with the model. Clone them.",
        ),
        Mistake(
            "not after an exception",
            _watched(_only_if_well),
            "All is well until `work` stops with an exception: then your last lines are never "
            "reached, and every later pair starts from a half-matched model. `finally` is always "
            "reached.",
        ),
        Mistake(
            "exception swallowed",
            _watched(_swallowed),
            "The exception ends in your function, and the caller takes None for a result. Reset, "
            "and let it go on: `finally`, not `except`.",
        ),
        Mistake(
            "parameters only",
            _watched(_parameters_only),
            "Parameters are back, buffers are not: `running_mean`, `running_var` and the counter "
            "of the batch norm have seen this pair. `state_dict()` has them all.",
        ),
        Mistake(
            "walked back",
            _watched(_walked_back),
            "Nearly: the way back was *computed*, and a + (b - a) is not b in floating point. Copy "
            "the old values; do not subtract the steps.",
        ),
    ),
    compare=_same_bits,
)


# --- by ear and by judgement -----------------------------------------------------------------

too_long_a_step = AnswerCheck(
    truth="B",
    hints={
        "A": "A is what the model makes with the steps that the page takes. Compare it with the "
        "other two: which of them is the odd one out?",
        "C": "C is the model as it is, without any step. A and C are close to each other; what of "
        "the third?",
        "none": "One of the three was matched with steps a hundred times too long.",
    },
    otherwise='Answer with a name of a track: "A", "B" or "C".',
    right="Steps that are too long leave the place where the model was trained, and what it knew.",
)

matching_critique = AnswerCheck(
    truth="b",
    hints={
        "a": "More pairs make the interval narrower. The best of 24 settings on a test is too good "
        "on that test, however many pairs it has.",
        "c": "The interval is right for *one* setting that was fixed before. Of the best of 24 it "
        "does not know that there were 23 others.",
        "d": "More steps are one more setting to choose, and it would be chosen in the same way.",
        "e": "T = 0 was tried as well, so that the winner cannot lose: a gain above zero is what "
        "chance alone would give.",
    },
    otherwise="Answer with the letter of one of the five proposals.",
    right="What is fixed on training categories has not seen the test, and may fail there.",
)
