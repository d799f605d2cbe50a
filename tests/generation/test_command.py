"""Options of the commands that have to do with the machine: threads, traces, limits of prompts."""

from collections.abc import Iterator

import pytest
import torch

from bytelatent import generate
from bytelatent.convert.commands import main as hf_main
from bytelatent.generate import main
from bytelatent.generation.options import PROMPT_LIMIT
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.threads import SMALL
from bytelatent.loading import load_text_model
from bytelatent.runtime import BltRuntime
from tests.conftest import CHECKPOINTS

FOLDER = CHECKPOINTS / "like-1b"
MODEL = ["--model", str(FOLDER / "blt"), "--entropy-model", str(FOLDER / "entropy")]
LOAD = ["load-transformers", "--entropy-dir", str(FOLDER / "entropy")]
LOAD += ["--blt-dir", str(FOLDER / "blt"), "local"]


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class Silent:
    """An engine that says nothing."""

    def stream(self, prompts, **_):
        return iter(())


def test_a_trace_that_cannot_be_written_is_found_out_before_the_work(
    monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.setattr(generate, "load", lambda _: pytest.fail("the model was loaded"))
    (tmp_path / "file").write_text("")
    for path, reason in ((tmp_path / "file" / "t.json", "Not a"), (tmp_path, "Is a directory")):
        assert main(["x", "--trace", str(path)]) == 1
        assert f"error: {path} cannot be written: {reason}" in capsys.readouterr().err
    monkeypatch.setattr(generate, "load", lambda _: Silent())
    assert main(["x", "--trace", str(tmp_path / "new" / "folder" / "t.json")]) == 0
    assert (tmp_path / "new" / "folder" / "t.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "new"]


def test_small_models_run_on_one_thread_unless_told_otherwise(monkeypatch, capsys) -> None:
    words, seen = ["x", *MODEL, "--max-bytes", "1"], []
    for more, limit in ([], SMALL), (["--threads", "2"], SMALL), ([], 1000):
        torch.set_num_threads(3)
        monkeypatch.setattr("bytelatent.generation.torch_backend.threads.SMALL", limit)
        assert main([*words, *more]) == 0
        seen.append(torch.get_num_threads())
    assert seen == [1, 2, 3]
    given = []
    monkeypatch.setattr(BltRuntime, "load", lambda *_, threads, **__: given.append(threads))
    for more in ([], ["--threads", "2"]):
        generate._runtime(generate._parser().parse_args([*MODEL, *more]))
    assert given == [1, 2]


def test_the_library_leaves_the_number_of_threads_alone() -> None:
    model = load_text_model(str(FOLDER / "blt"), entropy_model=str(FOLDER / "entropy"))
    Engine(model.model, model.entropy_model, model.patcher.args).generate([b"x"], max_bytes=2)
    assert torch.get_num_threads() == 3


def test_the_command_that_loads_checkpoints_has_the_same_threads_and_limit(capsys) -> None:
    words, seen = [*LOAD, "--prompt", "x", "--max-bytes", "1"], []
    for more in ([], ["--threads", "2"]):
        assert hf_main([*words, *more]) == 0
        seen.append(torch.get_num_threads())
    assert seen == [1, 2]
    assert hf_main([*LOAD, "--prompt", "é" * (PROMPT_LIMIT // 2) + "x"]) == 1
    assert capsys.readouterr().err == (
        "error: --prompt: 32769 bytes are more than 32768, the most accepted\n"
    )
    with pytest.raises(SystemExit) as stop:
        hf_main([*words, "--threads", "0"])
    assert stop.value.code == 2
    assert "--threads: 0 is not 1 or more" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        hf_main([*words, "--threads", "1025"])
    assert "--threads: 1025 is not 1024 or less" in capsys.readouterr().err
