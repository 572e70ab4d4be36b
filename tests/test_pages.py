"""The pages as a reader meets them: in a browser, from the file system, without a network.

Every page of the contents is opened once; the tests look at what was seen then.
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import complaints, load_tool, open_page, requested, set_width
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser
PAGES = load_tool("build_book").toc_pages()
CHAPTERS = load_tool("build_book").chapters()
MADE_BY_SPHINX = ("search", "genindex")
PAGE_BYTES = 1.5e6
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
LONG = {
    "book/avlib-api",
    "book/avlib-api-papers",
}  # axe takes a minute for each look at so many signatures, all alike

SOUNDS = """
    const done = arguments[0];
    Promise.all(Array.from(document.querySelectorAll('audio[src]')).map(async (audio) => {
      const context = new OfflineAudioContext(1, 1, 44100);
      const bytes = Uint8Array.from(atob(audio.src.split(',')[1]), (c) => c.charCodeAt(0));
      const buffer = await context.decodeAudioData(bytes.buffer);
      const loudest = buffer.getChannelData(0).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      return {label: audio.getAttribute('aria-label'), seconds: buffer.duration,
              loudest: loudest, autoplay: audio.autoplay,
              place: (audio.closest('figure') || audio).id || 'page'};
    })).then(done,
      (error) => done([{label: String(error), seconds: 0, loudest: 0, place: 'page'}]));
"""
AXE = """
    const done = arguments[1];
    const options = {runOnly: arguments[0], resultTypes: ['violations']};
    axe.run(document, options).then((result) => done(result.violations.map((v) =>
      v.id + ': ' + v.nodes.slice(0, 5).map((n) => n.target.join(' ') + ' ' +
        n.any.concat(n.all, n.none).map((c) => c.message).join('; ')).join(' | '))));
"""
PICTURES = """
    return Array.from(document.querySelectorAll('main img, main canvas, main svg[role=img]')).map(
      (e) => ({tag: e.tagName.toLowerCase(), empty: e.getAttribute('alt') === '',
               hidden: Boolean(e.closest('[hidden], [aria-hidden=true]')),
               alt: e.getAttribute('alt') || e.getAttribute('aria-label') ||
                    (e.querySelector('title') || {}).textContent || '',
               named: Boolean(e.getAttribute('aria-labelledby')),
               src: (e.getAttribute('src') || '').slice(0, 80)}));
"""
# After a change of width the theme waits 300 ms (more on a busy machine) before it gives the boxes
# that scroll a stop for the Tab key. Where it never does, axe-core is asked all the same.
FOLLOWED = """
    const done = arguments[0], end = performance.now() + 5000;
    const late = () => Array.from(document.querySelectorAll('pre, .cell_output > .output')).some(
      (e) => e.scrollWidth > e.clientWidth && e.tabIndex < 0);
    const look = () => (late() && performance.now() < end) ? setTimeout(look, 50) : done();
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(look, 100)));
"""
NOT_READY = """
    const late = document.querySelectorAll('figure.avl[id]:not([data-ready])');
    return Array.from(late).map((figure) => figure.id);
"""


def axe_script():
    """axe-core, from the package that carries it."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def set_theme(browser, theme):
    # Less motion, so that no colour is caught on its way from one theme to the other.
    values = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}
    scheme = {"features": [{"name": name, "value": value} for name, value in values.items()]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    browser.execute_script(
        "document.documentElement.dataset.theme = arguments[0];"
        "document.documentElement.dataset.mode = arguments[0];",
        theme,
    )


@pytest.fixture(autouse=True)
def ordinary_settings(request):
    """Undo what a test emulates."""
    yield
    if "browser" in request.fixturenames:
        reset(request.getfixturevalue("browser"))


def reset(browser):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@dataclass
class Visit:
    """What was seen on one page."""

    name: str
    complaints: list
    requests: list
    title: str
    pictures: list
    formulas: tuple
    sounds: list
    not_ready: list
    widths: dict = field(default_factory=dict)
    violations: dict = field(default_factory=dict)


def settle(browser):
    """Until formulas are set and components have started."""
    done = """
        return document.querySelectorAll('mjx-container').length >=
            document.querySelectorAll('.math').length &&
            Array.from(document.querySelectorAll('figure.avl[id]')).every((f) => f.dataset.ready);
    """
    end = time.monotonic() + 30
    while not browser.execute_script(done) and time.monotonic() < end:
        time.sleep(0.3)  # what is not there by then, the tests will say
    time.sleep(0.5)


def visit(browser, book, name):
    """Open a page once and look at everything."""
    set_width(browser, 1280)
    open_page(browser, book.page(name))
    count = "return document.querySelectorAll(arguments[0]).length"
    settle(browser)
    seen = Visit(
        name,
        complaints(browser),
        requested(browser),
        "".join(h.text.strip() for h in browser.find_elements(By.CSS_SELECTOR, "main h1")),
        browser.execute_script(PICTURES),
        (
            browser.execute_script(count, ".math"),
            browser.execute_script(count, "mjx-container"),
            browser.execute_script(count, "mjx-merror"),
        ),
        browser.execute_async_script(SOUNDS),
        browser.execute_script(NOT_READY),
    )
    browser.execute_script(axe_script())
    for width, theme in LOOKS[:1] + LOOKS[3:] if name in LONG else LOOKS:
        set_width(browser, width)
        set_theme(browser, theme)
        browser.execute_async_script(FOLLOWED)
        seen.widths[width] = browser.execute_script("return document.documentElement.scrollWidth")
        found = browser.execute_async_script(AXE, RULES)
        seen.violations.update({f"{width} {theme}": found} if found else {})
        if (width, theme) == LOOKS[1]:  # from here on with solutions and answers open
            browser.execute_script(
                "document.querySelectorAll('.toggle-hidden').forEach(e => "
                "e.classList.remove('toggle-hidden'));"
                "document.querySelectorAll('details').forEach(e => { e.open = true; });"
            )
    reset(browser)
    return seen


VISITS = {}


@pytest.fixture(params=[*PAGES, *MADE_BY_SPHINX])
def seen(request, book, browser):
    if request.param not in VISITS:
        browser.set_script_timeout(240)
        VISITS[request.param] = visit(browser, book, request.param)
    return VISITS[request.param]


def test_page_opens_without_errors_and_asks_nobody_for_anything(seen):
    assert seen.complaints == []
    assert seen.requests == []
    assert seen.title


def test_page_fits_a_phone(seen):
    assert seen.widths[390] <= 390


def test_accessible_wide_and_narrow_light_and_dark(seen):
    """WCAG 2.2, levels A and AA, as far as axe-core can tell."""
    assert seen.violations == {}


def test_every_picture_has_a_description(seen):
    for picture in seen.pictures:
        if picture["hidden"] or picture["named"] or picture["empty"]:
            continue
        assert len(picture["alt"]) > 3, picture
        assert not re.search(r"_images/|\.(png|svg|webp)$", picture["alt"]), picture


def test_formulas_are_set(seen):
    written, typeset, wrong = seen.formulas
    assert typeset >= written
    assert wrong == 0


def test_every_component_has_started(seen):
    assert seen.not_ready == []


def test_every_sound_decodes_is_heard_and_waits_to_be_started(seen):
    for sound in seen.sounds:
        assert sound["label"], sound
        assert sound["seconds"] > 0.2, sound
        assert not sound["autoplay"]
    loudest = {}  # of each component: a player of a scene may be silent on purpose, not all
    for sound in seen.sounds:
        place = sound["place"]
        loudest[place] = max(loudest.get(place, 0), sound["loudest"])
    assert all(level > 0.005 for level in loudest.values()), loudest


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(book, name):
    page = book.page(name)
    text = page.read_text()
    pictures = {Path(src).name for src in re.findall(r'src="([^"]*_images/[^"]+)"', text)}
    images = sum((book.html / "_images" / picture).stat().st_size for picture in pictures)
    assert page.stat().st_size + images <= PAGE_BYTES, f"{page.stat().st_size:,} + {images:,}"


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_it_is_about_to_those_who_link_to_it(book, name):
    text = book.page(name).read_text()
    meta = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', text))
    assert len(meta["description"]) > 40
    assert meta["og:title"]
    assert len(meta["og:description"]) > 40
    assert meta["og:image"].startswith("https://")
    image = book.html / meta["og:image"].split("/", 4)[4]
    assert image.exists(), meta["og:image"]
    assert meta["og:image:alt"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_what_makes_it_one(book, name):
    text = book.page(name).read_text()
    assert text.count('class="exercise') >= 5
    assert len(re.findall(r"<figure class=\"avl ", text)) >= 3  # prediction, component, quiz
    assert "colab.research.google.com" in text


@pytest.mark.parametrize("name", CHAPTERS[:1])
def test_solutions_are_hidden_until_asked_for(book, browser, name):
    open_page(browser, book.page(name))
    solutions = browser.find_elements(By.CSS_SELECTOR, "div.solution")
    assert len(solutions) >= 5
    WebDriverWait(browser, 20).until(
        lambda b: all("toggle-hidden" in s.get_attribute("class") for s in solutions)
    )
    first = solutions[0]
    button = first.find_element(By.CSS_SELECTOR, "button.toggle-button")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    assert "toggle-hidden" not in first.get_attribute("class")


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_control_of_every_component_can_be_worked(book, browser, name):
    """Press what can be pressed and move what can be moved; values change, nothing breaks."""
    open_page(browser, book.page(name))
    settle(browser)
    figures = browser.find_elements(By.CSS_SELECTOR, "figure.avl[data-ready]")
    assert figures
    for figure in figures:
        for control in figure.find_elements(By.CSS_SELECTOR, "button, input, select"):
            if not control.is_displayed() or not control.is_enabled():
                continue
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", control)
            kind = control.get_attribute("type")
            if kind == "range":
                before = control.get_attribute("value")
                at_end = float(before) >= float(control.get_attribute("max") or 100)
                control.send_keys(Keys.ARROW_LEFT if at_end else Keys.ARROW_RIGHT)
                assert control.get_attribute("value") != before, control.get_attribute("outerHTML")
            elif kind in ("radio", "checkbox"):
                browser.execute_script("arguments[0].click()", control)
            elif control.tag_name == "button":
                browser.execute_script("arguments[0].click()", control)
            elif kind in ("text", "number"):
                control.send_keys("1")
    browser.execute_script("document.querySelectorAll('audio').forEach((a) => a.pause())")
    assert complaints(browser) == []
    assert requested(browser) == []


def test_keyboard_focus_can_be_seen(book, browser):
    """Tab through the first chapter: whatever has the focus looks different."""
    open_page(browser, book.page(CHAPTERS[0]))
    script = """
        const e = document.activeElement, s = getComputedStyle(e);
        const marked = (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) ||
            s.boxShadow !== 'none';
        return [e.tagName + '.' + e.className + '#' + e.id, marked];
    """
    visited = {}
    for _ in range(80):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        name, marked = browser.execute_script(script)
        visited[name] = marked
    assert len(visited) > 20
    assert [name for name, marked in visited.items() if not marked] == []


def test_nothing_moves_where_the_reader_asked_for_less(book, browser):
    reduce = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", reduce)
    open_page(browser, book.page(CHAPTERS[0]))
    moving = browser.execute_script(
        "return document.getAnimations().filter(a => a.playState === 'running').length"
    )
    assert moving == 0
    assert browser.execute_script(
        "return Array.from(document.querySelectorAll('article *')).every(e => {"
        "const s = getComputedStyle(e); return parseFloat(s.transitionDuration) === 0; })"
    )
