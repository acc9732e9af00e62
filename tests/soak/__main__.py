"""`python -m tests.soak --minutes 10 --seed 1`: ends with 1 if anything was lost, doubled, corrupt or out of order."""

import argparse
import json
import os
import sys
from pathlib import Path

from tests.soak.report import table
from tests.soak.run import soak

JUDGED = ("soak_lost", "soak_doubled", "soak_corrupt", "soak_out_of_order", "ended_by_themselves")


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything that is written; it stays")
    parser.add_argument("--sabotage", action="store_true", help="lose a record now and then: the soak has to fail")
    given = parser.parse_args()
    if given.sabotage:
        os.environ["SOAK_SABOTAGE"] = "1"
    found = soak(minutes=given.minutes, seed=given.seed, say=_say, keep=given.keep)
    _say(table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if any(found[name] for name in JUDGED) or not (found["records"] and found["objects"]):
        _say(f"FAILED; again with: python -m tests.soak --minutes {given.minutes:g} --seed {given.seed}")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
