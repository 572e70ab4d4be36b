"""All kinds of components on one page: each looks as it does alone, whatever its neighbours."""

import numpy as np
import pytest
import sound_parts
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from avlib.viz import matching, matrix, players, questions, replay, stepper

pytestmark = pytest.mark.browser
TONE = sound_parts.TONES["low"]


def with_numbers():
    """The kinds without a clock."""
    values = np.eye(3) + 0.1
    shots = [
        replay.Snapshot(k, {"mask": np.full((8, 8), k / 2)}, {"loss": 1.0 - k / 4}, TONE)
        for k in range(3)
    ]
    items = [
        questions.Choice("Which?", [("one", True, "Yes."), ("two", False, "No.")], 1),
        questions.Numeric("How many?", 3.0, 0.1, "", "Three.", 1),
        questions.Ordering("In which order?", ["a", "b", "c"], "As here.", 1),
    ]
    return {
        "matrix": matrix.sim_matrix(values, ["a", "b", "c"], ["d", "e", "f"], "M", "Told."),
        "stepper": stepper.loss_stepper(
            [stepper.Step("One", "Text.", {"x": 1.0}), stepper.Step("Two", "Text.", {"x": 2.0})],
            "Steps",
            "Told.",
        ),
        "replay": replay.train_replay(
            shots, {"loss": [1.0, 0.75, 0.5]}, "Replay", "Told.", rate=sound_parts.RATE
        ),
        "matching": matching.matching_replay(
            [
                matching.Stage(k, {"low": np.full((8, 8), k / 2)}, {"low": TONE}, {"low": 1.0 * k})
                for k in range(3)
            ],
            [3.0, 2.9, 2.8],
            TONE,
            {"low": TONE},
            sound_parts.RATE,
            "Matching",
        ),
        "quiz": questions.quiz(items),
        "predict": questions.predict_then_reveal("What?", ["a", "b"], 0, "It is a."),
    }


def everything():
    frames = np.zeros((2, 40, 60, 3), np.uint8)
    tracks = {"both": TONE, "low": TONE}
    return {
        **{kind: make() for kind, make in sound_parts.MAKERS.items()},
        "still": sound_parts.heatmap(tracks=False),
        "compare": players.ab_player(tracks, sound_parts.RATE),
        "scene": players.scene_player(
            frames, 1.0, tracks, sound_parts.RATE, {"low": (0, 0, 30, 40)}, "Scene"
        ),
        **with_numbers(),
    }


LOOK = """
  const look = (element) => {
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    const told = ['display', 'color', 'backgroundColor', 'cursor', 'fontSize', 'marginLeft',
                  'borderTopWidth', 'borderLeftColor'].map((name) => style[name]);
    return [element.tagName + '.' + element.className, Math.round(box.width),
            Math.round(box.height), ...told].join(' ');
  };
  const inside = ':not(style):not(script):not(audio)';
  return Array.from(document.querySelectorAll('figure.avl'), (figure) =>
    [figure, ...figure.querySelectorAll(inside)].map(look));
"""


def looks(browser, path, components):
    """What every element of every component looks like on one page."""
    more = "".join(component.html for component in components[1:])
    path.write_text(components[0].page("Test").replace("</main>", f"{more}</main>"))
    browser.get(f"file://{path}")
    for figure in browser.find_elements(By.CSS_SELECTOR, "figure.avl"):
        browser.execute_script("arguments[0].scrollIntoView()", figure)
        WebDriverWait(browser, 20).until(lambda b, f=figure: f.get_attribute("data-ready"))
        if figure.find_elements(By.CSS_SELECTOR, ".avl-still, .avl-axes canvas"):
            WebDriverWait(browser, 20).until(
                lambda b, f=figure: (
                    f.get_attribute("data-drawn") or "avl-cursor" in f.get_attribute("class")
                )
            )
    return browser.execute_script(LOOK)


@pytest.mark.parametrize("width", [1280, 390])
def test_neighbours_change_nothing(browser, tmp_path, width):
    made = everything()
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        path = tmp_path / "page.html"
        alone = [looks(browser, path, [component])[0] for component in made.values()]
        forwards = looks(browser, path, list(made.values()))
        backwards = looks(browser, path, list(made.values())[::-1])[::-1]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    for kind, single, first, second in zip(made, alone, forwards, backwards, strict=True):
        for other in (first, second):
            changed = [pair for pair in zip(single, other, strict=True) if pair[0] != pair[1]]
            assert changed[:3] == [], f"{kind}: {len(changed)} elements"
