#!/usr/bin/env bash
# Every test. Beside them runs a short soak, which mostly waits: SOAK_MINUTES=0 leaves it out, SOAK_SEED=n chooses another.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
minutes="${SOAK_MINUTES:-3.5}"
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
"$python" -m pytest -n 3 --dist loadfile || passed=$?
if [ -n "$soak" ]; then
  wait "$soak" || passed=$?
  soak=
  tail -n 60 "$log"
fi
exit "$passed"
