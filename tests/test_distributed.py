"""Two processes give the loss and the gradient of one, and batch norm does what is said of it.

Gradients, not only values: with a loss averaged over processes a wrapper that forgets to average
the gradients, or scales them by the number of processes, still shows the right loss.

Batch norm in the real networks: each process normalises its own share of the batch (like the
authors' DataParallel), and the running statistics that are kept are those of process 0. So two
processes with batches of B / 2 are not the same as one with a batch of B; on GPUs
`TrainConfig.sync_batch_norm` makes them the same. The equality is therefore tested on a network
without batch norm in training mode, and the difference on one with it.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

PROGRAM = """
import sys
import torch
from torch import nn
from avlib.training import Batches, Run, TrainConfig, fit, world

torch.manual_seed(4)
class Data:
    def __len__(self):
        return 8
    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        return {"sound": torch.randn(1, 12, generator=g), "sight": torch.randn(2, 12, generator=g)}

def step(nets, batch):  # two networks meet in one loss, one of them is used twice
    heard, seen = nets["ear"](batch["sound"]), nets["eye"](batch["sight"])
    again = nets["ear"](batch["sound"].flip(-1))
    return {"match": (heard - seen).square().mean(), "calm": again.mean()}

def networks(norm):
    torch.manual_seed(4)
    def layers(n, m):
        middle = [nn.BatchNorm1d(m)] if norm else []
        return nn.Sequential(nn.Conv1d(n, m, 3, padding=1), *middle, nn.ReLU())
    return {"ear": layers(1, 4), "eye": layers(2, 4)}

# SGD without momentum for one step at rate 1: the change of the weights is minus the gradient
with world("cpu"):  # one process group for all runs
    for name, norm, steps in (("plain", False, 1), ("longer", False, 4), ("norm", True, 1)):
        cfg = TrainConfig(
            steps=steps, lrs={"ear": 1.0, "eye": 1.0}, weights={"match": 1.0, "calm": 0.5},
            optimiser="sgd", momentum=0.0, log_every=1, device="cpu", tensorboard=False,
        )
        fit(step, networks(norm), Batches(Data(), 8, fresh=True), cfg, Run(f"{sys.argv[1]}/{name}"))
"""

pytestmark = pytest.mark.distributed


def launch(folder, processes):
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(folder / "runs")]
    if processes > 1:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command = [*torchrun, f"--nproc_per_node={processes}", *command[1:]]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr[-3000:]
    return folder / "runs"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same three trainings by one process and by two."""
    return [launch(tmp_path_factory.mktemp(name), n) for name, n in (("one", 1), ("two", 2))]


def weights(folder):
    (checkpoint,) = folder.glob("step-*")
    return load_file(checkpoint / "weights.safetensors")


def first_line(folder):
    return json.loads((folder / "log.jsonl").read_text().splitlines()[0])


def test_two_processes_give_the_gradient_of_one(runs):
    one, two = (weights(run / "plain") for run in runs)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-5, atol=1e-6, msg=name)
    lines = [first_line(run / "plain") for run in runs]
    # the averaged gradient has the same length, and the log shows the mean loss of all processes
    assert lines[0]["gradient"] == pytest.approx(lines[1]["gradient"], rel=1e-4)
    assert lines[0]["gradient"] > 0.05
    assert lines[0]["loss"] == pytest.approx(lines[1]["loss"], rel=1e-5)
    assert lines[0]["term/match"] == pytest.approx(lines[1]["term/match"], rel=1e-5)


def test_several_steps_too(runs):
    one, two = (weights(run / "longer") for run in runs)
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-4, atol=1e-5, msg=name)
    assert not torch.allclose(one["eye.0.weight"], weights(runs[0] / "plain")["eye.0.weight"])


def test_batch_norm_is_by_process(runs):
    one, two = (weights(run / "norm") for run in runs)
    mean = "eye.1.running_mean"
    assert not torch.allclose(one[mean], two[mean], atol=1e-6)  # half the batch, not all of it
    # torch.nn.BatchNorm1d by hand: momentum 0.1 of the mean over process 0's half of the batch
    torch.manual_seed(4)
    convolutions = [torch.nn.Conv1d(1, 4, 3, padding=1), torch.nn.Conv1d(2, 4, 3, padding=1)]
    sights = []
    for i in range(4):
        generator = torch.Generator().manual_seed(i)
        torch.randn(1, 12, generator=generator)
        sights.append(torch.randn(2, 12, generator=generator))
    expected = 0.1 * convolutions[1](torch.stack(sights)).mean(dim=(0, 2))
    torch.testing.assert_close(two[mean], expected.detach(), rtol=1e-4, atol=1e-6)
