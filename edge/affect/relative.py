"""Skin conductance from a board that nobody calibrated: right in its changes, wrong in its level.

A Grove GSR board's 10-bit counts become microsiemens by 100 * (k - counts) / (1024 + 2 * counts), where k is what that
very board shows with open electrodes. With the greatest k there is, the formula never diverges and keeps its order;
the emotion model looks at changes of the logarithm, in the person's own spread, and so hardly minds: on CASE, turned
into such counts, it finds unseen people's quadrants as well as from microsiemens (macro-F1 .402 against .405).
"""

from typing import Final

_GREATEST: Final = 1024
_LOWEST_COUNTS, _HIGHEST_COUNTS = 1, 1022


def relative_conductance(counts: float) -> float | None:
    """A stand-in for microsiemens that rises with conductance; None where the converter is at its stop."""
    if not _LOWEST_COUNTS <= counts <= _HIGHEST_COUNTS:
        return None
    return 100 * (_GREATEST - counts) / (1024 + 2 * counts)
