"""What the switches of SeCo's online matching bring, on what rehearsals never heard.

    $ avlib train seco --split S1-fold --modality skeleton
    $ python benchmarks/matching_switches.py runs/seco/both-skeleton-S1-fold-pocket-seed0 ...

For each model of a rehearsal, and each way to match, a few step sizes and numbers of steps on the
first pairs of its list: the mean change of SDR against no matching, in dB, with a 95 % interval by
pair of categories. The categories are training categories, so that something may be chosen by it.
With --out the cells are written as JSON, too.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from avlib import seco
from avlib.data import FOLDS
from avlib.training import provenance

WAYS: dict[str, dict[str, Any]] = {
    "everything moves": {},
    "only the separator moves": {"adapt": ("separator",)},
    "only the sight moves": {"adapt": ("sight",)},
    "separator and sight move": {"adapt": ("separator", "sight")},
    "batch norm by the pair": {"batch_norm": "batch"},
    "without the negative terms": {"terms": ("inter_positive",)},
    "without the positive term": {"terms": ("inter_negative", "intra_negative")},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", help="of rehearsals")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 5, 10])
    parser.add_argument("--sizes", nargs="+", type=float, default=[3e-4, 1e-3, 3e-3])
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    for path in given.checkpoints:
        model = seco.load(path)
        split = model.cfg.split
        if split not in FOLDS:
            sys.exit(f"{path} is a model of {split}: give rehearsals, {', '.join(FOLDS)}")
        for way in given.ways:
            choice = seco.choose_matching(
                model,
                f"seco-{split}",
                steps=given.steps,
                sizes=seco.step_sizes(model, given.sizes),
                limit=given.pairs,
                progress=False,
                **WAYS[way],
            )
            print(f"\n{model.cfg.modality}, {split}: {way}\n{choice.table()}", flush=True)
            cells = [{k: cell[k] for k in ("lr", "steps", "better")} for cell in choice.grid]
            found.append({"split": split, "way": way, "pairs": choice.count, "cells": cells})
    if given.out:
        cfg = model.cfg
        about = {"preset": cfg.preset, "modality": cfg.modality, "seed": cfg.seed, **provenance()}
        given.out.write_text(json.dumps({**about, "found": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
