"""Whether the broker can be used with these settings, without leaving anything behind there."""

import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.core.errors import LinkError
from edge.core.secrets import read_secret
from edge.sync.refusals import UNSUPPORTED_VERSION, BrokerRefusedError, unreachable
from edge.sync.settings import BrokerSettings


def probe_broker(settings: BrokerSettings, secrets_dir: Path, timeout_s: float) -> str:
    """Connect and sign in with a session that ends with the connection; say what speaks there.

    Raise `LinkError` or `SecretMissingError` with what to look at.
    """
    password = read_secret(settings.password_secret, secrets_dir) if settings.password_secret else None
    place = f"{settings.host}:{settings.port}"
    for version, name in ((MQTTProtocolVersion.MQTTv5, "MQTT 5"), (MQTTProtocolVersion.MQTTv311, "MQTT 3.1.1")):
        code, words = _ask(settings, password, version, timeout_s)
        if code == 0:
            return f"{place} takes us and speaks {name}"
        if code != UNSUPPORTED_VERSION:
            raise BrokerRefusedError(code, place, words)
    raise BrokerRefusedError(UNSUPPORTED_VERSION, place, "unsupported protocol version")


def _ask(
    settings: BrokerSettings, password: str | None, version: MQTTProtocolVersion, timeout_s: float
) -> tuple[int, str]:
    """The broker's answer to CONNECT as an MQTT 5 reason code with its name; hanging up counts as another version."""
    answered = threading.Event()
    answer: list[tuple[int, str]] = []

    def take(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        answer.append((reason.value, str(reason)))
        answered.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
    client.connect_timeout = timeout_s
    client.on_connect = take
    client.on_disconnect = take
    if settings.username:
        client.username_pw_set(settings.username, password)
    try:
        if settings.tls:
            client.tls_set(settings.ca_file or None)
        client.connect(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        raise unreachable(error, settings.host, settings.port) from error
    client.loop_start()
    try:
        if not answered.wait(timeout_s):
            raise LinkError(f"broker {settings.host}:{settings.port} takes the connection but does not answer")
    finally:
        client.disconnect()
        client.loop_stop()
    code, words = answer[0]
    return (UNSUPPORTED_VERSION, words) if words == "Unspecified error" else (code, words)
