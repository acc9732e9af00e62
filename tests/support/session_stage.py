"""Sessions and sensors as a test steers them: the two ports of the LAN side in memory, telling the hub what happens.

`make_web(folder, sessions=FakeSessions(...), sensors=FakeSensors(...))` puts them behind the real routes.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contract.messages import Erasure, Prediction
from contract.sessions import (
    Ask,
    ChannelQuality,
    Check,
    CheckList,
    CommandResult,
    ConsentState,
    ConsentText,
    NewLabel,
    Participant,
    SensorCommand,
    SensorView,
    SessionLabel,
    SessionMarker,
    SessionView,
    SignalView,
    Stimulus,
    StimulusClock,
)
from edge.core.clock import Clock, SystemClock
from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.core.hub import Hub

SEGMENT_MS = 5000
TEXT = "I take part of my own will."
CONSENT = ConsentText(version="1", text=TEXT, sha256=hashlib.sha256(TEXT.encode()).hexdigest())
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


class FakeSessions:
    """`SessionPort` in memory. `broken`: the disk takes nothing and gives nothing."""

    def __init__(self, *, clock: Clock | None = None, hub: Hub | None = None, folder: Path | None = None) -> None:
        self.clock = clock or SystemClock()
        self.hub = hub or Hub()
        self.folder = folder
        self.people: dict[str, Participant] = {}
        self.watchable: dict[str, Stimulus] = {}
        self.known: dict[str, SessionView] = {}
        self.predicted: dict[str, list[Prediction]] = {}
        self.asks: dict[str, Ask] = {}
        self.list_of_checks = CHECKS
        self.external_consent = True
        self.broken = False
        self.largest_video = 1_000_000
        self.filmed: Sequence[str] | None = None
        """The cameras that the newest start named."""

    @property
    def now_ms(self) -> int:
        """Wall time now."""
        return self.clock.now().wall_ms

    def welcome(self, participant: str, *, sensor: str | None = "wrist", consent: bool = True) -> Participant:
        """Somebody who agreed already, unless told otherwise."""
        state = ConsentState(given=True, text_version="1", text_sha256=CONSENT.sha256, at_ms=self.now_ms, witness="me")
        made = Participant(id=participant, created_ms=self.now_ms, sensor=sensor, consent=state if consent else None)
        self.people[participant] = made
        return made

    def show(self, stimulus: str, *, number: int | None = None, **changes: Any) -> Stimulus:
        """Something to watch."""
        self.watchable[stimulus] = Stimulus(id=stimulus, number=number, **({"title": stimulus} | changes))
        return self.watchable[stimulus]

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

    def participants(self) -> Sequence[Participant]:
        """By id."""
        return [self._counted(self.people[name]) for name in sorted(self.people)]

    async def put_participant(self, participant: str, *, sensor: str | None, note: str) -> Participant:
        """Make or change."""
        self._check_disk()
        old = self.people.get(participant) or Participant(id=participant, created_ms=self.now_ms)
        self.people[participant] = msgspec.structs.replace(old, sensor=sensor, note=note)
        return self._counted(self.people[participant])

    def consent_text(self) -> ConsentText:
        """The one text."""
        return CONSENT

    async def consent(self, participant: str, *, given: bool, text_sha256: str, witness: str) -> Participant:
        """Keep it, if it is about the text of now."""
        self._check_disk()
        old = self._person(participant)
        if text_sha256 != CONSENT.sha256:
            raise RefusedError("that is not the text of now: read /v1/consent again")
        state = ConsentState(
            given=given, text_version=CONSENT.version, text_sha256=text_sha256, at_ms=self.now_ms, witness=witness
        )
        self.people[participant] = msgspec.structs.replace(old, consent=state)
        if not given:
            self._end_of(participant, "withdrawn")
        return self._counted(self.people[participant])

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

    def stimuli(self) -> Sequence[Stimulus]:
        """By id."""
        return [self.watchable[name] for name in sorted(self.watchable)]

    async def put_stimulus(self, stimulus: Stimulus) -> Stimulus:
        """Make or change, unless the number is another's."""
        self._check_disk()
        for other in self.watchable.values():
            if other.id != stimulus.id and stimulus.number is not None and other.number == stimulus.number:
                raise RefusedError(f"number {stimulus.number} is that of {other.id}: take another")
        self.watchable[stimulus.id] = stimulus
        return stimulus

    async def put_video(self, stimulus: str, chunks: AsyncIterator[bytes], size_bytes: int | None) -> Stimulus:
        """Keep the file in the folder."""
        known = self._stimulus(stimulus)
        if size_bytes is not None and size_bytes > self.largest_video:
            raise RefusedError(f"{size_bytes} bytes are more than {self.largest_video}")
        content = bytearray()
        async for chunk in chunks:
            content += chunk
            if len(content) > self.largest_video:
                raise RefusedError(f"the video has more than {self.largest_video} bytes")
        self._check_disk()
        self._file(stimulus).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        kept = msgspec.structs.replace(known, kind="file", size_bytes=len(content), sha256=digest)
        self.watchable[stimulus] = kept
        return kept

    def video_of(self, stimulus: str) -> Path | None:
        """The file, if it is there."""
        self._stimulus(stimulus)
        if self.folder is None or not self._file(stimulus).is_file():
            return None
        return self._file(stimulus)

    async def remove_stimulus(self, stimulus: str) -> None:
        """Forget it, unless it is shown."""
        self._stimulus(stimulus)
        if any(view.stimulus == stimulus for view in self.running()):
            raise RefusedError(f"a session shows {stimulus}: stop it first")
        del self.watchable[stimulus]

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

    def running(self) -> Sequence[SessionView]:
        """Oldest first."""
        return [view for view in self.known.values() if view.end_ms is None]

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
        self._change(msgspec.structs.replace(view, labels=[*view.labels, *kept]))
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

    def _change(self, view: SessionView) -> SessionView:
        self.known[view.session_id] = view
        self.hub.publish("session", msgspec.to_builtins(view), key=view.session_id)
        return view

    def _end_of(self, participant: str, reason: str) -> None:
        for view in self.running():
            if view.participant == participant:
                self._change(msgspec.structs.replace(view, end_ms=self.now_ms, reason=reason))

    def _take_external(self, participant: str) -> None:
        if participant in self.people:
            return
        if not self.external_consent:
            raise RefusedError(f"{participant} has not agreed on this appliance: record their consent first")
        self.welcome(participant)

    def _shown(self, stimulus: str | None, video_id: int | None) -> Stimulus | None:
        if stimulus is not None:
            return self._stimulus(stimulus)
        if video_id is None:
            return None
        for one in self.watchable.values():
            if one.number == video_id:
                return one
        raise UnknownError(f"no stimulus has number {video_id}")

    def _person(self, participant: str) -> Participant:
        if participant not in self.people:
            raise UnknownError(f"there is no participant {participant}: see /v1/participants")
        return self.people[participant]

    def _stimulus(self, stimulus: str) -> Stimulus:
        if stimulus not in self.watchable:
            raise UnknownError(f"there is no stimulus {stimulus}: see /v1/stimuli")
        return self.watchable[stimulus]

    def _file(self, stimulus: str) -> Path:
        if self.folder is None:
            raise StoreError("there is no folder for videos")
        return self.folder / f"{stimulus}.mp4"

    def _counted(self, person: Participant) -> Participant:
        mine = sum(view.participant == person.id for view in self.known.values())
        return msgspec.structs.replace(person, sessions=mine)

    def _check_disk(self) -> None:
        if self.broken:
            raise StoreError("the store cannot be read")


class FakeSensors:
    """`SensorPort` in memory: boards that understand what the test says, and answer at once."""

    def __init__(self, *sensors: str, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()
        self.views = {name: sensor_view(name) for name in sensors or ("wrist",)}
        self.newest: dict[str, SignalView] = {}
        self.commands: list[tuple[str, SensorCommand]] = []

    def sensors(self) -> Sequence[SensorView]:
        """In the order that the test named them."""
        return list(self.views.values())

    def signals(self) -> Sequence[SignalView]:
        """Of those that have one."""
        return list(self.newest.values())

    def signal(self, view: SignalView) -> None:
        """What the signals show now."""
        self.newest[view.sensor] = view
        self.hub.publish("signals", msgspec.to_builtins(view), key=view.sensor)

    async def command(self, sensor: str, command: SensorCommand) -> CommandResult:
        """Done, unless the board does not understand it."""
        if sensor not in self.views:
            raise UnknownError(f"there is no sensor {sensor}: sensors are {', '.join(self.views)}")
        if command.command not in self.views[sensor].commands:
            raise RefusedError(f"{sensor} does not understand {command.command}")
        self.commands.append((sensor, command))
        return CommandResult(ok=True, detail="done", values={"value": command.value or 0.0})


def sensor_view(name: str, **changes: Any) -> SensorView:
    """A sensor that is well."""
    values: dict[str, Any] = {
        "id": name,
        "name": f"The {name} sensor",
        "source": "serial",
        "state": "ok",
        "rate_hz": 100.0,
        "samples": 1200,
        "gaps": 2,
        "lost": 5,
        "resets": 1,
        "board": "node 1a2b3c4d, firmware 1.0.0",
        "calibrated": True,
        "clock_offset_ms": 0.4,
        "clock_drift_ppm": 38.0,
        "clock_jitter_ms": 0.9,
        "commands": ["identify", "calibrate", "self_test"],
        "quality": {
            "gsr_us": ChannelQuality(state="ok", index=0.97),
            "pulse_raw": ChannelQuality(state="motion", index=0.4, detail="the hand moves"),
        },
    }
    return SensorView(**(values | changes))
