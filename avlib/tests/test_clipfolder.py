"""The clip folder: what is written comes back, and everything that can be wrong is named."""

import csv
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time

import jsonschema
import numpy as np
import pytest
import soundfile

from avlib import clipfolder
from avlib.clipfolder import (
    ClipFolderError,
    ClipRecord,
    clip_path,
    has_clip,
    leftovers,
    read_annotations,
    read_index,
    read_waves,
    remove_leftovers,
    validate,
    write_clip,
    write_index,
)
from avlib.clipfolder import write as writing
from avlib.video import VideoError, read_clip, read_frames, write_video

RATE, FPS, COUNT = 11025, 4, 8
SAMPLES = 2 * RATE
HERE = leftovers.temporary_prefix("x").split("~")[1]


def ended_process():
    """The number of a process that runs no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def record(clip="a", players=2, seed=0, **changes):
    rng = np.random.default_rng(seed)
    level = 0.9 / max(players, 1) / 4
    stems = np.clip(level * rng.standard_normal((players, SAMPLES)), -0.45, 0.45).astype(np.float32)
    shade = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * 30
    boxes = np.tile(np.array([4.123, 5, 20, 31.5], np.float32), (COUNT, players, 1))
    boxes[1, 0] = np.nan
    fields = {
        "clip": clip,
        "frames": np.broadcast_to(shade, (COUNT, 32, 48, 3)).copy(),
        "fps": FPS,
        "mixture": stems.sum(0),
        "rate": RATE,
        "categories": ("violin", "acoustic guitar")[:players],
        "players": ("violin-07", "acoustic guitar-50")[:players],
        "split": "test",
        "stems": stems,
        "sounding": rng.random((COUNT, players)) < 0.5,
        "boxes": boxes,
        "instrument_boxes": boxes + np.float32(0.25),
        "joints": rng.random((COUNT, players, 60, 3)).astype(np.float32),
        "notes": [[(0.0, 0.5, 60.0, 0.7), (0.75, 0.25, 62.5, 0.3)]] * players,
        "source": {"seed": 3},
    }
    return ClipRecord(**(fields | changes))


def plain(clip="a"):
    """What a prepared video may know: no stems, joints, boxes, notes."""
    empty = ("stems", "sounding", "boxes", "instrument_boxes", "joints", "notes", "source")
    return record(clip, **dict.fromkeys(empty))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sound folder of three clips; tests copy it before they spoil it."""
    root = tmp_path_factory.mktemp("made") / "music"
    for clip in ("b", "a"):
        write_clip(root, record(clip, seed=ord(clip)))
    write_clip(root, plain("plain-1.x"))
    write_index(root, name="three", made_by="a test")
    return root


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "music")


# ---------------------------------------------------------------- what is written comes back


def test_everything_comes_back(made):
    want = record("a", seed=ord("a"))
    found = read_annotations(clip_path(made, "a"))
    assert (found.clip, found.seconds, found.fps, found.frames) == ("a", 2.0, FPS, COUNT)
    assert (found.width, found.height, found.rate, found.split) == (48, 32, RATE, "test")
    assert found.categories == want.categories
    assert found.players == want.players
    assert found.stems
    assert (found.sounding == want.sounding).all()
    assert np.allclose(found.boxes, want.boxes, atol=0.006, equal_nan=True)
    assert np.allclose(found.instrument_boxes, want.instrument_boxes, atol=0.006, equal_nan=True)
    assert np.isnan(found.boxes[1, 0]).all()
    assert not np.isnan(found.boxes[1, 1]).any()
    assert (found.joints == want.joints).all()
    assert found.notes[1] == ((0.0, 0.5, 60.0, 0.7), (0.75, 0.25, 62.5, 0.3))
    assert found.source == {"seed": 3}
    assert read_annotations(clip_path(made, "a") / "annotations.json", joints=False).joints is None


def test_what_is_not_known_comes_back_as_none(made):
    found = read_annotations(clip_path(made, "plain-1.x"))
    for key in ("sounding", "boxes", "instrument_boxes", "joints", "notes", "source"):
        assert getattr(found, key) is None
    assert not found.stems
    assert read_waves(clip_path(made, "plain-1.x")).stems is None


def test_samples_come_back_to_24_bits_and_stems_sum_exactly(made):
    want = record("b", seed=ord("b"))
    mixture, stems, rate = read_waves(clip_path(made, "b"))
    assert rate == RATE
    assert mixture.dtype == stems.dtype == np.float32
    assert np.abs(stems - want.stems).max() <= 2**-24
    assert np.abs(mixture - want.mixture).max() <= 2 * 2**-24 + 1e-7
    assert (stems.astype(np.float64).sum(0) == mixture).all()
    part = read_waves(clip_path(made, "b"), 100, 50)
    assert (part.mixture == mixture[100:150]).all()
    assert (part.stems == stems[:, 100:150]).all()
    assert read_waves(clip_path(made, "b"), stems=False).stems is None


def test_the_loudest_samples_survive(tmp_path):
    wave = np.zeros(SAMPLES, np.float32)
    wave[:3] = [1, -1, 0.5]
    write_clip(tmp_path, record(players=1, mixture=wave, stems=wave[None]))
    found = read_waves(clip_path(tmp_path, "a")).mixture[:3]
    assert found.tolist() == [1 - 2**-23, -1, 0.5]


def test_the_media_is_an_ordinary_video(made):
    clip = read_clip(clip_path(made, "a") / "media.mp4")
    want = record("a", seed=ord("a"))
    assert np.abs(clip.frames.mean((1, 2, 3)) - np.arange(COUNT) * 30).max() < 3
    assert clip.rate == RATE
    assert np.corrcoef(clip.wave, want.mixture)[0, 1] > 0.7  # noise, the hardest for AAC


def test_the_index_is_sorted_and_agrees(made):
    rows = read_index(made)
    assert [row.clip for row in rows] == ["a", "b", "plain-1.x"]
    assert rows[0].categories == ("violin", "acoustic guitar")
    assert [row.stems for row in rows] == [True, True, False]
    for row in rows:
        notes = read_annotations(clip_path(made, row.clip))
        for field in dataclasses.fields(row):
            assert getattr(row, field.name) == getattr(notes, field.name)
    head = json.loads((made / "dataset.json").read_text())
    assert head == {"schema": "avlib-clips", "version": 1, "name": "three", "made_by": "a test"}


def test_writing_the_index_again_keeps_the_name(folder):
    write_clip(folder, record("c"))
    write_index(folder)
    assert json.loads((folder / "dataset.json").read_text())["name"] == "three"
    assert len(read_index(folder)) == 4
    assert validate(folder) == []


def test_schemas_are_schemas_and_are_shipped():
    for kind in ("clip", "dataset"):
        jsonschema.Draft202012Validator.check_schema(clipfolder.schema(kind))


# ---------------------------------------------------------------- complete or absent


def test_a_clip_that_is_there_is_kept(folder):
    before = (clip_path(folder, "a") / "audio.flac").read_bytes()
    write_clip(folder, record("a", seed=1))
    assert (clip_path(folder, "a") / "audio.flac").read_bytes() == before
    write_clip(folder, record("a", seed=1), overwrite=True)
    assert (clip_path(folder, "a") / "audio.flac").read_bytes() != before
    assert validate(folder) == []


@pytest.mark.parametrize("stop", ["_write_flac", "write_video", "_annotations"])
def test_an_interruption_leaves_nothing(tmp_path, monkeypatch, stop):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, stop, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_clip(tmp_path, record())
    assert not has_clip(tmp_path, "a")
    assert not list((tmp_path / "clips").iterdir())
    monkeypatch.undo()
    write_clip(tmp_path, record())
    assert has_clip(tmp_path, "a")


def test_what_a_killed_export_left_is_replaced_and_removed(folder):
    broken = clip_path(folder, "c")
    broken.mkdir()
    (broken / "audio.flac").touch()
    left = folder / "clips" / f".d~{HERE}~{ended_process()}~xyz.tmp"
    left.mkdir()
    (left / "media.mp4").touch()
    (folder / f".index.csv~{HERE}~{ended_process()}~1.tmp").touch()
    assert not has_clip(folder, "c")
    found = [str(p) for p in validate(folder)]
    due = f"clips/{left.name}: is left over"
    assert any(due in f and "remove_leftovers" in f for f in found)
    assert any("clips/c/annotations.json" in f for f in found)
    assert remove_leftovers(folder) == 2
    write_clip(folder, record("c"))
    write_index(folder)
    assert validate(folder) == []


def test_what_another_process_is_writing_stays(folder, monkeypatch):
    """Not what a live process writes, nor what is young and of a writer who cannot be asked."""
    alive, foreign = f".d~{HERE}~{os.getppid()}~a.tmp", f".d~elsewhere~{ended_process()}~a.tmp"
    for name in (alive, foreign, ".d-abc.tmp", f".d~{HERE}~{ended_process()}~a.tmp"):
        (folder / "clips" / name).mkdir()
        (folder / "clips" / name / "audio.flac").touch()
    index = folder / f".index.csv~{HERE}~{os.getpid()}~1.tmp"
    index.touch()
    assert not any(alive in str(p) or index.name in str(p) for p in validate(folder))
    assert remove_leftovers(folder) == 1  # the dead one's
    there = {p.name for p in (folder / "clips").glob(".*")}
    assert there == {alive, foreign, ".d-abc.tmp"}
    now = time.time()
    os.utime(folder / "clips" / foreign, (now - 4000, now - 4000))
    assert remove_leftovers(folder) == 0  # its folder is old, a file in it is new
    monkeypatch.setattr(leftovers.time, "time", lambda: now + 3700)
    assert remove_leftovers(folder) == 2
    assert {p.name for p in (folder / "clips").glob(".*")} == {alive}
    assert index.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_zombie_writes_no_more(folder):
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()  # the end of the file is the end of the process, or nearly
    (folder / f".index.csv~{HERE}~{process.pid}~1.tmp").touch()
    end = time.monotonic() + 10
    while not (count := remove_leftovers(folder)) and time.monotonic() < end:
        time.sleep(0.01)
    process.wait()
    process.stdout.close()
    assert count == 1


def test_a_clip_is_written_under_its_writers_name(tmp_path, monkeypatch):
    seen = []

    def watched(path, *args):
        seen.append(path.parent.name)
        assert remove_leftovers(tmp_path) == 0  # another export begins
        write_video(path, *args)

    monkeypatch.setattr("avlib.clipfolder.write.write_video", watched)
    write_clip(tmp_path, record())
    assert f"~{HERE}~{os.getpid()}~" in seen[0]
    write_index(tmp_path)
    assert validate(tmp_path) == []


def test_two_writers_of_one_clip_do_not_hurt(tmp_path, monkeypatch):
    """Another process finishes the same clip while this one still writes."""
    files = writing._write_files

    def slow(place, mine):
        files(place, mine)
        monkeypatch.setattr(writing, "_write_files", files)
        write_clip(tmp_path, record(seed=5))

    monkeypatch.setattr(writing, "_write_files", slow)
    write_clip(tmp_path, record(seed=0))
    write_index(tmp_path)
    assert validate(tmp_path) == []
    assert len(list((tmp_path / "clips").iterdir())) == 1


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "name", ["../a", "a/b", "", ".hidden", "a\\b", "/etc", "a b", "a\n", "x" * 129]
)
def test_names_that_could_lead_elsewhere_are_refused(tmp_path, name):
    for use in (
        lambda: write_clip(tmp_path / "f", record(name)),
        lambda: clip_path(tmp_path, name),
        lambda: has_clip(tmp_path, name),
    ):
        with pytest.raises(ClipFolderError, match="cannot name a clip"):
            use()
    assert not list(tmp_path.iterdir())


def test_a_name_in_the_index_cannot_lead_elsewhere(folder):
    text = (folder / "index.csv").read_text().replace("plain-1.x", "../../b")
    (folder / "index.csv").write_text(text)
    with pytest.raises(ClipFolderError, match=r"index\.csv, line 4.*cannot name"):
        read_index(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"categories": ("violin",)}, "1 categories but 2 players"),
        ({"stems": np.zeros((2, 5), np.float32)}, r"stems is \(2, 5\)"),
        ({"stems": np.zeros((2, SAMPLES), np.float32)}, "away from the mixture"),
        ({"boxes": np.zeros((3, 2, 4), np.float32)}, r"boxes is \(3, 2, 4\)"),
        ({"joints": np.zeros((COUNT, 1, 60, 3), np.float32)}, "joints is"),
        ({"sounding": np.ones((COUNT, 3), bool)}, "sounding is"),
        ({"split": "dev"}, "split 'dev'"),
        ({"fps": 5}, "8 pictures at 5/s but 2.000 s"),
        ({"players": ("a;b", "c")}, "';'"),
        ({"mixture": np.full(SAMPLES, 1.5, np.float32)}, "beyond"),
        ({"mixture": np.full(SAMPLES, np.nan, np.float32)}, "not finite"),
        ({"notes": [[]]}, "notes of 1 players"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(tmp_path, changes, says):
    changes = {"stems": None} | changes if "mixture" in changes else changes
    wrong = record()
    for key, value in changes.items():
        # past jaxtyping, which checks shapes while tests run, but not when users do
        object.__setattr__(wrong, key, value)
    with pytest.raises(ClipFolderError, match=rf"clip 'a' is not written.*{says}"):
        write_clip(tmp_path, wrong)
    assert not list(tmp_path.iterdir())


def test_odd_sizes_and_strange_rates_are_refused(tmp_path):
    with pytest.raises(VideoError, match="even sizes"):
        write_clip(tmp_path, record(frames=np.zeros((COUNT, 31, 48, 3), np.uint8)))
    with pytest.raises(VideoError, match="AAC has no rate"):
        write_clip(tmp_path, record(rate=11000, fps=11000 * COUNT / SAMPLES))
    assert not list((tmp_path / "clips").iterdir())


def test_reading_what_is_not_there(folder, tmp_path):
    with pytest.raises(ClipFolderError, match="no such folder"):
        read_index(tmp_path / "nowhere")
    with pytest.raises(ClipFolderError, match=r"dataset\.json: no such file"):
        read_index(tmp_path)
    with pytest.raises(ClipFolderError, match=r"annotations\.json: no such file"):
        read_annotations(clip_path(folder, "zzz"))
    with pytest.raises(ClipFolderError, match=r"audio\.flac: no such file"):
        read_waves(clip_path(folder, "zzz"))
    with pytest.raises(ClipFolderError, match="it has 22050"):
        read_waves(clip_path(folder, "a"), 22000, 51)
    with pytest.raises(ClipFolderError, match="no clips"):
        write_index(tmp_path / "empty")
    (folder / "index.csv").unlink()
    with pytest.raises(ClipFolderError, match=r"index\.csv.*write_index"):
        read_index(folder)


# ---------------------------------------------------------------- the validator


def edit(folder, clip="a", **changes):
    path = clip_path(folder, clip) / "annotations.json"
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(data))


def boxed(values, at=(2, 1)):
    def change(folder):
        path = clip_path(folder, "a") / "annotations.json"
        data = json.loads(path.read_text())
        data["boxes"][at[0]][at[1]] = values
        path.write_text(json.dumps(data))

    return change


def rewrite_flac(name, change, rate=RATE, subtype="PCM_24"):
    def spoil(folder):
        path = clip_path(folder, "a") / name
        wave, _ = soundfile.read(path, dtype="float64")
        soundfile.write(path, change(wave), rate, subtype=subtype)

    return spoil


def louder(wave):
    wave = wave.copy()
    wave[777] += 1e-5
    return wave


def joints(**arrays):
    return lambda f: np.savez(clip_path(f, "a") / "joints.npz", **arrays)


def swap_media(folder):
    write_video(clip_path(folder, "a") / "media.mp4", np.zeros((9, 32, 32, 3), np.uint8), 4.5)


def index(change):
    def spoil(folder):
        path = folder / "index.csv"
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        rows = change(rows)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    return spoil


def unlink(name):
    return lambda f: (f / name).unlink()


def cut(name):
    def spoil(folder):
        path = folder / name
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    return spoil


A = "clips/a/"
SPOILT = {
    "no dataset": (unlink("dataset.json"), "dataset.json", "no such file"),
    "newer": (lambda f: edit(f, version=2), A + "annotations.json", "version 2.*update avlib"),
    "dataset newer": (
        lambda f: (f / "dataset.json").write_text('{"schema": "avlib-clips", "version": 7}'),
        "dataset.json",
        "version 7.*update avlib",
    ),
    "not json": (cut(A + "annotations.json"), A + "annotations.json", "is not JSON"),
    "schema": (lambda f: edit(f, colour="red"), A + "annotations.json", "'colour' was unexpected"),
    "type": (lambda f: edit(f, rate="11025"), A + "annotations.json", "rate: '11025' is not"),
    "split": (lambda f: edit(f, split="dev"), A + "annotations.json", "split: 'dev'"),
    "no media": (unlink(A + "media.mp4"), A + "media.mp4", "no such file"),
    "no audio": (unlink(A + "audio.flac"), A + "audio.flac", "missing"),
    "no stem": (unlink(A + "stems/1.flac"), A + "stems", "1 stems for 2 players"),
    "stem hole": (unlink(A + "stems/0.flac"), A + "stems", "0.flac, 1.flac"),
    "no stems": (
        lambda f: shutil.rmtree(f / A / "stems"),
        A + "stems",
        "is missing",
    ),
    "stems unlisted": (lambda f: edit(f, stems=False), A + "stems", "there are no stems"),
    "no joints": (unlink(A + "joints.npz"), A + "joints.npz", "no such file"),
    "joints unlisted": (lambda f: edit(f, joints=None), A + "joints.npz", "not in the annot"),
    "joints shape": (
        joints(joints=np.zeros((COUNT, 2, 18, 3))),
        A + "joints.npz",
        r"\(8, 2, 18, 3\) where \(8, 2, 60, 3\)",
    ),
    "joints name": (joints(pose=np.zeros(3)), A + "joints.npz", "holds no joints"),
    "joints nan": (
        joints(joints=np.full((COUNT, 2, 60, 3), np.nan)),
        A + "joints.npz",
        "not finite",
    ),
    "joints cut": (cut(A + "joints.npz"), A + "joints.npz", "holds no joints"),
    "short audio": (
        rewrite_flac("audio.flac", lambda w: w[:-10]),
        A + "audio.flac",
        "22040 samples, 22050 are due",
    ),
    "short stem": (
        rewrite_flac("stems/1.flac", lambda w: w[:-1]),
        A + "stems/1.flac",
        "22049 samples",
    ),
    "rate": (rewrite_flac("audio.flac", lambda w: w, 16000), A + "audio.flac", "rate 16000"),
    "stereo": (
        rewrite_flac("audio.flac", lambda w: np.stack([w, w], 1)),
        A + "audio.flac",
        "2 channels",
    ),
    "sum": (rewrite_flac("stems/0.flac", louder), A + "audio.flac", "sum of the stems by up to 1"),
    "audio cut": (cut(A + "audio.flac"), A, "damaged|cannot be read|Error"),
    "media cut": (cut(A + "media.mp4"), A + "media.mp4", "cut off"),
    "media other": (swap_media, A + "media.mp4", "pictures 9, annotations say 8"),
    "media width": (swap_media, A + "media.mp4", "width 32, annotations say 48"),
    "media fps": (swap_media, A + "media.mp4", "4.5 fps"),
    "media silent": (swap_media, A + "media.mp4", "has no sound"),
    "categories": (
        lambda f: edit(f, categories=["violin"]),
        A + "annotations.json",
        "1 categories but 2 players",
    ),
    "frames": (lambda f: edit(f, fps=5), A + "annotations.json", "8 frames, but 2.0 s at 5/s"),
    "sounding": (lambda f: edit(f, sounding=[[True, True]]), A + "annotations.json", r"\(1, 2\)"),
    "box out": (boxed([4, 5, 49, 20]), A + "annotations.json", r"boxes\[2\]\[1\] is out of"),
    "box above": (boxed([4, -2, 40, 20]), A + "annotations.json", r"boxes\[2\]\[1\] is out of"),
    "box empty": (boxed([20, 5, 20, 20]), A + "annotations.json", "is empty"),
    "box short": (boxed([20, 5, 30]), A + "annotations.json", "boxes/2/1"),
    "wrong folder": (
        lambda f: (f / "clips/a").rename(f / "clips/c"),
        "clips/c/annotations.json",
        "is of clip 'a'",
    ),
    "bad folder": (lambda f: (f / "clips/a b").mkdir(), "clips/a b", "cannot name a clip"),
    "stray": (lambda f: (f / "clips/notes").touch(), "clips/notes", "is not a folder"),
    "index twice": (index(lambda r: [*r, r[0]]), "index.csv", "lists clip a more than once"),
    "index less": (index(lambda r: r[1:]), "index.csv", "does not list clip a"),
    "index more": (
        index(lambda r: [*r, r[0] | {"clip": "zz"}]),
        "index.csv",
        "lists clip zz, which has no folder",
    ),
    "index other": (
        index(lambda r: [r[0] | {"split": "train"}, *r[1:]]),
        "index.csv",
        "clip a: split is 'train', its annotations say 'test'",
    ),
    "index column": (
        index(lambda r: [{k: v for k, v in row.items() if k != "fps"} for row in r]),
        "index.csv",
        "lacks the columns",
    ),
    "index value": (index(lambda r: [r[0] | {"rate": "x"}]), "index.csv", "line 2"),
}


def test_a_sound_folder_has_no_problems(made):
    assert validate(made) == []


@pytest.mark.parametrize("case", SPOILT)
def test_everything_that_can_be_wrong_is_named(folder, case):
    spoil, file, says = SPOILT[case]
    spoil(folder)
    found = validate(folder)
    matching = [p for p in found if p.file.startswith(file)]
    assert matching, [str(p) for p in found]
    assert any(re.search(says, str(p)) for p in matching), [str(p) for p in found]
    assert all(p.fix for p in found)
    assert str(folder) not in "".join(p.file for p in found)


def test_problems_are_all_reported_not_only_the_first(folder):
    (clip_path(folder, "a") / "media.mp4").unlink()
    (clip_path(folder, "b") / "audio.flac").unlink()
    edit(folder, "plain-1.x", version=9)
    assert {p.file.split("/")[1] for p in validate(folder)} == {"a", "b", "plain-1.x"}
    (only,) = validate(folder / "nothing")
    assert only.problem == "no such folder"


def test_quantised_sums_are_tolerated_and_sums_can_be_skipped(folder):
    """Someone else's writer rounds every file by itself: up to a step each is no problem."""

    def off_by_one_step(wave):
        return np.clip(wave + 2**-23 * np.where(np.arange(len(wave)) % 2, 1, -1), -1, 1 - 2**-23)

    rewrite_flac("audio.flac", off_by_one_step)(folder)
    assert validate(folder) == []
    rewrite_flac("stems/0.flac", louder)(folder)
    assert len(validate(folder)) == 1
    assert validate(folder, sums=False) == []


def test_reading_frames_of_a_clip_is_exact(made):
    frames = read_frames(clip_path(made, "b") / "media.mp4", indices=[5, 2])
    assert frames.mean((1, 2, 3)) == pytest.approx([150, 60], abs=3)
