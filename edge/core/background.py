"""Work that may block for minutes, in a thread that does not keep the daemon from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")


def in_the_background(work: Callable[[], _T], *, name: str = "background") -> "asyncio.Future[_T]":
    """Begin `work` now; the future is what it returns or raises.

    Who is cancelled waits no longer, and the thread ends with the process: `work` must leave nothing half done that the
    next run could take for whole.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: _T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - handed on to whoever awaits
            error = raised
        with suppress(RuntimeError):  # the loop is closed: the daemon has ended
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done
