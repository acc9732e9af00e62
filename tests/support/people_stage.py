"""Who takes part and what there is to be watched, as a test steers it: that part of the session port in memory."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contract.sessions import ConsentState, ConsentText, Participant, SessionView, Stimulus
from edge.core.clock import Clock, SystemClock
from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.core.hub import Hub

TEXT = "I take part of my own will."
CONSENT = ConsentText(version="1", text=TEXT, sha256=hashlib.sha256(TEXT.encode()).hexdigest())


class FakePeople:
    """`broken`: the disk takes nothing and gives nothing."""

    def __init__(self, *, clock: Clock | None = None, hub: Hub | None = None, folder: Path | None = None) -> None:
        self.clock = clock or SystemClock()
        self.hub = hub or Hub()
        self.folder = folder
        self.people: dict[str, Participant] = {}
        self.watchable: dict[str, Stimulus] = {}
        self.known: dict[str, SessionView] = {}
        self.external_consent = True
        self.broken = False
        self.largest_video = 1_000_000

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

    def running(self) -> Sequence[SessionView]:
        """Oldest first."""
        return [view for view in self.known.values() if view.end_ms is None]

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
