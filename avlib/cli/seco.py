"""`avlib train seco` and `avlib evaluate seco`."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro import conf

from avlib.cli.base import Command, checked_device, leave_a_core_to_the_workers
from avlib.cli.folders import announce, asked_for, begun_in, solos

if TYPE_CHECKING:
    from avlib.data import MixAndSeparate, Source
    from avlib.seco import Choice, SeCo, SeCoConfig

Split = Literal["S1", "S2", "S3", "1", "2", "3", "S1-fold", "S2-fold", "S3-fold"]


@dataclass(frozen=True, kw_only=True)
class TrainSeco(Command):
    """Train SeCo: what is separated agrees with what is seen, and instruments stay unheard."""

    TEXT: ClassVar[str] = """
Five of 21 instruments are never heard in training nor in choosing the best weights; which, says
--split. The recipe `pocket` trains in ten minutes on two CPU cores, `paper` is that of the paper
(four GPUs). The data are solos of the Pocket Orchestra's training players, or your own: a folder
of clips laid out as `avlib orchestra export` does, whose splits "train" and "validation" are
used, without the clips of the five instruments.

Stop with Ctrl-C whenever you like: the same command goes on from the last checkpoint. The folder
--out holds log.jsonl, config.json, checkpoints, and at the end model.safetensors with model.json,
its record.

Examples:
  avlib train seco --split 1 --modality video
  avlib train seco --split S2 --modality skeleton --consistency none
  avlib train seco --modality skeleton --noisy-joints    as a pose estimator sees them
  avlib train seco --frozen-encoder                      literally as released
  torchrun --nproc_per_node=4 -m avlib train seco --preset paper
"""

    split: Split = "S1"
    """Which five instruments are held out (SeCo, Table A2); 1 is short for S1. S1-fold: five of
    those that S1 trains on, too: a rehearsal of the test, to choose by."""
    modality: Literal["video", "image", "skeleton", "attributes"] = "video"
    """Kind of sight; attributes is a control that is told what it should have seen."""
    preset: Literal["pocket", "paper"] = "pocket"
    """The recipe: sizes, learning rates, steps."""
    consistency: Literal["none", "inter", "intra", "both"] = "both"
    """Which consistency terms it learns from."""
    distance: Literal["mean", "sum"] = "mean"
    """How vectors are compared; mean is as released."""
    encoder_input: Literal["released", "log-masked"] = "released"
    """What the encoder hears of a separated sound."""
    frozen_encoder: bool = False
    """Leave the audio encoder out of the optimiser, as the released code does."""
    noisy_joints: bool = False
    """Blur and lose joints as a pose estimator does, in training and evaluation."""
    sight_weights: Annotated[Path | None, conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Start the sight from these weights (.safetensors); without, from scratch."""
    data: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """A folder of solo clips; without, the Pocket Orchestra."""
    out: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder of the run; without, runs/seco/VARIANT-MODALITY-SPLIT-PRESET-seedN."""
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

    def run(self) -> int:
        """Train, and say where the model is."""
        if self.workers:
            leave_a_core_to_the_workers()
        from avlib import seco

        split = _split(self.split)
        cfg = self._config(seco.PRESETS[self.preset](self.modality, split))
        folder = self.out or Path("runs") / "seco" / self._name(split)
        begun = begun_in(folder, self.resume)
        source = validation = None
        if self.data is not None:
            source, validation = _folder_sources(self.data, cfg)
        announce(folder, begun)
        seco.train(cfg, folder, source, validation)
        print(folder / "model.safetensors")
        print(f"next: avlib evaluate seco --checkpoint {folder}", file=sys.stderr)
        return 0

    def _config(self, recipe: "SeCoConfig") -> "SeCoConfig":
        changes = asked_for(self.minutes, self.steps, self.workers)
        changes |= {
            "consistency": self.consistency,
            "distance": self.distance,
            "encoder_input": self.encoder_input.replace("-", "_"),
            "train_encoder": not self.frozen_encoder,
            "joint_noise": "estimator" if self.noisy_joints else None,
            "sight_weights": None if self.sight_weights is None else str(self.sight_weights),
        }
        train = replace(recipe.train, seed=self.seed, device=checked_device(self.device))
        return replace(recipe, seed=self.seed, train=train).changed(**changes)

    def _name(self, split: str) -> str:
        """Of the run's folder; switches that differ from the recipe's are named."""
        switches = {
            "frozen-encoder": self.frozen_encoder,
            "sum-distance": self.distance == "sum",
            "log-masked": self.encoder_input == "log-masked",
            "noisy": self.noisy_joints,
        }
        variant = "-".join([self.consistency, *(name for name, on in switches.items() if on)])
        return f"{variant}-{self.modality}-{split}-{self.preset}-seed{self.seed}"


def _split(name: str) -> str:
    """The full name of a split."""
    return name if name.startswith("S") else f"S{name}"


def _folder_sources(folder: Path, cfg: "SeCoConfig") -> "tuple[Source, MixAndSeparate]":
    """The clips of a folder to train on, and fixed mixes of its validation clips."""
    from avlib.data import MixAndSeparate, category_split
    from avlib.seco.learning import shown

    seen, _ = category_split(cfg.split)
    train, held_out = solos(folder, "SeCo", seen, joints=cfg.modality == "skeleton")
    validation = MixAndSeparate(
        held_out,
        cfg.n,
        "seco",
        length=cfg.validation_pairs,
        seed=cfg.seed,
        train=False,
        front_end=cfg.front_end,
        **shown(cfg),
    )
    return train, validation


@dataclass(frozen=True, kw_only=True)
class EvaluateSeco(Command):
    """Score SeCo on instruments it never heard, with online matching or without."""

    TEXT: ClassVar[str] = """
Separates the stored test pairs of the split that the model was trained for: 300 mixes of two
solos, by players and of instruments that it never met, the same for everybody; the players move
as those it was trained on (pocket: they rise with the pitch that is heard, see the orchestra's data
card). Prints SDR, SIR, SAR and the gain in SDR over the unseparated mixture, in dB, with 95%
intervals, for the model, for the mixture taken as the answer, and for ideal masks on the model's
own grid of rows: a reference, not a bound. Writes a record (JSON) and the scores of every pair
(CSV) for each number of steps under --out; the record of another checkpoint is not overwritten.

Online matching (--steps above 0) adapts the model to each pair before it is separated. Its step
size is what --lr says; or what suits the model of --choose-by on five instruments that it was not
trained on (as in the tables: a rehearsal of the test); or else what is best on validation pairs of
instruments that the model itself was trained on. Its loss has the consistency terms that the model
learned from and that need no truth. All numbers of steps are served by one pass.

Examples:
  avlib evaluate seco                                        the model that is shipped
  avlib evaluate seco --steps 0 1 2 5 10
  avlib evaluate seco --checkpoint runs/seco/both-video-S2-pocket-seed0 --steps 0 5 --lr 0.064
  avlib evaluate seco --steps 0 5 --choose-by runs/seco/both-skeleton-S1-fold-pocket-seed0
  avlib evaluate seco --pairs 32                             a quick look
"""

    checkpoint: Annotated[str, conf.arg(metavar="PATH")] = "pocket-S1-skeleton"
    """A run's folder, a .safetensors file, or the name of a model that is shipped."""
    steps: Annotated[tuple[int, ...], conf.arg(metavar="T [T ...]")] = (0,)
    """Numbers of steps of online matching; 0: none."""
    lr: Annotated[float | None, conf.arg(metavar="FLOAT", help_behavior_hint="")] = None
    """Size of a step; without, chosen on instruments of the training side."""
    choose_by: Annotated[str | None, conf.arg(metavar="PATH", help_behavior_hint="")] = None
    """A model of the split's rehearsal (avlib train seco --split S1-fold), to choose it by."""
    choose_on: Annotated[int | None, conf.arg(metavar="N", help_behavior_hint="")] = None
    """How many pairs it is chosen on; without, all of the rehearsal, or as many as the weights."""
    split: Annotated[Split | None, conf.arg(help_behavior_hint="")] = None
    """Whose test pairs; without, those of the model's split."""
    other_categories: bool = False
    """Allow test pairs of instruments that the model was trained on."""
    sources: Literal[2, 3] = 2
    """Solos in a mix."""
    pairs: Annotated[int | None, conf.arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N pairs; without, all."""
    noisy_joints: bool = False
    """Blur and lose joints as a pose estimator does, also if it was not trained on such."""
    modality: Annotated[
        Literal["video", "image", "skeleton", "attributes"] | None, conf.arg(help_behavior_hint="")
    ] = None
    """Refuse a checkpoint with another kind of sight; without, any."""
    batched: bool = False
    """Match many pairs at once; faster on a GPU."""
    out: Annotated[Path, conf.arg(metavar="DIR")] = Path("results")
    """Folder for the records and the scores of every pair."""
    workers: int = 0
    """Processes that make mixes; 0: none but this one."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, mps."""

    def run(self) -> int:
        """Print the tables, and say where the records are."""
        from avlib import seco
        from avlib.seco.learning import CONFIGURED
        from avlib.training import world

        with world(checked_device(self.device)) as here:
            model = seco.load(self.checkpoint, here.device, modality=self.modality)
            pairs = f"seco-{_split(self.split or model.cfg.split)}"
            pairs += f"-N{self.sources}" if self.sources > 2 else ""
            if self.lr is not None and self.choose_by is not None:
                raise ValueError("--lr says the step size, --choose-by chooses it: give one")
            chosen = self._chosen(model) if self.lr is None and max(self.steps) else None
            results = seco.evaluate(
                model,
                pairs,
                steps=self.steps,
                lr=self.lr if chosen is None else chosen.lr,
                batched=self.batched,
                limit=self.pairs,
                other_categories=self.other_categories,
                chosen=None if chosen is None else chosen.record(),
                workers=self.workers,
                joint_noise="estimator" if self.noisy_joints else CONFIGURED,
            )
        about = results[0].about
        print(f"SeCo, preset {about['preset']}, seed {about['seed']}, {self.checkpoint}")
        print(
            f"{about['data']}: {results[0].count} pairs of {about['split']} players of the Pocket "
            f"Orchestra, {about['samples']} samples at {about['rate']} Hz, on {here.device}, "
            f"{results[0].seconds:.0f} s"
        )
        for result in results:
            print(result.table())
            print(result.write(self.out))
        return 0

    def _chosen(self, model: "SeCo") -> "Choice":
        """T and beta, chosen on categories of the training side."""
        from avlib import seco
        from avlib.seco.passes import check_steps

        check_steps(self.steps)
        cfg, pairs, limit = model.cfg, None, self.choose_on
        if self.choose_by is not None:
            model = seco.load(self.choose_by, next(model.parameters()).device)
            seco.check_rehearsal(model.cfg, cfg)
            pairs = f"seco-{model.cfg.split}"
        elif limit is None:
            limit = cfg.validation_pairs
        print("choosing the step size on instruments of the training side", file=sys.stderr)
        chosen = seco.choose_matching(
            model,
            pairs,
            steps=self.steps,
            terms=cfg.matching_terms,
            batched=self.batched,
            limit=limit,
        )
        print(chosen.table(), file=sys.stderr)
        return chosen
