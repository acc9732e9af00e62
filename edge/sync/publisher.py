"""Carries records to the cloud: in order, a bounded number at a time, again and again until the cloud has them."""

import asyncio
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard

from paho.mqtt.enums import MQTTProtocolVersion

from contract.codec import encode
from contract.messages import Ack, Status
from contract.times import to_wire
from contract.topics import REPLIES, REQUESTS, topic
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import LinkError, StoreError
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError, read_secret
from edge.core.service import Pulse
from edge.outbox.rows import Pending
from edge.outbox.store import Outbox
from edge.sync.connection import MQTT_5, MQTT_311, BrokerConnection, Identity
from edge.sync.envelope import cloud_event
from edge.sync.inbox import News
from edge.sync.refusals import (
    FIRST_FAILURE,
    NO_SUBSCRIBERS,
    UNSUPPORTED_VERSION,
    BrokerRefusedError,
    ClosedEarlyError,
    words_of,
)
from edge.sync.requests import RequestDesk
from edge.sync.settings import BrokerSettings
from edge.sync.window import Window

PART: Final = "broker"
_BEAT_S: Final = 5.0
_FIRST_ANSWER_S: Final = 3.0
_PATIENCE_LIMIT: Final = 16
"""Waits for an acknowledgement grow up to this many times `resend_after_s`, so that a cloud that is down for hours does
not find the same records a thousand times in the broker."""


class Publisher:
    """A `Service`. Health part: `broker`.

    A record leaves the outbox when the cloud acknowledges it (`ack = "cloud"`), or when the broker has taken it and
    somebody listens (`ack = "broker"`). Unacknowledged records are sent again, from the lowest, after `resend_after_s`
    and at every new connection.
    """

    def __init__(
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
    ) -> None:
        self.name = "publisher"
        self.pulse = Pulse(clock)
        self.connects_total = 0
        self.published_total = 0
        self.resent_total = 0
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._health = health
        self._secrets_dir = secrets_dir
        self._software = software
        self._requests = requests
        self._asked: set[int] = set()
        self._device = outbox.device
        self._backoff = Backoff(rng, first_s=0.5, limit_s=30.0)
        self._version = MQTT_5
        self._window = Window(settings.window_records)
        self._patience = 1
        self._progress_ns = 0
        self._held = ""

    @property
    def in_flight(self) -> int:
        """How many records are on their way."""
        return len(self._window)

    @property
    def link(self) -> str:
        """What is spoken with whom."""
        version = "MQTT 5" if self._version == MQTT_5 else "MQTT 3.1.1"
        return f"{version} to {self._settings.host}:{self._settings.port}"

    async def run(self) -> None:
        """Publish until cancelled."""
        if not self._settings.enabled:
            self._health.set(PART, State.STOPPED, "switched off by broker.enabled")
        while True:
            self.pulse.beat()
            if not self._settings.enabled:
                await self._clock.sleep(_BEAT_S)
                continue
            try:
                await self.run_once()
            except LinkError as error:
                self._health.set(PART, State.FAILED, str(error))
            except (StoreError, SecretMissingError) as error:
                self._health.set(PART, State.FAILED, str(error))
            await self._rest(self._backoff.next())

    async def run_once(self) -> None:
        """Connect and publish until the connection is lost, which raises `LinkError`."""
        connection = await self._connect()
        try:
            self._begin(connection)
            await self._publish_over(connection)
        finally:
            if self._requests:
                self._requests.close()
            await connection.close(encode(self._status("offline")))

    def _identity(self) -> Identity:
        secret = self._settings.password_secret
        return Identity(
            client_id=self._settings.client_id or self._device,
            password=read_secret(secret, self._secrets_dir) if secret else None,
            status_topic=topic(self._device, "status"),
            ack_topic=topic(self._device, "ack"),
            reply_topic=topic(self._device, REPLIES),
            will=encode(self._status("offline")),
        )

    def _status(self, state: Literal["online", "offline"]) -> Status:
        now = self._clock.now()
        return Status(
            device=self._device,
            state=state,
            boot=self._outbox.boot,
            t=to_wire(now.wall_ms),
            clock="trusted" if now.trusted else "untrusted",
            software=self._software,
        )

    async def _connect(self) -> BrokerConnection:
        """A connection in the version that worked last, or else in the other one."""
        failure: LinkError | None = None
        for version in self._versions():
            connection = BrokerConnection(self._settings, self._identity(), version, self._requests)
            try:
                await connection.open(self._answer_within_s(version))
            except BaseException as error:
                await connection.close()
                if not _is_about_version(error):
                    raise
                failure = failure or error
                self.pulse.beat()
            else:
                self._version = version
                return connection
        raise failure or LinkError("no version of MQTT to speak")

    def _versions(self) -> list[MQTTProtocolVersion]:
        fixed = {"5": [MQTT_5], "3.1.1": [MQTT_311]}.get(self._settings.version)
        return fixed or sorted([MQTT_5, MQTT_311], key=lambda version: version != self._version)

    def _answer_within_s(self, version: MQTTProtocolVersion) -> float:
        """Some brokers that do not know MQTT 5 say nothing at all; when there is 3.1.1 to try, do not wait for long."""
        patient = version == MQTT_311 or self._settings.version != "auto" or self.connects_total
        return self._settings.connect_timeout_s if patient else min(_FIRST_ANSWER_S, self._settings.connect_timeout_s)

    def _begin(self, connection: BrokerConnection) -> None:
        connection.publish(topic(self._device, "status"), encode(self._status("online")), retain=True)
        self.connects_total += 1
        self._backoff.reset()
        self._window.rewind()
        self._held = ""
        self._patience = 1
        self._progress_ns = self._clock.mono_ns()
        self._asked.clear()
        if self._requests:
            self._requests.open(connection.inbox.nudge)
        self._health.set(PART, State.OK, self.link)

    async def _publish_over(self, connection: BrokerConnection) -> None:
        while True:
            self.pulse.beat()
            await self._take_in(connection, connection.inbox.take())
            self._look_for_progress()
            self._ask(connection)
            if room := self._room(connection):
                for record in await self._outbox.pending(self._window.cursor, room):
                    self._send(connection, record)
            more = self._more_to_send(self._room(connection))
            await self._first_of(connection.inbox.ready.wait(), more, seconds=self._until_resend_s())

    def _room(self, connection: BrokerConnection) -> int:
        """How many more records may go now."""
        if self._held:
            return 0
        return max(0, min(self._window.room, self._free_packets(connection)))

    def _free_packets(self, connection: BrokerConnection) -> int:
        """How many more messages the broker allows to be on their way to it."""
        return connection.receive_maximum - self._window.untaken - len(self._asked)

    def _ask(self, connection: BrokerConnection) -> None:
        """Questions go before records: there are few, and somebody waits for each."""
        for payload in self._requests.take(self._free_packets(connection)) if self._requests else []:
            self._asked.add(connection.publish(topic(self._device, REQUESTS), payload))

    async def _take_in(self, connection: BrokerConnection, news: News) -> None:
        for mid, code in news.taken:
            self._taken(mid, code)
        if self._settings.ack == "broker":
            await self._forget(self._window.taken_in_order())
        await self._forget({ack.boot: ack.seq for ack in news.acks.values()})
        if news.lost:
            raise LinkError(news.lost)
        for ack in news.acks.values():
            await self._send_missing(connection, ack)

    def _taken(self, mid: int, code: int) -> None:
        if mid in self._asked:
            self._asked.discard(mid)
        elif code >= FIRST_FAILURE:
            self._hold(f"the broker refuses records: it {words_of(code, 'refused')}")
        elif code == NO_SUBSCRIBERS and self._settings.ack == "broker":
            self._hold("the broker has nobody who listens to our records")
        else:
            self._window.taken(mid)

    def _hold(self, reason: str) -> None:
        self._held = reason
        self._health.set(PART, State.DEGRADED, reason)

    async def _forget(self, reached: dict[str, int]) -> None:
        for boot, seq in reached.items():
            deleted = await self._outbox.acknowledge(boot, seq)
            if self._window.acknowledged(boot, seq) or deleted:
                self._patience = 1
                self._progress_ns = self._clock.mono_ns()
                if not len(self._window):
                    self._held = ""
                if not self._held:
                    self._health.set(PART, State.OK, self.link)

    async def _send_missing(self, connection: BrokerConnection, ack: Ack) -> None:
        """Send again what the cloud names, unless it was sent so lately that the two may have crossed."""
        before_ns = self._clock.mono_ns() - int(self._settings.resend_after_s * 1e9 / 4)
        for first, last in ack.missing[: self._window.limit]:
            records = await self._outbox.pending_range(ack.boot, first, last, self._window.limit)
            for record in self._window.stale(records, before_ns):
                self.resent_total += 1
                self._send(connection, record)

    def _send(self, connection: BrokerConnection, record: Pending) -> None:
        event = cloud_event(self._device, record) if connection.version == MQTT_5 else None
        mid = connection.publish(topic(self._device, record.leaf), record.payload, event=event)
        if not len(self._window):
            self._progress_ns = self._clock.mono_ns()
        self._window.add(record, mid, self._clock.mono_ns())
        self.published_total += 1

    def _look_for_progress(self) -> None:
        """Without an acknowledgement for long, send all again; if not even the broker answers, the link is dead."""
        if not len(self._window) or self._until_resend_s() > 0:
            return
        if self._window.untaken and not self._held:
            raise LinkError(f"broker {self._settings.host}:{self._settings.port} stopped answering")
        reason = self._held or f"the cloud has not acknowledged {len(self._window)} records: is its ingest running?"
        self._health.set(PART, State.DEGRADED, reason)
        self.resent_total += len(self._window)
        self._held = ""
        self._window.rewind()
        self._patience = min(self._patience * 2, _PATIENCE_LIMIT)
        self._progress_ns = self._clock.mono_ns()

    def _until_resend_s(self) -> float:
        if not len(self._window):
            return _BEAT_S
        waited_s = (self._clock.mono_ns() - self._progress_ns) / 1e9
        return max(0.0, self._settings.resend_after_s * self._patience - waited_s)

    async def _more_to_send(self, room: int) -> None:
        """Return when there is something to send and room for it; the network's news make room."""
        if not room:
            await asyncio.Event().wait()
        await self._outbox.wait_beyond(self._window.cursor)

    async def _first_of(self, *waits: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Return when one of `waits` does, or after `seconds`, and in time for the next beat."""
        sleep = self._clock.sleep(min(seconds, _BEAT_S))
        tasks = [asyncio.create_task(wait, name="publisher-wait") for wait in (*waits, sleep)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self.pulse.beat()
            await self._clock.sleep(min(seconds, _BEAT_S))
            seconds -= _BEAT_S


def _is_about_version(error: BaseException) -> TypeGuard[LinkError]:
    """Whether another version of MQTT may do better."""
    return isinstance(error, ClosedEarlyError) or (
        isinstance(error, BrokerRefusedError) and error.code == UNSUPPORTED_VERSION
    )
