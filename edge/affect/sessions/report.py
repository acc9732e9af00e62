"""The end report of a session."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.messages import Prediction
from contract.sessions import SessionLabel, SessionMarker, Stimulus
from edge.affect.sessions.kept import KeptSession


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that the report tells."""

    kept: KeptSession
    labels: Sequence[SessionLabel]
    markers: Sequence[SessionMarker]
    segments: Sequence[Prediction]
    stimulus: Stimulus | None
    written_ms: int


def render(found: Findings) -> str:
    """The report as one page of HTML that needs no other file."""
    return f"<!doctype html><title>{len(found.segments)}</title>"
