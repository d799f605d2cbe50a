#!/usr/bin/env bash
# The browser tests drive Chromium: use the one that is here, or install Debian's where we may.
set -euo pipefail
if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "Chromium is needed for the browser tests: install it (Debian, Ubuntu: sudo apt-get install" >&2
echo "chromium), or set CHROMIUM to the path of a Chromium or Chrome, then run make test again." >&2
exit 1
