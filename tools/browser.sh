#!/usr/bin/env bash
# The page tests drive a headless Chromium (or Chrome) through its driver. Installs both where
# this user may; otherwise says what to do.
set -euo pipefail

has_browser() {
  local name
  for name in ${CHROME_BINARY:-} chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}
has_driver() { command -v "${CHROMEDRIVER:-chromedriver}" >/dev/null 2>&1; }

if has_browser && has_driver; then exit 0; fi

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium and its driver for the page tests …"
  export DEBIAN_FRONTEND=noninteractive
  # An index that cannot be refreshed may still serve.
  apt-get update -qq || echo "apt-get update failed; trying with the index that is there" >&2
  if apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core \
      >/dev/null && has_browser && has_driver; then
    exit 0
  fi
fi

cat >&2 <<'MESSAGE'
The page tests need Chromium (or Chrome) and its driver, and this user cannot install them here.
  Debian:  sudo apt-get install chromium chromium-driver
  Ubuntu:  Google Chrome and the chromedriver of the same version
  macOS:   brew install --cask google-chrome chromedriver
Elsewhere: name them in the variables CHROME_BINARY and CHROMEDRIVER.
Going on without: the tests of the pages in a browser will be skipped (with CI=true they fail).
MESSAGE
