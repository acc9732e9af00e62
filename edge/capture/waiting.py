"""Waiting for something, but not for ever, by a clock that is given."""

import asyncio
from typing import Any

from edge.core.clock import Clock


async def done_within(clock: Clock, seconds: float, future: "asyncio.Future[Any]") -> bool:
    """Wait for `future` to be done, `seconds` at most; whether it is. The future itself is left alone."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({sleeping, future}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
    return future.done()
