"""Something for which is recorded, and the clip that grows for it."""

from dataclasses import dataclass

from edge.recording.trigger import Wish


@dataclass(slots=True)
class Growing:
    """A clip that grows. `first_ns` is when it is taken to begin, `dropped` what it lost on the way to the thread."""

    recording_id: str
    first_ns: int
    limit_ns: int
    dropped: int = 0

    def is_full(self, now_ns: int) -> bool:
        """Whether it is as long as it may be."""
        return now_ns - self.first_ns >= self.limit_ns


@dataclass(slots=True)
class Take:
    """At most one clip at a time. `rolls`: it also shows what was before it was wanted, but not before `ended_ns`, when
    its last clip ended."""

    wish: Wish
    rolls: bool = False
    session_id: str | None = None
    participant: str | None = None
    clip: Growing | None = None
    ended_ns: int = 0
