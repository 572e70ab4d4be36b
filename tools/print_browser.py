"""A headless Chromium, for printing."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium or Chrome and its driver, as `make browser` installs them.

    Raises:
        RuntimeError: one of the two is not there.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    names = (os.environ.get("CHROME_BINARY", ""), *NAMES)
    binary = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which(os.environ.get("CHROMEDRIVER", "chromedriver"))
    if not binary or not driver:
        raise RuntimeError("printing needs Chromium and chromedriver: `make browser`")
    options = Options()
    options.binary_location = binary
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        options.add_argument(f"--user-data-dir={profile}")
        browser = webdriver.Chrome(options=options, service=Service(driver))
        browser.set_script_timeout(300)
        browser.command_executor.client_config.timeout = 600
        try:
            yield browser
        finally:
            browser.quit()
