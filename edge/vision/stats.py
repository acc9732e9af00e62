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
