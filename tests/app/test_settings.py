"""Environment variables, and what is said of wrong ones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.models.live_model import SHORT_BYTES
from app.models.streamed_patches import FIRST_TOKENS, MORE_TOKENS
from app.requests.limits import AT_ONCE, BURST_SECONDS, BYTES_OF_A_REQUEST
from app.server.http import OPTIONS, READ_SECONDS, SENDING_LIMIT, SLICE, STALL_SECONDS
from app.server.process import CONNECTIONS, GRACE_SECONDS, THREADS
from app.settings import DEFAULT_MODEL, ROOT, VARIABLES, Settings, address
from bytelatent.generation.shared import MOST_UNREAD
from bytelatent.runtime.entropy_runtime import DEFAULT_CHUNK


def test_defaults() -> None:
    assert Settings.from_environment({}) == Settings(model_folder=DEFAULT_MODEL, log="text")
    assert Settings.from_environment({"BLT_RATE_LIMIT": " "}).rate_limit == Settings().rate_limit


def test_reload() -> None:
    assert Settings.from_environment({"FLASK_DEBUG": "true"}).reload
    assert not Settings.from_environment({"FLASK_DEBUG": "false"}).reload
    assert not Settings.from_environment({"FLASK_DEBUG": "true", "PORT": "1"}).reload


@pytest.mark.parametrize(
    ("name", "value", "field", "found"),
    [
        ("BLT_MODEL", "/m", "own_model", Path("/m")),
        ("BLT_REQUEST_SECONDS", "2.5", "request_seconds", 2.5),
        ("BLT_WAITING", "3", "max_queued", 3),
        ("BLT_RATE_LIMIT", "off", "rate_limit", 0),
        ("BLT_RATE_LIMIT", "60", "rate_limit", 60),
        ("BLT_TRUSTED_PROXIES", "2", "trusted_proxies", 2),
        (
            "BLT_CORS_ORIGINS",
            "https://a.org, http://b:1",
            "cors_origins",
            ("https://a.org", "http://b:1"),
        ),
        ("BLT_CORS_ORIGINS", "*", "cors_origins", ("*",)),
        ("BLT_METRICS", "on", "metrics", True),
        ("BLT_METRICS", "0", "metrics", False),
        ("BLT_LOG", "json", "log", "json"),
    ],
)
def test_variables(name: str, value: str, field: str, found: object) -> None:
    assert getattr(Settings.from_environment({name: value}), field) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLT_REQUEST_SECONDS", "0"),
        ("BLT_REQUEST_SECONDS", "nan"),
        ("BLT_REQUEST_SECONDS", "1e9"),
        ("BLT_WAITING", "-1"),
        ("BLT_RATE_LIMIT", "many"),
        ("BLT_TRUSTED_PROXIES", "1.5"),
        ("BLT_CORS_ORIGINS", "example.org"),
        ("BLT_CORS_ORIGINS", "https://a.org/path"),
        ("BLT_METRICS", "maybe"),
        ("BLT_LOG", "xml"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "70000"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    check = address if name == "PORT" else Settings.from_environment
    with pytest.raises(ValueError, match=rf"{name} is '{value}'; .*(accepted|needed)"):
        check({name: value})


@pytest.mark.parametrize("command", [["render_server.py"], ["-m", "gunicorn", "render_server:app"]])
def test_a_server_that_cannot_start_says_why_in_a_line(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "BLT_LOG": "xml"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode != 0
    assert "error: BLT_LOG is 'xml'; text, json, off are accepted" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_platforms_port_wins_unless_another_is_given() -> None:
    assert address({"PORT": "10000"}, 8000) == ("0.0.0.0", 8000)


@pytest.mark.parametrize("port", [-1, 65536, 10**20])
@pytest.mark.parametrize("environment", [{}, {"PORT": "10000"}])
def test_a_port_that_is_none_is_refused(environment: dict[str, str], port: int) -> None:
    with pytest.raises(ValueError, match=rf"--port is {port}; a number from 1 to 65535 is needed"):
        address(environment, port)


DOCS = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")


def test_the_docs_have_every_variable_and_true_defaults() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|$", DOCS, re.MULTILINE))
    assert set(VARIABLES) | {"PORT", "FLASK_DEBUG"} == set(rows)
    settings = Settings.from_environment({})
    for name, (field, read) in VARIABLES.items():
        told, default = rows[name].split(":")[0].strip("`"), getattr(settings, field)
        assert told in ("none", "the models that come along") or read(told) == default, name


def test_the_docs_have_true_limits() -> None:
    numbers = {
        "65,536 bytes": Settings().text_limit == 65536,
        "line 4,094 bytes": OPTIONS["max_line_size"] == 4094,
        "64 fields": OPTIONS["max_headers"] == 64,
        "of 4,096 bytes": OPTIONS["max_field_size"] == BYTES_OF_A_REQUEST == 4096,
        "head of a request arrives | 10 seconds": OPTIONS["keepalive_timeout"] == 10,
        "body of a request arrives | 15 seconds": READ_SECONDS == 15,
        "a fifth of that at once": BURST_SECONDS == 12,
        "under way | 12 |": AT_ONCE == 12,
        "connections | 400 |": CONNECTIONS == 400,
        "texts of up to\n4,096 bytes": SHORT_BYTES == 4096,
        "while two are measured": Settings().max_concurrent == 2,
        "20 seconds each": Settings().wait_seconds == 20,
        "less than 64 KiB of it in 20 seconds": (SLICE, STALL_SECONDS) == (65536, 20),
        "32 MiB together": SENDING_LIMIT == 32 * 2**20,
        "25 seconds at most": GRACE_SECONDS == 25,
        "one worker, 48 threads": THREADS == 48,
        "eight at a time, in one batch, 4 may wait": (
            (Settings().generation.max_concurrent, Settings().generation.max_queued) == (8, 4)
        ),
        "at most 16 bytes ahead": MOST_UNREAD == 16,
        "(256 tokens, then 1,024 each)": (FIRST_TOKENS, MORE_TOKENS) == (256, 1024),
        "last 128 bytes": DEFAULT_CHUNK == 128,
    }
    assert numbers == dict.fromkeys(numbers, True)
    assert [words for words in numbers if words not in DOCS] == []
