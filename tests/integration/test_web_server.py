"""The server as a service: ports, certificates, stalled viewers, sign-in over HTTP, and a quick end."""

import asyncio
import contextlib
import datetime
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.core.clock import SystemClock
from edge.core.health import State
from edge.web.patience import PatientProtocol
from edge.web.tls import CertificateError, Tls
from tests.support.ports import free_port
from tests.support.web import WITHIN_S, Web, eventually, jpeg_of, make_web, server_of, serving

DAY = datetime.timedelta(days=1)


def certificate_in(folder: Path, ends: datetime.datetime) -> tuple[str, str]:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate-1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - 100 * DAY)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(certificate), str(private)


def detail_of(web: Web) -> str:
    return next(part.detail for part in web.deps.health.parts() if part.part == "web")


async def until(web: Web, state: State, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while web.deps.health.of("web") is not state:
            await web.deps.clock.sleep(0.01)


async def test_a_port_in_use_is_told_once_and_taken_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web, port = make_web(tmp_path), free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        server = server_of(web, port)
        task = asyncio.create_task(server.run())
        with caplog.at_level(logging.INFO):
            await until(web, State.FAILED)
            await asyncio.sleep(1.0)
        assert detail_of(web) == f"cannot listen on port {port} of 127.0.0.1: Address already in use"
        assert [record.levelname for record in caplog.records if "is failed" in record.message] == ["WARNING"]
    await until(web, State.OK)
    assert server.pulse.alive
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert web.deps.health.of("web") is State.STOPPED


async def test_https_and_what_a_certificate_s_dates_do(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for ends, state, word in (
        (now + 90 * DAY, State.OK, ""),
        (now + 3 * DAY, State.DEGRADED, "expires on"),
        (now - DAY, State.DEGRADED, "expired on"),
    ):
        certificate, key = certificate_in(tmp_path, ends)
        async with (
            serving(make_web(tmp_path / str(ends), tls_certificate=certificate, tls_key=key)) as web,
            web.client() as client,
        ):
            assert (await client.get("/healthz")).status_code == 200
            assert web.deps.health.of("web") is state
            assert word in detail_of(web)
            signed_in = await client.post("/v1/session", json={"password": web.password})
            assert "Secure" in signed_in.headers["set-cookie"]


async def test_a_certificate_that_cannot_be_used_fails_the_part_and_not_the_daemon(tmp_path: Path) -> None:
    web = make_web(tmp_path, tls_certificate=str(tmp_path / "none.pem"))
    task = asyncio.create_task(server_of(web, free_port()).run())
    await until(web, State.FAILED)
    assert "none.pem" in detail_of(web)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_key_that_does_not_belong_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ends = datetime.datetime.now(datetime.UTC) + DAY
    certificate, _ = certificate_in(tmp_path, ends)
    _, key = certificate_in(tmp_path / "other", ends)
    with pytest.raises(CertificateError, match="KEY_VALUES_MISMATCH"):
        Tls(certificate, key).context()
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(CertificateError, match=r"cert\.pem"):
        Tls(certificate, key).context()


def test_the_end_of_validity_is_read_from_the_certificate(tmp_path: Path) -> None:
    ends = datetime.datetime(2030, 5, 1, 12, 0, 0, tzinfo=datetime.UTC)
    tls = Tls(*certificate_in(tmp_path, ends))
    assert isinstance(tls.context(), ssl.SSLContext)
    ends_ms = int(ends.timestamp() * 1000)
    assert tls.warning(ends_ms - 15 * 86_400_000) == ""
    assert "expires on 2030-05-01T12:00:00.000Z" in tls.warning(ends_ms - 1)
    assert "expired on 2030-05-01T12:00:00.000Z" in tls.warning(ends_ms)


async def test_it_ends_quickly_and_cleanly_with_viewers_and_event_streams_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = make_web(tmp_path)
    async with asyncio.timeout(60):
        async with serving(web):
            await web.cameras["front"].start()
            owner = await web.signed_in()
            async with (
                web.client() as client,
                client.stream("GET", "/live") as live,
                client.stream("GET", "/v1/events/stream", headers=owner) as events,
                websockets.connect(f"{web.base.replace('http', 'ws')}/ws/live", proxy=None) as socket_,
            ):
                pictures, messages = live.aiter_raw(), events.aiter_raw()
                await anext(pictures)
                await anext(messages)
                await socket_.recv()
                assert web.task is not None
                web.task.cancel()
                async for _ in pictures:
                    pass
                async for _ in messages:
                    pass
                with pytest.raises(websockets.ConnectionClosed):
                    await socket_.recv()
            await asyncio.wait([web.task])
    assert web.deps.relays.viewers("front") == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_it_leaves_while_recordings_are_closed_so_that_both_waits_are_one(tmp_path: Path) -> None:
    """Half an upload that never goes on costs its seconds beside the recordings', not after them."""
    body = b"POST /api/session/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    async with serving(make_web(tmp_path, shutdown_wait_s=1)) as web, asyncio.timeout(60):
        port = int(web.base.rpartition(":")[2])
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(body)
        await writer.drain()
        assert web.server is not None
        assert web.task is not None
        web.server.leave()
        await eventually(lambda: "uvicorn" not in {task.get_name() for task in asyncio.all_tasks()})
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not web.task.done(), "a service that ends by itself would end the daemon"
        web.task.cancel()
        done, _ = await asyncio.wait({web.task}, timeout=WITHIN_S)
        assert done
        writer.close()


async def test_a_stalled_viewer_holds_up_nobody_and_is_let_go(tmp_path: Path) -> None:
    """X.9"""
    async with serving(make_web(tmp_path, send_buffer_kib=256, drop_stalled_after_s=2)) as web:
        camera = web.cameras["front"]
        await camera.start()
        with stalled_viewer(web):
            async with websockets.connect(f"{web.base.replace('http', 'ws')}/ws/live", proxy=None) as quick:
                await quick.recv()
                await eventually(lambda: web.deps.relays.viewers("front") == 2)
                for number in range(30):
                    camera.show(jpeg_of(number, 100_000))
                    assert await asyncio.wait_for(quick.recv(), 30) == jpeg_of(number, 100_000)
                async with asyncio.timeout(30):
                    while web.deps.relays.viewers("front") == 2:
                        camera.show(jpeg_of(1, 100_000))
                        await quick.recv()
                        await web.deps.clock.sleep(0.05)


@contextmanager
def stalled_viewer(web: Web) -> Iterator[None]:
    """A viewer that asks for the live picture and then takes nothing."""
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        stalled.connect(("127.0.0.1", int(web.base.rpartition(":")[2])))
        stalled.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield


@pytest.mark.parametrize("whole", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("half", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["nothing", "half a head"])
async def test_half_a_request_holds_no_connection_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int, half: bytes
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_within_s", 0.6)
    async with serving(make_web(tmp_path)) as web, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(web.base.rpartition(":")[2]))
        for _ in range(whole):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"alive")).startswith(b"HTTP/1.1 200")
        writer.write(half)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_picture_and_a_websocket_are_not_taken_for_half_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_within_s", 1.0)
    async with serving(make_web(tmp_path)) as web, web.client() as client:
        await web.cameras["front"].start()
        async with (
            client.stream("GET", "/live") as live,
            websockets.connect(f"{web.base.replace('http', 'ws')}/ws/live", proxy=None) as link,
        ):
            pictures = live.aiter_raw()
            await asyncio.sleep(1.5)
            for _ in range(2):
                assert await anext(pictures)
                assert await link.recv()


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(make_web(tmp_path)) as web, web.client() as client:
        _, writer = await asyncio.open_connection("127.0.0.1", int(web.base.rpartition(":")[2]))
        writer.write(b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        assert (await client.get("/healthz")).status_code == 200
        await asyncio.sleep(0.1)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_sign_in_over_http(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path)) as web, web.client() as client:
        assert (await client.get("/v1/session")).json() == {
            "signed_in": False,
            "user": None,
            "open": True,
            "role": None,
            "subject": None,
        }
        wrong = await client.post("/v1/session", json={"password": "wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "The password is wrong")
        done = await client.post("/v1/session", json={"username": "afferent", "password": web.password})
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert "Secure" not in cookie
        assert (await client.get("/v1/session")).json()["user"] == "admin"
        assert (await client.get("/v1/status")).status_code == 200
        assert (await client.delete("/v1/session")).status_code == 204
        assert (await client.get("/v1/status")).status_code == 401
        for _ in range(5):
            await client.post("/v1/session", json={"password": "wrong"})
        slow = await client.post("/v1/session", json={"password": web.password})
        assert slow.status_code == 429
        assert int(slow.headers["retry-after"]) >= 1


async def test_what_comes_through_a_proxy(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    async with serving(make_web(tmp_path / "a")) as web, web.client() as client:
        assert (await client.get("/status")).status_code == 200
        assert (await client.get("/status", headers=forwarded)).status_code == 401
        with pytest.raises(websockets.InvalidStatus, match="401"):
            await websockets.connect(
                f"{web.base.replace('http', 'ws')}/ws/live", proxy=None, additional_headers=forwarded
            )
    believing = make_web(tmp_path / "b", trusted_proxies=("127.0.0.1",), open_networks=("203.0.113.0/24",))
    async with serving(believing) as web, web.client() as client:
        assert (await client.get("/status", headers=forwarded)).status_code == 200
        assert (await client.get("/status")).status_code == 401


async def test_foreign_names_and_pages_are_refused(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path, allowed_hosts=("cam.example",))) as web, web.client() as client:
        rebound = await client.get("/status", headers={"Host": "evil.example:8000"})
        assert (rebound.status_code, rebound.json()["field"]) == (421, "Host")
        assert (await client.get("/status", headers={"Host": "cam.example"})).status_code == 200
        address = f"{web.base.replace('http', 'ws')}/ws/live"
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await websockets.connect(address, origin=websockets.Origin("http://evil.example"), proxy=None)
        async with websockets.connect(address, origin=websockets.Origin(web.base), proxy=None) as socket_:
            await socket_.recv()
        headers = (await client.get("/healthz")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


async def test_the_clock_of_the_beat_is_the_daemon_s(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path, clock=SystemClock())) as web:
        assert web.server is not None
        assert web.server.name == "web"
        assert web.server.pulse.alive
