"""A recorded body on the pins of a sensor node: what a wrist recorded, as a Grove GSR and a pulse sensor show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.support.simulated_node import WAVEFORM_HZ, grove_mv, write_waveform

_EDA_HZ, _BVP_HZ = 4.0, 64.0
_SUBJECT, _SONG = 1904, 4
_PULSE_MIDDLE_MV, _PULSE_SWING_MV = 2500.0, 1200.0


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """Conductance in microsiemens and pulse in millivolts, both at 100 Hz, and the file that the simulator plays."""

    eda_us: Any
    pulse_mv: Any
    waveform: Path


def recorded_body(data_dir: Path, folder: Path) -> RecordedBody:
    """One minute of one person, between 1.6 and 2.5 microsiemens."""
    wrist = data_dir / "body" / "hku956"
    eda = _column(wrist / "eda_temp_4hz.parquet", "eda_us")
    bvp = _column(wrist / "bvp_64hz_x100.parquet", "bvp_c")
    at_s = np.arange(int(len(eda) / _EDA_HZ * WAVEFORM_HZ)) / WAVEFORM_HZ
    eda_us = np.interp(at_s, np.arange(len(eda)) / _EDA_HZ, eda)
    swing = np.interp(at_s, np.arange(len(bvp)) / _BVP_HZ, bvp / np.abs(bvp).max())
    pulse_mv = _PULSE_MIDDLE_MV + _PULSE_SWING_MV * swing
    rows = zip((grove_mv(float(us)) for us in eda_us), pulse_mv, strict=True)
    return RecordedBody(eda_us, pulse_mv, write_waveform(folder / "body.csv", rows))


def _column(path: Path, name: str) -> Any:
    one = [("subject", "=", _SUBJECT), ("song_no", "=", _SONG)]
    return np.array(pq.read_table(path, filters=one, columns=[name])[name], float)
