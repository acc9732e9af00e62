"""Commands and desired states as tests ask them of the cloud's database."""

from typing import Any, Final

from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.commands import Asked, CommandSlice
from cloud.store.desired import Wish
from cloud.store.remote import Remote
from tests.support.remote_device import NAME

DEED: Final = Deed(actor="ada", action="test", target=NAME)
HOUR_MS: Final = 3_600_000


async def ask(remote: Remote, device: str, command_id: str, *, for_ms: int = HOUR_MS, now_ms: int | None = None) -> int:
    """Ask a device for a picture, within `for_ms`; return how many were asked."""
    now = SystemClock().now_ms() if now_ms is None else now_ms
    asked = Asked(command_id, "snapshot", {"camera": "door"}, now + for_ms)
    return await remote.commands.ask([device], asked, DEED, now_ms=now)


async def one(remote: Remote, device: str, command_id: str) -> dict[str, Any]:
    """The row of one command."""
    (row,) = await remote.commands.page(CommandSlice(device=device, command_id=command_id))
    return row


async def state(remote: Remote, device: str, command_id: str) -> str:
    """The state of one command."""
    return str((await one(remote, device, command_id))["state"])


def wish(fps: int) -> Wish:
    """A desired state: the frame rate of the camera `front`."""
    return Wish({"cameras": {"front": {"fps": fps}}}, {}, [])
