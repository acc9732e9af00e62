"""How a room makes something durable without knowing where it goes."""

from typing import Protocol

from contract.messages import AnyBody, Record
from edge.core.clock import Stamp


class RecordSink(Protocol):
    """Takes what must not be lost. The outbox is the real one."""

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Return once `body` is durable, with its identity; `at` is when it was true, by default now.

        Raise `StoreError` if it cannot be kept.
        """
        ...
