"""What `afferent edge enrol` does, apart from reading its options and settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

from contract.times import to_wire
from edge.core.clock import Clock
from edge.core.errors import RefusedError
from edge.identity.cloud import CloudDoor
from edge.identity.enrolling import Invitation, enrol, read_token
from edge.identity.folder import Identity, IdentityFolder

_LONGEST_TOKEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of the command."""

    cloud: str
    from_file: str
    """`-` is standard input: a token never stands on a command line, where every user of the machine could read it."""
    device: str
    ca_file: str = ""
    timeout_s: float = 20.0
    replace: bool = False


def enrol_here(wish: Wish, state: Path, clock: Clock) -> str:
    """Enrol, or find that it was done; what to tell the operator. Raise an `EdgeError`.

    An identity that is there and holds is kept, and no token is spent, unless `replace` says otherwise.
    """
    folder = IdentityFolder(state / "identity")
    kept = None if wish.replace else folder.read()
    if kept and kept.about.expires_ms > clock.now().wall_ms:
        if kept.about.device != wish.device:
            raise RefusedError(f"enrolled already, as {kept.about.device}: --replace makes it {wish.device}")
        return f"Enrolled already as {kept.about.device}, certified until {to_wire(kept.about.expires_ms)}."
    token = sys.stdin.read(_LONGEST_TOKEN) if wish.from_file == "-" else read_token(Path(wish.from_file))
    invitation = Invitation(cloud=wish.cloud, token=token, device=wish.device, ca_file=wish.ca_file)
    with folder.exclusive():
        return _told(enrol(invitation, folder, CloudDoor(wish.cloud, timeout_s=wish.timeout_s)))


def _told(identity: Identity) -> str:
    about = identity.about
    words = f"Enrolled as {about.device}, certified until {to_wire(about.expires_ms)}."
    if not about.broker_host:
        return words
    broker = ("[broker]", f'host = "{about.broker_host}"', f"port = {about.broker_port}", "tls = true")
    return "\n".join((words, "Its broker, for the settings:", *broker))
