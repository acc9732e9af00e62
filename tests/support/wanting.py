"""Devices of a cloud that need somebody, each for one reason, and devices that do not, though it seems so."""

from typing import Final

from sqlalchemy import insert

from cloud.store import tables
from cloud.store.audit import Deed
from cloud.store.database import Database
from cloud.store.desired import Wish
from cloud.store.intake import Intake
from cloud.store.remote import remote_over
from contract.messages import Status
from contract.remote import Reported
from contract.times import to_wire
from tests.support.cloud import BOOT, START_MS, event, incoming, prediction

WANTING: Final = ("alarm", "behind", "clock", "ended", "ending", "gap", "refused")
NOT_WANTING: Final = ("fine", "finer")
_DAY_MS: Final = 86_400_000


async def add_wanting(database: Database, now_ms: int) -> None:
    """Add them all; certificates end soon or late as seen at `now_ms`."""
    intake, moment = Intake(database), to_wire(START_MS)
    for name in (*WANTING, *NOT_WANTING):
        clock = "untrusted" if name == "clock" else "trusted"
        said = Status(device=name, state="online", boot=BOOT, t=moment, clock=clock)  # type: ignore[arg-type]
        await intake.set_status(said, 10)
    await intake.add([incoming(prediction(2), 2, device="gap"), incoming(event(1), 1, device="alarm")], 10)
    over = [event(1), event(2, phase="close"), event(3, event_id="ev-3", severity="LOW")]
    await intake.add([incoming(body, seq, device="fine") for seq, body in enumerate(over, 1)], 10)
    await _desire(database, intake, moment)
    await _certify(database, now_ms)


async def _desire(database: Database, intake: Intake, moment: str) -> None:
    wish, deed = Wish({}, {}, []), Deed("test", "desired.set", "behind")
    for name in ("behind", "fine"):
        await remote_over(database).desired.set(name, wish, deed, expected=0, now_ms=10)
    for name, version, state in (("fine", 1, "in_force"), ("refused", 0, "refused")):
        reported = Reported(device=name, boot=BOOT, t=moment, seen=1, version=version, state=state)  # type: ignore[arg-type]
        await intake.set_reported(reported, 10)


async def _certify(database: Database, now_ms: int) -> None:
    """A later certificate stands in for one that ends; a revoked one counts as none."""
    ends = (("ended", -1, None), ("ending", 6, None), ("fine", 6, None), ("fine", 30, None), ("finer", 6, START_MS))
    held = {"kind": "device", "key_digest": "", "pem": "", "issued_ms": 1}
    async with database.write() as link:
        for serial, (name, days, revoked) in enumerate(ends):
            row = {"serial": str(serial), "name": name, "expires_ms": now_ms + days * _DAY_MS, "revoked_ms": revoked}
            await link.execute(insert(tables.certificates), held | row)
