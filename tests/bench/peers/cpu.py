"""CPU seconds of a process with all its threads and children, as the kernel counts them."""

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 1, 11, 12, 13, 14
"""Fields of /proc/<pid>/stat after the name, from 0: see proc(5)."""


def cpu_s(pid: int) -> float:
    """What `pid`, its living descendants and those it has buried have used so far; 10 ms is the kernel's unit."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
            used[int(entry.name)] = sum(int(fields[at]) for at in (_USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return sum(used.get(member, 0) for member in family) / _TICKS


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
