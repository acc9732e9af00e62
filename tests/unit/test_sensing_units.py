"""Units at the door: the Grove formula, nanosiemens, and what no body can show."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.sample import Channel
from edge.sensing.settings import GsrUnit
from edge.sensing.units import BoardUnits, grove_us, plausible


def test_a_calibrated_grove_board_gives_microsiemens() -> None:
    values = BoardUnits("grove_adc", 512, "bpm").values(300, 72)
    assert values == {Channel.GSR_US: pytest.approx(100 * (512 - 300) / (1024 + 600)), Channel.HR_BPM: 72.0}


def test_the_calibration_is_the_boards_own() -> None:
    assert grove_us(300, 450) < grove_us(300, 512)


def test_at_and_above_the_calibration_the_formula_diverges_and_the_value_is_absent() -> None:
    units = BoardUnits("grove_adc", 512, "bpm")
    assert units.values(512, 72) == units.values(600, 72) == {Channel.HR_BPM: 72.0}
    assert math.isnan(grove_us(512, 512))


def test_without_a_calibration_counts_stay_counts() -> None:
    assert BoardUnits("grove_adc", 0, "bpm").values(300, 72)[Channel.GSR_RAW] == 300.0


@pytest.mark.parametrize(("unit", "value", "us"), [("us", 4, 4.0), ("nanosiemens", 4250, 4.25)])
def test_other_units_of_conductance(unit: GsrUnit, value: int, us: float) -> None:
    assert BoardUnits(unit, 0, "bpm").values(value, 72)[Channel.GSR_US] == us


@pytest.mark.parametrize("hr", [0, 19, 251, 512, -3])
def test_an_implausible_heart_rate_is_absent_not_zero(hr: int) -> None:
    assert Channel.HR_BPM not in BoardUnits("us", 0, "bpm").values(4, hr)


def test_raw_pulse_is_kept_as_counts() -> None:
    assert BoardUnits("us", 0, "pulse_adc").values(4, 612) == {Channel.GSR_US: 4.0, Channel.PULSE_RAW: 612.0}


@pytest.mark.parametrize("counts", [-1384.35, 262_143, -(2**23), 2**24 - 1])
def test_a_pulse_swings_around_nought_or_fills_a_converter_of_24_bits(counts: float) -> None:
    """A wristband's filtered wave is as often below 0 as above; optical converters have 18, 22 or 24 bits."""
    assert plausible({Channel.PULSE_RAW: counts}) == {Channel.PULSE_RAW: counts}
    assert plausible({Channel.PULSE_RAW: 1e9}) == {}


@given(st.integers(-(10**7), 10**7), st.integers(1, 1023))
def test_the_formula_never_gives_what_no_skin_has(adc: int, calibration: int) -> None:
    us = grove_us(adc, calibration)
    assert math.isnan(us) or 0 < us <= 100


def test_a_number_that_is_none_is_not_plausible() -> None:
    assert plausible({Channel.HR_BPM: math.nan, Channel.GSR_US: math.inf, Channel.SKIN_C: 33.0}) == {
        Channel.SKIN_C: 33.0
    }
