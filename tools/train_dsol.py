"""Train DSOL's first stage on the Pocket Orchestra and make it the model that comes with avlib.

    python tools/train_dsol.py runs/dsol-pocket-seed0

Goes on where it was stopped. Writes avlib/checkpoints/dsol-localiser-pocket.safetensors in half
precision, and beside it how it was trained and how good it is on solos of the test players, with
trivial answers for comparison.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from avlib import dsol

PLACE = Path(__file__).parents[1] / "avlib" / "checkpoints" / "dsol-localiser-pocket"
CLIPS = 256
"""Solos that the scores in the record are of."""


def main(run: str) -> None:
    """Train, copy the model into the package, and score what was copied."""
    cfg = dsol.pocket()
    dsol.train_localiser(cfg, run)
    record = json.loads((Path(run) / "model.json").read_text(encoding="utf-8"))
    dsol.save(dsol.load(run), PLACE, record, half=True)
    shipped = dsol.load()
    found = dsol.evaluate(shipped, dsol.Solos(cfg, "test", CLIPS))
    record["scores"] = {
        "split": "test",
        "matching": asdict(found["matching"]),
        "boxes": found["boxes"],
    }
    path = dsol.save(shipped, PLACE, record, half=True)
    print(path, f"{path.stat().st_size / 1e6:.1f} MB")
    print(json.dumps(record["scores"], indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
