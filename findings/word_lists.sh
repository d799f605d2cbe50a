#!/usr/bin/env bash
# One would guess that a list of 264,000 English words knows nearly every word of plain prose, and that
# the list of a spelling checker has words alone. english-words (web2 and gcide) is made of dictionary
# headwords: common plurals and past tenses are not in it. pyspellchecker's list, counted from texts,
# has them, but also single letters and ends of words ("ed", "th"), and American spellings alone.
#
# Versions: pyspellchecker 0.9.1, english-words 2.0.2. Output seen:
#
#     pyspellchecker 0.9.1 / english-words 2.0.2
#     pyspellchecker, 160572 words, has the fragments: b s ed th ing
#     pyspellchecker lacks: favour colour harbour neighbour honour behaviour
#     english-words, 264494 words, lacks: years things words eyes houses cities walked looked
#     english-words knows 60 of the 65 words of the text, not: years fathers conceived created conceived
#     HOLDS: the larger list lacks common plurals and past tenses, the smaller one has fragments
#
# Consequence: the share of "real words" in generated text cannot reach 100 % by the one list, and by
# the other babble of fragments scores well while British prose is marked down. Measure real prose
# with the same list first, and count words of three letters or more by a rule of one's own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile pyspellchecker==0.9.1 english-words==2.0.2
cd "$work"
venv/bin/python - <<'PY'
import re
import sys
from importlib.metadata import version

from english_words import get_english_words_set
from spellchecker import SpellChecker

# From Lincoln's address at Gettysburg (1863).
TEXT = """Four score and seven years ago our fathers brought forth on this continent, a new nation,
conceived in Liberty, and dedicated to the proposition that all men are created equal. Now we are
engaged in a great civil war, testing whether that nation, or any nation so conceived and so
dedicated, can long endure. We are met on a great battle-field of that war."""
FRAGMENTS = ["b", "s", "ed", "th", "ing"]
BRITISH = ["favour", "colour", "harbour", "neighbour", "honour", "behaviour"]
INFLECTED = ["years", "things", "words", "eyes", "houses", "cities", "walked", "looked"]

print("pyspellchecker", version("pyspellchecker"), "/ english-words", version("english-words"))
checker = SpellChecker(language="en").word_frequency.dictionary
books = get_english_words_set(["web2", "gcide"], lower=True)
text = re.findall("[a-z]+", TEXT.lower())
fragments = [word for word in FRAGMENTS if word in checker]
british = [word for word in BRITISH if word not in checker]
inflected = [word for word in INFLECTED if word not in books]
unknown = [word for word in text if word not in books]
print("pyspellchecker,", len(checker), "words, has the fragments:", *fragments)
print("pyspellchecker lacks:", *british)
print("english-words,", len(books), "words, lacks:", *inflected)
print(f"english-words knows {len(text) - len(unknown)} of the {len(text)} words of the text, not:", *unknown)
if fragments != FRAGMENTS or british != BRITISH:
    sys.exit("CHANGED: pyspellchecker's list has other words")
if inflected != INFLECTED or not unknown:
    sys.exit("CHANGED: english-words has plurals and past tenses now")
print("HOLDS: the larger list lacks common plurals and past tenses, the smaller one has fragments")
PY
