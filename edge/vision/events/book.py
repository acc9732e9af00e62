"""The life of events: opened while it goes on, kept open over short pauses, told about at a bounded rate, closed.

A finding of a type opens an event of that type or keeps it open. So whatever happens, one camera says at most a few
records a minute, and every event that opens also closes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from contract.ids import new_token
from contract.messages import Event
from edge.core.clock import Stamp, wall_ms_of
from edge.vision.findings import MOTION, SEVERITIES, Finding
from edge.vision.settings import VisionSettings

ALERT_QUIET_S: Final = 3.0
"""An alert ends after so much quiet (U1.4: the banner stays 3 s)."""
Phase = Literal["open", "update", "close"]


@dataclass(slots=True, kw_only=True)
class _Open:
    """An event that goes on: its worst finding so far, its newest, and when it was last seen and told."""

    event_id: str
    start_ns: int
    start_ms: int
    last_ns: int
    told_ns: int
    worst: Finding
    newest: Finding


class EventBook:
    """The open events of one camera, by type. Times are monotonic nanoseconds of the frames."""

    def __init__(
        self,
        camera: str,
        settings: VisionSettings,
        *,
        new_id: Callable[[], str] = lambda: new_token("evt"),
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._new_id = new_id
        self._open: dict[str, _Open] = {}
        self._closed_ns: dict[str, int] = {}

    @property
    def alert(self) -> Finding | None:
        """The worst thing that goes on beside plain motion."""
        alerts = [life.newest for kind, life in self._open.items() if kind != MOTION]
        return max(alerts, key=lambda finding: (_rank(finding), finding.confidence), default=None)

    @property
    def moving(self) -> bool:
        """Whether an event of type `motion` is open."""
        return MOTION in self._open

    def step(self, findings: Sequence[Finding], now: Stamp, at_ns: int) -> list[Event]:
        """Take what is found at `at_ns`; return the records to make of it, in order."""
        found = {finding.type: finding for finding in findings}
        told = [self._end(kind, now) for kind in self._ended(at_ns)]
        for kind, finding in found.items():
            life = self._open.get(kind)
            if life is not None:
                told += self._go_on(life, finding, now, at_ns)
            elif self._may_open(kind, at_ns):
                told.append(self._begin(finding, now, at_ns))
        return told

    def close_all(self, now: Stamp) -> list[Event]:
        """End everything now."""
        return [self._end(kind, now) for kind in list(self._open)]

    def _begin(self, finding: Finding, now: Stamp, at_ns: int) -> Event:
        life = _Open(
            event_id=self._new_id(),
            start_ns=at_ns,
            start_ms=wall_ms_of(min(finding.since_ns, at_ns), now),
            last_ns=at_ns,
            told_ns=at_ns,
            worst=finding,
            newest=finding,
        )
        self._open[finding.type] = life
        return self._event("open", life, life.newest)

    def _go_on(self, life: _Open, finding: Finding, now: Stamp, at_ns: int) -> list[Event]:
        worse = _rank(finding) > _rank(life.worst)
        life.newest, life.last_ns = finding, at_ns
        if (_rank(finding), finding.confidence) >= (_rank(life.worst), life.worst.confidence):
            life.worst = finding
        if not worse and at_ns - life.told_ns < self._settings.update_s * 1e9:
            return []
        life.told_ns = at_ns
        return [self._event("update", life, life.newest)]

    def _end(self, kind: str, now: Stamp) -> Event:
        life = self._open.pop(kind)
        self._closed_ns[kind] = life.last_ns
        end_ms = max(wall_ms_of(life.last_ns, now), life.start_ms)
        return self._event("close", life, life.worst, end_ms)

    def _ended(self, at_ns: int) -> list[str]:
        return [kind for kind, life in self._open.items() if self._is_over(kind, life, at_ns)]

    def _is_over(self, kind: str, life: _Open, at_ns: int) -> bool:
        quiet_s = self._settings.merge_s if kind == MOTION else min(self._settings.merge_s, ALERT_QUIET_S)
        silent = at_ns - life.last_ns > quiet_s * 1e9
        return silent or at_ns - life.start_ns > self._settings.longest_event_s * 1e9

    def _may_open(self, kind: str, at_ns: int) -> bool:
        closed_ns = self._closed_ns.get(kind)
        if kind == MOTION or closed_ns is None:
            return True
        return at_ns - closed_ns >= self._settings.cooldown_s * 1e9

    def _event(self, phase: Phase, life: _Open, finding: Finding, end_ms: int | None = None) -> Event:
        return Event(
            event_id=life.event_id,
            phase=phase,
            camera=self._camera,
            type=finding.type,
            severity=life.worst.severity,
            confidence=finding.confidence,
            start_ms=life.start_ms,
            end_ms=end_ms,
            baseline_deviation=finding.deviation,
            reasoning=list(finding.reasoning),
            boxes=list(finding.boxes),
            model=finding.model or None,
            model_version=finding.model_version or None,
        )


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)
