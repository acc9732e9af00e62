"""Recorded files: columns, choosing, gaps, merging, speed, loop, and errors that name the remedy."""

import builtins
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from edge.core.errors import SourceEndedError, SourceUnavailableError
from edge.core.sample import Channel, Sample
from edge.sensing.recorded import load, merged
from edge.sensing.replay import ReplaySensor
from edge.sensing.settings import ReplaySettings
from tests.support.clock import FakeClock

_EDA = "subject,i,eda_us,note\n5,0,1.0,a\n5,1,1.5,b\n6,0,9.0,c\n5,2,,d\n5,3,2.0,e\n5,4,2.5,f\n"
_HR = "t_s,hr_bpm\n0.5,70\n1.0,0\n1.5,72\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "eda.csv").write_text(_EDA)
    return tmp_path


def _play(*files: Path, rounds: int = 200, **settings: Any) -> tuple[list[Sample], bool, int]:
    """Play files on a clock that jumps to the next sample; samples, whether it ended, and the start."""
    clock = FakeClock()
    chosen = ReplaySettings(files=tuple(str(file) for file in files), **settings)
    sensor = ReplaySensor(chosen, clock=clock, pause=clock.advance)
    start = clock.mono_ns()
    sensor.open()
    samples: list[Sample] = []
    try:
        for _ in range(rounds):
            samples += sensor.read()
    except SourceEndedError:
        return samples, True, start
    finally:
        sensor.close()
    return samples, False, start


def test_rows_of_one_subject_come_at_their_own_times_and_gaps_stay_gaps(folder: Path) -> None:
    samples, ended, start = _play(folder / "eda.csv", where={"subject": 5}, rate_hz=4.0)
    assert ended
    assert [(round((one.mono_ns - start) / 1e6), one.values[Channel.GSR_US], one.gap_before) for one in samples] == [
        (0, 1.0, False),
        (250, 1.5, False),
        (750, 2.0, True),
        (1000, 2.5, False),
    ]


def test_files_of_other_rates_are_merged_by_time_and_implausible_values_are_absent(folder: Path) -> None:
    hr = _HR.replace("t_s,", "subject,t_s,").replace("\n", "\n5,").removesuffix("5,")
    (folder / "hr.csv").write_text(hr)
    samples, _, start = _play(folder / "eda.csv", folder / "hr.csv", where={"subject": 5})
    by_time = {round((one.mono_ns - start) / 1e6): one.values for one in samples}
    assert by_time[500] == {Channel.HR_BPM: 70.0}
    assert by_time[1000] == {Channel.GSR_US: 2.5}
    assert by_time[1500] == {Channel.HR_BPM: 72.0}


def test_speed_squeezes_time_and_the_stamps_with_it(folder: Path) -> None:
    samples, _, start = _play(folder / "eda.csv", where={"subject": 5}, speed=10.0)
    assert [round((one.mono_ns - start) / 1e6) for one in samples] == [0, 25, 75, 100]


def test_a_loop_begins_again_after_a_gap(folder: Path) -> None:
    samples, ended, start = _play(folder / "eda.csv", where={"subject": 5}, loop=True, rounds=30)
    assert not ended
    assert [round((one.mono_ns - start) / 1e6) for one in samples[:6]] == [0, 250, 750, 1000, 1250, 1500]
    assert samples[4].gap_before


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a,b\n1,2\n", {}, "needs a column t_s or i"),
        ("t_s,hr_bpm\n", {}, "no row fits"),
        ("t_s,hr_bpm\n1,70\n", {"subject": 3}, "no column 'subject'"),
        ("subject,t_s,hr_bpm\n1,0,70\n1,1,70\n2,0,70\n", {}, "choose one recording"),
        ("t_s,hr_bpm\n1,seventy\n", {}, "seventy"),
        ("", {}, "needs a column"),
        ("t_s,hr_bpm\n,70\n,71\n", {}, "row 1 has no time"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path: Path, text: str, where: dict[str, int], words: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(SourceUnavailableError, match=words):
        load(tmp_path / "x.csv", rate_hz=4.0, where=where)


@pytest.mark.parametrize("times", [("nan",), ("",), ("0", "inf"), ("-inf", "0"), ("0", "nan", "1"), ("0", "1e300")])
def test_a_time_that_is_none_is_refused_and_ends_nothing_else(tmp_path: Path, times: tuple[str, ...]) -> None:
    rows = "".join(f"{time},4.2\n" for time in times)
    (tmp_path / "odd.csv").write_text(f"t_s,eda_us\n{rows}")
    with pytest.raises(SourceUnavailableError, match="has no time"):
        _play(tmp_path / "odd.csv")


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("text", ["t_s,eda_us\n0,\n1,\n", "t_s,eda_us\n0,nan\n"])
def test_a_file_without_any_value_is_refused_and_nobody_looks_for_one_for_ever(
    tmp_path: Path, text: str, *, loop: bool
) -> None:
    """As of a device that was not worn: a loop would go round in it and never come back."""
    (tmp_path / "empty.csv").write_text(text)
    with pytest.raises(SourceUnavailableError, match="no row has a value"):
        _play(tmp_path / "empty.csv", loop=loop)


@pytest.mark.parametrize("times", [["a", "b"], [None, 1.0], [[1.0], [2.0]], [{"s": 1}, {"s": 2}], []])
def test_a_table_of_something_else_is_refused_and_ends_nothing_else(tmp_path: Path, times: list[Any]) -> None:
    parquet.write_table(pa.table({"t_s": times, "eda_us": [1.0] * len(times)}), tmp_path / "odd.parquet")
    with pytest.raises(SourceUnavailableError, match=r"odd\.parquet: "):
        _play(tmp_path / "odd.parquet")


@pytest.mark.parametrize(
    "content", [b"", bytes(4096), b"PAR1" + bytes(64) + b"PAR1", "t_s,eda_us\n0,é".encode("latin-1")]
)
@pytest.mark.parametrize("name", ["odd.csv", "odd.parquet"])
def test_a_file_of_other_bytes_is_refused_and_ends_nothing_else(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnavailableError):
        _play(tmp_path / name)


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="No such file"):
        load(tmp_path / "none.csv", rate_hz=4.0, where={})


def test_parquet_without_pyarrow_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pyarrow(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(SourceUnavailableError, match="install it, or convert to CSV"):
        load(tmp_path / "x.parquet", rate_hz=4.0, where={})


@pytest.mark.data
def test_the_shared_recording_of_a_person_is_replayed_whole(data_dir: Path) -> None:
    folder = data_dir / "body" / "stress_predict"
    eda = load(folder / "eda_temp_acc_4hz.parquet", rate_hz=4.0, where={"subject": 1})
    hr = load(folder / "hr_1hz.parquet", rate_hz=4.0, where={"subject": 1})
    readings = list(merged([eda, hr]))
    assert readings[-1].t_s > 3000
    rates = [reading.values[Channel.HR_BPM] for reading in readings if Channel.HR_BPM in reading.values]
    assert len(rates) == len(hr.times_s)
    assert min(rates) > 40
    conductances = [r.values[Channel.GSR_US] for r in readings if Channel.GSR_US in r.values]
    assert len(eda.times_s) - 50 <= len(conductances) <= len(eda.times_s)
    assert [reading.t_s for reading in readings] == sorted({reading.t_s for reading in readings})
