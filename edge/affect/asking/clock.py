"""The moments at which a participant is asked.

Pure: time comes in by `offer` alone, and the same offers give the same questions.
"""

from collections.abc import Sequence
from typing import Final

from contract.sessions import AskReason
from edge.affect.asking.settings import AskSettings

_HOUR_MS: Final = 3_600_000


class AskClock:
    """The questions of one session.

    `began_ms` is where the stimulus begins and `duration_ms` its length, None where that is unknown: then the first
    questions come as they would in a stimulus of `per_stimulus * every_ms`, and later ones every `every_ms`. `asked_ms`
    are the questions put so far, oldest first: hand them over after a restart, and the clock goes on as if nothing had
    been. Never more than `per_stimulus` questions where the length is known, never more than `per_hour` within any
    hour, never two within `least_gap_ms`. A question that could not be put in time is left out, not caught up on.
    """

    def __init__(
        self,
        settings: AskSettings,
        *,
        began_ms: int = 0,
        duration_ms: int | None = None,
        asked_ms: Sequence[int] = (),
    ) -> None:
        self._settings = settings
        self._began_ms = began_ms
        self._bounded = duration_ms is not None
        self._length_ms = duration_ms or settings.per_stimulus * settings.every_ms
        self._asked_ms: list[int] = []
        self._used = 0
        for at_ms in asked_ms:
            self._note(at_ms)

    @property
    def asked_ms(self) -> tuple[int, ...]:
        """When questions were put, oldest first; for `asked_ms` of the clock that goes on."""
        return tuple(self._asked_ms)

    def offer(
        self,
        segment_index: int,
        at_ms: int,
        *,
        change_score: float | None = None,
        confidence: float | None = None,
        disagreement: float | None = None,
        answered: int | None = None,
    ) -> AskReason | None:
        """A segment ended at `at_ms`: why to ask now, or None. A reason that is returned counts as a question put.

        `change_score`, `confidence` and `disagreement` (0 to 1, see `edge.affect.asking.disagreement`) are those of
        the segment, None where unknown. `answered` is when (ms) the participant last gave a label, asked or not; None
        if never. Times must not go back; `segment_index` decides nothing.
        """
        if not self._settings.enabled or not self._may_ask(at_ms, answered):
            return None
        reason = self._due(at_ms) or self._early(at_ms, change_score, confidence, disagreement)
        if reason is not None:
            self._note(at_ms)
        return reason

    def _may_ask(self, at_ms: int, answered: int | None) -> bool:
        last = [at for at in (answered, *self._asked_ms[-1:]) if at is not None]
        quiet = all(at_ms - at >= self._settings.least_gap_ms for at in last)
        recent = sum(at_ms - at < _HOUR_MS for at in self._asked_ms[-self._settings.per_hour :])
        left = not self._bounded or self._used < self._settings.per_stimulus
        return quiet and left and recent < self._settings.per_hour

    def _due(self, at_ms: int) -> AskReason | None:
        if at_ms < self._place_ms(self._used):
            return None
        return "clock" if self._asked_ms else "first"

    def _early(
        self, at_ms: int, change_score: float | None, confidence: float | None, disagreement: float | None
    ) -> AskReason | None:
        """Why the next question may come before its time. The first one never does."""
        if not self._used:
            return None
        settings, due = self._settings, self._place_ms(self._used)
        if at_ms <= due - settings.early_share * (due - self._place_ms(self._used - 1)):
            return None
        if change_score is not None and change_score >= settings.change_above:
            return "change"
        if disagreement is not None and disagreement >= settings.disagreement_above:
            return "disagreement"
        return "unsure" if confidence is not None and confidence < settings.unsure_below else None

    def _note(self, at_ms: int) -> None:
        """A question was put: it stands for every place that has passed, or for the next one if it came early."""
        self._asked_ms.append(at_ms)
        self._used += 1
        while self._used < self._places and self._place_ms(self._used) <= at_ms:
            self._used += 1

    @property
    def _places(self) -> float:
        return self._settings.per_stimulus if self._bounded else float("inf")

    def _place_ms(self, index: int) -> float:
        """When question `index`, from 0, is due."""
        count = self._settings.per_stimulus
        share = (index / count) ** self._settings.front if index < count else 1 + (index - count) / count
        return self._began_ms + max(share * self._length_ms, float(self._settings.first_ms))
