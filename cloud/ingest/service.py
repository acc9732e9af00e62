"""The consumer: take what is there, store it in one commit, only then ack it to the broker and to its devices.

There is no timer: while one batch is being committed the next gathers, so batches are as large as the load makes them.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from cloud.ingest.acks import AckSender
from cloud.ingest.gaps import GapReminder
from cloud.ingest.link import BrokerLink
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.requests import StorageDesk
from cloud.ingest.sending import Sender
from cloud.ingest.settings import BrokerSettings
from cloud.ingest.sorting import Sorted, sort
from cloud.objects.uploads import Uploads
from cloud.store.clock import Backoff, Clock
from cloud.store.errors import StoreUnavailableError, UnstorableError
from cloud.store.intake import Intake, Rejected, Stored
from cloud.store.outgoing import Post
from cloud.store.rows import Incoming, unreadable
from contract.messages import Status

_log = logging.getLogger(__name__)
_WATCH_S: Final = 5.0


class Ingest:
    """Runs until cancelled; a broker or database that is away is waited for, and nothing is acked before its commit."""

    def __init__(
        self,
        intake: Intake,
        settings: BrokerSettings,
        *,
        post: Post,
        password: str | None,
        uploads: Uploads,
        metrics: IngestMetrics,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._intake = intake
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._backoff = Backoff(rng)
        self._link = BrokerLink(settings, password=password, on_change=self._link_changed)
        self._acks = AckSender(self._link.publish, clock, interval_s=settings.ack_interval_ms / 1000)
        self._desk = StorageDesk(
            uploads, self._link.publish, is_told=intake.tells_of_object, metrics=metrics, clock=clock
        )
        self._sender = Sender(
            post,
            self._link,
            metrics=metrics,
            clock=clock,
            again_s=settings.send_again_s,
            every_s=settings.send_every_ms / 1000,
        )
        self._gaps = GapReminder(intake, self._acks.note, metrics=metrics, clock=clock, rng=rng)
        self.broker_detail = "not connected yet"
        self.store_detail = ""

    def wake(self) -> None:
        """Something was asked of a device just now: look at once."""
        self._sender.wake()

    @property
    def connected(self) -> bool:
        """Whether messages can come."""
        return self._link.connected

    async def run(self) -> None:
        """Consume until cancelled. What was taken and not committed by then, the broker gives again."""
        self._link.open()
        try:
            async with asyncio.TaskGroup() as beside:
                beside.create_task(self._acks.run(), name="ingest-acks")
                beside.create_task(self._desk.run(), name="ingest-desk")
                beside.create_task(self._gaps.run(), name="ingest-gaps")
                beside.create_task(self._sender.run(), name="ingest-sender")
                beside.create_task(self._watch(), name="ingest-watch")
                await self._consume()
        finally:
            self._acks.flush()
            await self._link.close()

    async def _consume(self) -> None:
        while True:
            deliveries = await self._link.take(self._settings.batch_records)
            found = sort(deliveries, self._clock.now_ms())
            for question in found.questions:
                self._desk.put(question)
            await self._store(found)
            self._link.ack(deliveries)
            self._metrics.acks.inc(self._taken_acks())

    async def _watch(self) -> None:
        """The library's thread dies of what it did not expect, and nobody is told."""
        while True:
            await self._clock.sleep(_WATCH_S)
            if await self._link.revive():
                _log.error("the thread of the broker's connection died; connecting anew")

    async def _store(self, found: Sorted) -> None:
        refused = list(found.rejected)
        if found.records:
            refused += await self._add(found.records)
        for status in found.statuses:
            await self._insist(partial(self._set_status, status))
        for reported in found.reports:
            await self._insist(partial(self._intake.set_reported, reported, self._clock.now_ms()))
        if refused:
            await self._insist(partial(self._intake.reject, refused, self._clock.now_ms()))
        unkept = len(refused) - found.unreadable
        self._metrics.records.labels("unreadable").inc(found.unreadable)
        self._metrics.records.labels("rejected").inc(unkept)

    async def _set_status(self, status: Status) -> None:
        if await self._intake.set_status(status, self._clock.now_ms()):
            self._sender.wake()

    async def _add(self, records: Sequence[Incoming]) -> list[Rejected]:
        """Store records as one batch; where one of them cannot be stored at all, one by one, to find out which.

        That one is kept as unreadable: nobody waits for its number for ever, nor for those behind it.
        """
        try:
            await self._insist(partial(self._commit, records))
        except UnstorableError as error:
            if len(records) > 1:
                return [refused for record in records for refused in await self._add([record])]
            one, kept = records[0], unreadable(records[0])
            _log.warning("record %d of %s cannot be stored: %s", one.at.seq, one.at.device, error)
            if one != kept:
                await self._add([kept])
            return [Rejected(one.at.device, str(error), b"" if one.about else one.row["body"].encode())]
        return []

    async def _commit(self, records: Sequence[Incoming]) -> None:
        with self._metrics.commit_seconds.time():
            stored: Stored = await self._intake.add(records, self._clock.now_ms())
        self._metrics.batch_records.observe(len(records))
        self._metrics.records.labels("stored").inc(stored.fresh)
        self._metrics.records.labels("duplicate").inc(len(records) - stored.fresh)
        self._acks.note(stored.coverage)

    async def _insist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do it, however often the database is away before it is done. Meanwhile nothing more is taken."""
        while True:
            try:
                await action()
            except StoreUnavailableError as error:
                self._store_changed(str(error))
                self._metrics.retries.inc()
                await self._clock.sleep(self._backoff.next())
            else:
                self._store_changed("")
                self._backoff.reset()
                return

    def _taken_acks(self) -> int:
        sent, self._acks.sent = self._acks.sent, 0
        return sent

    def _store_changed(self, detail: str) -> None:
        if bool(detail) != bool(self.store_detail):
            _log.log(
                logging.WARNING if detail else logging.INFO,
                "the database is %s",
                f"away: {detail}" if detail else "there again",
            )
        self.store_detail = detail

    def _link_changed(self, connected: bool, detail: str) -> None:
        if connected:
            _log.info("connected to the broker %s:%d", self._settings.host, self._settings.port)
            self._acks.resume()
            self._sender.wake()
        elif detail != self.broker_detail:
            _log.warning("broker %s:%d: %s", self._settings.host, self._settings.port, detail)
        self._metrics.connected.set(connected)
        self.broker_detail = detail
