"""QR codes of addresses, so that a phone is let in by its camera: its owner types no token."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Final

from anyio import to_thread
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.endpoint import Endpoint, answer, body_of
from edge.web.problem import ProblemError

QUIET: Final = 4
"""Modules of light ground that ISO/IEC 18004 wants around a code."""


class QrRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of a code: an address."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]


class QrView(Struct, frozen=True, kw_only=True):
    """A code as SVG draws it: the dark modules as `d` of a `<path>`, in a view box of `size` modules a side with the
    light ground around them."""

    size: int
    path: str


class QrRoutes:
    """`POST /v1/qr`: in a body, for an address may hold a token, and what a URL holds ends in logs."""

    def endpoints(self) -> list[Endpoint]:
        """The one route."""
        return [
            Endpoint(
                path="/v1/qr",
                access=Access.SIGNED_IN,
                summary="A QR code of a text, to draw as SVG; nothing of it is kept",
                method="POST",
                handler=self.draw,
                body=QrRequest,
                answer=QrView,
                acts=False,
            )
        ]

    async def draw(self, request: Request) -> Response:
        """The code."""
        wanted: QrRequest = await body_of(request, QrRequest)
        return answer(await to_thread.run_sync(qr_of, wanted.text))


def qr_of(text: str) -> QrView:
    """The smallest code of a text; a problem if no code holds it."""
    import segno

    try:
        code = segno.make_qr(text, error="L")
    except (segno.DataOverflowError, UnicodeError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"No QR code holds this text: {error}", field="text") from error
    drawn = "".join(_bars(y + QUIET, row) for y, row in enumerate(code.matrix))
    return QrView(size=len(code.matrix) + 2 * QUIET, path=drawn)


def _bars(y: int, row: Iterable[int]) -> str:
    """The dark stretches of a row, each as one bar of height 1."""
    bars, began = [], None
    for x, dark in enumerate([*row, 0], QUIET):
        if dark and began is None:
            began = x
        elif not dark and began is not None:
            bars.append(f"M{began} {y}h{x - began}v1H{began}z")
            began = None
    return "".join(bars)
