"""Bundles over HTTP: brought once, gone on with, proven; from servers that break off, lie, move and flood."""

import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.releases.download import Bounds, Download, check_address, plain
from edge.releases.errors import BundleRefusedError, NotNowError

_CONTENT = bytes(range(256)) * 4000
_DIGEST = hashlib.sha256(_CONTENT).hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    """What it does next, by the word in `plan`; and the ranges that it was asked for."""

    plan: list[str]
    asked: list[str]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """As planned; at the end of the plan all is well."""
        said = self.headers.get("Range", "")
        self.server.asked.append(said)
        how = self.server.plan.pop(0) if self.server.plan else "well"
        if how.isdigit():
            self.send_error(int(how))
        elif how.startswith(("http", "file", "ftp")):
            self.send_response(302)
            self.send_header("Location", how)
            self.end_headers()
        else:
            self._send(how, int(said.removeprefix("bytes=").rstrip("-") or 0))

    def _send(self, how: str, first: int) -> None:
        content = bytes(len(_CONTENT)) if how == "other" else _CONTENT
        first = 0 if how == "whole" else first
        if first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : first + 300_000] if how == "breaks off" else content[first:])

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.plan, server.asked = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _bring(server: _Server, target: Path, *, digest: str = _DIGEST, free: int = 1 << 40, **bounds: Any) -> list[float]:
    slept: list[float] = []
    download = Download(
        sleep=slept.append,
        free=lambda _folder: free,
        tell=lambda _words: None,
        mono_s=time.monotonic,
        bounds=Bounds(**bounds),
    )
    download.bring(f"http://127.0.0.1:{server.server_address[1]}/a.tar", digest, target)
    assert target.read_bytes() == _CONTENT
    assert not target.with_suffix(".part").exists()
    return slept


def test_it_is_brought_once(server: _Server, tmp_path: Path) -> None:
    assert _bring(server, tmp_path / "a.tar") == []
    assert _bring(server, tmp_path / "a.tar") == []
    assert server.asked == [""]


def test_it_goes_on_where_it_broke_off(server: _Server, tmp_path: Path) -> None:
    server.plan += ["breaks off", "breaks off", "503"]
    assert _bring(server, tmp_path / "a.tar") == [1.0, 3.0, 10.0]
    assert server.asked == ["", "bytes=300000-", "bytes=600000-", "bytes=600000-"]


def test_it_begins_anew_where_the_server_cannot_go_on(server: _Server, tmp_path: Path) -> None:
    server.plan += ["breaks off", "whole"]
    _bring(server, tmp_path / "a.tar")


def test_what_a_power_cut_tore_is_brought_again(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(bytes(500_000))
    _bring(server, tmp_path / "a.tar")
    (tmp_path / "b.part").write_bytes(bytes(len(_CONTENT)))
    _bring(server, tmp_path / "b.tar")
    (tmp_path / "c.part").write_bytes(_CONTENT)
    before = len(server.asked)
    _bring(server, tmp_path / "c.tar")
    assert len(server.asked) == before


def test_another_content_is_refused_and_not_kept(server: _Server, tmp_path: Path) -> None:
    server.plan += ["other"]
    with pytest.raises(BundleRefusedError, match="another SHA-256"):
        _bring(server, tmp_path / "a.tar")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("elsewhere", ["file:///etc/passwd", "ftp://127.0.0.1/a.tar"])
def test_a_server_cannot_send_us_elsewhere_than_http(server: _Server, tmp_path: Path, elsewhere: str) -> None:
    server.plan += [elsewhere] * 9
    with pytest.raises((NotNowError, BundleRefusedError)):
        _bring(server, tmp_path / "a.tar")


def test_a_no_is_final_and_trouble_is_not(server: _Server, tmp_path: Path) -> None:
    server.plan += ["404"]
    with pytest.raises(BundleRefusedError, match="answers 404"):
        _bring(server, tmp_path / "a.tar")
    server.plan += ["500"] * 9
    with pytest.raises(NotNowError, match="answers 500"):
        _bring(server, tmp_path / "a.tar")


def test_more_than_may_be_or_fits_is_refused(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(BundleRefusedError, match="too large"):
        _bring(server, tmp_path / "a.tar", most_bytes=1000)
    with pytest.raises(NotNowError, match="no room"):
        _bring(server, tmp_path / "b.tar", free=1000)


@pytest.mark.parametrize("source", ["file:///etc/passwd", "ftp://a/b", "http://", "javascript://x", "://"])
def test_only_http_can_be_asked_for(source: str) -> None:
    with pytest.raises(BundleRefusedError, match="only http"):
        check_address(source, _DIGEST)


def test_an_address_needs_a_digest_and_is_shown_without_secrets() -> None:
    with pytest.raises(BundleRefusedError, match="SHA-256"):
        check_address("https://host/a.tar?token=1", "")
    assert plain("https://user:secret@host/a.tar?token=1") == "https://host/a.tar"


def test_an_address_with_a_password_is_refused_without_telling_it() -> None:
    for address in ("http://me:s3cret@host/a.tar", "http://me:s3cret@host:80/a.tar"):
        with pytest.raises(BundleRefusedError, match="password is not taken") as caught:
            check_address(address, "0" * 64)
        assert "s3cret" not in str(caught.value)
