"""A device that asks a cloud which is wrong, slow, false or ill: each ends in words that say what to look at. S6.4"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path

import pytest

from contract.enrolment import Claim
from edge.core.errors import LinkError, RefusedError
from edge.identity.cloud import CloudDoor
from tests.support.dripping import HEAD, dripping, head_without_end
from tests.support.ports import free_port
from tests.support.trust import Papers

CLAIM = Claim(token="t", device="gate-1", request="r")  # noqa: S106 - a test's


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None], context: ssl.SSLContext | None) -> Iterator[int]:
    """A server that answers everything by `answer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments: object) -> None:
            pass

        def get_request(self) -> tuple[socket.socket, object]:
            plain, address = super().get_request()
            if context is None:
                return plain, address
            try:
                return context.wrap_socket(plain, server_side=True), address
            except OSError:
                plain.close()
                raise

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def saying(status: int, body: bytes, kind: str = "application/json") -> Callable[[BaseHTTPRequestHandler], None]:
    """Always the same."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def tls(papers: Papers, name: str = "localhost") -> ssl.SSLContext:
    shown = papers.sign(name, "server").shown
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    return context


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, b"{", LinkError, "answer is none that we know"),
        (200, b"x" * 200_000, LinkError, "answer is none that we know"),
        (200, b"[]", LinkError, "answer is none that we know"),
        (302, b"", RefusedError, "refuses with 302"),
        (403, b'{"detail": "this token is not known here", "remedy": "ask"}', RefusedError, "not known here; ask"),
        (403, b'{"detail": "a\\u001b[31m\\nb"}', RefusedError, r"refuses: a \[31m b"),
        (404, b"<html>", RefusedError, "refuses with 404"),
        (429, b'{"detail": "too many refusals"}', LinkError, "too many refusals"),
        (503, b'{"detail": "this server keeps no authority"}', LinkError, "keeps no authority"),
    ],
)
def test_what_a_cloud_answers_is_told(
    papers: Papers, status: int, body: bytes, kind: type[Exception], words: str
) -> None:
    with serving(saying(status, body), tls(papers)) as port, pytest.raises(kind, match=words):
        CloudDoor(f"https://localhost:{port}", timeout_s=30).claim(CLAIM, papers.authority.pem())


def test_a_server_that_the_authority_does_not_vouch_for_hears_nothing(papers: Papers, tmp_path: Path) -> None:
    heard: list[object] = []
    stranger = Papers(tmp_path / "stranger")
    for context in (tls(stranger), tls(Papers(tmp_path / "third"), "localhost")):
        with (
            serving(heard.append, context) as port,
            pytest.raises(LinkError, match="certificate that is not trusted"),
        ):
            CloudDoor(f"https://localhost:{port}", timeout_s=30).claim(CLAIM, papers.authority.pem())
    device = papers.sign("localhost").shown
    posing = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    posing.load_cert_chain(device.certificate, device.key)
    with serving(heard.append, posing) as port, pytest.raises(LinkError, match="not trusted"):
        CloudDoor(f"https://localhost:{port}", timeout_s=30).claim(CLAIM, papers.authority.pem())
    assert not heard


def test_a_cloud_that_is_away_is_told_as_that(papers: Papers) -> None:
    pem = papers.authority.pem()
    with pytest.raises(LinkError, match="nothing listens there"):
        CloudDoor(f"https://localhost:{free_port()}", timeout_s=30).claim(CLAIM, pem)
    with pytest.raises(LinkError, match="cannot be resolved"):
        CloudDoor("https://nowhere.invalid", timeout_s=30).claim(CLAIM, pem)
    with serving(saying(200, b""), None) as port, pytest.raises(LinkError, match="cannot be asked"):
        CloudDoor(f"https://localhost:{port}", timeout_s=30).claim(CLAIM, pem)


def test_an_answer_that_drips_is_given_up(papers: Papers) -> None:
    """Each byte began the timeout anew: whoever enrols a device waited for as long as it went on."""
    with dripping(head_without_end(), tls(papers)) as server:
        door = CloudDoor(server.endpoint.replace("127.0.0.1", "localhost"), timeout_s=0.3)
        with pytest.raises(LinkError, match="does not answer"):
            door.claim(CLAIM, papers.authority.pem())


def test_an_answer_without_end_is_given_up_before_it_has_cost_hours(papers: Papers) -> None:
    """Its head alone could be of six megabytes, at the slowest pace that is waited for."""
    with dripping(chain([HEAD], repeat(b"X-More: " + b"x" * 50_000 + b"\r\n")), tls(papers)) as server:
        door = CloudDoor(server.endpoint.replace("127.0.0.1", "localhost"), timeout_s=20)
        with pytest.raises(LinkError, match="answers without end"):
            door.claim(CLAIM, papers.authority.pem())


def test_silence_is_waited_for_so_long_and_no_longer_than_somebody_wants(papers: Papers) -> None:
    released = threading.Event()

    def hang(_handler: BaseHTTPRequestHandler) -> None:
        released.wait(60)

    with serving(hang, tls(papers)) as port:
        door = CloudDoor(f"https://localhost:{port}", timeout_s=0.3)
        with pytest.raises(LinkError, match="does not answer"):
            door.claim(CLAIM, papers.authority.pem())
        patient = CloudDoor(f"https://localhost:{port}", timeout_s=60)
        threading.Timer(0.3, patient.cut).start()
        begun = time.monotonic()
        with pytest.raises(LinkError):
            patient.claim(CLAIM, papers.authority.pem())
        assert time.monotonic() - begun < 50
        released.set()
