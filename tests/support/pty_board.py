"""A sensor board on a pseudo-terminal: what it says, and being pulled out and plugged in again."""

import os
import select
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LOOK_AGAIN_S: Final = 0.05


class PtyBoard:
    """The board's end of a serial line. `path` is the port; it stays the same when the board comes back."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ttyBOARD"
        self._master: int | None = None
        self.plug()

    def plug(self) -> None:
        """Appear at `path`."""
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        """Vanish: whoever has the port open gets an error, and the path is gone."""
        self.path.unlink(missing_ok=True)
        if self._master is not None:
            os.close(self._master)
            self._master = None

    def say(self, data: bytes, *, give_up: Callable[[], bool] = lambda: False) -> None:
        """Send bytes down the line; what nobody reads fills it, and then this waits until it may, or may give up."""
        assert self._master is not None, "the board is unplugged"
        while data and not give_up():
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                select.select([], [self._master], [], _LOOK_AGAIN_S)

    def hear(self, seconds: float) -> bytes:
        """What the host says within `seconds`; nothing while it has the port closed."""
        assert self._master is not None, "the board is unplugged"
        try:
            return os.read(self._master, 256) if select.select([self._master], [], [], seconds)[0] else b""
        except OSError:
            time.sleep(seconds)
            return b""

    def row(self, millis: int, gsr: int = 300, hr: int = 72) -> None:
        """Send one row of the line protocol."""
        self.say(b"%d,%d,%d\r\n" % (millis, gsr, hr))
