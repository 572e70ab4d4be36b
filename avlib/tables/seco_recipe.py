"""How the rows of SeCo's table come about: SeCo in its variants, and Sound of Pixels beside it."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from avlib.audio import SECO
from avlib.data.pairs import pair_list
from avlib.data.splits import category_split
from avlib.tables.core import Data, Outcome, Trial
from avlib.training import write_json

STEPS = (0, 1, 2, 5, 10)
"""How many steps of online matching the rows take."""
SOP_STEPS_PER_MINUTE = 100
"""Steps of Sound of Pixels' pocket recipe that two cores surely do in a minute (its own recipe
takes 133), so that its learning rate has come down when the time is up."""


@dataclass(frozen=True)
class SoundOfPixelsRecipe:
    """Sound of Pixels on SeCo's split: its own recipe, SeCo's data, front end, time and pairs.

    It hears what SeCo hears (6 s at 11,025 Hz, hop 259, clips added as they are, of different
    categories), sees pictures of the same players, who move by the same laws, cut as SeCo's are,
    learns from the same 16 training categories, and its weights are chosen on the same validation
    pairs of training categories. In pocket it takes 1000 steps of 16 mixes, as SeCo does, in at
    most as many minutes, with a second process that paints; in paper its own recipe's batches.

    Attributes:
        coarse: on SeCo's grid, with as many rows, and levels of the U-Net, as SeCo has. In pocket
            these are half as many rows, with which ideal masks are 4 dB worse on split 1.
    """

    coarse: bool = False

    def training(self, data: Data, preset: str) -> str:
        """Name of the training, without the seed."""
        return f"sound-of-pixels{'-coarse' * self.coarse}-{data.split}-{preset}"

    def conditions(self) -> str:
        """All rows of a training share one pass: there is only one."""
        return ""

    def config(self, data: Data, preset: str, seed: int, trial: Trial) -> Any:
        """Sound of Pixels' recipe with what is SeCo's."""
        from avlib import seco, sop

        like = seco.PRESETS[preset](split=data.split)
        limit = like.train.max_minutes
        cfg = sop.PRESETS[preset]().changed(
            front_end=SECO,
            instruments=category_split(data.split)[0],
            max_minutes=limit,
            expression=like.expression,
            transpose=like.transpose,
            augment=like.augment != "none",
        )
        if self.coarse:
            cfg = cfg.changed(bins=like.bins, depth=like.depth)
        if cfg.train_samples is not None:  # the same share of a clip as in its own recipe
            cfg = cfg.changed(train_samples=SECO.samples // 2)
        if limit is not None:
            cfg = cfg.changed(steps=round(SOP_STEPS_PER_MINUTE * limit))
        return _shortened(cfg, seed, trial)

    def rehearsals(self, cfg: Any, folder: Path) -> dict[Path, Any]:
        """There is nothing to choose."""
        return {}

    def is_current(self, record: Mapping[str, Any], data: Data) -> bool:
        """There is only one way."""
        return True

    def train(self, cfg: Any, data: Data, folder: Path, trial: Trial) -> None:
        """Train on the split's training categories, mixed by SeCo's rule."""
        from avlib import sop
        from avlib.data import stored_mixes
        from avlib.sop.learning import view

        validation = stored_mixes(
            f"seco-{data.split}-validation",
            front_end=cfg.front_end,
            view=view(cfg),
            limit=cfg.validation_pairs,
            expression=cfg.expression,
        )
        sop.train(cfg, folder, validation=validation, rule="seco")

    def evaluate(
        self, recipes: Mapping[str, Any], data: Data, folder: Path, device: str, trial: Trial
    ) -> Iterator[tuple[str, Outcome]]:
        """Evaluate on the pairs that SeCo is evaluated on."""
        from avlib import sop
        from avlib.data import seco_mixes
        from avlib.sop.learning import view
        from avlib.training import world

        with world(device) as here:
            model = sop.load(folder, here.device)
            pairs: Any = data.name
            if data.sources > 2:
                cfg = model.cfg
                pairs = seco_mixes(
                    data.split, data.sources, front_end=cfg.front_end, view=view(cfg),
                    limit=trial.pairs, expression=cfg.expression,
                )  # fmt: skip
            limit = trial.pairs if isinstance(pairs, str) else None
            result = sop.evaluate(model, pairs, limit=limit)
        record = result.record() | {"limit": trial.pairs}
        for name in recipes:
            yield name, Outcome(record, result.pairs)


@dataclass(frozen=True)
class SeCoRecipe:
    """SeCo, trained with some of its terms, evaluated after some steps of online matching.

    Attributes:
        consistency: "none", "inter", "intra" or "both".
        modality: kind of sight.
        steps: T of online matching.
        variant: name of the switches that are set, if any.
        switches: settings that differ from the recipe's.
        noisy_test: evaluate on joints as a pose estimator gives them, whatever it was trained on.
        adapt: the networks that online matching moves; none named: all of them, as in the paper.
        fine: on Sound of Pixels' grid, with as many rows, and levels of the U-Net, as that has at
            the same preset. Where time is limited there is half as much again: as many steps on
            twice as many rows may not do with less.
    """

    consistency: str
    modality: str
    steps: int = 0
    variant: str = ""
    switches: Mapping[str, Any] = field(default_factory=dict)
    noisy_test: bool = False
    adapt: tuple[str, ...] = ()
    fine: bool = False

    def training(self, data: Data, preset: str) -> str:
        """Name of the training, without the seed; no matter how many steps of matching follow."""
        return self._named(self.consistency, data.split, preset)

    def _named(self, consistency: str, split: str, preset: str) -> str:
        variant = f"{consistency}-{self.variant}" if self.variant else consistency
        return f"{variant}-{self.modality}-{split}-{preset}"

    def conditions(self) -> str:
        """Rows that differ in the number of steps share one pass."""
        return "noisy joints" if self.noisy_test else " ".join(("moving", *self.adapt))

    def config(self, data: Data, preset: str, seed: int, trial: Trial) -> Any:
        """The preset's recipe for this kind of sight and split, with the row's switches."""
        from avlib import seco, sop

        cfg = seco.PRESETS[preset](modality=self.modality, split=data.split)
        cfg = cfg.changed(consistency=self.consistency, **self.switches)
        if self.fine:
            like, limit = sop.PRESETS[preset](), cfg.train.max_minutes
            more = None if limit is None else 1.5 * limit
            cfg = cfg.changed(bins=like.bins, depth=like.depth, max_minutes=more)
        return _shortened(cfg, seed, trial)

    def rehearsals(self, cfg: Any, folder: Path) -> dict[Path, Any]:
        """The model without five of its training categories, to choose T and beta by.

        A model meets instruments in the test that it never heard, and steps that suit those it
        knows need not suit them. So they are chosen by a model that was held back from some.
        All rows of a kind of sight share one, trained with both terms; each row's steps are
        chosen there with the terms of its own L_cs.
        """
        if not self.steps:
            return {}
        settings = cfg.changed(split=f"{cfg.split}-fold", consistency="both", find_unused=False)
        return {self.rehearsal(cfg, folder): settings}

    def rehearsal(self, cfg: Any, folder: Path) -> Path:
        """Folder of the rehearsal's training beside that of a row."""
        own = self._named(self.consistency, cfg.split, cfg.preset)
        other = self._named("both", f"{cfg.split}-fold", cfg.preset)
        if not folder.name.startswith(own):
            raise ValueError(f"{folder} is no training of {own}")
        return folder.with_name(other + folder.name.removeprefix(own))

    def is_current(self, record: Mapping[str, Any], data: Data) -> bool:
        """Whether steps were chosen on what the rehearsal never heard."""
        chosen = (record.get("matching") or {}).get("chosen") or {}
        return not self.steps or chosen.get("pairs") == f"seco-{data.split}-fold"

    def train(self, cfg: Any, data: Data, folder: Path, trial: Trial) -> None:
        """Train as `avlib train seco` does."""
        from avlib import seco

        seco.train(cfg, folder)

    def evaluate(
        self, recipes: Mapping[str, Any], data: Data, folder: Path, device: str, trial: Trial
    ) -> Iterator[tuple[str, Outcome]]:
        """Evaluate for all numbers of steps in one pass; beta is chosen on training categories."""
        from avlib import seco
        from avlib.seco.learning import CONFIGURED
        from avlib.training import world

        by_steps = {recipe.steps: name for name, recipe in recipes.items()}
        steps = tuple(sorted(by_steps))
        with world(device) as here:
            model = seco.load(folder, here.device)
            batched = here.device.type == "cuda"
            chosen = None
            if steps[-1]:
                beside = self.rehearsal(model.cfg, folder)
                chosen = _choose(model.cfg, beside, here.device, trial, self.adapt)
            results = seco.evaluate(
                model,
                data.name,
                steps=steps,
                lr=chosen["lr"] if chosen else None,
                limit=trial.pairs,
                chosen=chosen,
                adapt=self.adapt or seco.EVERYTHING,
                batched=batched,
                joint_noise="estimator" if self.noisy_test else CONFIGURED,
            )
        for t, result in zip(steps, results, strict=True):
            record = result.record()
            if chosen and t:
                family, best = by_steps[t].removesuffix(f"-T{t}"), chosen["steps"]
                plain = family.removesuffix(f"-{'-'.join(self.adapt)}")  # T = 0 moves nothing
                row = f"{family}-T{best}" if best else plain
                record |= {"chosen": _in_words(chosen), "chosen_row": row}
            yield by_steps[t], Outcome(record, result.pairs)


def _choose(
    cfg: Any, folder: Path, device: Any, trial: Trial, adapt: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Choose T and beta for a row once, on as many pairs as weights are, of what is held back.

    The choice is kept in the rehearsal's folder; it holds for all rows with the same L_cs as long
    as the same is tried in the same way.

    Args:
        cfg: settings of the row's model.
        folder: of the rehearsal.
        device: where to compute.
        trial: cut short.
        adapt: the networks that move; none named: all.
    """
    from avlib import seco

    rehearsal, terms = seco.load(folder, device), cfg.matching_terms
    path = folder / f"matching-{'-'.join((*terms, *adapt))}.json"
    pairs = f"seco-{rehearsal.cfg.split}"
    limit = min(rehearsal.cfg.validation_pairs, pair_list(pairs).count)
    if trial.pairs is not None:
        limit = min(limit, trial.pairs)
    asked = {
        "weights": rehearsal.fingerprint(),
        "pairs": pairs,
        "limit": limit,
        "steps": list(STEPS),
        "sizes": list(seco.step_sizes(rehearsal)),
        "terms": list(terms),
        **({"adapt": list(adapt)} if adapt else {}),
    }
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("asked") == asked:
            return kept["chosen"]
    print(f"choosing T and beta on {limit} pairs of {pairs}", file=sys.stderr)
    choice = seco.choose_matching(
        rehearsal,
        pairs,
        steps=STEPS,
        terms=terms,
        adapt=adapt or seco.EVERYTHING,
        limit=limit,
        batched=next(rehearsal.parameters()).is_cuda,
    )
    training = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    about = {key: training.get(key) for key in ("steps", "stopped_by", "seconds")}
    by = {"run": folder.name, "weights": asked["weights"], **about}
    write_json(path, {"asked": asked, "chosen": choice.record() | {"by": by}})
    return json.loads(path.read_text(encoding="utf-8"))["chosen"]


def _in_words(chosen: Mapping[str, Any]) -> str:
    """The choice as the table reports it, with the length of a step and the change of L_cs."""
    best = max(
        (one for one in chosen["grid"] if one["lr"] == chosen["lr"] and not one["failed"]),
        key=lambda one: one["sdr_gain"],
    )
    mean, low, high = best["better"]
    return (
        f"T = {chosen['steps']}, beta = {chosen['lr']:.3g} on {chosen['count']} pairs of "
        f"{chosen['pairs']}; the best T > 0 there, {best['steps']}: {mean:+.2f} [{low:+.2f}, "
        f"{high:+.2f}] dB over T = 0 (rosy: the best of {len(chosen['grid'])} tried), mean step "
        f"of norm {best['step_norm']:.2g}, L_cs changed by {best['loss_change']:.2g}"
    )


def _shortened(cfg: Any, seed: int, trial: Trial) -> Any:
    """A config with the seed, and as few steps and validation pairs as a trial wants."""
    cfg = replace(cfg, seed=seed, train=replace(cfg.train, seed=seed))
    if trial.steps is not None:
        every = {"save_every": max(1, trial.steps // 2), "validate_every": trial.steps}
        cfg = cfg.changed(steps=trial.steps, max_minutes=None, **every)
    if trial.pairs is not None:
        cfg = cfg.changed(validation_pairs=min(trial.pairs, cfg.validation_pairs))
    return cfg
