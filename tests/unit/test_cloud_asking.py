"""What the cloud does beside taking records in: it answers questions, and asks again for what is missing."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from cloud.ingest.gaps import GapReminder
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.requests import Allowance, Question, StorageDesk
from cloud.objects.uploads import NoUploads, RefusedError, Uploads
from cloud.store.coverage import Coverage
from cloud.store.errors import StoreUnavailableError
from cloud.store.intake import Boot, Intake
from contract.codec import decode, encode
from contract.storage import Operation, StorageReply, StorageRequest
from tests.support.cloud import BOOT, StillClock

KEY = "sessions/gate/s1/signals.parquet"


class CountingUploads:
    """Begins an upload with each question that asks for one, and says how many there were."""

    def __init__(self) -> None:
        self.begun = 0
        self.held_up = threading.Event()
        self.held_up.set()
        self.away = False

    def answer(self, request: StorageRequest) -> StorageReply:
        """Begin."""
        self.held_up.wait(10)
        if self.away:
            raise RefusedError("unavailable", "away")
        self.begun += 1
        return StorageReply(request_id=request.request_id, upload_id=f"u{self.begun}")

    async def close(self) -> None:
        """Nothing to let go of."""


class Stage:
    """A desk and what it published."""

    def __init__(self, uploads: Uploads, **more: Any) -> None:
        self.registry = CollectorRegistry()
        self.sent: list[tuple[str, StorageReply]] = []
        self.woken = asyncio.Event()
        metrics = IngestMetrics(self.registry)
        self.told: set[tuple[str, str]] | None = set()
        self.desk = StorageDesk(
            uploads, self._publish, is_told=self._is_told, metrics=metrics, clock=StillClock(), **more
        )

    def ask(self, request_id: str, *, device: str = "gate", key: str = KEY, operation: Operation = "begin") -> None:
        """A device asks to begin, or for something else."""
        request = StorageRequest(request_id=request_id, operation=operation, key=key)
        self.desk.put(Question(device, encode(request)))

    async def answers(self, count: int) -> list[StorageReply]:
        """Wait for so many."""
        async with asyncio.timeout(10):
            while len(self.sent) < count:
                self.woken.clear()
                await self.woken.wait()
        return [reply for _, reply in self.sent]

    def counted(self, result: str) -> float:
        """What the metric says."""
        name = "afferent_ingest_storage_requests_total"
        return self.registry.get_sample_value(name, {"result": result}) or 0

    async def _is_told(self, device: str, key: str) -> bool:
        if self.told is None:
            raise StoreUnavailableError("away")
        return (device, key) in self.told

    def _publish(self, topic: str, payload: bytes) -> bool:
        self.sent.append((topic, decode(payload, StorageReply)))
        self.woken.set()
        return True


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Stage]:
    """The desk works inside the block."""
    task = asyncio.create_task(stage.desk.run(), name="desk")
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_upload_that_is_asked_for_twice_is_begun_once() -> None:
    uploads = CountingUploads()
    async with running(Stage(uploads)) as stage:
        uploads.held_up.clear()
        stage.ask("q1")
        await asyncio.sleep(0.02)
        stage.ask("q1")
        uploads.held_up.set()
        await stage.answers(1)
        stage.ask("q1")
        assert [reply.upload_id for reply in await stage.answers(2)] == ["u1", "u1"]
        stage.ask("q2")
        assert (await stage.answers(3))[-1].upload_id == "u2"
    assert uploads.begun == 2
    assert {topic for topic, _ in stage.sent} == {"afferent/v1/gate/replies"}


async def test_only_what_may_not_be_done_twice_is_remembered() -> None:
    uploads = CountingUploads()
    async with running(Stage(uploads)) as stage:
        for count, operation in enumerate(("complete", "complete", "held", "held", "confirm", "confirm"), start=1):
            stage.ask(f"q-{operation}", operation=operation)  # type: ignore[arg-type]
            await stage.answers(count)
    assert uploads.begun == 1 + 2 + 2


@pytest.mark.parametrize("operation", ["complete", "held", "confirm"])
async def test_ten_thousand_parts_fit_into_a_question_and_its_answer(operation: Operation) -> None:
    tags = {str(number): f'"{number:032x}"' for number in range(1, 10_001)}
    request = StorageRequest(request_id="q1", operation=operation, key=KEY, upload_id="u" * 200, tags=tags)
    async with running(Stage(CountingUploads())) as stage:
        stage.desk.put(Question("gate", encode(request)))
        assert (await stage.answers(1))[0].refused is None
    assert decode(encode(StorageReply(request_id="q1", tags=tags)), StorageReply).tags == tags


async def test_questions_that_wait_are_bounded_by_their_bytes() -> None:
    tags = {str(number): "t" * 200 for number in range(4000)}
    stage = Stage(CountingUploads())
    for number in range(60):
        request = StorageRequest(request_id=f"q{number}", operation="held", key=KEY, tags=tags)
        stage.desk.put(Question("gate", encode(request)))
    dropped = stage.counted("dropped")
    assert 0 < dropped < 60
    async with running(stage):
        await stage.answers(60 - int(dropped))
        stage.ask("later")
        await stage.answers(61 - int(dropped))


async def test_a_device_deletes_only_what_no_record_says_is_there() -> None:
    uploads = CountingUploads()
    async with running(Stage(uploads)) as stage:
        stage.told = {("gate", KEY)}
        stage.ask("q1", operation="delete")
        stage.ask("q2", operation="delete", device="yard")
        assert [reply.refused for reply in await stage.answers(2)] == ["forbidden", "forbidden"]
        stage.told = None
        stage.ask("q3", operation="delete")
        assert (await stage.answers(3))[-1].refused == "unavailable"
        assert uploads.begun == 0
        stage.told = set()
        stage.ask("q3", operation="delete")
        assert (await stage.answers(4))[-1].refused is None
    assert uploads.begun == 1


async def test_the_same_id_of_another_device_is_another_question() -> None:
    async with running(Stage(CountingUploads())) as stage:
        stage.ask("q1")
        await stage.answers(1)
        stage.ask("q1", device="yard", key=KEY.replace("gate", "yard"))
        assert (await stage.answers(2))[-1].upload_id == "u2"


@pytest.mark.parametrize(
    "key", ["sessions/yard/s1/x.parquet", "models/gate/x", "", "sessions/gate/../yard/x", "recordings/gate"]
)
async def test_only_keys_of_the_asking_device_are_served(key: str) -> None:
    uploads = CountingUploads()
    async with running(Stage(uploads)) as stage:
        stage.ask("q1", key=key)
        assert (await stage.answers(1))[0].refused == "forbidden"
    assert uploads.begun == 0
    assert stage.counted("forbidden") == 1


async def test_what_was_away_is_tried_again_when_asked_again() -> None:
    uploads = CountingUploads()
    uploads.away = True
    async with running(Stage(uploads)) as stage:
        stage.ask("q1")
        assert (await stage.answers(1))[0].refused == "unavailable"
        uploads.away = False
        stage.ask("q1")
        assert (await stage.answers(2))[1].upload_id == "u1"


async def test_a_folder_cannot_lend_and_says_so() -> None:
    async with running(Stage(NoUploads())) as stage:
        stage.ask("q1")
        refused = (await stage.answers(1))[0]
    assert refused.refused == "forbidden"
    assert "folder" in refused.detail


def test_a_device_that_asks_too_often_or_nonsense_is_not_answered() -> None:
    stage = Stage(CountingUploads(), per_s=1, burst=3)
    for number in range(10):
        stage.ask(f"q{number}")
    stage.ask("q1", device="yard", key=KEY.replace("gate", "yard"))
    stage.desk.put(Question("gate", b"{}"))
    assert (stage.counted("dropped"), stage.counted("unreadable")) == (7, 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_question_or_counted(raw: bytes) -> None:
    stage = Stage(CountingUploads())
    stage.desk.put(Question("gate", raw))
    assert stage.counted("unreadable") == 1


def test_the_allowance_comes_back_with_time() -> None:
    clock = StillClock()
    allowance = Allowance(clock, per_s=2, burst=2)
    assert [allowance.take("gate") for _ in range(3)] == [True, True, False]
    clock.ms += 500
    assert [allowance.take("gate") for _ in range(2)] == [True, False]


def test_a_gap_is_asked_for_again_ever_more_seldom_until_it_ends() -> None:
    clock, noted = StillClock(), list[dict[Boot, Coverage]]()
    registry, no_intake = CollectorRegistry(), cast("Intake", None)
    metrics = IngestMetrics(registry)
    reminder = GapReminder(no_intake, noted.append, metrics=metrics, clock=clock, rng=random.Random(1))
    gap = {("gate", BOOT): Coverage(9, ((3, 4),))}
    times = []
    for _ in range(24 * 360):
        before = len(noted)
        reminder.remind(gap)
        if len(noted) > before:
            times.append(clock.mono_s())
        clock.ms += 10_000
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert 15 <= times[0] - StillClock().mono_s() <= 40
    assert 24 <= len(waits) <= 60, "a day's worth"
    assert waits[-1] >= 1800
    assert registry.get_sample_value("afferent_ingest_reminders_total") == len(times)
    assert registry.get_sample_value("afferent_ingest_incomplete_boots") == 1
    changed = {("gate", BOOT): Coverage(9, ((4, 4),))}
    before = len(noted)
    for _ in range(5):
        reminder.remind(changed)
        clock.ms += 10_000
    assert noted[before:] == [changed], "a gap that changed is asked for soon"
    reminder.remind({})
    clock.ms += 10**9
    reminder.remind({})
    assert len(noted) == before + 1
