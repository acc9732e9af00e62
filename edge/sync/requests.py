"""Asks the cloud what needs an answer, over the connection that the publisher keeps: a question waits in a thread."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTimeError
from typing import Final

import msgspec

from contract.storage import StorageReply, StorageRequest
from edge.core.errors import LinkError

_NO_LINK: Final = "there is no link to the broker"
_MOST: Final = 64


class RequestDesk:
    """Questions by `request_id`, at most `most` at a time. Every method is safe in every thread.

    A question is answered, or fails with `LinkError`: at once where there is no link, as soon as the link goes, or
    after its own time. An answer that nobody waits for is dropped.
    """

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[StorageReply]] = {}
        self._unsent: deque[StorageRequest] = deque()
        self._wake: Callable[[], None] | None = None
        self._why_shut = _NO_LINK
        self.asked_total = 0
        self.failed_total = 0

    def ask(self, request: StorageRequest, timeout_s: float) -> StorageReply:
        """Block until the cloud answers; raise `LinkError` if there is no link, too much to ask, or no answer in time.

        The same question may be asked again, under the same `request_id` too, once this has returned or raised.
        """
        answer: Future[StorageReply] = Future()
        try:
            self._put(request, answer)
            return answer.result(timeout_s)
        except NotInTimeError as error:
            raise LinkError(f"the cloud did not answer within {timeout_s:g} s: is its ingest running?") from error
        finally:
            self._leave(request, answer)

    @property
    def waiting(self) -> int:
        """How many questions wait for an answer."""
        return len(self._waiting)

    def open(self, wake: Callable[[], None]) -> None:
        """The link is there; `wake` is called, in any thread, when there is something to `take`."""
        with self._lock:
            self._wake = wake

    def close(self, reason: str = _NO_LINK) -> None:
        """The link is gone, or does not carry answers: fail everything that waits, and what is asked from now on."""
        with self._lock:
            self._wake, self._why_shut = None, reason
            self._unsent.clear()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(LinkError(reason))

    def take(self, at_most: int) -> list[bytes]:
        """The questions to publish now, as UTF-8 JSON, oldest first."""
        with self._lock:
            count = min(max(0, at_most), len(self._unsent))
            return [msgspec.json.encode(self._unsent.popleft()) for _ in range(count)]

    def answered(self, payload: bytes) -> None:
        """Something came on the topic of answers; what is none, or too late, is dropped."""
        try:
            reply = msgspec.json.decode(payload, type=StorageReply)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        with self._lock:
            answer = self._waiting.get(reply.request_id)
            if answer and not answer.done():
                answer.set_result(reply)

    def _put(self, request: StorageRequest, answer: Future[StorageReply]) -> None:
        with self._lock:
            if self._wake is None:
                raise LinkError(self._why_shut)
            if len(self._waiting) >= self._most or request.request_id in self._waiting:
                raise LinkError("too much is being asked of the cloud at a time")
            self._waiting[request.request_id] = answer
            self._unsent.append(request)
            self.asked_total += 1
            self._wake()

    def _leave(self, request: StorageRequest, answer: Future[StorageReply]) -> None:
        with self._lock:
            if self._waiting.get(request.request_id) is answer:
                del self._waiting[request.request_id]
                self._unsent = deque(one for one in self._unsent if one.request_id != request.request_id)
            self.failed_total += not answer.done() or answer.exception() is not None
