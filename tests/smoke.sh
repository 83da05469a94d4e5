#!/usr/bin/env bash
# Builds the wheel, installs it alone (no tools of ours) into a clean environment, and uses it from an empty folder.
# Usage: smoke.sh PYTHON BIN   (BIN: the folder of the environment that `make setup` made; it builds)
set -euo pipefail
cd "$(dirname "$0")/.."
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

# Reading the data and planning work too; the address is one where nobody answers.
(cd project && CC_ACCESS_TOKEN=none "$ccsync" plan --no-refresh >plan.txt)
grep -q "Plan: 54 to add, 0 to update, 0 to remove." project/plan.txt

# Without its extra the sandbox says how to get it.
if "$ccsync" sandbox serve --port 0 >/dev/null 2>without.txt; then
    echo "the sandbox ran without its extra" >&2
    exit 1
fi
grep -qF "pip install 'ccsync[sandbox]'" without.txt || { cat without.txt >&2; exit 1; }
echo "smoke: the wheel alone works"
