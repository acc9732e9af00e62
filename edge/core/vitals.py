"""How the host and this process are: processor, memory, disk, temperature. Read from the kernel, without a library."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.core.clock import Clock

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_THERMAL: Final = Path("/sys/class/thermal")


@dataclass(frozen=True, slots=True)
class Vitals:
    """One reading. `cpu_share` is of one core: 1.0 means that this process kept one core busy since the last one."""

    cpu_share: float
    rss_bytes: int
    disk_free_bytes: int
    temperature_c: float | None


class VitalsReader:
    """Takes readings; the processor's share is measured between two of them."""

    def __init__(self, clock: Clock, disk: Path) -> None:
        self._clock = clock
        self._disk = disk
        self._cpu_s = time.process_time()
        self._mono_ns = clock.mono_ns()

    def read(self) -> Vitals:
        """A reading of now."""
        cpu_s, mono_ns = time.process_time(), self._clock.mono_ns()
        passed_s = max((mono_ns - self._mono_ns) / 1e9, 1e-3)
        share = (cpu_s - self._cpu_s) / passed_s
        self._cpu_s, self._mono_ns = cpu_s, mono_ns
        return Vitals(round(share, 4), rss_bytes(), shutil.disk_usage(self._disk).free, temperature_c())


def rss_bytes() -> int:
    """Resident memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def temperature_c(zones: Path = _THERMAL) -> float | None:
    """The hottest thermal zone in degrees Celsius; None where the kernel shows none."""
    found = []
    for zone in zones.glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            continue  # some zones answer only while their device is awake
    return max(found, default=None)
