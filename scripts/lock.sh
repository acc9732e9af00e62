#!/usr/bin/env bash
# Pins every dependency with its hashes, for every platform and Python we support. No registry's address is written.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=".venv/bin/uv"
[ -x "$uv" ] || .venv/bin/python -m pip install --quiet uv
compile() {
    local out=$1
    shift
    "$uv" pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url --no-header "$@" -o "$out"
}
compile locks/dev.txt --all-extras ${UPGRADE:+--upgrade}
compile locks/run.txt --extra edge --extra cpu --extra ble --extra lsl --extra cloud --extra broker --extra build --constraint locks/dev.txt
compile locks/device.txt --extra edge --extra cpu --extra ble --extra lsl --constraint locks/dev.txt
compile locks/jetson.txt --extra edge --extra ble --extra lsl --constraint locks/dev.txt
compile locks/cloud.txt --extra cloud --constraint locks/dev.txt
"$uv" pip compile locks/fleet.in --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o locks/fleet.txt
