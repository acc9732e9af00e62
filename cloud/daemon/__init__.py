"""The composition roots: each process of the cloud, put together from the parts that it runs."""

from cloud.daemon.ground import open_database
from cloud.daemon.processes import ALL, Role, run_roles

__all__ = ["ALL", "Role", "open_database", "run_roles"]
