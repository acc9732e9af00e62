"""HTTPS on real sockets: our own certificate, certificates that change, handshakes that fail, and the way from HTTP."""

import asyncio
import hashlib
import logging
import socket
import ssl
import time
import warnings
from pathlib import Path

import httpx
import pytest
import websockets

import edge.web.listening
from edge.core.health import State
from edge.web.own_certificate import OwnCertificate, fingerprint
from edge.web.settings import WebSettings
from tests.support.certificates import certificate
from tests.support.clock import FakeClock
from tests.support.ports import free_port
from tests.support.web import Web, listening, make_web, serving

DAY_S = 86_400.0


def shown_by(port: int, *, version: ssl.TLSVersion | None = None) -> str:
    """The fingerprint of what a server shows to somebody who names no host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are what is asked about
            context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as wrapped:
        der = wrapped.getpeercert(binary_form=True)
    assert der is not None
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest())


def port_of(web: Web) -> int:
    return int(web.base.rpartition(":")[2])


def detail_of(web: Web) -> str:
    told = web.deps.health.part("web")
    assert told is not None
    return told.detail


async def refreshed(web: Web) -> None:
    """What the server does by itself every few seconds."""
    assert web.server is not None
    await web.server._tell_health()


async def test_our_own_certificate_just_works_and_says_who_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with serving(make_web(tmp_path, https="own", allowed_hosts=("gate.example",))) as web:
            file = tmp_path / "tls" / "certificate.pem"
            trusting = ssl.create_default_context(cafile=str(file))
            async with httpx.AsyncClient(base_url=web.base, verify=trusting, trust_env=False) as client:
                signed_in = await client.post("/v1/session", json={"password": web.password})
                assert "Secure" in signed_in.headers["set-cookie"]
                assert "strict-transport-security" not in signed_in.headers
            link = f"wss://127.0.0.1:{port_of(web)}/v1/events/ws"
            async with websockets.connect(
                link, ssl=trusting, proxy=None, additional_headers=await web.signed_in()
            ) as feed:
                assert '"hello"' in str(await feed.recv())
            assert await asyncio.to_thread(shown_by, port_of(web)) == fingerprint(file)
            assert (web.deps.health.of("web"), fingerprint(file) in caplog.text) == (State.OK, True)


def test_our_own_is_kept_renewed_in_time_and_made_anew_only_for_a_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    own = OwnCertificate(folder=tmp_path, names=frozenset({"localhost", "gate-1.local"}))

    def ensured(days: float = 0, of: OwnCertificate = own) -> bool:
        clock.advance(days * DAY_S)
        return of.ensure(clock.now().wall_ms)

    assert ensured()
    first, key = fingerprint(own.certificate), own.key.read_bytes()
    assert own.key.stat().st_mode & 0o777 == 0o600
    assert not ensured()
    assert not ensured(366)
    assert ensured(2), "a month before it runs out"
    assert fingerprint(own.certificate) != first
    assert own.key.read_bytes() == key, "who trusts the key goes on to"
    assert ensured(of=OwnCertificate(folder=tmp_path, names=frozenset({"localhost", "new.local"})))
    own.certificate.write_text("damaged")
    assert ensured()
    own.key.write_text("damaged")
    assert ensured()
    assert not ensured()
    assert own.ensure(clock.now().wall_ms - int(400 * DAY_S * 1000)), "the clock was wrong when it was made"


async def test_a_certificate_that_changes_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    key, file = certificate(tmp_path)
    async with serving(make_web(tmp_path, tls_certificate=str(file), tls_key=str(key))) as web:
        first = await asyncio.to_thread(shown_by, port_of(web))
        new_key, new_file = certificate(tmp_path / "other")
        new_key.replace(key)  # between the two they do not belong together
        await refreshed(web)
        assert "the old one is still shown" in detail_of(web)
        assert await asyncio.to_thread(shown_by, port_of(web)) == first
        new_file.replace(file)
        await refreshed(web)
        assert "still shown" not in detail_of(web)
        assert await asyncio.to_thread(shown_by, port_of(web)) == fingerprint(file) != first
        file.unlink()
        await refreshed(web)
        assert await asyncio.to_thread(shown_by, port_of(web)) != first


async def test_handshakes_that_fail_cost_nobody_anything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with serving(make_web(tmp_path, https="own")) as web:
            address = ("127.0.0.1", port_of(web))
            silent = [await asyncio.open_connection(*address) for _ in range(20)]
            for nonsense in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 600, b"\x00" * 10):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(nonsense)
                await asyncio.wait_for(reader.read(), 30)
                writer.close()
            with pytest.raises((ssl.SSLError, OSError)):
                await asyncio.to_thread(shown_by, port_of(web), version=ssl.TLSVersion.TLSv1_1)
            assert await asyncio.to_thread(shown_by, port_of(web), version=ssl.TLSVersion.TLSv1_2)
            async with web.client() as client:
                assert (await client.get("/healthz")).status_code == 200
            for _, writer in silent:
                writer.close()
                await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_who_begins_a_handshake_and_says_nothing_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.web.listening, "_HANDSHAKE_WITHIN_S", 0.3)
    async with serving(make_web(tmp_path, https="own")) as web:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()


async def test_it_ends_quickly_with_viewers_that_take_nothing(tmp_path: Path) -> None:
    """`stop_s`, over HTTPS too: a machine that is busy with others needs longer than its 5 s."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(60):
        async with serving(make_web(tmp_path, https="own", shutdown_wait_s=1)) as web:
            await web.cameras["front"].start()
            viewers = [await asyncio.open_connection("127.0.0.1", port_of(web), ssl=trusting) for _ in range(3)]
            for _, writer in viewers:
                writer.write(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await writer.drain()
            await viewers[0][0].readuntil(b"--frame")
            began = time.monotonic()
        assert time.monotonic() - began < 20
        for _, writer in viewers:
            writer.transport.abort()


async def test_no_websocket_is_opened_by_a_page_of_somebody_else(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path, https="own")) as web:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "certificate.pem"))
        authority = f"127.0.0.1:{port_of(web)}"
        cookie = {"Cookie": f"afferent_session={await web.token()}"}
        for path in ("/v1/events/ws", "/ws/live", "/predictions", "/socket.io/?EIO=4&transport=websocket"):
            for origin in (f"http://{authority}", "https://evil.example", "null"):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(
                        f"wss://{authority}{path}",
                        ssl=trusting,
                        proxy=None,
                        additional_headers={**cookie, "Origin": origin},
                    )
                assert refused.value.response.status_code == 403, (path, origin)
        async with websockets.connect(
            f"wss://{authority}/v1/events/ws",
            ssl=trusting,
            proxy=None,
            additional_headers={**cookie, "Origin": f"https://{authority}"},
        ) as feed:
            assert '"hello"' in str(await feed.recv())


async def test_plain_http_is_sent_on_only_for_our_own_names(tmp_path: Path) -> None:
    redirect = free_port()
    async with (
        serving(make_web(tmp_path, https="own", redirect_port=redirect)) as web,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{redirect}", trust_env=False) as client,
    ):
        await listening(redirect)
        sent_on = await client.get("/viewer/?a=b")
        assert (sent_on.status_code, sent_on.headers["location"]) == (307, f"{web.base}/viewer/?a=b")
        foreign = await client.get("/", headers={"Host": "evil.example"})
        assert (foreign.status_code, "location" in foreign.headers) == (421, False)
        assert (await client.post("/v1/session", json={"password": "x"})).status_code == 403


async def test_a_redirect_port_that_is_taken_is_told_and_https_goes_on(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(make_web(tmp_path, https="own", redirect_port=port)) as web:
            await refreshed(web)
            assert f"port {port} cannot be had" in detail_of(web)
            assert web.deps.health.of("web") is State.DEGRADED


async def test_browsers_are_made_to_insist_only_where_they_can(tmp_path: Path) -> None:
    key, file = certificate(tmp_path)
    files = {"tls_certificate": str(file), "tls_key": str(key)}
    for choices, told in (
        ({**files, "hsts_days": 2}, "max-age=172800"),
        (files, None),
        ({"https": "own", "hsts_days": 2}, None),
        ({"https": "off", "hsts_days": 2, **files}, None),
    ):
        async with serving(make_web(tmp_path / str(told), **choices)) as web, web.client() as client:
            assert (await client.get("/healthz")).headers.get("strict-transport-security") == told


async def test_behind_a_trusted_proxy_the_guesser_is_whom_the_proxy_names(tmp_path: Path) -> None:
    """A client cannot choose by which address it is counted: the last one that the proxy did not add counts."""
    async with serving(make_web(tmp_path, trusted_proxies=("127.0.0.1",))) as web, web.client() as client:

        async def guess(said: str) -> int:
            headers = {"X-Forwarded-For": said}
            return (await client.post("/v1/session", json={"password": "x" * 300}, headers=headers)).status_code

        assert 429 in [await guess(f"10.9.8.{number}, 203.0.113.7") for number in range(9)]
        assert await guess("203.0.113.8") == 401


def test_the_settings_have_defaults_that_change_nothing() -> None:
    assert (WebSettings().https, WebSettings().redirect_port, WebSettings().hsts_days) == ("auto", 0, 0)
