"""Sessions and sensors as a test steers them: the two ports of the LAN side in memory, telling the hub what happens.

`make_web(folder, sessions=FakeSessions(...), sensors=FakeSensors(...))` puts them behind the real routes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from contract.messages import Erasure, Prediction
from contract.sessions import (
    Ask,
    Check,
    CheckList,
    NewLabel,
    SessionLabel,
    SessionMarker,
    SessionView,
    StimulusClock,
)
from edge.core.clock import Clock
from edge.core.errors import RefusedError, UnknownError
from edge.core.hub import Hub
from tests.support.people_stage import CONSENT, FakePeople
from tests.support.sensor_stage import FakeSensors, sensor_view

__all__ = ["CHECKS", "CONSENT", "FakeSensors", "FakeSessions", "prediction", "sensor_view"]

SEGMENT_MS = 5000
CHECKS = CheckList(
    ready=True,
    checks=[
        Check(name="consent", state="ok", detail="given"),
        Check(name="signal", state="warning", detail="the pulse is noisy", remedy="sit still for a moment"),
    ],
)


def prediction(index: int, *, session: SessionView, probe: str | None = "HH", **changes: Any) -> Prediction:
    """What a model says of segment `index` of a session; no `probe` is an abstention."""
    start = session.start_ms + index * SEGMENT_MS
    values: dict[str, Any] = {
        "task": "emotion",
        "model": "emotion",
        "model_version": "2.0.0",
        "source": session.sensor or "wrist",
        "segment_index": index,
        "start_ms": start,
        "end_ms": start + SEGMENT_MS,
        "probe": probe,
        "confidence": 0.8 if probe else 0.3,
        "valence": 0.4,
        "arousal": -0.2,
        "quality": 0.9,
        "session_id": session.session_id,
        "user_id": session.participant,
        "video_id": session.video_id,
        "voices": {"body": 0.7, "labels": 0.3},
        "pushes": {"scr_count": 0.8, "hr_bpm": -0.2},
        "change_score": 1.2,
    }
    return Prediction(**(values | changes))


class FakeSessions(FakePeople):
    """`SessionPort` in memory. `broken`: the disk takes nothing and gives nothing."""

    def __init__(self, *, clock: Clock | None = None, hub: Hub | None = None, folder: Path | None = None) -> None:
        super().__init__(clock=clock, hub=hub, folder=folder)
        self.predicted: dict[str, list[Prediction]] = {}
        self.asks: dict[str, Ask] = {}
        self.list_of_checks = CHECKS
        self.filmed: Sequence[str] | None = None
        """The cameras that the newest start named."""

    def predict(self, session_id: str, probe: str | None = "HH", **changes: Any) -> Prediction:
        """One more segment of a session closes; the caller publishes it as a record where that matters."""
        view, made = self.known[session_id], self.predicted.setdefault(session_id, [])
        made.append(prediction(len(made), session=view, probe=probe, **changes))
        self._change(msgspec.structs.replace(view, segments=len(made)))
        return made[-1]

    def ask(self, session_id: str, *, seconds: float = 15.0) -> Ask:
        """Ask the participant now."""
        view, now = self.known[session_id], self.now_ms
        made = Ask(
            ask_id=f"ask-{now}",
            session_id=session_id,
            participant=view.participant,
            at_ms=now,
            expires_ms=now + int(seconds * 1000),
            reason="clock",
        )
        self.asks[session_id] = made
        self.hub.publish("ask", msgspec.to_builtins(made), key=session_id)
        return made

    def unask(self, session_id: str) -> None:
        """The question was answered, or its time is over."""
        if self.asks.pop(session_id, None):
            self.hub.publish("ask", {"session_id": session_id, "ask": None}, key=session_id)

    async def erase(self, participant: str) -> Erasure:
        """Forget everything of them."""
        self._check_disk()
        self._person(participant)
        mine = [view.session_id for view in self.known.values() if view.participant == participant]
        records = sum(len(self.predicted.pop(name, [])) for name in mine)
        for name in mine:
            del self.known[name]
        del self.people[participant]
        return Erasure(participant=participant, sessions=mine, records=records)

    async def checks(self, participant: str, *, stimulus: str | None, sensor: str | None) -> CheckList:
        """What the test set."""
        self._person(participant)
        if stimulus is not None:
            self._stimulus(stimulus)
        return self.list_of_checks

    async def start(  # noqa: PLR0913 - as the port has it
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
        """As the port has it."""
        self.filmed = cameras
        self._check_disk()
        if session_id in self.known:
            return self.known[session_id]
        shown = self._shown(stimulus, video_id)
        if external:
            self._take_external(participant)
        person = self._person(participant)
        if person.consent is None or not person.consent.given:
            raise RefusedError(f"{participant} has not agreed: record their consent first")
        if not external and not self.list_of_checks.ready:
            raise RefusedError("the check list says stop: see /v1/sessions/checks")
        if not external and not overrule and any(check.state == "warning" for check in self.list_of_checks.checks):
            raise RefusedError("the check list warns: correct it, or overrule it")
        start_ms = self.now_ms if at_ms is None else at_ms
        self._end_of(participant, "replaced")
        view = SessionView(
            session_id=session_id or f"{participant}_{shown.number if shown else 0}_{start_ms}",
            participant=participant,
            start_ms=start_ms,
            video_id=shown.number if shown else None,
            stimulus=shown.id if shown else None,
            sensor=sensor or person.sensor,
            warnings=["the pulse is noisy"] if overrule else [],
        )
        return self._change(view)

    async def stop(self, session_id: str) -> SessionView:
        """End it once."""
        view = await self.session(session_id)
        if view.end_ms is not None:
            return view
        self.unask(session_id)
        return self._change(msgspec.structs.replace(view, end_ms=self.now_ms, reason="stopped"))

    async def session(self, session_id: str) -> SessionView:
        """One of them."""
        self._check_disk()
        if session_id not in self.known:
            raise UnknownError(f"there is no session {session_id}: see /v1/sessions")
        return self.known[session_id]

    async def sessions(self, participant: str | None, *, limit: int) -> Sequence[SessionView]:
        """Newest first."""
        self._check_disk()
        mine = [view for view in self.known.values() if participant in {None, view.participant}]
        return [msgspec.structs.replace(view, labels=[], markers=[]) for view in reversed(mine)][:limit]

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Keep it."""
        view = await self.session(session_id)
        made = SessionMarker(at_ms=self.now_ms if at_ms is None else at_ms, name=name, note=note)
        self._change(msgspec.structs.replace(view, markers=[*view.markers, made]))
        return made

    def tell_clock(self, session_id: str, clock: StimulusClock) -> None:
        """Keep the newest."""
        if session_id not in self.known:
            raise UnknownError(f"there is no session {session_id}")
        if self.known[session_id].end_ms is not None:
            raise RefusedError("the session has ended")
        self._change(msgspec.structs.replace(self.known[session_id], clock=clock))

    def stimulus_ms(self, session_id: str, at_ms: int) -> int | None:
        """As its newest word has it, while it plays."""
        view = self.known.get(session_id)
        if view is None or view.end_ms is not None or view.clock is None or at_ms < view.clock.at_ms:
            return None
        return view.clock.stimulus_ms + round((at_ms - view.clock.at_ms) * view.clock.rate)

    async def label(self, session_id: str, labels: Sequence[NewLabel]) -> int:
        """Keep those that are new, and end the question that they answer."""
        view = await self.session(session_id)
        had = {label.label_id for label in view.labels}
        new = [label for label in labels if not label.label_id or label.label_id not in had]
        kept = [self._label(label, len(had) + place) for place, label in enumerate(new)]
        points = sum(one.source == "trace" for one in kept)
        counts = {"said": view.said + len(kept) - points, "traced": view.traced + points}
        self._change(msgspec.structs.replace(view, labels=[*view.labels, *kept], **counts))
        if any(label.ask_id for label in labels):
            self.unask(session_id)
        return len(new)

    def open_ask(self, session_id: str) -> Ask | None:
        """The one that waits."""
        if session_id not in self.known:
            raise UnknownError(f"there is no session {session_id}")
        return self.asks.get(session_id)

    async def segments(self, session_id: str) -> Sequence[Prediction]:
        """Oldest first."""
        await self.session(session_id)
        return self.predicted.get(session_id, [])

    async def predictions(
        self, video_id: int, *, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> Sequence[Prediction]:
        """S0.12."""
        self._check_disk()
        found = [
            one
            for many in self.predicted.values()
            for one in many
            if one.video_id == video_id
            and user_id in {None, one.user_id}
            and session_id in {None, one.session_id}
            and (since_ms is None or one.end_ms > since_ms)
        ]
        return sorted(found, key=lambda one: one.start_ms)

    async def report(self, session_id: str) -> str:
        """A page."""
        view = await self.session(session_id)
        return f"<!doctype html><title>{view.session_id}</title><style>p{{color:red}}</style><p>Report</p>"

    def _label(self, label: NewLabel, place: int) -> SessionLabel:
        return SessionLabel(
            label_id=label.label_id or f"label-{place}",
            at_ms=self.now_ms if label.at_ms is None else label.at_ms,
            source=label.source,
            probe=label.probe,
            valence=label.valence,
            arousal=label.arousal,
            stimulus_ms=label.stimulus_ms,
            ask_id=label.ask_id,
        )
