"""Words as the three patterns part them; where they differ, and that nothing is left out."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.tokenizers.bpe_words import Pattern, Words


@pytest.fixture(scope="module")
def words() -> Words:
    spec = find_spec("quicktok")
    if spec is None or spec.origin is None:
        pytest.skip("the classes of Unicode come with quicktok")
    return Words((Path(spec.origin).parent / "data" / "uniclass_o200k.bin").read_bytes())


@pytest.mark.parametrize(
    ("text", "cl100k", "o200k", "llama3"),
    [
        ("don't", "don|'t", "don't", "don|'t"),
        ("a \n  ", "a| \n  ", "a| \n|  ", "a| \n|  "),
        ("a \n  b", "a| \n| | b", "a| \n| | b", "a| \n| | b"),
        ("camelCase", "camelCase", "camel|Case", "camelCase"),
        ("亚洲AV", "亚洲AV", "亚洲|AV", "亚洲AV"),
        ("e\u0301t", "e|\u0301t", "e\u0301t", "e|\u0301t"),
        ("x!//\n/", "x|!//\n|/", "x|!//\n/", "x|!//\n|/"),
        ("12345", "123|45", "123|45", "123|45"),
        ("٣\u00b21Ⅷ", "٣\u00b21|Ⅷ", "٣\u00b21|Ⅷ", "٣\u00b21|Ⅷ"),
        ("a\u00a0 \u3000b", "a|\u00a0 |\u3000b", "a|\u00a0 |\u3000b", "a|\u00a0 |\u3000b"),
        ("'ſ\x1c", "'ſ|\x1c", "'ſ|\x1c", "'ſ|\x1c"),
        ("", "", "", ""),
    ],
)
def test_where_they_part(words: Words, text: str, cl100k: str, o200k: str, llama3: str) -> None:
    patterns: dict[Pattern, str] = {
        "cl100k_base": cl100k,
        "o200k_base": o200k,
        "llama3": llama3,
    }
    for pattern, parted in patterns.items():
        found = b"|".join(words.of(text, pattern)).decode()
        assert found == parted, pattern


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_nothing_lies_between_them(words: Words, text: str) -> None:
    for pattern in ("cl100k_base", "o200k_base", "llama3"):
        parts = list(words.of(text, pattern))
        assert b"".join(parts) == text.encode()
        assert all(parts)
