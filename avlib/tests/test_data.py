"""Splits, sources, stored pairs and mix-and-separate on the Pocket Orchestra."""

import copy
import csv
from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import avlib.data.mixing as mixing
from avlib.audio import COSEP, SECO, SOP, FrontEnd
from avlib.data import (
    ENDLESS,
    FOLDS,
    PAIR_LISTS,
    PARTNER_RULES,
    SPLITS,
    Clip,
    ClipError,
    Entry,
    MixAndSeparate,
    Orchestra,
    TrainSampler,
    View,
    category,
    category_split,
    check_disjoint,
    collate,
    draw_partners,
    eval_loader,
    joints_input,
    load_pairs,
    make_pairs,
    performance,
    player_split,
    random_generator,
    save_pairs,
    seco_view,
    sop_view,
    stored_mixes,
    train_loader,
    video_input,
    whole_split,
)
from avlib.orchestra.instruments import INSTRUMENTS, MUSIC11, MUSIC21, PLAYERS
from avlib.orchestra.scene import make_scene
from avlib.video import SoPAugment

SHORT = FrontEnd(11025, 11025, 1022, 256)
TINY = sop_view(size=32)


def mixes(split="train", rule="sop", train=True, length=5, n=2, seed=0, **settings):
    source = settings.pop("source", None) or Orchestra(split)
    return MixAndSeparate(
        source, n, rule, length=length, seed=seed, train=train, front_end=SHORT, view=TINY,
        **settings,
    )  # fmt: skip


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert torch.equal(value, b[key]) if isinstance(value, torch.Tensor) else value == b[key]
    return True


# --- splits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["S1", "S2", "S3"])
def test_category_splits_are_16_and_5_of_music21(split):
    train, test = category_split(split)
    assert (len(train), len(test)) == (16, 5)
    assert sorted(train + test) == sorted(MUSIC21)
    assert len(MUSIC21) == 21


@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_a_rehearsal_holds_out_training_categories_of_its_split(fold):
    split = whole_split(fold)
    assert (fold, split) == (f"{split}-fold", fold[:2])
    heard, held_out = category_split(fold)
    train, test = category_split(split)
    assert (len(heard), len(held_out)) == (11, 5)
    assert [name for name in train if name in heard + held_out] == list(train)
    assert sorted(heard + held_out) == sorted(train)
    assert not set(heard + held_out) & set(test)
    # Drawn by lot, and not looked at.
    lot = np.random.default_rng(int(fold[1])).choice(16, 5, replace=False)
    assert held_out == tuple(train[k] for k in sorted(lot))


def test_category_splits_are_those_of_the_paper():
    assert category_split("S2")[1] == ("bagpipe", "drum", "flute", "piano", "saxophone")
    assert set.intersection(*(set(test) for test in SPLITS.values())) == {"saxophone"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: category_split("S4"), "unknown category split 'S4'; there are S1, S2, S3"),
        (lambda: category("kazoo"), "unknown category 'kazoo'; known are: accordion"),
        (lambda: Orchestra("tset"), "unknown player split 'tset'; there are train"),
        (lambda: Orchestra(instruments=["kazoo"]), "unknown instrument 'kazoo'"),
        (lambda: player_split("violin-64"), "names look like 'violin-07'"),
        (lambda: player_split("kazoo-01"), "names look like 'violin-07'"),
        (lambda: load_pairs("sop-train"), "unknown list of pairs 'sop-train'; there are sop"),
        (lambda: performance(0, ["flute"], [50], "train"), "player 50 is not in split 'train'"),
        (lambda: Orchestra(instruments=["flute"], players_per_scene=2), "2 players in a scene"),
        (lambda: Orchestra(length=0), "an orchestra of 0 clips"),
    ],
)
def test_what_is_unknown_is_a_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(number=st.integers(0, 63), label=st.sampled_from(sorted(INSTRUMENTS)))
def test_every_player_belongs_to_exactly_one_split(number, label):
    homes = [split for split, numbers in PLAYERS.items() if number in numbers]
    assert homes == [player_split(f"{label}-{number:02d}")]


@settings(max_examples=30, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 2**32), st.integers(0, 2**32)),
    index=st.integers(0, 2**39),
    players=st.integers(1, 4),
    splits=st.permutations(sorted(PLAYERS)),
)
def test_no_player_leaks_from_split_to_split(seeds, index, players, splits):
    ours, theirs = (
        Orchestra(split, tuple(INSTRUMENTS), seed, players_per_scene=players).entries[
            index : index + 20
        ]
        for split, seed in zip(splits, seeds, strict=False)
    )
    check_disjoint(ours, theirs)
    assert {player_split(p) for entry in ours for p in entry.players} == {splits[0]}


@settings(max_examples=30, deadline=None)
@given(split=st.sampled_from(sorted(SPLITS)), seed=st.integers(0, 1000))
def test_no_category_leaks_from_training_to_test(split, seed):
    train, test = category_split(split)
    ours = Orchestra("train", train, seed, length=40, players_per_scene=2)
    theirs = Orchestra("test", test, seed, length=40, players_per_scene=2)
    check_disjoint(ours.entries, theirs.entries, by=("players", "categories"))
    with pytest.raises(ValueError, match="share"):
        check_disjoint(ours.entries, ours.entries[:1], by=("categories",))


# --- the orchestra as a source --------------------------------------------------------------


def test_entry_does_not_depend_on_length_or_on_what_was_read_before():
    short, long = Orchestra("test", length=10), Orchestra("test")
    assert len(long) == ENDLESS
    assert [*short.entries] == [*long.entries[:10]]
    assert long.entries[ENDLESS - 1] == long.entries[-1]
    with pytest.raises(IndexError, match="entry 10 of an orchestra of 10"):
        short.entries[10]


def test_entries_differ_by_index_seed_and_split():
    sources = [Orchestra("train", seed=0), Orchestra("train", seed=1), Orchestra("test", seed=0)]
    seeds = [entry.seed for source in sources for entry in source.entries[:200]]
    assert len(set(seeds)) == 600


def test_instruments_and_players_are_equally_likely():
    entries = Orchestra("test", MUSIC11, length=1100).entries[:]
    counts = Counter(entry.categories[0] for entry in entries)
    assert set(counts) == set(MUSIC11)
    assert all(65 < count < 135 for count in counts.values())  # 100 expected, deviation 9.5
    assert {number for entry in entries for number in entry.numbers} == set(PLAYERS["test"])


def test_silent_players_are_there_and_somebody_always_plays():
    source = Orchestra(length=200, players_per_scene=3, silent_probability=0.9)
    silent = [len(entry.silent) for entry in source.entries]
    assert max(silent) == 2
    assert min(silent) < 2
    assert all(len(set(entry.categories)) == 3 for entry in source.entries)


def test_read_gives_the_scene_of_its_entry():
    source = Orchestra("validation", length=3, players_per_scene=2, size=48)
    entry = source.entries[1]
    clip = source.read(1, start_s=1.0, seconds=2.0, frame_times=(1.0, 2.5))
    scene = make_scene(
        entry.seed, entry.categories, (), 6.0, size=48, split="validation",
        players=entry.numbers, frame_times=(1.0, 2.5),
    )  # fmt: skip
    assert np.array_equal(clip.wave, scene.mixture[11025:33075])
    assert np.array_equal(clip.stems, scene.stems[:, 11025:33075])
    assert np.array_equal(clip.stems.sum(0), clip.wave)
    assert np.array_equal(clip.frames, scene.frames)
    assert np.array_equal(clip.boxes, scene.boxes)
    assert np.array_equal(clip.joints, scene.joints)
    assert np.array_equal(clip.sounding, scene.sounding)
    assert (clip.start_s, clip.seconds, clip.frame_times.tolist()) == (1.0, 2.0, [1.0, 2.5])
    assert clip.categories == entry.categories


def test_read_without_times_gives_every_picture_of_the_segment():
    clip = Orchestra(length=1, size=(24, 32)).read(0, start_s=0.5, seconds=1.0)
    assert clip.frame_times.tolist() == [0.5, 0.75, 1.0, 1.25]
    assert clip.frames.shape == (4, 24, 32, 3)


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 6.1), (5.0, 1.5), (-1.0, 2.0), (6.0, None)])
def test_asking_for_more_than_there_is_names_the_clip(start, seconds):
    with pytest.raises(ClipError, match=r"'orchestra-train-0-0' is 6 s long; asked for"):
        Orchestra(length=1).read(0, start, seconds)


def test_asking_for_pictures_outside_the_clip_names_it():
    with pytest.raises(ClipError, match=r"'orchestra-train-0-0' has pictures from 0 to 6 s"):
        Orchestra(length=1).read(0, frame_times=(6.0,))


# --- adapters -------------------------------------------------------------------------------


def test_video_input_is_normalised_and_channels_first():
    clip = Orchestra(length=1, size=16).read(0, seconds=1.0, frame_times=(0.0, 0.5))
    clip.frames[1, 2, 3] = (255, 0, 0)
    out = video_input(clip)
    assert out.shape == (3, 2, 16, 16)
    want = (torch.tensor([1.0, 0, 0]) - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    assert torch.allclose(out[:, 1, 2, 3], want, atol=1e-5)


def test_joints_input_maps_the_frame_to_minus_one_to_one():
    clip = Orchestra(length=1, players_per_scene=2, size=(20, 40)).read(0, frame_times=(0.0,))
    joints = np.zeros((1, 2, 60, 3), np.float32)
    joints[0, 1, 7] = (30, 5, 0.5)  # three quarters to the right, one quarter down
    joints[0, 0, 3] = (40, 20, 1)
    joints[0, 0, 4] = (11, 7, 0)  # not found: wherever the estimator left it
    out = joints_input(replace(clip, joints=joints))
    assert out.shape == (2, 3, 1, 60)
    assert out[1, :, 0, 7].tolist() == [0.5, -0.5, 0.5]
    assert out[0, :, 0, 3].tolist() == [1, 1, 1]
    assert out[0, :, 0, 4].tolist() == [0, 0, 0]
    with pytest.raises(ClipError, match="has no joints"):
        joints_input(replace(clip, joints=None))


def test_joints_input_of_a_scene_lies_on_its_players():
    clip = Orchestra(length=1, players_per_scene=2).read(0, frame_times=(0.0,))
    out = joints_input(clip)
    for player in range(2):
        seen = clip.joints[0, player, :, 2] > 0
        x = (out[player, 0, 0, seen] + 1) * 64
        left, _, right, _ = clip.boxes[0, player]
        assert left - 2 <= x.median() <= right + 2


# --- stored pairs ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PAIR_LISTS))
def test_stored_pairs_are_what_make_pairs_makes(name, tmp_path):
    made = make_pairs(name)
    assert load_pairs(name) == made
    save_pairs(made, tmp_path / "pairs.csv")
    header, *rows = csv.reader((tmp_path / "pairs.csv").read_text().splitlines())
    assert header[:4] == ["pair", "seed_a", "instrument_a", "player_a"]
    assert len(rows) == PAIR_LISTS[name].count
    assert made != make_pairs(name, seed=1)


@pytest.mark.parametrize("name", sorted(PAIR_LISTS))
def test_no_pair_leaks_a_player_or_a_category(name):
    recipe = PAIR_LISTS[name]
    clips = [clip for pair in load_pairs(name) for clip in pair.clips]
    assert {player_split(p) for clip in clips for p in clip.players} == {recipe.split}
    assert recipe.split != "train"
    if name.startswith("seco"):
        train, test = category_split(name.removeprefix("seco-").removesuffix("-validation"))
        check_disjoint(clips, Orchestra("train", train, length=300).entries)
        seen = {clip.categories[0] for clip in clips}
        # the held-out five are tested; model selection never sees them
        assert seen == set(train if name.endswith("validation") else test)
    else:
        assert {clip.categories[0] for clip in clips} == set(MUSIC11)


def test_the_protocols_have_their_sizes():
    counts = {name: len(load_pairs(name)) for name in PAIR_LISTS}
    assert counts["sop"] == 256
    assert counts["cosep"] == 550
    assert [counts[f"seco-{split}"] for split in SPLITS] == [300, 300, 300]
    for fold in FOLDS:
        groups = Counter(pair.group for pair in load_pairs(f"seco-{fold}"))
        both = combinations(category_split(fold)[1], 2)
        assert groups == {" + ".join(sorted(pair)): 6 for pair in both}
    groups = Counter(pair.group for pair in load_pairs("cosep"))
    assert groups == {" + ".join(sorted(both)): 10 for both in combinations(MUSIC11, 2)}
    assert len(groups) == 55


@pytest.mark.parametrize("name", sorted(PAIR_LISTS))
def test_pairs_obey_the_rule_of_their_paper(name):
    pairs = load_pairs(name)
    fits = PARTNER_RULES[PAIR_LISTS[name].rule]
    assert all(fits(*pair.clips) for pair in pairs)
    assert len({tuple(clip.seed for clip in pair.clips) for pair in pairs}) == len(pairs)
    alike = sum(pair.clips[0].categories == pair.clips[1].categories for pair in pairs)
    if name == "sop":  # as the module's text says
        players = sum(pair.clips[0].players == pair.clips[1].players for pair in pairs)
        assert (len(pairs), alike, players) == (256, 27, 2)
    assert (alike > 0) == (PAIR_LISTS[name].rule == "sop")


def test_a_row_alone_makes_the_clip():
    dataset = stored_mixes("seco-S3", front_end=SHORT, view=TINY, limit=7)
    assert len(dataset) == 7
    item, entry = dataset[4], load_pairs("seco-S3")[4].clips[1]
    scene = make_scene(
        entry.seed, entry.categories, split="test", players=entry.numbers, frame_times=(3.0,)
    )
    start = (66150 - 11025 + 1) // 2
    assert np.array_equal(item["waves"][1], scene.mixture[start : start + 11025])
    assert item["categories"][1] == entry.categories[0]


# --- partners -------------------------------------------------------------------------------

CROWD = tuple(
    Entry(f"clip{i}", (label,), (f"{label}-00",), 6.0, "train", 4.0, f"video{i // 2}")
    for i, label in enumerate(["cello", "cello", "cello", "flute", "flute", "tuba", "horn", "horn"])
)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 4))
def test_each_paper_draws_its_own_partners(seed, n):
    drawn = {
        rule: [CROWD[i] for i in draw_partners(CROWD, n, rule, random_generator(seed))]
        for rule in PARTNER_RULES
    }
    assert len({entry.name for entry in drawn["sop"]}) == n
    assert len({entry.video for entry in drawn["cosep"]}) == n
    assert len({entry.categories for entry in drawn["seco"]}) == n


def test_partners_may_be_what_the_rule_allows():
    rng = random_generator(5)
    drawn = {
        rule: [draw_partners(CROWD, 2, rule, rng) for _ in range(600)] for rule in ("sop", "cosep")
    }
    assert any(CROWD[a].video == CROWD[b].video for a, b in drawn["sop"])
    assert any(CROWD[a].categories == CROWD[b].categories for a, b in drawn["cosep"])
    assert len(set(drawn["sop"])) == 56  # every ordered pair of 8


def test_two_players_of_one_scene_count_for_the_category_rule():
    duets = [replace(CROWD[0], categories=("cello", "tuba"), name="a"),
             replace(CROWD[0], categories=("tuba", "flute"), name="b"),
             replace(CROWD[0], categories=("horn", "flute"), name="c")]  # fmt: skip
    # a and b share the tuba, b and c the flute: only a and c may meet
    for seed in range(50):
        assert set(draw_partners(duets, 2, "seco", random_generator(seed))) == {0, 2}


def test_a_rare_partner_is_found():
    crowd = [replace(CROWD[0], name=str(i), video=str(i)) for i in range(5000)]
    crowd[4321] = replace(CROWD[-1], name="rare")
    for seed in range(3):
        assert 4321 in draw_partners(crowd, 2, "seco", random_generator(seed))


@pytest.mark.parametrize(
    ("crowd", "rule", "wanted"),
    [
        (CROWD[:1], "sop", "another clip is needed and none of the 1"),
        (CROWD[:2], "cosep", "a clip of another video is needed and none of the 2"),
        (CROWD[:3], "seco", r"clip\d \(cello\): a clip of another category is needed"),
    ],
)
def test_nobody_to_mix_with_is_an_error(crowd, rule, wanted):
    with pytest.raises(ValueError, match=wanted):
        draw_partners(crowd, 2, rule, random_generator(0))


# --- mixes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("rule", ["sop", "cosep", "seco"])
def test_an_item_has_what_it_promises(rule, n):
    item = mixes(rule=rule, n=n)[0]
    assert item["waves"].shape == (n, 11025)
    assert item["mixture"].shape == (11025,)
    assert item["frames"].shape == (n, 3, 3, 32, 32)
    assert item["frames"].dtype == item["waves"].dtype == torch.float32
    assert len(item["names"]) == len(item["categories"]) == len(item["players"]) == n
    assert torch.allclose(item["waves"].sum(0), item["mixture"], atol=1e-6)


def test_mixing_rules_by_hand():
    """Evaluation: sums of the middle segments, divided by N but for SeCo."""
    for rule, divisor in (("sop", 2), ("cosep", 2), ("seco", 1)):
        dataset = mixes("test", rule, train=False)
        plan, item = dataset.plan(3), dataset[3]
        assert plan.starts == (27563, 27563)  # (66150 - 11025) / 2, rounded up
        waves = [
            dataset.source.read(i, 27563 / 11025, 1.0, (0.0,), 8).wave / divisor
            for i in plan.entries
        ]
        assert np.allclose(item["waves"], waves, atol=1e-7)
    released = mixes("test", "cosep", train=False, target_scale="released")[3]
    assert torch.allclose(released["waves"].sum(0) / 2, released["mixture"], atol=1e-6)


def test_training_draws_gain_and_segment_and_evaluation_does_not():
    dataset = mixes(rule="sop", length=30)
    gains = []
    for index in range(16):
        plan, item = dataset.plan(index), dataset[index]
        assert all(0 <= start <= 66150 - 11025 for start in plan.starts)
        for wave, entry, start in zip(item["waves"], plan.entries, plan.starts, strict=True):
            solo = dataset.source.read(entry, start / 11025, 1.0, (0.0,), 8).wave / 2
            gains.append(float((wave.numpy() @ solo) / (solo @ solo)))
    assert 0.4999 < min(gains) < 0.65
    assert 1.3 < max(gains) <= 1.5001
    starts = [start for index in range(30) for start in dataset.plan(index).starts]
    assert len(set(starts)) > 55
    assert min(starts) < 3000
    assert max(starts) > 52000
    quiet = mixes(rule="seco")
    plan = quiet.plan(0)
    solo = quiet.source.read(plan.entries[0], plan.starts[0] / 11025, 1.0, (0.0,), 8).wave
    assert np.array_equal(quiet[0]["waves"][0], solo)


def test_full_segments_are_those_of_the_papers():
    for front_end, start in ((SOP, 308), (COSEP, 308), (SECO, 0)):
        dataset = MixAndSeparate(
            Orchestra("test"), length=1, train=False, front_end=front_end, view=TINY
        )
        assert dataset.plan(0).starts == (start, start)
        assert dataset[0]["mixture"].shape == (front_end.samples,)


def test_pictures_are_taken_around_the_sound():
    entry = replace(CROWD[0], seconds=20.0, fps=8.0)
    assert sop_view().times(entry, 7.0, 6.0) == (7.0, 10.0, 13.0)
    assert sop_view().times(entry, 0.0, 4.0) == (0.0, 2.0, 5.0)  # -1 s: the first picture
    assert sop_view().times(entry, 15.0, 5.0) == (14.5, 17.5, 19.875)  # the last picture
    drawn = performance(0, ["flute"], [0], "train")  # at any time: to its last moment
    assert sop_view().times(drawn, 0.0, 6.0) == (0.0, 3.0, 5.999)
    assert sop_view(frames=2, spacing_s=1.5).times(drawn, 0.0, 6.0) == (2.25, 3.75)
    # half a second of clip at 0.9 pictures/s: the file's one picture
    assert sop_view().times(replace(entry, seconds=0.5, fps=0.9), 0.0, 0.5) == (0.0, 0.0, 0.0)
    times = seco_view().times(entry, 2.0, 6.0)
    assert len(times) == 24
    assert (times[0], times[-1]) == (2.0, 7.75)
    assert all(b - a == pytest.approx(0.25) for a, b in pairwise(times))


def test_evaluation_never_augments_and_is_pure():
    dataset = mixes("validation", train=False)
    assert same(dataset[2], dataset[2])
    assert same(dataset[2], mixes("validation", train=False, length=50)[2])
    plan = dataset.plan(2)
    entry = dataset.source.entries[plan.entries[0]]
    times = TINY.times(entry, plan.starts[0] / 11025, 1.0)
    assert times == pytest.approx((0.0, 3.0, 5.999), abs=1e-4)
    clip = dataset.source.read(plan.entries[0], frame_times=times, size=32)
    assert torch.equal(dataset[2]["frames"][0], video_input(clip))


def test_training_pictures_come_from_where_the_sound_does():
    """The same with segments anywhere, and pictures that are neither cut nor mirrored."""
    view = View(SoPAugment(32, 1.0, 0.0), 3, 0.25, "centre", 32, 32)
    dataset = MixAndSeparate(Orchestra("train"), length=5, front_end=SHORT, view=view)
    checked = 0
    for index in range(5):
        plan, item = dataset.plan(index), dataset[index]
        for side, (entry, start) in enumerate(zip(plan.entries, plan.starts, strict=True)):
            middle = start / 11025 + 0.5
            times = (middle - 0.25, middle, middle + 0.25)
            clip = dataset.source.read(entry, frame_times=times, size=32)
            assert torch.equal(item["frames"][side], video_input(clip))
            begin = dataset.source.read(entry, frame_times=(0.25, 0.5, 0.75), size=32)
            checked += not torch.equal(video_input(begin), video_input(clip))
    assert checked == 10  # pictures from the clip's beginning would be others


@pytest.mark.parametrize("train", [True, False])
def test_short_clips_are_repeated_if_the_user_says_so(train):
    source = Orchestra(length=6, seconds=0.4)
    dataset = mixes(source=source, rule="seco", train=train, short="tile")  # no gain
    plan, item = dataset.plan(1), dataset[1]
    assert plan.starts == (0, 0)
    wave = source.read(plan.entries[1]).wave
    assert len(wave) == 4410
    assert item["waves"].shape == (2, 11025)
    assert np.array_equal(item["waves"][1], np.concatenate([wave, wave, wave[:2205]]))
    if not train:
        clip = source.read(plan.entries[1], frame_times=(0.0, 0.2, 0.399), size=32)
        assert torch.equal(item["frames"][1], video_input(clip))
    long = mixes(train=train)[3]
    assert same(long, mixes(train=train, short="tile")[3])  # long clips are what they were


def test_items_follow_the_index_the_seed_and_the_split():
    plans = {
        mixes(split, train=train, seed=seed, length=3).plan(index)
        for split in ("train", "test")
        for seed in (0, 1)
        for index in range(3)
        for train in (True, False)
    }
    assert len({plan.entries for plan in plans}) >= 12
    train = mixes(length=4)
    assert same(train[11], train[11])
    assert same(train[11], copy.deepcopy(train)[11])


@pytest.mark.parametrize("rule", ["sop", "cosep", "seco"])
def test_training_never_repeats_a_mix(rule):
    """Three epochs of 50: no two mixes alike, not even two clips (an endless orchestra)."""
    dataset = mixes(rule=rule, length=50)
    sampler = TrainSampler(50, stop=150)
    plans = [dataset.plan(index) for index in sampler]
    assert len(set(plans)) == 150
    assert len({entry for plan in plans for entry in plan.entries}) == 300
    assert [sampler.epoch(item) for item in (49, 50, 149)] == [0, 1, 2]


def test_training_from_few_clips_never_repeats_a_mix_either():
    dataset = mixes(source=Orchestra(length=3, seconds=2.0), length=8)
    items = [dataset[index]["mixture"] for index in range(24)]
    assert len({item.numpy().tobytes() for item in items}) == 24


def test_evaluation_ends_and_training_does_not():
    test = mixes("test", train=False, length=3)
    assert [item["index"] for item in test] == [0, 1, 2]
    with pytest.raises(IndexError):
        test[3]
    with pytest.raises(IndexError):
        mixes()[-1]
    assert mixes(length=3)[7]["index"] == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 5}, "mix 2 to 4 clips, not 5"),
        ({"length": None}, "give length="),
        ({"length": 0}, "length >= 1"),
        ({"pairs": [(0, 1)]}, "for evaluation"),
        ({"pairs": [(0, 1, 2)], "train": False}, "pair 0 has 3 clips"),
        ({"pairs": [(4, 4)], "train": False}, "breaks the rule 'sop'"),
    ],
)
def test_settings_that_make_no_sense_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        mixes(**settings)


def test_training_and_validation_sets_share_no_mutable_object():
    frozen = (int, float, str, bool, bytes, tuple, frozenset, type(None), range)

    def mutable(thing, found):
        if isinstance(thing, tuple):
            for part in thing:
                mutable(part, found)
        elif not isinstance(thing, frozen) and id(thing) not in found:
            params = getattr(thing, "__dataclass_params__", None)
            if params is None or not params.frozen:
                found[id(thing)] = thing
            for part in vars(thing).values() if hasattr(thing, "__dict__") else ():
                mutable(part, found)
        return found

    # one source and one view for both: as careless as a user can be
    source = Orchestra("train", length=50)
    train, valid = mixes(source=source), mixes(source=source, train=False)
    ours, theirs = mutable(train, {}), mutable(valid, {})
    assert {id(train), id(train.missing)} <= ours.keys()
    assert not ours.keys() & theirs.keys()
    before = valid[0]
    train[0], train[1]
    assert same(before, valid[0])


# --- loading --------------------------------------------------------------------------------


def test_workers_change_nothing_item_by_item():
    sets = (mixes(length=3), train_loader), (mixes("test", train=False), eval_loader)
    for dataset, loader in sets:
        extra = {"steps": 3} if dataset.train else {}
        alone = list(loader(dataset, 2, **extra))
        helped = list(loader(dataset, 2, workers=2, **extra))
        assert len(alone) == len(helped) == 3
        assert all(same(a, b) for a, b in zip(alone, helped, strict=True))
        assert torch.equal(alone[1]["mixture"][0], dataset[2]["mixture"])


def test_a_run_goes_on_where_it_stopped():
    dataset = mixes(length=3)
    whole = list(train_loader(dataset, 2, steps=4))
    rest = list(train_loader(dataset, 2, start_step=2, steps=4))
    assert [batch["index"] for batch in whole] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert all(same(a, b) for a, b in zip(whole[2:], rest, strict=True))


@given(
    start=st.integers(0, 50),
    steps=st.integers(1, 6),
    batch=st.integers(1, 5),
    world=st.integers(1, 4),
)
def test_processes_see_together_what_one_would_see(start, steps, batch, world):
    size = batch * world
    stop = (start + steps) * size
    one = list(TrainSampler(10, start * size, stop))
    many = [list(TrainSampler(10, start * size, stop, rank, world)) for rank in range(world)]
    for step in range(steps):
        share = slice(step * batch, (step + 1) * batch)
        assert (
            sorted(item for items in many for item in items[share])
            == one[step * size : (step + 1) * size]
        )
    assert [len(TrainSampler(10, start * size, stop, r, world)) for r in range(world)] == [
        len(items) for items in many
    ]


def test_evaluation_is_shared_out_without_padding():
    dataset = mixes("test", train=False, length=5)
    seen = [
        index
        for rank in range(2)
        for batch in eval_loader(dataset, 2, rank=rank, world=2)
        for index in batch["index"]
    ]
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_loaders_refuse_the_wrong_set():
    with pytest.raises(ValueError, match="use eval_loader"):
        train_loader(mixes("test", train=False), 2)
    with pytest.raises(ValueError, match="use train_loader"):
        eval_loader(mixes(), 2)
    with pytest.raises(TypeError, match="no end"):
        len(TrainSampler(5))


def test_global_random_states_are_neither_read_nor_moved():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = mixes()[0]
    next(iter(train_loader(mixes(), 2, steps=1)))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert same(first, mixes()[0])


# --- clips that cannot be read --------------------------------------------------------------


class Damaged:
    """An orchestra of which some clips cannot be read."""

    split = "test"

    def __init__(self, broken, length=12):
        self.inner, self.broken = Orchestra("test", length=length), broken
        self.entries = self.inner.entries

    def __len__(self):
        return len(self.inner)

    def read(self, index, *args, **settings) -> Clip:
        if index in self.broken:
            raise ClipError(f"clip {self.entries[index].name!r} cannot be read")
        return self.inner.read(index, *args, **settings)


def test_an_unreadable_clip_is_an_error_that_names_it():
    dataset = mixes(source=Damaged({3}), train=False, pairs=[(0, 1), (2, 3)], length=None)
    assert dataset[0]["index"] == 0
    with pytest.raises(ClipError, match="'orchestra-test-0-3' cannot be read"):
        dataset[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_counts_and_reports_what_it_leaves_out(workers, capfd):
    dataset = mixes(
        source=Damaged({3, 5}), train=False, pairs=[(0, 1), (2, 3), (5, 3), (6, 7), (8, 3)],
        length=None, on_error="skip",
    )  # fmt: skip
    batches = list(eval_loader(dataset, 2, workers=workers))
    assert [batch["index"] for batch in batches] == [[0], [3]]  # the last batch is empty
    assert sum(len(batch["waves"]) for batch in batches) == 2
    assert len(dataset.missing) == 3
    assert "orchestra-test-0-5" in dataset.missing[1]
    assert len(list(eval_loader(dataset, 2, workers=workers))) == 2
    assert len(dataset.missing) == 3  # of this pass
    assert capfd.readouterr().err.count("left out: clip 'orchestra-test-0-3'") == 1


def test_training_draws_another_and_says_so():
    broken = set(range(6))
    dataset = mixes(source=Damaged(broken), length=8, on_error="skip")
    bad = {f"orchestra-test-0-{index}" for index in broken}
    batches = list(train_loader(dataset, 4, steps=2))
    names = [name for batch in batches for both in batch["names"] for name in both]
    assert len(names) == 16
    assert not bad & set(names)
    assert {message.split("'")[1] for message in dataset.missing} <= bad
    assert dataset.missing
    assert same(dataset[3], dataset[3])


def test_training_gives_up_when_nothing_can_be_read(monkeypatch):
    monkeypatch.setattr(mixing, "REDRAWS", 5)
    dataset = mixes(source=Damaged(set(range(12))), on_error="skip")
    with pytest.raises(ClipError, match=r"5 draws in a row .* 'orchestra-test-0-"):
        dataset[0]


def test_a_clip_too_short_for_a_segment_is_named():
    source = Orchestra(length=4, seconds=0.5)
    with pytest.raises(ClipError, match=r"'orchestra-train-0-\d' is 0.5 s long, shorter than"):
        mixes(source=source)[0]


def test_a_batch_stacks_tensors_and_lists_the_rest():
    batch = collate([mixes()[0], mixes()[1]])
    assert batch["frames"].shape == (2, 2, 3, 3, 32, 32)
    assert batch["waves"].shape == (2, 2, 11025)
    assert batch["index"] == [0, 1]
    assert [len(names) for names in batch["names"]] == [2, 2]
