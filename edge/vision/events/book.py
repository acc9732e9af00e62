"""The life of events: opened while it goes on, kept open over short pauses, told about at a bounded rate, closed.

There is one open event of each type in each zone; whatever else is found of it is merged into it. So whatever happens,
one camera says at most so many records a minute, every event that opens also closes, and what was held back is counted:

- A type in a zone that has begun as often as it may within a minute stays open until it may begin again; so does a
  tampering with the camera that has begun as often as it may within ten, or until nothing came of it for a minute.
- After an alert its type keeps silent in that zone for the cool-down, unless it comes back graver or is of something
  else: a track that the alert was not about.
- A camera that has begun as many events as it may begins none but alarms (HIGH, CRITICAL).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import replace

from contract.ids import new_token
from contract.messages import Event
from edge.core.clock import Stamp, wall_ms_of
from edge.vision.events.clarity import is_clearer
from edge.vision.events.held import HeldBack
from edge.vision.events.limits import MINUTE_NS, OpenLimits
from edge.vision.events.merging import Company, Key, by_key, merge, rank_of, weight_of
from edge.vision.events.settings import EventSettings
from edge.vision.findings import MOTION, SEVERITIES, TAMPERED, Finding
from edge.vision.settings import VisionSettings
from edge.vision.state import Flood

ALERT_QUIET_S: Final = 3.0
"""An alert ends after so much quiet (U1.4: the banner stays 3 s)."""
_PAUSE_NS: Final = 1_000_000_000
"""What comes back after a longer pause would have been another event."""
_ALERT: Final = SEVERITIES.index("MEDIUM")
_ALARM: Final = SEVERITIES.index("HIGH")
Phase = Literal["open", "update", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Who knows what else the device keeps of an event; asked for each record, on the event loop, by event id."""

    picture: Callable[[str], bool] = lambda _: False
    recording: Callable[[str], str | None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class _Open:
    """An event that goes on: its worst finding so far, its newest, its clearest; when it was last seen and told."""

    event_id: str
    start_ns: int
    start_ms: int
    last_ns: int
    told_ns: int
    worst: Finding
    newest: Finding
    clearest: Finding
    clearest_ns: int
    company: Company
    merged: int = 0
    missed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ended:
    at_ns: int
    rank: int
    company: Company


class EventBook:
    """The open events of one camera, by type and zone. Times are monotonic nanoseconds of the frames.

    Types and zones come from code and plan, so there are only so many; nothing else here grows with what is found.
    """

    def __init__(
        self,
        camera: str,
        settings: VisionSettings,
        limits: EventSettings | None = None,
        *,
        kept: Kept | None = None,
        new_id: Callable[[], str] = lambda: new_token("evt"),
    ) -> None:
        limits = limits or EventSettings()
        self._camera = camera
        self._settings = settings
        self._kept = kept or Kept()
        self._new_id = new_id
        self._limits = OpenLimits(
            limits.opens_per_minute,
            limits.camera_opens_per_minute,
            rarely=limits.tampered_per_ten_minutes,
            is_rare=lambda key: key == (TAMPERED, None),
        )
        self._open: dict[Key, _Open] = {}
        self._ended: dict[Key, _Ended] = {}
        self._held = HeldBack()
        self._merged = 0
        self._at_ns = 0

    @property
    def alert(self) -> Finding | None:
        """The worst thing that goes on, if it was MEDIUM at least: plain motion, or a door that counts, is no alert."""
        alerts = [
            life.newest
            for key, life in self._open.items()
            if rank_of(life.worst) >= _ALERT and not self._silent(key, life)
        ]
        return max(alerts, key=weight_of, default=None)

    @property
    def moving(self) -> bool:
        """Whether an event of type `motion` is open."""
        return any(kind == MOTION for kind, _ in self._open)

    @property
    def open_ids(self) -> list[str]:
        """The events that go on, the oldest first."""
        return [life.event_id for life in self._open.values()]

    @property
    def clearest(self) -> list[tuple[str, Finding]]:
        """The events that the last frame showed better than any before, each with what it showed: for their pictures.

        The boxes of the last of these are those of the record that closes an event.
        """
        return [(life.event_id, life.clearest) for life in self._open.values() if self._at_ns == life.clearest_ns]

    @property
    def flood(self) -> Flood:
        """What was merged and held back since the start."""
        return Flood(merged=self._merged, suppressed=self._held.suppressed)

    def step(self, findings: Sequence[Finding], now: Stamp, at_ns: int) -> list[Event]:
        """Take what is found at `at_ns`, which does not go back; return the records to make of it, in order."""
        self._at_ns = max(self._at_ns, at_ns)
        found = by_key(findings)
        told = [self._end(key, now) for key in self._over()]
        self._held.forget_over(self._at_ns)
        for key, life in self._open.items():
            life.missed |= key not in found
        for key, group in found.items():
            told += self._take(key, group, now)
        return told

    def close_all(self, now: Stamp) -> list[Event]:
        """End everything now."""
        self._held.forget_all()
        return [self._end(key, now) for key in list(self._open)]

    def _take(self, key: Key, group: list[Finding], now: Stamp) -> list[Event]:
        life = self._open.get(key)
        if life is not None:
            return self._go_on(life, group, now)
        if self._may_open(key, group):
            return [self._begin(key, group, now)]
        self._held.hold(key, self._at_ns)
        return []

    def _begin(self, key: Key, group: list[Finding], now: Stamp) -> Event:
        finding, at_ns, company = merge(group), self._at_ns, Company()
        self._held.release(key)
        life = _Open(
            event_id=self._new_id(),
            start_ns=at_ns,
            start_ms=wall_ms_of(min(finding.since_ns, at_ns), now),
            last_ns=at_ns,
            told_ns=at_ns,
            worst=finding,
            newest=finding,
            clearest=finding,
            clearest_ns=at_ns,
            company=company,
            merged=company.join(group) - 1,
            notes=self._held.tell(),
        )
        self._merged += life.merged
        self._limits.note(key, at_ns)
        self._open[key] = life
        return self._event("open", life, life.newest)

    def _go_on(self, life: _Open, group: list[Finding], now: Stamp) -> list[Event]:
        finding, at_ns = merge(group), self._at_ns
        came_back = life.missed and at_ns - life.last_ns > _PAUSE_NS
        joined = life.company.join(group) or int(came_back)
        life.merged += joined
        self._merged += joined
        worse = rank_of(finding) > rank_of(life.worst)
        life.newest, life.last_ns, life.missed = finding, at_ns, False
        if weight_of(finding) >= weight_of(life.worst):
            life.worst = finding
        if is_clearer(finding, life.clearest):
            life.clearest, life.clearest_ns = finding, at_ns
        if not worse and at_ns - life.told_ns < self._settings.update_s * 1e9:
            return []
        life.told_ns = at_ns
        return [self._event("update", life, life.newest)]

    def _end(self, key: Key, now: Stamp) -> Event:
        life = self._open.pop(key)
        self._forget_old()
        self._ended[key] = _Ended(life.last_ns, rank_of(life.worst), life.company)
        end_ms = max(wall_ms_of(life.last_ns, now), life.start_ms)
        return self._event("close", life, replace(life.worst, boxes=life.clearest.boxes), end_ms)

    def _over(self) -> list[Key]:
        """What is to be closed; not what might not begin again: what comes of that now is merged into it."""
        return [key for key, life in self._open.items() if self._is_over(key, life)]

    def _is_over(self, key: Key, life: _Open) -> bool:
        long = self._at_ns - life.start_ns > self._settings.longest_event_s * 1e9
        if not (long or self._silent(key, life)):
            return False
        return self._at_ns - life.last_ns > MINUTE_NS or not self._limits.is_full(key, self._at_ns)

    def _silent(self, key: Key, life: _Open) -> bool:
        merge_s = self._settings.merge_s
        quiet_s = merge_s if key[0] == MOTION else min(merge_s, ALERT_QUIET_S)
        return self._at_ns - life.last_ns > quiet_s * 1e9

    def _may_open(self, key: Key, group: list[Finding]) -> bool:
        rank = max(rank_of(finding) for finding in group)
        ended = self._ended.get(key)
        again = ended is not None and rank <= ended.rank and ended.company.knows(group)
        if key[0] != MOTION and ended and again and self._cools(ended):
            return False
        return rank >= _ALARM or not (self._limits.is_full(key, self._at_ns) or self._limits.all_full(self._at_ns))

    def _cools(self, ended: _Ended) -> bool:
        return self._at_ns - ended.at_ns < self._settings.cooldown_s * 1e9

    def _forget_old(self) -> None:
        self._ended = {key: ended for key, ended in self._ended.items() if self._cools(ended)}
        self._limits.forget(self._at_ns)

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
            reasoning=[*finding.reasoning, *life.notes],
            boxes=list(finding.boxes),
            zone=finding.zone,
            track=finding.track,
            picture=self._kept.picture(life.event_id),
            recording_id=self._kept.recording(life.event_id),
            merged=life.merged,
            model=finding.model or None,
            model_version=finding.model_version or None,
        )
