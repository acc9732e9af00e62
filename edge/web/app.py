"""The LAN side as one Starlette application, put together from families of routes."""

from starlette.applications import Starlette

from edge.web.deps import WebDeps


def create_app(deps: WebDeps) -> Starlette:
    """Every route of the appliance over `deps`; serve it with `edge.web.server.WebServer`."""
    raise NotImplementedError(deps)
