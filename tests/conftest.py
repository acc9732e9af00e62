"""What every test stands on: the shared recordings, and a check that nothing is left behind."""

import asyncio
import functools
import gc
import inspect
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# Tests run beside each other: threads that share out a small matrix only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
_GRACE_S = 30.0
"""How long what ends by itself may take to do so on a busy machine; nothing is waited for where nothing is left."""
_OURS = ("uploader", "mqtt-connect", "mqtt-stop", "identity", "background")
"""Threads that keep no daemon from ending, and are to end with whoever began them all the same."""
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: all that tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("busy", deadline=None)  # a machine that does other things beside is no wrong answer
settings.load_profile("busy")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared recordings; a test that asks for them fails clearly where they are missing."""
    folder = Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.fail(f"the shared recordings are not in {folder}: set AFFERENT_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or an open file behind."""
    threads, files = set(threading.enumerate()), _open_files()
    yield
    deadline = time.monotonic() + _GRACE_S
    while (left := _left(threads, files)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        gc.collect()  # who is cancelled while they ask SQLite leaves its file to the collector
    if left := _left(threads, files):
        pytest.fail(f"left behind: {left}")


def _left(threads: set[threading.Thread], files: set[str]) -> list[str]:
    new_threads = [t for t in threading.enumerate() if t not in threads and t.is_alive()]
    waited_for = [t.name for t in new_threads if not t.daemon or t.name in _OURS]
    return waited_for + sorted(_open_files() - files)


def _open_files() -> set[str]:
    """Regular files that this process holds open, but for shared libraries, caches and what pytest itself captures."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("/") and "(deleted)" not in target and not target.startswith(("/dev", "/proc", "/sys")):
            found.add(target)
    return found


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make every async test check that the tasks it started have ended."""
    body = getattr(item, "obj", None)
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(body):
        item.obj = _checking_tasks(body)


def _checking_tasks(body: Any) -> Any:
    @functools.wraps(body)
    async def run(*args: Any, **kwargs: Any) -> None:
        before = asyncio.all_tasks()
        await body(*args, **kwargs)
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() - before if not task.done()]
        for task in left:
            await asyncio.wait([task], timeout=1.0)
        names = [task.get_name() for task in left if not task.done()]
        assert not names, f"tasks left behind: {names}"

    return run
