"""An authority with a register, devices' requests, and a mosquitto that admits by certificate alone."""

import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud.store.clock import Clock, SystemClock
from cloud.trust.authority import Authority, Issued
from cloud.trust.broker import access_list, mosquitto_conf
from cloud.trust.desk import TrustDesk, trust_desk
from cloud.trust.papers import Kind, Revoked, Wanted
from cloud.trust.register import Asker
from cloud.trust.requests import read_request
from cloud.trust.settings import TrustSettings
from contract.enrolment import Claim, Renewal
from edge.identity import keys
from edge.sync.tls import Shown, broker_tls
from tests.support.cloud import opened
from tests.support.mosquitto import Mosquitto
from tests.support.ports import free_port, wait_for_port

DAY_MS = 86_400_000
ASKER = Asker("test")
_AGE_DAYS = 30
"""Of an authority, so that what it signed can have run out."""


@asynccontextmanager
async def desk_at(url: str, folder: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[TrustDesk]:
    """An authority that is there, over a migrated database."""
    async with opened(url) as database:
        desk = trust_desk(TrustSettings(**settings), folder, database=database, clock=clock or SystemClock())
        desk.authority.init(desk.clock.now_ms())
        yield desk


def claim(token: str, device: str = "gate-1", key: bytes | None = None) -> Claim:
    """As a device claims."""
    return Claim(token=token, device=device, request=keys.request_of(key or keys.make_key(), device))


def renewal(certificate: str, key: bytes, next_key: bytes, device: str = "gate-1") -> Renewal:
    """As a device renews."""
    request = keys.request_of(next_key, device)
    return Renewal(certificate=certificate, request=request, signature=keys.signature_of(key, request))


@dataclass(frozen=True)
class Paper:
    """A certificate with its key, in files."""

    issued: Issued
    shown: Shown


class Papers:
    """An authority without a register, for brokers: signs what a test asks for."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "authority")
        self.authority.init(_now_ms() - _AGE_DAYS * DAY_MS)
        self._folder = folder
        self._revoked: list[Revoked] = []

    @property
    def ca_file(self) -> str:
        """Whom to trust."""
        return str(self.authority.folder / "certificate.pem")

    def sign(
        self, name: str, kind: Kind = "device", *, days: float = 90.0, ago_days: float = 0.0, label: str = ""
    ) -> Paper:
        """A certificate of `days` that was signed `ago_days` ago."""
        key = keys.make_key()
        public = read_request(keys.request_of(key, name))
        sans = ("localhost", "127.0.0.1") if kind == "server" else ()
        wanted = Wanted(kind, name, public, days, sans)
        issued = self.authority.sign(wanted, _now_ms() - round(ago_days * DAY_MS))
        stem = label or name
        certificate, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        certificate.write_text(issued.pem)
        key_file.write_bytes(key)
        return Paper(issued, Shown(str(certificate), str(key_file), self.ca_file))

    def revoke(self, paper: Paper) -> None:
        """Put it on the list."""
        self._revoked.append(Revoked(int(paper.issued.serial, 16), _now_ms()))
        self.authority.write_list(self._revoked, _now_ms())


class MutualBroker(Mosquitto):
    """A mosquitto configured as docs/trust.md has it, but for its folder, port and user."""

    def __init__(self, folder: Path, *, authority: Path, server: Shown) -> None:
        super().__init__(folder)
        self.port = free_port()
        self._place = folder
        for name, source in {
            "authority.pem": authority / "certificate.pem",
            "crl.pem": authority / "crl.pem",
            "server.pem": Path(server.certificate),
            "server.key": Path(server.key),
        }.items():
            (folder / name).write_bytes(source.read_bytes())
        (folder / "acl").write_text(access_list())
        local = f"user root\nlog_type none\npersistence_location {folder}/\n"
        self._config.write_text(mosquitto_conf(str(folder), self.port) + local)
        self._list = authority / "crl.pem"

    def take_up_list(self) -> None:
        """As an operator or a timer does: copy the list, then SIGHUP."""
        (self._place / "crl.pem").write_bytes(self._list.read_bytes())
        self._reload()

    def serve_with(self, server: Shown) -> None:
        """Take up another certificate of its own."""
        (self._place / "server.pem").write_bytes(Path(server.certificate).read_bytes())
        (self._place / "server.key").write_bytes(Path(server.key).read_bytes())
        self._reload()

    def _reload(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGHUP)
        time.sleep(0.3)

    def restart(self) -> None:
        """What ends open connections."""
        self.stop()
        self.start()
        wait_for_port(self.port)


class Talker:
    """A client of the broker, with or without a certificate; notes everything that it is told."""

    def __init__(self, port: int, paper: Paper, *, client_id: str = "any") -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.ended = threading.Event()
        self._answers: dict[int, str] = {}
        self._news = threading.Condition()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(broker_tls("", paper.shown))
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_disconnect = lambda *_: self.ended.set()
        self._client.on_publish = lambda _c, _u, mid, code, _p: self._answered(mid, str(code))
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._answered(mid, str(codes[0]))
        self._client.on_message = lambda _c, _u, message: self._heard(message.topic, bytes(message.payload))
        self._client.connect("localhost", port)
        self._client.loop_start()
        assert self._connected.wait(30), "the broker did not take the connection"

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        """The broker's word on it."""
        return self._answer(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def subscribe(self, topic: str) -> str:
        """The broker's word on it."""
        return self._answer(self._client.subscribe(topic, qos=1)[1] or 0)

    def wait_heard(self, count: int, within_s: float = 30.0) -> list[tuple[str, bytes]]:
        """What was heard once that are `count`, or after `within_s`."""
        with self._news:
            self._news.wait_for(lambda: len(self.heard) >= count, within_s)
            return list(self.heard)

    def close(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()

    def _answer(self, mid: int) -> str:
        with self._news:
            assert self._news.wait_for(lambda: mid in self._answers, 30), "no answer of the broker"
            return self._answers[mid]

    def _answered(self, mid: int, words: str) -> None:
        with self._news:
            self._answers[mid] = words
            self._news.notify_all()

    def _heard(self, topic: str, payload: bytes) -> None:
        with self._news:
            self.heard.append((topic, payload))
            self._news.notify_all()


@contextmanager
def talking(port: int, paper: Paper, **options: Any) -> Iterator[Talker]:
    """A client that is gone after the block."""
    talker = Talker(port, paper, **options)
    try:
        yield talker
    finally:
        talker.close()


def _now_ms() -> int:
    return SystemClock().now_ms()
