"""What a viewer costs and how late its picture is, against a plain Starlette relay in the same run.

Server and viewers are processes of their own. CPU is what the kernel counts for the server's threads, so that a busy
machine blurs it little; a viewer's cost is the difference between 50 and 10 viewers by the frames they got more.
"""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conftest import ROOT
from tests.support.ports import free_port

FPS: Final = 30.0
FEW: Final = 10
MANY: Final = 50
_WARM_UP_S: Final = 2.0
_SECONDS: Final = 6.0
_LATENCY_SECONDS: Final = 15.0
_ANALYSIS_WARM_UP_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one measured stretch gave."""

    cpu_s: float
    frames: list[int]
    latencies_ms: list[float]
    rss_mb: float

    @property
    def delivered(self) -> int:
        """Frames got by all viewers together."""
        return sum(self.frames)

    @property
    def p99_ms(self) -> float:
        """Latency that one frame in a hundred exceeds."""
        return statistics.quantiles(self.latencies_ms, n=100)[98]


async def measure(data_dir: Path, tmp: Path) -> dict[str, dict[str, Any]]:
    """`viewer_latency_p99_ms`, `viewer_cost_us`, and what one stalled viewer changes for the others."""
    costs: dict[str, float] = {}
    for mode in ("ours", "plain"):
        async with server(mode, data_dir, tmp / mode) as (pid, port):
            few = await run(pid, port, FEW)
            many = await run(pid, port, MANY)
            costs[mode] = (many.cpu_s - few.cpu_s) / (many.delivered - few.delivered) * 1e6
    late = await _latencies(data_dir, tmp)
    return {
        "viewer_latency_p99_ms": _figure(late["ours"], "ms", late["plain"]),
        "viewer_cost_us": _figure(costs["ours"], "us", costs["plain"]),
        **await _stalled(data_dir, tmp / "stalled"),
    }


async def _latencies(data_dir: Path, tmp: Path) -> dict[str, float]:
    """One viewer's 99th percentile while the same frames are analysed in the same process."""
    found: dict[str, float] = {}
    for mode in ("ours", "plain"):
        async with server(mode, data_dir, tmp / f"late-{mode}", analyse=True) as (pid, port):
            told = await run(pid, port, 3, seconds=_LATENCY_SECONDS, warm_up_s=_ANALYSIS_WARM_UP_S)
            found[mode] = told.p99_ms
    return found


async def _stalled(data_dir: Path, tmp: Path) -> dict[str, dict[str, Any]]:
    async with server("ours", data_dir, tmp) as (pid, port):
        alone = await run(pid, port, FEW)
        beside = await run(pid, port, FEW, stalled=1)
    ratio = beside.delivered / alone.delivered
    grown = beside.rss_mb - alone.rss_mb
    return {
        "viewer_beside_stalled_fps": {
            "value": beside.delivered / FEW / _SECONDS,
            "unit": "1/s",
            "baseline": alone.delivered / FEW / _SECONDS,
            "ratio": ratio,
        },
        "viewer_stalled_rss_mb": {"value": grown, "unit": "MB", "baseline": None, "ratio": None},
    }


@asynccontextmanager
async def server(mode: str, data_dir: Path, tmp: Path, *, analyse: bool = False) -> AsyncIterator[tuple[int, int]]:
    """A server process; yields its pid and port once it listens."""
    await asyncio.to_thread(tmp.mkdir, parents=True, exist_ok=True)
    port = free_port()
    arguments = (mode, str(port), str(FPS), str(data_dir), str(tmp), str(int(analyse)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.viewer_server", *arguments, cwd=ROOT
    )
    try:
        await _listening(port, process)
        yield process.pid, port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def run(
    pid: int, port: int, viewers: int, *, stalled: int = 0, seconds: float = _SECONDS, warm_up_s: float = _WARM_UP_S
) -> Run:
    """Let so many watch for a while."""
    arguments = (str(value) for value in (port, viewers, stalled, warm_up_s, seconds))
    clients = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.viewer_clients", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    if clients.stdout is None:
        raise RuntimeError("no pipe to the viewers")
    if await clients.stdout.readline() != b"go\n":
        raise RuntimeError("the viewers did not connect")
    before_s = cpu_s(pid)
    raw = await clients.stdout.readline()
    used_s = cpu_s(pid) - before_s
    rss = rss_mb(pid)
    await clients.wait()
    told = json.loads(raw)
    return Run(used_s, told["frames"], told["latencies_ms"], rss)


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process so far, as the scheduler counts them."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise RuntimeError("the server ended before it listened")


def _figure(value: float, unit: str, baseline: float) -> dict[str, Any]:
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": value / baseline}


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        where = Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data"))
        print(json.dumps(asyncio.run(measure(where, Path(folder))), indent=2))
