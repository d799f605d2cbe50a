#!/usr/bin/env bash
# Format, lint and type-check the JavaScript and the stylesheets. Fixes what it can; with --check
# it only looks. The tools come from package-lock.json; serving the pages needs none of them.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=20
if ! command -v npm >/dev/null || ! node -e "process.exit(Number(parseInt(process.versions.node) < $oldest))" 2>/dev/null; then
  echo "JavaScript and stylesheets are not checked: Node.js $oldest or newer and npm are not here." >&2
  exit 0
fi
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --loglevel=error --no-audit --no-fund --ignore-scripts >/dev/null
  touch node_modules/.package-lock.json
fi
bin=node_modules/.bin
if [ "${1:-}" = "--check" ]; then
  "$bin/biome" check --error-on-warnings
else
  "$bin/biome" check --write --error-on-warnings
fi
"$bin/tsc" --project .
