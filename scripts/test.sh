#!/usr/bin/env bash
# Every check and every test. Beside the tests runs a soak, which mostly waits: SOAK_MINUTES=0 leaves it out, SOAK_SEED=n
# chooses another.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
# Compiled code is kept: hundreds of processes are started below, and each would compile all of it anew.
export PYTHONDONTWRITEBYTECODE=
"$python" -m pytest --collect-only -q >/dev/null 2>&1 & # compiles it once, while the checks leave a core free
compiling=$!
trap 'kill "$compiling" 2>/dev/null || true' EXIT
make --no-print-directory check
wait "$compiling" || true # what cannot be collected is told below
minutes="${SOAK_MINUTES:-10}"
seed="${SOAK_SEED:-2026}"
log=$(mktemp)
soak=
finish() {
  if [ -n "$soak" ]; then kill "$soak" 2>/dev/null || true; fi
  rm -f "$log"
}
trap finish EXIT
if [ "$minutes" != 0 ]; then
  echo "soak: $minutes minutes with seed $seed, beside the tests"
  "$python" -m tests.soak --minutes "$minutes" --seed "$seed" >"$log" 2>&1 &
  soak=$!
fi
passed=0
# In the order of the files: browsers and servers first, so that no long file is left for the end.
"$python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder || passed=$?
if [ -n "$soak" ]; then
  wait "$soak" || passed=$?
  soak=
  tail -n 60 "$log"
fi
exit "$passed"
