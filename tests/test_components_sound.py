"""Components with sound as a reader meets them: in a browser, every control, and by ear."""

import json
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
from conftest import requested
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from sound_parts import (
    EVIL,
    HZ,
    MAKERS,
    RATE,
    TONES,
    cursor,
    every,
    hears,
    heatmap,
    mask,
    mixer,
    one,
    opener,
    ordinary,
    pixel,
    play,
    position,
    press,
    severe,
    slide,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def show(browser, tmp_path):
    yield opener(browser, tmp_path)
    ordinary(browser)


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
