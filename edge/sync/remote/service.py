"""Hears the cloud: commands into the book, desired states to whoever takes them; tells what the device is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from contract.codec import encode
from contract.remote import Command, Desired, Reported
from contract.topics import DESIRED, REPORTED, topic
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.first_of import first_of
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.outbox.commands import CommandBook, TooManyCommandsError
from edge.sync.remote.door import Arrival, Door
from edge.sync.remote.link import RemoteLink
from edge.sync.remote.reading import BadDesired, Garbage, read_command, read_desired, span_of
from edge.sync.remote.runner import CommandRunner
from edge.sync.remote.stock import Stock

PART: Final = "remote"
_BEAT_S: Final = 5.0
_TRIM_EVERY_S: Final = 3600.0
_BURST: Final = 200
_REFILL_PER_S: Final = 0.2
"""So many commands at once are taken, then one each five seconds: each costs the store some records."""
_BURST_DESIRED: Final = 20
_REFILL_DESIRED_PER_S: Final = 1 / 60
"""So many desired states, then one each minute: each is written, noted, and may cost a restart."""
_log = logging.getLogger(__name__)
OnDesired = Callable[[Desired | BadDesired], Awaitable[None]]


class RemoteService:
    """A `Service`. Health part: `remote`.

    `on_desired` makes a desired state durable, or what is wrong with it; it may raise `StoreError` or `OSError`, then
    it is called again. `report` says what the device is, its time aside; whenever that changes the broker is told.
    """

    def __init__(
        self,
        link: RemoteLink,
        *,
        book: CommandBook,
        runner: CommandRunner,
        on_desired: OnDesired,
        report: Callable[[], Reported],
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "remote"
        self.pulse = Pulse(clock)
        self.commands_total = 0
        """Commands that were taken into the book."""
        self.garbage_total = 0
        """Messages that were no command, or no desired state."""
        self.dropped_total = 0
        """Commands that were dropped because too many came or wait."""
        self._link = link
        self._book = book
        self._runner = runner
        self._on_desired = on_desired
        self._report = report
        self._clock = clock
        self._health = health
        self._told: Reported | None = None
        self._stock = Stock(clock, most=_BURST, per_s=_REFILL_PER_S)
        self._desired_stock = Stock(clock, most=_BURST_DESIRED, per_s=_REFILL_DESIRED_PER_S)
        self._trimmed_s = _TRIM_EVERY_S
        self._nudged = asyncio.Event()

    @property
    def door(self) -> Door:
        """Where messages come in."""
        return self._link.door

    @property
    def refused_total(self) -> int:
        """Commands that were not taken because too many came at a time; the cloud sends them again."""
        return self.dropped_total + self.door.refused_total

    def nudge(self) -> None:
        """What the device is may have changed."""
        self._nudged.set()

    async def run(self) -> None:
        """Hear until cancelled."""
        self.door.attend()
        mended = False
        try:
            while True:
                self.pulse.beat()
                self._nudged.clear()
                waiting = self.door.waiting()
                try:
                    if not mended:
                        await self._book.mend()
                        mended = True
                    await self._hear(waiting)
                    await self._runner.look()
                    await self._trim()
                    self._tell_health()
                except StoreError as error:
                    self._health.set(PART, State.DEGRADED, f"commands wait for the disk: {error}")
                self._tell()
                waits = (self.door.ready.wait(), self._nudged.wait(), self._clock.sleep(_BEAT_S))
                await first_of(*waits, name="remote-wait")
        finally:
            await self._runner.close()

    async def _hear(self, waiting: list[Arrival]) -> None:
        """Each is settled once it is durable; what is not is looked at again, as is a desired state that came too soon:
        if a newer one comes meanwhile that takes its place."""
        for arrival in waiting:
            if arrival.leaf == DESIRED:
                if self._desired_stock.empty:
                    continue
                await self._hear_desired(arrival.payload)
                self._desired_stock.take()
            else:
                await self._hear_command(arrival)
            self.door.settle(arrival)
            self.pulse.beat()

    async def _hear_desired(self, payload: bytes) -> None:
        desired = read_desired(payload)
        if isinstance(desired, BadDesired):
            self.garbage_total += 1
        if desired is not None:
            try:
                await self._on_desired(desired)
            except OSError as error:
                raise StoreError(f"the desired state cannot be kept: {error.strerror or error}") from error
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - the broker retains it, and it must not end each run
                self.garbage_total += 1
                _log.exception("desired state %d cannot be heard", desired.version)

    async def _hear_command(self, arrival: Arrival) -> None:
        command = read_command(arrival.leaf, arrival.payload)
        try:
            if isinstance(command, Garbage):
                await self._refuse(command)
            elif command:
                await self._accept(command)
        except TooManyCommandsError as error:
            self.dropped_total += 1
            _log.warning("a command was not taken, the cloud sends it again: %s", error)

    async def _refuse(self, garbage: Garbage) -> None:
        self.garbage_total += 1
        if garbage.command_id and await self._book.state(garbage.command_id) is None:
            self._check_stock()
            await self._book.end_unheard(garbage.command_id, garbage.name, "failed", garbage.reason)
            self._stock.take()

    async def _accept(self, command: Command) -> None:
        if await self._book.state(command.command_id) is not None:
            return
        self._check_stock()
        now, (_, expires_ms) = self._clock.now(), span_of(command)
        if now.trusted and now.wall_ms > expires_ms:
            late = f"it came after {command.expires}, when its time was over"
            await self._book.end_unheard(command.command_id, command.name, "expired", late)
        elif await self._book.accept(command):
            self.commands_total += 1
        self._stock.take()

    def _check_stock(self) -> None:
        """Raise `TooManyCommandsError` if commands come faster than this device takes them."""
        if self._stock.empty:
            raise TooManyCommandsError(f"more than {_BURST} commands came at a time")

    async def _trim(self) -> None:
        if self._trimmed_s >= _TRIM_EVERY_S:
            await self._book.trim()
            self._trimmed_s = 0.0
        self._trimmed_s += _BEAT_S

    def _tell(self) -> None:
        """What the device is, if it is something else than before."""
        now = self._report()
        before = self._told and msgspec.structs.replace(self._told, t=now.t)
        if now != before:
            self._told = now
            self._link.board.post(topic(now.device, REPORTED), encode(now))

    def _tell_health(self) -> None:
        if self.door.why_shut:
            self._health.set(PART, State.DEGRADED, self.door.why_shut)
        elif self._link.board.refused:
            name, why = next(iter(self._link.board.refused.items()))
            self._health.set(PART, State.DEGRADED, f"the broker {why} on {name}: see its access list")
        else:
            self._health.set(PART, State.OK, f"{self._runner.running} commands at work")
