"""How big parts are. S3 takes 10,000 of them, of 5 MiB to 5 GiB, all but the last of one size here."""

from typing import Final

MOST_PARTS: Final = 10_000
LARGEST_PART_BYTES: Final = 5 << 30
_MIB: Final = 1 << 20
_ROOM: Final = 16


def part_bytes_for(size_bytes: int, least_bytes: int) -> int:
    """The part size of a file that becomes so big at most: `least_bytes`, or more where 10,000 would not do."""
    needed = -(-size_bytes // MOST_PARTS)
    if needed <= least_bytes:
        return least_bytes
    return min(-(-needed // _MIB) * _MIB, LARGEST_PART_BYTES)


def outgrown(size_bytes: int, part_bytes: int) -> bool:
    """Whether a file of this size needs more parts than there may be."""
    return -(-size_bytes // part_bytes) > MOST_PARTS


def larger(size_bytes: int, part_bytes: int) -> int:
    """The part size to begin again with when a file has outgrown its parts and may grow on."""
    return part_bytes_for(size_bytes * _ROOM, part_bytes)
