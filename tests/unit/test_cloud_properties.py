"""Messages come in without their properties where that was asked for, and whole everywhere else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud.ingest.properties import skip_in_this_thread


def _packed(kind: int) -> bytes:
    properties: Any = Properties(kind)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("id", "00000001-deadbeef:1"), ("type", "x" * 200)]
    return bytes(properties.pack())


def _read(kind: int, *, skip: bool) -> tuple[Any, int]:
    if skip:
        skip_in_this_thread()
    found: tuple[Any, int] = Properties(kind).unpack(_packed(kind) + b"payload")  # type: ignore[no-untyped-call]
    return found


@pytest.mark.parametrize(
    ("kind", "skip", "read"),
    [(PacketTypes.PUBLISH, True, False), (PacketTypes.PUBLISH, False, True), (PacketTypes.CONNACK, True, True)],
)
def test_properties_of_messages_are_passed_over_where_asked(kind: int, skip: bool, read: bool) -> None:
    with ThreadPoolExecutor(1) as thread:
        found, length = thread.submit(_read, kind, skip=skip).result()
    assert length == len(_packed(kind))
    assert hasattr(found, "UserProperty") == read
