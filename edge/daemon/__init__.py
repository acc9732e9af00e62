"""The composition root: the only place that names concrete drivers and ties the rooms together."""

from edge.daemon.password import page_password
from edge.daemon.run import run_daemon

__all__ = ["page_password", "run_daemon"]
