"""A training process is killed in the middle; resumed, it ends bit for bit where it would have."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

# A small network with everything that could go wrong: batch norm, dropout, momentum, a schedule,
# shuffled data, validation with a best score. PAUSE makes a step slow enough to be caught in it.
PROGRAM = """
import sys, time
import torch
from torch import nn
from avlib.training import Batches, Run, TrainConfig, fit

folder, pause, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(seed)
nets = {
    "body": nn.Sequential(nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.2)),
    "head": nn.Linear(4 * 14, 1),
}
data = [(x, x.sum()) for x in torch.randn(40, 1, 16, generator=torch.Generator().manual_seed(1))]

def step(nets, batch):
    time.sleep(pause)
    guess = nets["head"](nets["body"](batch[0]).flatten(1))[:, 0]
    return {"loss": (guess - batch[1]).square().mean()}

def validate(nets):
    return {"score": abs(nets["head"].bias.item() - 0.01)}

cfg = TrainConfig(
    steps=60, lrs={"body": 1e-2, "head": 3e-2}, optimiser="adamw", weight_decay=0.01,
    schedule="one_cycle", warmup_steps=10, clip_norm=1.0, log_every=5, save_every=7,
    validate_every=9, device="cpu", tensorboard=False,
)
if seed == 0:  # the weights at the start come from the seed; a resumed run gets other ones
    torch.manual_seed(0)
fit(step, nets, Batches(data, 8, seed=3), cfg, Run(folder), validate)
"""


def start(folder: Path, pause: float = 0.0, seed: int = 0) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(pause), str(seed)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors


def last(folder: Path) -> Path:
    return max(p for p in folder.glob("step-*") if p.suffix != ".partial")


def log(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    # means over steps since the last line and seconds depend on when it was stopped
    return [{k: v for k, v in line.items() if k.startswith(("step", "lr"))} for line in lines]


def test_killed_and_resumed_equals_never_stopped(tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    finish(start(straight))

    kills = 0
    for wanted in (7, 28):  # steps with a checkpoint after which to strike
        process = start(broken, pause=0.05, seed=kills)
        deadline = time.monotonic() + 900
        while not any(broken.glob(f"step-{wanted:08d}")):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(0.12)  # in the middle of a later step
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        kills += 1
        step = json.loads((last(broken) / "state.json").read_text())["step"]
        assert wanted <= step < 60  # it was the middle

    finish(start(broken, seed=9))
    for name in ("weights.safetensors", "optimiser.safetensors"):
        a, b = load_file(last(straight) / name), load_file(last(broken) / name)
        assert a.keys() == b.keys()
        for key in a:
            assert torch.equal(a[key], b[key]), f"{name}: {key}"
    states = [
        json.loads((last(folder) / "state.json").read_text()) for folder in (straight, broken)
    ]
    for key in ("step", "best", "best_step"):
        assert states[0][key] == states[1][key], key
    assert states[0]["step"] == 60
    assert log(straight) == log(broken)
    assert not list(broken.glob("*.partial"))
