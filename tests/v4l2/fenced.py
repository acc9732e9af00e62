"""Runs in the machine, in exactly the unit's sandbox: which device nodes may be opened, as JSON, name by name."""

import errno
import json
import os
import sys


def main(*paths: str) -> None:
    """`open` or the name of the error."""
    sys.stdout.write(json.dumps({path: _told(path) for path in paths}) + "\n")


def _told(path: str) -> str:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "open"


if __name__ == "__main__":
    main(*sys.argv[1:])
