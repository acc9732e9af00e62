"""The losses of folders, each put before the store once, however late the disk takes it."""

from contract.messages import Loss
from edge.core.errors import StoreDelayedError
from edge.core.records import RecordSink


class Losses:
    """Belongs to the event loop. Whoever uses it has asked the store before whether it has the loss."""

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink
        self._delayed: set[str] = set()

    async def append(self, loss: Loss) -> None:
        """Make it durable; raise `StoreDelayedError` while it waits for the disk, `StoreError` if it is refused."""
        told_as = loss.file_id or ""
        if told_as in self._delayed:
            raise StoreDelayedError(f"the loss of {told_as} still waits for the disk")
        try:
            await self._sink.append(loss)
        except StoreDelayedError:
            self._delayed.add(told_as)
            raise
