"""Files of the byte tokenizer for ``transformers``, so that ``AutoTokenizer`` gives the same ids.

The ``tokenizers`` library represents a byte by one printable character: the byte itself if it is
printable in Latin-1, otherwise the next free character from U+0100 on. So a vocabulary of 256
characters without merges is a byte tokenizer.
"""

from typing import Any

from bytelatent.tokenizers.constants import (
    BOS_ID,
    BYTE_VALUES,
    EOS_ID,
    OFFSET,
    PAD_ID,
    SPECIAL_NAMES,
)


def tokenizer_files() -> dict[str, dict[str, Any]]:
    """Return the JSON content of each tokenizer file for ``transformers``, by file name."""
    names = {token: f"<|{name.lower()}|>" for token, name in SPECIAL_NAMES.items()}
    return {
        "tokenizer.json": _tokenizer(names),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": names[BOS_ID],
            "eos_token": names[EOS_ID],
            "pad_token": names[PAD_ID],
            "clean_up_tokenization_spaces": False,
            # Text is bytes: the text <|eos|> is encoded as seven bytes.
            "split_special_tokens": True,
        },
    }


def _tokenizer(names: dict[int, str]) -> dict[str, Any]:
    bos = names[BOS_ID]
    first = [_special(bos), _sequence("A")]
    as_bytes = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, "content": name, **flags, "special": True}
            for token, name in names.items()
        ],
        "normalizer": None,
        "pre_tokenizer": as_bytes,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": first,
            "pair": [*first, _special(bos), _sequence("B")],
            "special_tokens": {bos: {"id": bos, "ids": [BOS_ID], "tokens": [bos]}},
        },
        "decoder": as_bytes,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: token for token, name in names.items()}
            | {letter: byte + OFFSET for byte, letter in enumerate(_letters())},
            "merges": [],
        },
    }


def _letters() -> list[str]:
    """Return the character that represents each byte."""
    free = iter(range(0x100, 0x200))
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    return [chr(byte if byte in shown else next(free)) for byte in range(BYTE_VALUES)]


def _special(name: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": name, "type_id": 0}}


def _sequence(name: str) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": 0}}
