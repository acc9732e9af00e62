"""Lets nothing of a person into the store who did not agree, or does so no more, however late it comes."""

from collections.abc import Callable

from contract.messages import AnyBody, Prediction, Record
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError
from edge.core.records import RecordSink


class ConsentGate:
    """A `RecordSink` before another, for those who make predictions."""

    def __init__(self, sink: RecordSink, agreed: Callable[[str], bool]) -> None:
        """`agreed`: whether something of a participant may be kept."""
        self._sink = sink
        self._agreed = agreed

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """As the sink behind it; raise `RecordInvalidError` for a prediction of somebody who did not agree."""
        if isinstance(body, Prediction) and body.user_id is not None and not self._agreed(body.user_id):
            raise RecordInvalidError("this participant did not agree, or took it back")
        return await self._sink.append(body, at)
