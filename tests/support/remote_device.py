"""A device as the cloud sees one, by the contract alone: it hears what is asked of it, does it once, and says so."""

import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contract.codec import decode, encode
from contract.messages import AnyBody, CommandState, Status
from contract.remote import Command, Desired, Reported
from contract.times import to_wire
from contract.topics import DESIRED, REPORTED, command_leaf, leaf_of, topic
from tests.support.cloud import BOOT, START_MS, payload

NAME = "gate"


class RemoteDevice:
    """Offline until `come`. `heard` is every command as often as it came, `done` those that it did, once each.

    With `ends=False` it accepts and never ends; with `deaf=True` it does not even accept.
    """

    def __init__(self, port: int, name: str = NAME, *, ends: bool = True, deaf: bool = False) -> None:
        self.name = name
        self.ends, self.deaf = ends, deaf
        self.heard: list[Command] = []
        self.done: dict[str, str] = {}
        self.desired: list[Desired] = []
        self.seq = 0
        self._port = port
        self._births = 0
        self._subscribed = threading.Event()
        self._client: mqtt.Client | None = None

    def come(self) -> None:
        """Connect, subscribe, and say so, as a device does: one birth for each connection."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"device-{self.name}", protocol=MQTTProtocolVersion.MQTTv5
        )
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        client.on_connect = lambda client, *_: client.subscribe(
            [(topic(self.name, DESIRED), 1), (topic(self.name, command_leaf("+")), 1)]
        )
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        self._subscribed.clear()
        self._client = client
        client.connect("127.0.0.1", self._port, clean_start=False, properties=properties)
        client.loop_start()
        assert self._subscribed.wait(30), "the device could not subscribe"
        self._births += 1
        self._say_status("online")

    def leave(self) -> None:
        """Say so and disconnect; the broker keeps its session."""
        if self._client:
            self._say_status("offline")
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def say(self, body: AnyBody) -> None:
        """A record."""
        self.seq += 1
        self._publish(leaf_of(body), payload(body, self.seq))

    def report(self, **more: Any) -> None:
        """Say what it is."""
        said = Reported(device=self.name, boot=BOOT, t=to_wire(START_MS + self.seq), **more)
        self._publish(REPORTED, encode(said), retain=True)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith(f"/{DESIRED}"):
            if message.payload:
                self.desired.append(decode(bytes(message.payload), Desired))
            return
        command = decode(bytes(message.payload), Command)
        self.heard.append(command)
        if not self.deaf and command.command_id not in self.done:
            self._do(command)

    def _do(self, command: Command) -> None:
        self.done[command.command_id] = "succeeded" if self.ends else "accepted"
        self.say(CommandState(command_id=command.command_id, name=command.name, state="accepted"))
        if self.ends:
            outcome = {"release": "r1"}
            end = CommandState(command_id=command.command_id, name=command.name, state="succeeded", outcome=outcome)
            self.say(end)

    def _say_status(self, state: Any) -> None:
        said = Status(device=self.name, state=state, boot=BOOT, t=to_wire(START_MS + self._births))
        self._publish("status", encode(said), retain=True)

    def _publish(self, leaf: str, raw: bytes, *, retain: bool = False) -> None:
        assert self._client
        told = self._client.publish(topic(self.name, leaf), raw, qos=1, retain=retain)
        if threading.current_thread() is threading.main_thread():
            told.wait_for_publish(10)
