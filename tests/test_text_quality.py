"""What a model writes: repeats, words, and the command around them."""

import json

import numpy as np
import pytest
import torch

from bytelatent.evaluation.continuations import continuations
from bytelatent.evaluation.repetition import (
    LEAST_WORDS,
    MOST_REPEATED,
    TextQualityOptions,
    baseline,
    lines,
    measure,
    read_prompts,
    read_word_list,
    repeated,
    words_of,
)
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.loading import TextModel, load_text_model
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.text_quality import main
from tests import tiny

SIXTEEN = b"abcdefghijklmnop"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("quality")
    tiny.entropy_model(root / "lm")
    tiny.blt(root / "blt", root / "lm")
    return root


@pytest.fixture(scope="module")
def is_word():
    pytest.importorskip("spellchecker")
    return read_word_list()


@pytest.mark.parametrize(
    ("data", "share"),
    [
        (b"", 0),
        (SIXTEEN, 0),
        (SIXTEEN + b"q", 0),
        (SIXTEEN * 2, 2 / 17),
        (b"a" * 40, 1),
        (bytes(range(200)), 0),
        (SIXTEEN + bytes(range(100, 132)) + SIXTEEN, 2 / 49),
    ],
)
def test_repeated_counts_places_whose_bytes_stand_elsewhere_too(data, share) -> None:
    assert repeated(data) == pytest.approx(share)


def test_words_are_those_that_end_in_the_continuation() -> None:
    text = "The king’s man said 12 times: don't go ho"
    start = len("The king’s m")
    assert words_of(text, start) == ["man", "said", "times", "don't", "go", "ho"]
    assert words_of(text, start, whole=False) == ["man", "said", "times", "don't", "go"]
    assert words_of("The king", len("The king")) == []
    assert words_of("The king was", len("The king"), whole=False) == []


def test_real_prose_is_made_of_words_and_does_not_repeat(is_word) -> None:
    found = baseline(256, is_word)
    assert found["share_of_words"] > 0.97
    assert found["repeated_mean"] < 0.01
    assert found["words"] > 10_000
    for word in ("walked", "neighbors", "elizabeth", "don't", "king's", "a", "i"):
        assert is_word(word), word
    for word in ("thses", "wich", "qing", "b", "the'q", "ous", ""):
        assert not is_word(word), word


def texts_of(
    text_model: TextModel, prompts: list[bytes], size: int, sampling: SamplingArgs
) -> list[bytes]:
    options = [GenerationOptions(size, sampling)] * len(prompts)
    return continuations(text_model, prompts, options)


@torch.no_grad()
def likeliest(text_model: TextModel, prompt: bytes, size: int) -> bytes:
    """The likeliest bytes after a prompt, by a plain pass over the whole text for each."""
    tokens = [1, *(byte + 4 for byte in prompt)]
    while len(tokens) <= len(prompt) + size:
        tokens_1S = torch.tensor([tokens])
        inputs = [tokens_1S]
        if isinstance(text_model.model, ByteLatentTransformer):
            assert text_model.patcher is not None
            inputs.append(text_model.patcher.patch(tokens_1S)[0])
        token = int(text_model.model(*inputs)[0, -1].argmax())
        if token < 4:
            break
        tokens.append(token)
    return bytes(token - 4 for token in tokens[len(prompt) + 1 :])


@pytest.mark.parametrize("name", ["lm", "blt"])
def test_continuations_are_the_models_own(root, name) -> None:
    text_model = load_text_model(str(root / name))
    prompts = [b"green bottles", b"a", b"green bottles"]
    greedy = texts_of(text_model, prompts, 12, SamplingArgs())
    for prompt, found in zip(prompts, greedy, strict=True):
        assert found == likeliest(text_model, prompt, 12)
    drawn = [
        texts_of(text_model, prompts, 12, SamplingArgs(temperature=0.7, seed=seed))
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][2], "the same prompt again is drawn anew"


def test_a_byte_model_without_a_window_can_write(tmp_path) -> None:
    folder = tiny.entropy_model(tmp_path / "lm", attn_bias_type="causal", sliding_window=None)
    text_model = load_text_model(str(folder))
    (found,) = texts_of(text_model, [b"green"], 5, SamplingArgs())
    assert found == likeliest(text_model, b"green", 5)


def test_numbers_are_those_of_the_texts(root) -> None:
    text_model = load_text_model(str(root / "blt"))
    options = TextQualityOptions(("ten green", "a bottle"), 40)
    found = measure(text_model, options, lambda word: "e" in word)
    texts = texts_of(text_model, [b"ten green", b"a bottle"], 40, SamplingArgs())
    shares = [repeated(text) for text in texts]
    assert found["greedy"]["repeated_mean"] == pytest.approx(np.mean(shares))
    assert found["greedy"]["repeated_worst"] == max(shares)
    assert found["greedy"]["bytes"] == sum(map(len, texts))
    assert [one["prompt"] for one in found["examples"]] == list(options.prompts)
    assert found["examples"][0]["greedy"] == texts[0].decode(errors="replace")
    assert found["prose"]["share_of_words"] < 1
    assert "word_list" in found
    plain = measure(text_model, options)
    assert "share_of_words" not in plain["sampled"] and "word_list" not in plain


def test_the_aims_are_told() -> None:
    part = {"repeated_mean": 0.1, "repeated_worst": 0.5, "words": 90, "share_of_words": 0.95}
    found = {"temperature": 0.7, "greedy": part, "sampled": part, "prose": part}
    told = "\n".join(lines(found))
    assert f"repeated, worst: at most {MOST_REPEATED:.1%}: no" in told
    assert f"words: at least {LEAST_WORDS:.1%}: yes" in told
    assert "real prose" in told


def test_the_prompts_that_come_along_are_english_beginnings(is_word) -> None:
    prompts = read_prompts()
    assert len(prompts) == len(set(prompts)) == 20
    for prompt in prompts:
        assert prompt == prompt.strip() and 20 < len(prompt.encode()) < 80
        assert all(map(is_word, words_of(prompt)))


def test_the_command_prints_a_table_or_json(root, tmp_path, capsys, is_word) -> None:
    (tmp_path / "p.txt").write_text("ten green\n\nhanging on\n")
    words = [str(root / "blt"), "--bytes", "24", "--prompts", str(tmp_path / "p.txt")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "real prose" in printed and "greedy: 'ten green'" in printed
    assert main([*words, "--json", "--out", str(tmp_path / "q.json")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "q.json").read_text())
    assert found["prompts"] == 2 and found["word_list"].startswith("pyspellchecker ")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--bytes", "3"], "--bytes: 3 is not 16 or more"),
        (["--seed", "-1"], "--seed: -1 is not 0 or more"),
        (["--temperature", "0"], "--temperature: 0.0 is not more than 0"),
        (["--prompts", "/nowhere"], "/nowhere does not exist"),
        (["--prompts", "/dev/null"], "/dev/null has no line to continue"),
    ],
)
def test_mistakes_are_a_sentence(root, more, named, capsys, is_word) -> None:
    assert main([str(root / "blt"), *more]) == 1
    assert named in capsys.readouterr().err


def test_a_missing_list_of_words_is_named(root, monkeypatch, capsys) -> None:
    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("bytelatent.evaluation.repetition.import_module", missing)
    assert main([str(root / "blt")]) == 1
    assert "pip install 'bytelatent[quality]'" in capsys.readouterr().err
