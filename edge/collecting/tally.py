"""How much lies on the device that is nowhere else: what the limits are held against."""

from collections.abc import Iterable

from edge.collecting.sheets import VideoSheet
from edge.collecting.shelf import Shelf


class Tally:
    """Bytes that wait, in all and of each session. Counted anew now and then, for eviction and expiry take away."""

    def __init__(self) -> None:
        self.waiting_bytes = 0
        self._sessions: dict[str, int] = {}

    def count(self, shelf: Shelf, videos: Iterable[VideoSheet]) -> None:
        """Count what lies there. Blocks."""
        sessions: dict[str, int] = {}
        for sheet in videos:
            if sheet.step not in {"uploaded", "lost"}:
                sessions[sheet.session_id] = sessions.get(sheet.session_id, 0) + shelf.size(sheet)
        self._sessions, self.waiting_bytes = sessions, sum(sessions.values())

    def add(self, session_id: str, size_bytes: int) -> None:
        """So much came."""
        self._sessions[session_id] = self.of(session_id) + size_bytes
        self.waiting_bytes += size_bytes

    def of(self, session_id: str) -> int:
        """What waits of one session."""
        return self._sessions.get(session_id, 0)
