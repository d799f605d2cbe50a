"""Random BLTs as folders with graphs, without the detour over flat args, which not all have."""

import json
from pathlib import Path

from safetensors.torch import save_file

from bytelatent.exporting.folders import export_blt, export_entropy
from bytelatent.formats.file_names import ENTROPY_FOLDER, WEIGHTS_FILE
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.loading import TextModel
from bytelatent.runtime import BltRuntime
from tests.generation.random_cases import RandomCase, lively, random_case
from tests.test_blt import LOCAL, tiny
from tests.test_transformer import tiny as tiny_lm


def wide_case() -> RandomCase:
    """Windows that leave room for long drafts."""
    case = random_case("as released", "entropy", 5)
    local = {**LOCAL, "window": 30}
    case.blt = tiny(encoder={**local, "cross_attention": "last"}, decoder=local)
    case.entropy_model = tiny_lm(sliding_window=25)
    lively(case.blt), lively(case.entropy_model)
    return case


def engine_of(case: RandomCase) -> Engine:
    return Engine(case.blt, case.entropy_model, case.patcher)


def engine_of_text_model(model: TextModel) -> Engine:
    return Engine(model.model, model.entropy_model, model.patcher.args)


def write(case: RandomCase, folder: Path) -> Path:
    """The BLT in ``folder``, its entropy model below it."""
    for model, where in ((case.blt, folder), (case.entropy_model, folder / ENTROPY_FOLDER)):
        where.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), where / WEIGHTS_FILE)
    export_blt(case.blt, folder)
    export_entropy(case.entropy_model, folder / ENTROPY_FOLDER)
    patcher = case.patcher.model_dump(mode="json")
    settings = {"data": {"patcher_args": patcher, "tokenizer_args": {}}}
    (folder / "train_args.json").write_text(json.dumps(settings))
    return folder


def runtime_of(case: RandomCase, folder: Path) -> BltRuntime:
    return BltRuntime.load(write(case, folder))
