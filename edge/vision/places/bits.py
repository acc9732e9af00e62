"""Sets of zones or lines as the bits of a number: hundreds of things are compared with what they were at a time."""

import numpy as np

from edge.vision.places.geometry import Flags


def packed(flags: Flags) -> list[int]:
    """Each row of flags [n, at most 62] as a number; the first column is its lowest bit."""
    powers = 2 ** np.arange(flags.shape[1], dtype=np.int64)
    numbers: list[int] = (flags @ powers).tolist()
    return numbers


def ones(bits: int) -> list[int]:
    """Which bits of a number are set, from the lowest."""
    return [at for at in range(bits.bit_length()) if bits >> at & 1]
