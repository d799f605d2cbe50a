"""Incremental patching rules: they decide for each byte, before it is drawn, if it starts a patch.

They give the same patches as :func:`bytelatent.patching.rules.patch_starts`, which works on whole
rows. Here a rule takes one token at a time and keeps a few numbers as its state, whatever the
length of the text.
"""

from bytelatent.patching.patcher import PatcherArgs
from bytelatent.patching.rules import BoundaryState, Rule, RuleOptions, rule_of, rules_of


class Boundaries:
    """One patching rule that decides token by token.

    Args:
        args: the rule and its numbers.

    Raises:
        ValueError: a number of the rule is missing, or the rule needs later bytes (top-k).
    """

    def __init__(self, args: PatcherArgs) -> None:
        options = args.options()
        rule = rule_of(args.mode(), options)
        if rule.stepper is None:
            raise ValueError(_cannot_generate(rule, options))
        self.mode = rule.mode
        self.needs_entropy = rule.uses_entropies
        self._longest = args.max_patch_length
        self._step = rule.stepper(options)

    def push(self, state: BoundaryState, token: int, entropy: float | None) -> bool:
        """Take the next token of a row; return whether the token after it starts a patch.

        Args:
            state: state of the row; it is changed.
            token: token id.
            entropy: entropy in nats of the prediction at this token; some rules need it.
        """
        nats = 0.0 if entropy is None else entropy
        starts = self._step(state, token, nats) or state.position == 0
        state.entropy = nats
        state.position += 1
        if starts:
            state.patch_start = state.position
        elif self._longest is not None:
            starts = (state.position - state.patch_start) % self._longest == 0
        return starts


def _cannot_generate(rule: Rule, options: RuleOptions) -> str:
    """Return why a rule that looks at later bytes cannot generate, and what to do."""
    why = "looks at bytes that come later and cannot generate"
    for other in rules_of(rule.mode):
        if other.stepper is not None:
            name = other.lacks(options)[0]
            return f"{name}: {rule.title.lower()} patching ({name} null) {why}; give a {name}"
    return f"patching_mode: {rule.name} {why}; choose another rule"
