"""Sessions and sensors as the LAN side needs them; the daemon fills these with the rooms' own desks.

Every method that names something unknown raises `UnknownError`, every one that may not be done now `RefusedError`; both
say in words what to do instead. `StoreError` tells that the disk did not take it.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from contract.messages import Erasure, Prediction
from contract.sessions import (
    Ask,
    CheckList,
    CommandResult,
    ConsentText,
    NewLabel,
    Participant,
    SensorCommand,
    SensorView,
    SessionMarker,
    SessionView,
    SignalView,
    Stimulus,
    StimulusClock,
)


class SessionPort(Protocol):
    """Participants, stimuli and sessions: `edge.affect.sessions.desk.SessionDesk`. Belongs to the event loop."""

    def participants(self) -> Sequence[Participant]:
        """Everybody who is known, by id."""
        ...

    async def put_participant(self, participant: str, *, sensor: str | None, note: str) -> Participant:
        """Make or change a participant; nothing else is stored of them before they agreed."""
        ...

    def consent_text(self) -> ConsentText:
        """The text that participants agree to now."""
        ...

    async def consent(self, participant: str, *, given: bool, text_sha256: str, witness: str) -> Participant:
        """Record that they agree to the text of that digest, or take it back, which ends their session.

        Refused where the text is not the one of now.
        """
        ...

    async def erase(self, participant: str) -> Erasure:
        """Erase everything of them on this device, and tell the cloud to do so."""
        ...

    def stimuli(self) -> Sequence[Stimulus]:
        """Everything that can be watched, by id."""
        ...

    async def put_stimulus(self, stimulus: Stimulus) -> Stimulus:
        """Make or change a stimulus; refused where its number is another's. What was uploaded stays."""
        ...

    async def put_video(self, stimulus: str, chunks: AsyncIterator[bytes], size_bytes: int | None) -> Stimulus:
        """Keep the video file of a stimulus; refused if it is too large, no video, or does not fit on the disk."""
        ...

    def video_of(self, stimulus: str) -> Path | None:
        """The video file, if it is there."""
        ...

    async def remove_stimulus(self, stimulus: str) -> None:
        """Forget a stimulus and its file; refused while a session shows it."""
        ...

    async def checks(self, participant: str, *, stimulus: str | None, sensor: str | None) -> CheckList:
        """What stands between now and a session."""
        ...

    async def start(  # noqa: PLR0913 - all that a start may say
        self,
        participant: str,
        *,
        stimulus: str | None = None,
        video_id: int | None = None,
        sensor: str | None = None,
        session_id: str = "",
        at_ms: int | None = None,
        overrule: bool = False,
        external: bool = False,
        cameras: Sequence[str] | None = None,
    ) -> SessionView:
        """Begin a session; one that this participant has running ends. The same session id again returns it as it is.

        Refused where a check says `stop`, or `warning` without `overrule`, or where `cameras` are named that cannot
        record this participant; None takes those of the settings, as far as they can. `external`: an existing client
        (S0), which asked for consent itself and knows no check list; an unknown participant is made, and their consent
        is recorded as that client's. `video_id` is a stimulus' number.
        """
        ...

    async def stop(self, session_id: str) -> SessionView:
        """End a session; one that has ended is returned as it is."""
        ...

    def running(self) -> Sequence[SessionView]:
        """The sessions that have not ended, oldest first."""
        ...

    async def session(self, session_id: str) -> SessionView:
        """One session, running or ended, with its labels and markers."""
        ...

    async def sessions(self, participant: str | None, *, limit: int) -> Sequence[SessionView]:
        """The newest sessions, newest first, without their labels and markers."""
        ...

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Mark a moment of a running session (by default now), or note something on any session."""
        ...

    def tell_clock(self, session_id: str, clock: StimulusClock) -> None:
        """Who plays the stimulus says where it is."""
        ...

    def stimulus_ms(self, session_id: str, at_ms: int) -> int | None:
        """Where the stimulus of a running session was at a moment; None before anybody said, and once it has ended."""
        ...

    async def label(self, session_id: str, labels: Sequence[NewLabel]) -> int:
        """Keep what the participant said; how many of the labels were new."""
        ...

    def open_ask(self, session_id: str) -> Ask | None:
        """The question that waits for an answer."""
        ...

    async def segments(self, session_id: str) -> Sequence[Prediction]:
        """What was predicted in a session, oldest first."""
        ...

    async def predictions(
        self, video_id: int, *, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> Sequence[Prediction]:
        """What was predicted of a video, by start (S0.11, S0.12): both filters hold together. `since_ms`: only segments
        that ended after it (the active view of S0.24)."""
        ...

    async def report(self, session_id: str) -> str:
        """The end report: one HTML page that needs no other file."""
        ...


class SensorPort(Protocol):
    """The body sensors of the appliance."""

    def sensors(self) -> Sequence[SensorView]:
        """All of them, in the order of the config."""
        ...

    def signals(self) -> Sequence[SignalView]:
        """The newest view of each that has one."""
        ...

    async def command(self, sensor: str, command: SensorCommand) -> CommandResult:
        """Let a board do something; refused where it does not understand it or is not there."""
        ...
