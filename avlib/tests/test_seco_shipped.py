"""The trained models of SeCo that come with the package."""

import json
from dataclasses import asdict

import pytest

from avlib import seco
from avlib.seco.shipped import SHIPPED, checkpoint_path
from avlib.training import settings_changed


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_what_is_shipped_is_the_recipe_trained_to_its_end(name):
    preset, split, modality = name.split("-")
    model = seco.load(name, preset=preset, split=split, modality=modality)
    record = json.loads(checkpoint_path(name).with_suffix(".json").read_text(encoding="utf-8"))
    recipe = asdict(seco.PRESETS[preset](modality, split))
    assert settings_changed(*(json.loads(json.dumps(x)) for x in (asdict(model.cfg), recipe))) == []
    assert (record["steps"], record["stopped_by"]) == (model.cfg.train.steps, "steps")
    assert record["seconds"] < 60 * model.cfg.train.max_minutes
    assert record["commit"]
    assert record["versions"]["torch"]
    assert not model.training


def test_together_they_weigh_little():
    assert sum(checkpoint_path(name).stat().st_size for name in SHIPPED) < 8e6


@pytest.mark.parametrize(("name", "least"), [("pocket-S1-skeleton", 3.0), ("pocket-S1-video", 1.0)])
def test_they_separate_instruments_that_they_know(name, least):
    model = seco.load(name)
    (result,) = seco.evaluate(
        model, "seco-S1-validation", limit=12, baselines=False, progress=False
    )
    assert result.scores["model"]["sdr_gain"].mean > least


def test_there_is_no_other():
    with pytest.raises(FileNotFoundError, match="pocket-S1-skeleton"):
        seco.load("pocket-S2-video")
