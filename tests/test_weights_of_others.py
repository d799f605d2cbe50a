"""Weights as other programs save them: read where they are unambiguous, else refused plainly."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model

from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.preprocess.shards import describe
from bytelatent.transformer import LMTransformer
from tests.test_checkpoints import ENTROPY, KINDS, change_config, each_kind, resaved, same

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def saved(request, tmp_path):
    """Class of a model, and a folder with such a model."""
    kind = request.param
    kind.from_pretrained(KINDS[kind]).save_pretrained(tmp_path / "m")
    return kind, tmp_path / "m"


def shard(folder: Path, count: int = 3) -> list[Path]:
    """Divide the weights in a folder into shards with an index, as the hub's libraries do."""
    state = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names, files, weight_map = sorted(state), [], {}
    for number in range(count):
        name = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        part = {key: state[key] for key in names[number::count]}
        save_file(part, folder / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, name)
        files.append(folder / name)
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / INDEX).write_text(json.dumps(index))
    return files


def refusal(kind, folder: Path, **options) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the caller looks at the message)
        kind.from_pretrained(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_shards_are_one_model(saved, dtype) -> None:
    kind, folder = saved
    shard(folder)
    expected = kind.from_pretrained(KINDS[kind], dtype=dtype)
    assert same(kind.from_pretrained(folder, dtype=dtype), expected)


def test_the_whole_file_comes_before_shards(saved) -> None:
    kind, folder = saved
    whole = (folder / WEIGHTS).read_bytes()
    for path in shard(folder):
        path.write_bytes(b"")
    (folder / WEIGHTS).write_bytes(whole)
    assert same(kind.from_pretrained(folder), kind.from_pretrained(KINDS[kind]))


def test_faults_of_shards_are_named(saved) -> None:
    kind, folder = saved
    files, index = shard(folder), json.loads((folder / INDEX).read_text())
    content = files[1].read_bytes()
    files[1].unlink()
    assert refusal(kind, folder) == f"{files[1]} does not exist"
    files[1].write_bytes(content[:-10])
    assert refusal(kind, folder).startswith(f"{files[1]} is damaged")
    files[1].write_bytes(content)
    name, _ = next(item for item in index["weight_map"].items() if item[1] == files[1].name)
    resaved(files[1], lambda state: state.pop(name))
    assert refusal(kind, folder).startswith(f"{files[1]} lacks tensor {name!r}")
    for weight_map in ({name: "../elsewhere.safetensors"}, {name: 3}, [], None):
        (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
        assert refusal(kind, folder).startswith(f'{folder / INDEX} needs a "weight_map"')


def test_the_digest_of_an_entropy_model_covers_its_shards(tmp_path) -> None:
    LMTransformer.from_pretrained(ENTROPY).save_pretrained(tmp_path / "m")
    files = shard(tmp_path / "m")
    args = PreprocessArgs(
        input=tmp_path / "in", output=tmp_path / "out", entropy_model=str(tmp_path / "m")
    )
    before = describe(args)["sha256"]
    resaved(files[2], lambda state: state[min(state)].add_(1))
    assert describe(args)["sha256"] != before


WRAPPERS = ["_orig_mod.", "module.", "module._orig_mod.", "_fsdp_wrapped_module.", "model."]


@pytest.mark.parametrize("prefix", WRAPPERS)
@pytest.mark.parametrize("layout", ["safetensors", "pth"])
@pytest.mark.parametrize("dtype", [None, torch.float16])
@each_kind
def test_prefixes_of_wrappers_are_left_out(kind, prefix, layout, dtype, tmp_path) -> None:
    kind.from_pretrained(KINDS[kind]).save_pretrained(tmp_path / "m", file_format=layout)
    (path,) = (p for p in (tmp_path / "m").iterdir() if p.suffix != ".json")

    def wrap(state) -> None:
        for name in list(state):
            state[prefix + name] = state.pop(name)

    resaved(path, wrap)
    expected = kind.from_pretrained(KINDS[kind], dtype=dtype)
    assert same(kind.from_pretrained(tmp_path / "m", dtype=dtype), expected)


def test_wrappers_of_single_blocks_are_left_out(saved) -> None:
    kind, folder = saved

    def wrap(state) -> None:
        for name in list(state):
            state[name.replace("layers.0.", "layers.0._orig_mod.")] = state.pop(name)

    resaved(folder / WEIGHTS, wrap)
    assert same(kind.from_pretrained(folder), kind.from_pretrained(KINDS[kind]))


def test_a_tensor_with_and_without_a_wrapper_is_ambiguous(saved) -> None:
    kind, folder = saved
    name = min(load_file(folder / WEIGHTS))
    resaved(folder / WEIGHTS, lambda state: state.update({f"module.{name}": state[name] + 1}))
    words = f"has tensor {name!r} twice, as '{name}' and as 'module.{name}'; keep one of them"
    assert words in refusal(kind, folder)


TIED = {
    LMTransformer: ("output.weight", "tok_embeddings.weight"),
    ByteLatentTransformer: ("local_decoder.output.weight", "local_encoder.tok_embeddings.weight"),
}


@pytest.fixture
def tied(saved):
    """Class and folder of a model with shared weights, and the names of both."""
    kind, folder = saved
    change_config(folder, weight_tying=True)
    output, table = TIED[kind]
    resaved(folder / WEIGHTS, lambda state: state.pop(output))
    kind.from_pretrained(folder)
    return kind, folder, output, table


def test_a_tied_model_may_carry_its_output_layer(tied) -> None:
    kind, folder, output, table = tied
    expected = kind.from_pretrained(folder)
    resaved(folder / WEIGHTS, lambda state: state.update({output: state[table].clone()}))
    assert same(kind.from_pretrained(folder), expected)
    resaved(folder / WEIGHTS, lambda state: state.pop(table))
    assert same(kind.from_pretrained(folder), expected), "safetensors keeps one of the two names"


def test_a_tied_model_with_another_output_layer_is_refused(tied) -> None:
    kind, folder, output, table = tied
    resaved(folder / WEIGHTS, lambda state: state.update({output: state[table] + 1}))
    said = refusal(kind, folder)
    assert f"{output!r} differs from {table!r}" in said
    assert "weight_tying" in said


def test_what_save_model_writes_of_a_tied_model(tied) -> None:
    kind, folder = tied[:2]
    model = kind.from_pretrained(folder)
    expected = kind.from_pretrained(folder)
    owner, table = (
        (model, model.tok_embeddings)
        if kind is LMTransformer
        else (model.local_decoder, model.local_encoder.tok_embeddings)
    )
    owner.output = torch.nn.Linear(*table.weight.shape[::-1], bias=False)
    owner.output.weight = table.weight
    save_model(model, str(folder / WEIGHTS))
    assert same(kind.from_pretrained(folder), expected)


def of_one_shape(model: torch.nn.Module) -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
    """Two parameters that have the same shape."""
    parameters = [p for p in model.parameters() if p.ndim == 2]
    return next(
        (one, other)
        for one in parameters
        for other in parameters
        if one is not other and one.shape == other.shape
    )


FORMATS = pytest.mark.parametrize("file_format", ["safetensors", "pth"])


@FORMATS
def test_weights_that_share_memory_are_written_one_by_one(saved, file_format, tmp_path) -> None:
    kind, folder = saved
    model = kind.from_pretrained(folder)
    one, other = of_one_shape(model)
    other.data = one.data
    model.save_pretrained(tmp_path / "shared", file_format=file_format)
    read = kind.from_pretrained(tmp_path / "shared")
    assert same(read, model)
    one, other = of_one_shape(read)
    assert one.data_ptr() != other.data_ptr()


@FORMATS
def test_a_part_of_a_larger_tensor_is_written_alone(saved, file_format, tmp_path) -> None:
    kind, folder = saved
    model = kind.from_pretrained(folder)
    model.save_pretrained(tmp_path / "plain", file_format=file_format)
    for parameter in model.parameters():
        parameter.data = torch.stack([parameter.data] * 20)[3]
    model.save_pretrained(tmp_path / "part", file_format=file_format)
    plain, part = (
        sum(file.stat().st_size for file in (tmp_path / name).iterdir())
        for name in ("plain", "part")
    )
    assert part == plain
    assert same(kind.from_pretrained(tmp_path / "part"), model)


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # torch of itself
def test_a_compiled_part_is_written_under_its_own_name(saved, tmp_path) -> None:
    kind, folder = saved
    model, expected = kind.from_pretrained(folder), load_file(folder / WEIGHTS)
    name, part = next((n, child) for n, child in model.named_children() if [*child.parameters()])
    setattr(model, name, torch.compile(part))
    model.save_pretrained(tmp_path / "compiled")
    written = load_file(tmp_path / "compiled" / WEIGHTS)
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], expected[name]) for name in expected)


FLOAT8 = [torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("stored", FLOAT8)
def test_float8_is_read_into_a_dtype_that_torch_computes_in(saved, stored) -> None:
    kind, folder = saved
    expected = kind.from_pretrained(folder).to(stored).to(torch.bfloat16)
    resaved(folder / WEIGHTS, lambda s: s.update({name: x.to(stored) for name, x in s.items()}))
    assert same(kind.from_pretrained(folder, dtype=torch.bfloat16), expected)
    said = refusal(kind, folder)
    assert f"is stored as {stored}, in which torch computes no model" in said
    assert "dtype=torch.bfloat16" in said


@pytest.mark.parametrize("suffix", ["_scale", "_scale_inv", ".absmax", "_zero_point"])
def test_quantised_weights_are_called_so(saved, suffix) -> None:
    kind, folder = saved
    name = max(load_file(folder / WEIGHTS))
    resaved(folder / WEIGHTS, lambda s: s.update({name + suffix: torch.ones(1)}))
    assert f"is quantised: {name + suffix!r}" in refusal(kind, folder, dtype=torch.float32)


def test_weights_of_several_precisions_are_read_into_the_widest(saved) -> None:
    """Norms in single precision beside matrices in half precision: torch multiplies no mixture."""
    kind, folder = saved
    resaved(
        folder / WEIGHTS,
        lambda s: s.update({n: x.bfloat16() for n, x in s.items() if x.dim() > 1}),
    )
    model = kind.from_pretrained(folder)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    "other", ["pytorch_model.bin", "consolidated.00.pth", "blt.safetensors", "model.gguf"]
)
def test_weights_under_another_name_are_pointed_out(saved, other) -> None:
    kind, folder = saved
    (folder / WEIGHTS).rename(folder / other)
    said = refusal(kind, folder)
    assert said.startswith(f"{folder / WEIGHTS} does not exist; {other} is not read")
