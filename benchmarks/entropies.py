"""Speed of entropies: onnxruntime and torch with a banded mask, beside the dense mask.

    python benchmarks/entropies.py

The dense mask (torch's attention with a full ``S x S`` mask) is the reference and runs in the same
process with the same weights; ratios are the time of the reference over ours.
"""

from collections.abc import Callable

import torch
from common import summary, times, write_results

from bytelatent.formats.find import PRETRAINED
from bytelatent.patching.entropies import calculate_entropies, entropy
from bytelatent.runtime import EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.transformer import LMTransformer

FOLDER = PRETRAINED / "blt-entropy-mini"
SENTENCE = (
    b"Patches are segmented by the entropy of the next byte, so compute goes where it counts. "
)


def main() -> None:
    """Measure the speed of entropies on texts of several lengths and write the results."""
    torch.set_num_threads(2)
    runtime = EntropyRuntime.load(FOLDER, threads=2)
    model = LMTransformer.from_pretrained(FOLDER, dtype=torch.float32)
    rows = {}
    for size in (280, 1024, 4096, 16384):
        data = (SENTENCE * (size // len(SENTENCE) + 1))[:size]
        tokens = torch.tensor([BltTokenizer(add_eos=False).encode_bytes(data)])
        repeat = max(5, 20_000 // size)

        def dense(tokens: torch.Tensor = tokens) -> None:
            with torch.inference_mode():
                entropy(model(tokens, impl="sdpa"))

        works: dict[str, Callable[[], object]] = {
            "dense_mask_torch": dense,
            "banded_torch": lambda tokens=tokens: calculate_entropies(model, tokens),
            "onnxruntime": lambda data=data: runtime.analyse(data),
        }
        summaries = {name: summary(times(work, repeat)) for name, work in works.items()}
        peer = summaries["dense_mask_torch"]["median_ms"]
        ratios = {
            name: round(peer / figures["median_ms"], 2) for name, figures in summaries.items()
        }
        rows[f"{size} bytes"] = summaries | {"times_as_fast_as_dense": ratios}
    write_results("entropies", rows)


if __name__ == "__main__":
    main()
