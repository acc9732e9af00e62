"""MQTT 5 properties of messages, passed over unread.

The attributes that a device sends with each record (CloudEvents) are for other consumers; the payload says it all. paho
looks up each of them by comparing it with every name there is, which cost more than all else about taking a record in,
and it has no setting to leave them. So `unpack` skips them, in the threads that ask for it and nowhere else.
"""

import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers


class _Asked(threading.local):
    skip = False


_asked = _Asked()


def skip_in_this_thread() -> None:
    """From now on, messages that paho reads in this thread come without their properties."""
    _asked.skip = True


def _skipping(whole: Callable[..., Any]) -> Callable[..., Any]:
    def unpack(self: Any, buffer: bytes) -> Any:
        if not _asked.skip or self.packetType != PacketTypes.PUBLISH:
            return whole(self, buffer)
        length, prefix = VariableByteIntegers.decode(buffer)  # type: ignore[no-untyped-call]
        return self, length + prefix

    return unpack


Properties.unpack = _skipping(Properties.unpack)  # type: ignore[method-assign]
