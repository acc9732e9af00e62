"""A store in memory that behaves like the outbox as far as a room can tell."""

from contract.ids import record_id
from contract.messages import AnyBody, Loss, Record, Recording
from contract.times import to_wire
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.recording.ledger import Phase
from tests.support.clock import START_MS

_BOOT = "00000001-0a1b2c3d"


class MemorySink:
    """Keeps what was appended. With `refusing` set it takes nothing, as a full disk."""

    def __init__(self) -> None:
        self.bodies: list[AnyBody] = []
        self.refusing = False

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`."""
        if self.refusing:
            raise StoreError("database or disk is full")
        self.bodies.append(body)
        seq = len(self.bodies)
        wall_ms = at.wall_ms if at else START_MS
        return Record(
            id=record_id(_BOOT, seq), seq=seq, boot=_BOOT, t=to_wire(wall_ms), mono_ms=0, clock="trusted", body=body
        )

    async def known(self, recording_id: str) -> frozenset[Phase]:
        """What it holds of a recording or file."""
        phases: set[Phase] = {one.phase for one in self.recordings() if one.recording_id == recording_id}
        lost = any(recording_id in {loss.recording_id, loss.file_id} for loss in self.losses())
        return frozenset(phases | {"lost"} if lost else phases)

    def recordings(self) -> list[Recording]:
        """The recordings told."""
        return [body for body in self.bodies if isinstance(body, Recording)]

    def losses(self) -> list[Loss]:
        """The losses told."""
        return [body for body in self.bodies if isinstance(body, Loss)]
