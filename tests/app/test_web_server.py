"""Clients that are slow, rude or many, before a real server with two threads."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from app.requests.security import COMMON
from app.server.http import BODY_LIMIT, environ_of
from tests.app.servers import Served, read_all, serving, small

HEAD = b"POST /api/patches HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
BODY = json.dumps({"text": "the cat sat"}).encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("two-threads")
    with serving(folder / "log.txt", command=small(threads=2)) as served:
        yield served
        assert "Traceback" not in served.log.read_text()


AT_ONCE = 8.0
"""Seconds; far below the time that a request may take to arrive, and enough on a busy machine."""


def first_answer(connection: socket.socket) -> bytes:
    """Everything up to the end of an answer; the connection may be cut after it."""
    found = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % size


def test_slow_clients_keep_nobody_out(served: Served) -> None:
    half = [HEAD[:20], HEAD, HEAD + length(len(BODY)) + BODY[:5], b"\r\n\r\n", b""]
    slow = [served.raw(half[i % len(half)]) for i in range(40)]
    began = time.monotonic()
    assert served.patches() == 200
    assert time.monotonic() - began < 5
    for connection in slow:
        connection.close()


def test_a_request_in_many_pieces(served: Served) -> None:
    connection = served.raw()
    for byte in HEAD + length(len(BODY)) + BODY:
        connection.sendall(bytes([byte]))
    assert read_all(connection).startswith(b"HTTP/1.1 200 OK")


def test_a_body_in_chunks(served: Served) -> None:
    connection = served.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for piece in (BODY[:4], BODY[4:]):
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.sendall(b"0\r\n\r\n")
    answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"bytes": 11' in answer


def test_two_requests_at_once(served: Served) -> None:
    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    answer = read_all(served.raw(get % b"" + get % b"Connection: close\r\n"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_asks_before_it_sends(served: Served) -> None:
    connection = served.raw(HEAD + b"Expect: 100-continue\r\n" + length(len(BODY)))
    assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
    connection.sendall(BODY)
    assert b"HTTP/1.1 200 OK" in read_all(connection)


@pytest.mark.parametrize(
    ("name", "status"), [(b"Expires", b"200"), (b"X-Sum", b"200"), (b"Content-Length", b"400")]
)
def test_a_body_in_chunks_with_a_trailer(served: Served, name: bytes, status: bytes) -> None:
    """A field that must not stand behind a body is a mistake of the client, not of the server."""
    head = CHUNKED + b"Trailer: %s\r\n\r\n" % name
    body = b"%x\r\n%s\r\n0\r\n%s: 0\r\n\r\n" % (len(BODY), BODY, name)
    assert read_all(served.raw(head + body)).split(b" ")[1] == status


@pytest.mark.parametrize("chunk", [b"zz\r\nabc\r\n", b"3\r\nabc\r\nxyz\r\n", b"z" * 100])
def test_a_malformed_chunk_is_refused_at_once(served: Served, chunk: bytes) -> None:
    connection = served.raw(CHUNKED + b"\r\n" + chunk)
    connection.settimeout(AT_ONCE)
    assert read_all(connection).split(b" ")[1] == b"400"


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 500_000, 1_000_000, 2_000_000])
def test_a_body_over_the_limit_is_refused_at_once(served: Served, size: int) -> None:
    chunks = b"\r\n%x\r\n%s" % (size, b"x" * size)
    for request in (HEAD + length(size) + b"x" * size, CHUNKED + chunks):
        connection = served.raw(request)
        connection.settimeout(AT_ONCE)
        assert read_all(connection).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("size", [64 * 1024, 200_000, BODY_LIMIT])
def test_a_body_up_to_the_limit_is_read(served: Served, size: int) -> None:
    body = json.dumps({"text": 7, "more": ""}).encode()
    body = body[:-2] + b"x" * (size - len(body)) + body[-2:]
    answer = read_all(served.raw(HEAD + length(size) + body))
    assert answer.startswith(b"HTTP/1.1 422"), "its fields have been looked at"


@pytest.mark.parametrize("announced", [length(10_000_000), length(10**11)])
def test_ten_megabytes_are_refused_unread(served: Served, announced: bytes) -> None:
    answer = read_all(served.raw(HEAD + announced + b"x" * 100_000))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def test_a_body_that_was_sent_before_anybody_could_refuse_it(served: Served) -> None:
    status, _, body = served.request("POST", "/api/patches", {"text": "x" * 10_000_000})
    assert status == 413
    assert json.loads(body)["field"] == "text"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 5000 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"1" * 10_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"1" * 1_000_000, b"431"),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 65_536, b"431"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: many\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"z" * 100, b"400"),
    ],
)
def test_what_is_no_request(served: Served, request_bytes: bytes, status: bytes) -> None:
    connection = served.raw(request_bytes)
    connection.settimeout(AT_ONCE)
    answer = first_answer(connection)
    assert answer.split(b" ")[1] == status
    assert b"application/problem+json" in answer
    for name, value in COMMON.items():
        assert f"{name}: {value}".encode() in answer
    assert served.get("/healthz")[0] == 200


BIG = b"GET /static/vendor/plotly-basic.min.js HTTP/1.1\r\nHost: a\r\n\r\n"
"""More than fits into any buffer, when it is asked for eight times."""


def test_many_who_send_and_take_nothing(served: Served) -> None:
    deaf = [served.raw(8 * BIG) for _ in range(30)]
    time.sleep(1)
    began = time.monotonic()
    assert served.get("/healthz")[0] == 200
    assert served.patches() == 200
    assert time.monotonic() - began < 5
    for connection in deaf:
        connection.close()


def test_somebody_who_takes_slowly_gets_all(served: Served) -> None:
    last = BIG.replace(b"Host: a", b"Host: a\r\nConnection: close")
    connection = served.raw(7 * BIG + last)
    time.sleep(3)
    answer = read_all(connection)
    assert answer.count(b"HTTP/1.1 200 OK") == 8
    assert len(answer) > 8_000_000
    _, one = served.get("/static/vendor/plotly-basic.min.js")
    assert answer.count(one) == 8


def test_the_environment_of_a_request() -> None:
    headers = [("X-Sum", "1"), ("X-Sum", "2"), ("X_Sum", "3"), ("Transfer-Encoding", "chunked")]
    request = make_mocked_request(
        "POST", "/data/a%20b%2f%c3%a9?q=%20&r", CIMultiDict([*headers, ("Content-Type", "a/b")])
    )
    environ = environ_of(request, b"body", 4)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/data/a b/é"
    assert environ["QUERY_STRING"] == "q=%20&r"
    assert environ["HTTP_X_SUM"] == "1,2", "a field with an underscore counts as none"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("a/b", "4")
    assert environ["wsgi.input"].read() == b"body"


def test_answers_without_a_body(served: Served) -> None:
    path = "/static/css/base.css"
    status, headers, body = served.request("HEAD", path)
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == len(served.get(path)[1])
    again = served.request("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert (again[0], again[2]) == (304, b"")


def test_an_answer_that_is_made_in_parts_comes_whole(served: Served) -> None:
    """One of the model that is as long as any, in parts that several threads make."""
    answer = served.request("POST", "/api/patches", {"text": "the cat sat. " * 4000})
    assert answer[0] in (200, 503), "a machine may be too busy for it"
    json.loads(answer[2])
