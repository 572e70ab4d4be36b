"""Melodies, note bank and sampler of the Pocket Orchestra."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.signal import fftconvolve, freqz
from scipy.stats import f_oneway

from avlib.orchestra.instruments import INSTRUMENTS, PLAYERS
from avlib.orchestra.score import Note, _excerpt, _limit_voices, melody, sounding_fraction
from avlib.orchestra.sound import NOMINAL_DB, bank, play, sampler, shared_samples, voice, voicing

RATE = 11025
NAMES = tuple(INSTRUMENTS)
PITCHED = tuple(name for name in NAMES if name not in ("drum", "congas"))
SUSTAINED = ("violin", "erhu", "cello", "flute", "clarinet", "trumpet", "tuba", "accordion")


def tune(name, seed, seconds=6.0):
    return melody(name, seconds, default_rng(seed))


def note(pitch, onset=0.0, duration=1.0, velocity=0.8):
    return Note(float(onset), float(duration), float(pitch), float(velocity))


def db(power):
    return 10 * np.log10(power)


def frames_of(wave, size):
    return (wave[: len(wave) // size * size].reshape(-1, size).astype(float) ** 2).mean(1)


def fundamental(wave, rate, low, high):
    """Pitch by autocorrelation: the first peak that comes near the best (as in YIN, McLeod)."""
    wave = wave - wave.mean()
    size = len(wave)
    spectrum = np.fft.rfft(wave, 2 * size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: size // 2]
    energy = np.cumsum(wave**2)
    lags = np.arange(size // 2)
    both = energy[size - 1 - lags] + energy[-1] - np.append(0, energy[: size // 2 - 1])
    match = 2 * products / both
    first = int(rate / (440 * 2 ** ((high - 69) / 12)))
    last = int(rate / (440 * 2 ** ((low - 69) / 12))) + 2
    middle = np.arange(max(first, 1), min(last, len(match) - 1))
    peaks = [t for t in middle if match[t - 1] < match[t] >= match[t + 1]]
    best = max(match[t] for t in peaks)
    t = next(t for t in peaks if match[t] > 0.93 * best)
    left, top, right = match[t - 1 : t + 2]
    lag = t + 0.5 * (left - right) / (left - 2 * top + right)
    return 69 + 12 * np.log2(rate / lag / 440)


# ---------------------------------------------------------------------------------- score


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 10**6), st.floats(0.3, 12.0))
def test_melody_keeps_the_rules(name, seed, seconds):
    notes = tune(name, seed, seconds)
    player = INSTRUMENTS[name]
    assert notes, "at least one note always sounds"
    assert [n.onset_s for n in notes] == sorted(n.onset_s for n in notes)
    for n in notes:
        assert n.onset_s >= 0
        assert n.duration_s > 0
        assert n.end_s <= seconds + 1e-9
        assert player.low <= n.pitch <= player.high
        assert 0 < n.velocity <= 1
    for n in notes:  # never more at once than there are voices
        held = sum(m.onset_s <= n.onset_s < m.end_s - 1e-9 for m in notes)
        assert held <= player.voices


@pytest.mark.parametrize("name", NAMES)
def test_players_rest_but_not_too_long(name):
    tunes = [tune(name, seed) for seed in range(24)]
    silent = [1 - sounding_fraction(notes, 6.0) for notes in tunes]
    assert 0.12 < np.mean(silent) < 0.36
    assert max(silent) <= 0.56
    longest = []
    for notes in tunes:
        ends = np.maximum.accumulate([0.0] + [n.end_s for n in notes])
        longest.append(np.max(np.array([n.onset_s for n in notes] + [6.0]) - ends))
    assert np.mean(np.array(longest) >= 0.4) > 0.9  # a breath in nearly every clip


def test_melody_is_seeded():
    assert tune("violin", 3) == tune("violin", 3)
    tunes = {tune("violin", seed) for seed in range(30)}
    assert len(tunes) == 30
    onsets = {round(tune("violin", seed)[0].onset_s, 4) for seed in range(30)}
    assert len(onsets) > 15  # some start at once, others late


@pytest.mark.parametrize("name", ["violin", "flute", "tuba", "xylophone"])
def test_leaps_are_small(name):
    leaps = [
        abs(b.pitch - a.pitch) for s in range(20) for a, b in itertools.pairwise(tune(name, s))
    ]
    assert np.mean(np.array(leaps) <= 5) > 0.8
    assert len({n.pitch for s in range(20) for n in tune(name, s)}) > 12


def test_chords_only_where_there_are_voices():
    for name in NAMES:
        most = 0
        for seed in range(5):
            notes = tune(name, seed)
            held = [sum(m.onset_s <= n.onset_s < m.end_s - 1e-9 for m in notes) for n in notes]
            most = max(most, *held)
        assert (most > 1) == (INSTRUMENTS[name].voices > 1), name


def test_strums_spread_over_the_strings():
    gaps = np.diff([n.onset_s for s in range(10) for n in tune("ukulele", s)])
    spread = gaps[(gaps > 0.005) & (gaps < 0.016)]
    assert len(spread) > 0.4 * len(gaps)
    assert not np.any(gaps == 0)


def test_drums_keep_time():
    kit = {n.pitch for s in range(20) for n in tune("drum", s)}
    assert {36, 38, 42} <= kit
    assert len(kit) >= 7


def test_voices_are_taken_from_the_oldest():
    first, second, third = note(60, 0, 3), note(64, 1, 3), note(67, 2, 3)
    assert [n.end_s for n in _limit_voices([first, second, third], 2)] == [2.0, 4.0, 5.0]
    assert [n.end_s for n in _limit_voices([first, second, third], 1)] == [1.0, 2.0, 5.0]
    again = _limit_voices([note(60, 0, 3), note(60, 1, 3)], 4)  # the same key once more
    assert [n.end_s for n in again] == [1.0, 4.0]


def test_excerpt_cuts_at_both_ends():
    music = [note(60, -0.5, 2), note(62, 1, 1), note(64, 5.5, 2), note(65, 6.2, 1)]
    inside = _excerpt(music, 6.0)
    assert [(n.onset_s, n.duration_s) for n in inside] == [(1.0, 1.0), (5.5, 0.5)]


def test_sounding_fraction_counts_overlap_once():
    assert sounding_fraction([note(60, 0, 2), note(62, 1, 2), note(64, 5, 9)], 10.0) == 0.8
    assert sounding_fraction([note(60, 0, 4), note(62, 1, 1)], 8.0) == 0.5


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_melody_needs_time(seconds):
    with pytest.raises(ValueError, match="positive length"):
        tune("flute", 0, seconds)


def test_unknown_instruments_are_named():
    with pytest.raises(ValueError, match="kazoo"):
        tune("kazoo", 0)
    with pytest.raises(ValueError, match="kazoo"):
        play([note(60)], "kazoo", 0, 1.0)


# ---------------------------------------------------------------------------------- bank


def test_bank_is_small_and_attributed():
    folder = bank._bank_folder()
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 8 * 2**20
    text = (folder / "ATTRIBUTION.md").read_text()
    assert "Frank Wen" in text
    assert "Permission is hereby granted, free of charge" in text
    listed = {entry["file"] for entry in bank.bank_index().values()}
    assert listed == {path.name for path in folder.glob("*.flac")}


@pytest.mark.parametrize("name", NAMES)
def test_every_pitch_is_within_two_semitones(name):
    player = INSTRUMENTS[name]
    stored = [n.pitch for n in bank.bank_notes(name, RATE)]
    assert stored == sorted(stored)
    reach = 2 if name in PITCHED else 0
    for pitch in range(player.low, player.high + 1):
        assert min(abs(pitch - s) for s in stored) <= reach


@pytest.mark.parametrize("name", [name for name in PITCHED if name != "xylophone"])
def test_notes_are_in_tune(name):
    rate = 16000 * bank.oversampling(16000)
    for stored in bank.bank_notes(name, 16000):
        piece = stored.wave[rate // 10 : rate // 2].astype(float)
        near = fundamental(piece, rate, stored.pitch - 1, stored.pitch + 1)
        assert abs(near - stored.pitch) < 0.30, stored.pitch
        if name != "harp":  # whose first two partials are too alike for this; see below
            whole = fundamental(piece, rate, stored.pitch - 11.5, stored.pitch + 13)
            assert abs(whole - stored.pitch) < 0.30, "octave"


@pytest.mark.parametrize("name", ["harp", "xylophone"])
def test_harp_and_xylophone_by_their_first_partial(name):
    """A bar's partials are not harmonic: the lowest strong one is its pitch."""
    rate, size = 32000, 1 << 18
    for stored in bank.bank_notes(name, 16000):
        piece = stored.wave[: rate // 2] * np.hanning(min(rate // 2, len(stored.wave)))
        spectrum = np.abs(np.fft.rfft(piece, size))
        octave = round(440 * 2 ** ((stored.pitch - 69) / 12) * size / rate)
        low = octave * 3 // 4
        first = low + np.argmax(spectrum[low : octave * 5 // 4])
        assert abs(12 * np.log2(first / octave)) < 0.30
        assert spectrum[first] > 5 * spectrum[octave // 4 : low].max()


def test_bank_ends_in_silence_and_loops_lie_inside():
    for name in NAMES:
        for stored in bank.bank_notes(name, RATE):
            assert stored.wave[-1] == 0
            assert np.isfinite(stored.wave).all()
            if stored.loop:
                start, end = stored.loop
                assert 0.3 < start / RATE / 3 < end / RATE / 3 < 1.6
                assert end < len(stored.wave) - 1
    assert all(n.loop for name in SUSTAINED for n in bank.bank_notes(name, RATE))


def test_resampling_keeps_a_sine_and_removes_what_would_fold():
    time = np.arange(8000) / 16000
    window = np.hanning(8000)
    low = (window * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    high = (window * np.sin(2 * np.pi * 6000 * time)).astype(np.float32)
    limit = 0.6
    out = bank._resample(low, 1323, 640, limit)
    fine = np.arange(len(out)) / 33075
    expected = np.interp(fine, time, window) * np.sin(2 * np.pi * 1000 * fine)
    np.testing.assert_allclose(out, expected, atol=1e-3)
    assert np.abs(bank._resample(high, 1323, 640, limit)).max() < 1e-4


def test_shared_samples_are_reported():
    ((one, other, samples),) = shared_samples()
    assert {one, other} == {"erhu", "violin"}
    assert all("Violin" in sample for sample in samples)
    assert shared_samples(["violin"], ["erhu"])[0][:2] == ("violin", "erhu")
    held_out = {"banjo", "electric bass", "guzheng", "saxophone", "trumpet", "bagpipe", "drum"}
    held_out |= {"flute", "piano", "congas", "ukulele"}  # test categories of S1, S2 and S3
    assert shared_samples(set(NAMES) - held_out, held_out) == []


# ---------------------------------------------------------------------------------- sampler


def test_a_silent_player_is_silent():
    wave = play([], "flute", 3, 1.5)
    assert wave.shape == (16538,)
    assert wave.dtype == np.float32
    assert not wave.any()


@pytest.mark.parametrize("name", NAMES)
def test_levels(name):
    levels, peaks = [], []
    for player in range(10):
        wave = play(tune(name, player), name, player, 6.0)
        assert wave.shape == (66150,)
        assert np.isfinite(wave).all()
        frames = frames_of(wave, 275)
        own = voice(name, player).level_db
        levels.append(db(frames[frames > frames.max() * 10**-3.5].mean()) - own)
        peaks.append(np.abs(wave).max())
    assert -3.3 < np.mean(levels) - NOMINAL_DB < 1.7  # strokes are scaled down at their peaks
    assert max(peaks) < 0.99


def test_same_arguments_same_bytes():
    notes = tune("erhu", 1)
    first = play(notes, "erhu", 5, 6.0, rng=default_rng(4))
    bank.bank_notes.cache_clear()
    voicing.voice.cache_clear()
    voicing.responses.cache_clear()
    second = play(notes, "erhu", 5, 6.0, rng=default_rng(4))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", ["violin", "clarinet", "tuba", "piano", "banjo"])
def test_pitch_is_the_note_and_the_players_tuning(name):
    """Over five semitones in a row every shift from the bank occurs."""
    middle = (INSTRUMENTS[name].low + INSTRUMENTS[name].high) // 2
    off = []
    for pitch in range(middle, middle + 5):
        for player in (0, 1, 2):
            wave = play([note(pitch, 0, 1.2)], name, player, 1.3).astype(float)
            found = fundamental(wave[1200:9000], RATE, pitch - 1, pitch + 1)
            off.append(found - pitch - voice(name, player).tuning_cents / 100)
    assert np.max(np.abs(off)) < 0.35  # the samples' own vibrato and stiffness of strings
    assert abs(np.mean(off)) < 0.15


def test_tuning_is_the_players():
    """The same sample twice: the difference in pitch is the difference in tuning, to 2 cents."""
    waves = [play([note(57, 0, 1.2)], "trumpet", p, 1.2).astype(float) for p in (0, 1)]
    found = [fundamental(wave[2000:12000], RATE, 56, 58) for wave in waves]
    meant = [voice("trumpet", p).tuning_cents / 100 for p in (0, 1)]
    assert found[1] - found[0] == pytest.approx(meant[1] - meant[0], abs=0.02)
    assert abs(meant[1] - meant[0]) > 0.02


def test_vibrato_swings_as_wide_as_it_says():
    own = voice("violin", 0)
    bent = sampler._bent_time(3 * RATE, own, RATE)
    assert bent[0] == 0
    cents = 1200 * np.log2(np.diff(bent))[RATE // 2 :]
    assert cents.max() == pytest.approx(own.vibrato_cents, rel=0.02)
    assert cents.min() == pytest.approx(-own.vibrato_cents, rel=0.02)
    crossings = np.sum((cents[:-1] < 0) & (cents[1:] >= 0))
    assert crossings == pytest.approx(2.5 * own.vibrato_hz, abs=1)
    straight = sampler._bent_time(100, voice("piano", 0), RATE)
    np.testing.assert_array_equal(straight, np.arange(100))


def test_lines_join_the_samples():
    wave = np.array([0.0, 1.0, 3.0, 2.0, 0.0], np.float32)
    places = sampler._Positions(np.array([0.0, 0.25, 1.5, 2.75]))
    stored = bank.BankNote(60, wave, None)
    np.testing.assert_allclose(places.read(stored, 4), [0.0, 0.25, 2.0, 2.25])


def test_loop_goes_on_where_it_should():
    """A ramp with the loop [2, 5): 0 1 2 3 4 | 2 3 4 | 2 3 4 and so on, then two samples spare."""
    wave = np.array([0, 1, 2, 3, 4, 2, 3, 0], np.float32)
    places = sampler._Positions(np.arange(12.0))
    out = places.read(bank.BankNote(60, wave, (2.0, 5.0)), 12)
    np.testing.assert_allclose(out, [0, 1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2])
    half = sampler._Positions(np.arange(8.0) + 0.5)
    out = half.read(bank.BankNote(60, wave, (2.0, 5.0)), 8)
    np.testing.assert_allclose(out, [0.5, 1.5, 2.5, 3.5, 3.0, 2.5, 3.5, 3.0])


@pytest.mark.parametrize("name", SUSTAINED)
def test_long_notes_hold_without_clicks(name):
    middle = (INSTRUMENTS[name].low + INSTRUMENTS[name].high) // 2
    wave = play([note(middle, 0, 5.0)], name, 0, 5.0)
    level = db(frames_of(wave[RATE // 2 :], RATE // 2))
    assert np.ptp(level) < 6
    # A click is a broad splash of treble: none stands out in the held part.
    treble = np.diff(wave[RATE // 2 : -RATE // 4].astype(float), n=3)
    bursts = frames_of(treble, 64)
    assert bursts.max() < 12 * np.median(bursts)


@pytest.mark.parametrize("name", NAMES)
def test_sound_starts_and_stops_with_the_note(name):
    pitch = {"drum": 38, "congas": 63}.get(name, (INSTRUMENTS[name].low + 12))
    wave = play([note(pitch, 1.0, 0.6)], name, 2, 4.0).astype(float)
    power = frames_of(wave, 221)  # 20 ms
    before, during = power[:49].max(), power[51:70].max()
    assert db(during / before) > 30
    start = np.argmax(power > 0.1 * during) * 221 / RATE
    assert 0.96 <= start <= 1.11
    after = power[round(3.2 * RATE / 221) :].max()
    assert db(during / after) > 30


@pytest.mark.parametrize(
    "name", ["xylophone", "banjo", "piano", "guzheng", "drum", "electric bass"]
)
def test_onsets_are_heard_where_they_are_written(name):
    """Rises of the spectrum (spectral flux) against the written onsets."""
    hits = total = 0
    for seed in range(4):
        notes = tune(name, seed)
        wave = play(notes, name, seed, 6.0)
        hop = 110
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (256, 256)), 512)[::hop]
        spectrum = np.log1p(1000 * np.abs(np.fft.rfft(windows * np.hanning(512))))
        flux = np.maximum(np.diff(spectrum, axis=0), 0).sum(1)
        onsets = np.array([n.onset_s for n in notes])
        onsets = onsets[np.diff(onsets, prepend=-1) > 0.08]
        quiet = np.median(flux)
        for onset in onsets:
            at = round(onset * RATE / hop)
            hits += flux[max(at - 3, 0) : at + 4].max() > 3 * quiet
            total += 1
    assert hits / total > 0.9


@pytest.mark.parametrize(
    "name",
    [
        "acoustic guitar",
        "banjo",
        "congas",
        "drum",
        "guzheng",
        "harp",
        "piano",
        "ukulele",
        "xylophone",
    ],
)
def test_strokes_begin_within_10_ms_of_where_they_are_written(name):
    """Where the energy of 8 ms rises most over the 8 ms before; measured: 97 to 100 %."""
    errors = []
    for seed in range(4):
        notes = tune(name, seed)
        wave = play(notes, name, seed, 6.0)
        energy = np.concatenate([[0.0], np.cumsum(wave.astype(float) ** 2)])
        starts = np.array([n.onset_s for n in notes])
        starts = starts[np.diff(starts, prepend=-1) > 0.08]
        for start in starts[(starts > 0.06) & (starts < 5.9)]:
            off = np.arange(-0.05, 0.05, 0.001)
            at, size = np.round((start + off) * RATE).astype(int), round(0.008 * RATE)
            after, before = energy[at + size] - energy[at], energy[at] - energy[at - size]
            errors.append(off[np.argmax((after + 1e-6) / (before + 1e-6))])
    assert np.mean(np.abs(errors) <= 0.0105) > 0.9
    assert abs(np.median(errors)) < 0.006


def test_velocity_is_loudness_and_brightness():
    soft, loud = (play([note(60, 0, 1, v)], "piano", 0, 1.0).astype(float) for v in (0.3, 0.9))
    assert 8 < db(np.mean(loud**2) / np.mean(soft**2)) < 20

    def centroid(wave):
        power = np.abs(np.fft.rfft(wave)) ** 2
        power[:200] = 0
        return np.sum(power * np.arange(len(power))) / power.sum()

    assert centroid(loud) > 1.05 * centroid(soft)


def colour(wave):
    """Mean level in third-octave bands, without the overall level (dB)."""
    power = np.abs(np.fft.rfft(wave.astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    edges = 200 * 2 ** (np.arange(14) / 3)
    levels = [db(power[(hertz >= a) & (hertz < b)].mean()) for a, b in itertools.pairwise(edges)]
    return np.array(levels) - np.mean(levels)


def test_no_two_players_sound_alike():
    notes = [note(pitch, i * 0.5, 0.45) for i, pitch in enumerate((57, 62, 66, 71, 76, 81))]
    players = (0, 1, 2, 39, 40, 47, 48, 63)
    colours = {p: colour(play(notes, "violin", p, 3.0, rng=default_rng(p))) for p in players}
    apart = [
        np.sqrt(np.mean((colours[a] - colours[b]) ** 2))
        for a, b in itertools.combinations(players, 2)
    ]
    again = colour(play(notes, "violin", 0, 3.0, rng=default_rng(99)))
    same = np.sqrt(np.mean((colours[0] - again) ** 2))
    assert min(apart) > 1.0
    assert np.median(apart) > 2.5
    assert same < 0.5


def test_voices_differ_for_every_identity():
    numbers = [n for split in PLAYERS.values() for n in split]
    voices = {voice(name, number) for name in NAMES for number in numbers}
    assert len(voices) == len(NAMES) * len(numbers)


def test_noise_lies_sixty_decibels_below():
    wave = play([note(69, 2.5, 0.4)], "flute", 1, 3.0)
    floor = db(np.mean(wave[: 2 * RATE].astype(float) ** 2))
    assert floor == pytest.approx(NOMINAL_DB + voice("flute", 1).noise_db, abs=0.5)
    assert -86 <= floor <= -75
    long = play([note(69, 0, 0.4)], "flute", 1, 30.0)
    assert len(long) == 30 * RATE
    assert long[-RATE:].std() > 1e-5


@pytest.mark.parametrize(
    "part",
    [
        "tuning_cents",
        "level_db",
        "shelf_hz",
        "shelf_db",
        "soft_db",
        "room_s",
        "room_db",
        "noise_db",
    ],
)
def test_a_voice_does_not_tell_the_category(part):
    """Analysis of variance over 26 instruments of 64 players: level, room, noise and colour.

    Attack, release and vibrato go with the playing technique, and are left out.
    """
    drawn = [[getattr(voice(name, player), part) for player in range(64)] for name in NAMES]
    assert f_oneway(*drawn).pvalue > 0.001
    drawn[3] = [value + np.std(drawn) for value in drawn[3]]  # the test would see this
    assert f_oneway(*drawn).pvalue < 0.001


def test_resonances_do_not_tell_the_category():
    peaks = np.array([[voice(name, player).peaks for player in range(64)] for name in NAMES])
    assert f_oneway(*peaks).pvalue.min() > 0.001


def test_the_floor_that_is_heard_does_not_tell_the_category():
    """Noise before the first note is as loud as the player's voice says, whatever is played.

    The note is soft: strokes that would pass the peak are scaled down, and the noise with them.
    """
    for name in NAMES:
        late = [note(INSTRUMENTS[name].low, 1.4, 0.1, 0.2)]
        off = []
        for player in range(0, 64, 8):
            wave = play(late, name, player, 1.5)[: round(1.3 * RATE)].astype(float)
            off.append(db(np.mean(wave**2)) - NOMINAL_DB - voice(name, player).noise_db)
        assert abs(np.mean(off)) < 0.3, name


@pytest.mark.parametrize("rate", [4000, 8000])
def test_resonances_above_a_low_rate_are_left_out(rate):
    """Resonances reach 4.2 kHz: beyond half the rate their filters would not be stable."""
    for name in NAMES:
        for player in range(0, 64, 3):
            assert np.abs(voicing.responses(name, player, rate)).max() < 100
    assert np.abs(voicing.responses("tuba", 56, rate)).max() < 100
    wave = play([note(45, 0, 0.5)], "tuba", 56, 1.0, rate)
    assert 0.01 < np.abs(wave).max() < 0.99
    assert voicing._peak(0.46 * rate, 6.0, rate) == (1, 0, 0, 1, 0, 0)
    assert voicing._peak(4200.0, 6.0, RATE) != (1, 0, 0, 1, 0, 0)  # kept at the usual rate


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_other_rates_sound_the_same(rate):
    notes = tune("clarinet", 2, 2.0)
    one = play(notes, "clarinet", 4, 2.0).astype(float)
    other = play(notes, "clarinet", 4, 2.0, rate).astype(float)
    assert len(other) == 2 * rate
    bins = np.abs(np.fft.rfft(one))[: 2 * 2500] / len(one)
    same = np.abs(np.fft.rfft(other))[: 2 * 2500] / len(other)
    bands = [db((bins[i : i + 500] ** 2).sum() / (same[i : i + 500] ** 2).sum()) for i in (0, 500)]
    assert np.max(np.abs(bands)) < 1.5


def test_high_notes_do_not_fold():
    """The flute's top note at 11025 Hz: what lies between its harmonics is 40 dB below them."""
    wave = play([note(93, 0, 1.0)], "flute", 0, 1.0).astype(float)[2000:10000]
    spectrum = np.abs(np.fft.rfft(wave * np.blackman(len(wave)))) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    base = 1760 * 2 ** (voice("flute", 0).tuning_cents / 1200)
    from_harmonic = np.abs(hertz - base * np.round(hertz / base))
    wanted = spectrum[from_harmonic < 200].sum()
    between = spectrum[(from_harmonic > 300) & (hertz > 1000)].sum()
    assert db(wanted / between) > 35


def test_what_cannot_be_played_is_refused():
    with pytest.raises(ValueError, match="violin plays MIDI 55 to 91, not 40"):
        play([note(40)], "violin", 0, 1.0)
    with pytest.raises(ValueError, match="players count from 0"):
        play([note(60)], "violin", -1, 1.0)
    with pytest.raises(ValueError, match="positive length and rate"):
        play([note(60)], "violin", 0, 0.0)
    with pytest.raises(ValueError, match=r"0\.5 s before the clip"):
        play([note(60, -0.5)], "violin", 0, 1.0)
    late = play([note(60, 5.0)], "violin", 0, 1.0)  # after the clip: only the player's noise
    assert 0 < np.abs(late).max() < 1e-3


# ---------------------------------------------------------------------------------- voicing


def test_filter_equals_plain_convolution():
    rng = default_rng(0)
    buses = rng.standard_normal((2, 20000)).astype(np.float32)
    size = 8192
    taps = rng.standard_normal((2, size - voicing._hop(size))).astype(np.float32)
    out = voicing.put_on(buses, np.fft.rfft(taps, size).astype(np.complex64))
    expected = sum(
        fftconvolve(bus.astype(float), tap)[:20000] for bus, tap in zip(buses, taps, strict=True)
    )
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_shelf_and_peak_have_the_gain_they_say():
    shelf = voicing._high_shelf(1500.0, -7.0, RATE)
    peak = voicing._peak(1000.0, 5.0, RATE)
    for biquad, hertz, gain in (
        (shelf, 0.0, 0.0),
        (shelf, 5512.4, -7.0),
        (shelf, 1500.0, -3.5),
        (peak, 0.0, 0.0),
        (peak, 1000.0, 5.0),
    ):
        _, response = freqz(biquad[:3], biquad[3:], [hertz], fs=RATE)
        assert 20 * np.log10(np.abs(response[0])) == pytest.approx(gain, abs=0.02)


def test_room_answers_later_and_as_loud_as_it_says():
    own = voice("horn", 9)
    room = voicing._reflections(own, default_rng(1))
    assert len(room) == round(own.room_s * 16000)
    assert not room[: round(0.003 * 16000)].any()
    assert db(np.sum(room**2)) == pytest.approx(own.room_db, abs=0.01)
    early, late = np.array_split(room[round(0.05 * 16000) :] ** 2, 2)
    assert late.sum() < 0.1 * early.sum()


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_a_room_is_the_same_at_every_rate(rate):
    """Its response at frequencies that both rates have, within 1 dB."""
    room = voicing._reflections(voice("horn", 9), default_rng(1))
    other = voicing._resampled(room, rate)
    hertz = np.linspace(100, 3400, 60)
    _, one = freqz(room, 1, hertz, fs=16000)
    _, two = freqz(other, 1, hertz, fs=rate)
    np.testing.assert_allclose(two, one, atol=0.12 * np.abs(one).mean())


def test_room_fits_into_a_block():
    for rate in (8000, 11000, 11025, 16000, 22050, 44100, 48000):
        assert voicing.responses("violin", 3, rate).shape[0] == 2
        size = 2 * (voicing.responses("violin", 3, rate).shape[1] - 1)
        assert voicing._ROOM_S[1] * rate < size - voicing._hop(size)
