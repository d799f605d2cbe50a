"""Checkpoints in both of Meta's layouts: read, written, and what is said of bad ones."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.hf import BltTokenizerAndPatcher
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.transformer import LMTransformer
from tests.conftest import CHECKPOINTS

BLT = CHECKPOINTS / "like-7b" / "blt"
ENTROPY = CHECKPOINTS / "like-7b" / "entropy"
KINDS = {ByteLatentTransformer: BLT, LMTransformer: ENTROPY}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def consolidated(kind, folder: Path, *, bare: bool = False, params=None) -> Path:
    """A ``.pth`` checkpoint made by torch alone."""
    folder.mkdir()
    state = load_file(KINDS[kind] / "model.safetensors")
    torch.save(state if bare else {"model": state, "step": 3}, folder / "consolidated.pth")
    flat = json.loads((KINDS[kind] / "config.json").read_text())["args"]
    params = params or (lambda flat: flat)
    (folder / "params.json").write_text(json.dumps(params(flat)))
    return folder


def change_config(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["args"].update(changes)
    (folder / "config.json").write_text(json.dumps(config))


@each_kind
@pytest.mark.parametrize("bare", [False, True])
def test_consolidated_checkpoints_are_read(kind, bare, tmp_path) -> None:
    found = kind.from_pretrained(consolidated(kind, tmp_path / "m", bare=bare))
    assert same(found, kind.from_pretrained(KINDS[kind]))
    assert not found.training


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (LMTransformer, lambda flat: {"entropy_model": flat, "model": {"dim_global": 1}}),
        (LMTransformer, lambda flat: {"entropy_model": None, "model": flat, "steps": 5}),
        (LMTransformer, lambda flat: {"args": flat}),
        (ByteLatentTransformer, lambda flat: {"model": flat, "entropy_model": {"dim": 8}}),
        (ByteLatentTransformer, lambda flat: {"args": flat}),
    ],
)
def test_args_stand_in_params_json_in_several_places(kind, params, tmp_path) -> None:
    found = kind.from_pretrained(consolidated(kind, tmp_path / "m", params=params))
    assert found.args == kind.from_pretrained(KINDS[kind]).args


@each_kind
def test_consolidated_checkpoints_are_written_and_read_back_bit_for_bit(kind, tmp_path) -> None:
    model = kind.from_pretrained(KINDS[kind])
    model.save_pretrained(tmp_path / "m", file_format="pth")
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert names == {"params.json", "consolidated.pth"}
    again = kind.from_pretrained(tmp_path / "m")
    assert same(model, again)
    assert again.args == model.args
    plain = torch.load(tmp_path / "m" / "consolidated.pth", weights_only=True)["model"]
    assert plain.keys() == load_file(KINDS[kind] / "model.safetensors").keys()


def test_a_repository_with_an_entropy_model_inside(tmp_path) -> None:
    """As facebook/blt-1b is: the released layout, and a consolidated model in a subfolder."""
    shutil.copytree(BLT, tmp_path / "blt-1b")
    consolidated(LMTransformer, tmp_path / "blt-1b" / "entropy_model")
    entropy_model = LMTransformer.from_pretrained(tmp_path / "blt-1b" / "entropy_model")
    assert same(entropy_model, LMTransformer.from_pretrained(ENTROPY))
    blt = ByteLatentTransformer.from_pretrained(str(tmp_path / "blt-1b"))
    assert same(blt, ByteLatentTransformer.from_pretrained(BLT))


def test_the_released_layout_comes_first_and_is_not_shadowed(tmp_path) -> None:
    folder = consolidated(LMTransformer, tmp_path / "m", params=lambda _: {"nonsense": 1})
    shutil.copytree(ENTROPY, folder, dirs_exist_ok=True)
    model = LMTransformer.from_pretrained(folder)
    with pytest.raises(ValueError, match=r"config\.json exists and would be read in place of"):
        model.save_pretrained(folder, file_format="pth")
    with pytest.raises(ValueError, match="file_format: 'pt' is neither"):
        model.save_pretrained(tmp_path, file_format="pt")


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("wanted", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", ["safetensors", "pth"])
def test_weights_are_converted_part_by_part(stored, wanted, layout, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("bytelatent.formats.weights.PART_BYTES", 1000)
    model = LMTransformer.from_pretrained(ENTROPY).to(stored)
    model.save_pretrained(tmp_path / "m", file_format=layout)
    found = LMTransformer.from_pretrained(tmp_path / "m", dtype=wanted)
    assert {p.dtype for p in found.parameters()} == {wanted}
    assert same(found, model.to(wanted))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def resaved(path: Path, change) -> None:
    """Change the state dict in a file of either kind."""
    if path.suffix == ".pth":
        state = torch.load(path, weights_only=True)["model"]
        change(state)
        torch.save({"model": state}, path)
    else:
        state = load_file(path)
        change(state)
        save_file(state, path)


@each_kind
@pytest.mark.parametrize("layout", ["safetensors", "pth"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, r"{name} does not exist$"),
        (lambda p: (p.unlink(), p.mkdir()), r"{name} cannot be read: "),
        (truncated, r"{name} is damaged"),
        (lambda p: p.write_bytes(b""), r"{name} is (damaged|no torch checkpoint)"),
        (lambda p: p.write_bytes(b"\x93NUMPY" * 99), r"{name} is (damaged|no torch checkpoint)"),
        (
            lambda p: resaved(p, lambda s: s.pop(max(s))),
            r"{name} lacks tensor '.*' \(1 in all\); is it a checkpoint of another kind\?$",
        ),
        (
            lambda p: resaved(p, lambda s: s.update(wte=torch.zeros(3))),
            r"{name} has unknown tensor 'wte' \(1 in all\); is it a checkpoint",
        ),
        (
            lambda p: resaved(p, lambda s: s.update({max(s): torch.zeros(3, 5)})),
            r"{name}: tensor '.*' has shape \(3, 5\), the config asks for \(",
        ),
        (
            lambda p: resaved(p, lambda s: s.update({max(s): s[max(s)].to(torch.int8)})),
            r"{name}: tensor '.*' holds torch.int8, not floating point$",
        ),
        (
            lambda p: resaved(p, lambda s: (s.clear(), s.update(a=torch.zeros(2)))),
            r"{name} lacks tensor",
        ),
    ],
)
def test_bad_weights_are_named(kind, layout, damage, words, tmp_path) -> None:
    kind.from_pretrained(KINDS[kind]).save_pretrained(tmp_path / "m", file_format=layout)
    name = {"safetensors": "model.safetensors", "pth": "consolidated.pth"}[layout]
    damage(tmp_path / "m" / name)
    with pytest.raises(ValueError, match=words.format(name=name)) as caught:
        kind.from_pretrained(tmp_path / "m")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], r"holds no state dict, neither bare nor under 'model'$"),
        ({"model": 7}, r"holds no state dict"),
        ({"model": {"a": 7}}, r"consolidated\.pth: 'a' is no tensor but a int$"),
        ({"model": Path}, r"could run code, so it is not opened$"),
    ],
)
def test_files_of_torch_that_are_no_checkpoints(content, words, tmp_path) -> None:
    folder = consolidated(LMTransformer, tmp_path / "m")
    torch.save(content, folder / "consolidated.pth")
    with pytest.raises(ValueError, match=words):
        LMTransformer.from_pretrained(folder)


def test_the_format_of_old_torch_is_named(tmp_path) -> None:
    folder = consolidated(LMTransformer, tmp_path / "m")
    state = load_file(ENTROPY / "model.safetensors")
    torch.save(state, folder / "consolidated.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"save it again with torch\.save$"):
        LMTransformer.from_pretrained(folder)


def test_a_checkpoint_of_another_kind_says_what_reads_it(tmp_path) -> None:
    with pytest.raises(
        ValueError, match=r"describes a BLT; read it with ByteLatentTransformer\.from_pretrained$"
    ):
        LMTransformer.from_pretrained(BLT)
    with pytest.raises(
        ValueError, match=r"describes an entropy model; read it with LMTransformer\.from_pre"
    ):
        ByteLatentTransformer.from_pretrained(ENTROPY)
    with pytest.raises(ValueError, match=r"params\.json describes a BLT"):
        LMTransformer.from_pretrained(consolidated(ByteLatentTransformer, tmp_path / "m"))


@each_kind
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "blt", "architectures": ["BltForCausalLM"]}, "convert-from-transformers$"),
        ({"model_type": "gpt2"}, "describes a model of another kind, 'gpt2'$"),
        ({"hidden_size": 3}, "is no released config"),
        ([], "is no released config"),
    ],
)
def test_configs_of_others(kind, config, words, tmp_path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=words):
        kind.from_pretrained(tmp_path)


@each_kind
def test_folders_without_a_model(kind, tmp_path) -> None:
    with pytest.raises(
        ValueError, match=r"config\.json does not exist, nor params\.json .*: .* holds no model$"
    ):
        kind.from_pretrained(tmp_path)
    (tmp_path / "params.json").write_text("[]")
    with pytest.raises(ValueError, match=r"params\.json holds no object$"):
        kind.from_pretrained(tmp_path)


@each_kind
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_leyers": 2}, r"config\.json: n_leyers: unknown key; the nearest known one is n_l"),
        ({"vocab_size": -1}, r"config\.json: vocab_size: Input should be greater than"),
    ],
)
def test_bad_configs_name_the_key(kind, changes, words, tmp_path) -> None:
    shutil.copytree(KINDS[kind], tmp_path / "m")
    change_config(tmp_path / "m", **changes)
    with pytest.raises(ValueError, match=words):
        kind.from_pretrained(tmp_path / "m")


def test_no_permission_to_read(tmp_path, monkeypatch) -> None:
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    for name, layout, file in (
        ("safe_open", "safetensors", "model.safetensors"),
        ("torch.load", "pth", "consolidated.pth"),
    ):
        LMTransformer.from_pretrained(ENTROPY).save_pretrained(
            tmp_path / layout, file_format=layout
        )
        with monkeypatch.context() as patch:
            patch.setattr(f"bytelatent.formats.weights.{name}", refuse)
            with pytest.raises(ValueError, match=rf"{file} cannot be read: Permission denied$"):
                LMTransformer.from_pretrained(tmp_path / layout)


def test_no_permission_to_look_into_a_folder(tmp_path, monkeypatch) -> None:
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    for look in ("is_dir", "is_file"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, look, refuse)
            for kind in (*KINDS, BltTokenizerAndPatcher):
                with pytest.raises(ValueError, match="cannot be read: Permission denied"):
                    kind.from_pretrained(tmp_path)


def test_no_permission_to_write(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot be written: Not a directory"):
        LMTransformer.from_pretrained(ENTROPY).save_pretrained(tmp_path / "file" / "m")


SAVE_ON_A_FULL_DISK = """
import resource, signal, sys
from bytelatent.transformer import LMTransformer
model = LMTransformer.from_pretrained(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for layout in ("safetensors", "pth"):
    try:
        model.save_pretrained(f"{sys.argv[2]}/{layout}", file_format=layout)
    except ValueError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_old_checkpoint_and_nothing_else(tmp_path) -> None:
    old = LMTransformer(LMTransformerArgs(dim=8, n_layers=1, n_heads=2, multiple_of=8))
    old.init_weights()
    for layout in ("safetensors", "pth"):
        old.save_pretrained(tmp_path / layout, file_format=layout)
    command = [sys.executable, "-c", SAVE_ON_A_FULL_DISK, str(ENTROPY), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"{tmp_path}/safetensors/model.safetensors cannot be written: File too large",
        f"{tmp_path}/pth/consolidated.pth cannot be written: File too large",
    ]
    for layout in ("safetensors", "pth"):
        assert same(old, LMTransformer.from_pretrained(tmp_path / layout))
        assert len(list((tmp_path / layout).iterdir())) == 2


LOAD = """
import sys
import torch
from bytelatent.transformer import LMTransformer

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

small, folder = sys.argv[1:]
LMTransformer.from_pretrained(small, dtype=torch.bfloat16)  # loads what loading needs
before = peak()
for stored, wanted in (("fp32", None), ("fp32", torch.bfloat16), ("bf16", torch.float32)):
    LMTransformer.from_pretrained(f"{folder}/{stored}", dtype=wanted)
    print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("layout", ["safetensors", "pth"])
def test_loading_never_holds_the_weights_twice(layout, tmp_path) -> None:
    """Resident memory grows by at most 1.2 times the weights, as stored or as converted."""
    model = LMTransformer(LMTransformerArgs(dim=1024, n_layers=6, n_heads=8))
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    assert size > 3e8
    model.save_pretrained(tmp_path / "fp32", file_format=layout)
    model.bfloat16().save_pretrained(tmp_path / "bf16", file_format=layout)
    command = [sys.executable, "-c", LOAD, str(ENTROPY), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    as_stored, to_bf16, to_fp32 = map(int, done.stdout.split())
    assert as_stored <= 1.2 * size
    assert to_bf16 <= 1.2 * size / 2
    assert size <= to_fp32 <= 1.2 * size
