"""`update` and `rollback`: asks the updater, which alone may change what is installed, and waits for its word.

The updater restarts the daemon in the midst of it. So the run that asked is rarely the one that hears the answer: the
answer names the command, and whoever runs then reads it.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contract.manifest import Digest
from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.daemon.remote.arguments import arguments_of
from edge.daemon.remote.restart import RestartDesk
from edge.releases.desk import FOLDER, REQUEST, UpdateRequest, UpdateResult, read_result, write_request
from edge.sync.remote.handler import Call, CommandFailedError, Outcome

PART: Final = "update"
_LOOK_EVERY_S: Final = 2.0
_FIRST_WORD_S: Final = 900.0
"""Without a word for so long there is no updater; it does not begin while a session is recorded, but says so."""
_LAST_WORD_S: Final = 6 * 3600.0


class _Update(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[str, Meta(pattern="^https?://", max_length=2048)]
    sha256: Digest


class _Rollback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class UpdateHandler:
    """`update`: `{"url": ..., "sha256": ...}` of a signed bundle. `rollback`: nothing. Outcome: `release`."""

    def __init__(
        self,
        action: Literal["update", "rollback"],
        state: Path,
        *,
        clock: Clock,
        turn: asyncio.Lock,
        restart: RestartDesk,
        health: Health,
    ) -> None:
        """`state` is the state folder; `turn` is shared by both, as the updater does one thing at a time. `restart`
        knows what is in the way of a rollback; an update waits by itself once it is downloaded."""
        self._action = action
        self._state = state
        self._clock = clock
        self._turn = turn
        self._restart = restart
        self._health = health

    async def run(self, call: Call) -> Outcome:
        """Ask, and wait."""
        request = self._request(call)
        async with self._turn:
            if self._action == "rollback":
                await self._restart.idle(call.tell)
            await self._ask(request)
            return await self._answer(call)

    async def resume(self, call: Call) -> Outcome:
        """Ask again, unless the answer is there; the updater does nothing twice."""
        request = self._request(call)
        async with self._turn:
            if self._heard(call) is None:
                await self._ask(request)
            return await self._answer(call)

    def _request(self, call: Call) -> UpdateRequest:
        command_id = call.command.command_id
        if self._action == "rollback":
            arguments_of(call.command, _Rollback)
            return UpdateRequest(request=command_id, action="rollback")
        wanted = arguments_of(call.command, _Update)
        return UpdateRequest(request=command_id, action="update", url=wanted.url, sha256=wanted.sha256)

    async def _ask(self, request: UpdateRequest) -> None:
        try:
            await asyncio.to_thread(write_request, self._state, request)
        except OSError as error:
            raise CommandFailedError(f"the updater cannot be asked: {error.strerror or error}") from error

    def _heard(self, call: Call) -> UpdateResult | None:
        result = read_result(self._state)
        return result if result and result.request == call.command.command_id else None

    async def _answer(self, call: Call) -> Outcome:
        asked_ns, told = self._clock.mono_ns(), ""
        while True:
            result = await asyncio.to_thread(self._heard, call)
            if result and result.state != "under_way":
                await self._see_it_gone(result)
                return _outcome(result)
            if result and (word := f"{result.phase} {result.reason}".strip()) and word != told:
                told = word
                await call.tell(word)
            self._check_patience((self._clock.mono_ns() - asked_ns) / 1e9, heard=result is not None)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _see_it_gone(self, result: UpdateResult) -> None:
        """The updater deletes a request soon after its last word; one that stays is asked for over and over."""
        path = self._state / FOLDER / REQUEST
        if await asyncio.to_thread(path.exists):
            await self._clock.sleep(_LOOK_EVERY_S)
        if await asyncio.to_thread(path.exists):
            self._health.set(PART, State.DEGRADED, f"{path} was answered and lies there still: {result.reason}")
        elif self._health.part(PART):
            self._health.set(PART, State.OK)

    def _check_patience(self, waited_s: float, *, heard: bool) -> None:
        if waited_s < (_LAST_WORD_S if heard else _FIRST_WORD_S):
            return
        with suppress(OSError):
            (self._state / FOLDER / REQUEST).unlink(missing_ok=True)
        raise CommandFailedError(
            f"the updater said nothing of its end within {waited_s / 60:.0f} minutes: see the unit afferent-update"
        )


def _outcome(result: UpdateResult) -> Outcome:
    if result.state == "failed":
        raise CommandFailedError(result.reason or f"the updater failed in {result.phase}")
    return {"release": result.release}
