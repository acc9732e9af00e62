"""What is known of a running session beside the body, as the service of emotion asks for it."""

from collections.abc import Sequence
from typing import Protocol

from contract.sessions import AskReason, SessionLabel
from edge.affect.signals.summary import SegmentSignals
from edge.core.sample import Sample


class Knowledge(Protocol):
    """Sessions, asked on the event loop; nothing of it waits. Moments are milliseconds of the wall clock."""

    def labels(self, session_id: str) -> Sequence[SessionLabel]:
        """What the participant said lately, newest first."""
        ...

    def others(self, session_id: str, at_ms: int) -> Sequence[float] | None:
        """How others felt at that moment of the same stimulus, shares of HH, HL, LH, LL; None if unknown."""
        ...

    def felt(self, session_id: str, at_ms: int, *, off_centre: float) -> tuple[float | None, float | None]:
        """Others' mean of valence and of arousal there, of values moved so far off the centre and drawn in by a
        hyperbolic tangent; None if unknown."""
        ...

    def place_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where the stimulus was at that moment."""
        ...

    def onset_ms(self, session_id: str) -> int | None:
        """When the stimulus began, however often it was halted since; None if nobody told."""
        ...

    def begun(self, session_id: str) -> bool:
        """Whether the stimulus has begun, as far as anybody would tell."""
        ...

    def duration_ms(self, session_id: str) -> int | None:
        """How long the stimulus is."""
        ...

    def resting(self, session_id: str, at_ms: int) -> bool:
        """Whether that moment belongs to a declared rest."""
        ...

    def ask(self, session_id: str, reason: AskReason) -> None:
        """Ask the participant how they feel."""
        ...


class NothingKnown:
    """Of an appliance without sessions."""

    def labels(self, session_id: str) -> Sequence[SessionLabel]:
        """Nobody said anything."""
        del session_id
        return ()

    def others(self, session_id: str, at_ms: int) -> Sequence[float] | None:
        """Nobody was there before."""
        del session_id, at_ms
        return None

    def felt(self, session_id: str, at_ms: int, *, off_centre: float) -> tuple[float | None, float | None]:
        """Nor felt anything."""
        del session_id, at_ms, off_centre
        return None, None

    def place_ms(self, session_id: str, at_ms: int) -> int | None:
        """Nobody says where the stimulus is."""
        del session_id, at_ms
        return None

    def onset_ms(self, session_id: str) -> int | None:
        """Nor when it began."""
        del session_id
        return None

    def begun(self, session_id: str) -> bool:
        """Then it began with the session."""
        del session_id
        return True

    def duration_ms(self, session_id: str) -> int | None:
        """Nor how long it is."""
        del session_id
        return None

    def resting(self, session_id: str, at_ms: int) -> bool:
        """No rest was declared."""
        del session_id, at_ms
        return False

    def ask(self, session_id: str, reason: AskReason) -> None:
        """There is nobody to ask."""
        del session_id, reason


class Signals(Protocol):
    """The signals of the sensor: `edge.affect.signals.stream.SignalStream`."""

    def derived(self) -> list[Sample]:
        """What was found in them since last asked: heart rate and intervals of an optical pulse."""
        ...

    def summary(self, start_ns: int, end_ns: int) -> SegmentSignals:
        """What they showed in one stretch of time."""
        ...

    def forget(self) -> None:
        """Somebody else wears the sensor."""
        ...
