"""The command: prompts in, text out, live; what it says; Ctrl-C; a reader that leaves."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

import demo
from bytelatent import generate
from bytelatent.export import main as export_main
from bytelatent.formats.find import PRETRAINED
from bytelatent.generate import Writer, main, stats
from bytelatent.generation.events import Event
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.generation.torch_backend.matrices import Weights
from bytelatent.runtime import BltRuntime
from bytelatent.runtime.onnx_format import ENTROPY_GRAPH
from bytelatent.tokenizers.constants import OFFSET
from tests import tiny
from tests.conftest import CHECKPOINTS

ROOT = Path(__file__).parents[1]
FOLDER = CHECKPOINTS / "like-1b"
MODEL = ["--model", str(FOLDER / "blt"), "--entropy-model", str(FOLDER / "entropy")]


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """The command chooses how many threads its process has; other tests keep theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def reference(size: int) -> tuple[bytes, str]:
    """A prompt, and the ``size`` bytes after it as text."""
    with np.load(FOLDER / "expected.npz") as arrays:
        greedy, start = arrays["greedy"][0], int(arrays["prompt_len"])
    data = bytes((greedy[1 : start + size] - OFFSET).tolist())
    return data[: start - 1], data[start - 1 :].decode(errors="replace")


def give_stdin(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_text_is_that_of_the_reference_from_stdin_files_and_arguments(
    monkeypatch, capsys, tmp_path
) -> None:
    prompt, text = reference(20)
    (tmp_path / "prompt").write_bytes(prompt)
    words = [*MODEL, "--max-bytes", "20"]
    given = [["--file", str(tmp_path / "prompt")], [os.fsdecode(prompt)], ["--file", "-"], []]
    for more in given:
        give_stdin(monkeypatch, prompt)
        assert main([*words, *more]) == 0
        assert capsys.readouterr().out == text + "\n"


def test_prompts_that_are_no_utf_8_are_bytes_as_they_are(monkeypatch, capsys, tmp_path) -> None:
    seen = []
    monkeypatch.setattr(generate, "load", lambda _: Recorder(seen))
    give_stdin(monkeypatch, b"\xff\xfe\n")
    assert main([]) == 0
    (tmp_path / "f").write_bytes(b"\xc3")
    assert main([os.fsdecode(b"\x80"), "", "--file", str(tmp_path / "f")]) == 0
    assert seen == [[b"\xff\xfe\n"], [b"\x80", b"", b"\xc3"]]


class Recorder:
    """An engine that notes its prompts and says nothing."""

    def __init__(self, seen: list) -> None:
        self.seen = seen

    def stream(self, prompts, **_):
        self.seen.append(list(prompts))
        return iter(())


def test_several_prompts_are_a_batch_and_come_one_after_the_other(capsys) -> None:
    words = [*MODEL, "--max-bytes", "6", "--echo"]
    alone = []
    for prompt in ("one", "another one", ""):
        assert main([*words, prompt]) == 0
        alone.append(capsys.readouterr().out)
    assert alone[0].startswith("one")
    assert main([*words, "one", "another one", ""]) == 0
    expected = [f"==> {n} of 3 <==\n{text}" for n, text in enumerate(alone, 1)]
    assert capsys.readouterr().out == "\n".join(expected)


def test_the_same_seed_gives_the_same_text(capsys) -> None:
    words = [*MODEL, "x", "--max-bytes", "24", "--temperature", "1", "--valid-utf8"]
    texts = []
    for seed in ("1", "1", "2"):
        assert main([*words, "--seed", seed, "--top-k", "50", "--top-p", "0.99"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert "\N{REPLACEMENT CHARACTER}" not in texts[0].rstrip("\n")[:-1]


def test_it_ends_before_a_stop_text(capsys) -> None:
    assert main([*MODEL, "x", "--max-bytes", "24", "--temperature", "1", "--valid-utf8"]) == 0
    text = capsys.readouterr().out[:-1]
    stop = text[9:11]
    words = [*MODEL, "x", "--max-bytes", "24", "--temperature", "1", "--valid-utf8"]
    assert main([*words, "--stop", stop, "--stop", "never there"]) == 0
    assert capsys.readouterr().out == text[: text.index(stop)] + "\n"


def test_figures_go_to_stderr_and_the_trace_to_a_file(capsys, tmp_path) -> None:
    path = tmp_path / "trace.json"
    words = [*MODEL, "x", "--max-bytes", "40", "--valid-utf8", "--stats", "--trace", str(path)]
    assert main(words) == 0
    out, error = capsys.readouterr()
    (row,) = json.loads(path.read_text())["rows"]
    events = row["events"]
    assert "".join(event["text"] for event in events) + "\n" == out
    patches = sum(event["starts_patch"] for event in events)
    assert 1 < patches < 40
    assert error.startswith("40 bytes; the first after ")
    assert f"\n{40 / patches:.2f} bytes per patch\n" in error
    assert " bytes/s\n" in error
    assert " global passes per byte\n" in error
    assert "drafted" not in error


def test_drafts_give_the_same_text(capsys) -> None:
    words, texts = [*MODEL, "x", "--max-bytes", "40", "--valid-utf8", "--stats"], []
    for more in ([], ["--speculate", "4"]):
        assert main([*words, *more]) == 0
        out, error = capsys.readouterr()
        assert ("drafted bytes accepted" in error) == bool(more)
        texts.append(out)
    assert texts[0] == texts[1]


def test_figures_of_drafts() -> None:
    event = Event(0, 9, 5, "x", 0.5, 1.0, False, False, 0, 0, 1.0, None)
    events = [
        replace(event, starts_patch=True, global_ran=True, drafted=4, accepted=3),
        *[replace(event, seconds=3.0)] * 4,
        replace(event, seconds=3.5, global_ran=True, drafted=4, accepted=0, finish="length"),
    ]
    assert stats(events).splitlines() == [
        "6 bytes; the first after 1.000 s, the others at 2.0 bytes/s",
        "6.00 bytes per patch",
        "0.333 global passes per byte",
        "3 of 8 drafted bytes accepted (37.5%), 2 rounds",
    ]
    assert stats([]) == "0 bytes"


def test_texts_are_live_in_their_order(capsys) -> None:
    event, shown = Event(0, 9, 5, "a", 0.5, 1.0, False, False, 0, 0, 1.0, None), []
    writer = Writer([b"1", b"2", b"3"], echo=False)
    for changes in (
        {"row": 0},
        {"row": 1, "text": "b"},
        {"row": 1, "text": "B", "finish": "eos"},
        {"row": 2, "text": "c"},
        {"row": 0, "text": "A", "finish": "eos"},
        {"row": 2, "text": "C"},
    ):
        writer.show(replace(event, **changes))
        shown.append(capsys.readouterr().out)
    writer.finish()
    assert shown == [
        "==> 1 of 3 <==\na",
        "",
        "",
        "",
        "A\n\n==> 2 of 3 <==\nbB\n\n==> 3 of 3 <==\nc",
        "C",
    ]
    assert capsys.readouterr().out == "\n"


def test_a_terminal_is_not_told_what_to_do(monkeypatch, capsys) -> None:
    event = Event(0, 9, 5, "a\x1b[2J\n\tb\x7f", 0.5, 1.0, False, False, 0, 0, 1.0, "length")
    for terminal, shown in ((True, "a␛[2J\n\tb␡"), (False, event.text)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        writer = Writer([b""], echo=False)
        writer.show(event)
        writer.finish()
        assert capsys.readouterr().out == shown + "\n"


def test_ctrl_c_ends_with_what_there_is(monkeypatch, capsys, tmp_path) -> None:
    engine = generate.load(generate._parser().parse_args(MODEL))

    class Interrupted:
        def stream(self, prompts, **options):
            for number, event in enumerate(engine.stream(prompts, **options)):
                if number == 7:
                    raise KeyboardInterrupt
                yield event

    monkeypatch.setattr(generate, "load", lambda _: Interrupted())
    path = tmp_path / "t.json"
    assert main(["ab", "--echo", "--max-bytes", "30", "--stats", "--trace", str(path)]) == 130
    out, error = capsys.readouterr()
    assert out.startswith("ab")
    assert out.endswith("\n")
    assert "7 bytes" in error
    assert path.is_file()


def start(*words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "bytelatent.cli", "generate", *MODEL, *words]
    pipe = subprocess.PIPE
    # Tests that a script runs in the background ignore Ctrl-C, as would the programs they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
    finally:
        signal.signal(signal.SIGINT, before)


ENDLESS = ["x", "--max-bytes", "1000000", "--valid-utf8"]
"""Words with which the model repeats itself and does not end its text, however late it is read."""


def test_a_signal_and_a_reader_that_leaves() -> None:
    with start(*ENDLESS, "--echo") as stopped:
        assert stopped.stdout.read(2)[:1] == b"x"
        stopped.send_signal(signal.SIGINT)
        rest, error = stopped.communicate(timeout=240)
        assert stopped.returncode == 130, error
        assert rest.endswith(b"\n")
        assert error == b""
    with start(*ENDLESS) as left:
        left.stdout.read(2)
        left.stdout.close()
        left.wait(timeout=240)
        assert left.stderr.read() == b""
        assert left.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-bytes", "-1"], "--max-bytes: -1 is not 0 or more"),
        (["--speculate", "0"], "--speculate: 0 is not 1 or more"),
        (["--speculate", "some"], "argument --speculate: 'some' is no number of bytes, nor auto"),
        (["--temperature", "-0.5"], "--temperature: -0.5 is not accepted: input should be greater"),
        (["--top-p", "0"], "--top-p: 0.0 is not accepted"),
        (["--top-p", "1.5"], "--top-p: 1.5 is not accepted"),
        (["--top-k", "0"], "--top-k: 0 is not accepted"),
        (["--min-p", "2"], "--min-p: 2.0 is not accepted"),
        (["--repetition-penalty", "0"], "--repetition-penalty: 0.0 is not accepted"),
        (["--threads", "0"], "--threads: 0 is not 1 or more"),
        (["--threads", "1000000000000"], "--threads: 1000000000000 is not 1024 or less"),
        (["--seed", "-3"], "--seed: -3 is not accepted"),
        (["--stop", ""], "--stop: an empty text"),
    ],
)
def test_usage_errors_end_with_status_2(words, said, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["x", *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "--model", "no/such/folder"], "no/such/folder is no folder"),
        (["x", "--model", str(FOLDER / "entropy")], "nothing says how|is a byte model"),
        (["x", *MODEL, "--file", "none.txt"], "none.txt does not exist"),
        (["12345", *MODEL, "--max-prompt", "4"], "prompt 1 has more than 4 bytes; --max-prompt"),
        (["x", *MODEL, "--device", "cuda:99"], "--device: cuda:99, but"),
        (["x", *MODEL, "--device", "foo"], "--device: 'foo' is no device; take cpu, cuda"),
        (["x", *MODEL, "--device", "meta"], "--device: 'meta' is no device; take cpu, cuda"),
    ],
)
def test_mistakes_are_one_line(words, said, capsys) -> None:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert any(part in error for part in said.split("|"))
    assert error.count("\n") == 1


def test_an_endless_pipe_is_found_out(monkeypatch, capsys) -> None:
    give_stdin(monkeypatch, b"x" * 2000)
    assert main([*MODEL, "--max-prompt", "1000"]) == 1
    assert "- has more than 1000 bytes" in capsys.readouterr().err


def test_a_folder_names_its_entropy_model(tmp_path, capsys) -> None:
    folder = tiny.blt(tmp_path / "blt", tiny.entropy_model(tmp_path / "lm"))
    assert main(["x", "--model", str(folder), "--max-bytes", "4"]) == 0
    assert main(["x", "--model", str(tmp_path / "lm")]) == 1
    assert "is a byte model that only measures entropies; name a BLT" in capsys.readouterr().err


def test_weights_in_fewer_bits(capsys) -> None:
    words = ["A", *MODEL, "--max-bytes", "4", "--weights", "int8"]
    assert main(words) == 0
    assert main([*words, "--dtype", "bf16"]) == 1
    assert "weights 'int8' are made of float32 on a CPU, the model is" in capsys.readouterr().err


def test_the_choices_of_weights_are_those_of_the_engine() -> None:
    assert get_args(Weights) == generate.WEIGHTS


@pytest.fixture
def with_graphs(tmp_path) -> list[str]:
    """Words for a model that has graphs, its entropy model too."""
    for name in ("blt", "entropy"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    below = shutil.copytree(FOLDER / "entropy", tmp_path / "blt" / "entropy_model")
    assert export_main([str(tmp_path / "blt")]) == 0
    shutil.copy(below / ENTROPY_GRAPH, tmp_path / "entropy")
    return ["--model", str(tmp_path / "blt"), "--entropy-model", str(tmp_path / "entropy")]


def test_a_model_with_graphs_runs_on_onnxruntime_with_the_same_text(with_graphs, capsys) -> None:
    capsys.readouterr()
    texts = set()
    for more in ([], ["--backend", "onnx"], ["--backend", "torch"], ["--speculate", "auto"]):
        options = generate._parser().parse_args([*with_graphs, *more])
        kind = Engine if "torch" in more else BltRuntime
        assert isinstance(generate.load(options), kind)
        assert main(["x", *with_graphs, *more, "--max-bytes", "12"]) == 0
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1
    for more in (["--dtype", "bf16"], ["--weights", "fp16"]):
        assert isinstance(
            generate.load(generate._parser().parse_args([*with_graphs, *more])), Engine
        )


def test_torch_helps_out_where_graphs_cannot(with_graphs, capsys, tmp_path) -> None:
    (tmp_path / "blt" / "global.onnx").write_bytes(b"")
    assert main(["x", *with_graphs, "--max-bytes", "3"]) == 0
    assert main(["x", *with_graphs, "--backend", "onnx"]) == 1
    assert "global.onnx cannot be loaded" in capsys.readouterr().err
    assert main(["x", *MODEL, "--backend", "onnx"]) == 1
    assert "python -m bytelatent.export" in capsys.readouterr().err
    assert main(["x", *MODEL, "--backend", "onnx", "--dtype", "bf16"]) == 1
    assert "--backend: onnx runs on a CPU in fp32" in capsys.readouterr().err
    assert main(["x", "--model", "facebook/blt-1b", "--backend", "onnx"]) == 1
    assert "facebook/blt-1b is no folder here" in capsys.readouterr().err


def test_a_model_that_did_not_come_along_is_a_sentence(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setattr(generate, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["x"]) == 1
    assert "blt-mini did not come with this copy of bytelatent" in capsys.readouterr().err


def test_the_demo_shows_prompt_text_and_figures(monkeypatch, capsys) -> None:
    assert demo.main(["A BLT has", *MODEL, "--max-bytes", "5"]) == 0
    out, error = capsys.readouterr()
    assert out.startswith("A BLT has")
    assert "5 bytes" in error
    seen = []
    monkeypatch.setattr(generate, "load", lambda _: Recorder(seen))
    assert demo.main([]) == 0
    assert seen == [[b"A BLT has"]]


def test_help_and_mistakes_do_not_wait_for_torch() -> None:
    code = (
        "import sys, bytelatent.generate as generate\n"
        "try: generate.main(['x', '--top-k', '0'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_loading_a_model_does_not_load_torchs_compiler() -> None:
    code = (
        f"import sys, bytelatent.generate as generate\ngenerate.main({[*MODEL, 'x']!r})\n"
        "unwanted = {'torch._dynamo', 'torch.distributed.checkpoint', 'omegaconf'}\n"
        "assert not unwanted & set(sys.modules), unwanted & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.skipif(not (PRETRAINED / "blt-mini").is_dir(), reason="blt-mini is not released yet")
def test_the_shipped_model_writes_words_without_torch() -> None:
    code = (
        "import sys, demo\n"
        "assert demo.main(['A BLT has', '--max-bytes', '40']) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert out.startswith("A BLT has")
    assert len(out.split()) > 6
    assert "\N{REPLACEMENT CHARACTER}" not in out[:-2]
