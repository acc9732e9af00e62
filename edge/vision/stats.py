"""What the analysis of a camera counts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VisionStats:
    """Counts since the daemon's start, for metrics. `frames_skipped` came and went while the analysis was busy."""

    frames_analysed: int = 0
    frames_skipped: int = 0
    frames_undecodable: int = 0
    model_failures: int = 0
    events_opened: int = 0
    records_dropped: int = 0
    analysis_s: float = 0.0
    """Seconds that all analyses took together."""


class Tally:
    """Those that the analysis of frames counts. `bad_in_a_row` are the last frames, as far as none could be decoded."""

    def __init__(self) -> None:
        self.analysed = self.undecodable = self.failures = self.bad_in_a_row = 0
        self._took_ns = 0

    def note(self, took_ns: int) -> None:
        """A frame was analysed."""
        self.bad_in_a_row = 0
        self.analysed += 1
        self._took_ns += took_ns

    def note_bad(self) -> None:
        """A frame could not be decoded."""
        self.undecodable += 1
        self.bad_in_a_row += 1

    @property
    def seconds(self) -> float:
        """That all analyses took together."""
        return self._took_ns / 1e9
