"""`avlib separate` on exported duets as if they were a stranger's files: the SDR of each way.

Scored against the exported stems, with the shipped model.


    python benchmarks/separate_duets.py [--count 20] [--seed 1] [--checkpoint pocket]

Exports duets of MUSIC's 11 instruments by test players as MP4 files, separates each with the
players given as boxes (the mean of the annotated ones), as points (the boxes' centres) and as
halves of the picture, and prints the mean SDR, the gain over the mixture, and the 95 % bootstrap
interval of the gain by duet. The way regions are cut out was chosen on seed 0: use another.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from avlib import sop
from avlib.apply import separate_video
from avlib.clipfolder import read_annotations
from avlib.metrics import bootstrap
from avlib.orchestra import MUSIC11, export_videos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default="pocket")
    args = parser.parse_args()
    model = sop.load(args.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        duets = Path(folder) / "duets"
        export_videos(duets, args.count, seed=args.seed, instruments=MUSIC11)
        print(f"{args.count} duets, seed {args.seed}, checkpoint {args.checkpoint}")
        for way in ("boxes", "points", "halves"):
            scores = [score(clip, way, model) for clip in sorted((duets / "clips").iterdir())]
            sdr, gain = np.mean(scores, axis=0)
            interval = bootstrap([g for _, g in scores])
            print(
                f"{way:7} SDR {sdr:5.2f} dB, gain {gain:5.2f} dB "
                f"[{interval.low:.2f}, {interval.high:.2f}]"
            )


def score(clip: Path, way: str, model: sop.SoundOfPixels) -> tuple[float, float]:
    """Mean SDR of the two players, and the gain over the mixture."""
    boxes = read_annotations(clip, joints=False).boxes.mean(axis=0)
    players: dict = {"halves": True}
    if way == "boxes":
        players = {"boxes": [tuple(map(float, box)) for box in boxes]}
    if way == "points":
        players = {"points": [(float(b[0] + b[2]) / 2, float(b[1] + b[3]) / 2) for b in boxes]}
    out = clip.parent.parent.parent / f"{way}-{clip.name}"
    done = separate_video(clip / "media.mp4", out=out, model=model, truth=True, **players)
    return done.scores["sdr"], done.scores["sdr_gain"]


if __name__ == "__main__":
    main()
