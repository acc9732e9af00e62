"""In the unit's sandbox nobody may ask the kernel about its clock; systemd-timesyncd's marker answers instead."""

import os
import time
from pathlib import Path

import pytest

from edge.core.clock import SystemClock


class _Host:
    """A wall clock that somebody can set, a monotonic one, and the marker of who keeps them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mono_ns, self.ahead_ns = 100_000_000_000_000, 1_800_000_000_000_000_000
        self.marker = folder / "synchronized"
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.mono_ns)
        monkeypatch.setattr(time, "time_ns", lambda: self.mono_ns + self.ahead_ns)

    def pass_s(self, seconds: float) -> None:
        self.mono_ns += int(seconds * 1e9)

    def touch(self) -> None:
        self.marker.touch()
        now = self.mono_ns + self.ahead_ns
        os.utime(self.marker, ns=(now, now))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Host:
    return _Host(tmp_path, monkeypatch)


def test_the_marker_tells_where_the_kernel_may_not_be_asked(host: _Host) -> None:
    clock = SystemClock(marker=host.marker, kernel=lambda: None)
    assert not clock.now().trusted
    host.touch()
    host.pass_s(6)
    assert clock.now().trusted
    host.pass_s(8 * 3600)
    assert clock.now().trusted
    host.pass_s(3600)
    assert not clock.now().trusted


def test_the_kernel_has_the_first_word(host: _Host) -> None:
    host.touch()
    assert not SystemClock(marker=host.marker, kernel=lambda: False).now().trusted


@pytest.mark.parametrize("by_s", [-3600, -60, -1, 1, 60, 3600])
def test_a_clock_set_by_hand_is_not_trusted_until_it_is_kept_again(host: _Host, by_s: int) -> None:
    clock = SystemClock(marker=host.marker, kernel=lambda: None)
    host.touch()
    host.pass_s(600)
    assert clock.now().trusted
    host.pass_s(4)
    clock.now()
    host.ahead_ns += by_s * 1_000_000_000
    assert not clock.now().trusted
    host.pass_s(6)
    assert not clock.now().trusted
    host.touch()
    host.pass_s(6)
    assert clock.now().trusted


def test_a_step_by_the_keeper_itself_is_trusted_at_once(host: _Host) -> None:
    clock = SystemClock(marker=host.marker, kernel=lambda: None)
    host.touch()
    assert clock.now().trusted
    host.pass_s(1)
    host.ahead_ns += 20_000_000_000
    host.touch()
    host.pass_s(1)
    assert clock.now().trusted
