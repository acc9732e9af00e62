"""What the cloud does for remote hands at the broker, written again without its code: ask, listen, acknowledge."""

import json
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.codec import encode
from contract.remote import Command, Desired


class RemoteCloud:
    """Keeps every step of every command, once by its number, and the newest `reported`."""

    def __init__(self, port: int, device: str, *, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.steps: list[dict[str, Any]] = []
        self.reported: list[dict[str, Any]] = []
        self.other: dict[str, bytes] = {}
        """The newest of any other topic."""
        self._seen: dict[str, set[int]] = {}
        self._root = f"afferent/v1/{device}"
        self._port = port
        self._lock = threading.Lock()
        mqtt_5 = version == MQTTProtocolVersion.MQTTv5
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id="test-cloud",
            protocol=version,
            clean_session=None if mqtt_5 else False,
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(0, 1)
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> "RemoteCloud":
        self._client.connect("127.0.0.1", self._port, 30)
        self._client.loop_start()
        assert self._subscribed.wait(30), "the test's cloud could not subscribe"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, command: Command) -> None:
        """Send a command, as often as this is called."""
        self.send_raw(f"cmd/{command.command_id}", encode(command))

    def desire(self, desired: Desired) -> None:
        """Set the desired state."""
        self.send_raw("desired", encode(desired), retain=True)

    def send_raw(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """Anything; returns once the broker has it."""
        self._client.publish(f"{self._root}/{leaf}", payload, qos=1, retain=retain).wait_for_publish(20)

    def states(self, command_id: str) -> list[str]:
        """What was told of a command, in order."""
        with self._lock:
            return [one["state"] for one in self.steps if one["command_id"] == command_id]

    def end(self, command_id: str) -> dict[str, Any]:
        """The one end of a command; empty if there is none yet."""
        with self._lock:
            found = [
                one
                for one in self.steps
                if one["command_id"] == command_id and one["state"] not in {"accepted", "running"}
            ]
        assert len(found) <= 1, found
        return found[0] if found else {}

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(f"{self._root}/#", 1), ("homeassistant/#", 1)])

    def _on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        leaf = message.topic.removeprefix(f"{self._root}/")
        if leaf == "reported":
            self.reported.append(json.loads(message.payload))
        elif leaf in {"ack", "desired"} or leaf.startswith("cmd/"):
            return
        else:
            self._take(client, message.topic, leaf, bytes(message.payload))

    def _take(self, client: mqtt.Client, topic: str, leaf: str, payload: bytes) -> None:
        record = json.loads(payload) if payload[:1] == b"{" else {}
        if "seq" not in record:
            self.other[topic] = payload
            return
        seen = self._seen.setdefault(record["boot"], set())
        with self._lock:
            if record["seq"] not in seen and leaf == "commands":
                self.steps.append(record["body"])
            seen.add(record["seq"])
        upto = next(number for number in range(1, max(seen) + 2) if number not in seen) - 1
        ack = {"v": 1, "boot": record["boot"], "seq": upto, "missing": [], "highest": 0}
        client.publish(f"{self._root}/ack", json.dumps(ack), qos=1)
