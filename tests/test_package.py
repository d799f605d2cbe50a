"""The package as a wheel: what an installation has, in a folder that has nothing."""

import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]

VISIT = """
import json
import app, bytelatent
from app import create_app
from app.settings import Settings

client = create_app(Settings()).test_client()
home = client.get("/")
listed = client.get("/api/visualizations").get_json()
answer = client.post("/api/patches", json={"text": "Wheels roll."})
print(json.dumps({
    "modules": [app.__file__, bytelatent.__file__],
    "home": home.status_code,
    "styled": "/static/" in home.text,
    "images": len(listed["images"]),
    "patches": answer.status_code,
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    source = folder / "source"
    for name in filter(None, tracked.split("\0")):
        if name.startswith(("tests/", "docs/", "findings/")) or not (ROOT / name).is_file():
            continue
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(ROOT / name, target)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    words += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in ``place`` with the packages of the wheel."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=place, env=environment, capture_output=True, text=True
    )


def test_the_page_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-c", VISIT)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert all(Path(path).is_relative_to(installed) for path in seen["modules"])
    assert (seen["home"], seen["styled"], seen["patches"]) == (200, True, 200)
    assert seen["images"] > 20
    assert list(tmp_path.iterdir()) == []


def test_the_server_starts_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    words = [sys.executable, "-m", "bytelatent.cli", "serve", "--port", str(port)]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert f":{port}/" in server.stdout.readline().decode()
            for _ in range(300):
                try:
                    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                        assert answer.status == 200
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                pytest.fail("the server does not answer")
        finally:
            server.terminate()


def test_names_of_models_and_configurations_are_found(installed: Path, tmp_path: Path) -> None:
    code = """
from bytelatent.config import load_args
from bytelatent.runtime import BltRuntime, EntropyRuntime
from bytelatent.training.args import TrainArgs
print(len(EntropyRuntime.load("blt-entropy-mini").analyse(b"abc").entropies))
print(len(BltRuntime.load("blt-mini").generate([b"The "], max_bytes=3)))
print((load_args(TrainArgs, ["config=debug"]).data.root_dir / "train").is_dir())
"""
    done = run(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4", "1", "True"]
