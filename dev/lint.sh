#!/usr/bin/env bash
# Format, lint and type-check. Fixes what it can; with --check it only looks, as CI does.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
[ -x "$bin/ruff" ] || bin=$(dirname "$(command -v ruff)")
if [ "${1:-}" = "--check" ]; then
  "$bin/ruff" format --check .
  "$bin/ruff" check .
else
  "$bin/ruff" check --fix .
  "$bin/ruff" format .
fi
"$bin/mypy"
dev/lint_web.sh "$@"
