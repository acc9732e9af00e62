"""Open-ended responses: they end when the client leaves, when nothing more is to come, or when the appliance stops."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from starlette.types import Message, Receive, Send

_FAREWELL_S: Final = 0.3


async def while_connected(receive: Receive, closing: asyncio.Event, *works: Coroutine[Any, Any, None]) -> bool:
    """Run `works` until one of them ends, the client leaves or `closing` is set; then cancel the rest.

    Return whether the client is still there. An exception of a work is raised.
    """
    gone = asyncio.create_task(_disconnected(receive))
    tasks = [gone, asyncio.create_task(_set(closing)), *(asyncio.create_task(work) for work in works)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        still_there = not gone.done()
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
    return still_there


async def say_farewell(send: Send, message: Message) -> None:
    """Send the last message of a response, unless the client is too slow to take it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            await send(message)


async def _disconnected(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def _set(closing: asyncio.Event) -> None:
    await closing.wait()
