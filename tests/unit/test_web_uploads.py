"""`/v1/uploads` over a fake port: what is shown, what is switched, who may, and what is refused."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.web.access import Access
from edge.web.problem import ProblemError, on_problem
from edge.web.upload_port import UploadPort
from edge.web.upload_routes import UploadRoutes

ENTRY: dict[str, Any] = {
    "id": "rec-1",
    "kind": "recording",
    "camera": "front",
    "name": "rec-1.mp4",
    "rank": 2,
    "size_bytes": 100,
    "sent_bytes": 50,
    "state": "uploading",
    "rate_bps": 8,
    "eta_s": 50.0,
    "attempts": 0,
    "last_error": "",
    "next_try_s": None,
    "done_ms": None,
}
TOTALS: dict[str, Any] = {
    "count": 1,
    "size_bytes": 100,
    "sent_bytes": 50,
    "failed": 0,
    "paused": 0,
    "rate_bps": 8,
    "limit_bps": None,
    "eta_s": 50.0,
}


class FakeUploads:
    """Remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str | None]] = []
        self.broken: Exception | None = None

    async def uploads(self, limit: int) -> Mapping[str, Any]:
        """One."""
        self._do("uploads", str(limit))
        return {"paused": False, "totals": TOTALS, "uploads": [ENTRY]}

    async def pause(self, upload_id: str | None) -> None:
        """Remember."""
        self._do("pause", upload_id)

    async def resume(self, upload_id: str | None) -> None:
        """Remember."""
        self._do("resume", upload_id)

    async def retry(self, upload_id: str | None) -> None:
        """Remember."""
        self._do("retry", upload_id)

    def _do(self, what: str, upload_id: str | None) -> None:
        if self.broken:
            raise self.broken
        self.done.append((what, upload_id))


async def ask(port: UploadPort | None, method: str, path: str) -> httpx.Response:
    """What the routes answer behind the gate."""
    endpoints = UploadRoutes(port).endpoints()
    assert {endpoint.access for endpoint in endpoints} == {Access.SIGNED_IN}
    routes = [_open(endpoint.path, endpoint.method, endpoint.handler) for endpoint in endpoints]
    app = Starlette(routes=routes, exception_handlers={ProblemError: on_problem})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.request(method, path)


def _open(path: str, method: str, handler: Any) -> Any:
    from starlette.routing import Route

    return Route(path, handler, methods=[method])


async def test_the_uploads_are_listed() -> None:
    port = FakeUploads()
    answered = await ask(port, "GET", "/v1/uploads?limit=7")
    assert answered.status_code == 200
    assert answered.json() == {"paused": False, "totals": TOTALS, "uploads": [ENTRY]}
    assert port.done == [("uploads", "7")]
    assert (await ask(port, "GET", "/v1/uploads?limit=0")).json()["field"] == "limit"


@pytest.mark.parametrize("what", ["pause", "resume", "retry"])
async def test_one_or_all_are_switched(what: str) -> None:
    port = FakeUploads()
    assert (await ask(port, "POST", f"/v1/uploads/{what}")).status_code == 204
    assert (await ask(port, "POST", f"/v1/uploads/rec-1/{what}")).status_code == 204
    assert port.done == [(what, None), (what, "rec-1")]


@pytest.mark.parametrize(
    ("error", "path", "status", "field"),
    [
        (UnknownError("no upload rec-1 waits"), "/v1/uploads/rec-1/pause", 404, "upload_id"),
        (RefusedError("rec-1 has not failed"), "/v1/uploads/rec-1/retry", 409, "upload_id"),
        (StoreError("the disk is full"), "/v1/uploads/pause", 507, None),
        (None, "/v1/uploads/a%20b/pause", 400, "upload_id"),
    ],
)
async def test_what_is_refused_is_a_problem(error: Exception | None, path: str, status: int, field: str | None) -> None:
    port = FakeUploads()
    port.broken = error
    problem = await ask(port, "POST", path)
    assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
    assert problem.json().get("field") == field


async def test_a_store_that_cannot_be_read_and_no_uploads_at_all() -> None:
    port = FakeUploads()
    port.broken = StoreError("cannot read")
    assert (await ask(port, "GET", "/v1/uploads")).status_code == 503
    assert (await ask(None, "GET", "/v1/uploads")).status_code == 503
