"""Lets a camera be closed from any thread although its resources may be touched by one thread only."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from edge.core.errors import SourceUnavailableError


class Lifetime:
    """Whoever is inside when `close` comes frees the resources on the way out; if nobody is, `close` does.

    `release` frees them; it may be called more than once, never while somebody is inside.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._inside = threading.Lock()
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def wait(self, seconds: float) -> bool:
        """Let `seconds` pass, or less if `close` comes; whether it came."""
        return self._closed.wait(seconds)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Work with the resources. Raise `SourceUnavailableError` if it is closed already."""
        try:
            with self._inside:
                self.check()
                yield
        finally:
            if self._closed.is_set():
                self.close()

    def check(self) -> None:
        """Raise `SourceUnavailableError` if it is closed."""
        if self._closed.is_set():
            raise SourceUnavailableError("the camera was closed")

    def close(self) -> None:
        """End it; free the resources unless somebody inside will."""
        self._closed.set()
        if self._inside.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._inside.release()


class Wakeup:
    """Something to `select` on beside a device, that another thread can make readable."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """What to select on."""
        return self._receiver.fileno()

    def set(self) -> None:
        """Make it readable, for good; without effect once freed."""
        with self._lock, contextlib.suppress(OSError):
            self._sender.send(b"!", socket.MSG_DONTWAIT)

    def free(self) -> None:
        """Close both ends; again is harmless."""
        with self._lock:
            self._sender.close()
            self._receiver.close()
