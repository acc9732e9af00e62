"""One soak: the site, the schedule carried out, the long quiet at the end, and the judgement."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.soak.faults import DEEDS
from tests.soak.report import Happened, figures
from tests.soak.schedule import QUIET_END_S, Fault, schedule
from tests.soak.site import Site, running_site, sink_of
from tests.support.oracle import Obligations, Sink, Verdict, judge, read_log

_DRAIN_WITHIN_S: Final = 60.0
_PROGRESS_S: Final = 10.0
Say = Callable[[str], None]


class Soak:
    """One run. `say` gets a line of progress every ten seconds."""

    def __init__(self, site: Site, *, seconds: float, seed: int, say: Say) -> None:
        self._site = site
        self._seconds = seconds
        self._faults = schedule(seed, seconds)
        self._say = say
        self._active: set[Fault] = set()
        self._happened = Happened()
        self._began_s = 0.0
        self._said_s = 0.0

    def run(self) -> dict[str, Any]:
        """Carry out the schedule, let everything settle, compare; return the figures."""
        self._site.start_cloud()
        self._site.start_device()
        self._began_s = time.monotonic()
        for moment, begins, fault in self._moments():
            self._wait_until(moment)
            (self._begin if begins else self._end)(fault)
        self._wait_until(self._seconds - QUIET_END_S)
        self._site.device.tell("quiet")
        return asyncio.run(self._settle())

    def _moments(self) -> list[tuple[float, bool, Fault]]:
        begins = [(fault.at_s, True, fault) for fault in self._faults]
        ends = [(fault.end_s, False, fault) for fault in self._faults]
        return sorted([*begins, *ends], key=lambda moment: (moment[0], not moment[1]))

    def _begin(self, fault: Fault) -> None:
        self._active.add(fault)
        self._happened.faults[fault.kind.name] += 1
        if fault.kind.target == "device":
            self._happened.kills_s.append(time.monotonic())
        if fault.in_the_way or fault.kind.target == "device":
            self._disturbed()
        DEEDS[fault.kind.name][0](self._site, fault)

    def _end(self, fault: Fault) -> None:
        DEEDS[fault.kind.name][1](self._site, fault)
        self._active.discard(fault)
        still = any(one.in_the_way or one.kind.target == "device" for one in self._active)
        if fault.kind.target in {"link", "broker"} and not still:
            self._happened.returns_ms.append((_now_ms(), 1 << 62))

    def _disturbed(self) -> None:
        """The latest return is observed no longer than until now."""
        returns = self._happened.returns_ms
        if returns and returns[-1][1] == 1 << 62:
            returns[-1] = (returns[-1][0], _now_ms())

    def _wait_until(self, moment_s: float) -> None:
        while (left_s := self._began_s + moment_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.5))
            self._look()

    def _look(self) -> None:
        for process, start in (
            (self._site.device, self._site.start_device),
            (self._site.cloud, self._site.start_cloud),
        ):
            if process.died():
                self._happened.ended_by_themselves[process.name] += 1
                self._say(f"{process.name} ended by itself:\n{process.last_words()}")
                start()
        ran_s = time.monotonic() - self._began_s
        if ran_s - self._said_s >= _PROGRESS_S:
            self._said_s = ran_s
            owed = read_log(self._site.oracle_log) if self._site.oracle_log.exists() else Obligations()
            now = ", ".join(sorted(fault.kind.name for fault in self._active)) or "no fault"
            self._say(
                f"{ran_s:5.0f} s: {len(owed.places)} records, {len(owed.clips)} recordings, "
                f"{self._happened.faults.total()} faults; now {now}"
            )

    async def _settle(self) -> dict[str, Any]:
        """Compare again and again until nothing is missing, or nothing more has come for as long as patience lasts.

        To compare takes its time on a busy machine: patience counts from the last comparison that found less missing.
        """
        began_s = shrank_s = time.monotonic()
        sink, missing = Sink(), -1
        while True:
            sink = await sink_of(self._site, sink)
            owed = read_log(self._site.oracle_log)
            verdict: Verdict = judge(owed, sink)
            now_s = time.monotonic()
            self._happened.drain_s = now_s - began_s
            if len(verdict.lost) != missing:
                missing, shrank_s = len(verdict.lost), now_s
            if not missing or now_s - shrank_s > _DRAIN_WITHIN_S:
                return figures(owed, sink, verdict, self._happened, self._site.bucket.parts)
            await asyncio.sleep(2.0)
            self._look()


def soak(*, minutes: float, seed: int, say: Say, keep: Path | None = None) -> dict[str, Any]:
    """Run one soak in a folder of its own, or in `keep`, which stays; return its figures."""
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        with running_site(folder, seed) as site:
            found = Soak(site, seconds=minutes * 60, seed=seed, say=say).run()
    return {"minutes": minutes, "seed": seed, **found}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
