"""The first process of a network's own namespaces: it does nothing but reap, and when it ends, everything in it ends.

Started by `world.start` under `unshare --pid --fork --kill-child`. With `--owned` it ends as soon as its standard input
does, which is a pipe that the one who started it holds open: a test run that is killed takes its hosts with it.
"""

import os
import signal
import sys
import threading


def main() -> None:
    """Reap what is orphaned here, until told to end or until the owner is gone."""
    if "--owned" in sys.argv:
        threading.Thread(target=_end_with_owner, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, 1.0)
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _end_with_owner() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
