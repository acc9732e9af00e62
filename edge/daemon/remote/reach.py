"""What remote hands reach of the appliance, told by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.daemon.remote.desired import PlanPort
from edge.daemon.remote.renewal import Renew
from edge.daemon.remote.snapshot import Keeper, Newest

CONFIG_FOLDER: Final = Path("/etc/afferent")
Note = Callable[[str, str, str, str, str], object]
"""`AuditLog.note`: actor, address, action, target, outcome."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What remote hands reach of the appliance.

    `newest` gives a camera's newest fresh picture; `ready` whether this run has come up; `busy` why it must not be
    restarted now; `models` the version of each model in use; `metrics` what a scrape would get; `note` writes into the
    audit log, in a thread; `renew` and `expires` are of the device's certificate.
    """

    plans: Mapping[str, PlanPort]
    newest: Mapping[str, Newest]
    snapshots: Keeper
    ready: Callable[[], bool]
    busy: Callable[[], Sequence[str]]
    models: Callable[[], dict[str, str]]
    metrics: Callable[[], bytes]
    note: Note
    version: str
    release: str = ""
    renew: Renew | None = None
    expires: Callable[[], str] = str
    config_folder: Path = CONFIG_FOLDER
