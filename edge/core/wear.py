"""What the disk has to bear, and who steps back when that is more than a memory card lasts for.

A card dies of bytes and of syncs. Both have an allowance that refills evenly and is spent by what is written. As it
runs out, commits are grouped longer, then video is made safe in longer fragments, then recording without an event
waits. Events and alarms are never held back.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.core.storage_view import WearView

SYNCS_PER_COMMIT: Final = 1
"""Measured with strace: in WAL mode with `synchronous = FULL` a commit syncs its journal once."""
_EVERY_S: Final = 5.0
_BYTES_ROOM_S: Final = 43_200.0
_SYNCS_ROOM_S: Final = 900.0
"""How long the budget's pace fills an empty allowance: that is how much of a burst is let pass."""
_DAY_S: Final = 86_400.0
_LINGER_FROM, _FRAGMENT_FROM, _STEP = 0.3, 0.2, 0.1
_STOP_BELOW, _GO_ABOVE = 0.05, 0.1
_LONGEST_LINGER_MS: Final = 1000.0
_LONGEST_FRAGMENT_S: Final = 10.0
_PACE_S: Final = 3600.0


class WearSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[wear]` table: what the disk has to bear at most. A memory card of 32 GB lasts for years at the defaults."""

    hold: Annotated[
        Literal["auto", "always", "never"],
        Meta(description="Where to hold the budget: `auto` on memory cards (SD, eMMC) only, `always`, or `never`."),
    ] = "auto"
    bytes_per_day: Annotated[
        int, Meta(ge=0, le=2**50, description="Bytes a day that may be written, in the long run; 0 for no limit.")
    ] = 24 * 2**30
    syncs_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Times a minute that writes are forced to the disk, in the long run; 0 for no limit.",
        ),
    ] = 300


class WearMeter:
    """Counts what is meant to be written, and the syncs. Every method may be called in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0
        self._syncs = 0

    def wrote(self, n_bytes: int) -> None:
        """So many bytes of payload more were written."""
        with self._lock:
            self._bytes += n_bytes

    def synced(self, n: int = 1) -> None:
        """A file or folder was forced to the disk."""
        with self._lock:
            self._syncs += n

    def totals(self) -> tuple[int, int]:
        """`(bytes, syncs)` since the start."""
        with self._lock:
            return self._bytes, self._syncs


class WearBudget:
    """A `Service` that holds the budget. Health part: `wear`.

    `usual` is what holds while there is no need: a commit's wait in ms, a fragment's length in s. `commits` gives the
    store's commits since the start, each of which is a sync; `on_card` tells whether the disk is a memory card;
    `device_bytes` what the kernel wrote for this process, `written_bytes` if nothing else is given.
    """

    def __init__(
        self,
        settings: WearSettings,
        *,
        meter: WearMeter,
        usual: tuple[float, float],
        commits: Callable[[], int],
        on_card: bool,
        clock: Clock,
        health: Health,
        device_bytes: Callable[[], int] | None = None,
    ) -> None:
        self.name = "wear"
        self.pulse = Pulse(clock)
        self._settings = settings
        self._meter = meter
        self._linger_ms, self._fragment_s = usual
        self._commits = commits
        self._clock = clock
        self._health = health
        self._device_bytes = device_bytes or written_bytes
        self._held = settings.hold == "always" or (settings.hold == "auto" and on_card)
        self._bytes = _Allowance(settings.bytes_per_day / _DAY_S, _BYTES_ROOM_S)
        self._syncs = _Allowance(settings.syncs_per_minute / 60, _SYNCS_ROOM_S)
        self._looked_ns = clock.mono_ns()
        self._seen = self._begun = (0, self._device_bytes(), 0)
        self._plain = True

    @property
    def left(self) -> float:
        """The share that is left of the scarcer allowance, 1 to 0."""
        return min(self._bytes.left, self._syncs.left) if self._held else 1.0

    def linger_ms(self) -> float:
        """How long a commit waits for more records now. Any thread."""
        return _stretched(self._linger_ms, _LONGEST_LINGER_MS, (_LINGER_FROM - self.left) / _STEP)

    def fragment_s(self) -> float:
        """How long a fragment of video is now. Any thread."""
        return _stretched(self._fragment_s, _LONGEST_FRAGMENT_S, (_FRAGMENT_FROM - self.left) / _STEP)

    def may_record_plain(self) -> bool:
        """Whether video without an event may be recorded now. Any thread."""
        return self._plain

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.pulse.beat()
            self.look()
            await self._clock.sleep(_EVERY_S)

    def look(self) -> None:
        """Spend what was written since the last look, and judge."""
        now_ns, seen = self._clock.mono_ns(), self._read()
        passed_s = max((now_ns - self._looked_ns) / 1e9, 1e-3)
        payload, device, syncs = (new - old for new, old in zip(seen, self._seen, strict=True))
        self._bytes.spend(max(payload, device), passed_s)
        self._syncs.spend(syncs, passed_s)
        self._looked_ns, self._seen = now_ns, seen
        self._plain = self.left >= (_STOP_BELOW if self._plain else _GO_ABOVE)
        self._judge()

    def view(self) -> WearView:
        """The figures of the last look."""
        payload, device, syncs = (new - old for new, old in zip(self._seen, self._begun, strict=True))
        return WearView(
            bytes_per_day=round(self._bytes.pace_per_s * _DAY_S),
            syncs_per_minute=round(self._syncs.pace_per_s * 60, 1),
            max_bytes_per_day=self._settings.bytes_per_day,
            max_syncs_per_minute=self._settings.syncs_per_minute,
            held=self._held,
            left=round(self.left, 4),
            linger_ms=self.linger_ms(),
            fragment_s=self.fragment_s(),
            plain_recording=self._plain,
            payload_bytes=payload,
            device_bytes=device,
            syncs=syncs,
            amplification=round(device / payload, 3) if payload else None,
        )

    def _read(self) -> tuple[int, int, int]:
        payload, syncs = self._meter.totals()
        return payload, self._device_bytes(), syncs + self._commits() * SYNCS_PER_COMMIT

    def _judge(self) -> None:
        held = self._held_back()
        if not held:
            self._health.set(self.name, State.OK, "within the budget" if self._held else "counted, not limited")
            return
        scarce = "bytes" if self._bytes.left <= self._syncs.left else "syncs"
        self._health.set(self.name, State.DEGRADED, f"more {scarce} than the disk's budget: {', '.join(held)}")

    def _held_back(self) -> list[str]:
        held = []
        if self.left < _LINGER_FROM:
            held.append(f"commits wait {self.linger_ms():.0f} ms")
        if self.left < _FRAGMENT_FROM:
            held.append(f"fragments last {self.fragment_s():.1f} s")
        if not self._plain:
            held.append("only events are recorded")
        return held


class _Allowance:
    """Refills at `per_s` up to what that makes in `room_s`; begins half full, so that a restart gains little."""

    def __init__(self, per_s: float, room_s: float) -> None:
        self._per_s = per_s
        self._room = per_s * room_s
        self._stock = self._room / 2
        self._weight_s = 0.0
        self._sum = 0.0

    @property
    def left(self) -> float:
        """The share that is left; 1 where there is no limit."""
        return self._stock / self._room if self._room else 1.0

    @property
    def pace_per_s(self) -> float:
        """What is spent a second, of late."""
        return self._sum / self._weight_s if self._weight_s else 0.0

    def spend(self, amount: float, passed_s: float) -> None:
        """So much was spent within the seconds that passed."""
        self._stock = min(self._room, max(0.0, self._stock + self._per_s * passed_s - amount))
        kept = _PACE_S / (_PACE_S + passed_s)
        self._sum = self._sum * kept + amount
        self._weight_s = self._weight_s * kept + passed_s


def written_bytes(path: Path = Path("/proc/self/io")) -> int:
    """Bytes that the kernel sent to a disk for this process, without those it took back; 0 where it does not tell."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    figures = dict(line.split(": ") for line in lines)
    return int(figures["write_bytes"]) - int(figures["cancelled_write_bytes"])


def is_card(folder: Path, devices: Path = Path("/sys/dev/block")) -> bool:
    """Whether `folder` lies on a memory card, SD or eMMC, by the kernel's name of its device; it may be encrypted."""
    number = folder.stat().st_dev
    return _on_card((devices / f"{os.major(number)}:{os.minor(number)}").resolve())


def _on_card(device: Path) -> bool:
    """A device of the device mapper (LUKS, LVM) names those under it as its slaves."""
    return "mmcblk" in str(device) or any(_on_card(under.resolve()) for under in device.glob("slaves/*"))


def _stretched(usual: float, longest: float, share: float) -> float:
    return usual + max(0.0, longest - usual) * min(1.0, max(0.0, share))
