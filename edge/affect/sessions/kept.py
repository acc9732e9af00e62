"""What is kept of a session in the desk's own file; the wire's view of it is made from this."""

from msgspec import Struct

from contract.messages import Session
from contract.sessions import Check, ConsentState, SessionView, StimulusClock


class KeptSession(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session from its beginning to its end. Times are wall clock milliseconds."""

    session_id: str
    participant: str
    start_ms: int
    end_ms: int | None = None
    video_id: int | None = None
    stimulus: str | None = None
    sensor: str | None = None
    reason: str = ""
    warnings: list[str] = []
    external: bool = False
    """Begun by an existing client (S0)."""
    clock_trusted: bool = True
    """Whether the wall clock was, as it began."""
    consent: ConsentState | None = None
    """As it stood when the session began."""
    checks: list[Check] = []
    cameras: list[str] = []
    """What records it on video."""
    pieces: list[StimulusClock] = []
    """The stimulus' clock: see `edge.affect.sessions.timeline`."""


def record_of(kept: KeptSession) -> Session:
    """The record that tells of its beginning, or of its end."""
    return Session(
        session_id=kept.session_id,
        phase="start" if kept.end_ms is None else "stop",
        participant=kept.participant,
        video_id=kept.video_id,
        stimulus=kept.stimulus,
        sensor=kept.sensor,
        start_ms=kept.start_ms,
        end_ms=kept.end_ms,
        reason=kept.reason,
        warnings=kept.warnings,
    )


def view_of(kept: KeptSession, segments: int = 0) -> SessionView:
    """How it is shown, without labels and markers."""
    return SessionView(
        session_id=kept.session_id,
        participant=kept.participant,
        start_ms=kept.start_ms,
        end_ms=kept.end_ms,
        video_id=kept.video_id,
        stimulus=kept.stimulus,
        sensor=kept.sensor,
        reason=kept.reason,
        warnings=kept.warnings,
        cameras=kept.cameras,
        clock=kept.pieces[-1] if kept.pieces else None,
        segments=segments,
    )
