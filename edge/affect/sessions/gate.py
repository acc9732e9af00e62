"""Lets nothing of a person into the store who did not agree, or does so no more, however late it comes."""

from collections.abc import Callable

from contract.messages import AnyBody, Prediction, Record
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError
from edge.core.records import RecordSink


def _nobody_listens(body: Prediction) -> None:
    del body


class ConsentGate:
    """A `RecordSink` before another, for those who make predictions."""

    def __init__(
        self,
        sink: RecordSink,
        agreed: Callable[[str], bool],
        on_predicted: Callable[[Prediction], None] = _nobody_listens,
    ) -> None:
        """`agreed`: whether something of a participant may be kept; `on_predicted` is told what the sink has taken."""
        self._sink = sink
        self._agreed = agreed
        self._on_predicted = on_predicted

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """As the sink behind it; raise `RecordInvalidError` for a prediction of somebody who did not agree."""
        if isinstance(body, Prediction) and body.user_id is not None and not self._agreed(body.user_id):
            raise RecordInvalidError("this participant did not agree, or took it back")
        record = await self._sink.append(body, at)
        if isinstance(body, Prediction):
            self._on_predicted(body)
        return record
