"""Uploads by a process that is killed again and again: which parts it began, and what it cost."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

MODULE = "tests.support.uploading"


def uploading_process(folder: Path, endpoint: str, bucket: str, *more: str) -> list[str]:
    """The command of it."""
    return [sys.executable, "-m", MODULE, str(folder), endpoint, bucket, *more]


def kill_after(program: list[str], lines: int) -> list[str]:
    """Kill a process once it has printed so many lines; return all it printed."""
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = [process.stdout.readline().strip() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        return [*printed, *process.stdout.read().splitlines()]


async def run_to_end(program: list[str], within_s: float = 60) -> list[str]:
    """Let it end by itself; return what it printed."""
    done = await asyncio.to_thread(
        subprocess.run, program, capture_output=True, text=True, timeout=within_s, check=True
    )
    return done.stdout.splitlines()


def begun_again(lines: list[str]) -> Counter[str]:
    """By file, how often a part of it was begun that had been begun before."""
    parts = Counter(lines)
    again: Counter[str] = Counter()
    for part, times in parts.items():
        again[part.split()[0]] += times - 1
    return again
