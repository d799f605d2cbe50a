"""Speed of the data loader by packing, workers and format, and the padding that packing leaves.

    python setup/build_corpus.py
    python benchmarks/loader.py

Speeds are for the mix and the sizes of ``configs/entropy_mini.yaml``, from plain JSON lines unless
another format is named. Padding is measured on rows cut by the entropies of blt-entropy-mini: the
share of byte positions that hold padding, and the share of a batch's patch slots that are empty.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import yaml
from backports import zstd
from common import write_results

from bytelatent.data.args import DataArgs
from bytelatent.data.documents import read_documents
from bytelatent.data.loader import Loader
from bytelatent.formats.find import PRETRAINED
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.runtime import EntropyRuntime
from bytelatent.tokenizers.constants import PAD_ID

ROOT = Path(__file__).parents[1]
SECONDS = 3.0
MEASURED = 400_000
"""Number of bytes whose entropies are measured for the padding of packing."""
ROWS_OF_WASTE = 2000


def mix(**changes: Any) -> DataArgs:
    """Return the data settings of the small entropy model, with ``changes``."""
    config = yaml.safe_load((ROOT / "bytelatent/configs/entropy_mini.yaml").read_text())
    args = {**config["data"], "root_dir": ROOT / "data/corpus", **changes}
    return DataArgs(**args)


def speed(args: DataArgs, patcher: Patcher | None = None) -> int:
    """Return the loader's bytes per second after the first batches; the best of three attempts."""
    loader = Loader(args, "train", patcher=patcher)
    for _ in range(20):
        next(loader)
    speeds = []
    for _ in range(3):
        began, tokens = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            tokens += next(loader).tokens_BS.numel()
        speeds.append(tokens / (time.perf_counter() - began))
    loader.close()
    return round(max(speeds))


def convert(source: Path, folder: Path) -> dict[str, Path]:
    """Write one source in every format, each as the only source under its own root."""
    plain = source.read_bytes()
    texts = [json.loads(line)["text"] for line in plain.splitlines()]
    rows = pa.table({"text": texts})
    roots = {}
    for ending in (".jsonl", ".jsonl.gz", ".jsonl.zst", ".arrow", ".parquet"):
        path = folder / ending[1:] / "train" / f"wikipedia{ending}"
        path.parent.mkdir(parents=True)
        if ending == ".arrow":
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows, max_chunksize=1000)
        elif ending == ".parquet":
            pa.parquet.write_table(rows, path)
        else:
            pack = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
            path.write_bytes(pack(plain))
        roots[ending] = folder / ending[1:]
    return roots


def measured_source(folder: Path, model: EntropyRuntime) -> Path:
    """Write a root whose only source, ``measured``, holds the entropies of ``model``."""
    texts: list[str] = []
    entropies: list[np.ndarray] = []
    size = 0
    for document in read_documents(ROOT / "data/corpus/train/wikipedia.jsonl"):
        texts.append(document.decode())
        entropies.append(np.append(model.analyse(document).entropies, 0).astype(np.float32))
        size += len(document)
        if size > MEASURED:
            break
    path = folder / "train" / "measured.parquet"
    path.parent.mkdir(parents=True)
    pa.parquet.write_table(pa.table({"text": texts, "entropies": entropies}), path)
    return folder


def waste(args: DataArgs, patcher: Patcher) -> dict[str, float]:
    """Return the percentages of empty positions and patch slots, and the patch size."""
    loader = Loader(args, "train", patcher=patcher)
    positions = used = patch_slots = patches = 0
    for _ in range(ROWS_OF_WASTE // args.batch_size):
        batch = next(loader)
        lengths = batch.patch_lengths_BP
        assert lengths is not None
        positions += batch.tokens_BS.numel()
        used += int((batch.tokens_BS != PAD_ID).sum())
        # The last column is the patch of the next, unseen byte: no place of the model.
        patch_slots += lengths[:, :-1].numel()
        patches += int((lengths > 0).sum()) - len(lengths)
    return {
        "bytes_per_patch": round(used / patches, 2),
        "padding_percent": round(100 * (1 - used / positions), 2),
        "empty_patches_percent": round(100 * (1 - patches / patch_slots), 2),
    }


def main() -> int:
    """Measure speed and padding of the data loader, which takes about two minutes."""
    rows: dict[str, Any] = {
        "bytes_per_second": {f"{n} workers": speed(mix(workers=n)) for n in (0, 1, 2)}
    }
    space = Patcher(PatcherArgs(patching_mode="space"))
    rows["bytes_per_second"]["patches by spaces, 0 workers"] = speed(mix(), space)
    with tempfile.TemporaryDirectory() as folder:
        roots = convert(ROOT / "data/corpus/train/wikipedia.jsonl", Path(folder))
        for ending, root in roots.items():
            args = mix(root_dir=root, sources={"wikipedia": 1})
            rows["bytes_per_second"][f"wikipedia{ending}"] = speed(args)
        model = EntropyRuntime.load(PRETRAINED / "blt-entropy-mini", threads=2)
        root = measured_source(Path(folder) / "measured", model)
        patcher = Patcher(PatcherArgs(threshold=model.threshold))
        source_args = {"root_dir": root, "sources": {"measured": 1}}
        rows["waste"] = {"by bytes": waste(mix(**source_args), patcher)}
        for most in (96, 112, 128, 144, 160):
            args = mix(**source_args, pack_by="patches", max_patches=most)
            rows["waste"][f"by patches, at most {most}"] = waste(args, patcher)
        args = mix(**source_args, seq_len=4096, pack_by="patches", max_patches=860)
        rows["waste"]["by patches, at most 860 in 4096 bytes"] = waste(args, patcher)
    write_results("loader", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
