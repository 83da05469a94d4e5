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

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() {
    printf '\033[36m$ %s\033[0m\n' "$*"
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
export CCSYNC_HOME="$work/home" CCSYNC_ACTOR=anna@example.com

say "A local Constant Contact account to try things on"
printf '\033[36m$ ccsync sandbox serve --port 0 --ready-file ready.json &\033[0m\n'
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

say "Is the configuration sound?"
run ccsync validate

say "What would happen? Nothing is sent by a plan."
run ccsync plan

say "Do it"
run ccsync apply --auto-approve

say "A week passes: a reader leaves the list, a colleague adds somebody by hand, and the data change"
on_the_other_side people/leave '{"emails": ["sanne.devries@example.com"], "list": "Weekly newsletter"}'
on_the_other_side people/join '{"emails": ["hand.added@example.com"], "list": "Weekly newsletter"}'
python - <<'EOF'
from pathlib import Path

file = Path("configs/data/customers.csv")
text = file.read_text()
text = text.replace("Joost,Bakker,Groningen,NL", "Joost,Bakker-Smit,Groningen,NL")
text = text.replace("Lieve,Peeters,Gent,BE", "Lieve,Peeters,Toronto,CA")
text += "1999,new.reader@example.com,Nova,Reader,Lyon,FR,yes,12.00,2026-10-05T08:00:00Z\n"
file.write_text(text)
EOF

say "A plan can be saved, reviewed, and applied exactly as reviewed"
run ccsync plan -o week.ccplan
run ccsync show week.ccplan --op remove --reveal
run ccsync apply week.ccplan --auto-approve

say "And now? The reader who left is held back; the hand-added member was never touched."
run ccsync plan
