"""A publisher and a real broker that takes it, refuses it, cannot be reached, or speaks an older MQTT."""

import socket
import subprocess
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edge.core.health import State
from edge.sync.publisher import PART
from tests.support.certificates import certificate
from tests.support.consumer import AckingConsumer
from tests.support.embedded_broker import embedded_broker
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.outboxes import DEVICE, open_outbox
from tests.support.ports import free_port
from tests.support.publishing import add, at, detail, publishing, until


async def test_a_refused_sign_in_has_one_clear_line_and_a_new_secret_mends_it(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "gate", "right"], check=True, capture_output=True)  # noqa: ASYNC221
    passwords.chmod(0o644)
    secret = tmp_path / "broker-password"
    secret.write_text("wrong\n")
    with mosquitto(tmp_path / "broker", password_file=passwords) as broker:
        settings = at(broker.port, username="gate", password_secret="broker-password")  # noqa: S106
        async with open_outbox(tmp_path) as outbox:
            await add(outbox, 3)
            async with publishing(tmp_path, outbox, settings) as (publisher, health):
                await until(lambda: health.of(PART) is State.FAILED)
                assert "refuses the sign-in" in detail(health)
                assert publisher.connects_total == 0
                secret.unlink()
                await until(lambda: "'broker-password' not found" in detail(health))
                secret.write_text("right\n")
                await until(lambda: health.of(PART) is State.OK)
                assert outbox.outbox_records == 3


async def test_where_nobody_named_a_broker_the_one_of_the_machine_is_looked_for_and_missed_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box just unpacked is not broken; once it had a broker, its absence is a failure as anywhere."""
    broker = Mosquitto(tmp_path / "broker")
    unnamed = at(broker.port)
    monkeypatch.setattr("edge.sync.publisher.NO_BROKER", unnamed)
    async with open_outbox(tmp_path) as outbox, publishing(tmp_path, outbox, unnamed) as (_, health):
        await until(lambda: any(part.part == PART for part in health.parts()))
        assert (health.of(PART), detail(health)) == (State.STOPPED, "No cloud is set up: records are kept here")
        broker.start()
        try:
            await until(lambda: health.of(PART) is State.OK)
        finally:
            broker.stop()
        await until(lambda: health.of(PART) is State.FAILED)


async def test_a_device_that_a_cloud_took_in_misses_its_broker_whatever_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnamed = at(free_port())
    monkeypatch.setattr("edge.sync.publisher.NO_BROKER", unnamed)
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "certificate.pem").touch()
    async with open_outbox(tmp_path) as outbox, publishing(tmp_path, outbox, unnamed) as (_, health):
        await until(lambda: health.of(PART) is State.FAILED)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("no-such-host.invalid", "cannot be resolved"),
        ("127.0.0.1", "nothing listens there"),
    ],
)
async def test_an_unreachable_broker_says_why(tmp_path: Path, host: str, words: str) -> None:
    async with (
        open_outbox(tmp_path) as outbox,
        publishing(tmp_path, outbox, at(free_port(), host=host)) as (_, health),
    ):
        await until(lambda: health.of(PART) is State.FAILED)
        assert words in detail(health)


async def test_a_broker_that_never_answers_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with (
            open_outbox(tmp_path) as outbox,
            publishing(tmp_path, outbox, at(deaf.getsockname()[1])) as (_, health),
        ):
            await until(lambda: health.of(PART) is State.FAILED)
            assert "does not answer" in detail(health)


async def test_tls_is_checked(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path)
    with mosquitto(tmp_path / "broker", extra=f"certfile {cert}\nkeyfile {key}") as broker:
        async with open_outbox(tmp_path) as outbox:
            async with publishing(tmp_path, outbox, at(broker.port, tls=True)) as (_, health):
                await until(lambda: health.of(PART) is State.FAILED)
                assert "certificate that is not trusted" in detail(health)
            async with publishing(tmp_path, outbox, at(broker.port, tls=True, ca_file=str(cert))) as (_, health):
                await until(lambda: health.of(PART) is State.OK)
            async with publishing(tmp_path, outbox, at(broker.port, tls=True, ca_file="/nowhere")) as (_, health):
                await until(lambda: health.of(PART) is State.FAILED)
                assert "/nowhere is missing" in detail(health)
            async with publishing(tmp_path, outbox, at(broker.port)) as (_, health):
                await until(lambda: health.of(PART) is State.FAILED)


async def test_an_expired_certificate_says_so(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path, expired=True)
    settings = {"tls": True, "ca_file": str(cert)}
    with mosquitto(tmp_path / "broker", extra=f"certfile {cert}\nkeyfile {key}") as broker:
        async with (
            open_outbox(tmp_path) as outbox,
            publishing(tmp_path, outbox, at(broker.port, **settings)) as (_, health),
        ):
            await add(outbox, 1)
            await until(lambda: health.of(PART) is State.FAILED)
            assert "certificate has expired" in detail(health)
            assert outbox.outbox_records == 1


async def test_falls_back_to_3_1_1_where_the_broker_speaks_no_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This broker answers nothing to MQTT 5: where 3.1.1 is set, nobody waits for that."""
    with embedded_broker() as port:
        consumer = AckingConsumer(port, DEVICE, version=MQTTProtocolVersion.MQTTv311)
        consumer.start()
        async with open_outbox(tmp_path) as outbox:
            await add(outbox, 50)
            async with publishing(tmp_path, outbox, at(port)) as (publisher, health):
                await until(lambda: not outbox.outbox_records)
                assert detail(health).startswith("MQTT 3.1.1")
                assert publisher.connects_total == 1
            monkeypatch.setattr("edge.sync.dialling._FIRST_ANSWER_S", 600)
            async with publishing(tmp_path, outbox, at(port, version="3.1.1", connect_timeout_s=600)) as (_, health):
                await until(lambda: health.of(PART) is State.OK)
        consumer.stop()
    assert consumer.sequence(outbox.boot) == list(range(1, 51))
