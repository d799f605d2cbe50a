"""Windows of weighted sources: what they hold, and that they follow from seed and step."""

import json

import numpy as np
import pytest

from bytelatent.data.documents import read_documents, read_source
from bytelatent.data.windows import DataArgs, WindowSampler


def write_source(root, name, texts, split="train") -> None:
    (root / split).mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"text": text}) for text in texts)
    (root / split / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def sampler(root, **changes) -> WindowSampler:
    args = {"root_dir": root, "sources": {"a": 1, "b": 3}, "seq_len": 8, "batch_size": 4}
    return WindowSampler(DataArgs(**{**args, **changes}), "train")


@pytest.fixture
def root(tmp_path):
    write_source(tmp_path, "a", ["aaaaaaaaaaaa"] * 20)
    write_source(tmp_path, "b", ["bbbb", "bébé"] * 30)
    return tmp_path


def test_a_source_holds_every_document_once_in_a_seeded_order(root) -> None:
    first, again, other = (read_source(root / "train" / "b.jsonl", seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(first.tolist()) == sorted(other.tolist())
    documents = list(read_documents(root / "train" / "b.jsonl"))
    assert len(first) == sum(len(d) + 2 for d in documents)


def test_targets_are_the_inputs_one_byte_on(root) -> None:
    tokens, targets = sampler(root).batch(3)
    assert tokens.shape == targets.shape == (4, 8)
    assert (tokens[:, 1:] == targets[:, :-1]).all()


def test_a_batch_follows_from_seed_and_step_alone(root) -> None:
    one, two = sampler(root), sampler(root)
    two.batch(0)
    assert (one.batch(5)[0] == two.batch(5)[0]).all()
    assert (one.batch(5)[0] != one.batch(6)[0]).any()
    assert (sampler(root, seed=1).batch(5)[0] != one.batch(5)[0]).any()


def test_sources_are_drawn_by_weight(root) -> None:
    draw = sampler(root, batch_size=1000)
    tokens, _ = draw.batch(0)
    share = float((tokens == ord("b") + 4).any(dim=1).float().mean())
    assert 0.70 < share < 0.80
    assert draw.total_tokens == sum(len(row) for row in draw.rows)


def test_a_source_of_weight_zero_need_not_be_there(root) -> None:
    tokens, _ = sampler(root, sources={"none": 0, "a": 2}).batch(0)
    assert not (tokens == ord("b") + 4).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": {"none": 1}}, r"none\.jsonl does not exist"),
        ({"seq_len": 5000}, "source 'a' has 280 tokens in split 'train'"),
        ({"sources": {"a": 0}}, "weights must be 0 or more and not all 0"),
        ({"sources": {"a": float("nan")}}, "weights must be 0 or more"),
    ],
)
def test_unusable_sources_are_named(root, changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        sampler(root, **changes)


@pytest.mark.parametrize("line", ["{", "[1]", '{"txt": "a"}', '{"text": 3}', '"a"'])
def test_a_bad_line_is_named(root, line) -> None:
    with (root / "train" / "a.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"a\.jsonl, line 21: "):
        sampler(root)


def test_an_empty_source_is_named(root) -> None:
    (root / "train" / "a.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"a\.jsonl holds no document"):
        sampler(root)
