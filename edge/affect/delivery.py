"""Holds predictions while the store cannot take them, in order and in bounds, and owns up to what it had to give up."""

from collections import deque
from typing import Final

from contract.messages import AnyBody, Loss, Prediction
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError
from edge.core.records import RecordSink

LIMIT: Final = 720
"""An hour of segments."""


class Delivery:
    """A bounded queue before a `RecordSink`; what it loses is told by a `Loss` record once the store works again."""

    def __init__(self, sink: RecordSink, *, limit: int = LIMIT) -> None:
        self._sink = sink
        self._limit = limit
        self._waiting: deque[tuple[Prediction, Stamp]] = deque()
        self._unexplained = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """How many predictions are not yet durable."""
        return len(self._waiting)

    def put(self, prediction: Prediction, at: Stamp) -> None:
        """Queue a prediction; the oldest goes if there are too many."""
        self._waiting.append((prediction, at))
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self._unexplained += 1
            self.lost += 1

    def forget(self, user: str) -> None:
        """Give up what waits of a person who was erased."""
        kept = [one for one in self._waiting if one[0].user_id != user]
        self._waiting.clear()
        self._waiting.extend(kept)

    async def flush(self) -> None:
        """Hand over what waits, oldest first; raise `StoreError` and keep the rest if the store refuses.

        After `StoreDelayedError` what was handed over last stands in the store's own line, and here no more.
        """
        if told := self._unexplained:
            loss = Loss(what="records", reason="the store took no predictions for too long", count=told)
            delayed = await self._append(loss, None)
            self._unexplained -= told
            if delayed:
                raise delayed
        while self._waiting:
            oldest = self._waiting[0]
            delayed = await self._append(*oldest)
            if self._waiting and self._waiting[0] is oldest:
                self._waiting.popleft()
            if delayed:
                raise delayed

    async def _append(self, body: AnyBody, at: Stamp | None) -> StoreDelayedError | None:
        try:
            await self._sink.append(body, at)
        except StoreDelayedError as error:
            return error
        except RecordInvalidError:
            return None  # never will it be taken; the store has told so
        return None
