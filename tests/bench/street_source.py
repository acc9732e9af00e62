"""The camera of the benches with many cameras, a process of its own: a drawn street at 640x480, 15 pictures a second.

Usage: `python -m tests.bench.street_source PORT`.
"""

import sys
import threading
from typing import Final

from tests.support.mjpeg_source import MjpegSource
from tests.support.rendered_trouble import street

_FPS: Final = 15.0
_SIZE: Final = (640, 480)


def main(port: int) -> None:
    """Serve until killed."""
    source = MjpegSource(fps=_FPS, pictures=street(_FPS, _SIZE))
    source.port = port
    source.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
