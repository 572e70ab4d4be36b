"""One pass through stored pairs: which, how they are separated, and what that sounds like."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from avlib import data, scoring
from avlib.nets import evaluating
from avlib.scoring import BASELINES
from avlib.seco.config import SeCoConfig
from avlib.seco.learning import CONFIGURED, shown, visuals
from avlib.seco.losses import WITHOUT_TRUTH, Term, separation_loss
from avlib.seco.matching import EVERYTHING, BatchNorm, Trace, online_match
from avlib.seco.matching_batched import online_match_batched
from avlib.seco.model import SeCo, spectrograms
from avlib.training import provenance

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate, PairList


@dataclass(frozen=True)
class Matching:
    """How pairs are matched online, but for the number of steps and their size.

    Attributes:
        terms: of L_cs.
        adapt: the networks whose parameters move.
        batch_norm: "eval" or "batch", see `online_match`.
        batched: many pairs at once (`online_match_batched`), or one by one.
    """

    terms: tuple[Term, ...] = WITHOUT_TRUTH
    adapt: tuple[str, ...] = EVERYTHING
    batch_norm: BatchNorm = "eval"
    batched: bool = False


@dataclass
class Separated:
    """What came out of a batch of pairs.

    Attributes:
        masks: for each T, from 0 to 1, (batch, source, freq, column).
        losses: of every pair that was matched, L_cs before and after each step.
        norms: of every such pair, the length of each step.
        failed: places in the batch of pairs whose L_cs was lost, and why; their masks are those
            of T = 0.
    """

    masks: dict[int, Tensor]
    losses: list[list[float]] = field(default_factory=list)
    norms: list[list[float]] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


def check_steps(steps: Sequence[int]) -> None:
    """Refuse numbers of steps that cannot be taken.

    Raises:
        ValueError: none at all, or negative ones.
    """
    if not steps or min(steps) < 0:
        raise ValueError(f"steps names the T that are wanted, 0 or more; got {tuple(steps)}")


def separate_steps(
    model: SeCo,
    batch: Mapping[str, Any],
    steps: Sequence[int],
    lr: float,
    matching: Matching,
) -> Separated:
    """Separate a batch, with each number of matching steps that is wanted.

    Args:
        model: a trained model; it is as before afterwards.
        batch: of `avlib.data.MixAndSeparate`.
        steps: the T.
        lr: beta.
        matching: the rest of how.
    """
    mixture, seen = batch["mixture"], visuals(batch, model.cfg)
    with torch.inference_mode(), evaluating(model):
        found = Separated({0: model(mixture, seen).sigmoid()})
    if not max(steps):
        return found
    try:
        trace = _matched(model, mixture, seen, steps, lr, matching)
        found.masks |= {t: torch.stack(masks) for t, masks in trace.masks.items() if t}
        found.losses, found.norms = trace.losses, trace.norms
    except FloatingPointError:  # whose? one by one, so that the others count
        found.masks |= {t: found.masks[0].clone() for t in steps if t}
        for place in range(len(mixture)):
            one = slice(place, place + 1)
            try:
                trace = _matched(model, mixture[one], seen[one], steps, lr, matching)
            except FloatingPointError as error:
                found.failed[place] = f"online matching failed: {error}"
                continue
            for t in trace.masks:
                found.masks[t][place] = trace.masks[t][0]
            found.losses += trace.losses
            found.norms += trace.norms
    return found


def _matched(
    model: SeCo,
    mixture: Tensor,
    seen: Tensor,
    steps: Sequence[int],
    lr: float,
    matching: Matching,
) -> Trace:
    """One pass of the largest T, with the masks of all T on the way."""
    trace = Trace(keep_masks=tuple(t for t in steps if t))
    match = partial(online_match_batched, at_once="auto") if matching.batched else online_match
    match(
        model,
        mixture,
        seen,
        max(steps),
        lr,
        terms=matching.terms,
        adapt=matching.adapt,
        batch_norm=matching.batch_norm,
        trace=trace,
    )
    return trace


def estimates(
    model: SeCo,
    batch: Mapping[str, Any],
    masks: Mapping[str, Float[Tensor, "batch source freq column"]],
    threshold: float | None,
    baselines: bool,
) -> tuple[dict[str, Tensor], dict[str, list[float]]]:
    """Turn masks of several systems into waves, beside those of the trivial baselines.

    Args:
        model: whose grid the masks are on.
        batch: the mixtures and the truth.
        masks: by system.
        threshold: masks above it become 1, others 0; None: soft.
        baselines: the ideal masks too; the mixture always.

    Returns:
        The waves, and the separation loss of each pair, by system.
    """
    cfg, mixture, waves = model.cfg, batch["mixture"], batch["waves"]
    with torch.inference_mode():
        mixture_mag, source_mag = spectrograms(mixture, cfg), spectrograms(waves, cfg)
        how = (cfg.front_end, cfg.align_corners)
        trivial = scoring.baselines(waves, mixture, source_mag, mixture_mag, *how)
        systems = {
            name: scoring.masked(mixture, mask, *how, threshold) for name, mask in masks.items()
        }
        systems |= {name: trivial[name] for name in (BASELINES if baselines else BASELINES[:1])}
        losses = {}
        for name, mask in masks.items():
            # Float32 knows no number between 1 - 6e-8 and 1, nor the logit of 1.
            parts = zip(
                mask.logit(eps=1e-7).split(1),
                source_mag.split(1),
                mixture_mag.split(1),
                strict=True,
            )
            losses[name] = [separation_loss(*part).item() for part in parts]
    return systems, losses


def pairs_of(
    model: SeCo,
    pairs: "str | MixAndSeparate | None",
    limit: int | None,
    joint_noise: str | None = CONFIGURED,
    other_categories: bool = False,
    choosing: bool = False,
) -> "tuple[str, MixAndSeparate]":
    """Find the pairs that are meant, and what they are called.

    Args:
        model: what they are for.
        pairs: name of a stored list, mixes, or None for the test list of the model's split.
        limit: only the first so many of a stored list.
        joint_noise: of a stored list.
        other_categories: let the model be judged by any list. A list that is not its split's own
            goes under another name ("seco-S2-by-S1"), and so never for a row of the tables.
        choosing: something is to be chosen by them: no category that the model holds out.

    Raises:
        ValueError: there is no such list, or the model must not be judged by it.
    """
    cfg = model.cfg
    if pairs is not None and not isinstance(pairs, str):
        if choosing:
            data.check_categories(pairs.source, data.whole_split(cfg.split))
        return type(pairs.source).__name__, pairs
    name = pairs or f"seco-{cfg.split}"
    how = shown(cfg, joint_noise) | {
        "front_end": cfg.front_end, "limit": limit, "expression": cfg.expression,
    }  # fmt: skip
    of_more = re.fullmatch(r"seco-(S\d)-N(\d)", name)
    recipe = data.pair_list(name if of_more is None else f"seco-{of_more[1]}")
    unfair = _unfair(cfg, name, recipe, choosing)
    if unfair and not other_categories:
        raise ValueError(unfair)
    own = re.fullmatch(rf"seco-{cfg.split}(-validation|-N\d)?", name)
    called = name if own else f"{name}-by-{cfg.split}"
    if of_more is not None:
        return called, data.seco_mixes(of_more[1], n=int(of_more[2]), **how)
    return called, data.stored_mixes(name, **how)


def _unfair(cfg: SeCoConfig, name: str, recipe: "PairList", choosing: bool) -> str:
    """Why a model must not be judged by pairs, or anything chosen by them; empty: it may.

    What a rehearsal holds out are training categories of the whole split: they may choose.
    """
    seen, unseen = data.category_split(cfg.split)
    test = recipe.held_out and not choosing
    if choosing:
        unseen = data.category_split(data.whole_split(cfg.split))[1]
    wrong = sorted(set(recipe.categories) & set(seen if test else unseen))
    if not wrong:
        return ""
    why = (
        "it was trained on, and its scores would be those of known instruments"
        if test
        else "it holds out, and whatever is chosen by them has seen the test"
    )
    remedy = (
        f"seco-{cfg.split}, or ask for it with other_categories=True (--other-categories)"
        if test
        else f"seco-{cfg.split}-validation"
    )
    return (
        f"the pairs {name!r} are not for a model of split {cfg.split}: they hold "
        f"{', '.join(wrong)}, which {why}; take {remedy}"
    )


def batches_of(
    model: SeCo, mixes: "MixAndSeparate", batch_size: int | None, workers: int, progress: bool
) -> Iterator[dict[str, Any]]:
    """The batches of an evaluation set, where the model is, with a progress bar."""
    device = next(model.parameters()).device
    if batch_size is None:
        batch_size = 32 if device.type == "cuda" else 8
    with tqdm(total=len(mixes), unit="pair", disable=not progress) as bar:
        for batch in data.eval_loader(mixes, batch_size, workers=workers):
            yield {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            bar.update(len(batch["index"]))


def about_model(
    model: SeCo, name: str, mixes: "MixAndSeparate", limit: int | None
) -> dict[str, Any]:
    """What a record says of the model and the pairs."""
    cfg, weights = model.cfg, model.fingerprint()
    return {
        "data": name,
        "preset": cfg.preset,
        "seed": cfg.seed,
        "checkpoint": model.loaded[0] if model.loaded and model.loaded[1] == weights else None,
        "weights": weights,
        "limit": limit,
        "split": mixes.source.split,
        "rate": cfg.front_end.rate,
        "samples": cfg.front_end.samples,
        "config": asdict(cfg),
        **provenance(next(model.parameters()).device),
    }
