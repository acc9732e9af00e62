"""Health, hub, supervision, back-off, secrets and time: what every service stands on."""

import asyncio
import logging
import os
import random
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.backoff import Backoff
from edge.core.clock import Stamp, SystemClock, wall_ms_of
from edge.core.health import Health, PartHealth, State
from edge.core.hub import QUEUE_LIMIT, Hub
from edge.core.notify import sd_notify, watchdog_interval_s
from edge.core.secrets import SecretMissingError, read_secret
from edge.core.service import Pulse, stalled, supervise
from tests.support.clock import FakeClock


class Worker:
    """A service whose end the test decides."""

    def __init__(self, clock: FakeClock, error: Exception | None = None) -> None:
        self.name = "worker"
        self.pulse = Pulse(clock, limit_s=10)
        self._error = error

    async def run(self) -> None:
        await asyncio.sleep(0)
        if self._error:
            raise self._error


def test_a_change_of_health_is_logged_once_and_announced_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen: list[PartHealth] = []
    health = Health(FakeClock(), seen.append)
    for detail in ("unplugged", "unplugged", "still unplugged"):
        health.set("camera.front", State.FAILED, detail)
    health.set("camera.front", State.OK)
    assert [part.state for part in seen] == [State.FAILED, State.OK]
    assert [record.getMessage() for record in caplog.records] == [
        "camera.front is failed: unplugged",
        "camera.front is ok",
    ]
    assert health.parts()[0].changes == 1


def test_ready_means_nothing_failed_and_nothing_starting() -> None:
    health = Health(FakeClock())
    health.set("store", State.OK)
    health.set("camera.front", State.STARTING)
    assert not health.ready
    health.set("camera.front", State.DEGRADED, "slow")
    assert health.ready


async def test_a_watcher_that_falls_behind_loses_the_oldest_and_nobody_waits() -> None:
    hub = Hub()
    watching = hub.watch()
    first = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0)
    for number in range(QUEUE_LIMIT + 10):
        hub.publish("samples", number)
    assert (await first).data == 10
    assert hub.dropped == 10
    await watching.aclose()  # type: ignore[attr-defined]
    assert hub.watchers == 0


def test_the_newest_of_a_kind_is_kept_for_those_who_come_later() -> None:
    hub = Hub()
    for fps in (10, 20):
        hub.publish("camera", {"fps": fps}, key="front")
    hub.publish("samples", 1)
    assert [message.data for message in hub.latest()] == [{"fps": 20}]


async def test_a_service_that_returns_or_raises_ends_all() -> None:
    clock = FakeClock()
    with pytest.raises(ExceptionGroup, match="unhandled") as returned:
        await supervise([Worker(clock)])
    assert "worker returned" in str(returned.value.exceptions[0])
    with pytest.raises(ExceptionGroup) as raised:
        await supervise([Worker(clock, ZeroDivisionError())])
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)


def test_a_service_without_progress_is_named() -> None:
    clock = FakeClock()
    worker = Worker(clock)
    clock.advance(9)
    assert stalled([worker]) == []
    clock.advance(2)
    assert stalled([worker]) == ["worker"]
    worker.pulse.beat()
    assert stalled([worker]) == []


@given(st.integers(), st.integers(min_value=1, max_value=30))
def test_waits_grow_jittered_within_their_bound(seed: int, tries: int) -> None:
    backoff = Backoff(random.Random(seed), first_s=0.5, limit_s=30)
    waits = [backoff.next() for _ in range(tries)]
    for number, wait in enumerate(waits):
        ceiling = min(0.5 * 2**number, 30)
        assert ceiling / 2 <= wait <= ceiling
    backoff.reset()
    assert backoff.next() <= 0.5


def test_a_secret_comes_from_systemd_first_and_a_missing_one_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials, folder = tmp_path / "credentials", tmp_path / "secrets"
    credentials.mkdir()
    folder.mkdir()
    (folder / "broker").write_text("from the folder\n", encoding="utf-8")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert read_secret("broker", folder) == "from the folder"
    (credentials / "broker").write_text("from systemd\n", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert read_secret("broker", folder) == "from systemd"
    with pytest.raises(SecretMissingError, match=str(folder)):
        read_secret("bucket", folder)
    (folder / "unreadable").write_bytes(b"\xff\xfe")
    (folder / "folder").mkdir()
    for name in ("../broker", "unreadable", "folder"):
        with pytest.raises(SecretMissingError, match=f"secret '{name}'"):
            read_secret(name, folder)


def test_the_system_clock_reads_both_clocks() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert second.mono_ns >= first.mono_ns
    assert first.wall_ms > 1_700_000_000_000
    assert wall_ms_of(first.mono_ns - 2_000_000_000, Stamp(first.mono_ns, 10_000, True)) == 8_000


def test_systemd_is_told_in_its_own_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not sd_notify("READY=1")
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(os.fspath(path))
        monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(path))
        assert sd_notify("READY=1", "STATUS=looking")
        assert systemd.recv(100) == b"READY=1\nSTATUS=looking"
    assert not sd_notify("WATCHDOG=1"), "nobody listens any more: that ends no daemon"
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval_s() == 15.0
    monkeypatch.setenv("WATCHDOG_USEC", "soon")
    assert watchdog_interval_s() is None
