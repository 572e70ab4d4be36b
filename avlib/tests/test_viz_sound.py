"""Components with sound: what they carry, what they refuse, and that names stay text."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from avlib import audio
from avlib.viz import component, film, players, spectral
from avlib.viz.cursor import spec_cursor
from avlib.viz.heatmap import heatmap_over_frame, overlay
from avlib.viz.mask_lab import mask_lab
from avlib.viz.mixer import stem_mixer

RATE = 11025
TIME = np.arange(2 * RATE) / RATE
LOW = 0.4 * np.sin(2 * np.pi * 500 * TIME)
HIGH = 0.4 * np.sin(2 * np.pi * 3000 * TIME)
FRAMES = np.stack([np.full((48, 64, 3), 60 * k, np.uint8) for k in range(4)])
BOXES = {"low": (0, 0, 30, 48), "high": (34, 0, 64, 48)}
EVIL = "<img src=x onerror=alert(1)>\"'</script>"


def mixer(low="low", high="high", label="Mix", told="Two tones.", **more):
    return stem_mixer({low: LOW, high: HIGH}, RATE, label, told, **more)


def cursor(low="low", high="high", label="Look", told="A line.", **more):
    magnitude = spectral.magnitudes(LOW.astype(np.float32), 512, 128)
    told = {low: told, high: told}
    more = {"hop": 128} | more
    return spec_cursor(LOW, RATE, {low: magnitude, high: magnitude}, label, told, **more)


def mask(low="low", high="high", label="Cut", told="Two tones."):
    return mask_lab({low: LOW, high: HIGH}, RATE, label, told)


def heat(low="low", high="high", label="Map", told="Two boxes.", **more):
    more = {"tracks": {low: LOW, high: HIGH}, "rate": RATE, "fps": 2.0} | more
    boxes = dict(zip((low, high), BOXES.values(), strict=True))
    maps = {low: np.eye(4), high: np.ones((4, 3, 3))}
    return heatmap_over_frame(FRAMES, maps, label, told, boxes=boxes, **more)


MAKERS = {"mixer": mixer, "cursor": cursor, "mask": mask, "heatmap": heat}


class Outline(HTMLParser):
    """Elements of a piece of HTML, checked for balance."""

    VOID = frozenset(("input", "img", "br", "meta"))

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.texts = [], [], {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts[self.open[-1] if self.open else ""] = data

    def all(self, tag, **wanted):
        return [a for t, a in self.elements if t == tag and wanted.items() <= a.items()]


def sounds(html):
    data = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', html)
    return [base64.b64decode(item) for item in data]


def decoded(html):
    return [soundfile.read(io.BytesIO(data))[0] for data in sounds(html)]


# All of them.


@pytest.mark.parametrize("kind", MAKERS)
def test_root_and_three_forms(kind):
    made = MAKERS[kind]()
    outline = Outline(made.html)
    root = outline.elements[0]
    assert root[0] == "figure"
    assert root[1]["class"] == f"avl avl-{kind}"
    assert f'getElementById("{root[1]["id"]}")' in made.html
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    poster = Image.open(io.BytesIO(bundle["image/png"]))
    assert poster.format == "PNG"
    assert poster.width > 40
    assert len(set(poster.convert("L").tobytes())) > 3  # not an empty sheet
    label = {"mixer": "Mix", "cursor": "Look", "mask": "Cut", "heatmap": "Map"}[kind]
    assert label in bundle["text/plain"]
    assert "low" in bundle["text/plain"]
    assert isinstance(made, players.Component)


@pytest.mark.parametrize("kind", MAKERS)
def test_self_contained_and_quiet(kind):
    html = MAKERS[kind]().html
    assert not re.search(r"https?://|<script[^>]+src|<link|@import|autoplay", html)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|\bimport\(", html)
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', html))
    outline = Outline(html)
    for control in outline.all("audio"):
        assert "controls" in control
        assert control["aria-label"]


@pytest.mark.parametrize("kind", MAKERS)
def test_ids_are_unique_and_every_label_has_its_control(kind):
    outline = Outline(MAKERS[kind]().html + MAKERS[kind]().html)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 2
    for _, attributes in outline.elements:
        for key in ("for", "aria-describedby"):
            assert attributes.get(key, ids[0]) in ids
    groups = [a["name"] for a in outline.all("input", type="radio")]
    starts = [a["name"] for a in outline.all("input", type="radio") if "checked" in a]
    assert sorted(set(groups)) == sorted(starts)  # one of each group is chosen


@pytest.mark.parametrize("kind", MAKERS)
def test_hostile_names_stay_text(kind):
    made = MAKERS[kind](low=EVIL, high=f"b{EVIL}", label=EVIL, told=EVIL)
    outline = Outline(made.html)
    assert outline.all("img", src="x") == []
    assert not any("onerror" in attributes for _, attributes in outline.elements)
    code = outline.texts["script"]
    assert "<img" not in code
    assert EVIL in outline.texts["figcaption"]
    assert EVIL in made.text
    made.poster()


@pytest.mark.parametrize("kind", MAKERS)
def test_sounds_are_small_and_the_code_is_too(kind):
    html = MAKERS[kind]().html
    assert [len(data) < 2.5 * 4600 for data in sounds(html)] == [True] * (1 + (kind != "cursor"))
    rest = re.sub(r"data:[a-z]+/[a-z0-9]+;base64,[^\"]+", "", html)
    assert len(rest) < 32_000


@pytest.mark.parametrize("kind", MAKERS)
def test_what_needs_a_script_is_hidden_without_one(kind):
    """The parts that scripts unhide; inside them and `<details>` all controls lie."""
    html = MAKERS[kind]().html
    hidden = r"<(div|fieldset)[^>]* hidden[^>]*>"
    outline = Outline(html)
    assert len(re.findall(hidden, html)) >= 2
    assert all("hidden" in canvas for canvas in outline.all("canvas"))
    assert outline.all("img", **{"class": "avl-still"})
    assert "open" in outline.all("details")[0]
    assert html.index("<audio") > html.index("<details open>")


# One by one.


def test_mixer_keeps_proportions_and_cannot_exceed_full_scale():
    made = stem_mixer({"loud": 2 * LOW, "soft": HIGH}, RATE, "Mix")
    loud, soft = decoded(made.html)
    middle = slice(5000, 15000)
    assert np.std(loud[middle]) / np.std(soft[middle]) == pytest.approx(2, rel=0.03)
    assert np.sqrt(2) * (np.std(loud[middle]) + np.std(soft[middle])) == pytest.approx(
        0.95, abs=0.03
    )
    quiet = decoded(stem_mixer({"a": LOW / 8}, RATE, "Mix").html)[0]
    assert np.std(quiet[middle]) == pytest.approx(np.std(LOW / 8), rel=0.05)  # never louder


def test_mixer_carries_the_film_and_says_what_is_wrong():
    made = mixer(frames=FRAMES, fps=2.0)
    (canvas,) = Outline(made.html).all("canvas", width="64")
    assert json.loads(canvas["data-film"])["frames"] == 4
    assert "avl-stage" not in re.sub(
        r"<s(tyle|cript).*?</s(tyle|cript)>", "", mixer().html, flags=re.S
    )
    with pytest.raises(ValueError, match="frames need fps"):
        mixer(frames=FRAMES)
    with pytest.raises(ValueError, match=r"bytes \(frame, height, width, 3\)"):
        mixer(frames=FRAMES[0], fps=2.0)
    with pytest.raises(ValueError, match="no track"):
        stem_mixer({}, RATE, "Mix")
    with pytest.raises(ValueError, match="same number of samples"):
        stem_mixer({"a": LOW, "b": HIGH[:-1]}, RATE, "Mix")
    with pytest.raises(ValueError, match="not finite"):
        stem_mixer({"a": LOW * np.nan}, RATE, "Mix")


def test_cursor_refuses_pictures_that_are_not_of_this_sound():
    with pytest.raises(ValueError, match="is the hop right"):
        cursor(hop=256)
    with pytest.raises(ValueError, match="needs its hop"):
        cursor(hop={"low": 128})
    with pytest.raises(ValueError, match="start=2, but there are 2"):
        cursor(start=2)
    with pytest.raises(ValueError, match="without a description"):
        cursor(told="")
    with pytest.raises(ValueError, match=r"frequencies reach from 0 to 5512\.5"):
        cursor(top_hz=6000.0)
    good = spectral.magnitudes(LOW.astype(np.float32), 512, 128)
    for bad, said in ((-good, "not negative"), (good[0], "freq, column"), (good + 1j, "real")):
        with pytest.raises(ValueError, match=said):
            spec_cursor(LOW, RATE, {"x": bad}, "Look", {"x": "A line."}, 128)
    made = cursor(hop={"low": 128, "high": 128}, start=1)
    assert Outline(made.html).elements[0][1]["data-window"] == "1"
    assert Outline(made.html).all("input", type="radio", value="1", checked=None)


def test_one_picture_offers_no_choice():
    magnitude = spectral.magnitudes(LOW.astype(np.float32), 512, 128)
    made = spec_cursor(LOW, RATE, {"x": magnitude}, "Look", {"x": "A line."}, 128)
    assert not Outline(made.html).all("input", type="radio")


def test_mask_lab_wants_two_sources_that_sound():
    with pytest.raises(ValueError, match="two sources is to be masked, got 1"):
        mask_lab({"a": LOW}, RATE, "Cut")
    with pytest.raises(ValueError, match=r"silent cannot be cut out or scored: \['b'\]"):
        mask_lab({"a": LOW, "b": 0 * LOW}, RATE, "Cut")
    with pytest.raises(ValueError, match="rate=4000"):
        mask_lab({"a": LOW, "b": HIGH}, 4000, "Cut")
    root = Outline(mask().html).elements[0][1]
    assert (root["data-samples"], root["data-window"], root["data-rate"]) == (
        "22050",
        "512",
        "11025",
    )


def test_mask_lab_sounds_add_up_within_full_scale():
    low, high = decoded(mask_lab({"a": 3 * LOW, "b": HIGH}, RATE, "Cut").html)
    assert np.abs(low[3000:9000] + high[3000:9000]).max() <= 0.99


def maps_of(html):
    found = json.loads(
        re.search(r'application/json" class="avl-data">(.*?)</script>', html).group(1)
    )
    return [
        np.frombuffer(base64.b64decode(m["bytes"]), np.uint8).reshape(
            m["frames"], m["height"], m["width"]
        )
        for m in found
    ]


def test_heatmap_scales_by_the_maximum_over_all_frames():
    values = np.zeros((4, 2, 2))
    values[1] = [[-3, 1], [2, 4]]
    values[2] = [[1, 1], [1, 1]]
    made = heatmap_over_frame(FRAMES, {"a": values, "b": -np.ones((2, 2))}, "Map", "x", fps=2)
    moving, none = maps_of(made.html)
    assert moving[1].tolist() == [[0, 64], [128, 255]]
    assert moving[2].tolist() == [[64, 64], [64, 64]]
    assert none.tolist() == [[[0, 0], [0, 0]]]


def test_heatmap_averages_large_maps_down():
    ramp = np.linspace(0, 1, 128)[None].repeat(128, 0)
    (small,) = maps_of(heatmap_over_frame(FRAMES[0], {"a": ramp}, "Map", "x").html)
    assert small.shape == (1, 64, 64)
    np.testing.assert_allclose(small[0, 0], 255 * (2 * np.arange(64) + 0.5) / 126.5, atol=0.6)
    assert (small == small[:, :1]).all()


def test_heatmap_plays_everybody_only_where_no_track_is_everybody():
    def names(**tracks):
        made = heat(tracks=tracks)
        return re.findall(r'name="[^"]+-t" value="\d"[^>]*> ([^<]+)<', made.html), made

    found, made = names(low=LOW, high=HIGH)
    assert found == ["everybody", "low", "high"]
    assert Outline(made.html).elements[0][1]["data-together"] == "yes"
    buttons = Outline(made.html).all("button", **{"aria-pressed": "false"})
    assert [button["data-track"] for button in buttons] == ["1", "2"]
    found, made = names(low=LOW, high=HIGH, mix=LOW + HIGH)
    assert found == ["mix", "low", "high"]
    assert Outline(made.html).elements[0][1]["data-together"] == "no"


def test_heatmap_says_what_is_wrong():
    still = FRAMES[0]
    for said, arguments in {
        "no map": (still, {}),
        "needs? fps": (FRAMES, {"a": np.eye(2)}),
        "with 1 frames, got": (still, {"a": np.zeros((3, 2, 2))}),
        "not finite": (still, {"a": np.full((2, 2), np.nan)}),
        "frames must be bytes": (still / 255, {"a": np.eye(2)}),
    }.items():
        with pytest.raises(ValueError, match=said):
            heatmap_over_frame(*arguments, "Map", "x")
    with pytest.raises(
        ValueError, match=r"boxes name tracks that are not there: \['high', 'low'\]"
    ):
        heatmap_over_frame(still, {"a": np.eye(2)}, "Map", "x", {"c": LOW}, RATE, BOXES)
    with pytest.raises(ValueError, match="tracks need their rate"):
        heat(rate=None)


def test_boxes_without_sounds_are_no_buttons():
    outline = Outline(heatmap_over_frame(FRAMES[0], {"a": np.eye(2)}, "M", "x", boxes=BOXES).html)
    assert not outline.all("button")
    first, _ = outline.all("div", **{"class": "avl-box"})
    assert first["style"] == "left:0.00%;top:0.00%;width:46.88%;height:100.00%"


def test_overlay_colours_from_the_threshold_on():
    frame = np.full((20, 20, 3), 100, np.uint8)
    values = np.asarray([[0, 255], [0, 255]], np.uint8)
    drawn = overlay(frame, values, 1.0, 0.5)
    assert (drawn[:, :9] == 100).all()
    np.testing.assert_allclose(drawn[10, -1], (253, 231, 37), atol=1)  # the end of viridis
    np.testing.assert_array_equal(overlay(frame, values, 0.0, 0.0), frame)
    np.testing.assert_allclose(overlay(frame, values, 0.5, 0.5)[10, -1], (177, 166, 68), atol=1)


# What they share.


def test_spectrogram_pixels_lie_where_the_axes_say():
    wave = 0 * TIME
    wave[RATE // 2] = 1.0  # a click at 0.5 s
    wave = (wave + LOW / 4).astype(np.float32)
    for window, hop in ((256, 64), (512, 128), (1024, 256)):
        magnitude = spectral.magnitudes(wave, window, hop)
        picture = spectral.pixels(magnitude, RATE, hop, 2.0, 2000.0, size=(400, 200)).sum(-1)
        row = np.argmax(picture[:, 350].astype(int))
        assert (1 - (row + 0.5) / 200) * 2000 == pytest.approx(500, abs=RATE / window / 2 + 10)
        column = np.argmax(picture[:60].sum(0).astype(int))
        assert (column + 0.5) / 400 * 2 == pytest.approx(0.5, abs=0.02)


def test_spectrogram_of_silence_is_black():
    assert spectral.pixels(np.zeros((5, 9)), RATE, 64, 0.05, 5000.0).max() < 5


def test_magnitudes_are_avlibs():
    ours = audio.stft(torch.from_numpy(LOW), 512, 128, pad_mode="constant").abs()
    np.testing.assert_allclose(spectral.magnitudes(LOW, 512, 128), ours, atol=1e-3)


def test_ticks_are_round_and_carry_their_unit():
    html = spectral.plot("", 6.0, 5512.5)
    assert re.findall(r">([^<>]+)</span>", html) == [
        *("0", "1", "2", "3", "4", "5 kHz"),
        *("0", "1", "2", "3", "4", "5", "6 s"),
    ]
    assert 'style="bottom:90.70%">5 kHz' in html
    short = re.findall(r">([^<>]+)</span>", spectral.plot("", 0.25, 8000.0))
    assert short[-1] == "0.25 s"


def test_shared_script_is_run_once_however_many_copies_there_are():
    for name in ("deck.js", "spectrum.js"):
        code = component.asset(name)
        assert re.search(r"window\.avlib\.(\w+) = window\.avlib\.\1 \|\|", code)
    made = component.script("an-id", "deck.js", "mixer.js")
    assert "//" not in re.sub(r"https?://", "", made)  # no comments are carried along
    assert made.endswith('(document.getElementById("an-id"));</script>')


def test_sheet_lays_out_frames_in_order():
    whole, columns = film.sheet(FRAMES)
    assert whole.shape == (96, 128, 3)
    assert columns == 2
    assert [int(whole[y, x, 0]) for y in (0, 48) for x in (0, 64)] == [0, 60, 120, 180]
