"""Debian's `motion` on a network camera, set to do what our daemon does in the comparison and no more.

Detection is on at the camera's rate; no picture, no film and no picture ring is kept, as our recording is off. Its
despeckle filter, on in Debian's example, is off, which makes it cheaper; its live stream and control pages are on
loopback and nobody looks, as with ours.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.ports import free_port

ADVICE: Final = "`motion` is not installed: sudo apt-get install motion"
_CONFIG: Final = """
daemon off
setup_mode off
log_level 5
target_dir {folder}
netcam_url {url}
width {width}
height {height}
framerate {fps}
threshold 1500
minimum_motion_frames 1
event_gap 5
pre_capture 0
post_capture 0
picture_output off
movie_output off
webcontrol_port {control}
webcontrol_localhost on
stream_port {stream}
stream_localhost on
"""


class MotionMissingError(Exception):
    """There is no `motion` on this machine."""


@contextlib.contextmanager
def motion_running(url: str, size: tuple[int, int], fps: float, folder: Path) -> Iterator[int]:
    """A running `motion`; yields its process id. Raise `MotionMissingError` where it is not installed."""
    program = shutil.which("motion")
    if program is None:
        raise MotionMissingError(ADVICE)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "motion.conf"
    width, height = size
    values = {"folder": folder, "url": url, "width": width, "height": height, "fps": round(fps)}
    config.write_text(_CONFIG.format(**values, control=free_port(), stream=free_port()), encoding="utf-8")
    with (folder / "motion.log").open("wb") as log:
        process = subprocess.Popen([program, "-n", "-c", str(config)], stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
