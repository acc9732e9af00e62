"""From paho's thread to the event loop: merged, bounded, one wake-up for whatever came."""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from contract.messages import Ack

_BOOTS_LIMIT: Final = 256
_TAKEN_LIMIT: Final = 4096


@dataclass(slots=True)
class News:
    """What happened since the last look. `taken`: packet id and the broker's reason code; `lost`: why it is over."""

    acks: dict[str, Ack] = field(default_factory=dict)
    taken: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_TAKEN_LIMIT))
    lost: str = ""


class Inbox:
    """Written by paho's thread, read by the event loop. Acks of a boot merge, as they are cumulative."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._news = News()
        self._waking = False
        self._code = 0
        self.taken_at_a_time = 1
        """So many confirmations that say nothing new are worth a wake-up."""

    def acknowledged(self, ack: Ack) -> None:
        """The cloud acknowledged."""
        with self._lock:
            before = self._news.acks.get(ack.boot)
            if before and before.seq > ack.seq:
                ack = msgspec.structs.replace(ack, seq=before.seq)
            if before or len(self._news.acks) < _BOOTS_LIMIT:
                self._news.acks[ack.boot] = ack
            self._wake()

    def taken(self, mid: int, code: int) -> None:
        """The broker answered packet `mid`."""
        with self._lock:
            self._news.taken.append((mid, code))
            if code != self._code or len(self._news.taken) >= self.taken_at_a_time:
                self._wake()
            self._code = code

    def lost(self, reason: str) -> None:
        """The connection is over; the first reason counts."""
        with self._lock:
            self._news.lost = self._news.lost or reason
            self._wake()

    def nudge(self) -> None:
        """There is something to do that is no news: `ready` is set."""
        with self._lock:
            self._wake()

    def take(self) -> News:
        """Everything since the last call."""
        with self._lock:
            news, self._news = self._news, News()
            self._waking = False
            self.ready.clear()
        return news

    def _wake(self) -> None:
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self.ready.set)
