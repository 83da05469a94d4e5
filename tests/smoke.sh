#!/usr/bin/env bash
# Builds the wheel, installs it alone (no tools of ours) into a clean environment, and uses it from an empty folder.
# Usage: smoke.sh PYTHON BIN   (BIN: where hatchling is installed)
set -euo pipefail
python=$1 bin=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/python" -m hatchling build --target wheel --directory "$work/dist" >/dev/null
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$work"/dist/*.whl
cd "$work"
ccsync="$work/venv/bin/ccsync"
"$ccsync" --version
"$ccsync" --help >/dev/null
"$ccsync" init project >/dev/null
"$ccsync" validate -C project/configs
"$ccsync" schema >/dev/null
if "$ccsync" sandbox switches >/dev/null 2>"$work/without"; then
    echo "the sandbox ran without its extra" >&2
    exit 1
fi
grep -q "sandbox" "$work/without"
echo "smoke: the wheel alone works"
