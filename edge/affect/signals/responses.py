"""Finds skin conductance responses: a rise from a trough to a peak of at least so many microsiemens.

Onset, peak, amplitude, rise time and half recovery time as in Boucsein, Electrodermal Activity, 2nd edition 2012,
section 2.5; an amplitude is that of the phasic part, and its threshold is absolute, so that noise is not blown up into
responses where there are none.
"""

from dataclasses import dataclass, replace
from typing import Final

_LONGEST_RECOVERY_NS: Final = 30_000_000_000


@dataclass(frozen=True, slots=True)
class SkinResponse:
    """One response. `recovered_ns`: when half of `amplitude` was gone; None while it is not known."""

    onset_ns: int
    peak_ns: int
    amplitude: float
    recovered_ns: int | None = None


class ResponseFinder:
    """Phasic points in, responses out: each once it has peaked, and again once it has recovered by half."""

    def __init__(self, *, least: float) -> None:
        self._least = least
        self.cut()

    def cut(self) -> None:
        """What comes now has nothing to do with what was; a rise that was under way is none."""
        self._trough: tuple[int, float] | None = None
        self._peak: tuple[int, float] = (0, 0.0)
        self._rising = False
        self._open: tuple[SkinResponse, float] | None = None

    def add(self, t_ns: int, value: float) -> SkinResponse | None:
        """A response that peaked right before `t_ns`, or one that has now recovered by half."""
        if self._trough is None:
            self._trough = self._peak = (t_ns, value)
            return None
        if self._rising and value >= self._peak[1]:
            self._peak = (t_ns, value)
            return None
        if self._rising:
            self._rising = False
            found = self._peaked()
            self._trough = (t_ns, value)
            return found or self._recovered(t_ns, value)
        if value > self._trough[1]:
            self._rising, self._peak = True, (t_ns, value)
            return None
        self._trough = (t_ns, value)
        return self._recovered(t_ns, value)

    def _peaked(self) -> SkinResponse | None:
        assert self._trough is not None  # noqa: S101 (only asked after a trough)
        amplitude = self._peak[1] - self._trough[1]
        if amplitude < self._least:
            return None
        response = SkinResponse(self._trough[0], self._peak[0], amplitude)
        self._open = (response, self._peak[1] - amplitude / 2)
        return response

    def _recovered(self, t_ns: int, value: float) -> SkinResponse | None:
        if self._open is None:
            return None
        response, half = self._open
        if t_ns - response.peak_ns > _LONGEST_RECOVERY_NS:
            self._open = None
        elif value <= half:
            self._open = None
            return replace(response, recovered_ns=t_ns)
        return None
