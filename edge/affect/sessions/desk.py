"""The desk of sessions: what `edge.web.session_port.SessionPort` asks for, over the rooms of this package.

A `Service` as well: `await desk.open()` before the first use, `run()` beside the others, `await desk.close()` last.
"""

from pathlib import Path

from contract.messages import Prediction
from contract.sessions import Ask, AskReason, SessionLabel
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.settings import SessionSettings


class SessionDesk:
    """Participants, stimuli and sessions of this device. Belongs to the event loop."""

    def __init__(self, folder: Path, *, settings: SessionSettings, needs: DeskNeeds) -> None:
        """`folder` is made if it is not there."""

    async def open(self) -> None:
        """Read what is kept; sessions that a killed daemon left running end as `restarted`. Raise `StoreError`."""

    async def run(self) -> None:
        """Keep the sessions' time, end what nobody stopped, and hand over what the store did not take."""

    async def close(self) -> None:
        """End what runs as `restarted`, and let go of the files."""

    def ask(self, session_id: str, reason: AskReason) -> Ask | None:
        """Put a question to the participant of a running session; None if one is open already, or none runs."""

    def recent_labels(self, session_id: str) -> list[SessionLabel]:
        """What was said in a running session lately, newest first: for the voices."""

    def stimulus_of(self, session_id: str) -> str | None:
        """What a running session shows."""

    def stimulus_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where its stimulus was at a moment."""

    def predicted(self, prediction: Prediction) -> None:
        """Count a segment of a running session, as it becomes durable."""
