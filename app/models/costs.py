"""What a text costs: FLOPs per byte, by the paper's formulas, beside plain decoding.

Plain decoding runs everything for every byte, as a byte model without patches has to: patches of
one byte, and no entropy model, for there is nothing to cut.
"""

from dataclasses import dataclass
from pathlib import Path

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.files import read_json
from bytelatent.formats.released import LM_KIND, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND
from bytelatent.generation.events import Event, Generated
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.runtime.blt_runtime import TRAIN_ARGS_FILE, BltRuntime
from bytelatent.runtime.model_files import entropy_folder


@dataclass
class Tally(Generated):
    """What has been made of a text.

    Attributes:
        checked: bytes that the decoder went over twice: those of rounds of speculation in which
            patches closed. The second time begins where the first of them closes, so this is an
            upper bound.
    """

    checked: int = 0

    def add(self, event: Event) -> None:
        """Count the next event."""
        super().add(event)
        if event.drafted and event.global_ran:
            self.checked += 1 + event.drafted


@dataclass(frozen=True)
class Costs:
    """The shapes that costs follow from.

    Attributes:
        blt: of the model.
        entropy_model: of what cuts its patches, if its rule needs one.
    """

    blt: ByteLatentTransformerArgs
    entropy_model: LMTransformerArgs | None

    @classmethod
    def of(cls, runtime: BltRuntime, folder: Path) -> "Costs":
        """Those of a model that was loaded from ``folder``.

        Raises:
            ValueError: a file that says its shape is missing or damaged.
        """
        args = find_checkpoint(folder, BLT_KIND).args
        if runtime.patcher.mode() not in ENTROPY_MODES:
            return cls(args, None)
        cutter = entropy_folder(folder, read_json(folder / TRAIN_ARGS_FILE), None)
        return cls(args, find_checkpoint(cutter, LM_KIND).args)

    def per_byte(self, made: Tally, context: int) -> float:
        """FLOPs per byte of a text that has been made, what was drafted in vain included.

        Args:
            made: at least one token.
            context: bytes of prompt and text.
        """
        count = len(made.tokens)
        part = flops_per_byte(
            self.blt,
            patch_size=count / max(1, made.patches),
            context=context,
            entropy_model=self.entropy_model,
        )
        decoder = part.decoder + part.decoder_cross
        step = part.encoder + part.encoder_cross + decoder + (part.entropy_model or 0.0)
        vain = (made.drafted - made.accepted) * step + made.checked * decoder
        return part.blt + (part.entropy_model or 0.0) + vain / count

    def plain(self, context: int) -> float:
        """FLOPs per byte where each byte runs everything."""
        return flops_per_byte(self.blt, patch_size=1, context=context).blt
