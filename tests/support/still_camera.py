"""A camera under the test's hand: it gives what it is told, when it is told."""

import queue

from edge.capture.camera import Picture
from edge.capture.lifetime import Lifetime


class StillCamera:
    """Gives the pictures that are put in; raises the errors that are put in; otherwise blocks."""

    def __init__(self, *, fails_to_open: Exception | None = None) -> None:
        self._given: queue.SimpleQueue[Picture | Exception | None] = queue.SimpleQueue()
        self._fails_to_open = fails_to_open
        self._lifetime = Lifetime(lambda: None)
        self.opened = self.closed = 0

    def give(self, *what: Picture | Exception) -> None:
        """What the next reads return or raise."""
        for one in what:
            self._given.put(one)

    def open(self) -> None:
        """See `Camera`."""
        with self._lifetime.inside():
            self.opened += 1
            if self._fails_to_open:
                raise self._fails_to_open

    def read(self) -> Picture:
        """See `Camera`."""
        with self._lifetime.inside():
            given = self._given.get()
            self._lifetime.check()
            if not isinstance(given, Picture):
                raise given or RuntimeError("woken without a reason")
            return given

    def close(self) -> None:
        """See `Camera`."""
        self.closed += 1
        self._lifetime.close()
        self._given.put(None)

    def describe(self) -> str:
        """See `Camera`."""
        return "still camera"
