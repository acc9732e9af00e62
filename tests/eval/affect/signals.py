"""Whether our causal signals agree with NeuroKit2, which sees the whole recording, before and after.

Clean means clean by our own quality index, told by the stream while it ran: a stretch of 10 s is clean if the index is
at least 0.9 in the two views of 5 s that cover it. The figures of all stretches stand beside. Responses agree if their
peaks lie within 1 s, one to one; heart rates if they lie within 2 beats a minute.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training.emotion_data import NoRecordingsError
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.stream import SignalStream
from edge.core.clock import Stamp
from edge.core.sample import Channel, Sample
from tests.eval.affect import neurokit
from tests.eval.affect.pieces import LEAST_S, pieces
from tests.eval.figures import Figure, Table

SCR_F1: Final = 0.9
WITHIN: Final = 0.95
CLEAN_INDEX: Final = 0.9
_STRETCH_S: Final = 10
_KNOWN_S: Final = 2
"""How long after a stretch everything in it is known."""
_TOLERANCE_S: Final = 1.0
_TOLERANCE_BPM: Final = 2.0
_SECOND_NS: Final = 1_000_000_000
_WALL_MS: Final = 1_760_000_000_000
_LEAST_US: Final = (0.01, 0.03, 0.05)
_BANDS: Final = ((0.9, 1.01), (0.7, 0.9), (0.5, 0.7), (0.0, 0.5), (0.0, 1.01))
_SKINS: Final = {"stress_predict": "stress_predict/eda_temp_acc_4hz.parquet", "hku956": "hku956/eda_temp_4hz.parquet"}
_PULSE: Final = "hku956/bvp_64hz_x100.parquet"
_RATE: Final = "hku956/hr_1hz.parquet"
Floats = NDArray[np.float64]
_Recording = tuple[tuple[int, ...], Floats]


class _Agreement(NamedTuple):
    ours: int
    theirs: int
    both: int

    @property
    def f1(self) -> float:
        return 2 * self.both / (self.ours + self.theirs) if self.ours + self.theirs else float("nan")

    def plus(self, other: "_Agreement") -> "_Agreement":
        return _Agreement(self.ours + other.ours, self.theirs + other.theirs, self.both + other.both)


class _Stretch(NamedTuple):
    fit: float
    ours: float
    plain: float
    corrected: float
    device: float


def tables(data: Path) -> tuple[list[Table], list[Figure]]:
    """Tables of agreement on the recordings under `data`, `scr_f1_vs_neurokit` and `hr_within_2bpm`: of the skin, the
    pulse or both, by what is there.

    Raises `ImportError` where NeuroKit2 is missing, `NoRecordingsError` where all recordings are, or one is unreadable.
    """
    neurokit.version()
    skins = {name: pieces(data / "body" / path, "eda_us", rate_hz=4) for name, path in _SKINS.items()}
    skins = {name: found for name, found in skins.items() if found}
    pulses = pieces(data / "body" / _PULSE, "bvp_c", rate_hz=64)
    if not skins and not pulses:
        wanted = ", ".join((*_SKINS.values(), _PULSE))
        raise NoRecordingsError(f"{data / 'body'}: none of {wanted} has {LEAST_S} s of anybody")
    found, figures = [], []
    if skins:
        table, scr_f1 = _skin(skins)
        found.append(table)
        figures.append(Figure("scr_f1_vs_neurokit", scr_f1, "F1, clean", at_least=SCR_F1))
    if pulses:
        table, within, corrected = _heart(pulses, dict(pieces(data / "body" / _RATE, "hr_bpm", rate_hz=1)))
        found.append(table)
        figures.append(Figure("hr_within_2bpm", within, "share, clean", at_least=WITHIN, baseline=corrected))
    return found, figures


def _skin(sets: dict[str, list[_Recording]]) -> tuple[Table, float]:
    rows: list[list[Any]] = []
    told = float("nan")
    theirs = {name: [neurokit.responses(one, rate_hz=4) for _, one in found] for name, found in sets.items()}
    for least_us in _LEAST_US:
        total = _Agreement(0, 0, 0)
        for name, recordings in sets.items():
            peaks = [at[sizes >= least_us] for at, sizes in theirs[name]]
            everywhere, clean, share = _skin_set([values for _, values in recordings], peaks, least_us)
            total = total.plus(clean)
            rows.append([name, least_us, everywhere.ours, everywhere.theirs, everywhere.f1, share, clean.f1])
        rows.append(["both", least_us, "", "", "", "", total.f1])
        told = total.f1 if least_us == SignalSettings().scr_threshold_us else told
    title = f"Skin conductance responses beside NeuroKit2 {neurokit.version()}, peaks within {_TOLERANCE_S:.0f} s"
    return Table(title, ["recordings", "least us", "ours", "theirs", "F1, all", "clean share", "F1, clean"], rows), told


def _skin_set(recordings: list[Floats], theirs: list[Floats], least_us: float) -> tuple[_Agreement, _Agreement, float]:
    everywhere = clean = _Agreement(0, 0, 0)
    fit: list[bool] = []
    for values, peaks in zip(recordings, theirs, strict=True):
        ours, states = _our_responses(values, least_us)
        everywhere = everywhere.plus(_agreement(ours, peaks))
        clean = clean.plus(_agreement(_in_clean(ours, states), _in_clean(peaks, states)))
        fit += states
    return everywhere, clean, float(np.mean(fit))


def _our_responses(values: Floats, least_us: float) -> tuple[Floats, list[bool]]:
    """Times of the peaks in seconds, and whether each whole stretch of the recording is clean."""
    stream = SignalStream("wrist", settings=SignalSettings(scr_threshold_us=least_us))
    peaks: dict[int, float] = {}
    indices: list[float] = []
    last_ns = (values.size - 1) * _SECOND_NS // 4
    for number, value in enumerate(values.tolist()):
        at_ns = number * _SECOND_NS // 4
        stream.add(Sample("wrist", at_ns, {Channel.GSR_US: value}))
        if at_ns % (5 * _SECOND_NS) == _KNOWN_S * _SECOND_NS or at_ns == last_ns:
            view = stream.view(at_ns, Stamp(at_ns, _WALL_MS + at_ns // 1_000_000, True))
            peaks |= {one.onset_ms: (one.peak_ms - _WALL_MS) / 1000 for one in view.responses}
            indices.append(view.quality["gsr_us"].index)
    pairs = zip(indices[1:-1:2], indices[2::2], strict=False)
    return np.array(sorted(peaks.values())), [min(pair) >= CLEAN_INDEX for pair in pairs]


def _in_clean(peaks: Floats, states: list[bool]) -> Floats:
    number = (peaks // _STRETCH_S).astype(int)
    kept = np.array([at < len(states) and states[at] for at in number.tolist()], bool)
    inside: Floats = peaks[kept]
    return inside


def _agreement(ours: Floats, theirs: Floats) -> _Agreement:
    """Matches one to one, in order of time."""
    at = other = both = 0
    while at < ours.size and other < theirs.size:
        if abs(ours[at] - theirs[other]) <= _TOLERANCE_S:
            at, other, both = at + 1, other + 1, both + 1
        elif ours[at] < theirs[other]:
            at += 1
        else:
            other += 1
    return _Agreement(ours.size, theirs.size, both)


def _heart(pulses: list[_Recording], device: dict[tuple[int, ...], Floats]) -> tuple[Table, float, float]:
    stretches: list[_Stretch] = []
    for whose, counts in pulses:
        stretches += _stretches(counts / 100, device.get(whose, np.empty(0)))
    found = np.array(stretches)
    rows = [_band(found, low, high) for low, high in _BANDS]
    title = "Heart rate over 10 s, share within 2 beats a minute (theirs: NeuroKit2's with its artefact correction)"
    columns = ["our index", "stretches", "no rate of ours", "ours-theirs", "ours-theirs plain"]
    columns += ["theirs plain-corrected", "ours-device", "theirs-device"]
    return Table(title, columns, rows), rows[0][3], rows[0][5]


def _stretches(pulse: Floats, device: Floats) -> Iterator[_Stretch]:
    plain = neurokit.heart_rate(pulse, rate_hz=64, correct=False)
    corrected = neurokit.heart_rate(pulse, rate_hz=64, correct=True)
    for end_s, (index, ours) in _our_rates(pulse).items():
        these = slice((end_s - _STRETCH_S) * 64, end_s * 64)
        seconds = slice(end_s - _STRETCH_S, end_s)
        told = float(device[seconds].mean()) if device.size >= end_s else float("nan")
        yield _Stretch(index, ours, plain[these].mean(), corrected[these].mean(), told)


def _our_rates(pulse: Floats) -> dict[int, tuple[float, float]]:
    """Index and heart rate of each stretch, by the second at which it ends."""
    stream = SignalStream("wrist")
    indices: dict[int, float] = {}
    found: dict[int, tuple[float, float]] = {}
    for number, value in enumerate(pulse.tolist()):
        at_ns = number * _SECOND_NS // 64
        stream.add(Sample("wrist", at_ns, {Channel.PULSE_RAW: value}))
        if at_ns % (5 * _SECOND_NS) == _KNOWN_S * _SECOND_NS:
            now_s = at_ns // _SECOND_NS
            view = stream.view(at_ns, Stamp(at_ns, _WALL_MS + now_s * 1000, True))
            indices[now_s], end_s = view.quality["pulse_raw"].index, now_s - _KNOWN_S
            if end_s >= _STRETCH_S:
                numbers = stream.summary((end_s - _STRETCH_S) * _SECOND_NS, end_s * _SECOND_NS).numbers
                found[end_s] = min(indices[now_s], indices[now_s - 5]), numbers.get("hr_bpm", float("nan"))
    return found


def _band(found: Floats, low: float, high: float) -> list[Any]:
    rows = found[(found[:, 0] >= low) & (found[:, 0] < high)]
    index, ours, plain, corrected, device = rows.T
    name = "all" if high - low > 1 else f"{low:.1f} to {min(high, 1.0):.1f}"
    pairs = ((ours, corrected), (ours, plain), (plain, corrected), (ours, device), (corrected, device))
    return [name, index.size, float(np.isnan(ours).mean()), *(_within(one, other) for one, other in pairs)]


def _within(one: Floats, other: Floats) -> float:
    """What is not known is not within."""
    return float(np.mean(np.abs(one - other) <= _TOLERANCE_BPM)) if one.size else float("nan")
