#!/usr/bin/env bash
# With another checkout of a package first on PYTHONPATH, one would guess that all of the package comes
# from there, and that importing a module which that checkout does not have raises. With an editable
# installation by setuptools (flat layout), the missing module is imported from the installed checkout:
# one package out of two trees, without a word.
#
# Versions: pip 26.1, setuptools 82.0.1, Python 3.11. Output seen:
#
#     setuptools 82.0.1
#     package: older - module that only the newer checkout has: newer
#     HOLDS: the editable finder fills in what the checkout on PYTHONPATH lacks
#
# Consequence: a benchmark or a bisection that runs an older checkout in the environment of a newer one
# may run code of both, and "try: import ... except ImportError" tells nothing about the older one. Ask
# for the file beside the package's own __file__, or use an environment for each checkout.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pip==26.1 setuptools==82.0.1
cd "$work"
for tree in older newer; do
    mkdir -p "$tree/example_package"
    touch "$tree/example_package/__init__.py"
    printf '%s\n' '[build-system]' 'requires = ["setuptools"]' 'build-backend = "setuptools.build_meta"' \
        '[project]' 'name = "example-package"' 'version = "1"' \
        '[tool.setuptools]' 'packages = ["example_package"]' >"$tree/pyproject.toml"
done
mkdir newer/data # a second folder beside the package, as most flat checkouts have
touch newer/example_package/added.py
venv/bin/pip install -q --no-build-isolation -e newer
cd older
PYTHONPATH=$work/older ../venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import example_package

print("setuptools", version("setuptools"))
package = Path(example_package.__file__).parents[1].name
try:
    from example_package import added
except ImportError:
    sys.exit("CHANGED: the missing module raises")
module = Path(added.__file__).parents[1].name
print(f"package: {package} - module that only the newer checkout has: {module}")
if (package, module) != ("older", "newer"):
    sys.exit("CHANGED: package and module come from other checkouts than expected")
print("HOLDS: the editable finder fills in what the checkout on PYTHONPATH lacks")
PY
