"""Participants by pseudonym, and what each agreed to."""

from collections.abc import Iterable
from typing import Final

import msgspec

from contract.sessions import ConsentState, ConsentText, Participant
from edge.affect.sessions.consent import EXTERNAL, agreed, agreed_elsewhere, consent_text, record_of
from edge.affect.sessions.room import Room, plain_text, printable, pseudonym
from edge.core.errors import RefusedError, UnknownError

_SHOWN: Final = 10


class People:
    """Everybody who is known, in memory as on the disk. Of the event loop; changes happen in the room's turn."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known: dict[str, Participant] = {}
        self._leaving: set[str] = set()

    async def load(self) -> None:
        """Read who is known."""
        self._known = {one.id: one for one in await self._room.call(self._room.book.participants)}
        self._leaving = {participant for participant, _, _ in await self._room.call(self._room.book.erasing)}

    def all(self) -> list[Participant]:
        """By id."""
        return [self._known[key] for key in sorted(self._known)]

    def find(self, participant: str) -> Participant | None:
        """One, if known."""
        return self._known.get(participant)

    def get(self, participant: str) -> Participant:
        """One; raise `UnknownError`."""
        if participant not in self._known:
            there = ", ".join(sorted(self._known)[:_SHOWN]) or "nobody yet"
            raise UnknownError(f"there is no participant {participant!r:.80}: known are {there}")
        return self._known[participant]

    def agreed(self, participant: str) -> bool:
        """Whether something of them may be kept."""
        known = self._known.get(participant)
        return known is not None and known.consent is not None and known.consent.given

    def wearers(self) -> dict[str, str]:
        """Sensor to participant, as participants were given them."""
        return {one.sensor: one.id for one in self._known.values() if one.sensor}

    async def put(self, participant: str, *, sensor: str | None, note: str) -> Participant:
        """Make or change a participant."""
        if sensor is not None:
            pseudonym(sensor)
        known = self._known.get(participant)
        made = Participant(
            id=pseudonym(participant),
            created_ms=known.created_ms if known else self._room.needs.clock.now().wall_ms,
            sensor=sensor,
            note=plain_text(note, 2000),
            consent=known.consent if known else None,
            sessions=known.sessions if known else 0,
        )
        self._check_room(participant)
        await self._room.call(self._room.book.put_participant, made)
        self._known[made.id] = made
        return made

    async def consent(self, participant: str, *, given: bool, text: ConsentText, witness: str) -> Participant:
        """Keep what they agreed to, or that they took it back."""
        now_ms = self._room.needs.clock.now().wall_ms
        state = agreed(text, given=given, at_ms=now_ms, witness=printable(witness, "witness", 200))
        return await self._consented(self.get(participant), state)

    async def came_by_client(self, participant: str) -> None:
        """An existing client begins a session of them. Raise `RefusedError` if that is not consent enough."""
        known = self._known.get(participant)
        if known and known.consent and not known.consent.given:
            raise RefusedError(f"{participant} took the consent back: let them agree anew on the appliance's page")
        if known and known.consent and known.consent.text_version != EXTERNAL:
            return
        if not self._room.settings.external_consent:
            raise RefusedError(f"no consent of {participant} is recorded: let them agree on the appliance's page first")
        if known and known.consent:
            return
        self._check_room(participant)
        now_ms = self._room.needs.clock.now().wall_ms
        await self._consented(
            known or Participant(id=pseudonym(participant), created_ms=now_ms), agreed_elsewhere(now_ms)
        )

    def count_session(self, participants: Iterable[str], step: int) -> None:
        """They have a session more, or less."""
        for participant in participants:
            if known := self._known.get(participant):
                self._known[participant] = msgspec.structs.replace(known, sessions=max(0, known.sessions + step))

    def forget(self, participant: str) -> None:
        """They are being erased: nobody comes back under that name before it is done."""
        self._known.pop(participant, None)
        self._leaving.add(participant)

    def gone(self, participant: str) -> None:
        """They were erased."""
        self._leaving.discard(participant)

    def text(self) -> ConsentText:
        """The text of now; raise `StoreError` if it cannot be read."""
        return consent_text(self._room.settings)

    async def _consented(self, before: Participant, state: ConsentState) -> Participant:
        made = msgspec.structs.replace(before, consent=state)
        book, now = self._room.book, self._room.needs.clock.now()
        await self._room.call(book.put_participant, made, record_of(made.id, state), now)
        self._known[made.id] = made
        self._room.wake.set()
        return made

    def _check_room(self, participant: str) -> None:
        if participant in self._leaving:
            raise RefusedError(f"{participant} is being erased: wait until that is done, or choose another pseudonym")
        if participant not in self._known and len(self._known) >= self._room.settings.max_participants:
            raise RefusedError(
                f"{len(self._known)} participants are kept already: erase one, or raise max_participants"
            )
