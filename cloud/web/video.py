"""Recordings as browsers play them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cloud.store.queries import Queries
from cloud.web.deps import WebDeps
from cloud.web.guard import person_of
from cloud.web.parameters import device_of
from cloud.web.problems import ProblemError
from cloud.web.replies import reply
from cloud.web.sending import ObjectSender, Sent
from cloud.web.shapes import recording_of
from contract.errors import InvalidIdError
from contract.ids import check_id


class Video:
    """The handlers of one recording."""

    def __init__(self, deps: WebDeps) -> None:
        self._queries: Queries = deps.queries
        self._sender = ObjectSender(deps.storage, deps.link_s)

    async def show(self, request: Request) -> Response:
        """`GET /v1/recordings/{recording}`."""
        return reply(recording_of(await self._recording(request)))

    async def play(self, request: Request) -> Response:
        """`GET /v1/recordings/{recording}/video`, with or without a range."""
        row = await self._recording(request)
        uploaded = row["phase"] == "uploaded"
        return await self._sender.send(
            request, Sent(key=row["key"], what="recording", media_type="video/mp4", uploaded=uploaded)
        )

    async def _recording(self, request: Request) -> dict[str, Any]:
        return await one_of(request, "recording", self._queries)


async def one_of(request: Request, what: str, queries: Queries) -> dict[str, Any]:
    """The row of the `recording` or `file` that the path names and the caller may see; raise `ProblemError`."""
    wanted = request.path_params[what]
    try:
        check_id(wanted, what)
    except InvalidIdError as error:
        raise ProblemError(404, str(error), field=what, remedy=f"see /v1/{what}s") from error
    device = device_of(request.query_params)
    found = await queries.one(f"{what}s", wanted, device, person=person_of(request))
    if not found:
        raise ProblemError(404, f"there is no {what} {wanted!r}", field=what, remedy=f"see /v1/{what}s")
    if len(found) > 1:
        raise ProblemError(409, f"several devices have a {what} {wanted!r}", field="device", remedy="add ?device=NAME")
    return found[0]
