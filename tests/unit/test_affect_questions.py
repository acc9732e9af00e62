"""When a session's participant is asked at all."""

import pytest

from contract.sessions import AskReason
from edge.affect.asking.settings import AskSettings
from edge.affect.knowledge import NothingKnown
from edge.affect.questions import Questions
from edge.affect.runs import Closed
from edge.affect.segments import Segmenter
from edge.affect.session import Viewing
from edge.core.clock import Stamp

_STARTED = Stamp(0, 1_000_000, True)


class _Session(NothingKnown):
    """A session that has begun, with a rest in it or none."""

    def __init__(self, *, rest_until_ms: int) -> None:
        self._rest_until_ms = rest_until_ms
        self.asked: list[AskReason] = []

    def begun(self, session_id: str) -> bool:
        """It has."""
        return bool(session_id)

    def resting(self, session_id: str, at_ms: int) -> bool:
        """Up to that moment."""
        return bool(session_id) and at_ms <= _STARTED.wall_ms + self._rest_until_ms

    def ask(self, session_id: str, reason: AskReason) -> None:
        """Note it."""
        assert session_id
        self.asked.append(reason)


@pytest.mark.parametrize(("rest_ms", "asked_in_the_minute"), [(0, True), (60_000, False)])
def test_who_rests_is_not_asked(rest_ms: int, asked_in_the_minute: bool) -> None:
    """A question would end the rest that the person's normal is learned from; after it, the first one comes."""
    session = _Session(rest_until_ms=rest_ms)
    questions = Questions(AskSettings(), session)
    viewing = Viewing("s-1", "P07", None, _STARTED)
    for count, segment in enumerate(Segmenter(_STARTED).due(90_000_000_000), start=1):
        questions.consider(Closed(segment, viewing, count == 1), change_score=None, confidence=0.5, disagreement=None)
        if count == 12:
            assert bool(session.asked) is asked_in_the_minute
    assert session.asked[0] == "first"
