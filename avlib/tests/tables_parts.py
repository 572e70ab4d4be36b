"""What the tests of the tables share: a small table with a recipe that really trains."""

import csv
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from avlib import scoring, tables
from avlib.tables import Data, Job, Outcome, Row, Stage, Table, Trial, Versus
from avlib.training import Run, TrainConfig, fit, load_checkpoint, save_checkpoint, training_record

GROUPS = ("a + b", "a + c", "b + c")


@dataclass(frozen=True)
class LineConfig:
    """Settings of a straight line."""

    train: TrainConfig
    width: int = 1
    seed: int = 0

    def changed(self, **changes):
        own = {k: v for k, v in changes.items() if k in self.__dataclass_fields__}
        inner = {k: v for k, v in changes.items() if k not in own}
        return replace(self, train=replace(self.train, **inner), **own)


class Line:
    """The networks of a line, as a training has them."""

    def __init__(self, cfg):
        torch.manual_seed(cfg.seed)
        self.nets = {"line": nn.Linear(1, cfg.width)}


@dataclass
class Diary:
    """What was done, and where to stop it."""

    trained: list = field(default_factory=list)
    evaluated: list = field(default_factory=list)
    rehearsed: list = field(default_factory=list)
    stop_at_step: int | None = None
    stop_after_rows: int | None = None


@dataclass(frozen=True)
class LineRecipe:
    """A line is fitted to y = 3 x; a pair's score is how close it comes, plus a little a step."""

    diary: Diary
    steps: int = 0
    width: int = 1
    variant: str = "line"
    rehearsed: bool = False

    def training(self, data, preset):
        return f"{self.variant}-{preset}"

    def conditions(self):
        return ""

    def config(self, data, preset, seed, trial):
        train = TrainConfig(
            trial.steps or 6,
            {"line": 0.1},
            save_every=1,
            tensorboard=False,
            seed=seed,
            max_minutes=1.0,
        )
        return LineConfig(train, self.width, seed)

    def rehearsals(self, cfg, folder):
        return {folder.with_name(f"before-{folder.name}"): cfg} if self.rehearsed else {}

    def is_current(self, record, data):
        return True

    def train(self, cfg, data, folder, trial):
        line = Line(cfg)

        def step(nets, batch):
            if self.diary.stop_at_step == batch:
                self.diary.stop_at_step = None
                raise KeyboardInterrupt
            x = torch.tensor([[batch / 4]])
            return {"loss": (nets["line"](x) - 3 * x).square().mean()}

        def loader(start, rank, size):
            self.diary.trained.append((folder.name, start))
            return iter(range(start, 1000))

        progress = fit(step, line.nets, loader, cfg.train, Run(folder, {"width": cfg.width}))
        record = training_record(cfg, {}, progress, torch.device("cpu"))
        save_checkpoint(folder / "model", line.nets, record)

    def evaluate(self, recipes, data, folder, device, trial):
        self.diary.evaluated.append(tuple(recipes))
        if any(recipe.rehearsed for recipe in recipes.values()):
            before = folder.with_name(f"before-{folder.name}") / "model.safetensors"
            self.diary.rehearsed.append(before.is_file())
        weights, record = load_checkpoint(folder / "model")
        slope = weights["line.weight"].mean().item()
        for count, (name, recipe) in enumerate(recipes.items()):
            if count == self.diary.stop_after_rows:
                self.diary.stop_after_rows = None
                raise KeyboardInterrupt
            rows = [
                pair_row(k, slope + k % 3 + recipe.steps * (0.1 + 0.02 * k))
                for k in range(trial.pairs or 12)
            ]
            figures = scoring.figures(scoring.summary(rows))
            yield (
                name,
                Outcome(
                    {
                        "config": record["config"],
                        "weights": "w",
                        "limit": trial.pairs,
                        "scores": figures.pop("model"),
                        "baselines": figures,
                        "count": len(rows) // 2,
                        "device": "here",
                    },
                    rows,
                ),
            )


def pair_row(number, sdr, row="model", **more):
    """The scores of one pair."""
    return {
        "row": row,
        "pair": number,
        "group": GROUPS[number % 3],
        "names": f"p{number} + q{number}",
        "sdr": sdr,
        "sir": sdr + 1,
        "sar": sdr + 2,
        "sdr_gain": sdr - 0.5,
    } | more


def small_table(diary):
    rows = (
        Row("line", "Line", LineRecipe(diary), family="line", modality="ruler"),
        Row("line-T2", "Line, T = 2", LineRecipe(diary, 2), family="line", modality="ruler"),
        Row("wide", "Wide line", LineRecipe(diary, 0, 2, "wide"), modality="pen"),
    )
    first = tuple(Job(row.name, "d1", "pocket", 0) for row in rows)
    later = tuple(Job("line", "d2", "pocket", seed) for seed in (0, 1))
    return Table(
        "lines",
        "Lines",
        "About lines.",
        rows,
        (Data("d1", "twelve points", "S1"), Data("d2", "other points", "S2")),
        ("pocket",),
        (Stage("First", first), Stage("Later", later)),
        (Versus("line-T2", "line", "Steps help."), Versus("wide", "line")),
    )


def read(path):
    return json.loads(Path(path).read_text())


def table_of(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def place(tmp_path, **changes):
    said = []
    given = {"results": tmp_path / "results", "runs": tmp_path / "runs", "say": said.append}
    return tables.Place(**(given | {"device": "cpu"} | changes))


def jobs(*rows, data="d1", seed=0):
    return [Job(row, data, "pocket", seed) for row in rows]


__all__ = ["Diary", "LineConfig", "LineRecipe", "Trial"]
