"""Waiting for whichever comes first, without leaving the others behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*waits: Coroutine[Any, Any, Any], name: str) -> None:
    """Return when one of `waits` has ended; the others are cancelled, and have ended too. `name`: of their tasks."""
    tasks = [asyncio.create_task(wait, name=name) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
