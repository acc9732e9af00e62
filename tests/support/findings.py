"""Findings made by hand, and moments to find them at."""

from contract.messages import Box, Event, Severity
from edge.core.clock import Stamp
from edge.vision.events.book import EventBook
from edge.vision.findings import MOTION, Finding
from tests.support.clock import START_MS

SECOND = 1_000_000_000


def finding(
    kind: str = MOTION,
    severity: Severity = "LOW",
    *,
    zone: str | None = None,
    track: int | None = None,
    confidence: float = 0.5,
    box: Box | None = None,
    why: str = "because",
    since_s: float = 0.0,
) -> Finding:
    """One finding; all but plain motion deviates by 6 sigma."""
    return Finding(
        type=kind,
        since_ns=round(since_s * SECOND),
        severity=severity,
        confidence=confidence,
        reasoning=(why,),
        boxes=(box or Box(x=0.4, y=0.4, w=0.1, h=0.1),),
        deviation=None if kind == MOTION else 6.0,
        zone=zone,
        track=track,
    )


def stamp(at_s: float) -> Stamp:
    """A moment by both clocks."""
    at_ns = round(at_s * SECOND)
    return Stamp(at_ns, START_MS + at_ns // 1_000_000, trusted=True)


def play(book: EventBook, script: list[tuple[float, list[Finding]]]) -> list[tuple[float, Event]]:
    """Give the book what is found at each second; return what it says, and when."""
    told = []
    for at_s, findings in script:
        told += [(at_s, event) for event in book.step(findings, stamp(at_s), round(at_s * SECOND))]
    return told


def phases(told: list[tuple[float, Event]]) -> list[tuple[float, str]]:
    """What was said in short."""
    return [(at_s, event.phase) for at_s, event in told]
