"""Train DSOL's first stage on the Pocket Orchestra and make it the model that comes with avlib.

    python tools/train_dsol.py runs/dsol-pocket-seed0
    python tools/train_dsol.py --score

Goes on where it was stopped. Writes avlib/checkpoints/dsol-localiser-pocket.safetensors in half
precision, and beside it how it was trained and how good it is on solos of the test players, with
trivial answers for comparison and intervals. The record names a commit, so nothing is trained, or
shipped, from a tree in which tracked files have been changed. With --score, the model that is
there is only scored again.
"""

import json
import sys
from pathlib import Path
from typing import Any

from avlib import dsol
from avlib.training import load_checkpoint, provenance

PLACE = Path(__file__).parents[1] / "avlib" / "checkpoints" / "dsol-localiser-pocket"
CLIPS = 256
"""Solos by test players that the scores in the record are of."""
KNOWN = 96
"""Solos by validation players that the size of the centre box is chosen on."""


def clean_commit(found: str | None) -> str:
    """Give the commit that a record may name.

    Raises:
        SystemExit: there is none, or files were changed since.
    """
    if found is None or found.endswith("-dirty"):
        sys.exit(
            f"the source tree is at {found or 'no known commit'}: a record that names it could not "
            "be repeated. Commit your changes, or train in a clean clone."
        )
    return found


def scores(cfg: dsol.DSOLConfig) -> dict[str, Any]:
    """Score what lies in the package."""
    known = dsol.Solos(cfg, "validation", KNOWN)
    side = dsol.centre_side(known.boxes(), cfg.frame_size)
    found = dsol.evaluate(dsol.load(), dsol.Solos(cfg, "test", CLIPS), centre=side)
    return {"split": "test", "scored_at": provenance()["commit"], "centre_side": side, **found}


def train(run: str) -> dict[str, Any]:
    """Train, and copy the model into the package; its record."""
    clean_commit(provenance()["commit"])
    dsol.train_localiser(dsol.pocket(), run)
    record = json.loads((Path(run) / "model.json").read_text(encoding="utf-8"))
    clean_commit(record["commit"])
    dsol.save(dsol.load(run), PLACE, record, half=True)
    return record


def main(run: str | None) -> None:
    """Train unless there is no run, then score what is in the package."""
    record = load_checkpoint(PLACE.with_suffix(".safetensors"))[1] if run is None else train(run)
    shipped = dsol.load()
    record["scores"] = scores(shipped.cfg)
    path = dsol.save(shipped, PLACE, record, half=True)
    print(path, f"{path.stat().st_size / 1e6:.1f} MB")
    print(json.dumps(record["scores"], indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(None if sys.argv[1] == "--score" else sys.argv[1])
