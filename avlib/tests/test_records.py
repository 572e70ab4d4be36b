"""Records are found in a clone and in an installed package, and a missing one is named."""

import pytest

from avlib import records

NAME = "sop/sound-of-pixels--sop--pocket--seed0"


def test_the_record_and_its_pairs():
    record = records.read(NAME)
    assert record["table"] == "sop"
    assert record["scores"]["sdr_gain"]["low"] < record["scores"]["sdr_gain"]["mean"]
    assert records.path(NAME) == records.path(f"{NAME}.json")
    scores = records.path(f"{NAME}.csv").read_text().splitlines()
    assert len(scores) > record["count"]


def test_a_missing_record_is_named_and_the_others_listed():
    with pytest.raises(FileNotFoundError, match=r"no record 'sop/none'; .*sound-of-pixels--sop"):
        records.path("sop/none")
    with pytest.raises(FileNotFoundError, match=r"no record 'none/row'; there are .*sop"):
        records.path("none/row")


def make(place):
    place.mkdir(parents=True)
    return place


def test_a_clone_is_preferred_and_a_stranger_beside_the_package_is_not_taken(tmp_path):
    package = make(tmp_path / "avlib")
    with pytest.raises(FileNotFoundError, match=r"records of results are missing.*AV15"):
        records.folder(package)
    stranger = make(tmp_path / "results")  # site-packages may hold anybody's folder of this name
    with pytest.raises(FileNotFoundError):
        records.folder(package)
    inside = make(package / "results")
    assert records.folder(package) == inside
    (tmp_path / "pyproject.toml").touch()
    assert records.folder(package) == stranger
