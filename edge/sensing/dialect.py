"""What a board on a serial line may speak, and how one hears which it is. Bytes in, samples out: no port, no clock."""

from collections import deque
from typing import Final, Literal, Protocol

from edge.core.sample import Sample
from edge.sensing.frames import FrameParser
from edge.sensing.line import LineParser
from edge.sensing.sensor import Diagnosis

Protocols = Literal["frames", "lines"]
_ROWS_NEEDED: Final = 2
_MOST_KEPT: Final = 4096


class Dialect(Protocol):
    """One way to speak."""

    def feed(self, data: bytes, arrived_ns: int) -> list[Sample]:
        """The samples that `data` completes, which was read together at `arrived_ns`."""
        ...

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed, and what is known of the board."""
        ...

    @property
    def heard(self) -> bool:
        """Whether anything whole has come yet."""
        ...

    @property
    def board(self) -> str:
        """What the board says that it is; empty as long as it did not."""
        ...


class Listener:
    """Hears which of the two a board speaks: by a whole frame, or by two rows in a line.

    `heard` is what came so far, for whoever then reads it; no more than 4096 bytes of it.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what came, as it came at a wrong speed."""
        self._frames = FrameParser()
        self._lines = LineParser()
        self._rows = 0
        self._kept: deque[int] = deque(maxlen=_MOST_KEPT)

    @property
    def heard(self) -> bytes:
        """What came, the newest of it."""
        return bytes(self._kept)

    def feed(self, data: bytes) -> Protocols | None:
        """Which it is; None as long as nobody can tell."""
        self._kept.extend(data)
        if self._frames.feed(data):
            return "frames"
        self._rows += len(self._lines.feed(data))
        return "lines" if self._rows >= _ROWS_NEEDED else None

    def diagnosis(self) -> Diagnosis:
        """What came and is neither."""
        return Diagnosis(bad_rows=self._lines.bad_rows, last_bad=tuple(self._lines.last_bad))
