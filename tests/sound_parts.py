"""What the browser tests of components with sound share: examples, a page, and an ear."""

import numpy as np
import torch
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from avlib import audio
from avlib.viz.cursor import spec_cursor
from avlib.viz.heatmap import heatmap_over_frame
from avlib.viz.mask_lab import mask_lab
from avlib.viz.mixer import stem_mixer

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


def opener(browser, tmp_path):
    """A function that opens components on one page and gives their figures, ready and drawn."""

    def open_page(*components):
        path = tmp_path / "component.html"
        more = "".join(component.html for component in components[1:])
        path.write_text(components[0].page("Test").replace("</main>", f"{more}</main>"))
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(f"file://{path}")
        browser.execute_script(EAR)
        figures = browser.find_elements(By.CSS_SELECTOR, "figure.avl")
        for figure in figures:
            WebDriverWait(browser, 20).until(lambda b, f=figure: f.get_attribute("data-ready"))
            if "avl-cursor" not in figure.get_attribute("class"):
                browser.execute_script("arguments[0].scrollIntoView()", figure)
                WebDriverWait(browser, 30).until(lambda b, f=figure: f.get_attribute("data-drawn"))
        return figures[0] if len(components) == 1 else figures

    return open_page


def ordinary(browser):
    """Undo what a test emulates."""
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


def settled(figure, action):
    """Do something and wait until the picture has been drawn again."""
    before = int(figure.get_attribute("data-drawn"))
    action()
    WebDriverWait(figure.parent, 20).until(
        lambda b: int(figure.get_attribute("data-drawn")) > before
    )
