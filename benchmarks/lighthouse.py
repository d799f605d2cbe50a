"""Lighthouse scores of the web app: performance, accessibility, best practices, SEO.

    python benchmarks/lighthouse.py [--repeat 3] [/ /gallery ...]

The benchmark needs Chromium and node; npx downloads Lighthouse from npm the first time. It measures
each page ``--repeat`` times as on a phone (a slow network, a slow processor) and takes the median.
It fails if a score is below 95, and names the audits that cost most.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from typing import Any

from common import write_results
from web_client import serving

from app.pages import PAGES

LIGHTHOUSE = "lighthouse@12.8.2"
"""Last version that runs on node 20."""

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
MIN_SCORE = 95
FLAGS = "--headless=new --no-sandbox --disable-gpu"


def report(url: str, chromium: str, tries: int = 3) -> dict[str, Any]:
    """Run Lighthouse once; try again where Chromium has failed (``NO_NAVSTART``)."""
    done = subprocess.run(
        [
            *("npx", "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", "--output-path=stdout"),
            f"--only-categories={','.join(CATEGORIES)}",
            f"--chrome-flags={FLAGS}",
        ],
        env={**os.environ, "CHROME_PATH": chromium, "PUPPETEER_SKIP_DOWNLOAD": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode and tries > 1:
        return report(url, chromium, tries - 1)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def scores(result: dict[str, Any]) -> dict[str, int]:
    """Return the Lighthouse scores, 0 to 100, by category."""
    return {name: round(result["categories"][name]["score"] * 100) for name in CATEGORIES}


def costs(result: dict[str, Any]) -> list[str]:
    """Return the Lighthouse audits that lower a score, with their values."""
    lines = []
    for name in CATEGORIES:
        for part in result["categories"][name]["auditRefs"]:
            audit = result["audits"][part["id"]]
            if part["weight"] and audit["score"] is not None and audit["score"] < 0.95:
                shown = audit.get("displayValue", "")
                lines.append(f"{name}: {audit['title']} ({audit['score']:.2f}) {shown}".strip())
    return lines


def measure(url: str, chromium: str, repeat: int) -> dict[str, Any]:
    """Return the median scores of several runs, and the audits that lower those of the last run."""
    runs = [report(url, chromium) for _ in range(repeat)]
    each = [scores(run) for run in runs]
    median = {name: round(statistics.median(run[name] for run in each)) for name in CATEGORIES}
    return {**median, "costs": costs(runs[-1])}


def main() -> int:
    """Measure all pages; return 1 if a score is too low."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    every = [page.address for page in PAGES]
    parser.add_argument("pages", nargs="*", default=every, help="paths of pages; default: all")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each page")
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None or shutil.which("npx") is None:
        print("error: Lighthouse needs Chromium and npx (of node)", file=sys.stderr)
        return 1
    with serving() as server:
        rows = {
            page: measure(f"http://127.0.0.1:{server.port}{page}", chromium, options.repeat)
            for page in options.pages
        }
    write_results("lighthouse", rows)
    low = [page for page, row in rows.items() if min(row[name] for name in CATEGORIES) < MIN_SCORE]
    if low:
        print(f"error: below {MIN_SCORE}: {', '.join(low)}", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
