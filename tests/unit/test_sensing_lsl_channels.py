"""Which channels of a laboratory stream are taken, and as what."""

import importlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import SourceUnavailableError
from edge.core.sample import Channel
from edge.sensing.lsl_channels import Column, columns, values_of
from edge.sensing.lsl_inlet import LslInlet
from edge.sensing.settings import LslSettings
from edge.sensing.units import plausible
from tests.support.clock import FakeClock

_TAKEN = [Column(0, Channel.GSR_US, 0.001), Column(1, Channel.HR_BPM, 1.0)]


def test_labels_and_units_that_say_what_they_are_are_believed() -> None:
    found = columns(["x", "EDA", "RR", "Temp"], ["", "nS", "s", "°C"], {}, {})
    assert found == [
        Column(1, Channel.GSR_US, 0.001),
        Column(2, Channel.IBI_MS, 1000.0),
        Column(3, Channel.SKIN_C, 1.0),
    ]


def test_an_eda_without_a_unit_is_not_believed_to_be_microsiemens() -> None:
    with pytest.raises(ValueError, match=r"set `channels`; it has EDA \[\]"):
        columns(["EDA"], [""], {}, {})


def test_settings_name_channels_by_label_or_number() -> None:
    found = columns(["a", ""], ["", ""], {"a": "gsr_us", "1": "pulse_raw"}, {"a": 0.5})
    assert found == [Column(0, Channel.GSR_US, 0.5), Column(1, Channel.PULSE_RAW, 1.0)]


@pytest.mark.parametrize("name", ["b", "2", "-1"])
def test_a_channel_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match="it has a, 1"):
        columns(["a", ""], ["", ""], {name: "gsr_us"}, {})


def test_absent_values_are_absent_and_implausible_ones_counted() -> None:
    assert values_of([4000.0, 900.0], _TAKEN) == ({Channel.GSR_US: 4.0}, 1)
    assert values_of([math.nan, math.inf], _TAKEN) == ({}, 1)


@given(st.lists(st.floats(), min_size=2, max_size=4))
def test_any_row_gives_plausible_values_only(row: list[float]) -> None:
    values, left_out = values_of(row, _TAKEN)
    assert plausible(values) == values
    assert 0 <= left_out <= len(_TAKEN) - len(values)


def test_a_library_that_is_another_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def undefined(_name: str) -> None:
        raise AttributeError("undefined symbol: lsl_local_clock")

    (tmp_path / "libc.so").touch()
    monkeypatch.setenv("PYLSL_LIB", "")
    monkeypatch.setattr(importlib, "import_module", undefined)
    with pytest.raises(SourceUnavailableError, match="install liblsl"):
        LslInlet(LslSettings(library=str(tmp_path / "libc.so")), clock=FakeClock()).open()
