"""The faulty ways themselves: each does what its name says, for a fault that does not happen proves nothing."""

import contextlib
import socket
import socketserver
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.faults import FaultyLink, faulty_link
from tests.support.faulty_bucket import FaultyBucket, faulty_bucket

ANSWER = bytes(range(256)) * 8


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.request.sendall(data)


class _Echoes(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def link() -> Iterator[FaultyLink]:
    with _serving(_Echoes(("127.0.0.1", 0), _Echo)) as port, faulty_link(port) as link:
        yield link


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def _client(link: FaultyLink) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", link.port), timeout=30) as client:
        yield client


def _echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return _received(client, len(data))


def _received(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := client.recv(size - len(found))):
        found += data
    return found


def test_a_sound_link_changes_nothing(link: FaultyLink) -> None:
    with _client(link) as client:
        assert _echoed(client, ANSWER) == ANSWER


def test_a_delay_comes_on_both_ways(link: FaultyLink) -> None:
    with _client(link) as client:
        _echoed(client, b"warm")
        link.delay(0.2)
        begun = time.monotonic()
        assert _echoed(client, b"late") == b"late"
        assert time.monotonic() - begun >= 0.4
        link.mend()
        assert _echoed(client, b"soon") == b"soon"


def test_a_cap_lets_no_more_through(link: FaultyLink) -> None:
    link.cap(10_000)
    with _client(link) as client:
        begun = time.monotonic()
        assert _echoed(client, bytes(4000)) == bytes(4000)
        assert time.monotonic() - begun >= 0.35


def test_a_reset_comes_after_so_many_bytes(link: FaultyLink) -> None:
    link.reset_after(1000)
    with _client(link) as client, pytest.raises(ConnectionResetError):
        client.sendall(bytes(5000))
        while client.recv(5000):
            pass


def test_a_truncated_stream_ends_in_good_order(link: FaultyLink) -> None:
    link.truncate_after(3000)
    with _client(link) as client:
        client.sendall(bytes(2000))
        assert _received(client, 2000) == bytes(1000), "2000 on the way there, 1000 on the way back"


def test_a_black_hole_takes_and_gives_nothing(link: FaultyLink) -> None:
    with _client(link) as before, _client(link) as _:
        _echoed(before, b"warm")
        link.black_hole()
        with _client(link) as during:
            for client in (before, during):
                client.settimeout(0.3)
                client.sendall(b"anybody?")
                with pytest.raises(TimeoutError):
                    client.recv(1)
        link.mend()
        before.settimeout(30)
        with pytest.raises(ConnectionResetError):
            before.recv(1)
    with _client(link) as after:
        assert _echoed(after, b"again") == b"again"


def test_a_tap_hears_what_clients_say() -> None:
    heard: list[tuple[int, bytes]] = []
    with (
        _serving(_Echoes(("127.0.0.1", 0), _Echo)) as port,
        faulty_link(port, lambda number, data: heard.append((number, data))) as link,
    ):
        for word in (b"one", b"two"):
            with _client(link) as client:
                _echoed(client, word)
    assert heard == [(1, b"one"), (2, b"two")]


class _Store(BaseHTTPRequestHandler):
    seen: list[tuple[str, bytes]]

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        self.seen.append((self.path, self.rfile.read(size)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[FaultyBucket]:
    _Store.seen = []
    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), _Store)) as port, faulty_bucket(port, slow_s=0.3) as bucket:
        yield bucket


def _put(bucket: FaultyBucket, path: str = "/bucket/key") -> bytes:
    url = f"http://127.0.0.1:{bucket.port}{path}"
    request = urllib.request.Request(url, data=b"x" * 100_000, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
        return body


def test_a_sound_bucket_changes_nothing_and_notes_the_parts(store: FaultyBucket) -> None:
    assert _put(store) == ANSWER
    assert _put(store, "/bucket/key?partNumber=3&uploadId=u") == ANSWER
    assert [len(body) for _, body in _Store.seen] == [100_000, 100_000]
    assert [(part.path, part.number) for part in store.parts] == [("/bucket/key", 3)]


@pytest.mark.parametrize("status", ["500", "503"])
def test_a_refusal_reaches_no_store(store: FaultyBucket, status: Any) -> None:
    store.fault = status
    with pytest.raises(urllib.error.HTTPError) as refusal:
        _put(store)
    refusal.value.close()
    assert refusal.value.code == int(status)
    assert not _Store.seen


def test_a_slow_bucket_answers_late(store: FaultyBucket) -> None:
    store.fault = "slow"
    begun = time.monotonic()
    assert _put(store) == ANSWER
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(("fault", "reached"), [("reset", 0), ("gone", 0), ("unanswered", 1)])
def test_a_broken_connection_says_nothing_of_what_was_stored(store: FaultyBucket, fault: Any, reached: int) -> None:
    store.fault = fault
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        _put(store, "/bucket/key?partNumber=1")
    assert len(_Store.seen) == reached
    assert not store.parts


def test_a_truncated_answer_is_noticed(store: FaultyBucket) -> None:
    store.fault = "truncated"
    with pytest.raises(Exception, match="IncompleteRead"):
        _put(store)
    assert len(_Store.seen) == 1
