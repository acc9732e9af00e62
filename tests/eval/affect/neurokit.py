"""What NeuroKit2 finds in a recording, by its own documented ways; nothing of it is in the product.

Skin: `eda_clean`, `eda_phasic` (a 0.05 Hz high-pass, both ways) and `eda_peaks`, as `eda_process` runs them, but
without its threshold relative to the largest response: an absolute one is applied to its amplitudes, the same as to
ours. Pulse:
`ppg_clean` and `ppg_peaks` after Elgendi, as `ppg_process` runs them, without and with its `correct_artifacts`
(Lipponen and Tarvainen), and `signal_rate`.
"""

import importlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def version() -> str:
    """The version that is installed; raises `ImportError` with what to do where it is not."""
    return str(_neurokit().__version__)


def responses(conductance: Floats, *, rate_hz: int) -> tuple[Floats, Floats]:
    """Times of the peaks in seconds, and amplitudes in microsiemens."""
    nk = _neurokit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clean = nk.eda_clean(conductance, sampling_rate=rate_hz)
        phasic = nk.eda_phasic(clean, sampling_rate=rate_hz)["EDA_Phasic"].to_numpy()
        try:
            _, found = nk.eda_peaks(phasic, sampling_rate=rate_hz, method="neurokit", amplitude_min=0)
        except (ValueError, IndexError):  # it raises where it finds no peak at all
            return np.empty(0), np.empty(0)
    sizes = np.asarray(found["SCR_Amplitude"], float)
    kept = np.isfinite(sizes)
    return np.asarray(found["SCR_Peaks"], float)[kept] / rate_hz, sizes[kept]


def heart_rate(pulse: Floats, *, rate_hz: int, correct: bool) -> Floats:
    """Beats a minute at each sample."""
    nk = _neurokit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clean = nk.ppg_clean(pulse, sampling_rate=rate_hz)
        _, found = nk.ppg_peaks(clean, sampling_rate=rate_hz, correct_artifacts=correct)
        rate = nk.signal_rate(found["PPG_Peaks"], sampling_rate=rate_hz, desired_length=pulse.size)
    return np.asarray(rate, float)


def _neurokit() -> Any:
    try:
        return importlib.import_module("neurokit2")
    except ImportError as error:
        raise ImportError("NeuroKit2 is not installed; it is needed to compare with: pip install neurokit2") from error
