"""Errors as RFC 9457 tells them: one JSON shape, which names the field and says what to do."""

from typing import Final

import msgspec
from msgspec import Struct
from starlette.responses import Response

WHICH_DEVICES: Final = "see which there are: page Devices, or /v1/devices"
"""What to do about a device that there is not."""
_TITLES: Final = {
    400: "Bad request",
    401: "Sign-in needed",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    412: "Changed since",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    428: "Precondition required",
    429: "Too many tries",
    500: "Internal error",
    503: "Unavailable",
}


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error, as `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str = ""
    """The parameter or body field that is wrong, where it is one."""
    remedy: str = ""
    """What to do about it."""
    needs: str = ""
    """The role that it takes, where the caller's is too little."""


class ProblemError(Exception):
    """Ends a request with this problem: what happened, and what to do about it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        remedy: str,
        field: str = "",
        needs: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.problem = Problem(
            title=_TITLES.get(status, "Error"), status=status, detail=detail, field=field, remedy=remedy, needs=needs
        )

    def response(self) -> Response:
        """As it is sent."""
        return Response(
            msgspec.json.encode(self.problem), self.status, self.headers, media_type="application/problem+json"
        )
