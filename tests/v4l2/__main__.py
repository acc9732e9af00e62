"""`python -m tests.v4l2`: boot the machine, let it try the unit with its cameras, and judge what it says."""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.v4l2.machine import QEMU, run
from tests.v4l2.verdict import problems

_PROGRAMS: Final = {
    QEMU: "qemu-system-x86",
    "cpio": "cpio",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "debootstrap": "debootstrap",
}
_SYSTEM: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def main() -> int:
    """0 if the unit works with cameras on a machine of its own; the figures on the standard output."""
    parser = argparse.ArgumentParser(prog="tests.v4l2", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    if missing := [package for program, package in _PROGRAMS.items() if not shutil.which(program, path=_SYSTEM)]:
        sys.stderr.write(f"missing: apt-get install {' '.join(missing)}\n")
        return 1
    began = time.monotonic()
    found = run(_cache())
    wrong = problems(found)
    figures: dict[str, Any] = {**found.told, "all_s": round(time.monotonic() - began), "wrong": wrong}
    journal = figures.pop("journal", "")
    told = json.dumps(figures, indent=1)
    sys.stdout.write(told + "\n")
    if given.json:
        given.json.write_text(told + "\n", encoding="utf-8")
    if wrong:
        sys.stderr.write(f"{found.console[-6000:]}\n{journal}\n")
    return 1 if wrong else 0


def _cache() -> Path:
    folder = Path(os.environ.get("AFFERENT_V4L2_CACHE") or Path.home() / ".cache" / "afferent" / "v4l2")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
