"""How much one client may ask, and who counts as one."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from app import create_app
from app.models.live_model import LiveModel
from app.requests.limits import AT_ONCE, Allowances, client_of
from app.schemas.schema import ProblemDocument
from app.settings import ROOT, Settings
from tests.app.fakes import FakeModel

STRANGER = {"REMOTE_ADDR": "203.0.113.7"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_a_steady_rate() -> None:
    clock = Clock()
    allowances = Allowances(60, clock=clock)  # one a second, twelve at once
    assert [allowances.take("a", 1) for _ in range(12)] == [0] * 12
    assert allowances.take("a", 1) == pytest.approx(1)
    assert allowances.take("b", 1) == 0
    clock.now += 0.5
    assert allowances.take("a", 1) == pytest.approx(0.5)
    clock.now += 0.5
    assert allowances.take("a", 1) == 0
    clock.now += 3600
    assert [allowances.take("a", 1) for _ in range(12)] == [0] * 12
    assert allowances.take("a", 1) > 0


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    allowances = Allowances(60, clock=clock)
    assert allowances.take("a", 12) == 0
    for _ in range(100):
        assert allowances.take("a", 1) == pytest.approx(1)


def test_a_request_of_any_size_passes_some_time() -> None:
    assert Allowances(60).take("a", 1000) == 0
    assert Allowances(1).take("a", 1000) == 0


def test_the_quietest_is_forgotten() -> None:
    allowances = Allowances(1000, kept=3)
    for name in "abcabd":
        allowances.take(name, 1)
    assert list(allowances._full_at) == ["a", "b", "d"]


def test_requests_under_way() -> None:
    allowances = Allowances(10)
    assert [allowances.enter("a") for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
    assert allowances.enter("b")
    allowances.leave("a")
    assert allowances.enter("a")
    for _ in range(AT_ONCE):
        allowances.leave("a")
    allowances.leave("b")
    assert not allowances._under_way, "nothing is kept of clients that are done"


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        ("127.0.0.1", None, None),
        ("::1", None, None),
        ("::ffff:127.0.0.1", None, None),
        ("127.0.0.1", "203.0.113.7", "127.0.0.1"),
        ("::1", "203.0.113.7", "::/64"),
        ("", None, "unknown"),
        ("nonsense", None, "unknown"),
    ],
)
def test_who_is_who(address: str, forwarded: str | None, client: str | None) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    environ = EnvironBuilder(headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert client_of(Request(environ.get_environ())) == client


@pytest.fixture
def strict(settings: Settings) -> Iterator[FlaskClient]:
    """Ten posts a minute, two at once."""
    app = create_app(replace(settings, rate_limit=10), LiveModel(FakeModel()))
    app.extensions["allowances"] = Allowances(10, clock=Clock())  # nothing comes back meanwhile
    with app.test_client() as client:
        yield client


def test_the_answer_to_too_many(strict: FlaskClient) -> None:
    def post(**environ: str):
        return strict.post("/api/patches", json={"text": "a"}, environ_overrides=environ)

    assert [post(**STRANGER).status_code for _ in range(2)] == [200] * 2
    refused = post(**STRANGER)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    found = ProblemDocument.model_validate(refused.get_json())
    assert found.detail.startswith("At most 10 requests a minute are answered; try again in 6 ")
    assert refused.headers["Retry-After"] == "6"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert post(REMOTE_ADDR="203.0.113.8").status_code == 200
    assert [post().status_code for _ in range(5)] == [200] * 5, "this machine is free"
    for path in ("/healthz", "/readyz"):
        assert strict.get(path, environ_overrides=STRANGER).status_code == 200


def test_reading_counts_a_tenth_and_long_texts_count_more(strict: FlaskClient) -> None:
    statuses = [strict.get("/api", environ_overrides=STRANGER).status_code for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    app = strict.application
    app.extensions["allowances"] = Allowances(50)  # ten at once
    long = {"text": "x" * 6 * 4096}
    codes = [
        strict.post("/api/patches", json=long, environ_overrides=STRANGER).status_code
        for _ in range(2)
    ]
    assert codes == [200, 429]


def test_a_class_visits_from_behind_one_address(settings: Settings) -> None:
    """Thirty pages at once, with all that they load."""
    client = create_app(settings, LiveModel(FakeModel())).test_client()
    page = client.get("/").text
    loaded = re.findall(r'(?:src|href)="(/static/v/[^"]+)"', page)
    version = loaded[0].split("/")[3]
    loaded += [f"/static/v/{version}/js/{path.name}" for path in (ROOT / "static/js").glob("*.js")]
    assert len(loaded) > 30
    for _ in range(30):
        for path in ["/", "/api/model", *loaded]:
            response = client.get(path, environ_overrides=STRANGER)
            response.close()
            assert response.status_code == 200, path
    texts = [client.post("/api/patches", json={"text": "a"}, environ_overrides=STRANGER)]
    assert {text.status_code for text in texts} == {200}


def test_one_client_does_not_keep_the_model_from_others(settings: Settings) -> None:
    fake = FakeModel(pause=0.5)
    app = create_app(settings, LiveModel(fake, max_queued=2))

    def post(address: str) -> int:
        environ = {"REMOTE_ADDR": address}
        response = app.test_client().post(
            "/api/patches", json={"text": "a"}, environ_overrides=environ
        )
        response.close()
        return response.status_code

    with ThreadPoolExecutor(4) as pool:
        greedy = [pool.submit(post, "203.0.113.7") for _ in range(3)]
        queue = app.extensions["model"].queue
        while queue.waiting < 2:
            time.sleep(0.01)
        assert post("203.0.113.8") == 200
        assert sorted(one.result() for one in greedy) == [200, 200, 503]


def test_one_client_cannot_keep_all_threads_busy(strict: FlaskClient) -> None:
    allowances = strict.application.extensions["allowances"] = Allowances(10_000)
    for _ in range(AT_ONCE):
        allowances.enter("203.0.113.7")
    response = strict.post("/api/patches", json={"text": "a"}, environ_overrides=STRANGER)
    assert response.status_code == 429
    assert "at a time" in response.get_json()["detail"]
    allowances.leave("203.0.113.7")
    for _ in range(3):  # each of them leaves again
        response = strict.post("/api/patches", json={"text": "a"}, environ_overrides=STRANGER)
        response.close()
        assert response.status_code == 200


def client_seen(app: Flask, forwarded: str) -> str | None:
    seen: list[str | None] = []

    @app.before_request
    def look() -> None:
        from flask import request

        seen.append(client_of(request))

    app.test_client().get("/healthz", headers={"X-Forwarded-For": forwarded})
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "client"), [(0, "127.0.0.1"), (1, "198.51.100.2"), (2, "203.0.113.7")]
)
def test_only_so_many_proxies_are_believed(settings: Settings, proxies: int, client: str) -> None:
    """``X-Forwarded-For: forged, client, first proxy``, as it arrives behind two of them."""
    app = create_app(replace(settings, trusted_proxies=proxies), LiveModel(FakeModel()))
    assert client_seen(app, "192.0.2.1, 203.0.113.7, 198.51.100.2") == client


def test_no_limit(settings: Settings) -> None:
    app = create_app(replace(settings, rate_limit=0), LiveModel(FakeModel()))
    client = app.test_client()
    for _ in range(100):
        response = client.post("/api/patches", json={"text": "a"}, environ_overrides=STRANGER)
        assert response.status_code == 200
