"""Make a finished run of Sound of Pixels or SeCo a model that comes with the package.

    python tools/ship_checkpoint.py runs/sop-pocket-seed0
    python tools/ship_checkpoint.py runs/seco/both-skeleton-S1-pocket-seed0

Writes avlib/checkpoints/sop-pocket.safetensors, or SeCo's by preset, split and sight
(seco-pocket-S1-skeleton.safetensors), in half precision to halve the download, and the training
record beside it. Score what is shipped afterwards: `avlib evaluate sop`, `avlib evaluate seco`.
"""

import json
import sys
from pathlib import Path

from avlib import seco, sop
from avlib.seco.shipped import SHIPPED

FOLDER = Path(__file__).parents[1] / "avlib" / "checkpoints"


def main(run: str) -> None:
    """Copy the model of `run` into the package."""
    file = Path(run) / "model.json"
    if not file.is_file():
        sys.exit(f"{file} is not there: give the folder of a finished run")
    record = json.loads(file.read_text(encoding="utf-8"))
    FOLDER.mkdir(exist_ok=True)
    if record.get("model") == "SeCo":
        cfg = record["config"]
        name = f"{cfg['preset']}-{cfg['split']}-{cfg['modality']}"
        if name not in SHIPPED:
            sys.exit(f"{run} is a {name}; shipped are {', '.join(SHIPPED)}")
        path = seco.save(seco.load(run), FOLDER / SHIPPED[name], record, half=True)
    else:
        path = sop.save(sop.load(run), FOLDER / "sop-pocket", record, half=True)
    print(path, f"{path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
