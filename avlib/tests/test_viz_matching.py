"""The replay of online matching: what it carries, in which order, and what it refuses."""

import base64
import io
import json

import numpy as np
import pytest
import soundfile
from bs4 import BeautifulSoup
from PIL import Image

from avlib.viz.matching import Stage, matching_replay

RATE = 11025
NAMES = ("banjo", "flute")
LEVELS = {0: (0.1, 0.2), 1: (0.3, 0.4), 4: (0.5, 0.6)}
PITCHES = {0: (300, 400), 1: (500, 600), 4: (700, 800)}
TOO_BRIGHT = np.full((4, 6), 2.0)
LOSSES = [3.0, 2.9994, 2.999, 2.998, 2.996]


def tone(hz):
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)


def stage(steps, **change):
    values = {
        "masks": {n: np.full((4, 6), v) for n, v in zip(NAMES, LEVELS[steps], strict=True)},
        "waves": {n: tone(hz) for n, hz in zip(NAMES, PITCHES[steps], strict=True)},
        "sdr_db": {"banjo": float(steps), "flute": -1.0},
        **change,
    }
    return Stage(steps, **values)


def made(stages=None, losses=LOSSES, label="A pair"):
    stages = [stage(t) for t in LEVELS] if stages is None else stages
    truth = {"banjo": 2 * tone(1000), "flute": tone(1100)}
    return matching_replay(stages, losses, tone(200), truth, RATE, label, "Told.")


def soup(component):
    return BeautifulSoup(component.html, "html.parser")


def pitch(audio):
    data = base64.b64decode(audio["src"].split(",")[1])
    wave, rate = soundfile.read(io.BytesIO(data))
    return np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave), np.std(wave)


def test_sounds_stand_in_the_order_that_the_script_counts_by():
    page = soup(made())
    audios = page.select("details audio")
    assert [a["aria-label"] for a in audios][:4] == [
        "mixture",
        "banjo, true",
        "flute, true",
        "banjo, step 0",
    ]
    heard, loud = zip(*map(pitch, audios), strict=True)
    wanted = [200, 1000, 1100, 300, 400, 500, 600, 700, 800]
    assert heard == pytest.approx(wanted, abs=15)
    assert np.array(loud) == pytest.approx(loud[0], rel=0.05)  # all equally loud
    assert json.loads(page.select_one(".avl-voices").text) == {"players": 2}
    assert json.loads(page.select_one(".avl-data").text)["steps"] == [0, 1, 4]


def test_curves_show_every_step_and_numbers_those_of_their_stage():
    page = soup(made())
    curves = json.loads(page.select_one(".avl-data").text)["curves"]
    change, sdr = curves.values()
    assert change == pytest.approx([0, -0.6, -1, -2, -4])
    assert sdr == [-0.5, 0, 1.5]
    shots = page.select(".avl-shot")
    assert [[dd.text for dd in shot.select("dd")] for shot in shots] == [
        ["3", "0", "−1"],
        ["2.999", "1", "−1"],
        ["2.996", "4", "−1"],
    ]
    assert [image["alt"] for image in shots[2].select("img")][:2] == [
        "step 4, banjo: mask",
        "step 4, flute: mask",
    ]
    assert "brightest: 0.4" in shots[2].select("img")[2]["alt"]


def test_low_rows_are_drawn_below():
    low = np.zeros((4, 6))
    low[0] = 1.0
    stages = [stage(t, masks={"banjo": low, "flute": low}) for t in LEVELS]
    page = soup(made(stages))
    data = base64.b64decode(page.select_one(".avl-shot img")["src"].split(",")[1])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert pixels[-1, 0].tolist() == [253, 231, 55]
    assert pixels[0, 0].tolist() == [0, 34, 77]


def test_what_a_user_writes_is_text():
    page = soup(made(label='<img src=x onerror="alert(1)">'))
    assert not page.find_all(attrs={"onerror": True})
    assert "<img src=x" in page.find("figcaption").text


def test_it_is_told_in_words():
    component = made()
    assert "Steps 0 to 4. L_cs: 3 to 2.996. Mean SDR: −0.5 to 1.5 dB. Told." in component.text
    assert component.poster()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("stages", "losses", "message"),
    [
        ([stage(0)], LOSSES[:1], "at least one more"),
        ([stage(1), stage(4)], LOSSES, "stage of 0 steps first"),
        ([stage(0), stage(4)], LOSSES[:3], "5 values of L_cs"),
        ([stage(0), stage(1)], [3.0, float("nan")], "all finite"),
        ([stage(0), stage(1, sdr_db={"banjo": 1.0})], LOSSES[:2], "sdr_db of step 1"),
        ([stage(0), stage(4), stage(1)], LOSSES[:2], "must increase"),
        ([stage(0), stage(1, masks=dict.fromkeys(NAMES, TOO_BRIGHT))], LOSSES[:2], "0 to 1"),
    ],
)
def test_refuses_what_does_not_fit(stages, losses, message):
    with pytest.raises(ValueError, match=message):
        made(stages, losses)
