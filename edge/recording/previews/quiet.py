"""Work on pixels that nobody waits for, in a thread that lets every other go first and ends when it is told to."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

GoOn = Callable[[], None]
"""Called again and again by what works: it raises once nobody wants the result any more."""
_NICE: Final = 10
_T = TypeVar("_T")


class UnwantedError(Exception):
    """Whoever wanted the work done is gone."""


async def quietly(work: Callable[[GoOn], _T]) -> _T:
    """What `work` returns or raises. Cancelled, it waits for the next `GoOn` of the work, no longer."""
    unwanted = threading.Event()

    def go_on() -> None:
        if unwanted.is_set():
            raise UnwantedError

    pool = ThreadPoolExecutor(1, thread_name_prefix="quiet", initializer=_step_back)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work, go_on)
    finally:
        unwanted.set()
        pool.shutdown()


def _step_back() -> None:
    """Linux keeps a niceness for each thread."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
