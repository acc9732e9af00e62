"""The table of who may use which route of the appliance, made of the routes themselves."""

from pathlib import Path
from typing import Any, Final, cast

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.web.access import Access, least_role
from edge.web.app import endpoints_of
from edge.web.auth import Auth
from edge.web.deps import WebDeps
from edge.web.endpoint import WEBSOCKET, Endpoint
from edge.web.relay import Relays
from edge.web.settings import WebSettings
from edge.web.snapshots import Snapshots

MARK: Final = "<!-- the table below is written by `make docs` -->\n"
_NOWHERE: Final = Path("/nonexistent")
_OTHERS: Final = {
    Access.PUBLIC: "everybody",
    Access.OPEN_NETWORKS: "open networks",
    Access.OPEN_OR_OWN: "open networks; participants for their own",
    Access.OWN: "participants for their own",
    Access.METRICS: "metrics networks",
}


def with_routes(page: str) -> str:
    """`page` with the table of now below its mark."""
    return page.partition(MARK)[0] + MARK + "\n" + routes_table()


def routes_table() -> str:
    """The table as Markdown."""
    lines = [_line(endpoint) for endpoint in endpoints_of(_deps()) if endpoint.documented]
    head = "| route | what | account at least | others | audit log |\n|---|---|---|---|---|\n"
    return head + "\n".join(dict.fromkeys(lines)) + "\n"


def _line(endpoint: Endpoint) -> str:
    least = "-" if endpoint.access is Access.PUBLIC else least_role(endpoint.access, changes=endpoint.changes)
    method = "GET (WebSocket)" if endpoint.method == WEBSOCKET else endpoint.method
    path = endpoint.path.replace(":path", "")
    others = _OTHERS.get(endpoint.access, "-")
    about = endpoint.summary.replace("|", "\\|")
    return f"| `{method} {path}` | {about} | {least} | {others} | {'yes' if endpoint.action else '-'} |"


def _deps() -> WebDeps:
    """An appliance without anything: its table of routes is the same."""
    clock: Any = SystemClock()
    return WebDeps(
        cameras={},
        relays=Relays({}, clock=clock, lost_after_s=1.0, max_viewers=1),
        history=cast(Any, None),
        hub=Hub(),
        health=Health(clock),
        clock=clock,
        settings=WebSettings(),
        auth=Auth(_NOWHERE, clock=clock),
        snapshots=Snapshots(_NOWHERE, clock=clock, keep=1),
        telemetry=dict,
        config=dict,
        version="",
        device="",
    )
