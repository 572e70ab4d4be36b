"""The orchestra as files. (Several processes, Ctrl-C and kills: tests/test_export_processes.py.)"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import avlib.cli.orchestra as cli
import avlib.orchestra
import avlib.orchestra.export as export_module
from avlib.clipfolder import (
    ClipFolderError,
    clip_path,
    read_annotations,
    read_index,
    read_waves,
    validate,
)
from avlib.clipfolder.leftovers import temporary_prefix
from avlib.data import Orchestra, check_disjoint, player_split
from avlib.orchestra.export import Export, export_videos
from avlib.orchestra.instruments import MUSIC21
from avlib.orchestra.scene import make_scene
from avlib.video import probe, read_frames, write_video

SMALL = {"seconds": 1.0, "fps": 8.0, "size": 64, "rate": 16000, "workers": 1, "progress": False}


def fingerprint(folder):
    """What must not depend on anything but the seed: annotations, joints and sounds."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".flac":
            found[name] = hashlib.sha256(soundfile.read(path, dtype="int32")[0]).hexdigest()
        elif path.suffix == ".npz":
            found[name] = hashlib.sha256(np.load(path)["joints"]).hexdigest()
        elif path.suffix in (".json", ".csv"):
            found[name] = path.read_text() if path.name != "dataset.json" else ""
        elif path.is_file():
            found[name] = path.suffix
    return found


@pytest.fixture(scope="module")
def duets(tmp_path_factory):
    return export_videos(tmp_path_factory.mktemp("export") / "duets", 3, **SMALL)


def test_an_export_is_a_valid_clip_folder(duets):
    assert validate(duets) == []
    rows = read_index(duets)
    assert len(rows) == 3
    assert {(row.seconds, row.fps, row.width, row.rate, row.stems) for row in rows} == {
        (1.0, 8.0, 64, 16000, True)
    }
    assert {player_split(player) for row in rows for player in row.players} == {"test"}
    info = probe(clip_path(duets, rows[0].clip) / "media.mp4")
    assert (info.video_codec, info.audio_codec, info.frames) == ("h264", "aac", 8)


def test_files_hold_the_scene(duets):
    export = Export(2, 0, "test", MUSIC21, 1.0, 8.0, 64, 16000, 0.0, ())
    drawn = export.programme(1)
    scene = make_scene(
        drawn.seed, drawn.instruments, (), 1.0, 8, 64, 16000, split="test", players=drawn.players
    )
    place = clip_path(duets, export.name(1))
    known, waves = read_annotations(place), read_waves(place)
    assert known.categories == drawn.instruments
    assert known.players == drawn.names
    assert np.abs(waves.stems - scene.stems).max() < 2**-22
    assert np.array_equal(waves.stems.astype(np.float64).sum(0), waves.mixture)
    assert np.abs(known.boxes - scene.boxes).max() < 0.006
    assert np.abs(known.instrument_boxes - scene.instrument_boxes).max() < 0.006
    assert np.array_equal(known.joints, scene.joints)
    assert np.array_equal(known.sounding, scene.sounding)
    assert [len(notes) for notes in known.notes] == [len(notes) for notes in scene.notes]
    first = scene.notes[0][0]
    assert known.notes[0][0] == pytest.approx(
        (first.onset_s, first.duration_s, first.pitch, first.velocity), abs=1e-4
    )
    frames = read_frames(place / "media.mp4", indices=range(8)).astype(float)
    assert np.abs(frames - scene.frames).mean() < 8  # of 255: what H.264 costs


def test_the_same_seed_gives_the_same_files(duets, tmp_path):
    again = export_videos(tmp_path / "again", 3, **SMALL)
    assert fingerprint(again) == fingerprint(duets)
    other = export_videos(tmp_path / "other", 1, seed=1, **SMALL)
    assert not {row.clip for row in read_index(other)} & {row.clip for row in read_index(duets)}


def test_a_larger_count_adds_and_a_second_call_writes_nothing(duets, tmp_path, monkeypatch):
    folder = export_videos(tmp_path / "grown", 1, **SMALL)
    written = []
    write_one = export_module.write_one
    monkeypatch.setattr(
        export_module, "write_one", lambda *args: (written.append(args[2]), write_one(*args))
    )
    export_videos(folder, 3, **SMALL)
    export_videos(folder, 3, **SMALL)
    assert written == [1, 2]
    assert fingerprint(folder) == fingerprint(duets)


def test_a_failure_leaves_whole_clips_and_an_index(tmp_path, monkeypatch):
    folder = tmp_path / "stopped"
    calls = []

    def stopped(path, *args, **settings):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt  # Ctrl-C in the middle of the second clip
        write_video(path, *args, **settings)

    monkeypatch.setattr("avlib.clipfolder.write.write_video", stopped)
    with pytest.raises(KeyboardInterrupt):
        export_videos(folder, 3, **SMALL)
    assert len(list((folder / "clips").iterdir())) == 1
    assert validate(folder) == []
    assert len(read_index(folder)) == 1
    export_videos(folder, 3, **SMALL)
    assert len(read_index(folder)) == 3


def test_leftovers_of_a_kill_are_removed(duets, tmp_path):
    folder = export_videos(tmp_path / "killed", 1, **SMALL)
    name = Export(2, 0, "test", MUSIC21, 1.0, 8.0, 64, 16000, 0.0, ()).name(1)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (ended.pid, os.getppid()):
        prefix = temporary_prefix(name).replace(f"~{os.getpid()}~", f"~{process}~")
        half = folder / "clips" / f"{prefix}abc.tmp"
        half.mkdir()
        (half / "media.mp4").write_bytes(b"half")
    export_videos(folder, 3, **SMALL)
    assert [path.name for path in (folder / "clips").glob(".*")] == [half.name]  # who wrote it runs
    shutil.rmtree(half)
    assert fingerprint(folder) == fingerprint(duets)


def test_the_command_says_how_to_go_on(duets, monkeypatch, capsys):
    """The real path of the first clip of this export, not of the folder."""
    monkeypatch.setattr(export_module, "export_videos", lambda *args, **settings: duets)
    command = cli.Export(folder=duets, seed=0)
    assert command.run() == 0
    said = capsys.readouterr()
    first = clip_path(duets, read_index(duets)[0].clip) / "media.mp4"
    assert said.out == f"{duets}\n"
    assert said.err == f"next: avlib separate {first} --truth\n"
    assert first.is_file()


def test_other_settings_in_the_same_folder_are_an_error(duets):
    with pytest.raises(ClipFolderError, match=r"other settings \(fps=8.0, not 4.0\); give another"):
        export_videos(duets, 3, **SMALL | {"fps": 4.0})
    assert validate(duets) == []


def test_splits_share_a_folder_and_no_player(tmp_path):
    folder = tmp_path / "both"
    for split in ("train", "test"):
        export_videos(folder, 2, split=split, players=1, **SMALL)
    rows = read_index(folder)
    assert [row.split for row in rows] == ["test", "test", "train", "train"]
    check_disjoint(rows[:2], rows[2:])
    check_disjoint(rows[:2], Orchestra("train", length=100).entries)


def test_silent_players_have_silent_stems(tmp_path):
    folder = export_videos(
        tmp_path / "silent", 4, players=3, silent_probability=1.0, **SMALL | {"size": (64, 96)}
    )
    for row in read_index(folder):
        place = clip_path(folder, row.clip)
        heard = np.abs(read_waves(place).stems).max(1) > 0
        assert heard.sum() <= 1
        assert not read_annotations(place).sounding[:, ~heard].any()
        assert (row.width, row.height) == (96, 64)


def test_annotations_say_how_to_make_the_clip_again(duets):
    place = clip_path(duets, read_index(duets)[2].clip)
    source = json.loads((place / "annotations.json").read_text())["source"]
    assert (source["index"], source["seed"], source["split"]) == (2, 0, "test")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "tset"}, "unknown player split 'tset'"),
        ({"instruments": ["kazoo"]}, "unknown instrument 'kazoo'"),
        ({"players": 5}, "5 players in a scene"),
        ({"size": 65}, "even numbers of pixels"),
        ({"fps": 8.3}, "8.3 pictures; choose them so that they are a whole number"),
        ({"hard": ["fog"]}, "unknown hard case 'fog'"),
        ({"workers": 0}, "workers=0"),
        ({"seconds": 0.0}, "must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_errors(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_videos(tmp_path / "none", 1, **SMALL | settings)
    assert not (tmp_path / "none").exists()


def test_the_room_offers_the_exporter():
    assert avlib.orchestra.export_videos is export_videos
    with pytest.raises(AttributeError, match="no attribute 'export_video'"):
        avlib.orchestra.export_video  # noqa: B018


def test_a_count_of_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="count=0"):
        export_videos(tmp_path / "none", 0, **SMALL)
