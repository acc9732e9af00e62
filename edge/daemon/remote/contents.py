"""What goes into a bundle of diagnostics that the daemon makes of itself."""

import platform

from edge.core.standing import find_standing
from edge.daemon.ground import Ground
from edge.daemon.remote.desired import DesiredService
from edge.daemon.remote.diagnostics import LogRing, Part, as_json, disk_text, host_text, journal_text, store_text
from edge.daemon.remote.overlay import plain_of
from edge.daemon.remote.reach import Reach
from edge.daemon.remote.redaction import redacted


def contents_of(ground: Ground, reach: Reach, ring: LogRing, desired: DesiredService) -> dict[str, Part]:
    """The files of it, by name. What belongs to the event loop is taken now, the rest in the thread that makes it."""
    config = ground.config
    versions = {
        "software": reach.version,
        "release": reach.release,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    health = [{"part": one.part, "state": one.state.value, "detail": one.detail} for one in ground.health.parts()]
    states = {"version": desired.folder.version, "seen": desired.folder.seen, "refused": desired.folder.refused}
    try:
        metrics = reach.metrics()
    except Exception as error:  # noqa: BLE001 - the rest of the bundle tells why
        metrics = str(error).encode()
    return {
        "versions.json": lambda: as_json(versions),
        "config.json": lambda: as_json(redacted(plain_of(desired.settled))),
        "health.json": lambda: as_json(health),
        "desired.json": lambda: as_json(states),
        "metrics.txt": lambda: metrics,
        "standing.json": lambda: find_standing(config.state).read_bytes(),
        "store.json": lambda: store_text(config.state / "store.db"),
        "disk.json": lambda: disk_text(config.state),
        "host.txt": host_text,
        "log.txt": ring.text,
        "journal.txt": journal_text,
    }
