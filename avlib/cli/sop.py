"""`avlib train sop` and `avlib evaluate sop`."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro import conf

from avlib.cli.base import Command, checked_device, leave_a_core_to_the_workers
from avlib.cli.folders import announce, asked_for, begun_in, solos

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate, Source
    from avlib.sop import SoPConfig


@dataclass(frozen=True, kw_only=True)
class TrainSop(Command):
    """Train Sound of Pixels: mix two solos, and find each again by its picture."""

    TEXT: ClassVar[str] = """
The recipe `pocket` trains in a quarter of an hour on two CPU cores, `paper` is that of the paper
(four GPUs, ImageNet weights). The data are solos of the Pocket Orchestra's training players, made
as they are needed, or your own: a folder of clips laid out as `avlib orchestra export` does, whose
splits "train" and "validation" are used.

Stop with Ctrl-C whenever you like: the same command goes on from the last checkpoint. The folder
--out holds log.jsonl, config.json, checkpoints, and at the end model.safetensors with model.json,
its record.

Examples:
  avlib train sop --preset pocket
  avlib train sop --preset pocket --minutes 5 --seed 1 --out runs/five-minutes
  avlib train sop --data my-clips --out runs/my-clips
  avlib train sop --colour-leak                       what would colours give away?
  torchrun --nproc_per_node=4 -m avlib train sop --preset paper
"""

    preset: Literal["pocket", "paper"] = "pocket"
    """The recipe: sizes, learning rates, steps."""
    data: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """A folder of solo clips; without, the Pocket Orchestra."""
    out: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder of the run; without, runs/sop-PRESET-seedN."""
    minutes: Annotated[float | None, conf.arg(metavar="FLOAT", help_behavior_hint="")] = None
    """Stop after so many minutes; without, as the recipe says."""
    steps: Annotated[int | None, conf.arg(metavar="INT", help_behavior_hint="")] = None
    """Steps of the whole run (the learning rate's schedule goes by them)."""
    seed: int = 0
    """Of the first weights and of the training mixes."""
    resume: Literal["auto", "never"] = "auto"
    """auto: go on with the run in --out, if there is one; never: refuse such a folder."""
    workers: Annotated[int | None, conf.arg(metavar="INT", help_behavior_hint="")] = None
    """Processes that make mixes; without, as the recipe says."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, mps."""
    colour_leak: bool = False
    """A control, not a recipe: tint each picture with a colour that gives its category away."""

    def run(self) -> int:
        """Train, and say where the model is."""
        leave_a_core_to_the_workers()
        from avlib import sop

        control = "-colour-leak" if self.colour_leak else ""
        folder = self.out or Path("runs") / f"sop-{self.preset}{control}-seed{self.seed}"
        begun = begun_in(folder, self.resume)
        cfg = self._config(sop.PRESETS[self.preset]())
        announce(folder, begun)
        if self.data is None:
            sop.train(cfg, folder)
        else:
            source, validation = _folder_sources(self.data, cfg)
            sop.train(cfg, folder, source, validation)
        print(folder / "model.safetensors")
        print(f"next: avlib evaluate sop --checkpoint {folder}", file=sys.stderr)
        return 0

    def _config(self, recipe: "SoPConfig") -> "SoPConfig":
        changes = asked_for(self.minutes, self.steps, self.workers)
        changes["colour_leak"] = self.colour_leak
        train = replace(recipe.train, seed=self.seed, device=checked_device(self.device))
        return replace(recipe, seed=self.seed, train=train).changed(**changes)


def _folder_sources(folder: Path, cfg: "SoPConfig") -> "tuple[Source, MixAndSeparate]":
    """The clips of a folder to train on, and fixed mixes of its validation clips."""
    from avlib.data import MixAndSeparate, sop_view

    train, held_out = solos(folder, "Sound of Pixels")
    view = sop_view(cfg.frame_size, cfg.frames, cfg.frame_spacing_s)
    validation = MixAndSeparate(
        held_out,
        cfg.n,
        "sop",
        length=cfg.validation_pairs,
        seed=cfg.seed,
        train=False,
        front_end=cfg.front_end,
        view=view,
    )
    return train, validation


@dataclass(frozen=True, kw_only=True)
class EvaluateSop(Command):
    """Score Sound of Pixels on held-out players, beside the mixture and ideal masks."""

    TEXT: ClassVar[str] = """
Separates the stored test pairs: 256 mixes of two solos by players that no model was trained on,
the same for everybody. Prints SDR, SIR, SAR and the gain in SDR over the unseparated mixture, in
dB, with 95% intervals, for the model, for the mixture taken as the answer, and for ideal masks on
the model's own grid of rows: a reference, not a bound. The gain is also given for the pairs of
different instruments and for those of the same. Writes the record (JSON) and the scores of every
pair (CSV) under --out; the record of another checkpoint is not overwritten.

Examples:
  avlib evaluate sop                                  the model that is shipped
  avlib evaluate sop --checkpoint runs/sop-pocket-seed0
  avlib evaluate sop --pairs 32                       a quick look
"""

    checkpoint: Annotated[str, conf.arg(metavar="PATH")] = "pocket"
    """A run's folder or a .safetensors file; "pocket" is the model that is shipped."""
    pairs: Annotated[int | None, conf.arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N pairs; without, all."""
    split: Literal["test", "validation"] = "test"
    """Whose pairs: 256 of test players, or 128 of validation players."""
    out: Annotated[Path, conf.arg(metavar="DIR")] = Path("results")
    """Folder for the record and the scores of every pair."""
    workers: int = 0
    """Processes that make mixes; 0: none but this one."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, mps."""

    def run(self) -> int:
        """Print the table, and say where the record is."""
        from avlib import sop
        from avlib.training import world

        with world(checked_device(self.device)) as here:
            model = sop.load(self.checkpoint, here.device)
            pairs = "sop" if self.split == "test" else "sop-validation"
            result = sop.evaluate(model, pairs, limit=self.pairs, workers=self.workers)
        about = result.about
        print(f"Sound of Pixels, preset {about['preset']}, seed {about['seed']}, {self.checkpoint}")
        print(
            f"{about['data']}: {result.count} pairs of {about['split']} players of the Pocket "
            f"Orchestra, {about['samples']} samples at {about['rate']} Hz, on {here.device}, "
            f"{result.seconds:.0f} s"
        )
        print(result.table())
        print(result.write(self.out))
        return 0
