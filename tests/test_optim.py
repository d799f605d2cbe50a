"""Learning rates of the schedules, by hand; and which weights decay."""

import pytest

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.training.muon import hidden_matrices
from bytelatent.training.optim import OptimArgs, build_optimizers, learning_rate, set_learning_rate
from bytelatent.transformer import LMTransformer
from tests.tiny import LM


def rates(**args: object) -> list[float]:
    settings = OptimArgs.model_validate({"lr": 1.0, "warmup": 2, **args})
    return [learning_rate(settings, step, 10) for step in range(11)]


def test_wsd_rises_stays_and_falls_in_a_straight_line() -> None:
    found = rates(scheduler="wsd", decay=0.4)
    expected = [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert found == pytest.approx(expected)


def test_wsd_ends_at_its_least() -> None:
    found = rates(scheduler="wsd", decay=0.4, lr_min_ratio=0.2)
    assert found[7:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_cosine_falls_all_the_way() -> None:
    found = rates()
    assert found[:3] == pytest.approx([0.5, 1, 1])
    assert found[6] == pytest.approx(0.5)
    assert found[10] == pytest.approx(0, abs=1e-12)
    assert found[2:] == sorted(found[2:], reverse=True)


def test_constant_stays() -> None:
    assert rates(scheduler="constant") == pytest.approx([0.5, *[1.0] * 10])


def test_steps_without_warmup_begin_at_the_peak() -> None:
    assert rates(warmup=0)[0] == 1.0


def test_matrices_decay_and_norms_do_not() -> None:
    model = LMTransformer(LMTransformerArgs.model_validate(LM))
    (adamw,) = build_optimizers(model, OptimArgs(weight_decay=0.3))
    decayed, free = adamw.param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert {p.dim() for p in decayed["params"]} == {2}
    assert {p.dim() for p in free["params"]} == {1}


def test_muon_takes_the_hidden_matrices_and_adamw_the_rest() -> None:
    model = LMTransformer(LMTransformerArgs.model_validate(LM))
    muon, adamw = build_optimizers(model, OptimArgs(name="muon", weight_decay=0.3, momentum=0.9))
    taken = [id(p) for o in (muon, adamw) for group in o.param_groups for p in group["params"]]
    assert sorted(taken) == sorted(id(p) for p in model.parameters())
    assert {id(p) for p in muon.param_groups[0]["params"]} == {
        id(p) for p in hidden_matrices(model)
    }
    assert (muon.defaults["momentum"], muon.defaults["weight_decay"]) == (0.9, 0.3)


def test_embeddings_have_the_learning_rate_that_they_are_given() -> None:
    model = LMTransformer(LMTransformerArgs.model_validate(LM))
    optimizers = build_optimizers(model, OptimArgs(name="muon", embedding_lr=4))
    set_learning_rate(optimizers, 0.5)
    rates = {id(p): g["lr"] for o in optimizers for g in o.param_groups for p in g["params"]}
    found = {name: rates[id(p)] for name, p in model.named_parameters()}
    assert found.pop("tok_embeddings.weight") == 2.0
    assert set(found.values()) == {0.5}
