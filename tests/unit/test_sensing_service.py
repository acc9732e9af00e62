"""The service around a sensor: order, gaps, silence, the end, and a loop that is too slow."""

import asyncio
import queue
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contract.errors import InvalidSettingsError
from contract.settings import decode_settings
from edge.core.errors import SourceEndedError, SourceUnavailableError
from edge.core.health import Health, State
from edge.core.sample import Channel, Sample
from edge.sensing.reader import SensorReader
from edge.sensing.sensor import Diagnosis
from edge.sensing.service import SensingService
from edge.sensing.settings import SensorSettings
from tests.support.clock import FakeClock


class _ManualClock(FakeClock):
    """A clock whose sleepers wait until the test lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self.mono_ns() + round(seconds * 1e9)
        while self.mono_ns() < until:
            passed = self._passed
            await passed.wait()

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        passed, self._passed = self._passed, asyncio.Event()
        passed.set()


class _Scripted:
    """A sensor that does what the test puts into its queue."""

    def __init__(self, script: "queue.Queue[list[Sample] | Exception]") -> None:
        self._script = script
        self.diagnosed = Diagnosis()

    def open(self) -> None:
        return

    def read(self) -> list[Sample]:
        try:
            step = self._script.get(timeout=0.02)
        except queue.Empty:
            return []
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        return

    def describe(self) -> str:
        return "scripted"

    def diagnosis(self) -> Diagnosis:
        return self.diagnosed


class _Rig:
    def __init__(self) -> None:
        self.clock = _ManualClock()
        self.health = Health(self.clock)
        self.script: queue.Queue[list[Sample] | Exception] = queue.Queue()
        self.sensor = _Scripted(self.script)
        self.samples: list[Sample] = []
        self.service = SensingService(
            "body",
            open_sensor=lambda: self.sensor,
            deliver=self.samples.append,
            health=self.health,
            clock=self.clock,
            rng=random.Random(1),
        )

    @property
    def state(self) -> State:
        return self.health.of("sensor.body")

    def say(self, *hz: float) -> None:
        self.script.put([Sample("body", round(at * 1e9), {Channel.HR_BPM: 70.0}) for at in hz])

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 - what is waited for lies in another thread
                await asyncio.sleep(0.005)


@asynccontextmanager
async def _running(rig: _Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(rig.service.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_samples_are_delivered_in_order_with_a_rate() -> None:
    rig = _Rig()
    async with _running(rig):
        for step in range(10):
            rig.say(step / 4)
        await rig.until(lambda: len(rig.samples) == 10)
        assert [sample.mono_ns for sample in rig.samples] == [round(step / 4 * 1e9) for step in range(10)]
        assert rig.state is State.OK
        assert rig.service.stats.rate_hz == pytest.approx(4.0)
        rig.clock.advance(6)
        assert rig.service.stats.rate_hz == 0.0


async def test_a_lost_source_is_tried_again_and_its_return_is_a_gap_and_counted() -> None:
    rig = _Rig()
    async with _running(rig):
        rig.say(0)
        await rig.until(lambda: len(rig.samples) == 1)
        rig.script.put(SourceUnavailableError("pulled out"))
        await rig.until(lambda: rig.state is State.FAILED)
        rig.say(5)
        await asyncio.sleep(0.1)
        assert len(rig.samples) == 1
        rig.clock.advance(1)
        await rig.until(lambda: len(rig.samples) == 2)
        assert rig.samples[1].gap_before
        assert (rig.service.stats.reconnects, rig.service.stats.gaps) == (1, 1)
        assert rig.state is State.OK


async def test_the_first_connection_after_failures_is_no_reconnect_and_no_gap() -> None:
    rig = _Rig()
    async with _running(rig):
        rig.script.put(SourceUnavailableError("not yet"))
        await rig.until(lambda: rig.state is State.FAILED)
        rig.clock.advance(1)
        rig.say(1)
        await rig.until(lambda: len(rig.samples) == 1)
        assert not rig.samples[0].gap_before
        assert rig.service.stats.reconnects == 0


@pytest.mark.parametrize(
    ("diagnosis", "words"),
    [
        (Diagnosis(), "silent for more than 5 s"),
        (Diagnosis(bad_rows=9, last_bad=("zz",)), "cannot be read, such as 'zz'"),
        (Diagnosis(implausible=4), "electrodes"),
    ],
)
async def test_silence_is_noticed_and_explained_and_keeps_the_pulse(diagnosis: Diagnosis, words: str) -> None:
    rig = _Rig()
    async with _running(rig):
        rig.say(0)
        await rig.until(lambda: rig.state is State.OK)
        rig.sensor.diagnosed = diagnosis
        for _ in range(12):
            rig.clock.advance(4)
            await asyncio.sleep(0.04)
        assert rig.state is State.DEGRADED
        assert words in rig.health.parts()[0].detail
        assert rig.service.pulse.alive
        rig.say(60)
        await rig.until(lambda: rig.state is State.OK)


async def test_a_finite_source_that_ended_is_stopped_not_failed_and_the_service_goes_on() -> None:
    rig = _Rig()
    async with _running(rig):
        rig.say(0)
        await rig.until(lambda: rig.state is State.OK)
        rig.script.put(SourceEndedError("over"))
        await rig.until(lambda: rig.state is State.STOPPED)
        assert len(rig.samples) == 1
        for _ in range(40):
            rig.clock.advance(1)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert rig.service.pulse.alive


async def test_an_unexpected_error_in_the_thread_ends_the_service() -> None:
    rig = _Rig()
    rig.script.put(ZeroDivisionError("a bug"))
    with pytest.raises(ExceptionGroup) as caught:
        await rig.service.run()
    assert caught.group_contains(ZeroDivisionError)


async def test_a_loop_that_stalls_loses_the_oldest_counted_and_marked() -> None:
    rig = _Rig()
    reader = SensorReader(lambda: rig.sensor, name="test", limit=3)
    reader.start()
    rig.say(*range(10))
    await rig.until(lambda: reader.dropped > 0)
    samples = await reader.next()
    await reader.stop()
    assert [sample.mono_ns for sample in samples] == [7 * 10**9, 8 * 10**9, 9 * 10**9]
    assert [sample.gap_before for sample in samples] == [True, False, False]
    assert reader.dropped == 7


@pytest.mark.parametrize("source", ["serial", "replay", "simulated"])
def test_settings_are_told_apart_by_their_source_and_defaults_just_work(source: str) -> None:
    any_sensor: Any = SensorSettings
    assert decode_settings({"source": source, "id": "chest"}, any_sensor).id == "chest"


def test_a_wrong_setting_is_named_with_its_bound() -> None:
    any_sensor: Any = SensorSettings
    with pytest.raises(InvalidSettingsError, match=r"\$\.baud: must be >= 0"):
        decode_settings({"source": "serial", "baud": -9}, any_sensor)
