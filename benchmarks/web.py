"""Web server benchmark: latency, load, memory, page weight, typing.

    python benchmarks/web.py [--seconds 30] [--soak 600]
    python benchmarks/web.py --against REVISION     # another build's server in turns

The benchmark starts the real server (``render_server.py``) with its default settings on a free port
of this machine and is its only client; clients of the same machine have no request quota. At the
end it prints which targets hold; the exit status is 1 where one does not hold. A slow machine needs
more than the default 30 seconds for a text of 64 KiB: ``--request-seconds 300``. With
``--against``, it prints the ratios of both builds instead, from the medians of all turns.
"""

import argparse
import operator
import re
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from common import checkout, resident_bytes, summary, times, write_results
from web_client import ROOT, Client, serving
from web_mix import Visit, expect, soak, text_of
from web_typing import typing_to_picture

from app.pages import PAGES
from app.settings import TEXT_LIMIT

HOLDS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


def patches(client: Client, size: int, salt: int) -> None:
    """Send the request that the playground sends while a visitor types."""
    answer = client.post("/api/patches", {"text": text_of(size, salt), "top_k": 5})
    expect(answer.status, (200,), "/api/patches")


def listing(client: Client, salt: int) -> None:
    """Request the whole list of the gallery."""
    expect(client.get("/api/visualizations").status, (200,), "/api/visualizations")


def latency(port: int, size: int, repeat: int) -> dict[str, Any]:
    """Measure one client that sends one text after the other, all different."""
    client, salt = Client(port), iter(range(10**6))
    return summary(times(lambda: patches(client, size, next(salt)), repeat))


def first_patches(port: int, size: int, repeat: int) -> dict[str, Any]:
    """Measure the time to the first measured part of a new text."""
    client = Client(port)
    texts = [{"text": text_of(size, 50_000 + salt)} for salt in range(repeat)]
    return summary([client.until("/api/patches", text, b"event: part") for text in texts])


def load(port: int, clients: int, seconds: float, visit: Visit) -> dict[str, Any]:
    """Measure ``clients`` clients at the same time, each with one request after the other."""
    latencies: list[float] = []
    errors: list[str] = []
    until = time.perf_counter() + seconds

    def go(number: int) -> None:
        client, salt = Client(port), number * 100_000
        while time.perf_counter() < until:
            salt, began = salt + 1, time.perf_counter()
            try:
                visit(client, salt)
                latencies.append(time.perf_counter() - began)
            except (OSError, RuntimeError) as error:
                errors.append(f"{type(error).__name__}: {error}")
                client = Client(port)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = round(len(latencies) / seconds, 1)
    return summary(latencies) | {"per_second": rate, "errors": len(errors), "first": errors[:1]}


def generated(port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Measure how many bytes ``clients`` clients together get who all generate texts.

    A client that the queue refuses asks again after a tenth of a second.
    """
    sizes: list[int] = []

    def generate(client: Client, salt: int) -> None:
        body = {"prompt": text_of(100, salt), "max_bytes": 64, "temperature": 0.8, "seed": salt}
        answer = client.post("/api/generate", body, accept="text/event-stream")
        expect(answer.status, (200, 503), "/api/generate")
        if answer.status == 200:
            sizes.append(answer.body.count(b"event: byte"))
        else:
            time.sleep(0.1)

    rows = load(port, clients, seconds, generate)
    return {"bytes_per_second": round(sum(sizes) / seconds, 1), "texts": len(sizes)} | rows


def page_weight(port: int, path: str) -> dict[str, int]:
    """Return the compressed bytes of a page and of all linked files, and the number of files."""
    client = Client(port)
    page, html = client.get(path), client.get(path, plain=True).body.decode()
    links = set(re.findall(r'(?:src|href)="(/(?:static|images|data|thumbnails)/[^"]+)"', html))
    sizes = [len(client.get(link).body) for link in sorted(links)]
    return {"page": len(page.body), "files": len(sizes), "total": len(page.body) + sum(sizes)}


def targets(rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the measured values beside their targets; a missing value does not meet its target."""
    cut, listed, mixed = (
        rows[name] for name in ("patches_8_clients", "visualizations_4_clients", "mixed")
    )
    memory = (rows["memory_at_start_mb"], mixed["memory_peak_mb"], rows["memory_after_mb"])
    aims = {
        "typing_1000_bytes_p95_ms": ((rows["typing_1000_bytes"] or {}).get("p95_ms"), "<", 100),
        "visualizations_per_second": (listed["per_second"], ">=", 800),
        "patches_per_second": (cut["per_second"], ">=", 40),
        "patches_p99_ms": (cut["p99_ms"], "<", 300),
        "errors": (cut["errors"] + listed["errors"] + mixed["errors"], "<=", 0),
        "growth_percent": (mixed["growth_percent"], "<=", 10),
        "memory_peak_mb": (max(memory), "<=", 350),
    }
    return {
        name: {
            "value": value,
            "target": f"{sign} {limit}",
            "met": value is not None and HOLDS[sign](value, limit),
        }
        for name, (value, sign, limit) in aims.items()
    }


def measure(options: argparse.Namespace, root: Path = ROOT) -> dict[str, Any]:
    """Run the whole benchmark against one server of the checkout ``root``."""
    model = ["--model", options.model] if options.model else []
    with serving(*model, request_seconds=options.request_seconds, root=root) as server:
        port = server.port
        rows: dict[str, Any] = {"start_seconds": server.start_seconds}
        rows["memory_at_start_mb"] = round(resident_bytes(server.pid) / 1e6, 1)
        rows["page_bytes"] = {page.address: page_weight(port, page.address) for page in PAGES}
        rows["patches_280_bytes"] = latency(port, 280, 100)
        rows["patches_4_kib"] = latency(port, 4096, 20)
        rows["patches_64_kib"] = latency(port, TEXT_LIMIT, 3)
        if root == ROOT:  # an older build may have no events
            rows["first_patches_64_kib"] = first_patches(port, TEXT_LIMIT, 5)
        rows["patches_8_clients"] = load(
            port, 8, options.seconds, lambda client, salt: patches(client, 280, salt)
        )
        rows["generate_1_client"] = generated(port, 1, options.seconds)
        rows["generate_8_clients"] = generated(port, 8, options.seconds)
        rows["visualizations_4_clients"] = load(port, 4, options.seconds / 3, listing)
        rows["typing_1000_bytes"] = typing_to_picture(port, 1000)
        rows["mixed"] = soak(server, options.clients, options.soak)
        rows["memory_after_mb"] = round(resident_bytes(server.pid) / 1e6, 1)
    return rows


def compared(turns: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Return the medians of all turns of both builds and how many times better this build is."""
    kinds = {
        "patches_280_bytes": "median_ms",
        "patches_4_kib": "median_ms",
        "patches_64_kib": "median_ms",
        "patches_8_clients": "per_second",
        "generate_1_client": "bytes_per_second",
        "generate_8_clients": "bytes_per_second",
        "visualizations_4_clients": "per_second",
        "typing_1000_bytes": "p95_ms",
    }
    table = {}
    for name, kind in kinds.items():
        this, other = (
            statistics.median(rows[name][kind] for rows in turns[build])
            for build in ("this", "against")
        )
        ratio = this / other if kind.endswith("per_second") else other / this
        table[name] = {"this": this, "against": other, "times_better": round(ratio, 2)}
    return table


def main() -> int:
    """Run the benchmark; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=30, help="length of the load tests")
    parser.add_argument("--soak", type=float, default=60, help="length of the mixed load")
    parser.add_argument("--clients", type=int, default=8, help="clients of the mixed load")
    parser.add_argument("--model", help="an exported model in place of a shipped one")
    parser.add_argument("--request-seconds", type=float, help="time limit of one request")
    parser.add_argument("--against", metavar="REVISION", help="another build, measured in turns")
    parser.add_argument("--rounds", type=int, default=3, help="turns with --against")
    options = parser.parse_args()
    if options.against:
        with checkout(options.against) as other:
            turns: dict[str, list[dict[str, Any]]] = {"this": [], "against": []}
            for _ in range(options.rounds):
                turns["this"].append(measure(options))
                turns["against"].append(measure(options, other))
        table = compared(turns)
        write_results("web_against", {"against": options.against, "builds": table, "turns": turns})
        for name, row in table.items():
            print(f"{name}: {row['this']:g}, before {row['against']:g}: {row['times_better']} x")
        return 0
    rows = measure(options)
    rows["targets"] = targets(rows)
    write_results("web", rows)
    for name, outcome in rows["targets"].items():
        shown = "not measured" if outcome["value"] is None else f"{outcome['value']:g}"
        print(f"{'holds ' if outcome['met'] else 'MISSED'} {name}: {shown} ({outcome['target']})")
    return int(not all(outcome["met"] for outcome in rows["targets"].values()))


if __name__ == "__main__":
    sys.exit(main())
