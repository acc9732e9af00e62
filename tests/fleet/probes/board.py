"""A sensor board on a pseudo-terminal: `board.py LINK GROUP` writes ten rows of `millis,gsr,hr` a second.

The terminal belongs to GROUP, as that of a plugged-in board belongs to `dialout`.
"""

import os
import shutil
import sys
import time
import tty
from pathlib import Path


def main(link: str, group: str) -> None:
    """Be plugged in until ended."""
    board, port = os.openpty()
    tty.setraw(port)
    name = os.ttyname(port)
    shutil.chown(name, group=group)
    Path(name).chmod(0o660)
    Path(link).parent.mkdir(parents=True, exist_ok=True)
    Path(link).unlink(missing_ok=True)
    Path(link).symlink_to(name)
    os.set_blocking(board, False)
    began = time.monotonic()
    while True:
        _say(board, b"%d,%d,%d\r\n" % ((time.monotonic() - began) * 1000, 300, 72))
        time.sleep(0.1)


def _say(board: int, row: bytes) -> None:
    try:
        os.write(board, row)
    except BlockingIOError:  # nobody listens, as a board does not know either
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
