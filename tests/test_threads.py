"""Scores do not depend on how threads are set.

After `torch.set_num_threads(n)` with n >= 2, batched LU of torch 2.11 with MKL returns NaN or fails
("Parameter 6 was incorrect on entry to DLASWP"); it once turned BSS-eval into NaN, silently.
"""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
import torch
if sys.argv[1] != "default":
    torch.set_num_threads(int(sys.argv[1]))
from avlib.metrics import bss_eval
generator = torch.Generator().manual_seed(0)
references = torch.randn(3, 2, 9000, generator=generator)
estimates = references + 0.3 * references.flip(1)
estimates += 0.1 * torch.randn(3, 2, 9000, generator=generator)
references[2] = torch.sin(torch.tensor([[0.1], [0.25]]) * torch.arange(9000))  # nearly singular
scores = torch.stack(list(bss_eval(references, estimates)))
print(json.dumps({"threads": torch.get_num_threads(), "scores": scores.flatten().tolist()}))
"""


def scores(omp: str | None, set_threads: str = "default") -> dict:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    if omp is not None:
        environment["OMP_NUM_THREADS"] = omp
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, set_threads],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_scores_are_the_same_under_every_thread_setting():
    expected = scores("1")
    assert expected["threads"] == 1
    assert len(expected["scores"]) == 18
    assert all(-100 < x < 100 for x in expected["scores"])  # and so not NaN
    after_setting = scores(None, "2")
    assert after_setting["threads"] == 2
    for found in (after_setting, scores("4")):
        assert found["scores"] == pytest.approx(expected["scores"], abs=1e-6)
