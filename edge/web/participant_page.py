"""The page of participants, and the cookie by which its video and its live feed know whose it is."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.auth import Auth
from edge.web.callers import LINK_COOKIE
from edge.web.endpoint import Endpoint, Query
from edge.web.page import Page
from edge.web.participant_routes import PAGE

_FILE: Final = "participant.html"
_TOKEN: Final = Query(name="token", about="The token of a link; the answer puts it into a cookie")


class ParticipantPage:
    """`/participant`: a `<video>` and a WebSocket cannot send a header, so a link's token becomes a cookie.

    Scripts may send it as `Authorization: Bearer` as well, which goes before every cookie.
    """

    def __init__(self, page: Page, auth: Auth) -> None:
        self._page = page
        self._auth = auth

    def endpoints(self) -> list[Endpoint]:
        """The one route."""
        return [
            Endpoint(
                path=PAGE,
                access=Access.PUBLIC,
                summary="The page of a participant",
                handler=self.serve,
                media="text/html",
                queries=(_TOKEN,),
            )
        ]

    async def serve(self, request: Request) -> Response:
        """The page; with a token that is good for something, its cookie too."""
        response = self._page.named(request, _FILE)
        token = request.query_params.get(_TOKEN.name, "")
        lasts_s = self._auth.lasts_s(token)
        if lasts_s:
            response.set_cookie(
                LINK_COOKIE,
                token,
                max_age=lasts_s,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return response
        response.headers["Cache-Control"] = "no-store" if token else "no-cache"
        return response
