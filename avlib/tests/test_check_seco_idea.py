"""Checks of the chapter `seco_idea`."""

import pytest
from check_cases import checks_of, confirm

from avlib import check


@pytest.mark.parametrize("name", checks_of("seco_idea"))
def test_right_work_passes_and_known_mistakes_are_named(name):
    confirm(name)


@pytest.mark.parametrize(
    ("name", "function", "stage"),
    [
        ("seco_idea_loudness", lambda wave: wave, "shape"),
        ("seco_idea_loudness", lambda wave: -wave.square().mean(-1).sqrt(), "range"),
        ("seco_idea_loudness", lambda wave: wave.square().mean(-1).sqrt() + 1, "limits"),
        ("seco_idea_loudness", lambda wave: wave.square().amax(-1).sqrt(), "value"),
    ],
)
def test_other_mistakes_stop_at_the_right_stage(name, function, stage):
    assert getattr(check, name)(function, seed=0).stage == stage
