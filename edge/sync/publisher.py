"""Carries records to the cloud: in order, a bounded number at a time, again and again until the cloud has them."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contract.topics import REQUESTS, topic
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import LinkError, StoreError
from edge.core.first_of import first_of
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError
from edge.core.service import Pulse
from edge.identity.errors import IdentityDamagedError
from edge.outbox.rows import Pending
from edge.outbox.store import Outbox
from edge.sync.connection import MQTT_5, BrokerConnection
from edge.sync.dialling import Dialler
from edge.sync.envelope import cloud_event
from edge.sync.inbox import News
from edge.sync.patience import Patience
from edge.sync.presence import Presence
from edge.sync.refusals import FIRST_FAILURE, NO_SUBSCRIBERS, words_of
from edge.sync.remote.link import RemoteLink
from edge.sync.requests import RequestDesk
from edge.sync.settings import NO_BROKER, BrokerSettings
from edge.sync.traffic import Traffic
from edge.sync.window import Lane

PART: Final = "broker"
_BEAT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 6.0
"""Between two attempts to connect, however long the network was away: so soon is it noticed that it is back."""
_NO_CLOUD: Final = "No cloud is set up: records are kept here"
_OFF: Final = "Switched off in the settings: records are kept here"
_NOBODY: Final = "the broker has nobody who listens to our records"


class Publisher:
    """A `Service`. Health part: `broker`.

    A record leaves the outbox when the cloud acknowledges it (`ack = "cloud"`), or when the broker has taken it and
    somebody listens (`ack = "broker"`). Unacknowledged records are sent again, in the same order, after
    `resend_after_s` and at every new connection. The order is that of docs/decisions/0012.
    """

    def __init__(  # noqa: PLR0913 - everything that goes over the one connection
        self,
        settings: BrokerSettings,
        *,
        outbox: Outbox,
        clock: Clock,
        health: Health,
        rng: random.Random,
        secrets_dir: Path,
        software: str = "",
        requests: RequestDesk | None = None,
        remote: RemoteLink | None = None,
        identity_dir: Path | None = None,
    ) -> None:
        self.name = "publisher"
        self.pulse = Pulse(clock)
        self.connects_total = 0
        self.published_total = 0
        self.resent_total = 0
        self._settings, self._outbox, self._clock, self._health = settings, outbox, clock, health
        self._requests, self._remote = requests, remote
        self._device = outbox.device
        self._presence = Presence(
            settings=settings,
            device=outbox.device,
            boot=outbox.boot,
            clock=clock,
            software=software,
            secrets_dir=secrets_dir,
            identity_dir=identity_dir,
        )
        self._anew = False
        self._wake: Callable[[], None] = lambda: None
        self._asked: set[int] = set()
        self._posted: dict[int, str] = {}
        """Of these, what the broker is to retain: its topic."""
        self._backoff = Backoff(rng, first_s=0.5, limit_s=_LONGEST_WAIT_S)
        self._dialler = Dialler(
            settings, identity=self._presence.identity, requests=requests, beat=self.pulse.beat, remote=remote
        )
        self._traffic = Traffic(
            outbox, clock, window_records=settings.window_records, stale_after_s=settings.resend_after_s / 4
        )
        self._window = self._traffic.window
        outbox.under_way = self._window.holds
        self._patience = Patience(self._window, clock, settings.resend_after_s)

    @property
    def in_flight(self) -> int:
        """How many records are on their way."""
        return len(self._window)

    @property
    def link(self) -> str:
        """What is spoken with whom."""
        version = "MQTT 5" if self._dialler.version == MQTT_5 else "MQTT 3.1.1"
        return f"{version} to {self._settings.host}:{self._settings.port}"

    async def run(self) -> None:
        """Publish until cancelled."""
        if not self._settings.enabled:
            self._health.set(PART, State.STOPPED, _OFF)
        while True:
            self.pulse.beat()
            if not self._settings.enabled:
                await self._clock.sleep(_BEAT_S)
                continue
            try:
                await self.run_once()
            except (LinkError, StoreError, SecretMissingError, IdentityDamagedError) as error:
                self._health.set(PART, *self._trouble(error))
            else:
                continue
            await self._rest(self._backoff.next())

    async def run_once(self) -> None:
        """Connect and publish until the connection is lost, which raises `LinkError`, or `reconnect` ends it."""
        self._anew = False
        connection = await self._dialler.dial()
        self._wake = connection.inbox.nudge
        try:
            self._begin(connection)
            await self._publish_over(connection)
        finally:
            if self._requests:
                self._requests.close()
            if self._remote:
                self._remote.board.close()
            await connection.close(None if self._anew else self._presence.status("offline"))

    def reconnect(self) -> None:
        """Leave the broker for a moment and come back with what is there by then: another certificate."""
        self._anew = True
        self._wake()

    def _trouble(self, error: Exception) -> tuple[State, str]:
        """An appliance that belongs to no cloud, and found no broker by itself, is as it should be."""
        alone = self._settings is NO_BROKER and not self.connects_total and not self._presence.enrolled
        if alone and isinstance(error, LinkError):
            return State.STOPPED, _NO_CLOUD
        return State.FAILED, str(error)

    def _begin(self, connection: BrokerConnection) -> None:
        connection.publish(topic(self._device, "status"), self._presence.status("online"), retain=True)
        self.connects_total += 1
        self._traffic.begin()
        self._patience.begin()
        self._asked.clear()
        self._posted.clear()
        if self._settings.ack == "cloud":
            connection.inbox.taken_at_a_time = max(1, min(connection.capacity, self._window.limit) // 2)
        if self._requests:
            self._requests.open(connection.inbox.nudge)
        if self._remote:
            self._remote.board.open(connection.inbox.nudge)
        self._health.set(PART, State.OK, self.link)

    async def _publish_over(self, connection: BrokerConnection) -> None:
        while not self._anew:
            self.pulse.beat()
            await self._take_in(connection, connection.inbox.take())
            self._look_for_life()
            self._look_for_progress()
            self._ask(connection)
            room = self._room(connection)
            going = await self._traffic.next(room)
            for lane, record in going:
                self._send(connection, lane, record)
            if not going:
                more = self._outbox.wait_beyond(self._traffic.lanes.seen) if room else asyncio.Event().wait()
                sleep = self._clock.sleep(min(self._patience.until_s(_BEAT_S), _BEAT_S))
                await first_of(connection.inbox.ready.wait(), more, sleep, name="publisher-wait")

    def _room(self, connection: BrokerConnection) -> int:
        """How many more records may go now; the network's news make room."""
        if self._patience.held or (self._patience.nobody and len(self._window)):
            return 0
        if self._patience.nobody:
            return 1  # to find out whether somebody listens again
        return max(0, min(self._window.room, self._free_packets(connection)))

    def _free_packets(self, connection: BrokerConnection) -> int:
        """How many more messages may be on their way to the broker."""
        return connection.capacity - self._window.untaken - len(self._asked)

    def _ask(self, connection: BrokerConnection) -> None:
        """Questions and what the broker shall retain go before records: there are few, and somebody waits for each."""
        for payload in self._requests.take(self._free_packets(connection)) if self._requests else []:
            self._asked.add(connection.publish(topic(self._device, REQUESTS), payload))
        for name, payload in self._remote.board.take(self._free_packets(connection)) if self._remote else []:
            mid = connection.publish(name, payload, retain=True)
            self._asked.add(mid)
            self._posted[mid] = name

    async def _take_in(self, connection: BrokerConnection, news: News) -> None:
        for mid, code in news.taken:
            self._taken(mid, code)
        if news.taken or news.acks:
            self._patience.heard()
            self._backoff.reset()
        await self._forget(news)
        if news.lost:
            raise LinkError(news.lost)
        for ack in news.acks.values():
            for lane, record in await self._traffic.asked_for(ack):
                self.resent_total += 1
                self._send(connection, lane, record)

    async def _forget(self, news: News) -> None:
        """What the cloud has, or the broker where that is enough."""
        if self._settings.ack == "broker" and await self._traffic.broker_has():
            self._got_on()
        for ack in news.acks.values():
            if await self._traffic.acknowledged(ack):
                self._got_on()

    def _taken(self, mid: int, code: int) -> None:
        if mid in self._asked:
            self._asked.discard(mid)
            name = self._posted.pop(mid, "")
            if name and code >= FIRST_FAILURE and self._remote:
                self._remote.board.refused[name] = words_of(code, "refused")
        elif code >= FIRST_FAILURE:
            self._hold(f"the broker refuses records: it {words_of(code, 'refused')}")
        elif code == NO_SUBSCRIBERS and self._settings.ack == "broker":
            self._hold(_NOBODY)
        elif self._window.taken(mid):
            self._patience.nobody = code == NO_SUBSCRIBERS

    def _hold(self, reason: str) -> None:
        self._patience.held = reason
        self._health.set(PART, State.DEGRADED, reason)

    def _got_on(self) -> None:
        self._patience.got_on()
        if not self._patience.held:
            self._health.set(PART, State.OK, self.link)

    def _send(self, connection: BrokerConnection, lane: Lane, record: Pending) -> None:
        event = cloud_event(self._device, record) if connection.version == MQTT_5 else None
        mid = connection.publish(topic(self._device, record.leaf), record.payload, event=event)
        self._patience.sending()
        self._traffic.sent(lane, record, mid)
        self.published_total += 1

    def _look_for_life(self) -> None:
        if self._patience.is_dead:
            raise LinkError(f"broker {self._settings.host}:{self._settings.port} stopped answering")

    def _look_for_progress(self) -> None:
        patience = self._patience
        if not patience.is_over:
            return
        reason = patience.held or (_NOBODY if patience.nobody else "")
        reason = reason or f"the cloud has not acknowledged {len(self._window)} records: is its ingest running?"
        self._health.set(PART, State.DEGRADED, reason)
        self.resent_total += len(self._window)
        self._traffic.lanes.rewind()
        patience.begin_again()

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self.pulse.beat()
            await self._clock.sleep(min(seconds, _BEAT_S))
            seconds -= _BEAT_S
