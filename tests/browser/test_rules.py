"""The rules in JavaScript find the patches that the rules in Python find."""

import random
from typing import Any

import numpy as np
from playwright.sync_api import Browser

from bytelatent.patching.rules import RULES_OF_TEXT, RuleOptions, patch_starts
from tests.browser.conftest import Site

CASES = 400


def random_case(chance: random.Random) -> dict[str, Any]:
    length = chance.choice([1, 2, 3, 5, 20, 80, 200])
    tokens = [1] + [chance.choice([0, 1, 2, 3, *range(4, 260)]) for _ in range(length - 1)]
    steps = chance.choice([4, 1000, 10**6])  # few steps make ties
    entropies = [round(chance.randrange(steps) * 5 / steps, 6) for _ in range(length)]
    rule = chance.choice(RULES_OF_TEXT)
    threshold = chance.choice([0.0, round(chance.random() * 5, 2), chance.choice(entropies)])
    size = chance.randint(1, 9) if rule.whole_size else round(1 + 8 * chance.random(), 1)
    return {
        "rule": rule.name,
        "mode": rule.mode.value,
        "tokens": tokens,
        "entropies": entropies,
        "threshold": threshold if "threshold" in rule.needs else None,
        "thresholdAdd": round(chance.random(), 2),
        "patchSize": size,
        "maxPatchLength": chance.choice([None, None, chance.randint(1, 12)]),
    }


def by_python(case: dict[str, Any]) -> list[int]:
    options = RuleOptions(
        threshold=case["threshold"],
        threshold_add=case["thresholdAdd"],
        patch_size=case["patchSize"],
        max_patch_length=case["maxPatchLength"],
    )
    tokens, entropies = np.array([case["tokens"]]), np.array([case["entropies"]])
    found = patch_starts(case["mode"], tokens, entropies, options)
    return [int(start) for start in found[0]]


def test_both_find_the_same(chromium: Browser, site: Site) -> None:
    chance = random.Random(20)
    cases = [random_case(chance) for _ in range(CASES)]
    page = chromium.new_page()
    page.goto(site.url)
    found = page.evaluate(
        """async (cases) => {
          const { patchStarts } = await import("/static/js/rules.js");
          return cases.map((c) => Array.from(patchStarts(c.rule, c.tokens, c.entropies, c)));
        }""",
        cases,
    )
    page.close()
    for case, starts in zip(cases, found, strict=True):
        assert starts == by_python(case), case
