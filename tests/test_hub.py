"""The hub: what is uploaded, and one sentence for whatever goes wrong."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import errors

from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import download, upload
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.transformer import LMTransformer
from tests.conftest import CHECKPOINTS

BLT = CHECKPOINTS / "like-1b" / "blt"
ENTROPY = CHECKPOINTS / "like-1b" / "entropy"


class FakeHub:
    """Repositories in a folder, with the few calls that we use."""

    def __init__(self, root: Path) -> None:
        self.root, self.calls = root, []

    def __call__(self, token=None) -> "FakeHub":
        self.calls.append(("token", token))
        return self

    def create_repo(self, repo_id, *, private, exist_ok) -> str:
        assert exist_ok
        self.calls.append(("create", repo_id, private))
        (self.root / repo_id).mkdir(parents=True, exist_ok=True)
        return f"https://huggingface.co/{repo_id}"

    def file_exists(self, repo_id, filename) -> bool:
        return (self.root / repo_id / filename).is_file()

    def hf_hub_download(self, repo_id, filename, revision=None) -> str:
        return str(self.root / repo_id / filename)

    def upload_folder(self, *, repo_id, folder_path, commit_message) -> None:
        self.calls.append(("upload", commit_message))
        for path in Path(folder_path).iterdir():
            (self.root / repo_id / path.name).write_bytes(path.read_bytes())

    def snapshot_download(self, repo_id, *, revision, allow_patterns, local_dir) -> str:
        self.calls.append(("download", repo_id, allow_patterns, local_dir, revision))
        return str(self.root / repo_id)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> FakeHub:
    fake = FakeHub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "HfApi", fake)
    return fake


@pytest.mark.parametrize(
    ("kind", "source", "facts"),
    [
        (LMTransformer, ENTROPY, "| parameters | 43,424 |"),
        (ByteLatentTransformer, BLT, "| parameters | 278,560 |"),
    ],
)
def test_models_are_pushed_with_a_card(kind, source, facts, hub) -> None:
    model = kind.from_pretrained(source)
    page = model.push_to_hub("me/m", private=True, token="t0", commit_message="New weights")
    assert page == "https://huggingface.co/me/m"
    assert hub.calls == [("token", "t0"), ("create", "me/m", True), ("upload", "New weights")]
    card = (hub.root / "me/m/README.md").read_text()
    for words in ("# me/m", "license: unknown", facts, '"vocab_size": 260', "| dtype | float32 |"):
        assert words in card
    assert f'{kind.__name__}.from_pretrained("me/m")' in card
    again = kind.from_pretrained(hub.root / "me/m")
    assert again.args == model.args


def test_a_card_that_is_there_stays(hub) -> None:
    model = LMTransformer.from_pretrained(ENTROPY)
    model.push_to_hub("me/m")
    (hub.root / "me/m/README.md").write_text("by hand")
    model.push_to_hub("me/m")
    assert (hub.root / "me/m/README.md").read_text() == "by hand"
    assert hub.calls[-1] == ("upload", "Upload LMTransformer")


def test_tokenizer_and_patcher_join_the_train_args_of_the_repository(hub) -> None:
    both = BltTokenizerAndPatcher(TokenizerArgs(), PatcherArgs(threshold=1.5))
    both.push_to_hub("me/m")
    assert "BltTokenizerAndPatcher.from_pretrained" in (hub.root / "me/m/README.md").read_text()
    (hub.root / "me/m/train_args.json").write_text('{"steps": 7, "data": {"seed": 3}}')
    both.push_to_hub("me/m")
    assert '"steps": 7' in (hub.root / "me/m/train_args.json").read_text()
    assert BltTokenizerAndPatcher.from_pretrained(hub.root / "me/m") == both


def test_only_the_files_that_are_needed_are_fetched(hub) -> None:
    for repository, kind in (("me/blt", BltTokenizerAndPatcher), ("me/lm", LMTransformer)):
        with pytest.raises(ValueError, match="does not exist"):
            kind.from_pretrained(repository)
    (_, first), (_, second) = [call[1:3] for call in hub.calls if call[0] == "download"]
    assert first == ["train_args.json", "params.json"]
    shards = ["model.safetensors.index.json", "model-*.safetensors"]
    assert second == [
        *("config.json", "model.safetensors", *shards, "params.json", "consolidated.pth")
    ]


def answer(status: int) -> SimpleNamespace:
    return SimpleNamespace(status_code=status, headers={}, request=None)


def http(kind, status: int, text: str = "nope\nmore") -> Exception:
    return kind(text, response=answer(status))


TROUBLES = [
    (
        http(errors.GatedRepoError, 403),
        "me/m is gated: accept its licence at https://huggingface.co/me/m, then run "
        "huggingface-cli login",
    ),
    (
        http(errors.RepositoryNotFoundError, 401),
        "me/m is no repository on the hub that this account may see "
        "(https://huggingface.co/me/m); for a gated or private one run huggingface-cli login",
    ),
    (http(errors.HfHubHTTPError, 500), "me/m: the hub answers nope"),
    (
        errors.LocalEntryNotFoundError("Got: ConnectError\nAn error happened"),
        "me/m: the hub cannot be reached and the cache has not got it; check the network "
        "(Got: ConnectError)",
    ),
    (
        errors.HfHubHTTPError.__bases__[0]("refused"),
        "me/m: the hub cannot be reached; check the network (refused)",
    ),
    (ConnectionError("refused"), "me/m: the hub cannot be reached; check the network (refused)"),
    (
        OSError(28, "No space left on device"),
        "me/m: transferring failed: [Errno 28] No space left on device",
    ),
    (errors.HFValidationError("me/m is odd"), "me/m is odd"),
]


def refusing(error: Exception):
    def refuse(*_, **__):
        raise error

    return refuse


@pytest.mark.parametrize(("error", "sentence"), TROUBLES)
def test_troubles_of_fetching_are_one_sentence(error, sentence, hub, monkeypatch) -> None:
    monkeypatch.setattr(FakeHub, "snapshot_download", refusing(error))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared below, whole
        download("me/m")
    assert str(caught.value) == sentence
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        model_folder("me/m")
    assert str(caught.value) == f"there is no folder me/m here; from the hub: {sentence}"


@pytest.mark.parametrize("kind", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_that_no_request_can_carry_is_named(kind, tmp_path) -> None:
    code = "from bytelatent.formats.hub import download; download('me/m')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ
        | {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", kind: "hf_tök"},
    )
    assert "ValueError: me/m: the access token has characters that are not ASCII" in done.stderr
    assert "tök" not in done.stderr


@pytest.mark.parametrize("call", ["create_repo", "upload_folder"])
def test_a_token_that_may_not_write(call, hub, monkeypatch) -> None:
    monkeypatch.setattr(FakeHub, call, refusing(http(errors.HfHubHTTPError, 403)))
    with pytest.raises(ValueError, match=r"let this account write to it .* huggingface-cli login"):
        upload("me/m", lambda folder: None, "card")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "not in the cache, and HF_HUB_OFFLINE forbids to fetch it"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "the hub cannot be reached and the cache has not"),
    ],
)
def test_the_real_library_without_a_network(setting, words, tmp_path) -> None:
    """Port 9 of this machine, which nobody serves, stands for the hub."""
    code = "from bytelatent.formats.hub import download; download('me/m')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HOME": str(tmp_path)} | setting,
    )
    assert f"ValueError: me/m: {words}" in done.stderr
