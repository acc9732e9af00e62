"""An inlet on real Lab Streaming Layer outlets of this machine."""

from itertools import pairwise
from pathlib import Path

import pytest

from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.health import State
from edge.core.sample import Channel
from edge.sensing.lsl_inlet import LslInlet
from edge.sensing.settings import LslSettings
from tests.support.lsl import Outlet, liblsl
from tests.support.sensing import Sensed, running

_ROW = [4.2, 71.0, 9.0]
_CHANNELS = {"EDA": "microsiemens", "HR": "bpm", "Marker": ""}


def _sensed(stream: str, **more: object) -> Sensed:
    settings = LslSettings(stream=stream, library=liblsl(), find_s=3, **more)  # type: ignore[arg-type]
    return Sensed(settings, lambda: LslInlet(settings, clock=SystemClock()))


async def test_a_stream_that_says_what_it_is_needs_no_mapping() -> None:
    outlet = Outlet("whole", _CHANNELS, row=_ROW).start()
    sensed = _sensed("whole")
    async with running(sensed):
        began_ns = SystemClock().mono_ns()
        samples = await sensed.more(40)
        view = sensed.service.view()
        now_ns = SystemClock().mono_ns()
    outlet.stop()
    assert samples[-1].values == {Channel.GSR_US: pytest.approx(4.2), Channel.HR_BPM: 71.0}
    assert (view.source, view.state, view.calibrated) == ("lsl", "ok", True)
    assert view.board.startswith("whole on ")
    assert began_ns - 3_000_000_000 < samples[0].mono_ns < samples[-1].mono_ns <= now_ns
    steps = [after.mono_ns - before.mono_ns for before, after in pairwise(samples[10:])]
    assert sorted(steps)[len(steps) // 2] == pytest.approx(20_000_000, rel=0.1)


async def test_channels_and_units_are_mapped_by_settings_and_missing_rows_leave_a_gap() -> None:
    outlet = Outlet("mapped", {"SC": "nS", "x": ""}, row=[4200.0, 500.0]).start()
    sensed = _sensed("mapped", channels={"SC": "gsr_us", "1": "pulse_raw"}, scale={"SC": 0.001})
    async with running(sensed):
        samples = await sensed.more(10)
        assert samples[-1].values == {Channel.GSR_US: pytest.approx(4.2), Channel.PULSE_RAW: 500.0}
        count = len(sensed.samples)
        outlet.behind_s = -0.5
        await sensed.until(lambda: any(sample.gap_before for sample in sensed.samples[count:]))
    outlet.stop()


@pytest.mark.parametrize("wrong_s", [float("nan"), 3600.0])
async def test_rows_whose_stamps_are_no_moments_are_left_out_and_leave_a_gap(wrong_s: float) -> None:
    outlet = Outlet("stamped", _CHANNELS, row=_ROW).start()
    sensed = _sensed("stamped")
    async with running(sensed):
        await sensed.more(5)
        outlet.behind_s = wrong_s
        await sensed.until(lambda: sensed.service.stats.implausible > 0)
        outlet.behind_s = 0.0
        count = len(sensed.samples)
        await sensed.more(5)
        now_ns = SystemClock().mono_ns()
    outlet.stop()
    assert any(sample.gap_before for sample in sensed.samples[count - 1 :])
    assert all(now_ns - 20_000_000_000 < sample.mono_ns <= now_ns for sample in sensed.samples)


async def test_an_outlet_that_vanishes_fails_and_another_of_its_name_is_found() -> None:
    outlet = Outlet("phoenix", _CHANNELS, row=_ROW).start()
    sensed = _sensed("phoenix")
    async with running(sensed):
        await sensed.more(5)
        outlet.stop()
        await sensed.until(lambda: sensed.state is State.FAILED)
        count = len(sensed.samples)
        outlet = Outlet("phoenix", _CHANNELS, row=_ROW).start()
        await sensed.until(lambda: len(sensed.samples) > count)
    outlet.stop()
    assert sensed.samples[count].gap_before


def test_a_stream_that_is_not_there_and_one_that_says_nothing_are_unavailable_with_what_to_do(tmp_path: Path) -> None:
    clock = SystemClock()
    with pytest.raises(SourceUnavailableError, match="start its outlet"):
        LslInlet(LslSettings(stream="none", library=liblsl(), find_s=0.5), clock=clock).open()
    with pytest.raises(SourceUnavailableError, match="no such file"):
        LslInlet(LslSettings(library=str(tmp_path / "liblsl.so")), clock=clock).open()
    outlet = Outlet("mute", {"a": "", "b": ""}, row=[1.0, 2.0])
    sensor = LslInlet(LslSettings(stream="mute", library=liblsl(), find_s=3), clock=clock)
    with pytest.raises(SourceUnavailableError, match="set `channels`"):
        sensor.open()
    sensor.close()
    outlet.stop()
