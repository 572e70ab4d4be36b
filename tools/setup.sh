#!/usr/bin/env bash
# Makes the virtual environment VENV (first argument, default .venv) and installs avlib with the
# pinned versions of constraints.txt into it. Needs only a Python 3.11, 3.12 or 3.13 on the path
# (or named by PYTHON=…).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
usable='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$usable" >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  echo "avlib needs Python 3.11, 3.12 or 3.13 with its venv module, and found none." >&2
  echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name one:" >&2
  echo "    make PYTHON=/path/to/python3.12 …" >&2
  return 1
}

if [ ! -x "$venv/bin/python" ]; then
  python=$(find_python)
  echo "Making the virtual environment $venv with $("$python" --version)"
  "$python" -m venv "$venv"
fi

echo "Installing the pinned packages (the first time downloads about 3 GB) …"
started=$SECONDS
packages=(-c constraints.txt -e '.[book,test]')
uv_pin=$(grep -E '^uv==' constraints.txt | cut -d' ' -f1)
# uv is many times as quick; the certificates of the system, so that it works behind a proxy too.
with_uv() {
  "$venv/bin/python" -m pip install --quiet "$uv_pin" &&
    UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} \
      "$venv/bin/python" -m uv pip install --quiet --python "$venv/bin/python" "${packages[@]}"
}
if ! with_uv; then
  echo "uv could not do it; going on with pip, which takes longer." >&2
  "$venv/bin/python" -m pip install --quiet "${packages[@]}"
fi
echo "Installed in $((SECONDS - started)) s"
