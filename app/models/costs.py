"""The cost of a generated text in FLOPs per byte, by the paper's formulas, beside plain decoding.

Plain decoding is the cost of a byte model without patches: every byte runs every layer, and there
is no entropy model.
"""

from dataclasses import dataclass
from pathlib import Path

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.files import read_json
from bytelatent.formats.file_names import TRAIN_ARGS_FILE
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.generation.events import Event, Generated
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.runtime.blt_runtime import BltRuntime
from bytelatent.runtime.model_files import entropy_folder


@dataclass
class Tally(Generated):
    """Counts of the events of a generated text.

    Attributes:
        checked: number of bytes that the local decoder processed twice, in rounds of speculation in
            which a patch closed. The second pass starts at the first closed patch, so this number
            is an upper bound.
    """

    checked: int = 0

    def add(self, event: Event) -> None:
        """Count the next event."""
        super().add(event)
        if event.drafted and event.global_ran:
            self.checked += 1 + event.drafted


@dataclass(frozen=True)
class Costs:
    """Shapes of the models that the costs are computed from.

    Attributes:
        blt: shape of the BLT.
        entropy_model: shape of the entropy model, or None if the patching rule needs none.
    """

    blt: ByteLatentTransformerArgs
    entropy_model: LMTransformerArgs | None

    @classmethod
    def of(cls, runtime: BltRuntime, folder: Path) -> "Costs":
        """Return the shapes of a model that was loaded from ``folder``.

        Raises:
            ValueError: a file that contains a shape is missing or damaged.
        """
        args = find_checkpoint(folder, BLT_KIND).args
        if runtime.patcher.mode() not in ENTROPY_MODES:
            return cls(args, None)
        cutter = entropy_folder(folder, read_json(folder / TRAIN_ARGS_FILE), None)
        return cls(args, find_checkpoint(cutter, LM_KIND).args)

    def per_byte(self, tally: Tally, context: int) -> float:
        """Return the FLOPs per byte of a generated text, including those for rejected drafts.

        Args:
            tally: counts of the text; it must contain at least one token.
            context: number of bytes of prompt and text.
        """
        count = len(tally.tokens)
        part = flops_per_byte(
            self.blt,
            patch_size=count / max(1, tally.patches),
            context=context,
            entropy_model=self.entropy_model,
        )
        decoder = part.decoder + part.decoder_cross
        step = part.encoder + part.encoder_cross + decoder + (part.entropy_model or 0.0)
        vain = (tally.drafted - tally.accepted) * step + tally.checked * decoder
        return part.blt + (part.entropy_model or 0.0) + vain / count

    def plain(self, context: int) -> float:
        """Return the FLOPs per byte of plain decoding."""
        return flops_per_byte(self.blt, patch_size=1, context=context).blt
