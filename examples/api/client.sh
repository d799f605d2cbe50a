#!/usr/bin/env bash
# The API by curl: examples/api/client.sh [URL]
set -euo pipefail
url=${1:-http://localhost:5000}

# --retry waits as long as Retry-After says, after 429 and 503; --fail-with-body shows what is wrong.
ask() {
  curl --silent --show-error --fail-with-body --retry 3 "$@"
  echo
}

echo "models"
ask "$url/api/model"

echo "patches"
ask "$url/api/patches" --json '{"text": "A BLT has", "top_k": 3}'

echo "compare"
ask "$url/api/compare" --json '{"text": "A BLT has", "splitters": ["entropy", "space"]}'

echo "gallery"
ask "$url/api/visualizations?kind=data&limit=2"

echo "generate"
# -N shows every event as it comes; without the header the whole text comes as JSON.
ask -N "$url/api/generate" -H 'Accept: text/event-stream' --json '{"prompt": "A BLT has", "max_bytes": 8}' ||
  echo "no text was made"
