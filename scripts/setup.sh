#!/usr/bin/env bash
# Makes .venv hold exactly what locks/$1.txt says; does nothing when it already does. `dev` contains all of `run`.
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:?run or dev}
stamp=.venv/.afferent-setup

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

make_venv() {
    "$python" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    say "this Python cannot make environments yet; installing python3-venv"
    package="$(basename "$(readlink -f "$python")")-venv"
    (as_root apt-get update -qq && as_root apt-get install -y -qq "$package") >/dev/null 2>&1 || fail \
        "Cannot make a Python environment. Install the package and try again:  sudo apt-get install $package"
    "$python" -m venv .venv || fail "Making .venv failed; see the lines above."
}

python=$(find_python) || fail "Python 3.11 or newer is needed. On Debian, Ubuntu or Raspberry Pi OS:  sudo apt-get install python3 python3-venv"
digest_of() { # of a lock and of what this project declares
    "$python" -c 'import hashlib, sys; print(hashlib.sha256(b"".join(open(p, "rb").read() for p in sys.argv[1:])).hexdigest())' \
        "locks/$1.txt" pyproject.toml
}

# The stamp names each set that .venv holds: `run <digest>`, and after `dev` both, for dev contains all of run.
grep -qsx "$want $(digest_of "$want")" "$stamp" && exit 0

free_kb=$(df -Pk . | awk 'NR == 2 {print $4}')
[ "$free_kb" -gt 1500000 ] || fail "Setting up needs 1.5 GB of free disk here; there are $((free_kb / 1024)) MB."
started=$SECONDS
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "making a Python environment in .venv with $("$python" --version)"
    make_venv
fi
count=$(grep -c '==' "locks/$want.txt")
say "installing up to $count pinned packages (once; a minute or two)"
bar=off
[ -t 1 ] && bar=on
.venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar "$bar" --quiet --require-hashes -r "locks/$want.txt" ||
    fail "Installing the packages failed. Check the network and try again; what is already there is kept."
.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e . ||
    fail "Installing Afferent itself failed; see the lines above."
{
    echo "run $(digest_of run)"
    [ "$want" = dev ] && echo "dev $(digest_of dev)"
} >"$stamp" || true
say "ready after $((SECONDS - started)) s"
