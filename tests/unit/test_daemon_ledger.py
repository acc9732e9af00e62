"""Changes of health on their way to the store: none twice, none in the way of the others."""

import asyncio
from pathlib import Path

import pytest

from contract.messages import AnyBody, HealthChange, Record
from edge.config import EdgeConfig
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError
from edge.core.health import PartHealth, State
from edge.core.hub import Hub
from edge.daemon.health_ledger import HealthLedger
from edge.daemon.password import auth_of, ensure_password
from tests.support.clock import FakeClock
from tests.support.record_sink import MemorySink


class _Sink(MemorySink):
    """Says of a part by its name what the real store might."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.told: list[str] = []

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        assert isinstance(body, HealthChange)
        self.told.append(body.part)
        if "slow" in body.part:
            self.clock.advance(6)
            raise StoreDelayedError("the disk is full")
        if "wrong" in body.part:
            raise RecordInvalidError("breaks the contract")
        return await super().append(body, at)


@pytest.mark.parametrize("word", ["slow", "wrong"])
async def test_what_is_not_to_be_tried_again_is_not_and_holds_nobody_up(word: str) -> None:
    clock = FakeClock()
    sink = _Sink(clock)
    ledger = HealthLedger(sink=sink, hub=Hub(), clock=clock)
    for number in range(10):
        ledger.changed(PartHealth(f"{word}.{number}", State.FAILED, "", clock.now(), 0))
    ledger.changed(PartHealth("camera.front", State.OK, "", clock.now(), 0))
    running = asyncio.create_task(ledger.run())
    async with asyncio.timeout(5):
        while not sink.records:
            await asyncio.sleep(0)
            assert ledger.pulse.alive, "a minute of a full disk is no reason to be killed by the watchdog"
    running.cancel()
    await asyncio.wait({running})
    assert sink.told == [*(f"{word}.{number}" for number in range(10)), "camera.front"]


async def test_what_the_store_refuses_is_told_with_the_next_change_in_order() -> None:
    clock = FakeClock()
    sink = MemorySink(clock)
    ledger = HealthLedger(sink=sink, hub=Hub(), clock=clock)
    sink.full = True
    ledger.changed(PartHealth("disk", State.DEGRADED, "full", clock.now(), 0))
    running = asyncio.create_task(ledger.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert sink.refused == 1
    sink.full = False
    ledger.changed(PartHealth("disk", State.OK, "", clock.now(), 1))
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    assert [body.state for record in sink.records if isinstance(body := record.body, HealthChange)] == [
        "degraded",
        "ok",
    ]


async def test_a_damaged_password_keeps_people_out_and_the_appliance_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = EdgeConfig(state_dir=str(tmp_path))
    (tmp_path / "auth").mkdir()
    (tmp_path / "auth" / "password.json").write_bytes(b"{")
    assert ensure_password(config, auth_of(config)) is None
    assert "password --reset" in caplog.text
