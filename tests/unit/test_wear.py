"""What the disk bears: counted, exported, and held step by step; events and alarms never wait for it."""

import os
from pathlib import Path

from edge.core.health import Health, State
from edge.core.wear import WearBudget, WearMeter, WearSettings, is_card, written_bytes
from tests.support.clock import FakeClock

DAY_S = 86_400


class Disk:
    """A budget under the test's hand."""

    def __init__(self, settings: WearSettings, *, on_card: bool = False) -> None:
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.meter = WearMeter()
        self.commits = 0
        self.device = 0
        self.budget = WearBudget(
            settings,
            meter=self.meter,
            usual=(10.0, 2.0),
            commits=lambda: self.commits,
            on_card=on_card,
            clock=self.clock,
            health=self.health,
            device_bytes=lambda: self.device,
        )

    def live(self, seconds: int, *, bytes_per_s: float = 0, syncs_per_s: float = 0) -> None:
        """Let so much be written for so long; nothing more without an event while that is refused."""
        for _ in range(0, seconds, 60):
            self.clock.advance(60)
            if self.budget.may_record_plain():
                self.meter.wrote(int(bytes_per_s * 60))
                self.device += int(bytes_per_s * 60 * 1.1)
            self.meter.synced(int(syncs_per_s * 60))
            self.budget.look()


ALWAYS = WearSettings(hold="always", bytes_per_day=DAY_S * 1000, syncs_per_minute=60)


def test_within_the_budget_nothing_is_held_back() -> None:
    disk = Disk(ALWAYS)
    disk.live(2 * DAY_S, bytes_per_s=800, syncs_per_s=0.8)
    assert (disk.budget.linger_ms(), disk.budget.fragment_s(), disk.budget.may_record_plain()) == (10.0, 2.0, True)
    assert disk.health.of("wear") is State.OK
    view = disk.budget.view()
    assert abs(view.bytes_per_day - 880 * DAY_S) < 0.02 * 880 * DAY_S
    assert abs(view.syncs_per_minute - 48) < 2
    assert view.amplification == 1.1


def test_first_commits_wait_then_fragments_grow_then_only_events_are_recorded() -> None:
    disk = Disk(ALWAYS)
    seen: list[str] = []
    for _ in range(600):
        disk.live(60, bytes_per_s=3000)
        for what, held in (
            ("commits", disk.budget.linger_ms() > 10),
            ("fragments", disk.budget.fragment_s() > 2),
            ("plain", not disk.budget.may_record_plain()),
        ):
            if held and what not in seen:
                seen.append(what)
    assert seen == ["commits", "fragments", "plain"]
    assert disk.budget.linger_ms() == 1000.0
    assert 2 < disk.budget.fragment_s() <= 10.0
    part = disk.health.part("wear")
    assert part
    assert part.state is State.DEGRADED
    assert "commits wait 1000 ms" in part.detail
    assert "bytes" in part.detail


def test_the_budget_is_held_in_the_long_run() -> None:
    """S: bytes per day are held although three times as many would come."""
    disk = Disk(ALWAYS)
    disk.live(DAY_S, bytes_per_s=3000)
    before = disk.device
    disk.live(3 * DAY_S, bytes_per_s=3000)
    assert disk.device - before <= 1.02 * 3 * DAY_S * 1000
    assert disk.device - before >= 0.9 * 3 * DAY_S * 1000, "and used"


def test_too_many_syncs_are_seen_within_minutes_and_forgiven_after() -> None:
    disk = Disk(ALWAYS)
    disk.live(900, syncs_per_s=3)
    assert disk.budget.linger_ms() == 1000.0
    assert "syncs" in getattr(disk.health.part("wear"), "detail", "")
    disk.live(1800)
    assert disk.budget.linger_ms() == 10.0
    assert disk.health.of("wear") is State.OK


def test_commits_of_the_store_are_syncs() -> None:
    disk = Disk(ALWAYS)
    disk.commits = 120
    disk.clock.advance(60)
    disk.budget.look()
    assert disk.budget.view().syncs == 120


def test_only_memory_cards_are_held_to_it_by_themselves() -> None:
    for settings, on_card, held in (
        (WearSettings(bytes_per_day=1), False, False),
        (WearSettings(bytes_per_day=1), True, True),
        (WearSettings(bytes_per_day=1, hold="never"), True, False),
        (WearSettings(bytes_per_day=0, syncs_per_minute=0, hold="always"), True, True),
    ):
        disk = Disk(settings, on_card=on_card)
        disk.live(3600, bytes_per_s=1000)
        assert disk.budget.view().held is held
        assert disk.budget.may_record_plain() is not (held and settings.bytes_per_day > 0)


def test_the_kernel_tells_what_was_written(tmp_path: Path) -> None:
    io = tmp_path / "io"
    io.write_text("rchar: 1\nwrite_bytes: 5000\ncancelled_write_bytes: 904\n")
    assert written_bytes(io) == 4096
    assert written_bytes(tmp_path / "none") == 0
    assert written_bytes() >= 0


def test_a_card_is_known_by_its_device(tmp_path: Path) -> None:
    number = tmp_path.stat().st_dev
    for name, card in (("mmcblk0", True), ("sda", False)):
        devices = tmp_path / name
        (devices / "block" / f"{name}p1").mkdir(parents=True)
        (devices / f"{os.major(number)}:{os.minor(number)}").symlink_to(devices / "block" / f"{name}p1")
        assert is_card(tmp_path, devices) is card
        mapped = tmp_path / f"{name}-mapped"
        (mapped / "dm-0" / "slaves").mkdir(parents=True)
        (mapped / "dm-0" / "slaves" / f"{name}p1").symlink_to(devices / "block" / f"{name}p1")
        (mapped / f"{os.major(number)}:{os.minor(number)}").symlink_to(mapped / "dm-0")
        assert is_card(tmp_path, mapped) is card, "encrypted"
