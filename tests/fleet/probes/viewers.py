"""Look at live pictures until they end: `viewers.py COUNT URL`. Prints `attached` once each of them has had a frame."""

import http.client
import sys
import threading
import urllib.request


def main(count: str, url: str) -> None:
    """Watch with so many viewers; end when the last of them was cut off."""
    attached = threading.Barrier(int(count) + 1)
    watching = [threading.Thread(target=_watch, args=(url, attached)) for _ in range(int(count))]
    for thread in watching:
        thread.start()
    attached.wait(timeout=60)
    sys.stdout.write("attached\n")
    sys.stdout.flush()
    for thread in watching:
        thread.join()


def _watch(url: str, attached: threading.Barrier) -> None:
    try:
        with urllib.request.urlopen(url, timeout=60) as stream:  # noqa: S310 (our own host)
            stream.read(20_000)
            attached.wait()
            while stream.read(65_536):
                pass
    except (OSError, http.client.HTTPException):
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
