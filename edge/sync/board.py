"""What the broker shall know of us at all times: retained messages, the newest of each topic, told at every connect.

A broker that lost its memory, or one that is new, learns them all again, because nothing here believes that it knew.
"""

from collections.abc import Callable
from typing import Final

MOST_TOPICS: Final = 512


class Board:
    """Retained messages by topic. Belongs to the event loop."""

    def __init__(self) -> None:
        self._posted: dict[str, bytes] = {}
        self._unsent: dict[str, None] = {}
        self._wake: Callable[[], None] | None = None
        self.sent_total = 0
        self.refused: dict[str, str] = {}
        """What the broker does not take over this connection, and why, by topic."""

    def post(self, topic: str, payload: bytes) -> None:
        """From now on this is what `topic` says; said again only if it is something else. Empty takes it away.

        Raise `ValueError` beyond 512 topics, which is a mistake of the caller.
        """
        if self._posted.get(topic) == payload:
            return
        if topic not in self._posted and len(self._posted) >= MOST_TOPICS:
            raise ValueError(f"{MOST_TOPICS} retained topics are enough")
        self._posted[topic] = payload
        self._unsent[topic] = None
        if self._wake:
            self._wake()

    def is_told(self, topic: str) -> bool:
        """Whether this connection was handed what `topic` says now."""
        return self._wake is not None and topic in self._posted and topic not in self._unsent

    def open(self, wake: Callable[[], None]) -> None:
        """A connection begins: everything is to be sent; `wake` is called when there is more."""
        self._wake = wake
        self.refused.clear()
        self._unsent = dict.fromkeys(self._posted)

    def close(self) -> None:
        """The connection is over."""
        self._wake = None

    def take(self, at_most: int) -> list[tuple[str, bytes]]:
        """`(topic, payload)` of what is to be published now, retained."""
        topics = list(self._unsent)[: max(0, at_most)]
        for topic in topics:
            del self._unsent[topic]
        self.sent_total += len(topics)
        return [(topic, self._posted[topic]) for topic in topics]
