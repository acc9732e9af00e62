"""Bytes as people read them. Machines are told bytes."""

from typing import Final

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB", "EB")
_STEP: Final = 1000
_FINE: Final = 99.95
"""Below so many of a unit one decimal is told."""


def said_bytes(size: int) -> str:
    """A size in bytes for people, in powers of ten: `812 bytes`, `4.2 MB`, `57.7 GB`."""
    if abs(size) < _STEP:
        return f"{size} byte{'' if abs(size) == 1 else 's'}"
    number, unit = float(size), ""
    for unit in _UNITS:  # noqa: B007 - the last one stays
        number /= _STEP
        if abs(number) < _STEP - 0.5:
            break
    return f"{number:.1f} {unit}" if abs(number) < _FINE else f"{number:.0f} {unit}"
