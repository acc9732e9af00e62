"""The connection to the broker: paho in a thread of its own, messages handed over, acked one by one when told to.

MQTT 5 with a shared subscription where the broker has them; else plain; else MQTT 3.1.1 where the broker is older.
What is taken and not yet acked is bounded: by the receive maximum with MQTT 5, otherwise by not reading on.
"""

import asyncio
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud.ingest.properties import skip_in_this_thread
from cloud.ingest.settings import BrokerSettings
from contract.topics import RECORD_LEAVES, REPORTED, REQUESTS, ROOT

_log = logging.getLogger(__name__)
_REFUSED_VERSION: Final = 132
_REFUSED: Final = 128
_LONGEST_WAIT_S: Final = 15
_CONNECT_S: Final = 3.0
_ANSWER_S: Final = 5.0
"""An older broker may wait for ever for more of a CONNECT that it misreads; then the other version is tried."""
_ACKS_QUEUED: Final = 10_000
_TAKEN_S: Final = 10.0
"""Within which a broker that is well has taken a message."""


class Delivery(NamedTuple):
    """One message as the broker gave it; `connection` tells its packet id from one of another connection."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class BrokerLink:
    """Takes messages from the broker. All methods belong to the event loop that `open` ran in."""

    def __init__(
        self, settings: BrokerSettings, *, password: str | None, on_change: Callable[[bool, str], None]
    ) -> None:
        """`on_change(connected, detail)` is called in the event loop whenever the connection comes or goes."""
        self._settings = settings
        self._password = password
        self._on_change = on_change
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: deque[Delivery] = deque()
        self._woken = asyncio.Event()
        self._room = threading.Semaphore(settings.receive_maximum)
        self._closing = False
        self._switching: asyncio.Task[None] | None = None
        self._signalled = False
        self._connection = 0
        self._client: mqtt.Client | None = None
        # The embedded broker speaks 3.1.1 alone, and what it makes of a CONNECT of MQTT 5 is to wait for more of it.
        self._version = MQTTProtocolVersion.MQTTv311 if settings.embedded else MQTTProtocolVersion.MQTTv5
        self._answered = False
        self._thread: threading.Thread | None = None
        self._awaited = 0
        self._taken: dict[int, asyncio.Future[bool]] = {}
        self.connected = False

    def open(self) -> None:
        """Begin to connect; from now on it connects, and connects again, by itself."""
        self._loop = asyncio.get_running_loop()
        self._client = self._start()

    async def close(self) -> None:
        """Disconnect, leaving the session at the broker, and end the thread."""
        self._closing = True
        for _ in range(self._settings.receive_maximum):
            self._room.release()
        if self._switching:
            await self._switching
        if self._client:
            await asyncio.to_thread(_stop, self._client)

    async def revive(self) -> bool:
        """Connect anew if the thread of the connection died, which it does without a word; return whether it had."""
        if not self._thread or self._thread.is_alive() or self._closing or not self._client:
            return False
        dead, self._client, self._thread = self._client, None, None
        self._changed(False, "the thread of the connection died")
        await asyncio.to_thread(_stop, dead)
        self._client = self._start()
        return True

    async def take(self, most: int) -> list[Delivery]:
        """Wait for at least one message; return up to `most` in the order of their coming."""
        while True:
            self._woken.clear()
            self._signalled = False
            if self._arrived:
                break
            await self._woken.wait()
        return [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]

    def ack(self, deliveries: list[Delivery]) -> None:
        """Tell the broker that these are ours now. Those of an earlier connection it will send once more."""
        for delivery in deliveries:
            if self._client and delivery.qos and delivery.connection == self._connection:
                self._client.ack(delivery.mid, delivery.qos)
            self._room.release()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send at QoS 1 if connected; return whether it was."""
        if not self.connected or not self._client:
            return False
        return self._client.publish(topic, payload, qos=1).rc == mqtt.MQTT_ERR_SUCCESS

    async def deliver(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> bool:
        """Send at QoS 1 and wait until the broker has it; return whether it has. It may have it all the same if not.

        With MQTT 5 the broker drops what no subscriber took within `expires_s`.
        """
        if not self.connected or not self._client:
            return False
        self._awaited += 1
        try:
            properties = self._expiry(expires_s)
            told = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
            if told.rc != mqtt.MQTT_ERR_SUCCESS:
                return False
            taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._taken[told.mid] = taken
            async with asyncio.timeout(_TAKEN_S):
                return await taken
        except TimeoutError:
            return False
        finally:
            self._awaited -= 1
            self._taken = {mid: future for mid, future in self._taken.items() if not future.done()}

    def _start(self) -> mqtt.Client:
        settings, modern = self._settings, self._version == MQTTProtocolVersion.MQTTv5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if modern else False,
            protocol=self._version,
            manual_ack=True,
        )
        client.on_connect = self._on_connect
        client.on_socket_open = self._on_socket_open
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._configure(client)
        host, port, keepalive = settings.host, settings.port, settings.keepalive_s
        if modern:
            client.connect_async(host, port, keepalive, clean_start=False, properties=self._properties())
        else:
            client.connect_async(host, port, keepalive)
        client.loop_start()
        return client

    def _configure(self, client: mqtt.Client) -> None:
        settings = self._settings
        client.reconnect_delay_set(1, _LONGEST_WAIT_S)
        client.max_queued_messages_set(_ACKS_QUEUED)
        client.connect_timeout = _CONNECT_S
        if settings.username:
            client.username_pw_set(settings.username, self._password)
        if settings.tls:
            certificate, key = settings.certificate_file or None, settings.key_file or None
            client.tls_set(ca_certs=settings.ca_file or None, certfile=certificate, keyfile=key)

    def _try_other_version(self, client: mqtt.Client) -> None:
        if client is self._client and not self._closing and not (self._switching and not self._switching.done()):
            self._switching = asyncio.create_task(self._switch(client), name="mqtt-other-version")

    def _expect_answer(self, client: mqtt.Client) -> None:
        def check() -> None:
            if not self._answered and client.socket():
                self._try_other_version(client)

        asyncio.get_running_loop().call_later(_ANSWER_S, check)

    async def _switch(self, client: mqtt.Client) -> None:
        self._thread = None
        await asyncio.to_thread(_stop, client)
        modern = self._version == MQTTProtocolVersion.MQTTv5
        self._version = MQTTProtocolVersion.MQTTv311 if modern else MQTTProtocolVersion.MQTTv5
        _log.info("trying MQTT %s", "3.1.1" if modern else "5")
        self._client = None if self._closing else self._start()

    def _changed(self, connected: bool, detail: str) -> None:
        self.connected = connected
        self._on_change(connected, detail)

    def _properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        return properties

    def _expiry(self, expires_s: int | None) -> Properties | None:
        if expires_s is None or self._version != MQTTProtocolVersion.MQTTv5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = max(1, expires_s)
        return properties

    def _settle(self, mid: int, is_taken: bool) -> None:
        future = self._taken.pop(mid, None)
        if future and not future.done():
            future.set_result(is_taken)

    # What follows runs in paho's thread.

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        if self._awaited:
            self._in_loop(self._settle, mid, not reason.is_failure)

    def _on_socket_open(self, client: mqtt.Client, _data: Any, _socket: Any) -> None:
        skip_in_this_thread()
        self._thread = threading.current_thread()
        self._answered = False
        self._in_loop(self._expect_answer, client)

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._answered = reason.value != _REFUSED_VERSION
        if reason.is_failure:
            self._in_loop(self._changed, False, f"the broker refuses us: {reason}")
            return
        self._connection += 1
        filters = self._filters(properties)
        if self._version == MQTTProtocolVersion.MQTTv5:
            client.subscribe([(name, SubscribeOptions(qos=1)) for name in filters])
        else:
            client.subscribe([(name, 1) for name in filters])

    def _filters(self, properties: Properties | None) -> list[str]:
        """What is retained does not come through a shared subscription, so births and reports never are in one."""
        group = self._settings.shared_group
        modern = self._version == MQTTProtocolVersion.MQTTv5
        offered = modern and getattr(properties, "SharedSubscriptionAvailable", True)
        prefix = f"$share/{group}/" if group and offered else ""
        return [
            f"{ROOT}/+/status",
            f"{ROOT}/+/{REPORTED}",
            *(f"{prefix}{ROOT}/+/{leaf}" for leaf in (*RECORD_LEAVES, REQUESTS)),
        ]

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.value >= _REFUSED]
        if refused:
            self._in_loop(self._changed, False, f"the broker refuses our subscriptions: {refused[0]}")
        else:
            self._in_loop(self._changed, True, "")

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._in_loop(self._changed, False, f"cannot connect: {sys.exception() or 'no reason given'}")

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        """A broker of another version says so, or hangs up, or says nothing until the connection is given up."""
        if not self._answered:
            self._in_loop(self._try_other_version, client)
        self._in_loop(self._changed, False, f"disconnected: {reason}")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._room.acquire()
        if self._closing:
            return
        self._arrived.append(
            Delivery(message.topic, bytes(message.payload), message.mid, message.qos, self._connection)
        )
        if not self._signalled:
            self._signalled = True
            self._in_loop(self._woken.set)

    def _in_loop(self, call: Callable[..., object], *arguments: object) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


def _stop(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()
