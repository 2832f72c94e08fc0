#!/usr/bin/env bash
# Find the browser that tests of the page drive, or install it, or say what is missing and how to get it.
set -euo pipefail

have_browser() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

if ! have_browser && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing the Debian package chromium, which tests of the page drive"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null || true
fi
if ! have_browser; then
    echo "Tests of the page need Chromium. Install it (Debian: apt-get install chromium) and run this again." >&2
    exit 1
fi
