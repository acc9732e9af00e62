"""Listens to what devices say to a broker and notes which record went when: so its sending can be judged."""

import json
import threading
from collections import Counter
from typing import Final

from tests.support.oracle import Place

_PUBLISH: Final = 3
_CONNECT: Final = 1


class MqttTap:
    """Fed with the bytes of each connection from the device to the broker, in order; may be fed from any thread.

    `times_sent`: how often each record went.
    """

    def __init__(self) -> None:
        self.times_sent: Counter[Place] = Counter()
        self._buffers: dict[int, bytes] = {}
        self._levels: dict[int, int] = {}
        self._lock = threading.Lock()

    def feed(self, connection: int, data: bytes) -> None:
        """More bytes of a connection."""
        with self._lock:
            buffer = self._buffers.get(connection, b"") + data
            while (size := _packet_size(buffer)) is not None and size <= len(buffer):
                self._packet(connection, buffer[:size])
                buffer = buffer[size:]
            self._buffers[connection] = buffer

    @property
    def resent(self) -> set[Place]:
        """The records that went more than once."""
        with self._lock:
            return {place for place, count in self.times_sent.items() if count > 1}

    def _packet(self, connection: int, packet: bytes) -> None:
        kind, body = packet[0] >> 4, packet[_header_size(packet) :]
        if kind == _CONNECT:
            self._levels[connection] = body[2 + int.from_bytes(body[:2], "big")]
        elif kind == _PUBLISH:
            payload = _payload(packet[0], body, modern=self._levels.get(connection, 4) >= 5)
            self._record(payload)

    def _record(self, payload: bytes) -> None:
        try:
            record = json.loads(payload)
            place = (str(record["boot"]), int(record["seq"]))
        except (ValueError, KeyError, TypeError):
            return  # a status or a question
        self.times_sent[place] += 1


def _payload(first: int, body: bytes, *, modern: bool) -> bytes:
    at = 2 + int.from_bytes(body[:2], "big")
    at += 2 if first & 0x06 else 0
    if modern:
        length, digits = _varint(body, at)
        at += digits + length
    return body[at:]


def _header_size(buffer: bytes) -> int:
    return 1 + _varint(buffer, 1)[1]


def _packet_size(buffer: bytes) -> int | None:
    """The size of the packet that begins here; None while that is not known yet."""
    if len(buffer) < 2 or (len(buffer) < 5 and all(byte & 0x80 for byte in buffer[1:])):
        return None
    length, digits = _varint(buffer, 1)
    return 1 + digits + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and how many bytes it takes (MQTT 5, 1.5.5)."""
    value = 0
    for digits in range(4):
        byte = data[at + digits]
        value |= (byte & 0x7F) << (7 * digits)
        if not byte & 0x80:
            return value, digits + 1
    raise ValueError("a length of more than four bytes")
