"""What is known of a running session beside the body, for whoever estimates emotion in it and asks in it."""

from collections.abc import Sequence
from typing import Final

from contract.sessions import AskReason, SessionLabel
from edge.affect.segments import SEGMENT_MS
from edge.affect.sessions.consensus import Consensus, Means
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.shelf import Shelf

REST: Final = "rest"
"""The marker that declares a rest: from it on the participant sits still and watches nothing."""
REST_MS: Final = 60_000


class Known:
    """See `edge.affect.knowledge.Knowledge`. Belongs to the event loop.

    Of sessions that run, or ended lately: the last segment is judged once its session is over.
    """

    def __init__(self, hall: Hall, shelf: Shelf, consensus: Consensus) -> None:
        self._hall = hall
        self._shelf = shelf
        self._consensus = consensus

    def labels(self, session_id: str) -> Sequence[SessionLabel]:
        """What the participant said lately, newest first."""
        running = self._hall.lately(session_id)
        return running.said() if running else []

    def others(self, session_id: str, at_ms: int) -> Sequence[float] | None:
        """How other participants felt at that moment of the same stimulus; None if nobody said."""
        there = self._there(session_id, at_ms)
        if there is None:
            return None
        stimulus, place_ms, participant = there
        return self._consensus.shares(stimulus, place_ms, but_of=participant)

    def felt(self, session_id: str, at_ms: int, *, off_centre: float) -> Means:
        """How they felt in valence and arousal, each drawn in as `Consensus.means` tells; None if nobody said."""
        there = self._there(session_id, at_ms)
        if there is None:
            return None, None
        stimulus, place_ms, participant = there
        return self._consensus.means(stimulus, place_ms, but_of=participant, off_centre=off_centre)

    def place_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where the stimulus was at that moment."""
        running = self._hall.lately(session_id)
        return running.timeline.at(at_ms) if running else None

    def onset_ms(self, session_id: str) -> int | None:
        """When the stimulus began; None if nobody told."""
        running = self._hall.lately(session_id)
        return running.timeline.onset_ms if running else None

    def begun(self, session_id: str) -> bool:
        """Whether the stimulus has begun: of a film that the page plays, its player tells."""
        running = self._hall.lately(session_id)
        if running is None or running.timeline.onset_ms is not None:
            return True
        return all(one.kind != "file" for one in self._shelf.all() if one.id == running.kept.stimulus)

    def duration_ms(self, session_id: str) -> int | None:
        """How long the stimulus is."""
        running = self._hall.lately(session_id)
        stimulus = running.kept.stimulus if running else None
        return next((one.duration_ms for one in self._shelf.all() if one.id == stimulus), None)

    def resting(self, session_id: str, at_ms: int) -> bool:
        """Whether that moment lies in the minute after a `rest` marker."""
        running = self._hall.lately(session_id)
        markers = running.markers if running else ()
        return any(one.name.strip().lower() == REST and 0 <= at_ms - one.at_ms <= REST_MS for one in markers)

    def ask(self, session_id: str, reason: AskReason) -> None:
        """Put a question, unless one is open."""
        self._hall.ask(session_id, reason)

    def _there(self, session_id: str, at_ms: int) -> tuple[str, int, str] | None:
        """Which stimulus was where at that moment, and who saw it.

        None before it begins, and where it was over for the 5 s that end there: its last moment is no longer felt.
        """
        running, place_ms = self._hall.lately(session_id), self.place_ms(session_id, at_ms)
        if running is None or running.kept.stimulus is None or place_ms is None or not self.begun(session_id):
            return None
        if running.timeline.over(at_ms - SEGMENT_MS):
            return None
        return running.kept.stimulus, place_ms, running.kept.participant
