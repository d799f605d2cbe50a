"""One text, split by patching rules and by BPE: the rows of ``POST /api/compare``.

Legend: ``N`` bytes of the text, ``S = N + 1`` tokens (BOS first).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from app.models.live import cut, rounded
from app.models.live_model import LiveModel
from app.models.threshold_curve import Calibration
from app.requests import deadline
from app.schemas.compare import CompareRequest, Splitter
from bytelatent.patching.rules import COMPARED_RULES, Rule, RuleOptions
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.bpe import NAMES, BpeName, BpeUnavailableError, piece_lengths

BPE_TITLES: dict[BpeName, str] = {
    "cl100k_base": "cl100k",
    "o200k_base": "o200k",
    "llama3": "Llama 3",
}
TITLES: dict[Splitter, str] = {rule.name: rule.title for rule in COMPARED_RULES} | {
    name: BPE_TITLES[name] for name in NAMES
}
RISE = 0.5
"""Threshold in nats of the monotonic rule for a model without a calibration."""

PIECES_AT_ONCE = 2048

_RULES = {rule.name: rule for rule in COMPARED_RULES}
_BPE: dict[str, BpeName] = {name: name for name in NAMES}
_ENCODE = BltTokenizer(add_bos=True, add_eos=False).encode_bytes


@dataclass(frozen=True)
class SplitRow:
    """Result of one splitter: the lengths of its pieces in bytes, or why there is no result."""

    splitter: Splitter
    lengths: list[int] | None = None
    threshold: float | None = None
    unavailable: str | None = None

    def json_parts(self) -> Iterator[str]:
        """Generate the JSON of :class:`app.schemas.compare.CompareRow` in parts."""
        count = None if self.lengths is None else len(self.lengths)
        head = {
            "splitter": self.splitter,
            "title": TITLES[self.splitter],
            "threshold": self.threshold,
            "count": count,
            "bytes_per_piece": sum(self.lengths or []) / count if count else None,
            "unavailable": self.unavailable,
        }
        yield json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1]
        if self.lengths is None:
            yield ', "pieces": null}'
            return
        yield ', "pieces": ['
        starts = list(accumulate(self.lengths, initial=0))
        for at in range(0, len(self.lengths), PIECES_AT_ONCE):
            some = zip(
                starts[at : at + PIECES_AT_ONCE],
                self.lengths[at : at + PIECES_AT_ONCE],
                strict=False,
            )
            text = ", ".join(f'{{"start": {start}, "length": {length}}}' for start, length in some)
            yield text if at == 0 else ", " + text
        yield "]}"


@dataclass(frozen=True)
class Comparison:
    """Results of all splitters for one text.

    Attributes:
        model: name of the entropy model, or None.
        size: number of bytes of the text.
        rows: results, in the order of the request.
    """

    model: str | None
    size: int
    rows: list[SplitRow]

    @property
    def pieces(self) -> int:
        """Number of pieces in all rows."""
        return sum(len(row.lengths or []) for row in self.rows)

    def json_parts(self) -> Iterator[str]:
        """Generate the JSON of :class:`app.schemas.compare.CompareResponse` in parts."""
        name = json.dumps(self.model, ensure_ascii=False)
        yield f'{{"model": {name}, "bytes": {self.size}, "rows": ['
        for number, row in enumerate(self.rows):
            if number:
                yield ", "
            yield from row.json_parts()
        yield "]}"


def compare(
    model: LiveModel, calibration: Calibration, request: CompareRequest, data: bytes
) -> Comparison:
    """Split ``data`` with every splitter of ``request``; the entropy model runs at most once.

    Raises:
        ProblemError: the entropy model is busy, or the time limit is over.
        ClientGoneError: the client has left.
    """
    splitters = list(dict.fromkeys(request.splitters or TITLES))
    tokens = np.array(_ENCODE(data), dtype=np.int64)
    entropies = np.zeros(len(tokens))
    reason = model.unavailable
    rules = [_RULES[splitter] for splitter in splitters if splitter in _RULES]
    if model.source and any(rule.uses_entropies for rule in rules):
        entropies = rounded(model.analyse(data, top_k=0).entropies)
    rows: list[SplitRow] = []
    for splitter in splitters:
        if splitter in _BPE:
            rows.append(_by_bpe(_BPE[splitter], data))
            continue
        rule = _RULES[splitter]
        if rule.uses_entropies and reason:
            rows.append(SplitRow(splitter, unavailable=reason))
        else:
            options = _options(rule, request, model, calibration)
            lengths = cut(rule.mode, tokens, entropies, options)[1:]
            rows.append(SplitRow(splitter, lengths, threshold=options.threshold))
    return Comparison(model.source.name if model.source else None, len(data), rows)


def _options(
    rule: Rule, request: CompareRequest, model: LiveModel, calibration: Calibration
) -> RuleOptions:
    longest = request.max_patch_length
    threshold = _threshold(rule, request, model, calibration)
    if longest is None and threshold is not None and model.source:
        longest = model.source.max_patch_length
    size = request.patch_size if "patch_size" in rule.needs else None
    return RuleOptions(threshold=threshold, patch_size=size, max_patch_length=longest)


def _threshold(
    rule: Rule, request: CompareRequest, model: LiveModel, calibration: Calibration
) -> float | None:
    """Return the threshold of a rule in nats: the requested one, or else that of the model."""
    if rule.compares is None:
        return None
    if rule.compares == "rise":
        own = RISE if calibration.rise is None else calibration.rise
        return own if request.monotonic_threshold is None else request.monotonic_threshold
    if request.threshold is not None:
        return request.threshold
    return model.source.threshold if model.source else None


def _by_bpe(name: BpeName, data: bytes) -> SplitRow:
    try:
        check = deadline.current().check
        return SplitRow(name, piece_lengths(name, data.decode(), between=check))
    except BpeUnavailableError as error:
        return SplitRow(name, unavailable=str(error))
