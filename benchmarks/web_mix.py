"""Mixed load of all kinds of visitors, including aborted and invalid requests."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from common import resident_bytes
from web_client import Client, Server

from app.pages import PAGES

SENTENCE = (
    "Patches are segmented by the entropy of the next byte, so compute goes where it counts. "
)
SETTLED = 0.2
"""Share of the time before the first memory reading that counts; first use loads files before it.
"""

Visit = Callable[[Client, int], None]


def text_of(size: int, salt: int = 0) -> str:
    """Return ``size`` bytes of text, different for every ``salt``."""
    return (f"{salt:06d} " + SENTENCE * (size // len(SENTENCE) + 1))[:size]


def expect(status: int, right: tuple[int, ...], what: str) -> None:
    """Raise a RuntimeError for any status that is not in ``right``."""
    if status not in right:
        raise RuntimeError(f"{what}: {status}")


@dataclass
class Mix:
    """Sequence of visits, with a count of each kind.

    Args:
        server: the server to visit.
    """

    server: Server
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def visits(self) -> list[Visit]:
        """Return one round of visits; typing visitors are as frequent as all the others."""
        with closing(Client(self.server.port)) as client:
            listed = json.loads(client.get("/api/visualizations", plain=True).body)
        urls = [item[key] for item in listed["items"] for key in ("url", "page")]
        others = ["/readyz", "/api/model", "/openapi.json", "/metrics", "/api/visualizations?q=a"]
        typing = self._post("/api/patches", self._typed, (200, 503))
        return [
            typing,
            self._get([*(page.address for page in PAGES), *others]),
            typing,
            self._get(urls),
            typing,
            self._post("/api/compare", lambda salt: {"text": text_of(300, salt)}, (200,)),
            typing,
            self._post("/api/generate", self._prompted, (200, 503), "text/event-stream"),
            typing,
            self._post("/api/inspect", lambda salt: {"text": text_of(120, salt)}, (200, 503)),
            typing,
            self._post("/api/graph", self._drawn, (200, 503)),
            typing,
            self._post("/api/patches", lambda salt: {"text": salt}, (422,)),
            typing,
            self._leave,
        ]

    def _get(self, paths: list[str]) -> Visit:
        def visit(client: Client, salt: int) -> None:
            path = paths[salt % len(paths)]
            expect(client.get(path).status, (200,), path)
            self.done["pages and files"] += 1

        return visit

    def _post(
        self, path: str, body: Callable[[int], Any], right: tuple[int, ...], accept: str = "*/*"
    ) -> Visit:
        def visit(client: Client, salt: int) -> None:
            status = client.post(path, body(salt), accept).status
            expect(status, right, path)
            self.done[f"{path} {status}"] += 1

        return visit

    def _leave(self, client: Client, salt: int) -> None:
        client.leave("/api/patches", {"text": text_of(8000, salt)})
        self.done["left before the answer"] += 1

    @staticmethod
    def _typed(salt: int) -> Any:
        return {"text": text_of(50 + salt * 37 % 2000, salt), "top_k": 5}

    @staticmethod
    def _drawn(salt: int) -> Any:
        # Not of names: spaCy takes torch with it into memory where that is installed.
        return {"text": text_of(500, salt), "kind": "patches", "max_nodes": 100}

    @staticmethod
    def _prompted(salt: int) -> Any:
        return {"prompt": text_of(40, salt), "max_bytes": 24, "speculate": "auto"}


def soak(server: Server, clients: int, seconds: float) -> dict[str, Any]:
    """Run ``clients`` clients for ``seconds``; return their visits, their errors and the memory."""
    mix = Mix(server)
    rounds, until = mix.visits(), time.monotonic() + seconds

    def go(number: int) -> None:
        client = Client(server.port)
        for salt in itertools.count(number * 100_000):
            if time.monotonic() > until:
                return
            try:
                rounds[salt % len(rounds)](client, salt // len(rounds))
            except (OSError, RuntimeError, ValueError) as error:
                mix.errors.append(f"{type(error).__name__}: {error}")
                client = Client(server.port)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append(resident_bytes(server.pid))
        time.sleep(min(1.0, seconds / 20))
    settled = memory[int(len(memory) * SETTLED) :]
    part = max(1, len(settled) // 8)
    first, last = (sum(some) / part for some in (settled[:part], settled[-part:]))
    return {
        "seconds": seconds,
        "clients": clients,
        "requests": sum(mix.done.values()),
        "by_kind": dict(sorted(mix.done.items())),
        "errors": len(mix.errors),
        "first_errors": mix.errors[:3],
        "memory_mb": [round(some / 1e6, 1) for some in (first, last)],
        "memory_peak_mb": round(max(memory) / 1e6, 1),
        "growth_percent": round((last / first - 1) * 100, 1),
    }
