#!/usr/bin/env bash
# One would guess that an npm package holds its own code, and what it builds on stands in package.json.
# The package of hammerjs 2.0.8 has a whole jQuery 2.1.1 among its tests, four times as large as the
# library itself. package.json does not name it, and the copy lacks the last line of the original (the
# source map), so the files' hashes differ too.
#
# Versions: hammerjs 2.0.8, jquery 2.1.1 (npm). Output seen:
#
#     of the JavaScript in hammerjs 2.0.8: 84245 bytes are /*! jQuery v2.1.1
#     hammerjs itself, minified: 20765 bytes
#     SHA-256 of the files:             hammerjs 874706b2b1311a07, jquery 2.1.1 c0d4098bc8b34c6f
#     SHA-256 without source map line:  hammerjs 4e5c4ca824777489, jquery 2.1.1 4e5c4ca824777489
#     package.json of hammerjs names jquery as a dependency of any kind: false
#     HOLDS: one package holds another whole; neither the file's hash nor its dependencies tell
#
# Consequence: a corpus of code split into training and held-out data by package leaks, also after
# removal of files with equal hashes. Compare contents (shingles of lines, say) over the split.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in hammerjs@2.0.8 jquery@2.1.1; do
    npm pack --silent "$package" > tarball
    mkdir "$package"
    tar -xzf "$(cat tarball)" -C "$package" --strip-components 1
done
bundled=hammerjs@2.0.8/tests/unit/assets/jquery.min.js
original=jquery@2.1.1/dist/jquery.min.js
if [[ ! -f $bundled ]]; then
    echo "CHANGED: the package of hammerjs has no jQuery in it" >&2
    exit 1
fi
code() { grep -v '^//# sourceMappingURL=' "$1" | tr -d '\n' | sha256sum | cut -c 1-16; }
whole() { sha256sum "$1" | cut -c 1-16; }
echo "of the JavaScript in hammerjs 2.0.8: $(wc -c < "$bundled") bytes are $(head -c 17 "$bundled")"
echo "hammerjs itself, minified: $(wc -c < hammerjs@2.0.8/hammer.min.js) bytes"
echo "SHA-256 of the files:             hammerjs $(whole $bundled), jquery 2.1.1 $(whole $original)"
echo "SHA-256 without source map line:  hammerjs $(code $bundled), jquery 2.1.1 $(code $original)"
dependencies=$(node -p 'const p = require("./hammerjs@2.0.8/package.json"); "jquery" in { ...p.dependencies, ...p.devDependencies, ...p.peerDependencies }')
echo "package.json of hammerjs names jquery as a dependency of any kind: $dependencies"
if [[ $(whole $bundled) == "$(whole $original)" ]]; then
    echo "CHANGED: the files are equal, so that a hash finds the copy" >&2
    exit 1
fi
if [[ $(code $bundled) != "$(code $original)" || $dependencies != false ]]; then
    echo "CHANGED: the code is not that of jquery 2.1.1, or the dependency is named" >&2
    exit 1
fi
echo "HOLDS: one package holds another whole; neither the file's hash nor its dependencies tell"
