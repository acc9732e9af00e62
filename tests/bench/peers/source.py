"""The camera of the comparison, a process of its own: a recorded clip at 1280x720 as MJPEG over HTTP.

Usage: `python -m tests.bench.peers.source PORT FPS CLIP`. It plays the clip forth and back, so that nothing jumps.
"""

import sys
import threading
from pathlib import Path
from typing import Final

from tests.bench.bench_vision import recorded_frames
from tests.support.mjpeg_source import MjpegSource

SIZE: Final = (1280, 720)
_FRAMES: Final = 375


def main(port: int, fps: float, clip: Path) -> None:
    """Serve until killed."""
    forth = [frame.jpeg for frame in recorded_frames(clip, _FRAMES, SIZE)]
    source = MjpegSource(fps=fps, pictures=(*forth, *forth[-2:0:-1]))
    source.port = port
    source.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
