"""`python -m tests.arm64`: the device's lock on aarch64, from the registry to a model that runs under emulation, and
the bundle, from its building to what it installed."""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tests.arm64 import bundle
from tests.arm64.root import QEMU, EmulatedRoot, packed
from tests.arm64.wheels import install


def main() -> int:
    """Print what was found; 1 with the reason if a wheel is missing or does not work."""
    parser = argparse.ArgumentParser(prog="tests.arm64", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    if missing := _missing():
        sys.stderr.write(f"missing: {', '.join(missing)}; apt-get install mmdebstrap qemu-user-static\n")
        return 1
    try:
        figures = measured(_cache())
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    told = json.dumps(figures, indent=1)
    sys.stdout.write(told + "\n")
    if given.json:
        given.json.write_text(told + "\n", encoding="utf-8")
    return 0


def measured(cache: Path) -> dict[str, Any]:
    """Make the root on first use; the lock's wheels, then the bundle: install, run what is to be run. With seconds."""
    root, began = EmulatedRoot(cache / f"root-{packed()}"), time.monotonic()
    if not root.folder.is_dir():
        root.make()
    made = time.monotonic()
    shutil.rmtree(root.site, ignore_errors=True)
    packages = install(root.site, cache)
    installed = time.monotonic()
    root.bring_ours()
    within = json.loads(root.python("/opt/within.py"))
    emulated = time.monotonic()
    return {
        "root_s": round(made - began, 1),
        "packages": packages,
        "install_s": round(installed - made, 1),
        "installed_mb": round(sum(one.lstat().st_size for one in root.site.rglob("*")) / 1e6),
        "emulated_s": round(emulated - installed, 1),
        "within": within,
        "bundle": bundle.installed(root, cache),
    }


def _cache() -> Path:
    folder = Path(os.environ.get("AFFERENT_ARM64_CACHE") or Path.home() / ".cache" / "afferent" / "arm64")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _missing() -> list[str]:
    return [name for name in ("mmdebstrap", QEMU.name) if not shutil.which(name)]


if __name__ == "__main__":
    sys.exit(main())
