"""What every body sensor can do, so that the service need not know which one it has."""

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from contract.sessions import CommandResult, SensorCommand
from edge.core.sample import Sample

READ_LIMIT_S: Final = 0.5
"""A `read` comes back within this time, with or without samples, so that its thread can be ended."""


@dataclass(frozen=True, slots=True)
class ClockFigures:
    """How a source's clock stands to ours."""

    offset_ms: float
    """How much later than at the first frame a moment of the source's clock falls on ours."""
    drift_ppm: float
    """How much slower the source's clock runs than ours, in parts per million."""
    jitter_ms: float
    """Standard deviation of the lateness of arrivals."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a source had to throw away since it was opened, and what is known of it now.

    `bad_rows` could not be read, `implausible` values lay outside what a body can do and were left out, `resets` are
    restarts of the board. `last_bad` holds the newest few bad rows, shortened.
    """

    bad_rows: int = 0
    implausible: int = 0
    resets: int = 0
    last_bad: tuple[str, ...] = ()
    lost: int = 0
    """Frames or rows that the source's own numbers prove to be missing."""
    board: str = ""
    """Kind, stable name and firmware of the board, once it said so."""
    calibrated: bool | None = None
    """Whether skin conductance comes in microsiemens; None where there is none, or not known yet."""
    clock: ClockFigures | None = None
    commands: tuple[str, ...] = ()
    """What `Commanded.command` understands now."""


class Sensor(Protocol):
    """One connection to one source of samples, used once: `open`, any number of `read`, `close`.

    All calls may block and belong to one thread.
    """

    def open(self) -> None:
        """Connect to the source; raise `SourceUnavailableError` with a reason a person can act on."""
        ...

    def read(self) -> list[Sample]:
        """The samples that came since the last call, in order; an empty list if none came within `READ_LIMIT_S`.

        Raise `SourceUnavailableError` when the source is lost, `SourceEndedError` when a finite source is over.
        """
        ...

    def close(self) -> None:
        """Let go of the source; also allowed before `open` and twice."""
        ...

    def describe(self) -> str:
        """What this is, for people."""
        ...

    def diagnosis(self) -> Diagnosis:
        """What was thrown away since `open`."""
        ...


@runtime_checkable
class Commanded(Sensor, Protocol):
    """A sensor whose board does what it is told."""

    def command(self, command: SensorCommand) -> CommandResult:
        """Let the board do it and wait for its answer, a few seconds at most; samples of meanwhile are read next.

        Raise `RefusedError` where this board does not understand it, `SourceUnavailableError` when it was lost.
        """
        ...
