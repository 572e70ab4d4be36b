"""SeCo's data: joints, attributes, noise, partners, mixtures of three, held-out categories."""

import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

import avlib.orchestra.scene as scenes
from avlib.audio import SECO, FrontEnd
from avlib.clipfolder import clip_path
from avlib.data import (
    ESTIMATOR,
    SPLITS,
    Clip,
    ClipError,
    ClipFolder,
    Entry,
    JointNoise,
    MixAndSeparate,
    Orchestra,
    Remembered,
    attributes_input,
    category_split,
    check_categories,
    check_disjoint,
    draw_companion,
    eval_loader,
    joints_input,
    load_pairs,
    noisy_joints,
    performance,
    player_split,
    seco_mixes,
    seco_view,
    sop_view,
    stored_mixes,
    train_loader,
)
from avlib.orchestra.export import Export, export_videos
from avlib.orchestra.instruments import INSTRUMENTS, MUSIC21
from avlib.orchestra.scene import make_scene
from avlib.orchestra.score import Note
from avlib.skeleton import LEFT_HAND, MIRRORED, RIGHT_HAND
from avlib.video import SeCoAugment

SHORT = FrontEnd(11025, 11025, 1022, 256)
TINY = seco_view(32, frames=6, seconds=1.0)  # read at 40 pixels
ALL = ("frames", "joints", "attributes")
FOUR = ("cello", "flute", "tuba", "xylophone")


def mixes(source=None, train=True, length=5, n=2, **settings):
    settings = {"front_end": SHORT, "view": TINY} | settings
    return MixAndSeparate(
        source or Orchestra("train", FOUR), n, "seco", length=length, train=train, **settings
    )


def clip_of(joints=None, size=(40, 40), **settings):
    frames = 1 if joints is None else len(joints)
    blank = Clip(
        "a", ("violin",), ("violin-00",), np.zeros(11025, np.float32), 11025,
        np.zeros((frames, *size, 3), np.uint8), 4.0, np.arange(frames) / 4, joints=joints,
    )  # fmt: skip
    return replace(blank, **settings)


class Spoiled:
    """An orchestra of solos of which some are changed after reading."""

    def __init__(self, changes, length=6, **settings):
        self.inner = Orchestra("train", FOUR, length=length, **settings)
        self.changes, self.split = changes, "train"
        self.entries = self.inner.entries[:]

    def __len__(self):
        return len(self.entries)

    def read(self, index, *args, **settings):
        clip = self.inner.read(index, *args, **settings)
        return self.changes.get(index, lambda same: same)(clip)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three clips of 3 s, of three categories."""
    place = tmp_path_factory.mktemp("seco") / "clips"
    export_videos(
        place, 3, split="train", players=1, instruments=("cello", "flute", "tuba"),
        seconds=3.0, fps=4.0, size=48, rate=11025, workers=1, progress=False,
    )  # fmt: skip
    assert len({entry.categories for entry in ClipFolder(place).entries}) >= 2
    return place


# --- without pictures -----------------------------------------------------------------------


def test_a_scene_without_pictures_is_the_same_but_for_them(monkeypatch):
    settings = {"hard": ("poster", "occlusion"), "size": (30, 40), "frame_times": (1.0, 2.5, 3.0)}
    full = make_scene(5, ("cello", "banjo"), **settings)
    for name in ("paint", "draw_room", "draw_occluder", "_picture_on_wall"):
        monkeypatch.delattr(scenes, name)  # nothing is drawn
    bare = make_scene(5, ("cello", "banjo"), pictures=False, **settings)
    assert bare.frames.shape == (0, 30, 40, 3)
    for name in ("stems", "mixture", "boxes", "instrument_boxes", "joints", "sounding"):
        assert np.array_equal(getattr(bare, name), getattr(full, name)), name
    assert (bare.notes, bare.fps, bare.players) == (full.notes, full.fps, full.players)


@pytest.mark.parametrize("size", [None, 20, (32, 24)])
def test_a_clip_without_pictures_has_its_joints_in_the_same_pixels(folder, size):
    for source in (Orchestra("train", FOUR, size=40), ClipFolder(folder)):
        full = source.read(1, 1.0, 1.0, size=size)
        bare = source.read(1, 1.0, 1.0, size=size, pictures=False)
        assert bare.frames.shape == (0, *full.frames.shape[1:])
        assert len(full.frames) == len(full.joints) == len(bare.joints)
        assert np.array_equal(bare.joints, full.joints)
        assert np.array_equal(bare.wave, full.wave)
        assert torch.equal(joints_input(bare), joints_input(full))
        assert bare.notes == full.notes


# --- joints that follow the pictures --------------------------------------------------------


@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("size", [(40, 40), (60, 90), (90, 60)])
def test_joints_stay_on_the_pixels_that_were_cut_and_mirrored(jitter, size):
    """A white block drawn on the right wrist is where that joint says it is, under its new name."""
    augment = SeCoAugment(32, 40, scale_jitter=jitter)
    height, width = size
    joints = np.zeros((1, 1, 60, 3), np.float32)
    joints[0, 0, 4] = (0.55 * width, 0.5 * height, 1)  # in every crop
    clip = clip_of(joints, size)
    y, x = round(0.5 * height), round(0.55 * width)
    clip.frames[0, y - 3 : y + 3, x - 3 : x + 3] = 255
    mirrors = 0
    for seed in range(12):
        same = [torch.Generator().manual_seed(seed) for _ in range(2)]
        picture = augment(clip.frames, same[0])[0, 0]
        placement = augment.place(height, width, same[1])
        assert torch.equal(same[0].get_state(), same[1].get_state())
        found = joints_input(clip, placement)[0, :, 0]
        name = 7 if placement.mirrored else 4  # in a mirror it is a left wrist
        mirrors += placement.mirrored
        assert found[2].nonzero().flatten().tolist() == [name]
        bright = (picture - picture.min()).double()
        rows, columns = bright.sum(1), bright.sum(0)
        place = torch.arange(32).double() + 0.5
        centre = torch.stack([columns @ place / columns.sum(), rows @ place / rows.sum()])
        assert (found[:2, name] - (centre / 16 - 1)).abs().max() < 1 / 16  # of a pixel of 32
    assert 2 <= mirrors <= 10


def test_the_test_crop_by_hand():
    joints = np.zeros((1, 1, 60, 3), np.float32)
    joints[0, 0, :4] = [(80, 16, 1), (144, 80, 0.5), (0, 160, 0.25), (3, 4, 0)]
    clip = clip_of(joints, (160, 160))
    found = joints_input(clip, SeCoAugment().place(160, 160))[0, :, 0]
    assert found[:, 0].tolist() == [0, -1, 1]
    assert found[:, 1].tolist() == [1, 0, 0.5]
    assert found[:, 2].tolist() == [-1.25, 1.25, 0.25]  # cut off: beyond the square, and still sure
    assert found[:, 3].tolist() == [0, 0, 0]
    double = joints_input(replace(clip, frames=np.zeros((1, 80, 320, 3), np.uint8)),
                          SeCoAugment().place(80, 320))  # fmt: skip
    assert double[0, :2, 0, 0].tolist() == [-0.625, -0.75]  # x halved, y doubled: 40, 32 of 160


def test_a_mirror_image_swaps_left_and_right():
    joints = np.zeros((2, 1, 60, 3), np.float32)
    joints[:, 0] = np.random.default_rng(0).uniform(5, 35, (2, 60, 3))
    joints[..., 2] = np.arange(1, 61) / 60
    upright = SeCoAugment(32, 40).place(40, 40)
    straight = joints_input(clip_of(joints), upright)
    turned = joints_input(clip_of(joints), replace(upright, mirrored=True))
    for joint in range(60):
        want = straight[0, :, :, MIRRORED[joint]] * torch.tensor([[-1.0], [1.0], [1.0]])
        assert torch.equal(turned[0, :, :, joint], want)
    assert torch.equal(turned[..., LEFT_HAND][:, 2], straight[..., RIGHT_HAND][:, 2])


def test_sights_change_nothing_but_what_is_shown():
    source = Remembered(Orchestra("train", FOUR, seconds=2.0), 5)
    whole, plain = mixes(source, sights=ALL, partners=True), mixes(source)
    joints, truth = mixes(source, sights=("joints",)), mixes(source, sights=("attributes",))
    straight = replace(TINY, augment=SeCoAugment(32, 40, 0.0))
    mirrored = 0
    for index in range(4):
        item, upright = whole[index], mixes(source, sights=("joints",), view=straight)[index]
        for key in ("waves", "mixture", "frames"):
            assert torch.equal(item[key], plain[index][key])
        assert torch.equal(item["joints"], joints[index]["joints"])
        assert torch.equal(item["attributes"], truth[index]["attributes"])
        assert item["joints"].shape == (2, 3, 6, 60)
        assert item["attributes"].shape == (2, 9 + 2 * 6)
        assert item["joints"].dtype == item["attributes"].dtype == torch.float32
        mirrored += int((item["joints"] != upright["joints"]).flatten(1).any(1).sum())
    assert 1 <= mirrored <= 7
    assert "frames" not in joints[0]
    assert not {"joints", "attributes", "partners"} & plain[0].keys()


def test_evaluation_shows_the_joints_of_the_middle():
    dataset = mixes(train=False, sights=("joints",))
    plan = dataset.plan(1)
    assert plan.starts == (27563, 27563)
    times = TINY.times(dataset.source.entries[plan.entries[1]], 27563 / 11025, 1.0)
    clip = dataset.source.read(plan.entries[1], frame_times=times, size=40)
    crop = joints_input(clip, SeCoAugment(32, 40).place(40, 40))
    assert torch.equal(dataset[1]["joints"][1], crop[0])
    assert (crop - joints_input(clip)).abs().max() > 0.05  # 32 of 40: another scale


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sights": ("smell",)}, "sights=.*smell.*one or more of frames, joints, attributes"),
        ({"sights": ()}, "one or more of frames"),
        ({"sights": "joints"}, "in a tuple"),
        ({"sights": ("joints",), "view": sop_view(32)}, "cannot follow .* SoPAugment; use seco_vi"),
        ({"joint_noise": ESTIMATOR}, "joint_noise without joints"),
    ],
)
def test_sights_that_make_no_sense_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        mixes(**settings)


# --- the oracle -----------------------------------------------------------------------------


def test_attributes_by_hand():
    """One second from 1 s on, in four moments; a chord, a note across an edge, one outside."""
    notes = (
        Note(0.5, 0.6, 60.0, 0.5),  # begins before; 0.1 s of it in the first moment
        Note(1.25, 0.5, 62.0, 0.8),  # fills moments 1 and 2
        Note(1.25, 0.125, 65.0, 0.4),  # a chord with it: half of moment 1
        Note(2.0, 1.0, 62.0, 1.0),  # too late
    )
    clip = clip_of(notes=(notes,), start_s=1.0, categories=("banjo",))
    vector = attributes_input(clip, 4)[0]
    register = [(50 - 60) / 24, (79 - 60) / 24, 2 / 4]
    want = [*register, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0.5 * 0.4, 0.8 + 0.2, 0.8, 0]
    assert vector.tolist() == pytest.approx(want, abs=1e-6)
    silent = attributes_input(replace(clip, notes=((),), categories=("Acoustic_guitar",)), 4)[0]
    assert silent[3:9].tolist() == [0, 0, 1, 0, 0, 0]
    assert silent[9:].abs().sum() == 0


def test_attributes_of_an_item_are_those_of_its_segment():
    source = Orchestra("train", FOUR, seconds=8.0)
    dataset = mixes(source, sights=("attributes",))
    for index in range(2):
        plan, item = dataset.plan(index), dataset[index]
        for side, place in enumerate(plan.entries):
            entry, start = source.entries[place], plan.starts[side] / 11025
            played = make_scene(entry.seed, entry.categories, (), 8.0, players=entry.numbers,
                                frames=1, size=8).notes[0]  # fmt: skip
            begins = sum(start <= note.onset_s < start + 1.0 for note in played)
            assert item["attributes"][side, 9:15].sum() == begins
            who = INSTRUMENTS[entry.categories[0]]
            assert item["attributes"][side, 0] == np.float32((who.low - 60) / 24)
    assert mixes(view=seco_view(32), sights=("attributes",))[0]["attributes"].shape == (2, 57)


def test_attributes_of_an_exported_folder_are_the_orchestras(folder):
    source = ClipFolder(folder)
    names = ("cello", "flute", "tuba")
    drawn = Export(1, 0, "train", names, 3.0, 4.0, 48, 11025, 0.0, ()).programme(1)
    scene = make_scene(drawn.seed, drawn.instruments, (), 3.0, 1, 8, players=drawn.players)
    assert source.entries[1].categories == scene.instruments
    theirs = clip_of(
        notes=scene.notes, start_s=0.5, wave=np.zeros(22050, np.float32),
        categories=scene.instruments,
    )  # fmt: skip
    ours = source.read(1, 0.5, 2.0, pictures=False)
    assert torch.allclose(attributes_input(ours), attributes_input(theirs), atol=1e-3)
    assert attributes_input(ours)[0, 9:33].sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"notes": None}, "'a' has no notes, and attributes are made of them"),
        ({"notes": ((),), "categories": ("kazoo",)}, "'a' has no attributes: unknown category 'ka"),
    ],
)
def test_attributes_nobody_knows_are_an_error(change, message):
    with pytest.raises(ClipError, match=message):
        attributes_input(clip_of(**change))


# --- noise ----------------------------------------------------------------------------------


def steady(frames=400, players=5):
    joints = np.full((frames, players, 60, 3), 100, np.float32)
    joints[..., 2] = 0.9
    return joints


def test_noise_is_as_strong_as_it_says():
    joints = steady()
    found = noisy_joints(joints, np.random.default_rng(0), 80)
    assert found.dtype == np.float32
    assert found.shape == joints.shape
    assert (joints == steady()).all()  # what comes in is not changed
    seen = found[..., 2] > 0
    moved = (found[..., :2] - 100)[seen]
    assert moved.std() == pytest.approx(1.0, abs=0.01)  # 0.0125 of 80 pixels
    assert abs(moved.mean()) < 0.01
    assert (~seen[..., :18]).mean() == pytest.approx(0.05, abs=0.004)
    for hand in (LEFT_HAND, RIGHT_HAND):
        lost = (~seen[:, :, hand]).all(-1)
        assert lost.mean() == pytest.approx(0.2, abs=0.04)
        begins = (lost[1:] & ~lost[:-1]).sum()
        assert lost.sum() / begins == pytest.approx(4.0, rel=0.25)  # a gap's mean length
    assert (found[~seen] == 0).all()  # as OpenPose writes what it did not find


def test_noise_never_improves_a_player():
    joints = steady(60)
    joints[::3, :, 5, 2] = 0
    found = noisy_joints(joints, np.random.default_rng(1), 80)
    assert (found[..., 2] <= joints[..., 2]).all()
    assert (found[::3, :, 5] == 0).all()
    seen = found[..., 2] > 0
    off = np.linalg.norm(found[..., :2] - 100, axis=-1)
    near, far = (found[..., 2][seen & part].mean() for part in (off < 0.7, off > 2.0))
    assert far < 0.65 * near  # less sure where it is worse
    sure = found[..., 2][seen] / (0.9 * np.exp(-(off[seen] ** 2) / 8))  # sigma is 1 px
    assert 0.59 < sure.min() < 0.65
    assert 0.95 < sure.max() < 1.01


def test_noise_of_no_strength_is_none_and_strengths_do_not_mix():
    joints = steady(20)
    none = JointNoise(0.0, 0.0, 0.0, 4.0, 1.0)
    assert np.array_equal(noisy_joints(joints, np.random.default_rng(0), 80, none), joints)
    shaken, also_lost = (
        noisy_joints(joints, np.random.default_rng(0), 80, replace(none, jitter=0.01, **more))
        for more in ({}, {"hands_lost": 1.0})
    )
    assert np.array_equal(shaken[:, :, :18], also_lost[:, :, :18])
    assert (also_lost[:, :, 18:] == 0).all()
    assert (shaken[..., 2] > 0).all()
    assert np.allclose(shaken[..., :2] - 100,  # twice the picture, twice the pixels
                       (noisy_joints(joints, np.random.default_rng(0), 160, replace(none, jitter=.01))[..., :2] - 100) / 2, atol=1e-4)  # noqa: E501  # fmt: skip


@pytest.mark.parametrize(
    "settings", [{"dropped": 1.5}, {"jitter": -1.0}, {"hands_lost": 0.9, "lost_frames": 2.0}]
)
def test_noise_that_makes_no_sense_is_an_error(settings):
    with pytest.raises(ValueError, match="JointNoise"):
        JointNoise(**settings)


@pytest.mark.parametrize("train", [True, False])
def test_noise_of_an_item_follows_its_index(train):
    noisy, clean = (mixes(train=train, sights=("joints",), joint_noise=noise)
                    for noise in (ESTIMATOR, None))  # fmt: skip
    for index in (0, 3):
        one, other = noisy[index]["joints"], clean[index]["joints"]
        again = mixes(train=train, length=40, sights=ALL, joint_noise=ESTIMATOR)[index]
        assert torch.equal(one, again["joints"])
        assert torch.equal(again["waves"], clean[index]["waves"])
        both = (one[:, 2] > 0) & (other[:, 2] > 0)
        off = (one[:, :2] - other[:, :2]).abs().amax(1)[both] * 16  # pixels of the square
        assert 0.2 < off.mean() < 1.2  # 0.0125 of 40 pixels is 0.5
        assert not torch.equal(one[0, 2], one[1, 2])  # each source has its own
    lost = [noisy[index]["joints"][:, 2] == 0 for index in (0, 3)]
    assert not torch.equal(*lost)


# --- partners -------------------------------------------------------------------------------


def test_partners_are_other_clips_of_the_same_categories():
    source = Orchestra("train", FOUR, seconds=3.0)
    dataset = mixes(source, partners=True)
    batch = next(iter(train_loader(dataset, 2, steps=1)))
    assert batch["partners"].shape == (2, 2, 11025)
    starts = set()
    for index in range(3):
        plan, item = dataset.plan(index), dataset[index]
        assert plan == dataset.plan(index)
        assert (plan.entries, plan.starts) == (mixes(source).plan(index).entries,
                                               mixes(source).plan(index).starts)  # fmt: skip
        for side, (place, start) in enumerate(zip(plan.partners, plan.partner_starts, strict=True)):
            entry = source.entries[place]
            assert place != plan.entries[side]
            assert ";".join(entry.categories) == item["categories"][side]
            assert item["partner_names"][side] == entry.name
            wave = source.read(place, start / 11025, 1.0, (start / 11025,), 8).wave
            assert np.array_equal(item["partners"][side], wave)
            starts.add(start)
    assert len(starts) == 6
    assert max(starts) > 11025  # anywhere in 3 s
    test = mixes(source, train=False, partners=True)
    plans = [test.plan(index) for index in range(5)]
    assert {plan.starts for plan in plans} == {(11025, 11025)}
    assert len({plan.partner_starts for plan in plans}) == 5  # in evaluation, too


def test_the_only_clip_of_a_category_is_its_own_partner():
    crowd = tuple(
        Entry(str(k), (label,), (label,), 9.0, "train", 4.0, str(k))
        for k, label in enumerate(["cello", "tuba", "tuba", "flute", "tuba"])
    )
    rng = np.random.default_rng(0)
    assert {draw_companion(crowd, 0, rng) for _ in range(5)} == {0}
    drawn = Counter(draw_companion(crowd, 1, rng) for _ in range(400))
    assert set(drawn) == {2, 4}
    assert 160 < drawn[2] < 240


# --- mixtures of two, three and four --------------------------------------------------------


@pytest.mark.parametrize(("n", "validation"), [(3, False), (3, True), (4, False)])
def test_mixtures_of_more_than_two_are_the_same_for_everybody(n, validation):
    dataset = seco_mixes("S2", n, validation=validation)
    clips = [[dataset.source.entries[k] for k in places] for places in dataset.pairs]
    assert len(dataset) == len(clips) == 300
    ours = {one.categories[0] for mix in clips for one in mix}
    assert ours == set(category_split("S2")[0 if validation else 1])
    assert all(len({one.categories for one in mix}) == n for mix in clips)
    split = "validation" if validation else "test"
    assert {player_split(one.players[0]) for mix in clips for one in mix} == {split}
    short = seco_mixes("S2", n, count=7, limit=5, validation=validation)
    assert [short.source.entries[k] for k in range(5 * n)] == [one for mix in clips[:5] for one in mix]  # noqa: E501  # fmt: skip
    assert len(short) == 5
    groups = Counter(frozenset(one.categories[0] for one in mix) for mix in clips)
    if not validation:  # of 5 categories: 10 triples, 5 quadruples
        assert len(groups) == {3: 10, 4: 5}[n]
        assert min(groups.values()) > 0.4 * 300 / len(groups)
    other = seco_mixes("S2", n, count=7, seed=1, validation=validation)
    assert other.source.entries != short.source.entries


def test_an_item_of_three_is_their_sum():
    dataset = seco_mixes("S1", 3, front_end=SHORT, view=TINY, limit=2, sights=("joints",))
    item = dataset[1]
    assert item["waves"].shape == (3, 11025)
    assert item["joints"].shape == (3, 3, 6, 60)
    assert torch.allclose(item["waves"].sum(0), item["mixture"], atol=1e-6)
    entry = dataset.source.entries[dataset.pairs[1][2]]
    scene = make_scene(entry.seed, entry.categories, split="test", players=entry.numbers,
                       frames=1, size=8)  # fmt: skip
    assert np.array_equal(item["waves"][2], scene.mixture[27563 : 27563 + 11025])


def test_mixtures_of_two_are_the_stored_pairs():
    dataset = seco_mixes("S3", 2, sights=("joints",), view=TINY, joint_noise=ESTIMATOR)
    assert [dataset.source.entries[k] for k in dataset.pairs[299]] == [*load_pairs("seco-S3")[299].clips]  # noqa: E501  # fmt: skip
    stored = stored_mixes("seco-S3", front_end=SECO, sights=("joints",), view=TINY,
                          joint_noise=ESTIMATOR)  # fmt: skip
    assert torch.equal(dataset[3]["joints"], stored[3]["joints"])
    assert torch.equal(dataset[3]["waves"], stored[3]["waves"])
    assert len(seco_mixes("S1", 2, validation=True)) == 128
    with pytest.raises(ValueError, match="mix 2 to 4 solos, not 5"):
        seco_mixes("S1", 5)


# --- nothing leaks --------------------------------------------------------------------------


@pytest.mark.parametrize("label", MUSIC21)
def test_every_category_is_on_one_side_of_a_split_or_of_its_rehearsal(label):
    source = Orchestra("train", (label,))
    for split in ("S1", "S1-fold"):
        train, held_out = category_split(split)
        for heard, side in ((True, train), (False, held_out)):
            if label in side:
                check_categories(source, split, heard)
            else:
                what = "trains on" if label in train else "holds out for the test"
                with pytest.raises(ClipError, match=f"{label!r}, which split {split} {what}"):
                    check_categories(source, split, heard)


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_no_test_category_reaches_training_partners_selection_or_attributes(split):
    train, test = category_split(split)
    endless = Orchestra("train", train)
    check_categories(endless, split)
    scored = seco_mixes(split, 3, count=30).source
    check_categories(scored, split, heard=False)
    for source, count in ((endless, 12), (Remembered(endless, 100), 200)):
        dataset = mixes(source, partners=True, sights=("attributes",), length=10)
        plans = [dataset.plan(index) for index in range(count)]
        places = {p for plan in plans for p in plan.entries + plan.partners}
        drawn = [source.entries[place] for place in places]
        played = {one.categories[0] for one in drawn}
        assert played <= set(train)
        assert {player_split(one.players[0]) for one in drawn} == {"train"}
        check_disjoint(drawn, scored.entries, by=("players", "categories"))
    assert played == set(train)
    registers = {(INSTRUMENTS[name].low, INSTRUMENTS[name].high) for name in train}
    for index in range(2):
        item = dataset[index]
        assert set(item["categories"]) <= set(train)
        for vector in item["attributes"]:
            assert tuple((vector[:2] * 24 + 60).round().int().tolist()) in registers
    choosing = seco_mixes(split, 3, count=30, validation=True)
    for select in (stored_mixes(f"seco-{split}-validation"), choosing):
        check_categories(select.source, split)
        check_disjoint(select.source.entries, drawn)
        heard = {one.categories[0] for one in select.source.entries}
        assert not heard & set(test)


def listed(*categories):
    class Listed:
        split = "train"
        entries = tuple(
            Entry(f"clip{k}", labels, labels, 9.0, "train", 8.0, f"clip{k}")
            for k, labels in enumerate(categories)
        )

        def __len__(self):
            return len(self.entries)

        def read(self, *args, **settings):
            raise AssertionError("nothing is read")

    return Listed()


@pytest.mark.parametrize(
    ("source", "split", "heard", "message"),
    [
        (Orchestra("train"), "S1", True, r"the orchestra plays 'banjo', which split S1 holds out"),
        (listed(("cello",), ("Electric_Bass",)), "S1", True,
         r"clip 'clip1' of 'train' plays 'Electric_Bass', which split S1 holds out.*take the clip"),
        (listed(("cello", "piano")), "S2", True, r"clip 'clip0' of 'train' plays 'piano'"),
        (listed(("cello",), ("banjo",)), "S1", False, r"'clip0' of 'train' plays 'cello', which "
         "split S1 trains on"),
        (listed(("cello",), ("harp",)), "S1", True, r"'clip1' .* 'harp', a category that split S1 "
         "does not know; .*accordion"),
        (listed(("kazoo",)), "S3", True, "'clip0' of 'train' plays 'kazoo', a category that split"),
        (Remembered(Orchestra("train", ("cello", "tuba", "flute"), length=9)), "S2", True, "flute"),
    ],
)  # fmt: skip
def test_a_source_with_a_forbidden_category_is_refused(source, split, heard, message):
    with pytest.raises(ClipError, match=message):
        check_categories(source, split, heard)


def test_a_source_with_only_allowed_categories_is_taken(folder):
    check_categories(listed(("acoustic_guitar",), ("Cello",), ("drum",)), "S1")
    check_categories(listed(("banjo",), ("trumpet",)), "S1", heard=False)
    check_categories(ClipFolder(folder), "S1")
    with pytest.raises(ClipError, match="'flute', which split S2 holds out"):
        check_categories(ClipFolder(folder), "S2")
    check_categories(ClipFolder(folder, categories=category_split("S2")[0]), "S2")
    with pytest.raises(ValueError, match="unknown category split 'S9'"):
        check_categories(listed(("cello",)), "S9")
    endless = listed(("cello",))
    type(endless).__len__ = lambda self: 2**40
    with pytest.raises(ValueError, match="endless source cannot be checked"):
        check_categories(endless, "S1")


# --- clips kept in memory -------------------------------------------------------------------


class Counting:
    """An orchestra that counts how often it plays."""

    def __init__(self, **settings):
        self.inner, self.reads, self.split = Orchestra("train", FOUR, **settings), 0, "train"
        self.entries = self.inner.entries

    def __len__(self):
        return len(self.inner)

    def read(self, *args, **settings):
        self.reads += 1
        return self.inner.read(*args, **settings)


@pytest.mark.parametrize("players", [1, 2])
def test_what_is_remembered_is_what_was_read_and_is_nobody_elses(players):
    source = Counting(players_per_scene=players)
    memory = Remembered(source, clips=5)
    calls = [
        {},
        {"size": 16, "frame_times": (0.5, 1.0)},
        {"seconds": 6.0, "size": (12, 16)},
        {"seconds": 6.0, "size": (12, 16), "pictures": False},
        {"seconds": 6.0, "rate": 8000, "size": (12, 16)},
    ]
    for call in calls:
        fresh = source.inner.read(2, **call)
        for _ in range(2):
            clip = memory.read(2, **call)
            for name, value in vars(fresh).items():
                same = getattr(clip, name)
                if isinstance(value, np.ndarray):
                    assert np.array_equal(same, value), name
                    assert same.dtype == value.dtype
                    same[...] = 0  # spoils nobody's memory
                else:
                    assert same == value, name
    assert source.reads == len(calls)
    held = memory.held
    for start in (0.0, 1.0):  # parts are read, and fill no memory
        part = memory.read(2, start, 1.0, (start,), 8)
        assert np.array_equal(part.wave, source.inner.read(2, start, 1.0, (start,), 8).wave)
    assert (source.reads, memory.held) == (len(calls) + 2, held)
    assert memory.read(-1, size=8).name == memory.entries[4].name
    with pytest.raises(IndexError):
        memory.read(5)


def test_memory_counts_what_it_holds_and_holds_no_sound_twice():
    memory = Remembered(Orchestra("train", FOUR), clips=3)
    memory.read(0, size=20, frame_times=(0.0, 1.0))
    sight = 2 * (20 * 20 * 3 + 60 * 12 + 16 + 1 + 8)  # pictures, joints, box, sounding, moment
    assert memory.held == 66150 * 4 + sight  # a solo's stem is its sound
    memory.read(0, size=20, frame_times=(0.0,), pictures=False)
    assert memory.held == 66150 * 4 + sight + 60 * 12 + 16 + 1 + 8


def test_items_from_memory_are_the_same_and_cost_no_reading():
    source = Counting(length=5)
    settings = {"front_end": SECO, "sights": ("frames", "joints"), "partners": True}
    memory = mixes(Remembered(source), **settings)
    plain = mixes(source.inner, **settings)
    once, again = plain[0], memory[0]
    for key, value in once.items():
        assert torch.equal(again[key], value) if torch.is_tensor(value) else again[key] == value
    for index in range(6):
        memory[index]
    assert source.reads <= 10  # each clip once to look at, once to listen to
    before = source.reads
    for index in range(6):
        memory[index]
    assert source.reads == before


@pytest.mark.parametrize(
    ("clips", "message"), [(None, "has no end; say clips="), (0, "keep to 1 or more")]
)
def test_memory_has_an_end(clips, message):
    with pytest.raises(ValueError, match=message):
        Remembered(Orchestra("train"), clips)


# --- folders --------------------------------------------------------------------------------


def test_joints_of_a_folder_are_those_of_its_segment(folder):
    source = ClipFolder(folder, "train")
    dataset = mixes(source, sights=ALL, partners=True)
    starts = [start for index in range(40) for start in dataset.plan(index).starts]
    assert min(starts) < 2205  # random in 2 s of room
    assert max(starts) > 19845
    test = mixes(source, train=False, sights=("joints", "frames"))
    plan, item = test.plan(0), test[0]
    assert plan.starts == (11025, 11025)  # the middle second of three
    clip = source.read(plan.entries[1], frame_times=1 + np.arange(6) / 6, size=(40, 40))
    crop = SeCoAugment(32, 40).place(40, 40)
    assert torch.equal(item["joints"][1], joints_input(clip, crop)[0])
    assert torch.equal(item["frames"][1], SeCoAugment(32, 40).test(clip.frames))
    assert dataset[0]["joints"].shape == (2, 3, 6, 60)


def test_clips_of_half_a_minute_begin_anywhere_in_training_and_in_the_middle_otherwise():
    source = listed(*[("cello",), ("tuba",), ("flute",), ("drum",)])
    source.entries = tuple(replace(entry, seconds=30.0) for entry in source.entries)
    dataset = mixes(source, front_end=SECO, partners=True)
    plans = [dataset.plan(index) for index in range(70)]
    for starts in ([s for p in plans for s in p.starts], [s for p in plans for s in p.partner_starts]):  # noqa: E501  # fmt: skip
        assert 0 <= min(starts) < 2 * 11025
        assert 22 * 11025 < max(starts) <= 24 * 11025
    test = mixes(source, front_end=SECO, train=False)
    assert {test.plan(index).starts for index in range(5)} == {(132300, 132300)}  # 12 s


# --- bad input ------------------------------------------------------------------------------


def without_joints(clip):
    return replace(clip, joints=None)


def nobody(clip):
    return replace(clip, joints=clip.joints * np.array([1, 1, 0], np.float32))


def nowhere(clip):
    clip.joints[1, 0, 4, 0] = np.nan
    return clip


def noise_of_nan(clip):
    clip.wave[5] = np.inf
    return clip


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_joints, r"train-0-\d' has no joints; estimate poses first, or use another kind"),
        (nobody, r"train-0-\d': no player found in the skeleton \(player 0 has confidence 0 in all"
         " 6 pictures.*leave the clip out"),
        (nowhere, r"train-0-\d' has joints that are NaN or infinite; .*estimate the poses again"),
        (noise_of_nan, r"train-0-\d' has NaN or infinite samples; write its sound again"),
    ],
)  # fmt: skip
def test_a_bad_clip_is_an_error_that_names_it_or_is_counted(spoil, message):
    spoiled = Spoiled({k: spoil for k in (1, 2)})
    pairs = [(0, 4), (0, 1), (2, 3), (4, 5)]
    settings = {"train": False, "length": None, "pairs": pairs, "sights": ("joints",)}
    with pytest.raises(ClipError, match=message):
        list(mixes(spoiled, **settings))
    dataset = mixes(spoiled, on_error="skip", **settings)
    kept = [index for batch in eval_loader(dataset, 4) for index in batch["index"]]
    assert kept == [0, 3]
    assert len(dataset.missing) == 2


def test_single_pictures_in_which_nobody_is_found_are_fine():
    def blink(clip):
        clip.joints[2] = (np.nan, np.nan, 0)  # as some estimators write it
        return clip

    spoiled = Spoiled(dict.fromkeys(range(6), blink))
    found = mixes(spoiled, sights=("joints",))[0]["joints"]
    assert found.isfinite().all()
    assert (found[:, :, 2] == 0).all()
    assert (found[:, 2, 3] > 0).any()


def test_joints_of_two_players_are_refused():
    duets = Orchestra("train", tuple(MUSIC21), players_per_scene=2, length=40)
    for sight in ("joints", "attributes"):
        with pytest.raises(ClipError, match=r"train-0-\d+' has 2 players; joints and attributes"):
            mixes(duets, sights=(sight,))[0]
    assert mixes(duets)[0]["frames"].shape[0] == 2


def test_a_silent_segment_is_mixed_like_any_other():
    def hush(clip):
        return replace(clip, wave=clip.wave * 0)

    spoiled = Spoiled(dict.fromkeys(range(6), hush))
    for train in (True, False):
        item = mixes(spoiled, train)[0]
        assert (item["waves"] == 0).all()  # and the scores list it: nothing was put in its place
        assert item["missing"] == []


def test_clips_too_short_or_of_one_picture_are_named():
    short = performance(0, ["cello"], [0], "train", seconds=5.9)
    still = Entry("still", ("tuba",), ("tuba",), 9.0, "train", 0.1, "still")
    assert still.pictures == 1
    source = listed(("tuba",), ("flute",))
    source.entries = (replace(short, name="brief"), replace(source.entries[1], seconds=6.0))
    with pytest.raises(ClipError, match=r"'brief' is 5.9 s long, shorter than the 6.000 s asked.*"
                                        "leave it out"):  # fmt: skip
        mixes(source, front_end=SECO).plan(0)
    source.entries = (still, source.entries[1])
    with pytest.raises(ClipError, match=r"'still' has one picture.*seco_view\(frames=1\)"):
        mixes(source).plan(0)
    assert mixes(source, view=seco_view(32, frames=1)).plan(0).entries in {(0, 1), (1, 0)}


def test_sound_of_nan_in_a_file_names_the_file(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    name = ClipFolder(copy).entries[0].name
    path = clip_path(copy, name) / "audio.flac"
    wave, rate = soundfile.read(path, dtype="float32")
    wave[20000] = np.nan
    soundfile.write(path, wave, rate, format="WAV", subtype="FLOAT")
    with pytest.raises(ClipError, match=rf"'{name}': .*audio.flac has NaN or infinite samples"):
        ClipFolder(copy).read(0, 1.0, 1.0)
    assert ClipFolder(copy).read(0, 0.0, 1.0).wave.shape == (11025,)  # before it, all is well
