"""What answers in the place of the object storage: a portal's page, a proxy that redirects, headers that are none."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest

from edge.core.errors import LinkError
from edge.sync.settings import S3Settings
from edge.sync.targets import s3
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object
from tests.support.s3 import KEYS

_HTML: Final = b"<!doctype html><html><body><p>Please log in<br></html>"
ANSWERS: Final[dict[str, tuple[int, dict[str, str], bytes]]] = {
    "page": (200, {"Content-Type": "text/html"}, _HTML),
    "nothing": (200, {}, b""),
    "redirect": (301, {"Location": "http://127.0.0.1:9/"}, b""),
    "date": (200, {"Last-Modified": "yesterday", "ETag": '"x"'}, b""),
    "non-ASCII": (200, {"ETag": "\xe9\xff", "x-amz-meta-sha256": "\xe9"}, b""),
    "error page": (503, {}, _HTML),
    "forbidden page": (403, {}, _HTML),
}


class _Server(ThreadingHTTPServer):
    """Gives the same answer to everything."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        status, headers, body = self.server.answer
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_strange_answer_is_a_fault_of_the_way() -> None:
    """Never anything else than a `LinkError`, which is what the uploader tries again."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings = S3Settings(
            bucket="recordings", endpoint=f"http://127.0.0.1:{server.server_address[1]}", path_style=True
        )
        target = S3Target(settings, KEYS)
        try:
            for name, server.answer in ANSWERS.items():
                _ask_everything(target, name)
        finally:
            target.close()
            server.shutdown()
            thread.join()


def _ask_everything(target: S3Target, answer: str) -> None:
    thing = Object(key="recordings/d/cam/rec-1.mp4", size_bytes=4, sha256="0" * 64, part_bytes=4)
    works: tuple[Callable[[], object], ...] = (
        target.check,
        lambda: target.put(thing, b"data", lambda _: None),
        lambda: target.begin(thing),
        lambda: target.held(thing, "u", {1: "tag"}),
        lambda: target.put_part(thing, "u", 1, b"data", lambda _: None),
        lambda: target.complete(thing, "u", {1: "tag"}),
        lambda: target.confirm(thing, {1: "tag"}),
        lambda: target.abandoned("recordings/d/", 1.0),
        lambda: target.abort(thing.key, "u"),
        lambda: target.delete(thing.key),
    )
    if "redirect" in answer:  # boto3 asks some hundred times before it gives up
        works = works[2:3]
    for work in works:
        try:
            assert work() is not True, f"{answer}: nothing of it is confirmed"
        except LinkError:
            continue


class _EndlessHandler(BaseHTTPRequestHandler):
    """Has always one page more of every list."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        kind = "ListParts" if "uploadId" in self.path else "ListMultipartUploads"
        body = (
            f"<{kind}Result><IsTruncated>true</IsTruncated><NextPartNumberMarker>{self.asked}</NextPartNumberMarker>"
            f"<NextKeyMarker>{self.asked}</NextKeyMarker><NextUploadIdMarker>{self.asked}</NextUploadIdMarker>"
            f"</{kind}Result>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_list_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It kept its thread, and all that it told, for ever."""
    monkeypatch.setattr(s3, "_MOST_PAGES", 5)
    with ThreadingHTTPServer(("127.0.0.1", 0), _EndlessHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        target = S3Target(S3Settings(bucket="recordings", endpoint=endpoint, path_style=True), KEYS)
        thing = Object(key="recordings/d/cam/rec-1.mp4", size_bytes=4, sha256="0" * 64, part_bytes=4)
        try:
            for work in (lambda: target.held(thing, "u", {1: "tag"}), lambda: target.abandoned("recordings/d/", 1.0)):
                with pytest.raises(LinkError, match="without end"):
                    work()
        finally:
            target.close()
            server.shutdown()
            thread.join()
    assert _EndlessHandler.asked == 12
