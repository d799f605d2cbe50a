"""Cleaning texts without losing places."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bytelatent.graph.cleaning import CleaningArgs, clean

ANY = st.text(st.characters(exclude_categories=()), max_size=60)
SOME = ["Élan ", "e\u0301", "\r\n", "\n\n \n", "<p>", "</b>", "&amp;", "http://x.y/z.", "1,200 "]
MORE = ["가", "\u1100\u1161", "한", "\ufb01", "İ", "ſ", "\ufeff", "<!-- a -->", "[Pg 3]", "\n12\n"]
MIXED = st.lists(st.sampled_from(SOME) | st.sampled_from(MORE), max_size=12).map("".join)
ARGS = st.builds(
    CleaningArgs,
    boilerplate=st.booleans(),
    form=st.sampled_from([None, "NFC", "NFD", "NFKC", "NFKD"]),
    urls=st.sampled_from(["keep", "drop", "mark"]),
    numbers=st.sampled_from(["keep", "drop", "mark"]),
    accents=st.sampled_from(["keep", "fold"]),
    case=st.sampled_from(["keep", "lower", "fold"]),
    whitespace=st.sampled_from(["keep", "lines", "paragraphs"]),
)


@given(st.one_of(ANY, MIXED), ARGS)
def test_every_character_knows_its_place_and_order_is_kept(text, args) -> None:
    done = clean(text, args)
    assert done.source == text
    last = 0, 0
    for place in range(len(done.text)):
        start, end = done.original(place, place + 1)
        assert 0 <= start < end <= len(text)
        assert (start, end) == last or start >= last[1] or (start >= last[0] and end >= last[1])
        last = start, end
        if args == CleaningArgs(form=None, whitespace="keep"):
            assert text[start:end] == done.text[place]


@given(st.one_of(ANY, MIXED), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_forms_are_those_of_unicode(text, form) -> None:
    done = clean(text, CleaningArgs(form=form, whitespace="keep"))
    assert done.text == unicodedata.normalize(form, text)


@given(st.one_of(ANY, MIXED))
def test_nothing_but_blanks_changes_by_default(text) -> None:
    plain = unicodedata.normalize("NFC", text)
    keep = "".join(c for c in plain if not c.isspace() and c not in "\ufeff\xad")
    assert "".join(clean(text).text.split()) == keep


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("a\r\n  b\n\n\n c\td", {}, "a b\n\nc d"),
        ("a \n b\n\n\nc", {"whitespace": "lines"}, "a\nb\n\nc"),
        ("co\xadop\ufeff", {}, "coop"),
        ("See http://x.org/a(b). Or a@b.org!", {"urls": "drop"}, "See . Or !"),
        ("(www.x.org/a), x", {"urls": "mark"}, "(URL), x"),
        ("In 1,200.5 b4 7", {"numbers": "mark"}, "In NUMBER b4 NUMBER"),
        ("Éléonore Borís й ﬁ हिन्दी が", {"accents": "fold"}, "Eleonore Boris и ﬁ हिन्दी が"),
        ("Ärger İ", {"case": "lower"}, "ärger i\u0307"),
        ("Straße", {"case": "fold"}, "strasse"),
        (
            "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***\nEmma\n\n- 12 -\n\nwas[Pg 3]"
            "\n*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\nmore",
            {"boilerplate": True},
            "\n\n".join(["Emma", "was "]),
        ),
        (
            "<P class='x'>Fish &amp; chips<br/>a < b <i>i</i><unknown> &nope;<SCRIPT>x</script>",
            {"boilerplate": True, "whitespace": "lines"},
            "\n\nFish & chips\na < b i<unknown> &nope;",
        ),
        ("<!-- never closed <b>x</b>", {"boilerplate": True}, "<!-- never closed x"),
        ("", {"boilerplate": True}, ""),
    ],
)
def test_what_each_step_does(text, changes, expected) -> None:
    assert clean(text, CleaningArgs(**changes)).text == expected


def test_a_span_is_found_in_the_original() -> None:
    text = "<p>Borís\r\n  Drubetskóy came.</p>"
    done = clean(text, CleaningArgs(boilerplate=True, accents="fold"))
    start = done.text.index("Boris Drubetskoy")
    first, last = done.original(start, start + len("Boris Drubetskoy"))
    assert text[first:last] == "Borís\r\n  Drubetskóy"
    end = len(done.text)
    assert done.original(end, end) == (len(text), len(text))


@pytest.mark.parametrize("span", [(-1, 0), (1, 0), (0, 9)])
def test_spans_outside_are_refused(span) -> None:
    with pytest.raises(ValueError, match=r"the span .* does not lie in 0 to 3"):
        clean("abc").original(*span)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="lowercase"):
        CleaningArgs(lowercase=True)


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "e\u0301\u0316", "1,", "a.", "<script", "   ", "&a"]
)
def test_repetition_takes_linear_time(piece) -> None:
    everything = CleaningArgs(
        boilerplate=True, urls="drop", numbers="drop", accents="fold", case="lower"
    )
    assert clean(piece * 100_000, everything).source == piece * 100_000
