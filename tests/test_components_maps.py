"""The mask laboratory and maps over pictures: what they compute, show and let be heard."""

import numpy as np
import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from sound_parts import (
    TONES,
    every,
    hears,
    heatmap,
    mask,
    noisy_pair,
    one,
    opener,
    ordinary,
    pixel,
    play,
    position,
    press,
    settled,
    severe,
    slide,
)

from avlib import audio

pytestmark = pytest.mark.browser


@pytest.fixture
def show(browser, tmp_path):
    yield opener(browser, tmp_path)
    ordinary(browser)


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
    view = Select(one(figure, ".avl-shows"))
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
