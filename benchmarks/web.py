"""The web server as a visitor meets it: latency, load, memory, page weight.

    python benchmarks/web.py [--seconds 60]

Starts the real server (``render_server.py``) on a free port of this machine and talks to it alone.
"""

import argparse
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from common import resident_bytes, summary, times, write_results

ROOT = Path(__file__).parents[1]
SENTENCE = (
    "Patches are segmented by the entropy of the next byte, so compute goes where it counts. "
)


class Client:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of a 200; anything else is an error."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, br"}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
        return content

    def patches(self, text: str) -> bytes:
        """What the page asks for while one types."""
        return self.request("POST", "/api/patches", json.dumps({"text": text, "top_k": 5}).encode())


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(port: int, seconds: float = 30) -> float:
    """Seconds until the server answers."""
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        try:
            Client(port).request("GET", "/healthz")
            return time.perf_counter() - began
        except (OSError, RuntimeError):
            time.sleep(0.05)
    raise RuntimeError("the server does not answer")


def text_of(size: int, salt: int = 0) -> str:
    """``size`` bytes, different for every ``salt``."""
    return (f"{salt:06d} " + SENTENCE * (size // len(SENTENCE) + 1))[:size]


def latency(port: int, size: int, repeat: int) -> dict[str, Any]:
    """One client, one text after the other, no text twice."""
    client, salt = Client(port), iter(range(10**6))
    return summary(times(lambda: client.patches(text_of(size, next(salt))), repeat))


def load(port: int, clients: int, seconds: float) -> dict[str, Any]:
    """``clients`` at once with 280 bytes each."""
    found: list[float] = []
    errors: list[str] = []
    until = time.perf_counter() + seconds

    def visit(number: int) -> None:
        client, salt = Client(port), number * 100_000
        while time.perf_counter() < until:
            salt, began = salt + 1, time.perf_counter()
            try:
                client.patches(text_of(280, salt))
                found.append(time.perf_counter() - began)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                errors.append(str(error))

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = round(len(found) / seconds, 1)
    return summary(found) | {"per_second": rate, "errors": len(errors), "first": errors[:1]}


def page_weight(port: int) -> dict[str, int]:
    """Compressed bytes of the first page and of all it loads."""
    client = Client(port)
    page = client.request("GET", "/")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    html = connection.getresponse().read().decode()
    links = set(re.findall(r'(?:src|href)="(/(?:static|images|data)/[^"]+)"', html))
    links |= {link for link in re.findall(r'"(/static/[^"]+\.js[^"]*)"', html)}
    sizes = {link: len(client.request("GET", link)) for link in sorted(links)}
    return {"page": len(page), "files": len(sizes), "total": len(page) + sum(sizes.values())}


def main() -> None:
    """Run everything against one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="length of the load test")
    options = parser.parse_args()
    port = free_port()
    command = [sys.executable, str(ROOT / "render_server.py"), "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        rows: dict[str, Any] = {"start_seconds": round(wait(port), 2)}
        rows["memory_at_start_mb"] = round(resident_bytes(server.pid) / 1e6, 1)
        rows["page_bytes"] = page_weight(port)
        rows["patches_280_bytes"] = latency(port, 280, 100)
        rows["patches_4_kib"] = latency(port, 4096, 20)
        rows["load_8_clients"] = load(port, 8, options.seconds)
        latency(port, 65536, 2)
        rows["memory_after_mb"] = round(resident_bytes(server.pid) / 1e6, 1)
    finally:
        server.terminate()
        server.wait(timeout=20)
    write_results("web", rows)


if __name__ == "__main__":
    main()
