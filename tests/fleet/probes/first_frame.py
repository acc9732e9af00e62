"""Start a unit and say how long it took until the first live frame was served: `first_frame.py UNIT URL`.

A part without `X-Timestamp` is the picture that says that there is none yet; it does not count.
"""

import http.client
import subprocess
import sys
import time
import urllib.request


def main(unit: str, url: str) -> None:
    """Print the seconds from the start of the unit to the end of the first frame."""
    began = time.monotonic()
    subprocess.run(["systemctl", "start", "--no-block", unit], check=True)
    while not _served(url):
        if time.monotonic() - began > 60:
            sys.exit("no frame within 60 s")
        time.sleep(0.02)
    sys.stdout.write(f"{time.monotonic() - began:.3f}\n")


def _served(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=20) as stream:  # noqa: S310 (our own host)
            while line := stream.readline():
                if line.startswith(b"X-Timestamp"):
                    return b"\xff\xd8" in stream.readline() + stream.readline() + stream.read(64)
    except (OSError, http.client.HTTPException):
        pass
    return False


if __name__ == "__main__":
    main(*sys.argv[1:])
