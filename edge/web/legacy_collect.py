"""The routes of the existing clients that hand in videos (S2), in their exact shapes, and the page that does the same.

Where the clients send a participant's link, they see and make only sessions of their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edge.collecting.facts import SessionFacts
from edge.web.access import Access
from edge.web.callers import caller_of
from edge.web.endpoint import Endpoint, Handler, answer
from edge.web.legacy_collect_form import LARGEST_FIELDS, TooLargeError, boundary_of, read_form
from edge.web.legacy_collect_port import CollectPort
from edge.web.legacy_collect_requests import CollectError, answering, bad, check_number, chunk_facts, object_of, text_of
from edge.web.legacy_collect_views import (
    ChunkReceived,
    CollectedSession,
    Created,
    Healthy,
    MetadataSaved,
    Refusal,
    VideoComplete,
    created_view,
    session_view,
    taken_view,
)
from edge.web.page import Page

PAGE: Final = "/collect"
_FILE: Final = "collect.html"
_LET_END_S: Final = 10.0
_LONGEST_NAME: Final = 200
_POLICY: Final = "camera=(self), microphone=(self), geolocation=()"
_FAILURES: Final = dict.fromkeys((400, 403, 404, 408, 409, 413, 500, 507), Refusal)


def is_collect(path: str) -> bool:
    """Whether a path belongs to the existing clients that hand in videos."""
    return path == "/health" or path.startswith(("/api/session/", "/api/upload/"))


class CollectRoutes:
    """S2.1 to S2.8, `/health` for those clients, and `/collect`. `port` None: an appliance that takes no videos."""

    def __init__(self, port: CollectPort | None, *, page: Page) -> None:
        self._given = port
        self._page = page

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            Endpoint(path="/health", access=Access.PUBLIC, summary="Up", handler=self.health, answer=Healthy),
            Endpoint(
                path=PAGE,
                access=Access.PUBLIC,
                summary="The page that hands in videos",
                handler=self.serve,
                media="text/html",
            ),
            _route("POST", "/api/session/create", "A collecting session begins", self.create, Created, status=201),
            _route(
                "POST",
                "/api/upload/chunk",
                "A chunk of a video",
                self.chunk,
                ChunkReceived | VideoComplete,
                upload="multipart/form-data",
                noted=False,
            ),
            _route("POST", "/api/upload/metadata", "What a video is", self.metadata, MetadataSaved),
            _route("GET", "/api/session/{session_id}", "What is held of a session", self.session, CollectedSession),
        ]

    async def health(self, _request: Request) -> Response:
        """S2.7, word for word; how the appliance really is stands under `/readyz`."""
        return answer(Healthy())

    async def serve(self, request: Request) -> Response:
        """The page, which unlike all others may ask for the camera of who looks at it."""
        response = self._page.named(request, _FILE)
        response.headers["Permissions-Policy"] = _POLICY
        return response

    async def create(self, request: Request) -> Response:
        """S2.1; a body may be left out."""
        body = await object_of(request, empty=True)
        name = body.get("participant_id")
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)  # some count their participants
        if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME):
            raise bad("participant_id", f"participant_id must be a text of {_LONGEST_NAME} characters at most")
        facts = await self._port.create(caller_of(request.scope).subject or name or None)
        return answer(created_view(facts), HTTPStatus.CREATED)

    async def chunk(self, request: Request) -> Response:
        """S2.2 to S2.4. The chunk is on the disk before its fields are known, for they may come after it."""
        body = request.stream()
        try:
            return await self._take(request, body)
        except Exception:
            await _let_end(body, self._port.max_chunk_bytes)
            raise

    async def metadata(self, request: Request) -> Response:
        """S2.5: twice replaces (X.13)."""
        body = await object_of(request, empty=False)
        session_id, video_id = text_of(body, "session_id"), text_of(body, "video_id")
        check_number(body, "duration")
        check_number(body, "file_size")
        await self._check_owner(request, session_id)
        await self._port.save_metadata(session_id, video_id, body)
        return answer(MetadataSaved(video_id=video_id))

    async def session(self, request: Request) -> Response:
        """S2.6, and which chunks are held of what is not whole (S2.21)."""
        facts = await self._port.session(request.path_params["session_id"])
        _check_own(request, facts)
        return answer(session_view(facts))

    async def _take(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        boundary = boundary_of(request.headers.get("content-type", ""))
        most = self._port.max_chunk_bytes + LARGEST_FIELDS
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told) > most:
            raise TooLargeError(f"A chunk may have {self._port.max_chunk_bytes} bytes at most")
        draft = await self._port.draft()
        try:
            async with asyncio.timeout(self._port.chunk_within_s):
                form = await read_form(body, boundary, file="chunk", sink=draft.write, most=most)
            facts = chunk_facts(form)
            await self._check_owner(request, facts.session_id)
            return answer(taken_view(await draft.keep(facts)))
        finally:
            await draft.discard()

    async def _check_owner(self, request: Request, session_id: str) -> None:
        if caller_of(request.scope).subject is not None:
            _check_own(request, await self._port.session(session_id))

    @property
    def _port(self) -> CollectPort:
        if self._given is None:
            raise CollectError(HTTPStatus.SERVICE_UNAVAILABLE, "This appliance takes no videos")
        return self._given


def _route(method: str, path: str, summary: str, handler: Handler, kind: Any, **more: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        access=Access.OPEN_OR_OWN,
        summary=summary,
        handler=answering(handler),
        answer=kind,
        failures=_FAILURES,
        **more,
    )


async def _let_end(body: AsyncIterator[bytes], most: int) -> None:
    """Take what is left of a body that nobody wants: who still sends does not hear why it was refused."""
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_LET_END_S):
            async for piece in body:
                most -= len(piece)
                if most < 0:
                    return


def _check_own(request: Request, facts: SessionFacts) -> None:
    subject = caller_of(request.scope).subject
    if subject not in {None, facts.participant}:
        raise CollectError(HTTPStatus.FORBIDDEN, "This session is another participant's", "session_id")
