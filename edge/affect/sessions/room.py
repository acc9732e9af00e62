"""What the parts of the desk share: its file in a thread of its own, its settings, and the record of what changed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from contract.errors import InvalidIdError
from contract.ids import check_id
from contract.sessions import SessionView
from edge.affect.sessions.book import Book
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RecordInvalidError, RefusedError, StoreDelayedError, StoreError
from edge.core.health import State

PART: Final = "sessions"
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Room:
    """Belongs to the event loop. `turn` is held while something is decided and written, never while anybody else is
    waited for."""

    def __init__(self, folder: Path, settings: SessionSettings, needs: DeskNeeds) -> None:
        self.folder: Final = folder
        self.settings: Final = settings
        self.needs: Final = needs
        self.turn: Final = asyncio.Lock()
        self.wake: Final = asyncio.Event()
        """Something waits for the store."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=PART)
        self._telling = asyncio.Lock()
        self._delayed: set[int] = set()
        self._book: Book | None = None

    @property
    def book(self) -> Book:
        """The file; raise `StoreError` before `open` and after `close`."""
        if self._book is None:
            raise StoreError("the desk of sessions is not open")
        return self._book

    async def open(self) -> None:
        """Open the file. Raise `StoreError` if that cannot be done."""
        now = self.needs.clock.now()
        self._book, aside = await self.call(Book.open, self.folder / "sessions.db", now.wall_ms)
        detail = f"the file of sessions was damaged and is kept as {aside.name}" if aside else ""
        self.needs.health.set(PART, State.DEGRADED if aside else State.OK, detail)

    async def close(self) -> None:
        """Let go of the file and the thread."""
        book, self._book = self._book, None
        if book:
            await self.call(book.close)
        self._thread.shutdown()

    async def call(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run `work` in the file's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    async def tell(self) -> None:
        """Hand to the store what it has not taken. Raise `StoreError` if it takes nothing now.

        What waits in its line is written down here still, and told again by the next run of the daemon.
        """
        async with self._telling:
            self.wake.clear()
            last = 0
            while waiting := await self.call(self.book.untold, last):
                last = waiting[-1][0]
                for key, body, at in waiting:
                    if key not in self._delayed and await self._append(key, body, at):
                        await self.call(self.book.told, [key])

    async def told_so_far(self) -> None:
        """Return once nobody is telling what has meanwhile been taken out of the file."""
        async with self._telling:
            return

    def publish(self, view: SessionView) -> None:
        """Show how a session is; the newest word on one that runs is kept for those who come later."""
        plain = msgspec.to_builtins(view)
        if view.end_ms is None:
            self.needs.hub.publish("session", plain, key=view.session_id)
        else:
            self.needs.hub.publish("session", plain)
            self.needs.hub.forget("session", view.session_id)

    async def _append(self, key: int, body: Any, at: Any) -> bool:
        """Whether it needs no more telling."""
        try:
            await self.needs.sink.append(body, at)
        except StoreDelayedError:
            self._delayed.add(key)
            return False
        except RecordInvalidError:
            return True  # never will it be taken; the store has told so
        return True


def pseudonym(value: str) -> str:
    """`value` if it can name a participant; raise `RefusedError` otherwise."""
    try:
        return check_id(value, "participant")
    except InvalidIdError as error:
        raise RefusedError(f"{error}: a participant goes by a pseudonym, never by a name") from error


def printable(value: str, what: str, limit: int) -> str:
    """`value` if it is one line of text of at most so many characters; raise `RefusedError` otherwise."""
    if len(value) > limit or not value.isprintable():
        raise RefusedError(f"{what} {value!r:.60}: use at most {limit} printable characters")
    return value


def plain_text(value: str, limit: int) -> str:
    """A note of several lines without what no database takes, cut to so many characters."""
    return "".join(one for one in value if one.isprintable() or one in "\n\t")[:limit]
