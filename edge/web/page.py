"""The viewer page: a handful of static files, read once, with the headers that let a browser keep but recheck them."""

import hashlib
import mimetypes
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge.web.access import Access
from edge.web.endpoint import Endpoint
from edge.web.problem import ProblemError

_INDEX: Final = "index.html"
_PLACES: Final = {_INDEX: "./", "collect.html": "/collect"}
"""Where a page is, unless at its own name."""
_ABOUT: Final = "A file of the viewer page"
_HTML: Final = "text/html"
_ANY: Final = "application/octet-stream"
_KINDS: Final = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".webmanifest": "text/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page as it goes out."""

    content: bytes
    kind: str
    etag: str


class Page:
    """The files of a folder, by their path in it. Hidden files and parts of pages (`_...`) are none of them."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.rglob("*")) if folder.is_dir() else []
        self._assets = {
            path.relative_to(folder).as_posix(): _asset(path)
            for path in paths
            if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        }

    def endpoints(self) -> list[Endpoint]:
        """The page under `/viewer/`, and its files at the root too, for there `/` is the page for a browser."""
        at_root = [f"/{name}" for name in self._assets if name != _INDEX]
        return [
            Endpoint(path="/viewer/", access=Access.PUBLIC, summary="The viewer page", handler=self.serve, media=_HTML),
            Endpoint(path="/viewer/{name:path}", access=Access.PUBLIC, summary=_ABOUT, handler=self.serve, media=_ANY),
            *(
                Endpoint(
                    path=path, access=Access.PUBLIC, summary=_ABOUT, handler=self.serve, media=_ANY, documented=False
                )
                for path in at_root
            ),
        ]

    async def serve(self, request: Request) -> Response:
        """The file that the path names; the page itself where it names none."""
        path = request.url.path
        return self.named(request, path.removeprefix("/viewer/" if path.startswith("/viewer/") else "/") or _INDEX)

    def named(self, request: Request, name: str) -> Response:
        """One of the files, whatever the path; a problem if it is none."""
        asset = self._assets.get(name)
        if asset is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is nothing at {request.url.path!r:.100}")
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(asset.content, headers=headers, media_type=asset.kind)


def prefers_html(accept: str) -> bool:
    """Whether an Accept header asks for HTML rather than JSON; programs that ask for anything get JSON (S1.1)."""
    weights = dict(_weighed(part) for part in accept.split(","))
    html = weights.get("text/html", 0.0)
    return html > 0 and html >= weights.get("application/json", 0.0)


def _weighed(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((value for value in parameters if value.startswith("q=")), "q=1")
    try:
        return kind, float(weight[2:])
    except ValueError:
        return kind, 0.0


def composed(path: Path) -> str:
    """The page in a file. What all pages have alike stands once: `<!-- head -->` is what the file `_head.html` has."""
    text = path.read_text(encoding="utf-8")
    for part in sorted(path.parent.glob("_*.html"), reverse=True):  # `_top` has `_pages` in it
        text = text.replace(f"  <!-- {part.stem[1:]} -->\n", part.read_text(encoding="utf-8"))
    link = f'class="page-link" href="{_PLACES.get(path.name, path.name)}"'
    return text.replace(link, f'{link} aria-current="page"')


def _asset(path: Path) -> Asset:
    content = composed(path).encode() if path.suffix == ".html" else path.read_bytes()
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
