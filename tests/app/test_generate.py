"""``POST /api/generate``: what is told, what is refused, and that nobody's work goes on."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app import create_app
from app.models.costs import Tally
from app.models.generator import TextMaker, TextRequest
from app.models.live_model import LiveModel
from app.precompute.traces import TEXTS, write_traces
from app.requests.problems import ProblemError
from app.schemas.generate import ByteEvent, GenerateDone, GenerateRequest, GenerateResponse
from app.schemas.schema import ProblemDocument
from app.settings import GenerationLimits, Settings
from app.stored.trace_file import TraceFile
from bytelatent.generation.sampling import SamplingArgs
from tests.app.fakes import SHAPES, WORDS, FakeBlt, FakeModel

EVENTS = {"Accept": "text/event-stream"}


@dataclass
class Sent:
    """A server-sent event."""

    id: str = ""
    event: str = ""
    data: list[str] = field(default_factory=list)

    @property
    def value(self) -> Any:
        return json.loads("\n".join(self.data))


def parse(stream: str) -> list[Sent]:
    """Server-sent events, as the standard has them parsed."""
    found = []
    for block in stream.split("\n\n"):
        sent = Sent()
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                sent.data.append(value)
            elif name:
                setattr(sent, name, value)
        if sent.data:
            found.append(sent)
    return found


def app_of(settings: Settings, blt: FakeBlt, **limits: Any) -> Flask:
    maker = TextMaker(blt, SHAPES, limits=GenerationLimits(**limits))
    return create_app(settings, LiveModel(FakeModel()), maker)


def post(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    response = client.post("/api/generate", json=fields)
    assert response.status_code == 200, response.text
    GenerateResponse.model_validate_json(response.data)
    return dict(response.get_json())


def stream(client: FlaskClient, **fields: Any) -> list[Sent]:
    response = client.post("/api/generate", json=fields, headers=EVENTS)
    assert response.status_code == 200, response.text
    return parse(response.text)


def test_json(client: FlaskClient, blt: FakeBlt) -> None:
    found = post(client, prompt="A BLT has", max_bytes=12)
    assert found["text"] == WORDS[:12]
    assert (found["model"], found["prompt_bytes"], found["bytes"]) == ("fake-blt", 9, 12)
    assert (found["finish"], found["patches"], found["global_passes"]) == ("length", 2, 3)
    assert found["bytes_per_second"] == pytest.approx(100)
    assert [event["index"] for event in found["events"]] == list(range(12))
    assert bytes(event["byte"] for event in found["events"]) == WORDS[:12].encode()
    assert "".join(event["text"] for event in found["events"]) == found["text"]
    assert [e["index"] for e in found["events"] if e["starts_patch"]] == [4, 8]
    assert found["flops_per_byte"] == found["events"][-1]["flops_per_byte"]
    assert blt.asked == [{"prompt": b"A BLT has", "max_bytes": 12, "sampling": SamplingArgs()}]


def test_events_are_those_of_the_document(client: FlaskClient) -> None:
    whole = post(client, prompt="x", max_bytes=30)
    response = client.post("/api/generate", json={"prompt": "x", "max_bytes": 30}, headers=EVENTS)
    assert response.content_type == "text/event-stream; charset=utf-8"
    found = parse(response.text)
    assert [sent.id for sent in found] == [str(n) for n in range(31)]
    assert [sent.event for sent in found] == ["byte"] * 30 + ["done"]
    for sent in found[:-1]:
        ByteEvent.model_validate_json(sent.data[0])
    GenerateDone.model_validate_json(found[-1].data[0])
    assert {**found[-1].value, "events": [s.value for s in found[:-1]]} == whole


def test_characters_come_whole(client: FlaskClient) -> None:
    events = post(client, prompt="", max_bytes=24)["events"]
    at = WORDS.encode().index("ä".encode())
    assert [events[at]["text"], events[at + 1]["text"]] == ["", "ä"]
    cut = post(client, prompt="", max_bytes=at + 1)
    assert cut["text"].endswith("m\ufffd")


def test_drafts_are_told(client: FlaskClient) -> None:
    found = post(client, prompt="x", max_bytes=20, speculate=8)
    assert found["text"] == post(client, prompt="x", max_bytes=20)["text"]
    first = found["events"][0]
    assert (first["drafted"], first["accepted"], len(first["draft"])) == (8, 4, 8)
    assert first["draft"][4] != found["events"][5]["token"]
    assert found["drafted"] == sum(event["drafted"] for event in found["events"])
    assert post(client, prompt="x", speculate="auto")["drafted"] > 0


def test_a_stop_text_ends_it(client: FlaskClient) -> None:
    found = post(client, prompt="x", stop=["nothing", " sat"])
    assert (found["text"], found["finish"], found["bytes"]) == ("the cat", "stop", 11)


def test_sampling_is_passed_on(client: FlaskClient, blt: FakeBlt) -> None:
    options = {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.1, "seed": 3}
    post(client, prompt="", **options)
    assert blt.asked[-1]["sampling"] == SamplingArgs.model_validate(options)


def test_headers_of_a_stream(client: FlaskClient) -> None:
    """Nothing may collect what goes out byte by byte, neither here nor on the way."""
    headers = {**EVENTS, "Accept-Encoding": "br, gzip"}
    response = client.post("/api/generate", json={"prompt": "x"}, headers=headers)
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Accept" in response.headers["Vary"]
    assert "Content-Encoding" not in response.headers
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/event-stream, application/json;q=0.5", "text/event-stream"),
        ("text/*", "text/event-stream"),
    ],
)
def test_accept(client: FlaskClient, accept: str | None, media: str) -> None:
    headers = {"Accept": accept} if accept else {}
    response = client.post("/api/generate", json={"prompt": "x"}, headers=headers)
    assert response.mimetype == media


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0"])
def test_nothing_else_can_be_had(client: FlaskClient, accept: str) -> None:
    response = client.post("/api/generate", json={"prompt": "x"}, headers={"Accept": accept})
    assert response.status_code == 406
    body = ProblemDocument.model_validate_json(response.data)
    assert "text/event-stream" in body.detail


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({}, 422, "prompt"),
        ({"prompt": 3}, 422, "prompt"),
        ({"prompt": "\ud800"}, 422, "prompt"),
        ({"prompt": "x" * 2049}, 413, "prompt"),
        ({"prompt": "é" * 1025}, 413, "prompt"),
        ({"prompt": "", "max_bytes": 0}, 422, "max_bytes"),
        ({"prompt": "", "max_bytes": 513}, 422, "max_bytes"),
        ({"prompt": "", "max_bytes": 2.0}, 422, "max_bytes"),
        ({"prompt": "", "temperature": -0.1}, 422, "temperature"),
        ({"prompt": "", "top_k": 0}, 422, "top_k"),
        ({"prompt": "", "top_p": 0}, 422, "top_p"),
        ({"prompt": "", "top_p": 1.1}, 422, "top_p"),
        ({"prompt": "", "min_p": -1}, 422, "min_p"),
        ({"prompt": "", "seed": -1}, 422, "seed"),
        ({"prompt": "", "speculate": 0}, 422, "speculate.constrained-int"),
        ({"prompt": "", "speculate": "maybe"}, 422, "speculate.constrained-int"),
        ({"prompt": "", "stop": [""]}, 422, "stop.0"),
        ({"prompt": "", "stop": ["x"] * 5}, 422, "stop"),
        ({"prompt": "", "max_byte": 3}, 422, "max_byte"),
    ],
)
def test_a_wrong_field_is_named(
    client: FlaskClient, blt: FakeBlt, fields: dict[str, Any], status: int, field: str
) -> None:
    response = client.post("/api/generate", json=fields, headers=EVENTS)
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    assert response.get_json()["field"] == field
    assert blt.asked == []


def test_the_longest_prompt(client: FlaskClient, blt: FakeBlt) -> None:
    post(client, prompt="é" * 1024, max_bytes=512)
    assert blt.asked[-1]["prompt"] == "é".encode() * 1024


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_what_the_model_refuses(client: FlaskClient, blt: FakeBlt, accept: str) -> None:
    for _ in range(6):  # nobody is left in the queue
        response = client.post(
            "/api/generate", json={"prompt": "refuse"}, headers={"Accept": accept}
        )
        assert response.status_code == 422
        assert response.get_json()["detail"] == "prompt: this model refuses it"
    assert post(client, prompt="")["bytes"] == 128


def test_a_failure_in_the_middle(client: FlaskClient, blt: FakeBlt) -> None:
    blt.fails_at = 3
    found = stream(client, prompt="x")
    assert [sent.event for sent in found] == ["byte"] * 3 + ["problem"]
    problem = ProblemDocument.model_validate(found[-1].value)
    assert (problem.status, problem.instance) == (500, "/api/generate")
    assert "inner" not in problem.detail
    response = client.post("/api/generate", json={"prompt": "x"})
    assert response.status_code == 500
    blt.fails_at = None
    assert stream(client, prompt="x")[-1].event == "done"
    assert blt.open == 0


def test_without_a_model(without_model: FlaskClient) -> None:
    response = without_model.post("/api/generate", json={"prompt": "x"})
    assert response.status_code == 503
    assert "no-blt" in response.get_json()["detail"]


def test_time_is_limited(settings: Settings) -> None:
    blt = FakeBlt(pause=0.02)
    found = post(app_of(settings, blt, seconds=0.1).test_client(), prompt="x", max_bytes=500)
    assert found["finish"] == "time"
    assert 1 <= found["bytes"] <= 10
    assert blt.open == 0


def test_a_full_queue_sends_away(settings: Settings) -> None:
    blt = FakeBlt()
    maker = TextMaker(
        blt, SHAPES, limits=GenerationLimits(max_concurrent=1, max_queued=1, wait_seconds=0.3)
    )
    app = create_app(settings, LiveModel(FakeModel()), maker)
    first = maker.begin(TextRequest(b"", 5))
    answers: list[Any] = []

    def ask() -> None:
        answers.append(app.test_client().post("/api/generate", json={"prompt": "x"}))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [503, 503, 503]
    assert all(int(a.headers["Retry-After"]) > 0 for a in answers)
    waiting = threading.Thread(target=ask)
    waiting.start()
    first.close()
    waiting.join()
    assert answers[-1].status_code == 200


def test_who_waits_and_leaves_makes_room(settings: Settings) -> None:
    maker = TextMaker(
        FakeBlt(), SHAPES, limits=GenerationLimits(max_concurrent=1, max_queued=1, wait_seconds=60)
    )
    with closing(maker.begin(TextRequest(b"", 5))), pytest.raises(ProblemError):
        maker.begin(TextRequest(b"", 5), gone=lambda: True)
    with closing(maker.begin(TextRequest(b"", 5))) as text:
        assert len(list(text)) == 5


def test_a_text_is_given_back_once_however_often_it_is_closed() -> None:
    maker = TextMaker(
        FakeBlt(), SHAPES, limits=GenerationLimits(max_concurrent=1, max_queued=0, wait_seconds=0.1)
    )
    first = maker.begin(TextRequest(b"", 5))
    first.close()
    second = maker.begin(TextRequest(b"", 5))
    first.close()
    with pytest.raises(ProblemError):
        maker.begin(TextRequest(b"", 5))
    second.close()


@contextmanager
def served(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def begin(port: int, accept: str, prompt: str = "x") -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = json.dumps({"prompt": prompt, "max_bytes": 512})
    headers = {"Accept": accept, "Content-Type": "application/json"}
    connection.request("POST", "/api/generate", body, headers)
    return connection


def until(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_client_that_leaves_stops_the_work(settings: Settings, accept: str) -> None:
    blt = FakeBlt(pause=0.02)
    before = threading.active_count()
    with served(app_of(settings, blt, max_queued=0)) as port:
        connection = begin(port, accept)
        if accept == "text/event-stream":
            response = connection.getresponse()
            assert response.readline().startswith(b":")
        until(lambda: blt.made > 2)
        connection.close()
        if accept == "text/event-stream":
            response.close()  # it holds the socket as well
        made = blt.made
        until(lambda: blt.open == 0)
        assert blt.made <= made + 3
        with closing(begin(port, "application/json")) as other:  # the place is free
            blt.pause = 0
            assert other.getresponse().status == 200
    until(lambda: threading.active_count() == before)


def test_bytes_come_one_by_one(settings: Settings) -> None:
    blt = FakeBlt(pause=0.05)
    with served(app_of(settings, blt)) as port, closing(begin(port, "text/event-stream")) as c:
        response = c.getresponse()
        while not response.readline().startswith(b"data:"):
            pass
        assert blt.made < 5


def test_a_client_that_takes_nothing_is_let_go(settings: Settings) -> None:
    blt = FakeBlt(words=b"x" * 7 + b" ")
    app = app_of(settings, blt, send_timeout=0.3, max_queued=0)
    with served(app) as port, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", port))
        app.extensions["text_maker"].limits = GenerationLimits(bytes=512, send_timeout=0.3)
        body = json.dumps({"prompt": "x", "max_bytes": 512}).encode()
        slow.sendall(
            b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        until(lambda: blt.made > 0)
        until(lambda: blt.open == 0)


def test_costs_follow_the_patches() -> None:
    few, many = Tally(tokens=[0] * 60, patches=10), Tally(tokens=[0] * 60, patches=30)
    assert SHAPES.per_byte(few, 100) < SHAPES.per_byte(many, 100) < SHAPES.plain(100)
    vain = Tally(tokens=[0] * 60, patches=10, drafted=40, accepted=30, checked=12)
    assert SHAPES.per_byte(vain, 100) > SHAPES.per_byte(few, 100)
    none = Tally(tokens=[0] * 60, patches=10, drafted=40, accepted=40)
    assert SHAPES.per_byte(none, 100) == SHAPES.per_byte(few, 100)


def test_traces_are_answers(tmp_path: Path, client: FlaskClient, blt: FakeBlt) -> None:
    path = tmp_path / "traces.json"
    assert TraceFile(path).read().items == ()
    count = write_traces(TextMaker(blt, SHAPES), path)
    found = TraceFile(path).read()
    assert len(found.items) == count == 2 * len(TEXTS)
    assert found.model == "fake-blt"
    for item in found.items:
        request = GenerateRequest.model_validate(item["request"])
        assert post(client, **request.model_dump()) == item["response"]
    records = json.loads((tmp_path / "artifacts.json").read_text())
    assert records["traces.json"]["producer"] == "python -m app.precompute traces"
    path.write_text('{"model": "x", "traces": [{}]}')
    assert TraceFile(path).read().items == ()
