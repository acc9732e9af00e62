"""One connection to the broker, from CONNECT to its end. paho runs its network in its own thread."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract.codec import decode
from contract.errors import InvalidMessageError
from contract.messages import Ack
from edge.core.background import in_the_background
from edge.core.errors import LinkError
from edge.sync.envelope import PackedProperties
from edge.sync.inbox import Inbox
from edge.sync.refusals import FIRST_FAILURE, BrokerRefusedError, ClosedEarlyError, unreachable, words_of
from edge.sync.remote.link import RemoteLink
from edge.sync.requests import RequestDesk
from edge.sync.settings import BrokerSettings
from edge.sync.tls import NOTHING, Shown, broker_tls

MQTT_5: Final = MQTTProtocolVersion.MQTTv5
MQTT_311: Final = MQTTProtocolVersion.MQTTv311
MQTT_5_RECEIVE_MAXIMUM: Final = 65_535
"""MQTT 5 section 3.2.2.3.3: where the broker names none."""
_AHEAD: Final = 4
"""A broker that allows few messages at a time (mosquitto: 20) is kept busy by so many times as many, without the event
loop waking for each; still few enough for an alarm to overtake the rest."""
_OWN_MESSAGES: Final = 2
"""Birth and farewell."""
_QUESTIONS: Final = 64
"""That the desk of requests has at most, so that none of them waits inside paho."""
_CLOSE_S: Final = 2.0
_UNSENT_LIMIT_MS: Final = 15_000
_IDLE_S: Final = 10
_PROBES: Final = 3
_PROBE_EVERY_S: Final = 5
"""What the kernel is told of this connection, so that one whose other end is gone is found within half a minute: bytes
unconfirmed for so long, or an idle connection whose probes nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to the broker, and what it says of us when we are gone (`will`, retained on `status_topic`).

    `reply_topic` is where answers come, for a connection that carries questions; `shown` is our certificate.
    """

    client_id: str
    password: str | None
    status_topic: str
    ack_topic: str
    will: bytes
    reply_topic: str = ""
    shown: Shown = NOTHING


class BrokerConnection:
    """Open it, publish, read its `inbox`, close it; a lost one is not opened again. Belongs to the event loop."""

    def __init__(
        self,
        settings: BrokerSettings,
        identity: Identity,
        version: MQTTProtocolVersion,
        requests: RequestDesk | None = None,
        remote: RemoteLink | None = None,
    ) -> None:
        self.inbox = Inbox()
        self.version = version
        self.session_present = False
        self.capacity = 1
        """How many messages may be published and not confirmed. Some of them wait in paho, which sends each as soon as
        the broker allows one more."""
        self._settings = settings
        self._place = f"broker {settings.host}:{settings.port}"
        self._identity = identity
        self._requests = requests
        self._remote = remote
        self._replies_mid: int | None = None
        self._remote_mid: int | None = None
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._closed = False
        self._connecting: asyncio.Future[None] | None = None
        self._socket: Any = None
        self._client = self._make_client()

    async def open(self, answer_within_s: float) -> None:
        """Connect and subscribe.

        Raise `BrokerRefusedError` if the broker says no, `ClosedEarlyError` if it takes the connection and says nothing
        that MQTT knows, `LinkError` if there is no connection.
        """
        self._connecting = in_the_background(self._connect, name="mqtt-connect")
        try:
            await asyncio.shield(self._connecting)
        except (OSError, UnicodeError) as error:
            raise unreachable(error, self._settings.host, self._settings.port) from error
        await asyncio.wait({self._answer}, timeout=answer_within_s)
        if not self._answer.done():
            self._answer.cancel()
            raise ClosedEarlyError(f"{self._place} does not answer: is it an MQTT broker, and the network sound?")
        self._answer.result()

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, event: PackedProperties | None = None
    ) -> int:
        """Hand one message to the network; return its packet id. Raise `LinkError` if the connection is over."""
        properties = cast("Properties | None", event) if self.version == MQTT_5 else None
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if info.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}:
            raise LinkError(f"cannot publish: {mqtt.error_string(info.rc)}")
        return info.mid

    async def close(self, farewell: bytes | None = None) -> None:
        """Say that we go on purpose, disconnect, and return when the network thread has ended."""
        self._closed = True
        try:
            if self._connecting:
                await asyncio.wait({self._connecting}, timeout=_CLOSE_S)
                if self._connecting.done() and not self._connecting.exception():
                    await self._say_farewell(farewell)
        finally:  # also when whoever closes is told to stop meanwhile
            self._cut()
            if self._connecting and not self._connecting.done():
                self._connecting.cancel()  # its thread finds `_closed`, and keeps no daemon from ending
            ended = in_the_background(self._client.loop_stop, name="mqtt-stop")
        await ended

    async def _say_farewell(self, farewell: bytes | None) -> None:
        if farewell and self._client.is_connected():
            with suppress(LinkError):
                self.publish(self._identity.status_topic, farewell, retain=True)
        self._client.disconnect()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._ended.wait()

    def _make_client(self) -> mqtt.Client:
        settings, mqtt_5 = self._settings, self.version == MQTT_5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._identity.client_id,
            clean_session=None if mqtt_5 else False,
            protocol=self.version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = settings.connect_timeout_s
        client.max_inflight_messages_set(self._most_messages())
        client.max_queued_messages_set(settings.window_records * 2)
        client.will_set(self._identity.status_topic, self._identity.will, qos=1, retain=True)
        if settings.username:
            client.username_pw_set(settings.username, self._identity.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = self._on_socket_open
        return client

    def _most_messages(self) -> int:
        return self._settings.window_records + _OWN_MESSAGES + _QUESTIONS

    def _connect(self) -> None:
        """In a thread: name resolution, TCP and TLS block."""
        tls = broker_tls(self._settings.ca_file, self._identity.shown) if self._settings.tls else None
        if tls:
            self._client.tls_set_context(tls)
        try:
            self._shake_hands()
        except (OSError, UnicodeError):
            if tls:
                tls.close_last()
            raise
        if self._closed and self._socket is not None:
            self._socket.close()
            return
        self._client.loop_start()

    def _shake_hands(self) -> None:
        settings = self._settings
        if self.version == MQTT_311:
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_s
        self._client.connect(
            settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties
        )

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _answered(self, error: LinkError | None) -> None:
        if not self._answer.done():
            if error:
                self._answer.set_exception(error)
            else:
                self._answer.set_result(None)

    # What follows is called by paho in its own thread.

    def _on_socket_open(self, _client: mqtt.Client, _userdata: Any, sock: Any) -> None:
        self._socket = sock
        _watch(sock)

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, flags: mqtt.ConnectFlags, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            error = BrokerRefusedError(code.value, self._place, code.getName())
            self._loop.call_soon_threadsafe(self._answered, error)
            return
        self.session_present = flags.session_present
        allowed = getattr(properties, "ReceiveMaximum", MQTT_5_RECEIVE_MAXIMUM)
        client._max_inflight_messages = min(allowed, self._most_messages())  # noqa: SLF001 - its setter comes too early
        self.capacity = max(1, allowed - _OWN_MESSAGES) * _AHEAD
        client.subscribe(self._identity.ack_topic, qos=1)
        if self._requests:
            self._replies_mid = client.subscribe(self._identity.reply_topic, qos=1)[1]
        if self._remote:
            door = self._remote.door
            door.opened()
            self._remote_mid = client.subscribe([(door.desired_topic, 1), (door.command_topic, 1)])[1]
        self._loop.call_soon_threadsafe(self._answered, None)

    def _on_subscribe(self, _client: mqtt.Client, _userdata: Any, mid: int, codes: Any, _properties: Any) -> None:
        refused = next((words_of(code.value, code.getName()) for code in codes if code.is_failure), "")
        if refused and mid == self._replies_mid and self._requests:
            self._requests.close(f"{self._place} {refused} (subscribing to answers)")
        elif refused and mid == self._remote_mid and self._remote:
            self._remote.door.shut(f"{self._place} {refused} (subscribing to commands)")
        elif refused:
            self.inbox.lost(f"{self._place} {refused} (subscribing to acknowledgements)")

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        why = words_of(code.value, code.getName()) if code.value > FIRST_FAILURE else "ended the connection"
        reason = f"{self._place} {why}"
        self.inbox.lost(reason)
        self._loop.call_soon_threadsafe(self._answered, ClosedEarlyError(reason))
        self._loop.call_soon_threadsafe(self._ended.set)

    def _on_publish(self, _client: mqtt.Client, _userdata: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        self.inbox.taken(mid, code.value)

    def _on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        """Whoever works with a message that has to be durable first confirms it; any other is confirmed here."""
        confirm = partial(_confirm, client, message.mid, message.qos)
        if self._remote and self._remote.door.takes(message.topic):
            self._remote.door.came(message.topic, bytes(message.payload), confirm)
            return
        self._read(message)
        confirm()

    def _read(self, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._identity.reply_topic:
            if self._requests:
                self._requests.answered(bytes(message.payload))
            return
        try:
            self.inbox.acknowledged(decode(bytes(message.payload), Ack))
        except InvalidMessageError:
            return  # not from a cloud that keeps the contract; what it should have said is asked for by sending again


def _confirm(client: mqtt.Client, mid: int, qos: int) -> None:
    """Tell the broker that it need not send this again; over a connection that is gone, nothing. Any thread."""
    with suppress(OSError):
        client.ack(mid, qos)


def _watch(sock: Any) -> None:
    """Let the kernel find out that the other end is gone; a WebSocket or a kernel without this does without."""
    with suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_LIMIT_MS)
