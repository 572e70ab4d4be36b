"""The page that `avlib separate` writes, in a browser, from the file system."""

import numpy as np
import pytest
from conftest import requested
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

RATE, SECONDS = 11025, 5.0
LEVELS, TONES = (0.5, 0.1), (440.0, 990.0)
NAME = '<b>"50%" & #1</b>'


def tone(k, samples):
    return LEVELS[k] * np.sin(2 * np.pi * TONES[k] * np.arange(samples) / RATE)


@pytest.fixture(scope="module", params=["embedded", "beside"])
def page(request, tmp_path_factory):
    """A duet of two tones, separated by a model that knows them."""
    from avlib import sop
    from avlib.apply import outputs, separate_video
    from avlib.video import write_video

    folder = tmp_path_factory.mktemp("a folder #1 50%")
    frames = np.full((50, 96, 128, 3), 90, np.uint8)
    frames[:, :, 64:] = 200
    wave = sum(tone(k, round(SECONDS * RATE)) for k in (0, 1))
    path = folder / 'duet "1" <b>.mp4'
    write_video(path, frames, 10, wave.astype(np.float32), RATE)

    def known(model, mixture, pictures):
        """Left is dark and the first tone, right is bright and the second."""
        dark = pictures[0, :, 0].mean(dim=(1, 2, 3)).argmin()
        assert dark == 0
        spectrum, pitch = np.fft.rfft(mixture.numpy()), np.fft.rfftfreq(mixture.shape[-1], 1 / RATE)
        split = [spectrum * (pitch < 700), spectrum * (pitch >= 700)]
        waves = np.stack([np.fft.irfft(part, mixture.shape[-1]) for part in split], axis=1)
        return mixture.new_tensor(waves)

    cfg = sop.pocket().changed(maps=4, sound_width=4, frame_width=4, frame_size=32)
    write_page = outputs.write_page
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sop, "separate", known)
        if request.param == "beside":
            patch.setattr(outputs, "write_page", lambda *a, **k: write_page(*a, **k, embed_bytes=0))
        model = sop.SoundOfPixels(cfg)
        separate_video(path, model=model, out=folder / "out #2", names=("low", NAME))
    return folder / "out #2" / "players.html"


@pytest.fixture
def opened(page, browser):
    browser.get("about:blank")
    browser.get_log("browser")
    requested(browser)
    browser.get(page.as_uri())
    WebDriverWait(browser, 20).until(
        lambda d: d.execute_script(
            "return [...document.querySelectorAll('video, audio')].every((m) => m.readyState >= 3)"
        )
    )
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert requested(browser) == []


def state(driver):
    return driver.execute_script(
        """const video = document.querySelector('video');
        return {video: !video.muted, paused: video.paused, time: video.currentTime,
          audio: [...document.querySelectorAll('audio')].map((a) => !a.muted),
          off: [...document.querySelectorAll('audio')]
            .map((a) => a.currentTime - video.currentTime),
          stopped: [...document.querySelectorAll('audio')].map((a) => a.paused),
          pressed: [...document.querySelectorAll('[data-choose][aria-pressed=true]')]
            .map((b) => b.dataset.choose),
          status: document.getElementById('status').textContent};"""
    )


def wait(driver, condition):
    WebDriverWait(driver, 20, poll_frequency=0.05).until(lambda d: condition(state(d)))
    return state(driver)


def region(driver, number):
    return driver.find_element(By.CSS_SELECTOR, f".region[data-choose='{number}']")


def test_silent_until_asked(opened):
    now = state(opened)
    assert (now["paused"], now["time"], now["pressed"]) == (True, 0, ["0"])
    title = opened.find_element(By.TAG_NAME, "h1").text
    assert title == 'Who plays what in duet "1" <b>.mp4?'
    assert NAME in opened.find_element(By.CSS_SELECTOR, ".card[data-card='2']").text
    assert not opened.find_elements(By.CSS_SELECTOR, "main b")


def test_a_click_on_a_player_is_answered_by_its_sound(opened):
    region(opened, 2).click()
    now = wait(opened, lambda s: not s["paused"] and s["time"] > 0.3)
    assert (now["video"], now["audio"]) == (False, [False, True])
    assert set(now["pressed"]) == {"2"}
    assert now["status"] == f"You hear {NAME}."
    assert max(abs(off) for off in now["off"]) < 0.2
    # the other, while it plays on
    region(opened, 1).click()
    now = state(opened)
    assert (now["video"], now["audio"], now["paused"]) == (False, [True, False], False)
    # the same once more: everyone, as it was
    region(opened, 1).click()
    now = state(opened)
    assert (now["video"], now["audio"], now["paused"]) == (True, [False, False], False)
    opened.find_element(By.ID, "play").click()
    wait(opened, lambda s: s["paused"] and s["stopped"] == [True, True])


def test_each_sound_is_that_players(opened, page):
    """What the browser decodes has the level and the pitch of the player's tone."""
    if "data:audio" not in page.read_text(encoding="utf-8"):
        pytest.skip("a script may not read files beside a page; the test of clicks plays them")
    decode = """
        const done = arguments[arguments.length - 1];
        const audio = document.querySelectorAll('audio')[arguments[0]];
        fetch(audio.src).then((r) => r.arrayBuffer())
          .then((b) => new OfflineAudioContext(1, 1, 11025).decodeAudioData(b))
          .then((sound) => {
            const wave = sound.getChannelData(0);
            let power = 0, crossings = 0;
            for (let i = 1; i < wave.length; i++) {
              power += wave[i] * wave[i];
              crossings += (wave[i - 1] < 0) !== (wave[i] < 0);
            }
            done([sound.duration, Math.sqrt(power / wave.length), crossings / 2 / sound.duration]);
          }, (error) => done(String(error)));"""
    for k in (0, 1):
        seconds, rms, pitch = opened.execute_async_script(decode, k)
        assert seconds == pytest.approx(SECONDS, abs=0.01)
        assert rms == pytest.approx(LEVELS[k] / 2**0.5, rel=0.03)
        assert pitch == pytest.approx(TONES[k], rel=0.01)


def test_keyboard(opened):
    body = opened.find_element(By.TAG_NAME, "body")
    body.send_keys("2")
    now = wait(opened, lambda s: not s["paused"])
    assert now["audio"] == [False, True]
    body.send_keys("1")
    assert state(opened)["audio"] == [True, False]
    body.send_keys("0")
    assert state(opened)["video"] is True
    body.send_keys("9")  # there is no player 9
    assert state(opened)["pressed"] == ["0"]
    body.send_keys(" ")
    before = wait(opened, lambda s: s["paused"])["time"]
    body.send_keys(Keys.ARROW_RIGHT)
    # the sounds follow the picture, but a moment later
    now = wait(opened, lambda s: s["time"] > before + 0.5 and max(map(abs, s["off"])) < 0.05)
    assert now["time"] == pytest.approx(before + 1, abs=0.05)
    # all by tab and enter: the regions come first, then play, position and the cards
    listen = opened.find_element(By.CSS_SELECTOR, ".hear[data-choose='2']")
    assert listen.get_attribute("aria-label") == f"Hear {NAME}"
    listen.send_keys(Keys.ENTER)
    now = wait(opened, lambda s: not s["paused"])
    assert now["audio"] == [False, True]


def test_begins_again_after_the_end(opened):
    opened.execute_script("document.querySelector('video').currentTime = 4.6")
    region(opened, 1).click()
    wait(opened, lambda s: s["paused"] and s["time"] > 4.8)
    region(opened, 1).click()
    now = wait(opened, lambda s: not s["paused"] and 0 < s["time"] < 4)
    assert now["audio"] == [True, False]


def test_regions_lie_on_the_players(opened):
    stage = opened.find_element(By.TAG_NAME, "video").rect
    left, right = (region(opened, k).rect for k in (1, 2))
    assert left["x"] == pytest.approx(stage["x"], abs=1)
    assert left["x"] + left["width"] == pytest.approx(right["x"], abs=1)
    assert right["x"] + right["width"] == pytest.approx(stage["x"] + stage["width"], abs=1)
    assert left["height"] == pytest.approx(stage["height"], abs=1)
    assert stage["width"] / stage["height"] == pytest.approx(128 / 96, rel=0.01)


def test_loudness_is_drawn(opened):
    """The lanes hold bars in the player's colour, and the louder player's are higher."""
    ink = opened.execute_script(
        """return [...document.querySelectorAll('canvas.lane')].map((lane) => {
            const data = lane.getContext('2d').getImageData(0, 0, lane.width, lane.height).data;
            let inked = 0;
            for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
            return inked / (lane.width * lane.height); });"""
    )
    everyone, low, high = ink
    assert everyone > 0.3
    assert low > 1.15 * high > 0.1


def test_a_small_screen_needs_no_sideways_scrolling(opened):
    size = opened.get_window_size()
    opened.set_window_size(520, 900)
    try:
        wide = opened.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0
    finally:
        opened.set_window_size(size["width"], size["height"])
