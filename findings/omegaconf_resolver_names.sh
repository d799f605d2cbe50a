#!/usr/bin/env bash
# One would guess that a deprecation points to a name that stays. OmegaConf 2.3 tells callers of
# register_resolver() to use register_new_resolver(); OmegaConf 2.4 tells callers of
# register_new_resolver() to use register_resolver(), and the two warnings name the same issue. The
# name is the same, the function is not: in 2.3 it hands every argument over as a string, in 2.4 an
# integer stays an integer.
#
# Versions: omegaconf 2.3.0 and 2.4.0. Output seen:
#
#     2.3.0 register_resolver: UserWarning, ${kind:1} is str
#     2.3.0 register_new_resolver: no warning, ${kind:1} is int
#     2.4.0 register_resolver: no warning, ${kind:1} is int
#     2.4.0 register_new_resolver: UserWarning, ${kind:1} is int
#     HOLDS: no name is free of warnings in both, and register_resolver changed its meaning
#
# Consequence: code that must run under both has to look at the version; with one of them alone, raise
# the floor of the requirement to the version whose name is used.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ask.py" <<'PY'
import sys
import warnings

import omegaconf
from omegaconf import OmegaConf

for name in ("register_resolver", "register_new_resolver"):
    OmegaConf.clear_resolvers()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(OmegaConf, name)("kind", lambda value: type(value).__name__)
    told = caught[0].category.__name__ if caught else "no warning"
    kind = OmegaConf.create({"a": "${kind:1}"}).a
    print(omegaconf.__version__, f"{name}: {told}, ${{kind:1}} is {kind}")
PY
python3 -m venv "$work/old"
"$work/old/bin/pip" install -q --disable-pip-version-check omegaconf==2.3.0 2>/dev/null
python3 -m venv "$work/new"
"$work/new/bin/pip" install -q --disable-pip-version-check omegaconf==2.4.0 2>/dev/null
for each in old new; do
  "$work/$each/bin/python" "$work/ask.py"
done | tee "$work/seen"
expected='2.3.0 register_resolver: UserWarning, ${kind:1} is str
2.3.0 register_new_resolver: no warning, ${kind:1} is int
2.4.0 register_resolver: no warning, ${kind:1} is int
2.4.0 register_new_resolver: UserWarning, ${kind:1} is int'
if [ "$(cat "$work/seen")" = "$expected" ]; then
  echo "HOLDS: no name is free of warnings in both, and register_resolver changed its meaning"
else
  echo "CHANGED: see above" >&2
  exit 1
fi
