#!/usr/bin/env bash
# Make a virtual environment, or say what is missing and how to get it.
# usage: create-venv.sh PYTHON DIRECTORY
set -euo pipefail
python=$1
directory=$2

can_make_environments() {
    command -v "$python" >/dev/null && "$python" -c 'import ensurepip, venv' 2>/dev/null
}

if [ -x "$directory/bin/python" ] && "$directory/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
if ! can_make_environments && [ "$python" = python3.11 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing the Debian packages python3.11 and python3.11-venv"
    apt-get update -qq && apt-get install -y -qq python3.11 python3.11-venv >/dev/null || true
fi
if ! can_make_environments; then
    echo "Headrace needs Python 3.11 with its venv module, and '$python' is not that." >&2
    echo "Install it (Debian: apt-get install python3.11 python3.11-venv), or name another: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
"$python" -m venv "$directory"
