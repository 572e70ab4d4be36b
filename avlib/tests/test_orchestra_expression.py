"""What makes unknown instruments readable: players who rise with the pitch, families of sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avlib.data import (
    MixAndSeparate,
    Orchestra,
    attributes_input,
    category_split,
    performance,
    seco_mixes,
    seco_view,
    stored_mixes,
)
from avlib.orchestra import make_scene
from avlib.orchestra.instruments import INSTRUMENTS
from avlib.orchestra.performer.timeline import Timeline
from avlib.orchestra.programme import Programme, draw_transpose
from avlib.orchestra.score import Note
from avlib.orchestra.sound import play
from avlib.seco import pocket
from avlib.seco.learning import training_mixes, validation_mixes, view
from avlib.skeleton import BODY_NAMES

NOSE, NECK = BODY_NAMES.index("nose"), BODY_NAMES.index("neck")
HIPS = [BODY_NAMES.index(name) for name in BODY_NAMES if "hip" in name]


def seen(name: str, expression: float, transpose: int = 0, seed: int = 0):
    """A solo of which nothing is painted; joints hardly ever leave this much space."""
    return make_scene(
        seed, (name,), pictures=False, size=256, expression=expression, transpose=transpose
    )


def rise(name: str, expression: float = 1.0, transpose: int = 0) -> np.ndarray:
    """How much higher each joint is with expression than without, px, (frame, joint)."""
    still, moved = (seen(name, e, transpose).joints[:, 0, :, 1] for e in (0.0, expression))
    return still - moved


@pytest.mark.parametrize("name", ["tuba", "flute", "violin", "electric bass"])
def test_the_neck_rises_with_the_absolute_pitch(name):
    scene = seen(name, 1.0)
    times = np.arange(24) * 0.25
    height = Timeline(scene.notes[0], INSTRUMENTS[name], times).height()
    up = rise(name)
    side = up[:, NECK] @ height / (height @ height) / 0.045  # px of the player's square
    assert 150 < side < 290
    np.testing.assert_allclose(up[:, NECK], 0.045 * side * height, atol=0.02)
    np.testing.assert_allclose(up[:, NOSE], (1.2 * 0.045 + 0.03) * side * height, atol=0.02)
    np.testing.assert_array_equal(up[:, HIPS], 0)


def test_low_instruments_keep_their_heads_low():
    tuba, flute = (rise(name)[:, NECK].mean() for name in ("tuba", "flute"))
    assert tuba < -1
    assert flute > 1


def test_expression_goes_from_none_to_all():
    half, whole = (rise("flute", expression)[:, NOSE] for expression in (0.5, 1.0))
    np.testing.assert_allclose(2 * half, whole, atol=0.01)
    a, b = seen("flute", 0.0), seen("flute", 1.0)
    np.testing.assert_array_equal(a.mixture, b.mixture)  # who moves otherwise sounds the same


def test_height_by_hand():
    notes = (Note(1.0, 0.5, 90.0, 1.0), Note(2.0, 0.5, 45.0, 1.0), Note(3.0, 0.5, 96.0, 1.0))
    line = Timeline(notes, INSTRUMENTS["flute"], np.array([0.0, 1.0, 1.9, 2.0, 5.0]))
    np.testing.assert_allclose(line.height(), [1.0, 1.0, line.height()[2], -0.5, 1.0])
    assert -0.5 < line.height()[2] < 1.0  # on the way down, 0.15 s before the note
    np.testing.assert_allclose(line.height(-12)[[1, 3, 4]], [0.6, -0.9, 0.8])
    assert not Timeline((), INSTRUMENTS["flute"], np.zeros(3)).height().any()


def spectrum_peak(wave: np.ndarray, rate: int = 11025) -> float:
    size = 1 << 18
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size))
    return float(power.argmax() * rate / size)


@pytest.mark.parametrize("transpose", [-12, -5, 7, 12])
def test_a_transposed_note_sounds_where_it_should(transpose):
    notes = (Note(0.0, 1.5, 72.0, 0.9),)
    rng = np.random.default_rng
    plain, moved = (play(notes, "flute", 3, 2.0, rng=rng(0), transpose=k) for k in (0, transpose))
    ratio = spectrum_peak(moved[2000:14000]) / spectrum_peak(plain[2000:14000])
    assert 12 * np.log2(ratio) == pytest.approx(transpose, abs=0.08)


def test_drums_come_in_sizes_too():
    notes = tuple(Note(0.3 * k, 0.2, 60.0, 0.9) for k in range(5))
    low, high = (
        spectrum_peak(play(notes, "congas", 3, 2.0, rng=np.random.default_rng(0), transpose=k))
        for k in (-6, 6)
    )
    assert 12 * np.log2(high / low) == pytest.approx(12, abs=3)  # the room has its own peaks


def test_what_is_transposed_up_does_not_fold():
    notes = (Note(0.0, 1.9, 91.0, 1.0),)
    coarse, fine = (
        play(notes, "violin", 3, 2.0, rate, np.random.default_rng(0), transpose=12)
        for rate in (11025, 44100)
    )
    spectra = [np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2 for wave in (coarse, fine)]
    partial = round(2 * 440 * 2 ** ((91 + 12 - 69) / 12))  # Hz x 2 s: the fundamental's place
    elsewhere = np.abs(np.arange(len(spectra[0])) - partial) > 0.1 * partial
    share = [s[: len(elsewhere)][elsewhere].sum() / s[: len(elsewhere)].sum() for s in spectra]
    assert share[0] < share[1] + 0.003


@pytest.mark.parametrize("name", ["trumpet", "violin", "banjo"])
def test_what_is_transposed_down_keeps_its_highs(name):
    """As much above 3 kHz as a finer rate lets through: lower instruments have no wall there."""
    notes = (Note(0.1, 1.5, float(INSTRUMENTS[name].high - 3), 1.0),)
    shares = []
    for rate in (11025, 44100):
        wave = play(notes, name, 3, 2.0, rate, np.random.default_rng(0), transpose=-9)
        power = np.abs(np.fft.rfft(wave)) ** 2
        hertz = np.fft.rfftfreq(len(wave), 1 / rate)
        band = power[(hertz > 3000) & (hertz < 3600)].sum()
        shares.append(10 * np.log10(band / power[hertz < 5000].sum()))
    assert shares[0] == pytest.approx(shares[1], abs=4)


def test_the_hands_play_what_is_written_and_the_head_follows_what_is_heard():
    plain, moved = seen("cello", 0.0), seen("cello", 0.0, 7)
    np.testing.assert_array_equal(plain.joints, moved.joints)
    assert [n.pitch + 7 for n in plain.notes[0]] == [n.pitch for n in moved.notes[0]]
    assert [(n.onset_s, n.velocity) for n in plain.notes[0]] == [
        (n.onset_s, n.velocity) for n in moved.notes[0]
    ]
    assert not np.allclose(plain.mixture, moved.mixture, atol=1e-3)
    assert (rise("cello", transpose=7)[:, NECK] > rise("cello")[:, NECK]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expression": 1.5}, "expression goes from 0 to 1; got 1.5"),
        ({"expression": -0.1}, "expression goes from 0 to 1"),
        ({"transpose": 13}, "transpose goes from -12 to 12 semitones; got 13"),
        ({"transpose": -13}, "transpose goes from -12 to 12 semitones; got -13"),
    ],
)
def test_out_of_range(change, message):
    with pytest.raises(ValueError, match=message):
        make_scene(0, ("violin",), **change)


# --- sources


def test_an_orchestra_draws_sizes_within_its_range():
    plain, moved = (Orchestra(length=400, transpose=k, expression=k / 9) for k in (0, 9))
    assert {e.transpose for e in plain.entries} == {0}
    shifts = [e.transpose for e in moved.entries]
    assert set(shifts) == set(range(-9, 10))
    assert abs(np.mean(shifts)) < 1.5
    for was, now in zip(plain.entries, moved.entries, strict=True):
        assert replace(was, transpose=now.transpose, expression=1.0) == now
        played = INSTRUMENTS[now.categories[0]]
        assert 28 <= played.low + now.transpose
        assert played.high + now.transpose <= 96
    assert [e.transpose for e in moved.entries] == shifts
    with pytest.raises(ValueError, match="transpose goes from 0 to 12 semitones; got 13"):
        Orchestra(transpose=13)


def test_a_scene_of_several_moves_together_and_stays_in_range():
    duet = Programme(5, ("electric bass", "xylophone"), (0, 0), ())
    assert {draw_transpose(replace(duet, seed=k), 9) for k in range(50)} == {0}
    inner = {
        draw_transpose(replace(duet, seed=k, instruments=("cello", "piano")), 9) for k in range(300)
    }
    assert inner == set(range(-8, 9))


def test_the_oracle_knows_the_size():
    entry = performance(3, ["cello"], [1], "train")
    from avlib.data import perform

    plain, moved = (
        attributes_input(perform(replace(entry, transpose=k), pictures=False))[0] for k in (0, 6)
    )
    np.testing.assert_allclose((moved - plain)[:2], [0.25, 0.25], atol=1e-6)
    np.testing.assert_array_equal(plain[2:], moved[2:])


def test_only_training_is_transposed():
    cfg = pocket("skeleton").changed(clips=40, validation_pairs=4)
    train, validation = training_mixes(cfg), validation_mixes(cfg)
    assert any(e.transpose for e in train.source.entries[:40])
    assert {e.expression for e in train.source.entries[:40]} == {1.0}
    assert {(e.transpose, e.expression) for e in validation.source.entries[:8]} == {(0, 1.0)}
    for mixes in (
        stored_mixes("seco-S1", limit=3, expression=0.5),
        seco_mixes("S2", n=3, limit=2, expression=0.5),
    ):
        assert {(e.transpose, e.expression) for e in mixes.source.entries[:6]} == {(0, 0.5)}


# --- the whole picture


def test_without_augmentation_training_sees_what_evaluation_sees():
    cut, whole = view(pocket()), seco_view(64, augment=False)
    assert cut == whole  # the pocket recipe's
    assert view(pocket().changed(augment="seco")) == seco_view(64)
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    once, again = (whole(frames, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(once, again)
    assert torch.equal(once, whole(frames, None))
    one = cut_once = seco_view(64)
    big = np.random.default_rng(0).integers(0, 256, (3, 80, 80, 3), np.uint8)
    assert not torch.equal(
        one(big, torch.Generator().manual_seed(0)), cut_once(big, torch.Generator().manual_seed(1))
    )


def test_as_released_players_come_in_all_sizes():
    jittered = view(pocket().changed(augment="released"))
    assert jittered == seco_view(64, scale_jitter=True)
    assert jittered.read_size(train=True) == jittered.read_size(train=False) == 80  # aspect kept
    generator = torch.Generator().manual_seed(0)
    places = [jittered.place(80, 120, generator) for _ in range(200)]
    assert {min(p.height, p.width) for p in places} == set(range(64, 81))
    assert all(p.width == pytest.approx(1.5 * p.height, abs=1) for p in places)
    assert (jittered.place(80, 120, None).height, jittered.place(80, 120, None).width) == (73, 109)
    assert {seco_view(64).place(80, 120, generator).height for _ in range(50)} == {80}
    with pytest.raises(ValueError, match="leave augment=True"):
        seco_view(64, augment=False, scale_jitter=True)


def test_without_augmentation_joints_fill_the_whole_picture():
    source = Orchestra("train", category_split("S1")[0], length=12)
    cut, whole = (
        MixAndSeparate(
            source,
            2,
            "seco",
            view=seco_view(64, augment=augment),
            sights=("joints",),
            train=False,
            length=1,
        )[0]["joints"]
        for augment in (True, False)
    )
    both = ((cut[:, 2] > 0) & (whole[:, 2] > 0))[:, None].expand(-1, 2, -1, -1)
    assert both.any()
    # the crop enlarges by 160 / 128 about the middle
    assert torch.allclose(cut[:, :2][both], 1.25 * whole[:, :2][both], atol=1e-3)
    assert whole[:, :2].abs().max() <= 1


def test_unknown_augmentation():
    with pytest.raises(ValueError, match="'seco', 'released', 'none'; got 'flip'"):
        pocket().changed(augment="flip")
