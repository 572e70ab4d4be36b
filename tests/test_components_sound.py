"""Components with sound as a reader meets them: in a browser, every control, and by ear."""

import json
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import requested
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from avlib import audio
from avlib.viz.cursor import spec_cursor
from avlib.viz.heatmap import heatmap_over_frame
from avlib.viz.mask_lab import mask_lab
from avlib.viz.mixer import stem_mixer

pytestmark = pytest.mark.browser
RATE = 11025
SECONDS = 2.0
HZ = (500, 1500, 3000)
NAMES = ("low", "middle", "high")
EVIL = "<img src=x onerror=alert(1)></script>"

# What reaches the loudspeakers, measured on the way.
EAR = """
  window.ears = [];
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) {
      if (!window.ear) {
        window.ear = this.context.createAnalyser();
        window.ear.fftSize = 8192;
        window.ear.smoothingTimeConstant = 0;
      }
      connect.call(this, window.ear);
    }
    return connect.call(this, to, ...rest);
  };
"""
LEVELS = """
  const bins = new Float32Array(window.ear.frequencyBinCount);
  window.ear.getFloatFrequencyData(bins);
  return arguments[0].map((hz) => {
    const k = Math.round(hz * window.ear.fftSize / window.ear.context.sampleRate);
    return Math.max(-120, ...bins.slice(k - 3, k + 4));
  });
"""


def tone(hz, amplitude=0.25):
    time = np.arange(round(SECONDS * RATE)) / RATE
    return amplitude * np.sin(2 * np.pi * hz * time)


TONES = {name: tone(hz) for name, hz in zip(NAMES, HZ, strict=True)}


def mixer(**changes):
    return stem_mixer(changes.pop("stems", TONES), RATE, "Three tones", "They ring.", **changes)


def cursor():
    wave = torch.tensor(TONES["middle"], dtype=torch.float32)
    pictures = {
        f"{n} samples": audio.stft(wave, n, 128, pad_mode="constant").abs().numpy()
        for n in (256, 1024)
    }
    told = {name: f"One line, with a window of {name}." for name in pictures}
    return spec_cursor(wave, RATE, pictures, "A tone", told, 128, start=1, top_hz=3000)


def noisy_pair():
    """Two sources that overlap, so that masks have something to decide."""
    generator = np.random.default_rng(0)
    time = np.arange(round(SECONDS * RATE)) / RATE
    sweep = 0.3 * np.sin(2 * np.pi * (400 + 500 * time) * time)
    hiss = 0.08 * generator.standard_normal(len(time)) * (np.sin(2 * np.pi * time) > 0)
    return {"sweep": sweep, "hiss": hiss}


def mask(sources=None):
    return mask_lab(sources or noisy_pair(), RATE, "Cut it out", "A sweep and a hiss.")


def heatmap(count=4, tracks=True, names=("left", "right"), sounds=None):
    frames = np.stack([np.full((60, 90, 3), 20 * k, np.uint8) for k in range(count)])
    ramp = np.linspace(0, 1, 6)[None, :].repeat(4, 0)
    maps = {
        "ramp": ramp,
        "moving": np.stack([np.eye(1, 6, k).repeat(4, 0) for k in range(count)]),
    }
    boxes = {names[0]: (0, 0, 40, 60), names[1]: (50, 0, 90, 60)}
    sounds = sounds or {names[0]: TONES["low"], names[1]: TONES["high"]}
    return heatmap_over_frame(
        frames if count > 1 else frames[0],
        maps if count > 1 else {"ramp": ramp},
        "Maps",
        "A ramp, and a bar that moves.",
        sounds if tracks else None,
        RATE if tracks else None,
        boxes,
        2.0,
    )


MAKERS = {"mixer": mixer, "cursor": cursor, "mask": mask, "heatmap": heatmap}


@pytest.fixture
def show(browser, tmp_path):
    """Open components on one page; gives their figures, ready and drawn."""

    def open_page(*components, listen=True, drawn=True):
        path = tmp_path / "component.html"
        more = "".join(component.html for component in components[1:])
        path.write_text(components[0].page("Test").replace("</main>", f"{more}</main>"))
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(f"file://{path}")
        if listen:
            browser.execute_script(EAR)
        figures = browser.find_elements(By.CSS_SELECTOR, "figure.avl")
        for figure in figures:
            WebDriverWait(browser, 20).until(lambda b, f=figure: f.get_attribute("data-ready"))
            kind = figure.get_attribute("class")
            if drawn and "avl-cursor" not in kind:
                browser.execute_script("arguments[0].scrollIntoView()", figure)
                WebDriverWait(browser, 30).until(lambda b, f=figure: f.get_attribute("data-drawn"))
        return figures[0] if len(components) == 1 else figures

    yield open_page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def severe(browser):
    return [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]


def one(figure, selector):
    return figure.find_element(By.CSS_SELECTOR, selector)


def every(figure, selector):
    return figure.find_elements(By.CSS_SELECTOR, selector)


def press(element):
    element.parent.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def slide(element, value):
    """Set a slider as a pointer does."""
    element.parent.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
        element,
        value,
    )


def play(figure):
    """Play from a little after the beginning, over and over."""
    repeat = one(figure, ".avl-repeat")
    if not repeat.is_selected():
        press(repeat)
    press(one(figure, ".avl-play"))
    WebDriverWait(figure.parent, 20).until(lambda b: position(figure) > 0.3)


def position(figure):
    return float(one(figure, ".avl-seek").get_property("value"))


def hears(browser, expected, hz=HZ):
    """Wait until the levels at `hz` are those expected in dB, relative to the first that sounds.

    What is expected to be silent is None and has to lie 35 dB below.
    """

    def as_expected(_):
        levels = browser.execute_script(LEVELS, hz)
        sounding = [k for k, level in enumerate(expected) if level is not None]
        reference = levels[sounding[0]] - expected[sounding[0]] if sounding else -60
        return all(
            found < reference - 35 if wanted is None else abs(found - reference - wanted) < 1.5
            for found, wanted in zip(levels, expected, strict=True)
        )

    WebDriverWait(browser, 15, 0.1).until(as_expected)


def pixel(figure, x, y, canvas="canvas"):
    """Colour at shares of the width and the height, from the top left."""
    return figure.parent.execute_script(
        "const c = arguments[0]; return Array.from(c.getContext('2d').getImageData("
        "Math.floor(arguments[1] * c.width), Math.floor(arguments[2] * c.height), 1, 1).data)",
        one(figure, canvas),
        x,
        y,
    )[:3]


# All of them.


@pytest.mark.parametrize("kind", MAKERS)
def test_opens_without_errors_and_asks_nobody_for_anything(browser, show, kind):
    figure = show(MAKERS[kind]())
    assert f"avl-{kind}" in figure.get_attribute("class").split()
    play(figure)
    assert severe(browser) == []
    assert requested(browser) == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_has_room(browser, show, theme, width):
    source = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    colours = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", colours)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    figures = show(*(make() for make in MAKERS.values()), heatmap(tracks=False))
    press(every(figures[2], ".avl-modes input")[2])
    press(one(figures[0], ".avl-mute"))
    browser.execute_script(source)
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', "
        "'wcag21aa', 'best-practice']}).then((r) => done(JSON.stringify(r.violations)))"
    )
    told = [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in json.loads(found)]
    assert told == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("kind", MAKERS)
def test_without_scripts_sounds_and_pictures_are_there(browser, show, kind):
    page = show(MAKERS[kind]())
    count = len(every(page, "audio"))
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(browser.current_url)
    figure = one(browser, "figure.avl")
    audios = every(figure, "audio")
    assert len(audios) == count >= 1
    assert all(audio.is_displayed() for audio in audios)
    stills = every(figure, ".avl-still")
    assert stills
    assert all(still.is_displayed() and still.size["width"] > 200 for still in stills)
    assert all(len(still.get_attribute("alt")) > 20 for still in stills)
    for control in every(figure, "input, select, button:not(.avl-stage button), canvas"):
        assert not control.is_displayed(), control.get_attribute("outerHTML")[:80]


@pytest.mark.parametrize("kind", MAKERS)
def test_every_control_is_reached_and_named(browser, show, kind):
    """Native controls, each with a name, each reached with the tab key in the order of the page."""
    figure = show(MAKERS[kind]())
    wanted = [c for c in every(figure, "button, select, summary, input") if c.is_displayed()]
    for control in wanted:
        assert control.accessible_name.strip() or control.tag_name == "summary"
    browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = []
    for _ in range(len(wanted) + 4):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        reached.append(browser.switch_to.active_element)
    groups = {}  # of radio buttons only the one that is chosen is reached, the others by arrows
    for control in wanted:
        if control.get_attribute("type") == "radio" and not control.is_selected():
            groups[control.id] = control
    missed = [c for c in wanted if c not in reached and c.id not in groups]
    assert [c.get_attribute("outerHTML")[:80] for c in missed] == []
    order = [reached.index(c) for c in wanted if c in reached]
    assert all(a < b for a, b in pairwise(order))


def test_only_one_thing_plays_at_a_time(browser, show):
    first, second = show(mixer(), cursor())
    play(first)
    play(second)
    assert one(first, ".avl-play").text == "Play"
    assert one(second, ".avl-play").text == "Pause"
    press(one(first, "summary"))
    browser.execute_script("arguments[0].play()", one(first, "audio"))
    WebDriverWait(browser, 10).until(lambda b: one(second, ".avl-play").text == "Play")


def test_hostile_names_stay_text(browser, show):
    other = "b</script><script>alert(2)</script>"
    figures = show(
        mixer(stems={EVIL: TONES["low"], other: TONES["high"]}),
        mask({EVIL: TONES["low"], other: TONES["high"]}),
        heatmap(names=(EVIL, other), sounds={EVIL: TONES["low"], other: TONES["high"]}),
    )
    assert EVIL in one(figures[0], ".avl-strip label").text
    assert EVIL in one(figures[1], ".avl-modes legend").text
    assert EVIL in one(figures[2], ".avl-stage button").text
    assert not browser.find_elements(By.CSS_SELECTOR, "img[src=x]")
    assert severe(browser) == []


def test_each_works_in_a_frame_of_its_own(browser, tmp_path):
    """As on Colab, where every cell's output lies in its own document."""
    for kind, make in MAKERS.items():
        (tmp_path / f"{kind}.html").write_text(make().page(kind))
    frames = "".join(f'<iframe src="{kind}.html" height="900"></iframe>' for kind in MAKERS)
    (tmp_path / "frames.html").write_text(f"<!doctype html><title>frames</title>{frames}")
    browser.get_log("browser")
    browser.get(f"file://{tmp_path / 'frames.html'}")
    for frame in browser.find_elements(By.TAG_NAME, "iframe"):
        browser.switch_to.frame(frame)
        WebDriverWait(browser, 20).until(
            lambda b: b.find_elements(By.CSS_SELECTOR, "figure.avl[data-ready=yes]")
        )
        browser.switch_to.default_content()
    assert severe(browser) == []


# The mixing desk.


def test_mixer_is_heard_as_it_is_set(browser, show):
    figure = show(mixer())
    play(figure)
    hears(browser, [0, 0, 0])
    sliders = every(figure, ".avl-strip input")
    slide(sliders[1], 50)
    hears(browser, [0, -6, 0])
    assert figure.get_attribute("data-gains") == "1.00,0.50,1.00"
    mute = every(figure, ".avl-mute")
    press(mute[0])
    hears(browser, [None, -6, 0])
    assert mute[0].get_attribute("aria-pressed") == "true"
    press(mute[0])
    solo = every(figure, ".avl-solo-one")
    press(solo[2])
    hears(browser, [None, None, 0])
    press(solo[0])
    hears(browser, [0, None, 0])
    press(mute[0])  # muted stays silent, soloed or not
    hears(browser, [None, None, 0])
    press(one(figure, ".avl-reset"))
    hears(browser, [0, 0, 0])
    assert figure.get_attribute("data-gains") == "1.00,1.00,1.00"
    assert severe(browser) == []


def test_mixer_slider_works_with_keys_and_says_what_it_is(show):
    figure = show(mixer())
    slider = one(figure, ".avl-strip input")
    slider.send_keys(Keys.ARROW_LEFT * 3)
    assert one(figure, ".avl-strip output").text == "97 %"
    assert figure.get_attribute("data-gains").startswith("0.97,")
    assert slider.get_attribute("aria-valuetext") == "97 percent"
    assert slider.accessible_name == "Gain of low"


def test_mixer_draws_the_spectrogram_of_the_sum(browser, show):
    figure = show(mixer())
    heights = [1 - hz / (RATE / 2) for hz in HZ]
    before = [sum(pixel(figure, 0.5, y, ".avl-area canvas")) for y in heights]
    assert min(before) > 400  # bright lines
    along = [sum(pixel(figure, x / 20, heights[0], ".avl-area canvas")) for x in range(5, 15)]
    assert max(along) - min(along) < 30  # as steady as the tone
    press(every(figure, ".avl-mute")[1])
    drawn = int(figure.get_attribute("data-drawn"))
    WebDriverWait(browser, 10).until(
        lambda b: sum(pixel(figure, 0.5, heights[1], ".avl-area canvas")) < 60
    )
    assert sum(pixel(figure, 0.5, heights[0], ".avl-area canvas")) == before[0]
    slide(every(figure, ".avl-strip input")[0], 10)  # 20 dB of 60 down: a third of the palette
    WebDriverWait(browser, 10).until(lambda b: int(figure.get_attribute("data-drawn")) > drawn)
    assert 60 < sum(pixel(figure, 0.5, heights[0], ".avl-area canvas")) < before[0] - 60


def test_mixer_film_follows_and_a_click_on_the_picture_jumps(browser, show):
    frames = np.stack([np.full((32, 48, 3), 40 * k, np.uint8) for k in range(4)])
    figure = show(mixer(frames=frames, fps=2.0))
    area = one(figure, ".avl-area")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", area)
    across = round(0.3 * area.size["width"])
    ActionChains(browser).move_to_element_with_offset(area, across, 0).click().perform()
    assert position(figure) == pytest.approx(1.6, abs=0.03)
    assert one(figure, ".avl-stage canvas").get_attribute("data-frame") == "3"
    assert abs(pixel(figure, 0.5, 0.5, ".avl-stage canvas")[0] - 120) < 8


# The cursor.


def test_cursor_moves_and_a_click_jumps_and_reads(browser, show):
    figure = show(cursor())
    areas = every(figure, ".avl-area")
    assert [area.is_displayed() for area in areas] == [False, True]  # start=1
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", areas[1])
    ActionChains(browser).move_to_element_with_offset(areas[1], 0, 0).click().perform()
    assert position(figure) == pytest.approx(1.0, abs=0.03)
    assert one(figure, ".avl-read").text.startswith(("1497 Hz", "149", "150"))
    assert "F♯6" in one(figure, ".avl-read").text  # 1480 Hz
    line, box = one(areas[1], ".avl-now").rect, areas[1].rect
    assert line["x"] + 1 - box["x"] == pytest.approx(box["width"] / 2, abs=2)
    level = one(areas[1], ".avl-level").rect
    assert level["y"] - box["y"] == pytest.approx(box["height"] / 2, abs=3)
    play(figure)
    hears(browser, [None, 0, None])
    assert one(areas[1], ".avl-now").rect["x"] != line["x"]


def test_cursor_lies_on_the_line_it_reads(browser, show):
    """At 1500 Hz and nowhere else the picture is bright: axes and reading agree."""
    figure = show(cursor())
    slide(one(figure, ".avl-hz"), 1500)
    still = every(figure, ".avl-still")[1]
    column = browser.execute_script(
        "const i = arguments[0], c = document.createElement('canvas');"
        "c.width = i.naturalWidth; c.height = i.naturalHeight;"
        "c.getContext('2d').drawImage(i, 0, 0); return Array.from("
        "c.getContext('2d').getImageData(c.width / 2, 0, 1, c.height).data)",
        still,
    )
    red = np.asarray(column).reshape(-1, 4)[:, 0]
    brightest = (np.argmax(red) + 0.5) / len(red)
    level, box = every(figure, ".avl-level")[1].rect, every(figure, ".avl-area")[1].rect
    assert brightest == pytest.approx((level["y"] - box["y"]) / box["height"], abs=0.012)


def test_cursor_window_is_chosen_and_frequency_read_with_keys(show):
    figure = show(cursor())
    one(figure, ".avl-choice input:checked").send_keys(Keys.ARROW_LEFT)
    assert figure.get_attribute("data-window") == "0"
    assert [area.is_displayed() for area in every(figure, ".avl-area")] == [True, False]
    slider = one(figure, ".avl-hz")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert one(figure, ".avl-read").text == "441 Hz, near A4"
    assert slider.get_attribute("aria-valuetext") == "441 Hz, near A4"
    slider.send_keys(Keys.HOME)
    assert one(figure, ".avl-read").text == "0 Hz"


# The mask laboratory.


def waves_of(figure):
    found = figure.parent.execute_script(
        "return Object.fromEntries(Object.entries(arguments[0].waves())"
        ".map(([k, w]) => [k, Array.from(w)]))",
        figure,
    )
    return {name: np.asarray(wave) for name, wave in found.items()}


def numpy_stft(wave, n=512, hop=128):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    padded = np.pad(wave, n // 2 + n)[n:]
    columns = len(wave) // hop + 1
    return np.stack([np.fft.rfft(window * padded[k * hop : k * hop + n]) for k in range(columns)])


def numpy_istft(spectrum, length, n=512, hop=128):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    total, weight = np.zeros(length + 2 * n), np.zeros(length + 2 * n)
    for k, column in enumerate(spectrum):
        total[k * hop : k * hop + n] += window * np.fft.irfft(column, n)
        weight[k * hop : k * hop + n] += window**2
    inside = slice(n // 2, n // 2 + length)
    return total[inside] / weight[inside]


def plain_sdr(truth, estimate):
    return 10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate) ** 2))


def test_numpy_reference_is_avlibs_stft():
    wave = noisy_pair()["sweep"]
    ours = audio.stft(torch.from_numpy(wave), 512, 128, pad_mode="constant").numpy().T
    np.testing.assert_allclose(numpy_stft(wave), ours, atol=1e-9)
    np.testing.assert_allclose(numpy_istft(ours, len(wave)), wave, atol=1e-12)


def settled(figure, action):
    """Do something and wait until the picture has been drawn again."""
    before = int(figure.get_attribute("data-drawn"))
    action()
    WebDriverWait(figure.parent, 20).until(
        lambda b: int(figure.get_attribute("data-drawn")) > before
    )


@pytest.mark.parametrize(("mode", "threshold"), [(0, 0.5), (0, 0.9), (1, 0.0), (1, 0.3)])
def test_mask_and_result_are_numpys(show, mode, threshold):
    figure = show(mask())
    if mode:
        settled(figure, lambda: press(every(figure, ".avl-modes input")[mode]))
    if threshold != 0.5:
        settled(figure, lambda: slide(one(figure, ".avl-threshold"), threshold))
    waves = waves_of(figure)
    spectrum, wanted = numpy_stft(waves["mix"]), numpy_stft(waves["truth"])
    share = np.abs(wanted) / (np.abs(spectrum) + 1e-10)
    expected = share > threshold if mode == 0 else np.minimum(share, 5) * (share > threshold)
    found = waves["mask"].reshape(expected.shape)
    near = np.abs(spectrum) < 1e-4
    if threshold:  # where single precision may decide otherwise
        near |= np.abs(share - threshold) < 1e-4 * (1 + share)
    np.testing.assert_allclose(found[~near], expected[~near], rtol=2e-3, atol=1e-3)
    assert np.sum(np.abs(spectrum[near]) ** 2) < 1e-3 * np.sum(np.abs(spectrum) ** 2)
    result = numpy_istft(found * spectrum, len(waves["mix"]))
    np.testing.assert_allclose(waves["result"], result, atol=2e-6)
    score = plain_sdr(waves["truth"], result)
    assert float(figure.get_attribute("data-sdr")) == pytest.approx(score, abs=0.01)
    assert one(figure, ".avl-sdr").text == f"{score:.1f}"
    assert float(figure.get_attribute("data-kept")) == pytest.approx((found > 0).mean(), abs=1e-3)
    base = plain_sdr(waves["truth"], waves["mix"])
    assert one(figure, ".avl-base").text == f"{base:.1f}"
    assert score > base + 3


def test_keeping_everything_gives_the_mixture_back_and_nothing_gives_zero(show):
    figure = show(mask())
    press(every(figure, ".avl-modes input")[2])
    settled(figure, lambda: press(one(figure, ".avl-full")))
    waves = waves_of(figure)
    np.testing.assert_allclose(waves["result"], waves["mix"], atol=1e-6)
    assert figure.get_attribute("data-sdr") == figure.get_attribute("data-base")
    settled(figure, lambda: press(one(figure, ".avl-empty")))
    assert float(figure.get_attribute("data-sdr")) == pytest.approx(0, abs=1e-3)
    assert float(figure.get_attribute("data-kept")) == 0


def test_mask_is_drawn_with_the_pointer(browser, show):
    figure = show(mask())
    canvas = one(figure, ".avl-area canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    press(every(figure, ".avl-modes input")[2])
    settled(figure, lambda: press(one(figure, ".avl-empty")))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    width, height = canvas.size["width"], canvas.size["height"]
    drag = ActionChains(browser).move_to_element_with_offset(canvas, -width // 4, 0)
    drag = drag.click_and_hold().move_by_offset(width // 8, 0).release()
    settled(figure, drag.perform)
    bins = 257
    drawn = waves_of(figure)["mask"].reshape(-1, bins)
    times, rows = np.nonzero(drawn)
    # A brush of 5 % of the height up and down, at half the height.
    assert rows.min() / bins == pytest.approx(0.45, abs=0.02)
    assert rows.max() / bins == pytest.approx(0.55, abs=0.02)
    radius = 0.05 * height / width
    assert times.min() / len(drawn) == pytest.approx(0.25 - radius, abs=0.02)
    assert times.max() / len(drawn) == pytest.approx(0.375 + radius, abs=0.02)
    press(every(figure, ".avl-tools input")[1])
    slide(one(figure, ".avl-size"), 20)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    start = ActionChains(browser).move_to_element_with_offset(canvas, -width // 4, 0)
    settled(figure, start.click_and_hold().move_by_offset(2, 0).release().perform)
    assert waves_of(figure)["mask"].sum() < 0.75 * drawn.sum()


def test_mask_is_drawn_with_keys(show):
    figure = show(mask())
    canvas = one(figure, ".avl-area canvas")
    assert canvas.get_attribute("tabindex") is None
    press(every(figure, ".avl-modes input")[2])
    settled(figure, lambda: press(one(figure, ".avl-empty")))
    canvas.send_keys(Keys.ARROW_RIGHT * 2)
    assert float(figure.get_attribute("data-kept")) == 0
    settled(figure, lambda: canvas.send_keys(Keys.ENTER))
    dot = float(figure.get_attribute("data-kept"))
    assert dot == pytest.approx(
        np.pi * 0.05**2 * canvas.size["height"] / canvas.size["width"], rel=0.1
    )
    assert "keeps" in one(figure, ".avl-spot").text
    settled(figure, lambda: canvas.send_keys(Keys.SHIFT, Keys.ARROW_UP, Keys.ARROW_UP))
    assert float(figure.get_attribute("data-kept")) > 1.5 * dot
    canvas.send_keys("r")
    assert every(figure, ".avl-tools input")[1].is_selected()
    kept = float(figure.get_attribute("data-kept"))
    settled(figure, lambda: canvas.send_keys(Keys.SPACE))
    assert float(figure.get_attribute("data-kept")) < kept
    canvas.send_keys("k")
    assert every(figure, ".avl-tools input")[0].is_selected()


def test_masked_result_is_heard(browser, show):
    figure = show(mask({"low": TONES["low"], "high": TONES["high"]}))
    play(figure)
    hears(browser, [0, None, 0])
    tracks = every(figure, ".avl-tracks input")
    for track, expected in ((1, [0, None, None]), (2, [0, None, None]), (3, [None, None, 0])):
        press(tracks[track])
        assert figure.get_attribute("data-track") == str(track)
        hears(browser, expected)
    press(tracks[1])
    hears(browser, [0, None, None])
    press(every(figure, ".avl-modes input")[2])
    press(one(figure, ".avl-full"))  # while it plays
    hears(browser, [0, None, 0])
    press(one(figure, ".avl-empty"))
    hears(browser, [None, None, None])
    assert severe(browser) == []


def test_every_view_is_another_picture(show):
    figure = show(mask())
    view = Select(one(figure, ".avl-view"))
    seen = set()
    assert len(view.options) == 4
    for k in (1, 2, 3, 0):
        settled(figure, lambda k=k: view.select_by_index(k))
        seen.add(tuple(tuple(pixel(figure, x / 20, 0.8, ".avl-area canvas")) for x in range(20)))
    assert len(seen) == 4
    view.select_by_index(1)
    colours = [pixel(figure, x / 20, 0.8, ".avl-area canvas") for x in range(20)]
    assert all(max(c) == min(c) and c[0] in (0, 255) for c in colours)  # a binary mask


# The maps.


def test_threshold_tells_and_shows_what_a_map_covers(browser, show):
    figure = show(heatmap(count=1))
    width = int(one(figure, ".avl-stage canvas").get_attribute("width"))
    # Between the centres of six cells from 0 to 1 the ramp rises linearly, beyond it is flat.
    across = np.interp(
        (np.arange(width) + 0.5) / width * 6 - 0.5, np.arange(6), np.linspace(0, 1, 6)
    )
    for share in (20, 50, 80, 100):
        slide(one(figure, ".avl-share"), share)
        expected = (across >= share / 100 - 1e-3).mean()
        assert float(figure.get_attribute("data-covers")) == pytest.approx(expected, abs=0.006)
        assert f"{100 * expected:.0f}"[:-1] in one(figure, ".avl-covers").text
    slide(one(figure, ".avl-share"), 50)
    assert pixel(figure, 0.25, 0.5) == [0, 0, 0]  # not covered: the black frame itself
    inside = pixel(figure, 0.75, 0.5)
    assert max(inside) > 80
    edge = [pixel(figure, x, 0.5) for x in np.arange(0.48, 0.53, 1 / width)]
    assert [255, 255, 255] in edge  # the outline
    slide(one(figure, ".avl-opacity"), 0)
    assert pixel(figure, 0.75, 0.5) == [0, 0, 0]
    assert [255, 255, 255] in [pixel(figure, x, 0.5) for x in np.arange(0.48, 0.53, 1 / width)]
    slide(one(figure, ".avl-opacity"), 100)
    assert sum(pixel(figure, 0.75, 0.5)) > sum(inside)
    assert severe(browser) == []


def test_maps_are_chosen_and_follow_the_film(show):
    figure = show(heatmap())
    Select(one(figure, ".avl-map")).select_by_index(1)
    assert figure.get_attribute("data-map") == "1"
    for frame in range(4):
        slide(one(figure, ".avl-seek"), frame / 2 + 0.1)
        centres = [pixel(figure, (cell + 0.5) / 6, 0.5, ".avl-stage canvas") for cell in range(6)]
        plain = [np.allclose(c, 20 * frame, atol=6) for c in centres]
        assert plain == [cell != frame for cell in range(6)]


def test_maps_of_a_silent_film_have_a_frame_slider(show):
    figure = show(heatmap(tracks=False))
    assert not every(figure, "audio")
    assert not every(figure, ".avl-stage button")
    assert [box.text for box in every(figure, ".avl-box")] == ["left", "right"]
    slider = one(figure, ".avl-frame")
    slider.send_keys(Keys.END)
    assert one(figure, ".avl-frame + output").text == "4 of 4"
    assert np.allclose(pixel(figure, 0.1, 0.5), 60, atol=6)


def test_a_click_on_a_player_lets_only_that_one_be_heard(browser, show):
    figure = show(heatmap())
    left, right = every(figure, ".avl-stage button")
    play(figure)
    hears(browser, [0, None, 0])
    press(right)
    hears(browser, [None, None, 0])
    assert (left.get_attribute("aria-pressed"), right.get_attribute("aria-pressed")) == (
        "false",
        "true",
    )
    left.send_keys(Keys.ENTER)  # from the keyboard
    hears(browser, [0, None, None])
    assert left.get_attribute("aria-pressed") == "true"
    assert every(figure, ".avl-tracks input")[1].is_selected()
    left.send_keys(Keys.SPACE)  # once more: everybody
    hears(browser, [0, None, 0])
    press(every(figure, ".avl-tracks input")[2])
    hears(browser, [None, None, 0])
    assert right.get_attribute("aria-pressed") == "true"


def test_a_track_without_a_box_is_everybody(browser, show):
    sounds = {"left": TONES["low"], "right": TONES["high"], "recording": TONES["middle"]}
    figure = show(heatmap(sounds=sounds))
    names = [label.text for label in every(figure, ".avl-tracks label")]
    assert names == ["recording", "left", "right"]
    play(figure)
    hears(browser, [None, 0, None])
    press(every(figure, ".avl-stage button")[1])
    hears(browser, [None, None, 0])


def test_film_stands_still_where_the_reader_asked_for_less_motion(browser, show):
    reduce = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", reduce)
    figure = show(heatmap())
    assert not one(figure, ".avl-motion").is_selected()
    press(one(figure, ".avl-play"))
    WebDriverWait(browser, 20).until(lambda b: position(figure) > 0.7)
    assert one(figure, ".avl-stage canvas").get_attribute("data-frame") == "0"
