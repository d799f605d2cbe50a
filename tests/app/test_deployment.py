"""``render.yaml`` and the ``Dockerfile``: what they name exists, and is enough to run the app."""

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import yaml
from flask import Flask

from app.server.process import GRACE_SECONDS
from app.settings import ROOT, Settings
from tests.app.servers import PATIENCE, serving

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def make_serve(**environment: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of ``make serve`` in a shell with these variables, and its environment."""
    kept = {name: value for name, value in os.environ.items() if name != "PORT"} | environment
    words = ["make", "--no-print-directory", "-n", "serve", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(words, cwd=ROOT, env=kept, check=True, capture_output=True, text=True)
    return shlex.split(done.stdout.splitlines()[-1]), kept


def test_make_serve_takes_the_usual_port() -> None:
    command, _ = make_serve()
    assert command[-2:] == ["--port", "5000"]


def test_make_serve_takes_the_port_of_a_shell_and_listens_on_this_machine_alone() -> None:
    """A variable ``PORT`` of a developer's shell is a port, not the word of a platform."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command, environment = make_serve(PORT=str(port))
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as served:
        assert served.stdout is not None
        said = served.stdout.readline()
        served.terminate()
        served.communicate(timeout=120)
    assert said.decode() == f"Serving on http://127.0.0.1:{port}/\n"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: name and the rest, continued lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def last_command() -> list[str]:
    (command,) = arguments("CMD")
    return list(json.loads(command))


def sources() -> list[str]:
    """What the last stage copies from the checkout."""
    copies = [shlex.split(rest) for rest in arguments("COPY") if not rest.startswith("--from")]
    return [source for copy in copies for source in copy[:-1]]


def render() -> dict[str, object]:
    service = yaml.safe_load((ROOT / "render.yaml").read_text(encoding="utf-8"))["services"][0]
    assert isinstance(service, dict)
    return service


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    assert sources()
    for source in sources():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in IGNORED, source
    assert IGNORED[1] == "*"
    for line in IGNORED:
        if line.startswith("!"):
            assert line[1:] in sources(), line


def test_nobody_is_root() -> None:
    names = [name for name, _ in instructions()]
    assert arguments("USER")[-1] not in ("root", "0")
    assert names.index("USER") < names.index("CMD")


def test_only_what_the_web_app_needs_is_installed() -> None:
    installs = [rest for rest in arguments("RUN") if "pip install" in rest]
    assert len(installs) == 1
    assert "-r requirements.txt" in installs[0]
    assert "torch" not in (ROOT / "requirements.txt").read_text().split("\n", 1)[1]


def test_requirements_are_those_of_the_package() -> None:
    """Those without which nothing goes, those of the app, and BPE to compare with."""

    def names(lines: list[str]) -> set[str]:
        return {re.split(r"[^\w-]", line)[0].lower() for line in lines}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = names([*project["dependencies"], *extras["web"], *extras["bpe"]])
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert names([line for line in lines if line[:1].isalpha()]) == wanted


def test_the_copied_files_are_enough(tmp_path: Path) -> None:
    """The last stage's command, in a folder with just its files; and its health check."""
    checkout = tmp_path / "srv"
    checkout.mkdir()
    for source in sources():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, checkout / source, copy_function=os.link)
        else:
            shutil.copy(ROOT / source, checkout / source)
    program, *rest = last_command()
    assert program == "python"
    with serving(
        tmp_path / "log.txt", command=tuple(rest), folder=checkout, PORT="{port}"
    ) as served:
        for path in ("/", "/gallery", "/api", "/readyz", "/static/css/base.css"):
            assert served.get(path)[0] == 200, path
        assert served.patches() == 200
        (check,) = arguments("HEALTHCHECK")
        options, _, command = check.partition("CMD")
        assert "--interval" in options
        _, *words = json.loads(command)
        ask = [sys.executable, *words]
        environment = {"PORT": str(served.port)}
        assert subprocess.run(ask, env=environment, timeout=120).returncode == 0
        environment = {"PORT": "9"}
        done = subprocess.run(ask, env=environment, timeout=120, capture_output=True)
        assert done.returncode == 1


def test_render_yaml_starts_this(app: Flask) -> None:
    service = render()
    assert service["startCommand"] == " ".join(last_command())
    assert service["buildCommand"] == "pip install -r requirements.txt"
    assert service["healthCheckPath"] in {rule.rule for rule in app.url_map.iter_rules()}
    assert service["maxShutdownDelaySeconds"] > GRACE_SECONDS
    variables = {v["key"]: v["value"] for v in service["envVars"]}
    assert variables["FLASK_ENV"] == "production"
    assert variables["FLASK_DEBUG"] == "false"
    settings = Settings.from_environment({**variables, "PORT": "10000"})
    assert not settings.reload
    assert settings.trusted_proxies == 2
    assert settings.log == "json"


def test_gunicorn_starts_it_plainly(tmp_path: Path) -> None:
    """By a worker of its own; a stream ends with what there is when the server stops."""
    command = ("-m", "gunicorn", "render_server:app")
    with serving(tmp_path / "log.txt", command=command, PORT="{port}") as served:
        assert served.patches() == 200
        stream = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        body = json.dumps({"prompt": "The", "max_bytes": 512})
        stream.request("POST", "/api/generate", body, {"Accept": "text/event-stream"})
        with closing(stream), stream.getresponse() as answer:
            while not answer.readline().startswith(b"data:"):
                pass
            served.process.terminate()
            assert b'"finish": "time"' in answer.read().replace(b'":"', b'": "')
        assert served.process.wait(60) == 0
