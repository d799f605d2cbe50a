"""The real server when things go wrong: a killed worker, a stop, clients that leave."""

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.server.http import READ_SECONDS
from app.server.process import GRACE_SECONDS
from app.settings import Settings
from tests.app.servers import PATIENCE, Served, serving

AT_ONCE = Settings().max_concurrent
LONG = "It was late in the afternoon when they reached the house. " * 300
"""The model needs a second or more."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "log.txt", BLT_LOG="json") as served:
        yield served


def access(served: Served) -> list[dict[str, object]]:
    found = []
    for line in served.log.read_text().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if "route" in line]


def wait_for(condition, seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.02)


def post_long(served: Served, number: int) -> http.client.HTTPConnection:
    """A text of its own, so that nothing of it is known from another."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    connection.request("POST", "/api/patches", json.dumps({"text": f"{number} {LONG}"}))
    return connection


def waiting(served: Served) -> int:
    return int(json.loads(served.get("/readyz")[1]).get("waiting", 0))


def test_a_killed_worker_comes_back(served: Served) -> None:
    (worker,) = served.workers()

    def visit(_: int) -> int:
        """How many of ten requests one after the other fail."""
        failures = 0
        for _ in range(10):
            try:
                failures += served.patches() != 200
            except (OSError, http.client.HTTPException):
                failures += 1
        return failures

    assert served.patches() == 200
    with ThreadPoolExecutor(4) as visitors:
        results = visitors.map(visit, range(4))
        time.sleep(0.1)
        os.kill(worker, signal.SIGKILL)
        assert max(results) <= 1
    assert served.patches() == 200
    (successor,) = served.workers()
    assert successor != worker


def test_a_stop_lets_requests_finish(served: Served) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with contextlib.closing(post_long(served, 0)) as connection:
            response = connection.getresponse()
            assert len(json.loads(response.read())["tokens"]) == len(LONG) + 3
            statuses.append(response.status)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    # It is under way once others have to wait.
    others = [post_long(served, number) for number in range(1, 1 + AT_ONCE)]
    wait_for(lambda: waiting(served) >= 1)
    for other in others:
        other.close()
    served.process.terminate()
    thread.join(PATIENCE)
    assert statuses == [200]
    assert served.process.wait(PATIENCE) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), timeout=1)


def test_a_stop_does_not_wait_for_who_only_began(served: Served) -> None:
    assert served.patches() == 200
    began = time.monotonic()
    begun = [served.raw(b""), served.raw(b"POST /api/patches HTTP/1.1\r\n")]
    assert served.get("/healthz")[0] == 200
    served.process.terminate()
    assert served.process.wait(PATIENCE) == 0
    assert time.monotonic() - began < READ_SECONDS, "as long as the rest of a request may take"
    for connection in begun:
        connection.close()


def test_a_stop_ends_open_streams(served: Served) -> None:
    """The one that is being made and those that wait for the model."""
    body = json.dumps({"prompt": "The", "max_bytes": 512})
    streams = [
        http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE) for _ in range(2)
    ]
    for stream in streams:
        stream.request("POST", "/api/generate", body, {"Accept": "text/event-stream"})
    with streams[0].getresponse() as answer:
        while not answer.readline().startswith(b"data:"):
            pass
        served.process.terminate()
        began = time.monotonic()
        assert b'"finish":"time"' in answer.read()
    assert served.process.wait(PATIENCE) == 0
    assert time.monotonic() - began < GRACE_SECONDS, "as long as a stop waits for answers"
    for stream in streams:
        stream.close()


def test_a_client_that_leaves_a_stream_ends_it(served: Served) -> None:
    body = json.dumps({"prompt": "The", "max_bytes": 512})
    stream = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    stream.request("POST", "/api/generate", body, {"Accept": "text/event-stream"})
    with stream.getresponse() as answer:
        while not answer.readline().startswith(b"data:"):
            pass
    stream.close()
    wait_for(lambda: [line for line in access(served) if line["route"] == "/api/generate"])
    (line,) = [line for line in access(served) if line["route"] == "/api/generate"]
    assert int(str(line["bytes"])) < 100_000, "the whole is half as long again"


def test_work_stops_when_its_client_leaves(served: Served) -> None:
    began = time.monotonic()
    with contextlib.closing(post_long(served, AT_ONCE + 2)) as connection:
        assert connection.getresponse().status == 200
    alone = time.monotonic() - began
    leaving = [post_long(served, number) for number in range(AT_ONCE + 2)]
    wait_for(lambda: waiting(served) >= 2)
    for connection in leaving:
        connection.close()
    began = time.monotonic()
    assert served.patches() == 200
    assert time.monotonic() - began < alone, "even one of the long texts takes longer"
    wait_for(
        lambda: (
            len([line for line in access(served) if line["status"] in (499, 503)]) == AT_ONCE + 2
        )
    )


def test_strangers_are_limited_and_told_when_to_return(tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", BLT_RATE_LIMIT="10", BLT_TRUSTED_PROXIES="1") as served:
        body, stranger = {"text": "a"}, {"X-Forwarded-For": "203.0.113.7"}
        sent = [served.request("POST", "/api/patches", body, stranger) for _ in range(3)]
        assert [status for status, _, _ in sent] == [200, 200, 429]
        assert int(sent[2][1]["Retry-After"]) > 0
        assert sent[2][1]["Content-Type"] == "application/problem+json"
        assert served.request("POST", "/api/patches", body, {"X-Forwarded-For": "::1"})[0] == 200
        assert served.patches() == 200
        assert "203.0.113" not in served.log.read_text()


def test_nothing_of_a_text_is_logged(served: Served) -> None:
    served.patches("some secret words")
    served.get("/data/some%20secret%20words?q=secret")
    served.request("POST", "/api/patches", {"text": 7, "secret": "words"})
    wait_for(lambda: len(access(served)) >= 4)
    assert "secret" not in served.log.read_text()
