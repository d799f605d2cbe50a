"""Folders that cannot be loaded: every error names the file and says what to do."""

import json
import shutil

import numpy as np
import pytest

from bytelatent.formats.file_names import ENTROPY_FOLDER, WEIGHTS_FILE
from bytelatent.runtime import BltRuntime, ModelFileError
from bytelatent.runtime.onnx_format import BLT_GRAPHS, ENTROPY_GRAPH
from tests.generation.random_cases import random_case
from tests.runtime.exported_cases import write


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(random_case("as released", "entropy", 1), tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "model")


BELOW = f"{ENTROPY_FOLDER}/{ENTROPY_GRAPH}"
GRAPHS = [*BLT_GRAPHS, BELOW]
WEIGHTS = [WEIGHTS_FILE, f"{ENTROPY_FOLDER}/{WEIGHTS_FILE}"]


@pytest.mark.parametrize("name", [*GRAPHS, *WEIGHTS, "train_args.json"])
def test_a_missing_file_is_named(folder, name) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match="does not exist") as raised:
        BltRuntime.load(folder)
    assert str(folder / name) in str(raised.value)
    assert ("python -m bytelatent.export" in str(raised.value)) == name.endswith(".onnx")


@pytest.mark.parametrize("name", [*GRAPHS, *WEIGHTS, "train_args.json"])
@pytest.mark.parametrize("size", [0, 7, 0.5])
def test_a_damaged_file_is_named(folder, name, size) -> None:
    content = (folder / name).read_bytes()
    size = int(len(content) * size) if isinstance(size, float) else size
    (folder / name).write_bytes(content[:size])
    with pytest.raises(ModelFileError) as raised:
        BltRuntime.load(folder)
    assert str(folder / name) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_weights_of_another_model_are_refused(folder) -> None:
    other = random_case("grouped heads", "entropy", 1)
    write(other, folder.parent / "other")
    shutil.copy(folder.parent / "other" / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    with pytest.raises(
        ModelFileError, match=r"encoder\.onnx was not made for .*model\.safetensors"
    ):
        BltRuntime.load(folder)


def test_new_values_of_the_same_tensors_are_read(folder, whole) -> None:
    content = bytearray((folder / WEIGHTS_FILE).read_bytes())
    content[-4000:] = bytes(4000)
    (folder / WEIGHTS_FILE).write_bytes(content)
    texts = [BltRuntime.load(f).generate([b"abc"], max_bytes=20)[0].tokens for f in (folder, whole)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("name", BLT_GRAPHS)
def test_graphs_that_changed_places_are_named(folder, name) -> None:
    other = next(graph for graph in BLT_GRAPHS if graph != name)
    shutil.copy(folder / other, folder / name)
    with pytest.raises(ModelFileError, match=rf"{name} is no {name} of this version; python -m"):
        BltRuntime.load(folder)


def test_weights_behind_a_link_are_found(folder, whole) -> None:
    """As in the cache of the hub."""
    blob = folder.parent / "blob"
    (folder / WEIGHTS_FILE).rename(blob)
    (folder / WEIGHTS_FILE).symlink_to(blob)
    texts = [BltRuntime.load(f).generate([b"abc"], max_bytes=9)[0].tokens for f in (folder, whole)]
    assert texts[0] == texts[1]


def settings_of(folder) -> dict:
    return json.loads((folder / "train_args.json").read_text())


def test_the_entropy_model_is_the_one_that_is_named(folder) -> None:
    expected = BltRuntime.load(folder).generate([b"abc"], max_bytes=9)[0].tokens
    elsewhere = (folder / ENTROPY_FOLDER).rename(folder.parent / "elsewhere")
    with pytest.raises(ModelFileError, match=r"train_args\.json names no patcher_model"):
        BltRuntime.load(folder)
    found = BltRuntime.load(folder, entropy_model=elsewhere).generate([b"abc"], max_bytes=9)[0]
    assert found.tokens == expected
    settings = settings_of(folder) | {"patcher_model": str(elsewhere)}
    (folder / "train_args.json").write_text(json.dumps(settings))
    assert BltRuntime.load(folder).generate([b"abc"], max_bytes=9)[0].tokens == expected
    settings["patcher_model"] = "nowhere"
    (folder / "train_args.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFileError, match=r"entropy model of .*model: nowhere is no folder"):
        BltRuntime.load(folder)


@pytest.mark.parametrize(
    ("patcher", "words"),
    [
        ({"threshold": "much"}, r"train_args\.json: threshold: "),
        ({"threshold": None}, r"model: threshold: top-k patching .* cannot generate"),
        ({"colour": 1}, r"train_args\.json: colour: "),
    ],
)
def test_a_rule_that_cannot_be_is_named(folder, patcher, words) -> None:
    settings = settings_of(folder)
    settings["data"]["patcher_args"] = patcher
    (folder / "train_args.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFileError, match=words):
        BltRuntime.load(folder)


def test_an_entropy_model_that_nobody_needs_is_refused(folder) -> None:
    settings = settings_of(folder)
    settings["data"]["patcher_args"] = {"patching_mode": "space"}
    (folder / "train_args.json").write_text(json.dumps(settings))
    assert BltRuntime.load(folder).inspect(b"a b").entropies is None
    with pytest.raises(ModelFileError, match="cuts patches by rule 'space', which needs none"):
        BltRuntime.load(folder, entropy_model=folder / ENTROPY_FOLDER)


def test_a_file_that_is_written_over_in_place_changes_no_loaded_model(folder) -> None:
    runtime = BltRuntime.load(folder)
    before = runtime.inspect(b"the weights stay", top_k=3)
    for name in WEIGHTS:
        path = folder / name
        with path.open("r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
    after = runtime.inspect(b"the weights stay", top_k=3)
    np.testing.assert_array_equal(before.nats, after.nats)
    np.testing.assert_array_equal(before.top_ids, after.top_ids)
