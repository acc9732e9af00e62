"""When a participant is asked how they feel: one clock for each session, offered each segment."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from edge.affect.asking.clock import AskClock
from edge.affect.asking.settings import AskSettings
from edge.affect.knowledge import Knowledge
from edge.affect.runs import Closed
from edge.affect.session import Viewing

_KEPT: Final = 16


@dataclass(slots=True)
class _Course:
    """A session's questions, by the stimulus' own clock where somebody tells it, else by the time since the start."""

    clock: AskClock
    latest_ms: int = 0


class Questions:
    """Puts the questions of the sessions on one sensor."""

    def __init__(self, settings: AskSettings, knowledge: Knowledge) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._courses: OrderedDict[str, _Course] = OrderedDict()

    def consider(
        self, closed: Closed, *, change_score: float | None, confidence: float, disagreement: float | None
    ) -> None:
        """A segment was judged; ask if it is time to. The stimulus may be paused or wound back: time here never is."""
        viewing = closed.viewing
        if viewing is None or viewing.stopped is not None or not self._knowledge.begun(viewing.session_id):
            return
        if self._knowledge.resting(viewing.session_id, closed.segment.end_ms):
            return  # who rests is left in peace
        course = self._course(viewing)
        course.latest_ms = max(course.latest_ms, self._place_ms(viewing, closed.segment.end_ms))
        reason = course.clock.offer(
            closed.segment.index,
            course.latest_ms,
            change_score=change_score,
            confidence=confidence,
            disagreement=disagreement,
            answered=self._answered_ms(viewing, course.latest_ms),
        )
        if reason is not None:
            self._knowledge.ask(viewing.session_id, reason)

    def _course(self, viewing: Viewing) -> _Course:
        known = self._courses.get(viewing.session_id)
        if known is None:
            duration_ms = self._knowledge.duration_ms(viewing.session_id)
            known = self._courses[viewing.session_id] = _Course(AskClock(self._settings, duration_ms=duration_ms))
            while len(self._courses) > _KEPT:
                self._courses.popitem(last=False)
        return known

    def _place_ms(self, viewing: Viewing, at_ms: int) -> int:
        place_ms = self._knowledge.place_ms(viewing.session_id, at_ms)
        return max(0, at_ms - viewing.started.wall_ms) if place_ms is None else place_ms

    def _answered_ms(self, viewing: Viewing, latest_ms: int) -> int | None:
        newest = next(iter(self._knowledge.labels(viewing.session_id)), None)
        return None if newest is None else min(self._place_ms(viewing, newest.at_ms), latest_ms)
