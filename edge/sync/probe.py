"""Whether the broker can be used with these settings, without leaving anything behind there."""

import socket
import ssl
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.core.errors import LinkError
from edge.core.secrets import read_secret
from edge.sync.refusals import UNSUPPORTED_VERSION, BrokerRefusedError, unreachable
from edge.sync.settings import BrokerSettings
from edge.sync.tls import BrokerTls, broker_tls, what_to_show

_CONNECT_OF_NO_VERSION: Final = bytes.fromhex("100d 0004 4d515454 7f 02 003c 00 0000")
"""CONNECT of a version of MQTT that there is not: a broker says so, and does nothing else."""
_CONNACK: Final = 0x20


def probe_broker(settings: BrokerSettings, secrets_dir: Path, timeout_s: float, identity: Path | None = None) -> str:
    """Connect and sign in with a session that ends with the connection; say what speaks there.

    Where we show a certificate the broker may know us by it alone, and a second sign-in would end the session of the
    appliance that runs: then it is enough that the broker takes the certificate and speaks MQTT.
    Raise `LinkError`, `SecretMissingError` or `IdentityDamagedError` with what to look at.
    """
    place, shown = f"{settings.host}:{settings.port}", what_to_show(settings, identity)
    if settings.tls and shown.certificate:
        try:
            return f"{place} {_knock(settings, broker_tls(settings.ca_file, shown), timeout_s)}"
        except (OSError, UnicodeError) as error:
            raise unreachable(error, settings.host, settings.port) from error
    password = read_secret(settings.password_secret, secrets_dir) if settings.password_secret else None
    for version, name in ((MQTTProtocolVersion.MQTTv5, "MQTT 5"), (MQTTProtocolVersion.MQTTv311, "MQTT 3.1.1")):
        code, words = _ask(settings, password, version, timeout_s)
        if code == 0:
            return f"{place} takes us and speaks {name}"
        if code != UNSUPPORTED_VERSION:
            raise BrokerRefusedError(code, place, words)
    raise BrokerRefusedError(UNSUPPORTED_VERSION, place, "unsupported protocol version")


def _knock(settings: BrokerSettings, tls: BrokerTls, timeout_s: float) -> str:
    with (
        closing(socket.create_connection((settings.host, settings.port), timeout_s)) as plain,
        closing(tls.wrap_socket(plain, server_hostname=settings.host, do_handshake_on_connect=False)) as talk,
    ):
        talk.do_handshake()
        talk.sendall(_CONNECT_OF_NO_VERSION)
        answer = talk.recv(1)
    if not answer or answer[0] != _CONNACK:
        raise ssl.SSLError(0, "what answers there is no MQTT broker")
    return "takes our certificate and speaks MQTT"


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
    tls = None
    try:
        if settings.tls:
            tls = broker_tls(settings.ca_file)
            client.tls_set_context(tls)
        client.connect(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        if tls:
            tls.close_last()
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
