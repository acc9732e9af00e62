"""An object storage that answers drop by drop holds no thread; one that is only slow is waited for."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from contract.storage import StorageReply
from edge.core.errors import LinkError
from edge.sync.settings import CloudSettings, S3Settings
from edge.sync.targets.presigned import PresignedTarget
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object, Target, UploadCancelledError
from tests.support.certificates import certificate
from tests.support.dripping import HEAD, dripping, head_without_end
from tests.support.s3 import KEYS

THING: Final = Object(key="recordings/d/cam/rec-1.mp4", size_bytes=4, sha256="0" * 64, part_bytes=4)
ETAG: Final = b'ETag: "8d777f385d3dfec8815d20f7496026dc"\r\n'
PATIENCE_S: Final = 0.3


def s3(endpoint: str, ca_file: str = "", patience_s: float = PATIENCE_S) -> Target:
    bucket = S3Settings(bucket="recordings", endpoint=endpoint, path_style=True, timeout_s=patience_s, ca_file=ca_file)
    return S3Target(bucket, KEYS)


def lent(endpoint: str, ca_file: str = "", patience_s: float = PATIENCE_S) -> Target:
    said = StorageReply(request_id="q", url=f"{endpoint}/recordings/x")
    cloud = CloudSettings(timeout_s=patience_s, ca_file=ca_file)
    return PresignedTarget(lambda _request: said, cloud, new_id=lambda: "q")


def a_slow_whole() -> Iterator[bytes]:
    """Takes 1.5 s: longer than the patience for it, at some 5000 bytes a second."""
    yield HEAD + ETAG
    for number in range(27):
        yield f"X-{number}: ".encode() + b"x" * 250 + b"\r\n"
    yield b"Content-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("make", [s3, lent])
def test_an_answer_that_drips_is_given_up(make: Callable[[str], Target]) -> None:
    """Each byte began the socket's timeout anew: it was given up after hours, when its thread was long missed."""
    with dripping(head_without_end()) as server:
        target = make(server.endpoint)
        with pytest.raises(LinkError, match=r"is too slow: \d+ bytes in \d+ s"):
            target.put_part(THING, "u", 1, b"data", lambda _: None)
        target.close()


@pytest.mark.parametrize("make", [s3, lent])
def test_what_was_sent_buys_no_time_for_an_answer_that_drips(make: Callable[[str], Target]) -> None:
    """After a part of 8 MiB the answer was waited for for four and a half hours."""
    with dripping(chain([b"HTTP/1.1 100 Continue\r\n\r\n"], head_without_end())) as server:
        target = make(server.endpoint)
        with pytest.raises(LinkError, match=r"is too slow: \d+ bytes in \d+ s"):
            target.put_part(THING, "u", 1, bytes(80_000), lambda _: None)
        target.close()


@pytest.mark.parametrize("make", [s3, lent])
def test_an_answer_that_drips_over_tls_is_given_up(make: Callable[[str, str], Target], tmp_path: Path) -> None:
    key, paper = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(paper, key)
    with dripping(head_without_end(), tls) as server:
        target = make(server.endpoint, str(paper))
        with pytest.raises(LinkError, match=r"is too slow: \d+ bytes in \d+ s"):
            target.put_part(THING, "u", 1, b"data", lambda _: None)
        target.close()


def test_a_proxy_whose_answer_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of the way to the storage comes before TLS, and kept no pace."""
    with dripping(head_without_end()) as proxy:
        monkeypatch.setenv("https_proxy", proxy.endpoint)
        target = s3("https://storage.test")
        with pytest.raises(LinkError, match=r"is too slow: \d+ bytes in \d+ s"):
            target.put_part(THING, "u", 1, b"data", lambda _: None)
        target.close()


@pytest.mark.parametrize("make", [s3, lent])
def test_an_answer_that_is_slow_but_gets_on_is_waited_for(make: Callable[[str, str, float], Target]) -> None:
    with dripping(a_slow_whole()) as server:
        target = make(server.endpoint, "", 1.0)
        assert target.put_part(THING, "u", 1, b"data", lambda _: None).strip('"') == "8d777f385d3dfec8815d20f7496026dc"
        target.close()


def test_an_answer_that_ends_after_its_first_line_keeps_no_thread_busy() -> None:
    """botocore looks for the empty line after `100 Continue` also where the answer has ended."""
    with dripping(iter([b"HTTP/1.1 100 Continue\r\n"])) as server:
        target = s3(server.endpoint)
        with pytest.raises(LinkError, match="answers without end"):
            target.put_part(THING, "u", 1, b"data", lambda _: None)
        target.close()


@pytest.mark.parametrize("make", [s3, lent])
def test_a_part_that_leaves_over_a_slow_line_is_waited_for(make: Callable[[str, str, float], Target]) -> None:
    """The system took megabytes of it at once, and the time in which they left was taken for the storage's silence."""
    data = bytes(4 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
        server = threading.Thread(target=_sip, args=(listener, len(data)), name="sipping")
        server.start()
        target = make(f"http://127.0.0.1:{listener.getsockname()[1]}", "", 1.0)
        try:
            assert target.put_part(THING, "u", 1, data, lambda _: None)
        finally:
            target.close()
            server.join(10)


def _sip(listener: socket.socket, n_bytes: int) -> None:
    """Take one request's bytes as a narrow line would, in two seconds; answer at its end."""
    client, _ = listener.accept()
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        if b"100-continue" in head:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        taken, end, pause = 0, b"0\r\n\r\n" if b"chunked" in head else b"", threading.Event()
        while (data := client.recv(65_536)) and (taken < n_bytes - len(data) or not data.endswith(end)):
            taken += len(data)
            pause.wait(2 * len(data) / n_bytes)
        client.sendall(HEAD + ETAG + b"Content-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("make", [s3, lent])
def test_what_is_stopped_is_stopped_and_no_fault_of_the_storage(make: Callable[[str], Target]) -> None:
    """To pause an upload is not to lose its bucket."""

    def stop(_sent: int) -> None:
        raise UploadCancelledError("stopped")

    with dripping(iter([b"HTTP/1.1 100 Continue\r\n\r\n"])) as server:
        target = make(server.endpoint)
        with pytest.raises(UploadCancelledError):
            target.put_part(THING, "u", 1, b"data", stop)
        target.close()
