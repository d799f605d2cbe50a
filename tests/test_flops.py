"""FLOPs per byte: the paper's formulas give the paper's figures."""

import pytest

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte

# Table 10: encoder layers and width, global layers and width, decoder layers, k.
# Then FLOPs per byte at 4, 4.5, 6 and 8 bytes per patch, and the global model's share at 4.5.
MODELS = {
    "400M": (1, 768, 24, 1280, 7, 2, (4.16e8, 3.82e8, 3.16e8, 2.69e8), 0.61),
    "1B": (1, 1024, 25, 2048, 9, 2, (1.01e9, 9.24e8, 7.61e8, 6.43e8), 0.65),
    "2B": (1, 1024, 26, 2560, 9, 3, (1.43e9, 1.30e9, 1.04e9, 8.49e8), 0.74),
    "4B": (1, 1024, 36, 3072, 9, 3, (2.49e9, 2.23e9, 1.74e9, 1.37e9), 0.85),
    "8B": (1, 1280, 32, 4096, 6, 4, (3.73e9, 3.34e9, 2.57e9, 2.00e9), 0.89),
}


def args_of(name: str) -> ByteLatentTransformerArgs:
    encoder_layers, width, layers, global_width, decoder_layers, k, *_ = MODELS[name]
    heads = {"n_heads": width // 64}
    local = {"dim": width, **heads}
    return ByteLatentTransformerArgs.model_validate(
        {
            "encoder": {**local, "n_layers": encoder_layers, "cross_attention": "last"},
            "decoder": {**local, "n_layers": decoder_layers, "cross_attention": "all"},
            "global_model": {"dim": global_width, "n_layers": layers, "n_heads": 16},
            "patch_vectors": k,
            "cross_heads": heads["n_heads"],
        }
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_papers_models(name) -> None:
    *_, expected, share = MODELS[name]
    for patch_size, flops in zip((4, 4.5, 6, 8), expected, strict=True):
        found = flops_per_byte(args_of(name), patch_size=patch_size)
        assert found.blt == pytest.approx(flops, rel=0.006)
    found = flops_per_byte(args_of(name), patch_size=4.5)
    assert found.global_model / found.blt == pytest.approx(share, abs=0.006)
    assert found.entropy_model is None


def test_the_400m_model_is_of_the_class_of_table_2() -> None:
    assert flops_per_byte(args_of("400M"), patch_size=6).blt == pytest.approx(3.1e8, rel=0.03)


def test_the_entropy_model_is_apart() -> None:
    released = LMTransformerArgs(dim=768, n_layers=14, n_heads=12)
    found = flops_per_byte(args_of("1B"), patch_size=4.5, entropy_model=released)
    assert found.entropy_model == pytest.approx(2.1e8, rel=0.01)
    assert found.blt == flops_per_byte(args_of("1B"), patch_size=4.5).blt


def test_without_cross_attention_it_costs_nothing() -> None:
    local = {"dim": 64, "n_layers": 1, "n_heads": 1, "cross_attention": "none"}
    args = ByteLatentTransformerArgs.model_validate(
        {"encoder": local, "decoder": local, "cross_heads": 1}
    )
    found = flops_per_byte(args, patch_size=4)
    assert (found.encoder_cross, found.decoder_cross) == (0, 0)


@pytest.mark.parametrize(
    ("numbers", "field"),
    [({"patch_size": 0.5}, "patch_size"), ({"patch_size": 4, "context": 0}, "context")],
)
def test_impossible_numbers_are_named(numbers, field) -> None:
    with pytest.raises(ValueError, match=field):
        flops_per_byte(args_of("1B"), **numbers)
