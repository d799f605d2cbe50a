"""Models that need no file: all follows from the bytes alone, so results are repeatable."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np

from app.models.costs import Costs
from bytelatent.architecture.args import LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.generation.events import Event, RowText
from bytelatent.generation.options import GenerationOptions
from bytelatent.runtime import ByteAnalysis
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.constants import OFFSET

ENCODE = BltTokenizer(add_bos=True, add_eos=False).encode_bytes


@dataclass
class FakeModel:
    """Unsure of what follows a space, sure of everything else; expects the byte that comes.

    Attributes:
        pause: seconds that a text takes.
        gate: parts from the seventh on wait until it is set; None for no wait.
        asked: the texts it was asked for.
    """

    name: str = "fake"
    threshold: float = 1.5
    max_patch_length: int | None = None
    pause: float = 0.0
    gate: threading.Event | None = None
    asked: list[bytes] = field(default_factory=list)

    def analyse(
        self, data: bytes, *, top_k: int = 0, between: Callable[[], None] | None = None
    ) -> ByteAnalysis:
        self.asked.append(data)
        until = time.monotonic() + self.pause
        while time.monotonic() < until:
            time.sleep(min(0.02, self.pause))
            if between:
                between()
        tokens = np.array(ENCODE(data), dtype=np.int64)
        places = np.arange(len(tokens))
        before = tokens - 4
        low = 0.05 + ((before * 37 + places * 11) % 97) / 97
        entropies = np.where((before < 0) | (before == 0x20), 2.2 + low, low).astype(np.float32)
        after = np.append(tokens[1:], 2)
        ids = (after[:, None] - 4 + np.arange(top_k)) % 256 + 4
        shape = (len(tokens), top_k)
        probabilities = np.broadcast_to(0.5 ** np.arange(1, top_k + 1), shape)
        return ByteAnalysis(
            tokens=tokens,
            entropies=entropies,
            nats=np.full(len(data), np.log(2), dtype=np.float32),
            top_ids=ids,
            top_probabilities=probabilities.astype(np.float32),
        )

    def analyse_parts(
        self,
        data: bytes,
        *,
        top_k: int = 0,
        between: Callable[[], None] | None = None,
        cores: int = 1,
    ) -> Iterator[ByteAnalysis]:
        parts = parts_of(self.analyse(data, top_k=top_k, between=between), 100)
        for number, part in enumerate(parts):
            while number > 5 and self.gate and not self.gate.wait(0.02):
                if between:
                    between()
            yield part


def parts_of(analysis: ByteAnalysis, size: int) -> Iterator[ByteAnalysis]:
    """An analysis in parts of so many tokens."""
    for first in range(0, len(analysis.tokens), size):
        place = slice(first, first + size)
        yield ByteAnalysis(**{f.name: getattr(analysis, f.name)[place] for f in fields(analysis)})


SHAPES = Costs(
    ByteLatentTransformerArgs(
        encoder=LocalArgs(dim=64, n_layers=1, n_heads=4, window=64, cross_attention="last"),
        global_model=TransformerArgs(dim=256, n_layers=8, n_heads=4),
        decoder=LocalArgs(dim=64, n_layers=2, n_heads=4, window=64),
        cross_heads=4,
    ),
    LMTransformerArgs(dim=32, n_layers=2, n_heads=2),
)
WORDS = "the cat sat on the mät. "


@dataclass
class FakeBlt:
    """Says the same words again and again; every fifth byte that it drafts is wrong.

    Attributes:
        pause: seconds that a byte takes.
        fails_at: number of the byte at which it breaks.
        made: bytes made so far, of all texts.
        open: texts that are being made.
        asked: what it was asked for.
    """

    name: str = "fake-blt"
    words: bytes = WORDS.encode()
    pause: float = 0.0
    fails_at: int | None = None
    made: int = 0
    open: int = 0
    asked: list[dict[str, object]] = field(default_factory=list)

    def shared(self) -> "FakeBlt":
        return self

    def text_events(self, prompt: bytes, options: GenerationOptions) -> Iterator[Event]:
        asked = {"prompt": prompt, "max_bytes": options.max_bytes, "sampling": options.sampling}
        self.asked.append(asked)
        if prompt == b"refuse":
            raise ValueError("prompt: this model refuses it")
        length = 6 if options.speculate == "auto" else options.speculate or 0
        return self._events(RowText(options.max_bytes, options.stop), length)

    def _events(self, text: RowText, speculate: int) -> Iterator[Event]:
        self.open += 1
        try:
            place, left = 0, 0  # bytes so far, and of the round
            while text.finish is None:
                if self.pause:
                    time.sleep(self.pause)
                if place == self.fails_at:
                    raise RuntimeError("inner detail")
                event = self._event(text, place)
                if speculate and left == 0 and text.left:
                    event = self._round(event, place, min(speculate, text.left))
                    left = event.accepted + 1
                left, place, self.made = max(0, left - 1), place + 1, self.made + 1
                yield event
        finally:
            self.open -= 1

    def _event(self, text: RowText, place: int) -> Event:
        byte = self._byte(place)
        starts = place > 0 and self._byte(place - 1) == 0x20
        return Event(
            row=0,
            token=byte + OFFSET,
            byte=byte,
            text=text.push(byte + OFFSET),
            probability=0.25 if starts else 0.9,
            entropy=2.0 + place % 3 / 4 if starts else 0.1 + place % 4 / 8,
            starts_patch=starts,
            global_ran=starts or place == 0,
            drafted=0,
            accepted=0,
            seconds=0.01 * (place + 1),
            finish=text.finish,
        )

    def _round(self, event: Event, place: int, length: int) -> Event:
        right = [self._byte(place + k) for k in range(1, length + 1)]
        draft = [b if (place + k) % 5 else 0x3F for k, b in enumerate(right, 1)]
        wrong = [k for k, (a, b) in enumerate(zip(draft, right, strict=True)) if a != b]
        return replace(
            event,
            drafted=length,
            accepted=wrong[0] if wrong else length,
            draft=tuple(b + OFFSET for b in draft),
        )

    def _byte(self, place: int) -> int:
        return self.words[place % len(self.words)]
