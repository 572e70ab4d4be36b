"""The pages as a reader meets them: in a browser, from the file system, without a network."""

import re
import time

import numpy as np
import pytest
from conftest import requested
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from avlib.viz import players

pytestmark = pytest.mark.browser
PAGES = ("book/index", "book/welcome", "book/sound", "book/references")
CHAPTERS = ("book/welcome", "book/sound")
# The theme's own: it declares one name twice, and says so when nothing is stored yet.
KNOWN = ("THEBE_JS_URL", "Got invalid theme mode")
RATE = 11025


def open_page(browser, path):
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(f"file://{path}")
    WebDriverWait(browser, 20).until(
        lambda b: b.execute_script("return document.readyState") == "complete"
    )


def complaints(browser):
    entries = browser.get_log("browser")
    severe = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
    return [message for message in severe if not any(known in message for known in KNOWN)]


def set_width(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture(autouse=True)
def ordinary_settings(request):
    """Undo what a test emulates."""
    yield
    if "browser" in request.fixturenames:
        browser = request.getfixturevalue("browser")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_errors_and_asks_nobody_for_anything(book, browser, name):
    open_page(browser, book.page(name))
    time.sleep(1)
    assert complaints(browser) == []
    assert requested(browser) == []
    assert browser.find_element(By.CSS_SELECTOR, "article h1").text.strip()


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(book, browser, name):
    set_width(browser, 390)
    open_page(browser, book.page(name))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_a_description(book, browser, name):
    open_page(browser, book.page(name))
    for image in browser.find_elements(By.CSS_SELECTOR, "main img:not([hidden])"):
        alt = image.get_attribute("alt") or ""
        assert len(alt) > 3, image.get_attribute("src")[:80]
        assert not re.search(r"_images/|\.(png|svg|webp)$", alt), alt
    for canvas in browser.find_elements(By.TAG_NAME, "canvas"):
        assert len(canvas.get_attribute("aria-label")) > 20


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_set(book, browser, name):
    open_page(browser, book.page(name))
    WebDriverWait(browser, 20).until(
        lambda b: (
            len(b.find_elements(By.TAG_NAME, "mjx-container"))
            >= len(b.find_elements(By.CSS_SELECTOR, ".math"))
            > 0
        )
    )
    assert not browser.find_elements(By.CSS_SELECTOR, "mjx-merror")


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_sound_decodes(book, browser, name):
    open_page(browser, book.page(name))
    script = """
        const done = arguments[0];
        Promise.all(Array.from(document.querySelectorAll('audio')).map(async (audio) => {
          const context = new OfflineAudioContext(1, 1, 44100);
          const bytes = Uint8Array.from(atob(audio.src.split(',')[1]), (c) => c.charCodeAt(0));
          const buffer = await context.decodeAudioData(bytes.buffer);
          const data = buffer.getChannelData(0);
          const loudest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          return {label: audio.getAttribute('aria-label'), seconds: audio.duration,
                  decoded: buffer.duration, loudest: loudest, controls: audio.controls,
                  autoplay: audio.autoplay};
        })).then(done);
    """
    WebDriverWait(browser, 20).until(
        lambda b: b.execute_script(
            "return Array.from(document.querySelectorAll('audio')).every(a => a.readyState >= 1)"
        )
    )
    sounds = browser.execute_async_script(script)
    assert sounds
    for sound in sounds:
        assert sound["label"]
        assert 5 < sound["seconds"] < 7, sound
        assert sound["decoded"] == pytest.approx(sound["seconds"], abs=0.2)
        assert sound["loudest"] > 0.02, sound
        assert sound["controls"]
        assert not sound["autoplay"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_player_of_the_book_plays_and_switches(book, browser, name):
    open_page(browser, book.page(name))
    figures = browser.find_elements(By.CSS_SELECTOR, "figure.avl[data-seconds][id]")
    assert figures
    for figure in figures:
        WebDriverWait(browser, 10).until(lambda b, f=figure: f.get_attribute("data-ready"))
        play = figure.find_element(By.CLASS_NAME, "avl-play")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", play)
        play.click()
        wait_for_position(figure, 0.3)
        for number, radio in enumerate(figure.find_elements(By.CSS_SELECTOR, ".avl-tracks input")):
            radio.click()
            assert figure.get_attribute("data-track") == str(number)
        assert play.text == "Pause"
        play.click()
        assert play.text == "Play"
    assert complaints(browser) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_solutions_are_hidden_until_asked_for(book, browser, name):
    open_page(browser, book.page(name))
    solutions = browser.find_elements(By.CSS_SELECTOR, "div.solution")
    assert len(solutions) >= 5
    WebDriverWait(browser, 10).until(
        lambda b: all("toggle-hidden" in s.get_attribute("class") for s in solutions)
    )
    first = solutions[0]
    button = first.find_element(By.CSS_SELECTOR, "button.toggle-button")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    assert "toggle-hidden" not in first.get_attribute("class")


def wait_for_position(figure, seconds):
    """Until a player has come so far; its clock is the audio device's."""
    seek = figure.find_element(By.CLASS_NAME, "avl-seek")
    WebDriverWait(figure.parent, 20).until(
        lambda b: float(b.execute_script("return arguments[0].value", seek)) >= seconds
    )


def tone(hz, seconds=2.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture
def scene(tmp_path):
    """A film of 8 frames, frame k filled with grey 30 k, with two clickable halves."""
    frames = np.stack([np.full((64, 128, 3), 30 * k, np.uint8) for k in range(8)])
    tracks = {"both": tone(300) + tone(900), "low": tone(300), "high": tone(900)}
    boxes = {"low": (0, 0, 64, 64), "high": (64, 0, 128, 64)}
    path = tmp_path / "scene.html"
    component = players.scene_player(frames, 4.0, tracks, RATE, boxes, "A test", "Grey grows.")
    path.write_text(component.page("Test"))
    return path


def grey(browser):
    """Brightness of the picture that is drawn."""
    return browser.execute_script(
        "const paper = document.querySelector('canvas').getContext('2d');"
        "return paper.getImageData(60, 30, 1, 1).data[0]"
    )


def test_film_follows_the_position(browser, scene):
    open_page(browser, scene)
    WebDriverWait(browser, 10).until(
        lambda b: b.find_element(By.TAG_NAME, "canvas").get_attribute("data-frame") == "0"
    )
    move = "const s = document.querySelector('.avl-seek'); s.value = arguments[0];"
    move += "s.dispatchEvent(new Event('input'))"
    for seconds, frame in ((0.0, 0), (0.25, 1), (0.74, 2), (1.0, 4), (1.99, 7)):
        browser.execute_script(move, seconds)
        assert abs(grey(browser) - 30 * frame) <= 8, seconds
    assert complaints(browser) == []
    assert requested(browser) == []


def test_a_click_on_a_player_is_answered_by_that_sound(browser, scene):
    open_page(browser, scene)
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl")
    low, high = figure.find_elements(By.CSS_SELECTOR, ".avl-stage button")
    high.click()
    wait_for_position(figure, 0.1)
    assert figure.get_attribute("data-track") == "2"
    assert (low.get_attribute("aria-pressed"), high.get_attribute("aria-pressed")) == (
        "false",
        "true",
    )
    low.send_keys(Keys.ENTER)  # from the keyboard
    assert figure.get_attribute("data-track") == "1"
    low.click()  # once more: everybody again
    assert figure.get_attribute("data-track") == "0"
    assert low.get_attribute("aria-pressed") == "false"


def test_sound_that_is_heard_is_the_one_that_was_chosen(browser, scene):
    """Listen in on the mix: rebuild the players' graph on an analyser of our own."""
    open_page(browser, scene)
    script = """
        const original = AudioContext.prototype.createGain;
        window.levels = [];
        AudioContext.prototype.createGain = function () {
          const gain = original.call(this); window.levels.push(gain); return gain; };
    """
    browser.execute_script(script)
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl")
    figure.find_elements(By.CSS_SELECTOR, ".avl-tracks input")[1].click()
    figure.find_element(By.CLASS_NAME, "avl-play").click()
    wait_for_position(figure, 0.4)
    levels = browser.execute_script("return window.levels.map((gain) => gain.gain.value)")
    assert levels == pytest.approx([0, 1, 0], abs=0.05)


def test_player_stops_at_the_end_and_starts_over(browser, scene):
    open_page(browser, scene)
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl")
    play = figure.find_element(By.CLASS_NAME, "avl-play")
    play.click()
    WebDriverWait(browser, 20).until(lambda b: play.text == "Pause")
    WebDriverWait(browser, 20).until(lambda b: play.text == "Play")
    wait_for_position(figure, 1.9)
    play.click()
    seek = figure.find_element(By.CLASS_NAME, "avl-seek")
    WebDriverWait(browser, 20).until(
        lambda b: 0 < float(b.execute_script("return arguments[0].value", seek)) < 1.5
    )


def test_motion_is_off_where_the_reader_asked_for_less(browser, scene):
    reduce = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", reduce)
    open_page(browser, scene)
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl")
    motion = figure.find_element(By.CLASS_NAME, "avl-motion")
    assert not motion.is_selected()
    figure.find_element(By.CLASS_NAME, "avl-play").click()
    wait_for_position(figure, 0.6)
    assert grey(browser) < 20
    motion.click()
    WebDriverWait(browser, 10).until(lambda b: grey(b) > 60)


def test_blind_test_hides_and_reveals(browser, tmp_path):
    path = tmp_path / "ab.html"
    component = players.ab_player({"low": tone(300), "high": tone(900)}, RATE)
    path.write_text(component.page("Test"))
    open_page(browser, path)
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl")
    guesses = figure.find_elements(By.CLASS_NAME, "avl-guess")
    assert not any(guess.is_displayed() for guess in guesses)
    figure.find_element(By.CLASS_NAME, "avl-x").click()
    WebDriverWait(browser, 10).until(lambda b: guesses[0].is_displayed())
    assert not figure.find_elements(By.CSS_SELECTOR, ".avl-tracks input:checked")
    guesses[0].click()
    verdict = figure.find_element(By.CLASS_NAME, "avl-verdict").text
    truth = figure.get_attribute("data-track")
    assert verdict.startswith("Yes" if truth == "0" else "No")
    assert ("low", "high")[int(truth)] in verdict
    assert ("1 of 1" if truth == "0" else "0 of 1") in verdict
    assert complaints(browser) == []


def test_tracks_and_pictures_start_together(browser, tmp_path):
    """What MP3 adds in front must not part sound and picture: a click at 1 s is heard at 1 s."""
    wave = 0.001 * tone(200)
    wave[RATE : RATE + 40] = 0.9
    path = tmp_path / "click.html"
    path.write_text(players.audio_player(wave, RATE, "a click").page("Test"))
    open_page(browser, path)
    script = """
        const done = arguments[0], audio = document.querySelector('audio');
        const bytes = Uint8Array.from(atob(audio.src.split(',')[1]), (c) => c.charCodeAt(0));
        new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes.buffer).then((buffer) => {
          const data = buffer.getChannelData(0);
          let best = 0;
          data.forEach((x, k) => { if (Math.abs(x) > Math.abs(data[best])) best = k; });
          done([best / buffer.sampleRate, buffer.duration]);
        });
    """
    at, duration = browser.execute_async_script(script)
    assert at == pytest.approx(1.0, abs=0.02)
    assert duration == pytest.approx(2.0, abs=0.15)


def test_without_scripts_every_sound_is_there(browser, scene):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(f"file://{scene}")
    audios = browser.find_elements(By.TAG_NAME, "audio")
    assert len(audios) == 3
    assert all(audio.is_displayed() for audio in audios)
    assert not browser.find_element(By.CLASS_NAME, "avl-play").is_displayed()


def test_slider_shows_one_picture_at_a_time(book, browser):
    open_page(browser, book.page("book/sound"))
    figure = browser.find_element(By.CSS_SELECTOR, "figure.avl-slides")
    slider = figure.find_element(By.CSS_SELECTOR, "input[type=range]")
    states = []
    slider.send_keys(Keys.HOME)
    for _ in range(6):
        (shown,) = [i for i in figure.find_elements(By.TAG_NAME, "img") if i.is_displayed()]
        assert figure.find_element(By.TAG_NAME, "output").text == shown.get_attribute("data-state")
        states.append(shown.get_attribute("data-state"))
        slider.send_keys(Keys.ARROW_RIGHT)
    assert len(set(states)) == 6
    assert states[0].startswith("64 samples")
    assert states[-1].startswith("8192 samples")
