"""The server with all that it loads fits into a small instance, with room to spare."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.pages import PAGES
from app.settings import ROOT
from tests.app.servers import Served, serving

LIMIT = 270_000_000
"""Bytes; an instance of 512 MB has room for the system and for what many requests take at once."""

TEXT = "Patches are segmented by the entropy of the next byte. Байты, बाइट, 字节. "


@pytest.fixture
def resident(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Resident memory as the benchmark counts it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    count: Callable[[int], int] = importlib.import_module("common").resident_bytes
    return count


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others have no /proc")
def test_all_that_visitors_ask_for(tmp_path: Path, resident: Callable[[int], int]) -> None:
    pytest.importorskip("quicktok")
    asked = [
        *(("/api/patches", {"text": f"{salt} {TEXT * 20}", "top_k": 5}) for salt in range(20)),
        ("/api/patches", {"text": TEXT * 200, "top_k": 10}),
        ("/api/generate", {"prompt": TEXT, "max_bytes": 24, "speculate": "auto"}),
        ("/api/inspect", {"text": TEXT, "heads": "each", "top_k": 5}),
        ("/api/graph", {"text": TEXT * 5, "kind": "patches"}),
        ("/api/compare", {"text": TEXT * 20}),
    ]
    found: dict[str, int] = {}
    with serving(tmp_path / "log.txt") as served:
        for page in PAGES:
            assert served.get(page.address)[0] == 200
            found[page.name] = resident(served.process.pid)
        for path, body in asked:
            assert _post(served, path, body) == 200
            found[path] = max(found.get(path, 0), resident(served.process.pid))
    assert max(found.values()) < LIMIT, {path: size // 10**6 for path, size in found.items()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others have no /proc")
def test_products_use_the_memory_of_those_before(tmp_path: Path) -> None:
    """New pages for every product took as long as the products: 17,000 for a text like these."""
    texts = [f"{salt} {TEXT * 4}" for salt in range(12)]
    with serving(tmp_path / "log.txt") as served:
        for text in texts[:2]:
            assert _post(served, "/api/patches", {"text": text}) == 200
        before = _page_faults(served.process.pid)
        for text in texts[2:]:
            assert _post(served, "/api/patches", {"text": text}) == 200
        faults = _page_faults(served.process.pid) - before
    assert faults / 10 < 6000


def _page_faults(pid: int) -> int:
    """Number of pages that a server process and its children have taken."""
    stats = {int(path.parent.name): path for path in Path("/proc").glob("[0-9]*/stat")}
    fields = {number: path.read_text().rpartition(")")[2].split() for number, path in stats.items()}
    return sum(
        int(values[7]) for number, values in fields.items() if pid in (number, int(values[1]))
    )


def _post(served: Served, path: str, body: object) -> int:
    status, _, answer = served.request("POST", path, body)
    assert b'unavailable": "needs the package quicktok' not in answer
    return status
