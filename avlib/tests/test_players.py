"""Players and plots: what a component carries, what it refuses, and what the plots draw."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from avlib.viz import players, plots, slides
from avlib.viz.pieces import pixels

RATE = 11025
TIME = np.arange(RATE) / RATE
TONE = 0.5 * np.sin(2 * np.pi * 440 * TIME)


def sounds(html):
    """Every embedded sound, decoded."""
    data = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', html)
    return [soundfile.read(io.BytesIO(base64.b64decode(item))) for item in data]


def test_audio_player_carries_the_sound():
    component = players.audio_player(TONE, RATE, "a tone", "One steady tone.")
    ((wave, rate),) = sounds(component.html)
    assert rate == RATE
    middle = wave[3000:8000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, abs=3)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)
    assert "One steady tone." in component.html
    assert "<audio" in component.html
    assert "controls" in component.html


def test_nothing_is_fetched_and_nothing_plays_by_itself():
    frames = np.zeros((4, 32, 48, 3), np.uint8)
    tracks = {"mixture": TONE, "left": TONE / 2}
    for component in (
        players.ab_player(tracks, RATE),
        players.scene_player(frames, 4.0, tracks, RATE, {"left": (0, 0, 24, 32)}, "duet"),
    ):
        assert not re.search(r"https?://", component.html)
        assert "autoplay" not in component.html
        assert not re.search(r"\bfetch\(|XMLHttpRequest|import\(", component.html)


def test_user_text_is_escaped():
    evil = '"><script>alert(1)</script>'
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    scene = players.scene_player(frames, 1.0, {evil: TONE}, RATE, {evil: (0, 0, 4, 4)}, evil, evil)
    for component in (
        players.audio_player(TONE, RATE, evil, evil),
        players.ab_player({evil: TONE, "b": TONE}, RATE, evil, evil),
        scene,
    ):
        assert "alert(1)</script>" not in component.html
        assert "<script>alert" not in component.html
        assert 'aria-label=""' not in component.html
    assert "<script>alert" not in scene.page(evil)


def test_loudness_is_matched_or_kept():
    tracks = {"loud": TONE, "quiet": TONE / 10}
    rms = [np.std(wave[2000:9000]) for wave, _ in sounds(players.ab_player(tracks, RATE).html)]
    assert rms[0] == pytest.approx(rms[1], rel=0.02)
    kept = players.ab_player(tracks, RATE, match_loudness=False)
    rms = [np.std(wave[2000:9000]) for wave, _ in sounds(kept.html)]
    assert rms[0] == pytest.approx(10 * rms[1], rel=0.05)


def test_matching_never_clips_and_leaves_silence():
    click = np.zeros(RATE)
    click[5000] = 1
    loud = players.equally_loud([TONE.astype(np.float32), click, np.zeros(RATE)])
    assert max(np.abs(wave).max() for wave in loud) == pytest.approx(players.PEAK)
    assert not loud[2].any()
    assert np.sqrt(np.mean(loud[0] ** 2)) == pytest.approx(np.sqrt(np.mean(loud[1] ** 2)))


def test_joint_gain_keeps_proportions():
    loud, quiet = players.joint_gain([4 * TONE, TONE])
    assert np.abs(loud).max() == pytest.approx(players.PEAK)
    np.testing.assert_allclose(loud, 4 * quiet)


@pytest.mark.parametrize("rate", [7000, 11000, 16000, 44100, 96000])
def test_any_rate_keeps_duration(rate):
    wave = 0.3 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    mime, data = players.encode(wave, rate)
    decoded, target = soundfile.read(io.BytesIO(data))
    assert mime == "audio/mpeg"
    assert target in players.MP3_RATES
    assert len(decoded) / target == pytest.approx(1, abs=0.2)
    spectrum = np.abs(np.fft.rfft(decoded))
    assert np.argmax(spectrum) * target / len(decoded) == pytest.approx(300, abs=3)


def test_frames_lie_in_the_sheet_in_order():
    frames = np.stack([np.full((16, 32, 3), 25 * k, np.uint8) for k in range(7)])
    html = players.video_player(frames, 7.0, TONE, RATE, "steps").html
    data = re.search(r'src="data:image/webp;base64,([^"]+)"', html).group(1)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert sheet.shape == (3 * 16, 3 * 32, 3)
    for k in range(7):
        middle = sheet[k // 3 * 16 + 8, k % 3 * 32 + 16, 0]
        assert abs(int(middle) - 25 * k) <= 6
    assert '"frames": 7, "fps": 7.0' in html
    assert '"columns": 3' in html


def test_boxes_become_buttons_in_per_cent():
    frames = np.zeros((2, 50, 200, 3), np.uint8)
    tracks = {"both": TONE, "flute": TONE}
    boxes = {"flute": (20, 10, 60, 40)}
    html = players.scene_player(frames, 2.0, tracks, RATE, boxes, "duet").html
    assert 'data-track="1"' in html
    assert "left:10.00%;top:20.00%;width:20.00%;height:60.00%" in html


def test_ids_differ_between_equal_components():
    make = [players.ab_player({"a": TONE, "b": TONE}, RATE).html for _ in range(2)]
    ids = [re.search(r'id="([^"]+)"', html).group(1) for html in make]
    assert ids[0] != ids[1]
    assert f'getElementById("{ids[0]}")' in make[0]


def test_poster_is_a_picture_and_bundle_has_three_forms():
    bundle = players.ab_player({"a": TONE, "b": TONE}, RATE)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert Image.open(io.BytesIO(bundle["image/png"])).size[0] > 300


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros((2, 5)), "sample"),
        (np.zeros(0), "empty"),
        (np.array([0, np.nan]), "finite"),
    ],
)
def test_bad_waves_are_named(wave, message):
    with pytest.raises(ValueError, match=f"'odd'.*{message}"):
        players.audio_player(wave, RATE, "odd")


def test_bad_tracks_frames_and_boxes_are_refused():
    with pytest.raises(ValueError, match="same number of samples"):
        players.ab_player({"a": TONE, "b": TONE[:-1]}, RATE)
    with pytest.raises(ValueError, match="no track"):
        players.ab_player({}, RATE)
    with pytest.raises(ValueError, match="bytes"):
        players.video_player(np.zeros((2, 8, 8), np.uint8), 2.0, TONE, RATE, "x")
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="not there"):
        players.scene_player(frames, 2.0, {"a": TONE}, RATE, {"b": (0, 0, 1, 1)}, "x")


def test_spectrogram_draws_decibels_with_units():
    magnitude = np.array([[1.0, 0.1, 0.01], [0.0, 0.5, 1.0]])
    ax = plots.spectrogram(magnitude, rate=1000, hop=100)
    image = ax.images[0]
    np.testing.assert_allclose(image.get_array()[0], [0, -20, -40], atol=1e-6)
    assert image.get_array()[1, 0] == plots.FLOOR_DB
    assert image.get_extent() == [0.0, 0.2, 0.0, 0.5]
    assert image.origin == "lower"
    assert "(kHz)" in ax.get_ylabel()


def test_spectrogram_labels_rows_by_frequency():
    frequencies = np.array([0.0, 500, 1000, 2000])
    ax = plots.spectrogram(np.ones((4, 2)), 4000, 10, frequencies=frequencies)
    labels = {t.get_text(): y for t, y in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert labels["0.5"] == pytest.approx(1.5)
    assert labels["1"] == pytest.approx(2.5)
    with pytest.raises(ValueError, match="4 rows but 3"):
        plots.spectrogram(np.ones((4, 2)), 4000, 10, frequencies=frequencies[:3])


def test_plots_refuse_wrong_shapes():
    with pytest.raises(ValueError, match="freq, column"):
        plots.spectrogram(np.ones(4), 4000, 10)
    with pytest.raises(ValueError, match="freq, column"):
        plots.mask(np.ones((1, 2, 3)), 4000, 10)
    with pytest.raises(ValueError, match="2 frames but 1"):
        plots.film_strip(np.zeros((2, 8, 8, 3), np.uint8), [0.0])


def test_score_bars_are_means_told_apart_by_hatching():
    table = pd.DataFrame(
        {
            "player": ["violin", "violin", "flute", "flute"],
            "estimate": ["mixture", "model", "mixture", "model"],
            "SDR (dB)": [0.0, 4.0, -1.0, 6.5],
        }
    )
    ax = plots.score_bars(table)
    heights = [[bar.get_height() for bar in group] for group in ax.containers]
    assert heights == [[0.0, -1.0], [4.0, 6.5]]
    assert len({group[0].get_hatch() for group in ax.containers}) == 2


def test_score_bars_without_groups():
    table = pd.DataFrame({"row": ["a", "a", "b"], "SDR (dB)": [1.0, 3.0, 5.0]})
    ax = plots.score_bars(table, x="row", hue="row")
    assert [bar.get_height() for group in ax.containers for bar in group] == [2.0, 5.0]


def test_bars_without_groups_stand_on_their_labels():
    table = pd.DataFrame({"row": ["a", "c", "b", "c", None], "SDR (dB)": [1.0, 3.0, 5.0, 4.0, 9.0]})
    table["row"] = pd.Categorical(table["row"], ["c", "a", "b"])
    ax = plots.score_bars(table, x="row", hue="row")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["c", "a", "b"]
    middles = [bar.get_x() + bar.get_width() / 2 for group in ax.containers for bar in group]
    assert middles == pytest.approx(list(ax.get_xticks()))


def test_mask_and_replay_wear_the_same_colours():
    values = np.array([[0.0, 1.0]])
    image = plots.mask(values, 4000, 10).images[0]
    shown = (image.to_rgba(values)[..., :3] * 255).astype(np.uint8)
    np.testing.assert_array_equal(shown, pixels(values, "a mask"))


def test_numbers_stand_clear_of_error_bars():
    table = pd.DataFrame({"row": ["a", "a", "b", "b"], "SDR (dB)": [1.0, 9.0, -2.0, -6.0]})
    ax = plots.score_bars(table, x="row", hue="row")
    written = {text.get_text(): text.xy[1] for text in ax.texts}
    assert set(written) == {"5.0", "-4.0"}
    assert written["5.0"] > 7
    assert written["-4.0"] < -5


def test_waveform_runs_in_seconds():
    ax = plots.waveform(np.arange(11), rate=10, start_s=2.0)
    x = ax.lines[0].get_xdata()
    assert (x[0], x[-1]) == (2.0, 3.0)


def test_film_strip_draws_each_box():
    boxes = {"flute": np.array([[1, 2, 5, 7], [2, 2, 6, 7]])}
    figure = plots.film_strip(np.zeros((2, 8, 8, 3), np.uint8), [0.0, 0.25], boxes)
    box = figure.axes[1].patches[0]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (2, 2, 4, 5)


def figures(names):
    made = {}
    for name in names:
        made[name], ax = plots.plt.subplots(figsize=(2, 1))
        ax.set_title(name)
    return made


def test_slider_carries_every_picture_with_its_description():
    before = plots.plt.get_fignums()
    told = {"short": "Broad <bands>.", "long": 'Thin "lines".'}
    slider = slides.picture_slider(figures(told), "Windows", "window", told, start=1)
    assert plots.plt.get_fignums() == before
    pictures = re.findall(r'src="data:image/webp;base64,([^"]+)"', slider.html)
    assert len(set(pictures)) == 2
    assert 'alt="Broad &lt;bands&gt;."' in slider.html
    assert 'max="1"' in slider.html
    assert 'value="1"' in slider.html
    poster = Image.open(io.BytesIO(slider.poster()))
    shown = Image.open(io.BytesIO(base64.b64decode(pictures[1])))
    np.testing.assert_array_equal(np.asarray(poster), np.asarray(shown))


def test_slider_refuses_what_it_cannot_show():
    with pytest.raises(ValueError, match="start=1, but there are 1"):
        slides.picture_slider(figures(["a"]), "x", "y", {"a": "b"}, start=1)
    with pytest.raises(ValueError, match="without a description"):
        slides.picture_slider(figures(["a"]), "x", "y", {})
    plots.plt.close("all")
