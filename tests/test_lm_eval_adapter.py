"""The three questions of lm-evaluation-harness, by hand and by the harness."""

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from bytelatent.data.held_out import cut_pieces
from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.lm_eval_adapter import HarnessModel, lm_eval_class, main
from bytelatent.tokenizers.constants import EOS_ID, OFFSET
from tests import tiny


@dataclass
class Request:
    """As much of the harness's Instance as is looked at."""

    args: tuple[Any, ...]


def ask(*args: tuple[Any, ...]) -> list[Request]:
    return [Request(one) for one in args]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    lm = tiny.entropy_model(root / "lm")
    return {"lm": lm, "blt": tiny.blt(root / "blt", lm)}


@pytest.fixture(scope="module", params=["lm", "blt"])
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(folders, name) -> HarnessModel:
    return HarnessModel(str(folders[name]), max_bytes=32, batch_size=1, max_batch_size=None)


def log_p(model: HarnessModel, text: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of every byte, and the likeliest tokens, by one plain pass."""
    tokens = torch.tensor([[1, *(byte + 4 for byte in text)]])
    network, patcher = model.text_model.model, model.text_model.patcher
    inputs = (tokens, patcher.patch(tokens)[0]) if model.max_bytes else (tokens,)
    with torch.no_grad():
        found = network(*inputs)[0, :-1].double().log_softmax(-1)
    return found.gather(1, tokens[0, 1:, None])[:, 0], found.argmax(-1) - 4


PAIRS = [("Two green", " bottles"), ("", "é"), ("a", ""), ("The answer is", " no."), ("x", "y")]


def test_the_likelihood_of_a_continuation_is_the_sum_over_its_bytes(model) -> None:
    found = model.loglikelihood(ask(*PAIRS))
    for (context, following), (value, likeliest) in zip(PAIRS, found, strict=True):
        text, first = (context + following).encode(), len(context.encode())
        each, best = log_p(model, text)
        assert value == pytest.approx(float(each[first:].sum()), abs=1e-4)
        assert likeliest == (bytes(best[first:].tolist()) == text[first:])
    assert found[2] == (0.0, True)


def test_the_likeliest_continuation_is_greedy_and_no_other(model) -> None:
    firsts = {chr(c): sum(greedy(model, bytes([c]), 1)) for c in range(97, 123)}
    context, byte = next((c, byte) for c, byte in firsts.items() if 0 < byte < 128)
    other = "b" if byte == ord("a") else "a"
    (_, yes), (_, no) = model.loglikelihood(ask((context, chr(byte)), (context, other)))
    assert yes and not no


def test_a_long_context_is_cut_from_the_left_for_a_blt(model, name) -> None:
    context, following = "0123456789" * 5, " end"
    ((value, _),) = model.loglikelihood(ask((context, following)))
    seen = context if name == "lm" else context[-28:]
    each, _ = log_p(model, (seen + following).encode())
    assert value == pytest.approx(float(each[len(seen) :].sum()), abs=1e-4)
    ((whole, _),) = model.loglikelihood(ask((context, "x" * 40)))
    assert whole < 0


def test_rolling_likelihoods_count_every_byte_once(model, name) -> None:
    texts = ["", "short", "One, two, three, four, five, six, seven, eight, née."]
    found = model.loglikelihood_rolling(ask(*((text,) for text in texts)))
    assert found[0] == 0
    for text, value in zip(texts[1:], found[1:], strict=True):
        data = text.encode()
        pieces = [data] if name == "lm" else cut_pieces(data, 32)
        assert value == pytest.approx(
            sum(float(log_p(model, p)[0].sum()) for p in pieces), abs=1e-4
        )


def says(monkeypatch: pytest.MonkeyPatch, written: bytes) -> None:
    """Let the byte model continue every prompt with these bytes, and end there."""
    tokens = [*(byte + OFFSET for byte in written), EOS_ID]
    monkeypatch.setattr("bytelatent.evaluation.continuations._following", lambda *_: iter(tokens))


@pytest.mark.parametrize("name", ["lm"], indirect=True)
def test_text_is_generated_up_to_a_stop_word(model, monkeypatch) -> None:
    written = "the end. néw\nline".encode()
    says(monkeypatch, written)
    answers = model.generate_until(
        ask(
            ("p", {"until": ["\n", "zzz"]}),
            ("p", {"until": "w\n"}),
            ("p", {"until": ["", ". n"], "do_sample": False}),
            ("p", {"max_gen_toks": 5}),
            ("p", {"max_gen_toks": 11}),
            ("p", {"until": [], "do_sample": True, "temperature": 0.0}),
        )
    )
    whole = written.decode()
    assert answers == ["the end. néw", "the end. né", "the end", "the e", "the end. n\ufffd", whole]


def greedy(model: HarnessModel, prompt: bytes, size: int) -> bytes:
    """The likeliest bytes after a prompt, by one plain pass for each."""
    text = prompt
    while len(text) < len(prompt) + size:
        byte = int(log_p(model, text + b"?")[1][-1])
        if byte < 0:
            break
        text += bytes([byte])
    return text[len(prompt) :]


def test_generated_text_is_the_likeliest(model, monkeypatch) -> None:
    """More texts than rows, of different lengths, one of which stops early."""
    monkeypatch.setattr("bytelatent.evaluation.continuations.MOST_ROWS", 3)
    prompts = ["12 green", "", "a", "The answer is", "x"]
    limits = [6, 9, 0, 4, 8]
    expected = [
        greedy(model, prompt.encode(), limit) for prompt, limit in zip(prompts, limits, strict=True)
    ]
    asked = [(text, {"max_gen_toks": limit}) for text, limit in zip(prompts, limits, strict=True)]
    found = model.generate_until(ask(*asked))
    assert found == [text.decode(errors="replace") for text in expected]
    (stopped,) = model.generate_until(
        ask((prompts[1], {"max_gen_toks": 9, "until": [expected[1][4:6].decode("latin-1")]}))
    )
    assert found[1].startswith(stopped)


@pytest.mark.parametrize("name", ["blt"], indirect=True)
def test_texts_of_a_blt_step_together(model, monkeypatch) -> None:
    sizes: list[int] = []
    step = Incremental.step

    def counted(self: Incremental, rows: Any, tokens: Any) -> Any:
        sizes.append(len(rows))
        return step(self, rows, tokens)

    monkeypatch.setattr(Incremental, "step", counted)
    model.generate_until(ask(*((f"text {n}", {"max_gen_toks": 6}) for n in range(5))))
    assert max(sizes) == 5


LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


@pytest.mark.parametrize("name", ["lm"], indirect=True)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_has_every_name_that_the_harness_knows(model, limit, monkeypatch) -> None:
    says(monkeypatch, b"x" * 300)
    answers = model.generate_until(
        ask(
            ("p", {limit: 5}),
            ("p", {limit: "5"}),
            ("p", {limit: 0}),
            ("p", {limit: None}),
            ("p", dict.fromkeys(LIMITS[LIMITS.index(limit) :], 7) | {limit: 5}),
        )
    )
    assert [len(answer) for answer in answers] == [5, 5, 0, 256, 5]


@pytest.mark.parametrize("name", ["lm"], indirect=True)
@pytest.mark.parametrize("options", [{"temperature": 0.7}, {"temperature": "0.7"}])
def test_a_temperature_alone_asks_for_samples(model, options) -> None:
    with pytest.raises(ValueError, match=r"temperature 0\.7; only the likeliest text"):
        model.generate_until(ask(("p", options)))
    (answer,) = model.generate_until(ask(("p", options | {"do_sample": False, "max_gen_toks": 0})))
    assert answer == ""


def test_samples_are_refused(model) -> None:
    with pytest.raises(ValueError, match=r"do_sample: True with temperature 0\.7; only the like"):
        model.generate_until(ask(("p", {"do_sample": True, "temperature": 0.7})))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dtype": "fp8"}, "dtype 'fp8' is none of fp32, bf16"),
        ({"max_bytes": 1}, "max_bytes 1 is not 2 or more"),
        ({"pretrained": "x"}, "pretrained is unknown; known are model"),
    ],
)
def test_bad_options_are_named(folders, options, named) -> None:
    with pytest.raises(ValueError, match=named):
        HarnessModel(str(folders["lm"]), **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_insisted_on(folders) -> None:
    assert HarnessModel(str(folders["lm"]), device="cuda:0").text_model.device.type == "cpu"


def test_without_the_harness_the_command_says_what_to_install(capsys, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)  # as if it were not there
    assert main(["run", "--tasks", "x"]) == 1
    assert "pip install 'bytelatent[eval]'" in capsys.readouterr().err


def test_help_needs_no_harness(capsys) -> None:
    assert main(["--help"]) == 0
    assert main([]) == 2
    assert "--model_args" in capsys.readouterr().out


TASKS = {
    "tiny_choice": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{label}}",
        "doc_to_choice": [" yes", " no"],
        "metric_list": [{"metric": "acc"}],
    },
    "tiny_text": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{question}}",
        "metric_list": [{"metric": "bits_per_byte"}],
    },
    "tiny_answer": {
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "yes",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 4, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    },
}


@pytest.mark.filterwarnings("ignore")
def test_the_harness_runs_local_tasks(folders, name, tmp_path, monkeypatch) -> None:
    """Tasks and texts made here; nothing is fetched."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    docs = [{"question": "Are bottles green?", "label": 0}, {"question": "Is one two?", "label": 1}]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, docs)))
    for task, settings in TASKS.items():
        data = {"data_files": {"test": str(tmp_path / "docs.jsonl")}}
        common = {"task": task, "dataset_path": "json", "dataset_kwargs": data}
        text = json.dumps({**common, "test_split": "test", **settings})
        (tmp_path / f"{task}.yaml").write_text(text)
    model = lm_eval_class()(str(folders[name]), max_bytes=32)
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    found = lm_eval.simple_evaluate(model=model, tasks=list(TASKS), task_manager=manager)
    results = found["results"]
    plain = HarnessModel(str(folders[name]), max_bytes=32)
    questions = [doc["question"] for doc in docs]
    nats = sum(plain.loglikelihood_rolling(ask(*((text,) for text in questions))))
    expected = -nats / sum(map(len, questions)) / torch.tensor(2.0).log().item()
    assert results["tiny_text"]["bits_per_byte,none"] == pytest.approx(expected, rel=1e-4)
    choices = [
        max(
            range(2),
            key=lambda i: plain.loglikelihood(ask((doc["question"], (" yes", " no")[i])))[0][0],
        )
        == doc["label"]
        for doc in docs
    ]
    assert results["tiny_choice"]["acc,none"] == sum(choices) / 2
    assert results["tiny_answer"]["exact_match,none"] in (0, 0.5, 1)
    assert lm_eval_class() is type(model)
    with pytest.raises(ValueError, match=r"apply_chat_template: .* have no chat template"):
        lm_eval.simple_evaluate(
            model=model, tasks=["tiny_answer"], task_manager=manager, apply_chat_template=True
        )
