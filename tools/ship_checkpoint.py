"""Make a finished run the Sound of Pixels model that comes with the package.

    python tools/ship_checkpoint.py runs/sop-pocket-seed0

Writes avlib/checkpoints/sop-pocket.safetensors, in half precision to halve the download, and its
training record beside it. Score what is shipped afterwards with `avlib evaluate sop`.
"""

import json
import sys
from pathlib import Path

from avlib import sop

PLACE = Path(__file__).parents[1] / "avlib" / "checkpoints" / "sop-pocket"


def main(run: str) -> None:
    """Copy the model of `run` into the package."""
    record = json.loads((Path(run) / "model.json").read_text(encoding="utf-8"))
    PLACE.parent.mkdir(exist_ok=True)
    path = sop.save(sop.load(run), PLACE, record, half=True)
    print(path, f"{path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
