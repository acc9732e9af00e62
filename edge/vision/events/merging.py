"""Several findings of one kind in one place become one: what a person would tell as one thing is told as one thing."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from edge.vision.findings import BOXES, SEVERITIES, Finding

Key = tuple[str, str | None]
"""Type and zone: there is at most one open event of each."""
_LINES: Final = 6
TRACKS: Final = 512


def key_of(finding: Finding) -> Key:
    """Which event a finding belongs to."""
    return finding.type, finding.zone


def weight_of(finding: Finding) -> tuple[int, float]:
    """The graver a finding, the larger; the surer among equals."""
    return rank_of(finding), finding.confidence


def rank_of(finding: Finding) -> int:
    """The place of its severity, 0 for LOW."""
    return SEVERITIES.index(finding.severity)


def by_key(findings: Iterable[Finding]) -> dict[Key, list[Finding]]:
    """The findings of each event, in order."""
    groups: dict[Key, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(key_of(finding), []).append(finding)
    return groups


def merge(findings: Sequence[Finding]) -> Finding:
    """One finding of one or more of the same key.

    It is the worst of them, since the first of them, with the boxes and the reasons of all (each once, the worst one's
    first, bounded) and the largest deviation.
    """
    if len(findings) == 1:
        return findings[0]
    ordered = sorted(findings, key=weight_of, reverse=True)
    worst = ordered[0]
    deviations = [finding.deviation for finding in ordered if finding.deviation is not None]
    return replace(
        worst,
        since_ns=min(finding.since_ns for finding in ordered),
        boxes=tuple(dict.fromkeys(box for finding in ordered for box in finding.boxes))[:BOXES],
        reasoning=tuple(dict.fromkeys(line for finding in ordered for line in finding.reasoning))[:_LINES],
        deviation=max(deviations, default=None),
    )


class Company:
    """Who is in an event: counts those that would have been an event of their own, each once.

    That is each further track that a finding is of, and of findings without a track those beyond the most seen in one
    frame. The latest `TRACKS` tracks are remembered.
    """

    def __init__(self) -> None:
        self._counted: dict[int, None] = {}
        self._shown: dict[int, None] = {}
        self._trackless = 0

    def join(self, findings: Sequence[Finding]) -> int:
        """Take the findings of one frame; return how many of them are new."""
        fresh = {track for finding in findings if (track := finding.track) is not None} - self._counted.keys()
        _remember(self._counted, fresh)
        _remember(self._shown, [box.track for finding in findings for box in finding.boxes if box.track is not None])
        trackless = sum(finding.track is None for finding in findings)
        more = max(0, trackless - self._trackless)
        self._trackless += more
        return len(fresh) + more

    def knows(self, findings: Sequence[Finding]) -> bool:
        """Whether none of them is of a track that was neither told of nor shown in a box before."""
        tracks = {track for finding in findings if (track := finding.track) is not None}
        return tracks <= self._counted.keys() | self._shown.keys()


def _remember(known: dict[int, None], tracks: Iterable[int]) -> None:
    known.update(dict.fromkeys(tracks))
    while len(known) > TRACKS:
        del known[next(iter(known))]
