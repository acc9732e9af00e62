"""Sets of zones or lines as the bits of a number: a thing is compared with what it was in one step for all of them."""


def ones(bits: int) -> list[int]:
    """Which bits of a number are set, from the lowest."""
    return [at for at in range(bits.bit_length()) if bits >> at & 1]
