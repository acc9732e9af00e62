"""A server that answers drop by drop holds neither the updater nor the gate that judges what was installed."""

import ssl
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from edge.releases.download import Bounds, Download
from edge.releases.ports import HostTime
from edge.releases.server_gate import ServerGate
from tests.support.certificates import certificate
from tests.support.dripping import HEAD, dripping, head_without_end

_PATIENCE_S = 0.3


class _EnoughError(Exception):
    """One attempt is enough."""


def _give_up(_seconds: float) -> None:
    raise _EnoughError


def _line_without_end() -> Iterator[bytes]:
    """A body that comes at once, but for the line that would tell how long its last piece is."""
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    yield b"8000\r\n" + bytes(0x8000) + b"\r\n1;"
    yield from repeat(b"x")


def _body_without_end() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(0x8000)
    yield from repeat(b"x")


def _download(told: list[str]) -> Download:
    return Download(
        sleep=_give_up,
        free=lambda _folder: 1 << 40,
        tell=told.append,
        mono_s=time.monotonic,
        bounds=Bounds(silence_s=_PATIENCE_S),
    )


@pytest.mark.parametrize("drops", [head_without_end, _line_without_end, _body_without_end])
def test_a_bundle_that_drips_is_given_up_for_now(drops: Callable[[], Iterator[bytes]], tmp_path: Path) -> None:
    """Each byte began the socket's timeout anew, and no other updater could work for as long as it went on."""
    told: list[str] = []
    with dripping(drops()) as server, pytest.raises(_EnoughError):
        _download(told).bring(f"{server.endpoint}/a.tar", "0" * 64, tmp_path / "a.tar")
    assert "is too slow" in told[0]


def test_what_came_before_it_dripped_is_kept(tmp_path: Path) -> None:
    with dripping(_body_without_end()) as server, pytest.raises(_EnoughError):
        _download([]).bring(f"{server.endpoint}/a.tar", "0" * 64, tmp_path / "a.tar")
    assert (tmp_path / "a.part").read_bytes().startswith(bytes(0x8000))


def test_a_server_whose_answer_drips_does_not_pass() -> None:
    """The gate says no when `--wait` is over, so that the release before comes back."""
    with dripping(head_without_end()) as server:
        gate = ServerGate(units=[], url=server.endpoint, time=HostTime(), answer_s=_PATIENCE_S)
        verdict = gate.wait(0)
    assert not verdict.ok
    assert "is too slow" in verdict.reason


def test_a_server_whose_head_is_without_end_does_not_pass() -> None:
    with dripping(chain([HEAD], repeat(b"X-More: " + b"x" * 50_000 + b"\r\n"))) as server:
        gate = ServerGate(units=[], url=server.endpoint, time=HostTime(), answer_s=20)
        assert "answers without end" in gate.wait(0).reason


def test_a_server_whose_answer_drips_over_tls_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, paper = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(paper))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(paper, key)
    with dripping(head_without_end(), tls) as server:
        gate = ServerGate(units=[], url=server.endpoint, time=HostTime(), answer_s=_PATIENCE_S)
        assert "is too slow" in gate.wait(0).reason


def test_a_proxy_whose_answer_drips_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of the way to the server comes before TLS, and kept no pace."""
    with dripping(head_without_end()) as proxy:
        monkeypatch.setenv("https_proxy", proxy.endpoint)
        gate = ServerGate(units=[], url="https://server.test", time=HostTime(), answer_s=_PATIENCE_S)
        assert "is too slow" in gate.wait(0).reason


def test_what_leads_elsewhere_is_followed_before_its_words_are_over() -> None:
    """They were read into memory, as many as a bundle may have."""
    with dripping(repeat(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as there:
        lead = f"HTTP/1.1 302 Found\r\nLocation: {there.endpoint}\r\nContent-Length: 9\r\n\r\n"
        with dripping(chain([lead.encode()], repeat(b""))) as here:
            gate = ServerGate(units=[], url=here.endpoint, time=HostTime(), steady_s=0, answer_s=20)
            verdict = gate.wait(0)
    assert verdict.ok, verdict.reason
