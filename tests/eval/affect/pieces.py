"""Recordings of one signal as they lie in a table: the rows of one person, and one song, are one recording."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.training.emotion_data import NoRecordingsError

LEAST_S = 20
"""Shorter ones say nothing: our index needs seconds to begin, and NeuroKit2's filters fail."""
_KEYS = ("subject", "song_no")
Floats = NDArray[np.float64]


def pieces(path: Path, column: str, *, rate_hz: int) -> list[tuple[tuple[int, ...], Floats]]:
    """Each recording of at least `LEAST_S` with whose it is, in the order of the rows; nothing where there is no file.

    Raises `NoRecordingsError` if there is one that cannot be read.
    """
    if not path.exists():
        return []
    try:
        table = pq.read_table(path)
        rows = np.stack([table[name].to_numpy() for name in _KEYS if name in table.column_names], axis=1)
        values = table[column].to_numpy().astype(float)
    except (OSError, ValueError, LookupError) as error:
        raise NoRecordingsError(f"{path}: not a table with {column} by subject: {error}") from error
    begins = [0, *(np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1).tolist(), len(rows)]
    found = [(tuple(rows[begin].tolist()), values[begin:end]) for begin, end in pairwise(begins) if end > begin]
    return [(whose, one) for whose, one in found if np.isfinite(one).sum() >= LEAST_S * rate_hz]
