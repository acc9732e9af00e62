"""Sends devices what is asked of them: desired states, retained, and commands until the device told their end.

Whoever asks writes into the database, maybe from another process; this looks there every second, and at once when it is
woken. Of several senders each takes something else; what one took and did not send is due again after a while.
"""

import asyncio
import logging
from typing import Final, Protocol

from cloud.ingest.metrics import IngestMetrics
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.store.outgoing import Outgoing, Post
from contract.codec import encode
from contract.remote import Command
from contract.topics import DESIRED, REPORTED, command_leaf, topic

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 100


class Line(Protocol):
    """The way to the broker."""

    connected: bool

    async def deliver(self, topic: str, payload: bytes, *, retain: bool, expires_s: int | None) -> bool:
        """Send, and return whether the broker has it."""
        ...


class Sender:
    """Runs until cancelled. Away from the broker it takes nothing; a database that is away is looked at again."""

    def __init__(
        self, post: Post, line: Line, *, metrics: IngestMetrics, clock: Clock, again_s: float, every_s: float = 1.0
    ) -> None:
        """`again_s`: after how long something that was sent goes once more, unless it is known to be of no use."""
        self._post = post
        self._line = line
        self._metrics = metrics
        self._clock = clock
        self._again_ms = round(again_s * 1000)
        self._every_s = every_s
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            if not await self.send_due():
                await self._rest()

    async def send_due(self) -> bool:
        """One round; return whether there may be more to send."""
        if not self._line.connected:
            return False
        try:
            taken = await self._post.take(self._clock.now_ms(), _AT_ONCE)
            if taken:
                await self._send(taken)
        except StoreUnavailableError as error:
            _log.debug("nothing can be sent: %s", error)
            return False
        return len(taken) >= _AT_ONCE

    async def _send(self, taken: list[Outgoing]) -> None:
        results = await asyncio.gather(*(self._deliver(one) for one in taken))
        for one, is_taken in zip(taken, results, strict=True):
            what = "command" if isinstance(one.message, Command) else "desired"
            self._metrics.sent.labels(what, "taken" if is_taken else "not_taken").inc()
        now_ms = self._clock.now_ms()
        ours = [one for one, is_taken in zip(taken, results, strict=True) if is_taken]
        await self._post.sent(ours, now_ms, again_ms=now_ms + self._again_ms)

    async def _deliver(self, one: Outgoing) -> bool:
        if one.message is None:
            return await self._clear(one.device)
        if isinstance(one.message, Command):
            leaf, retain = command_leaf(one.message.command_id), False
        else:
            leaf, retain = DESIRED, True
        expires_s = None if one.expires_ms is None else (one.expires_ms - self._clock.now_ms()) // 1000
        return await self._line.deliver(
            topic(one.device, leaf), encode(one.message), retain=retain, expires_s=expires_s
        )

    async def _clear(self, device: str) -> bool:
        """Take from the broker what it retains for and of a device that left."""
        leaves = (DESIRED, REPORTED, "status")
        return all([await self._line.deliver(topic(device, leaf), b"", retain=True, expires_s=None) for leaf in leaves])

    async def _rest(self) -> None:
        waking = asyncio.ensure_future(self._woken.wait())
        resting = asyncio.ensure_future(self._clock.sleep(self._every_s))
        try:
            await asyncio.wait({waking, resting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
            resting.cancel()
            await asyncio.gather(waking, resting, return_exceptions=True)
