"""A folder of clips as a source."""

import shutil

import numpy as np
import pytest
import torch

from avlib.audio import FrontEnd
from avlib.cli.sop import _folder_sources
from avlib.clipfolder import ClipRecord, clip_path, read_annotations, write_clip, write_index
from avlib.data import (
    ClipError,
    ClipFolder,
    MixAndSeparate,
    Orchestra,
    check_disjoint,
    eval_loader,
    joints_input,
    sop_view,
    train_loader,
    video_input,
)
from avlib.orchestra.export import Export, export_videos
from avlib.orchestra.instruments import MUSIC21
from avlib.orchestra.scene import make_scene
from avlib.sop import pocket
from avlib.video import resample

SMALL = {"seconds": 2.0, "fps": 8.0, "size": 64, "rate": 16000, "workers": 1, "progress": False}
SHORT = FrontEnd(11025, 11025, 1022, 256)
TINY = sop_view(size=32, spacing_s=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("data") / "clips"
    export_videos(place, 4, split="train", players=1, **SMALL)
    export_videos(place, 3, split="test", players=2, **SMALL)
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def scene_of(index, **settings):
    drawn = Export(2, 0, "test", MUSIC21, 2.0, 8.0, 64, 16000, 0.0, ()).programme(index)
    settings = {"seconds": 2.0, "frames": 16, "size": 64, "rate": 16000} | settings
    return make_scene(
        drawn.seed, drawn.instruments, **settings, split="test", players=drawn.players
    )


def test_entries_are_those_of_the_index(folder):
    test, train = ClipFolder(folder, "test"), ClipFolder(folder, "train")
    assert (len(test), len(train), len(ClipFolder(folder))) == (3, 4, 7)
    entry = test.entries[1]
    drawn = Export(2, 0, "test", MUSIC21, 2.0, 8.0, 64, 16000, 0.0, ()).programme(1)
    assert (entry.categories, entry.players) == (drawn.instruments, drawn.names)
    assert (entry.seconds, entry.fps, entry.split) == (2.0, 8.0, "test")
    check_disjoint(train.entries, test.entries)


def test_a_segment_has_its_own_samples_and_pictures(folder):
    clip, scene = ClipFolder(folder, "test").read(1, 0.5, 1.0), scene_of(1)
    assert np.abs(clip.wave - scene.mixture[8000:24000]).max() < 2**-21
    assert np.abs(clip.stems - scene.stems[:, 8000:24000]).max() < 2**-22
    assert clip.frame_times.tolist() == [0.5 + k / 8 for k in range(8)]
    off = np.abs(clip.frames.astype(float) - scene.frames[4:12]).mean((1, 2, 3))
    assert off.max() < 8
    assert np.abs(clip.boxes - scene.boxes[4:12]).max() < 0.006
    assert np.array_equal(clip.joints, scene.joints[4:12])
    assert np.array_equal(clip.sounding, scene.sounding[4:12])


def test_pictures_at_any_time_are_the_ones_on_the_screen(folder):
    clip, scene = ClipFolder(folder, "test").read(0, frame_times=(1.99, 0.13, 0.36)), scene_of(0)
    numbers = [15, 1, 2]
    assert np.array_equal(clip.joints, scene.joints[numbers])
    assert np.abs(clip.frames.astype(float) - scene.frames[numbers]).mean() < 8


def test_another_size_moves_boxes_and_joints_along(folder):
    source = ClipFolder(folder, "test")
    whole, small = source.read(2), source.read(2, size=(32, 96))
    assert small.frames.shape == (16, 32, 96, 3)
    scale = np.float32([1.5, 0.5])
    assert np.allclose(small.joints[..., :2], whole.joints[..., :2] * scale)
    assert np.array_equal(small.joints[..., 2], whole.joints[..., 2])
    assert np.allclose(small.boxes, whole.boxes * np.tile(scale, 2))
    assert torch.allclose(joints_input(small), joints_input(whole), atol=1e-5)


def test_another_rate_resamples_mixture_and_stems(folder):
    clip = ClipFolder(folder, "test").read(1, 0.5, 1.0, rate=11025)
    stems = scene_of(1).stems
    want = resample(stems, 16000, 11025)[:, round(0.5 * 11025) :][:, :11025]
    assert clip.stems.shape == (2, 11025)
    assert np.abs(clip.stems - want).max() < 1e-4
    assert np.abs(clip.stems.sum(0) - clip.wave).max() < 1e-5


def test_both_sources_give_the_same_record(folder):
    ours = ClipFolder(folder, "train").read(0, 0.5, 1.0, (0.5, 1.0), 48, 11025)
    theirs = Orchestra("train").read(0, 0.5, 1.0, (0.5, 1.0), 48, 11025)
    for name in vars(theirs):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert type(a) is type(b), name
        if isinstance(a, np.ndarray):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), name
    assert video_input(ours).shape == video_input(theirs).shape == (3, 2, 48, 48)


def test_real_video_has_neither_stems_nor_boxes(tmp_path):
    rng = np.random.default_rng(0)
    record = ClipRecord(
        "abc.0001", rng.integers(0, 255, (8, 32, 48, 3), dtype=np.uint8), 4.0,
        rng.uniform(-0.5, 0.5, 32000), 16000, ("cello",), ("someone",),
    )  # fmt: skip
    write_clip(tmp_path, record)
    write_index(tmp_path)
    source = ClipFolder(tmp_path)
    clip = source.read(0)
    assert (clip.stems, clip.boxes, clip.joints, clip.sounding) == (None,) * 4
    assert clip.frames.shape == (8, 32, 48, 3)
    assert source.entries[0].video == "abc"  # clips of one video do not meet in Co-Separation
    with pytest.raises(ClipError, match=r"'abc.0001' has no joints"):
        joints_input(clip)


@pytest.mark.parametrize("extra", [0.3, -0.3])
def test_sound_a_little_longer_or_shorter_than_the_pictures(tmp_path, extra):
    """8 pictures at 4/s, and sound of 8.3 or 7.7 pictures: all 8 are read, the last too."""
    rng = np.random.default_rng(0)
    samples = round((8 + extra) / 4 * 16000)
    record = ClipRecord(
        "a", rng.integers(0, 255, (8, 32, 48, 3), dtype=np.uint8), 4.0,
        rng.uniform(-0.5, 0.5, samples), 16000, ("cello",), ("someone",),
    )  # fmt: skip
    write_clip(tmp_path, record)
    write_index(tmp_path)
    source = ClipFolder(tmp_path)
    clip = source.read(0)
    assert len(clip.wave) == samples
    assert clip.frame_times.tolist() == [k / 4 for k in range(8)]
    assert source.read(0, 1.0).frame_times.tolist() == [1.0, 1.25, 1.5, 1.75]
    times = sop_view().times(source.entries[0], 0.0, samples / 16000)
    shown = source.read(0, frame_times=times).frames
    assert np.array_equal(shown[[0, 2]], clip.frames[[0, 7]])


def solos(place, players, split, videos):
    rng = np.random.default_rng(0)
    for player, video in zip(players, videos, strict=True):
        names = player.split(";")
        record = ClipRecord(
            video, rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8), 4.0,
            rng.uniform(-0.5, 0.5, 32000), 16000, ("cello",) * len(names), names, split,
        )  # fmt: skip
        write_clip(place, record)
    write_index(place)
    return place


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (("a;b",), ("c.0",), r"clip 'x.0' has 2 players.*learns from solos.*--players 1"),
        (("a",), ("c;d",), r"clip 'y.0' has 2 players"),
        (("a", "b"), ("b", "c"), r"not apart: both sides share 1 players, such as b; put all"),
    ],
)
def test_a_folder_to_train_on_has_solos_and_splits_apart(tmp_path, train, validation, message):
    solos(tmp_path, train, "train", [f"x.{k}" for k in range(len(train))])
    solos(tmp_path, validation, "validation", [f"y.{k}" for k in range(len(validation))])
    with pytest.raises(ValueError, match=message):
        _folder_sources(tmp_path, pocket())


def test_a_folder_to_train_on_has_each_video_in_one_split(tmp_path):
    solos(tmp_path, ("a", "b"), "train", ("x.0", "y.0"))
    solos(tmp_path, ("c", "d"), "validation", ("y.1", "z.0"))
    with pytest.raises(ValueError, match="share 1 videos, such as y; put all"):
        _folder_sources(tmp_path, pocket())


def test_a_folder_of_solos_is_taken(tmp_path):
    solos(tmp_path, ("a", "b"), "train", ("x.0", "y.0"))
    solos(tmp_path, ("c", "d", "e"), "validation", ("v.0", "w.0", "w.1"))
    train, validation = _folder_sources(tmp_path, pocket())
    assert (len(train), train.split) == (2, "train")
    assert (len(validation.source), validation.source.split, validation.train) == (
        3, "validation", False,
    )  # fmt: skip


def test_long_clips_start_anywhere_in_training_and_in_the_middle_otherwise(folder):
    source = ClipFolder(folder, "train")
    train = MixAndSeparate(source, length=4, front_end=SHORT, view=TINY)
    starts = [start for index in range(40) for start in train.plan(index).starts]
    assert min(starts) < 1500
    assert 9500 < max(starts) <= 11025
    test = MixAndSeparate(source, length=4, train=False, front_end=SHORT, view=TINY)
    assert {test.plan(index).starts for index in range(4)} == {(5513, 5513)}
    item = test[0]
    solo = source.read(test.plan(0).entries[1], 5513 / 11025, 1.0, (0.5,), 32, 11025)
    assert np.allclose(item["waves"][1], solo.wave / 2, atol=1e-6)
    assert item["frames"].shape == (2, 3, 3, 32, 32)
    batch = next(iter(train_loader(train, 2)))
    assert batch["frames"].shape == (2, 2, 3, 3, 32, 32)


def test_categories_are_kept_by_label(folder):
    whole = ClipFolder(folder)
    wanted = whole.entries[0].categories
    kept = ClipFolder(folder, categories=[name.upper().replace(" ", "_") for name in wanted])
    assert {entry.name for entry in kept.entries} == {
        entry.name for entry in whole.entries if set(entry.categories) <= set(wanted)
    }
    with pytest.raises(ClipError, match="no clip of only horn; the categories are: "):
        ClipFolder(folder, categories=["horn"])


def test_a_clip_shorter_than_asked_is_named(folder):
    with pytest.raises(ClipError, match=r"'test-0-0000-.*' is 2 s long; asked for 2.5 s"):
        ClipFolder(folder, "test").read(0, 0.0, 2.5)
    dataset = MixAndSeparate(ClipFolder(folder, "test"), length=1)  # 5.94 s of 2 s
    with pytest.raises(ClipError, match=r"'test-0-000\d-.*' is 2 s long, shorter than the 5.944 s"):
        dataset[0]


@pytest.mark.parametrize(
    ("path", "split", "message"),
    [
        ("nowhere", None, "nowhere: no such folder"),
        (".", "validation", "no clip of split 'validation'; there are: test, train"),
    ],
)
def test_no_such_folder_or_split_is_an_error(folder, path, split, message):
    with pytest.raises(ClipError, match=message):
        ClipFolder(folder / path, split)


def test_a_missing_clip_is_an_error_or_is_counted(copy, capsys):
    names = [entry.name for entry in ClipFolder(copy, "test").entries]
    (clip_path(copy, names[0]) / "stems" / "1.flac").unlink()
    shutil.rmtree(clip_path(copy, names[2]))
    with pytest.raises(ClipError, match=r"2 of 3 clips cannot be read") as caught:
        ClipFolder(copy, "test")
    assert f"'{names[0]}' is missing stems/1.flac" in str(caught.value)
    assert f"'{names[2]}' is missing media.mp4" in str(caught.value)
    source = ClipFolder(copy, "test", on_error="skip")
    assert [entry.name for entry in source.entries] == [names[1]]
    assert source.read(0).name == names[1]
    assert len(source.missing) == 2
    assert "left out 2 of 3 clips" in capsys.readouterr().err
    shutil.rmtree(copy / "clips")
    with pytest.raises(ClipError, match="3 of 3 clips"):
        ClipFolder(copy, "test", on_error="skip")


@pytest.mark.parametrize("file", ["media.mp4", "audio.flac", "stems/0.flac", "annotations.json"])
def test_an_unreadable_clip_is_an_error_that_names_it(copy, file):
    source = ClipFolder(copy, "train")
    place = clip_path(copy, source.entries[1].name) / file
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 3])
    source.read(0)
    for rate in (16000, 11025):
        with pytest.raises(ClipError, match=f"'{source.entries[1].name}' cannot be read: .*copy"):
            source.read(1, rate=rate)


def test_unreadable_clips_are_counted_if_the_user_goes_on(copy):
    source = ClipFolder(copy, "train")
    (clip_path(copy, source.entries[1].name) / "media.mp4").write_bytes(b"no video")
    pairs = [(0, 1), (2, 3), (1, 2)]
    settings = {"train": False, "front_end": SHORT, "view": TINY, "pairs": pairs}
    with pytest.raises(ClipError, match=source.entries[1].name):
        list(eval_loader(MixAndSeparate(source, **settings), 3))
    dataset = MixAndSeparate(source, **settings, on_error="skip")
    assert [batch["index"] for batch in eval_loader(dataset, 3)] == [[1]]
    assert len(dataset.missing) == 2


def test_annotations_are_read_without_joints_if_nobody_wants_them(folder):
    clip = ClipFolder(folder, "test", joints=False).read(0)
    assert clip.joints is None
    assert clip.boxes is not None
    assert read_annotations(clip_path(folder, clip.name)).joints is not None
