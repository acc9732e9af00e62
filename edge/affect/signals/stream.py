"""One sensor's signals as they come: samples in, what they show out.

Everything is causal and of bounded memory. The same samples give the same responses, beats and numbers in whatever
pieces they come and whenever somebody looks: work is cut by the time of the samples, never by the calls.
"""

from contract.sessions import SignalView
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.summary import SegmentSignals
from edge.core.clock import Stamp
from edge.core.sample import Sample


class SignalStream:
    """The signals of one sensor. Not thread-safe: one caller at a time."""

    def __init__(self, sensor: str, *, settings: SignalSettings | None = None) -> None:
        self.sensor = sensor
        self._settings = settings or SignalSettings()

    def add(self, sample: Sample) -> None:
        """Take a sample in; cheap. A channel's samples come in order of time; one that is older than what was already
        worked on is left out."""
        raise NotImplementedError

    def forget(self) -> None:
        """Somebody else wears the sensor now: know nothing of the one before."""
        raise NotImplementedError

    def view(self, until_ns: int, now: Stamp) -> SignalView:
        """What the signals show at `until_ns`; responses and beats that became known since the view before."""
        raise NotImplementedError

    def summary(self, start_ns: int, end_ns: int) -> SegmentSignals:
        """What the signals showed from `start_ns` to `end_ns`, of the last minutes; may be asked at any time, and
        changes nothing."""
        raise NotImplementedError

    def derived(self) -> list[Sample]:
        """Heart rate (`HR_BPM`) and intervals (`IBI_MS`) from the optical pulse since last asked, each at its beat's
        time, oldest first; empty where the sensor tells them itself or has no pulse. An interval that was corrected
        is not among them."""
        raise NotImplementedError
