"""What the cloud does at the broker, written again without its code: keep what arrives, acknowledge in order."""

import json
import threading
from itertools import pairwise
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

_LEAVES = ("predictions", "events", "recordings", "telemetry", "ledger")


class AckingConsumer:
    """Subscribes to one device and acknowledges every `ack_every` messages. `deaf_to` acks are swallowed on purpose.

    `arrived` is every `(boot, seq)` in order of arrival, repetitions too; `kept` the first of each.
    """

    def __init__(
        self,
        port: int,
        device: str,
        *,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        client_id: str = "test-cloud",
    ) -> None:
        self.arrived: list[tuple[str, int]] = []
        self.kept: dict[tuple[str, int], dict[str, Any]] = {}
        self.properties: list[dict[str, str]] = []
        self.statuses: list[dict[str, Any]] = []
        self.ack_every = 1
        self.swallow_acks = 0
        self._port, self._device = port, device
        self._lock = threading.Lock()
        mqtt_5 = version == MQTTProtocolVersion.MQTTv5
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            clean_session=None if mqtt_5 else False,
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(0, 1)
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def start(self, port: int | None = None) -> None:
        """Connect and return once subscribed."""
        self._client.connect("127.0.0.1", port or self._port, 30)
        self._client.loop_start()
        assert self._subscribed.wait(30), "the test's consumer could not subscribe"

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def sequence(self, boot: str) -> list[int]:
        """The sequence numbers of a boot in the order of their first arrival."""
        with self._lock:
            return [seq for name, seq in self.kept if name == boot]

    def acknowledge(self, boot: str, seq: int, missing: list[tuple[int, int]] | None = None, highest: int = 0) -> None:
        """Send an acknowledgement of the test's own making."""
        payload = {"v": 1, "boot": boot, "seq": seq, "missing": missing or [], "highest": highest}
        self._client.publish(f"afferent/v1/{self._device}/ack", json.dumps(payload), qos=1)

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        for leaf in (*_LEAVES, "status"):
            client.subscribe(f"afferent/v1/{self._device}/{leaf}", qos=1)

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        body = json.loads(message.payload)
        if message.topic.endswith("/status"):
            self.statuses.append(body)
            return
        with self._lock:
            key = body["boot"], body["seq"]
            self.arrived.append(key)
            self.kept.setdefault(key, body)
            self.properties.append(dict(getattr(message.properties, "UserProperty", None) or []))
        if len(self.arrived) % self.ack_every == 0:
            self._acknowledge(body["boot"])

    def _acknowledge(self, boot: str) -> None:
        if self.swallow_acks:
            self.swallow_acks -= 1
            return
        seqs = {seq for name, seq in self.kept if name == boot}
        ordered = [0, *sorted(seqs)]
        missing = [(low + 1, high - 1) for low, high in pairwise(ordered) if high > low + 1]
        self.acknowledge(boot, missing[0][0] - 1 if missing else ordered[-1], missing, ordered[-1])
