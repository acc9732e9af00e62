"""Time as everything here reads it: monotonic for order and duration, wall for people, and whether wall was trusted."""

import asyncio
import ctypes
import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_EARLIEST_MS: Final = 1_735_689_600_000
"""2025-01-01: a wall clock before this has not been set."""
_STA_UNSYNC: Final = 0x0040
_CHECK_EVERY_NS: Final = 5_000_000_000
_LEAP_MS: Final = 250
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TIMESYNC: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it whenever it has set or steered the clock, every 34 minutes at least."""
_KEPT_NS: Final = 32_000 * 1_000_000_000
"""How long the kernel believes in a clock that nobody steers any more: until 500 ppm may have made 16 s."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One moment by both clocks."""

    mono_ns: int
    wall_ms: int
    trusted: bool


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def mono_ns(self) -> int:
        """Nanoseconds that never go back within one boot of the host."""
        ...

    def now(self) -> Stamp:
        """This moment by both clocks."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The host's clocks. Wall time is trusted while the kernel says that something disciplines it (adjtimex).

    In a sandbox that keeps everybody from the calls of clocks, reading ones too, `marker` of systemd-timesyncd tells.
    """

    def __init__(self, *, marker: Path = _TIMESYNC, kernel: Callable[[], bool | None] | None = None) -> None:
        self._marker = marker
        self._kernel = kernel or _kernel_clock_synchronised
        self._trusted = False
        self._checked_ns = -_CHECK_EVERY_NS
        self._offset_ms = 0
        self._seen_ns = self._leapt_ns = 0

    def mono_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def now(self) -> Stamp:
        """This moment; whether the clock is trusted is asked of the kernel every five seconds, and after each leap.

        Whoever sets the clock by hand (`settimeofday`) makes the kernel forget that it was kept, so no record with a
        wrong time is stamped as trusted after that.
        """
        mono = time.monotonic_ns()
        wall = time.time_ns() // 1_000_000
        offset = wall - mono // 1_000_000
        leapt = abs(offset - self._offset_ms) > _LEAP_MS
        if leapt:
            self._leapt_ns = self._seen_ns
        if leapt or mono - self._checked_ns >= _CHECK_EVERY_NS:
            self._trusted, self._checked_ns = self._is_kept(mono, wall), mono
        self._offset_ms, self._seen_ns = offset, mono
        return Stamp(mono, wall, self._trusted and wall >= _EARLIEST_MS)

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)

    def _is_kept(self, mono_ns: int, wall_ms: int) -> bool:
        said = self._kernel()
        if said is not None:
            return said
        try:
            touched_ns = mono_ns - (wall_ms * 1_000_000 - self._marker.stat().st_mtime_ns)
        except OSError:
            return False
        # A leap that nobody answered for since was somebody's hand.
        return max(self._leapt_ns, mono_ns - _KEPT_NS) <= touched_ns <= mono_ns + _LEAP_MS * 1_000_000


def offset_ms(stamp: Stamp) -> int:
    """How far the wall clock is ahead of the monotonic one; constant while nobody sets it."""
    return stamp.wall_ms - stamp.mono_ns // 1_000_000


def host_boot(path: Path = _BOOT_ID) -> str:
    """The name of this boot of the host, within which all processes share a monotonic clock; empty if it has none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def wall_ms_of(mono_ns: int, now: Stamp) -> int:
    """The wall time of an earlier monotonic moment, by the wall clock as it stands now."""
    return now.wall_ms - (now.mono_ns - mono_ns) // 1_000_000


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), up to the field that matters; the rest is room for the kernel to write."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _kernel_clock_synchronised() -> bool | None:
    """Whether NTP or its like keeps the kernel's clock: adjtimex(2) in read-only mode, status bit STA_UNSYNC clear.

    None where a sandbox refuses the question.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timex = _Timex()
    state: int = libc.adjtimex(ctypes.byref(timex))
    if state < 0 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
        return None
    return state >= 0 and not timex.status & _STA_UNSYNC
