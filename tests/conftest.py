"""What the tests of the book share: its root, one build for all, one browser."""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a job in the background ignores, its children would ignore too: they are sent Ctrl-C here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, str(ROOT / "tools"))  # tools import each other by name
# The resolver trusts what the system trusts, as pip does, so that it works behind a proxy.
os.environ.setdefault("UV_SYSTEM_CERTS", "true")


def load_tool(name):
    """A script of tools/, imported as a module."""
    return importlib.import_module(name)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build_book():
    return load_tool("build_book")


@dataclass(frozen=True)
class Book:
    """One finished build."""

    root: Path
    html: Path
    output: str
    code: int

    def page(self, name):
        return self.html / f"{name}.html"


@pytest.fixture(scope="session")
def book_run():
    """Build the book once for all tests, whether or not it succeeds."""
    done = subprocess.run(
        [sys.executable, "tools/build_book.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return Book(ROOT, ROOT / "_build" / "html", done.stdout, done.returncode)


@pytest.fixture(scope="session")
def book(book_run):
    """The built book; every test that needs it fails where it could not be built."""
    if book_run.code:
        tail = "\n".join(book_run.output.splitlines()[-40:])
        pytest.fail(f"the book could not be built (exit {book_run.code}):\n{tail}")
    return book_run


def browser_programs():
    """Paths of a Chromium (or Chrome) and its driver, or a sentence that says what is missing."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    binary = next(
        filter(None, map(shutil.which, (os.environ.get("CHROME_BINARY", ""), *names))), None
    )
    driver = shutil.which(os.environ.get("CHROMEDRIVER", "chromedriver"))
    if binary and driver:
        return binary, driver
    missing = " and ".join(n for n, p in (("Chromium", binary), ("chromedriver", driver)) if not p)
    return f"{missing} not found: `make browser` installs it or says how"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium. Without one the tests are skipped, but fail where CI is set."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    found = browser_programs()
    if isinstance(found, str):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found)
    options = Options()
    options.binary_location = found[0]
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--mute-audio",
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


def requested(driver):
    """Addresses that pages asked for since the last call, without files and embedded data."""
    import json

    urls = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.append(message["params"]["request"]["url"])
    return [url for url in urls if not re.match(r"file:|data:|blob:|about:|chrome", url)]


# The theme's own: it declares one name twice, and says so when nothing is stored yet.
KNOWN_COMPLAINTS = ("THEBE_JS_URL", "Got invalid theme mode")


def open_page(browser, path):
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(f"file://{path}")
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(
        lambda b: b.execute_script("return document.readyState") == "complete"
    )


def complaints(browser):
    entries = browser.get_log("browser")
    severe = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
    return [
        message for message in severe if not any(known in message for known in KNOWN_COMPLAINTS)
    ]


def set_width(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
