"""Reading and writing models in the format of ``transformers.BltForCausalLM`` without that library.

One folder contains what the released layout divides into two folders: the BLT, its entropy model
(the patcher) and the threshold. Results differ from those of ``transformers`` only by rounding,
with two exceptions. In ``transformers`` attention crosses the end of a document. With a
``max_patch_length``, ``transformers`` does not start a patch at the next byte, which changes only
the last logits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from bytelatent.convert.transformers_config import (
    TransformersConfig,
    blt_args,
    describe,
    entropy_args,
)
from bytelatent.convert.transformers_limits import check_agreement, check_expressible
from bytelatent.convert.transformers_weights import Pair, read_pair, write_pair
from bytelatent.files import read_json, write_json
from bytelatent.formats.file_names import CONFIG_FILE, INDEX_FILE, SHARDS, WEIGHTS_FILE
from bytelatent.formats.find import model_folder
from bytelatent.formats.pretrained import NoValues
from bytelatent.formats.released import explain
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import PatchingMode
from bytelatent.tokenizers.transformers_files import tokenizer_files
from bytelatent.transformer import LMTransformer

GENERATION_FILE = "generation_config.json"


@dataclass(frozen=True)
class Bundle:
    """A BLT with its entropy model and the settings of its patcher.

    Attributes:
        blt: the BLT; in eval mode after loading.
        entropy_model: the entropy model of the patcher.
        patcher_args: settings of the patcher; ``transformers`` has only the entropy rule.
    """

    blt: ByteLatentTransformer
    entropy_model: LMTransformer
    patcher_args: PatcherArgs


def load_transformers(
    name_or_path: str | Path, *, dtype: torch.dtype | None = None, revision: str | None = None
) -> Bundle:
    """Load a folder or a hub repository in the format of ``transformers``.

    The files are mapped into memory, so memory never holds the weights twice.

    Args:
        name_or_path: an existing folder, or a repository such as ``itazap/blt-1b-hf``.
        dtype: dtype of the loaded weights; that of the files when None.
        revision: branch, tag or commit of the repository; ``owner/name@revision`` names it too.

    Raises:
        ValueError: a file is missing, damaged or does not fit; the message names it.
    """
    files = (CONFIG_FILE, WEIGHTS_FILE, INDEX_FILE, SHARDS)
    needed = ((CONFIG_FILE, WEIGHTS_FILE), (CONFIG_FILE, INDEX_FILE))
    folder = model_folder(name_or_path, files, revision=revision, needed=needed)
    path = folder / CONFIG_FILE
    config = _read_config(path)
    try:
        check_agreement(config)
        shape, entropy_shape = blt_args(config), entropy_args(config)
        patcher_args = PatcherArgs(
            threshold=config.patching_threshold, max_patch_length=config.max_patch_length
        )
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    with torch.device("meta"), NoValues():
        blt, entropy_model = ByteLatentTransformer(shape), LMTransformer(entropy_shape)
    read_pair(folder, Pair(blt, entropy_model), dtype)
    return Bundle(blt.eval(), entropy_model.eval(), patcher_args)


def save_transformers(folder: str | Path, bundle: Bundle) -> None:
    """Write a BLT in the format of ``transformers``: weights, configs and tokenizer.

    Raises:
        ValueError: a setting cannot be expressed in that format; the message names it.
    """
    folder, blt, entropy_model = Path(folder), bundle.blt, bundle.entropy_model
    threshold = _threshold(bundle.patcher_args)
    check_expressible(blt.args, entropy_model.args)
    config = describe(
        blt.args, entropy_model.args, threshold, bundle.patcher_args.max_patch_length
    ).model_dump()
    types = (model.tok_embeddings.weight.dtype for model in (blt.local_encoder, entropy_model))
    config["dtype"] = str(torch.promote_types(*types)).removeprefix("torch.")
    shared = ("bos_token_id", "eos_token_id", "pad_token_id", "use_cache")
    write_pair(folder, Pair(blt, entropy_model))
    write_json(folder / CONFIG_FILE, dict(sorted(config.items())))
    write_json(folder / GENERATION_FILE, {key: config[key] for key in shared})
    for name, content in tokenizer_files().items():
        write_json(folder / name, content)


def _read_config(path: Path) -> TransformersConfig:
    config: Any = read_json(path)
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "blt":
        raise ValueError(
            f"{path}: model_type is {kind!r}, not 'blt'; a checkpoint in the released layout is "
            "read by ByteLatentTransformer.from_pretrained and LMTransformer.from_pretrained"
        )
    try:
        return TransformersConfig.model_validate(config)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None


def _threshold(args: PatcherArgs) -> float:
    """Return the threshold of the entropy rule, which is the only rule of ``transformers``."""
    if args.mode() is not PatchingMode.ENTROPY:
        name, value = "patching_mode", args.mode().value
    elif args.threshold is None:
        name, value = "threshold", "null"
    else:
        return args.threshold
    raise ValueError(
        f"{name}: {value} cannot be expressed in the transformers format; accepted: the entropy "
        "rule with a threshold"
    )
