"""What a row of the desk's file says, also where a failing disk spoiled its body: its columns still tell whose it is.

SQLite keeps no checksums, so that a spoilt body shows only to who reads it. One person's row must not take everybody
else's sessions away; and who stands in for them has agreed to nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from contract.messages import AnyBody, Loss
from contract.sessions import Participant, SessionMarker, Stimulus
from edge.affect.sessions.kept import KeptSession
from edge.core.files import DAMAGED as DAMAGED_JSON

SESSIONS: Final = "SELECT session_id, participant, stimulus, video_id, end_ms, seen_ms, body FROM sessions"
"""Rows for `session_of`."""
DAMAGED: Final = "what was kept here was damaged"
_decode: Final = msgspec.json.decode


def participant_of(participant: str, body: bytes) -> Participant:
    """One; of a spoilt row somebody who agreed to nothing, and can agree anew or be erased."""
    try:
        return _decode(body, type=Participant)
    except DAMAGED_JSON:
        return Participant(id=participant, created_ms=0, note=DAMAGED)


def stimulus_of(stimulus: str, body: bytes, file: str | None) -> Stimulus:
    """One; of a spoilt row one without number and length."""
    try:
        return _decode(body, type=Stimulus)
    except DAMAGED_JSON:
        return Stimulus(id=stimulus, title=DAMAGED, kind="file" if file else "external")


def session_of(row: Sequence[Any]) -> KeptSession:
    """One, of a row of `SESSIONS`; of a spoilt row as much as the columns tell."""
    session_id, participant, stimulus, video_id, end_ms, seen_ms, body = row
    try:
        return _decode(body, type=KeptSession)
    except DAMAGED_JSON:
        return KeptSession(
            session_id=session_id,
            participant=participant,
            start_ms=seen_ms if end_ms is None else min(seen_ms, end_ms),
            end_ms=end_ms,
            video_id=video_id,
            stimulus=stimulus,
            warnings=[DAMAGED],
        )


def marker_of(body: bytes) -> SessionMarker | None:
    """One; None of a spoilt row."""
    try:
        return _decode(body, type=SessionMarker)
    except DAMAGED_JSON:
        return None


def untold_of(body: bytes) -> AnyBody:
    """What is to be told; of a spoilt row that it was lost."""
    try:
        told: AnyBody = _decode(body, type=AnyBody)
    except DAMAGED_JSON:
        return Loss(what="records", reason="a record was damaged before it was told", count=1)
    return told


def ids_of(listed: bytes) -> list[str]:
    """The sessions of somebody who is being erased; of a spoilt row none, for the pseudonym is a column of its own."""
    try:
        return _decode(listed, type=list[str])
    except DAMAGED_JSON:
        return []
