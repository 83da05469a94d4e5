#!/usr/bin/env bash
# The main job in a minute, against a sandbox on this machine: validate, plan, apply; the world changes; plan, apply;
# "No changes". Works on a copy of configs/ in a folder of its own and leaves nothing running.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
sandbox=
cleanup() {
    if [ -n "$sandbox" ]; then
        kill "$sandbox" 2>/dev/null || true
        wait "$sandbox" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

bold= cyan= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' cyan=$'\033[36m' plain=$'\033[0m'
fi
step=0
say() {
    step=$((step + 1))
    printf '\n%s%s. %s%s\n' "$bold" "$step" "$1" "$plain"
    shift
    [ $# = 0 ] || printf '   %s\n' "$@"
    echo
}
show() { printf '%s$ %s%s\n' "$cyan" "$*" "$plain"; }
run() {
    show "$*"
    "$@"
}
# What people do on the other side, through the sandbox's control API.
on_the_other_side() {
    python - "$CONTROL/$1" "$2" <<'EOF'
import sys
import urllib.request

request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
EOF
}

cp -r "$here/configs" "$work/configs"
cd "$work"
# As fast as the sandbox will be: four requests a second, as the vendor allows, would make it a slow minute.
sed -i.bak 's/limits: {.*}/limits: {requests_per_second: 50, poll_seconds: [0.1, 1]}/' configs/connections.yaml
rm configs/connections.yaml.bak
export CCSYNC_HOME="$work/home" CCSYNC_ACTOR=anna@example.com

say "A local Constant Contact account to try things on" "Nothing leaves this machine."
show "ccsync sandbox serve --ready-file ready.json &"
ccsync sandbox serve --port 0 --ready-file ready.json --requests-per-second 50 >sandbox.log 2>&1 &
sandbox=$!
for _ in $(seq 100); do
    [ -s ready.json ] && break
    kill -0 "$sandbox" 2>/dev/null || { cat sandbox.log >&2; exit 1; }
    sleep 0.1
done
eval "$(python - <<'EOF'
import json

ready = json.load(open("ready.json"))
print(f"export CC_API={ready['api']} CC_AUTH={ready['auth']} CC_ACCESS_TOKEN={ready['access_token']}")
print(f"CONTROL={ready['control']}")
EOF
)"

say "Is the configuration sound?" "It stands in configs/: an account, a file, five segments, two exports."
run ccsync validate

say "What would happen?" "A plan only reads: the data, what ccsync remembers, the lists." \
    "+ would be added, ! is left out."
run ccsync plan

say "Do it" "It shows its plan first and would ask; --auto-approve says yes."
run ccsync apply --auto-approve

say "A week passes" \
    "Sanne leaves the newsletter by the link in an e-mail." \
    "A colleague adds somebody by hand." \
    "In the data, Joost has a new name, Lieve moved to Canada (so she is no" \
    "longer in the segment), and there is a new reader."
on_the_other_side people/leave '{"emails": ["sanne.devries@example.com"], "list": "Weekly newsletter"}'
on_the_other_side people/join '{"emails": ["hand.added@example.com"], "list": "Weekly newsletter"}'
python - <<'EOF'
from pathlib import Path

file = Path("configs/data/customers.csv")
text = file.read_text(encoding="utf-8")
text = text.replace("Joost,Bakker,Groningen,NL", "Joost,Bakker-Smit,Groningen,NL")
text = text.replace("Lieve,Peeters,Gent,BE", "Lieve,Peeters,Toronto,CA")
text += "1999,new.reader@example.com,Nova,Reader,Lyon,FR,yes,12.00,2026-10-05T08:00:00Z\n"
file.write_text(text, encoding="utf-8")
EOF
show "ccsync plan -o week.ccplan"
ccsync plan -o week.ccplan

say "Who leaves?" "A saved plan can be looked into, by a colleague too."
run ccsync show week.ccplan --op remove --reveal

say "Apply exactly what was reviewed"
run ccsync apply week.ccplan --auto-approve

say "And now?" "A fresh plan is the proof."
run ccsync plan

say "Why is Sanne not on the list, though the segment has her?" "She left. She is never put back, unless you say so."
run ccsync explain sanne.devries@example.com

printf '\n%sThat was all; nothing is left running.%s Next: docs/tutorial.md\n' "$bold" "$plain"
