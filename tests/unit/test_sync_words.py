"""How records are labelled for the broker, and how its refusals are told."""

import asyncio
import errno
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contract.errors import InvalidSettingsError
from contract.settings import decode_settings
from edge.core.errors import LinkError
from edge.outbox.retention import SPARED_HEAD
from edge.outbox.rows import Pending
from edge.sync.connection import MQTT_5, BrokerConnection, Identity
from edge.sync.envelope import PackedProperties, cloud_event
from edge.sync.probe import probe_broker
from edge.sync.refusals import BrokerRefusedError, unreachable
from edge.sync.settings import BrokerSettings, S3Settings
from edge.sync.targets.s3 import S3Target

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufeff"), max_size=300)


def publish_properties() -> Any:
    """paho's own, for a PUBLISH."""
    return Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=6))
def test_packed_as_paho_packs(content_type: str, user: dict[str, str]) -> None:
    slow = publish_properties()
    slow.PayloadFormatIndicator = 1
    slow.ContentType = content_type
    slow.UserProperty = list(user.items())
    packed = PackedProperties(content_type, user).pack()
    again = publish_properties()
    _, length = again.unpack(packed)
    assert length == len(packed) == len(slow.pack())
    assert (again.ContentType, again.PayloadFormatIndicator) == (content_type, 1)
    assert getattr(again, "UserProperty", []) == list(user.items())


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_name_that_no_resolver_takes_is_an_unreachable_broker(host: str, tmp_path: Path) -> None:
    """Python raises UnicodeError for it and not OSError."""
    with pytest.raises(LinkError, match=r"check broker\.host"):
        probe_broker(BrokerSettings(host=host), tmp_path, 1.0)


async def test_nor_does_it_end_the_connection_otherwise() -> None:
    identity = Identity(client_id="gate-1", password=None, status_topic="s", ack_topic="a", will=b"")
    connection = BrokerConnection(BrokerSettings(host="a..b"), identity, MQTT_5)
    with pytest.raises(LinkError, match=r"check broker\.host"):
        await connection.open(1.0)
    await connection.close()


async def test_a_broker_that_does_not_answer_keeps_no_daemon_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process had stopped, and went on for as long as the connection was tried."""
    let_go, begun, waiting = threading.Event(), threading.Event(), list[threading.Thread]()

    def connect(*_: object, **_more: object) -> None:
        waiting.append(threading.current_thread())
        begun.set()
        let_go.wait(30)

    monkeypatch.setattr("paho.mqtt.client.Client.connect", connect)
    monkeypatch.setattr("edge.sync.connection._CLOSE_S", 0.05)
    identity = Identity(client_id="gate-1", password=None, status_topic="s", ack_topic="a", will=b"")
    connection = BrokerConnection(BrokerSettings(), identity, MQTT_5)
    opening = asyncio.ensure_future(connection.open(1.0))
    await asyncio.to_thread(begun.wait, 10)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await connection.close()
    assert [thread.is_alive() and thread.daemon for thread in waiting] == [True]
    let_go.set()
    waiting[0].join(10)


def test_a_record_is_a_cloud_event() -> None:
    record = Pending(7, "00000001-0a0b0c0d", 3, "events", "event", 1_780_000_000_123, b"{}")
    again = publish_properties()
    again.unpack(cloud_event("gate-1", record).pack())
    assert dict(again.UserProperty) == {
        "specversion": "1.0",
        "id": "00000001-0a0b0c0d:3",
        "source": "/devices/gate-1",
        "type": "afferent.event.v1",
        "time": "2026-05-28T20:26:40.123Z",
    }


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "nothing listens there"),
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved"),
        (TimeoutError(), "does not answer"),
        (FileNotFoundError(errno.ENOENT, "no", "/etc/ca.pem"), "/etc/ca.pem is missing"),
        (ssl.SSLError(1, "wrong version number"), "does not speak TLS"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "cannot be reached: Network is unreachable"),
    ],
)
def test_why_it_cannot_be_reached(error: OSError, words: str) -> None:
    line = str(unreachable(error, "broker.example", 8883))
    assert line.startswith("broker broker.example:8883 ")
    assert words in line


def test_refusals_say_what_to_do_and_unknown_codes_what_was_said() -> None:
    assert "broker.username" in str(BrokerRefusedError(0x86, "broker x:1", "Bad user name or password"))
    assert "'wildcard subscriptions not supported' (0xa2)" in str(
        BrokerRefusedError(0xA2, "broker x:1", "Wildcard subscriptions not supported")
    )


@pytest.mark.parametrize(
    ("kind", "raw", "words"),
    [
        (BrokerSettings, {"port": 0}, "$.port: must be >= 1"),
        (BrokerSettings, {"ack": "none"}, "$.ack: invalid enum value 'none'"),
        (BrokerSettings, {"window_records": 5000}, "$.window_records: must be <= 1000"),
        (S3Settings, {"type": "s3", "bucket": "clips", "part_size_bytes": 1}, "$.part_size_bytes: must be >= 5242880"),
        (S3Settings, {"type": "s3", "bucket": "clips", "access_key_secret": "a"}, "belong together"),
        (S3Settings, {"type": "s3"}, "'bucket' is missing"),
    ],
)
def test_bad_settings_are_named(kind: Any, raw: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSettingsError) as error:
        decode_settings(raw, kind)
    assert words in str(error.value)


def test_the_window_is_never_wider_than_what_eviction_spares() -> None:
    """What may be under way must keep its meaning."""
    assert decode_settings({"window_records": SPARED_HEAD}, BrokerSettings).window_records == SPARED_HEAD
    with pytest.raises(InvalidSettingsError):
        decode_settings({"window_records": SPARED_HEAD + 1}, BrokerSettings)


def test_a_profile_of_the_environment_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(LinkError, match="nobody"):
        S3Target(S3Settings(bucket="clips"), None)
