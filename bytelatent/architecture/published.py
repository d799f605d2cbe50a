"""Settings of the released models, as in table 10 of the paper."""

from bytelatent.architecture.args import LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs

BLT_1B = ByteLatentTransformerArgs(
    encoder=LocalArgs(dim=1024, n_layers=1, n_heads=16, rope_theta=500_000, cross_attention="last"),
    global_model=TransformerArgs(dim=2048, n_layers=25, n_heads=16, rope_theta=500_000),
    decoder=LocalArgs(dim=1024, n_layers=9, n_heads=16, rope_theta=500_000),
)
"""Settings of facebook/blt-1b."""

BLT_8B = ByteLatentTransformerArgs(
    encoder=LocalArgs(dim=1280, n_layers=1, n_heads=20, rope_theta=500_000, cross_attention="last"),
    global_model=TransformerArgs(dim=4096, n_layers=32, n_heads=32, rope_theta=500_000),
    decoder=LocalArgs(dim=1280, n_layers=6, n_heads=20, rope_theta=500_000),
    patch_vectors=4,
    cross_heads=20,
)
"""Settings of facebook/blt-7b."""

ENTROPY_MODEL = LMTransformerArgs(dim=768, n_layers=14, n_heads=12)
"""Settings of facebook/blt-entropy, the entropy model of both BLTs."""

CONTEXT = 8192
"""Number of bytes of context for which the paper counts FLOPs."""

PATCH_SIZE = 4.5
"""Mean number of bytes per patch of both BLTs on their training data."""
