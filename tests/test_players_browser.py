"""Players in a browser: what is pressed is what happens, what is chosen is what is heard."""

import numpy as np
import pytest
from conftest import complaints, open_page, requested
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from avlib.viz import players

pytestmark = pytest.mark.browser
CHAPTERS = ("book/welcome", "book/sound")
RATE = 11025


@pytest.fixture(autouse=True)
def ordinary_settings(request):
    """Undo what a test emulates."""
    yield
    if "browser" in request.fixturenames:
        browser = request.getfixturevalue("browser")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


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
    open_page(browser, book.page("book/masks"))
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
    assert (states[0], states[-1]) == ("0°", "180°")  # two arrows, from in step to opposite
