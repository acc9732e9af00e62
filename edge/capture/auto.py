"""The camera of a machine that nobody configured: the first that gives a picture."""

import threading
from collections.abc import Callable, Sequence

from edge.capture.camera import Camera, Picture
from edge.core.errors import SourceUnavailableError


class AutoCamera:
    """Tries one candidate after the other when opened, and is then that camera."""

    def __init__(self, candidates: Sequence[Callable[[], Camera]]) -> None:
        self._candidates = candidates
        self._lock = threading.Lock()
        self._current: Camera | None = None
        self._closed = False
        self._first: Picture | None = None

    def open(self) -> None:
        """Take the first candidate that gives a picture; see `Camera`. The reason names why each was refused."""
        refused: list[str] = []
        for candidate in self._candidates:
            try:
                self._first = self._try(candidate())
            except SourceUnavailableError as error:
                refused.append(str(error))
            else:
                return
        raise SourceUnavailableError("; ".join(refused) or "no camera to try")

    def read(self) -> Picture:
        """The next picture of the camera taken; see `Camera`."""
        if self._current is None:
            raise SourceUnavailableError("no camera was opened")
        first, self._first = self._first, None
        return first or self._current.read()

    def close(self) -> None:
        """Close the camera taken; see `Camera`."""
        with self._lock:
            self._closed, current = True, self._current
        if current:
            current.close()

    def describe(self) -> str:
        """Which camera was taken."""
        return f"{self._current.describe()} (found by itself)" if self._current else "the first camera that works"

    def _try(self, camera: Camera) -> Picture:
        with self._lock:
            if self._closed:
                raise SourceUnavailableError("the camera was closed")
            self._current = camera
        try:
            camera.open()
            return camera.read()
        except BaseException:
            camera.close()
            self._current = None
            raise
