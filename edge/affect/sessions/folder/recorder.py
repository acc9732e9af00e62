"""Writes down what the running sessions deliver, each into its own journal, at the pace that the card bears."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from contract.messages import Loss, Prediction
from edge.affect.session import Viewings
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.convert import JOURNAL
from edge.affect.sessions.folder.layout import SessionNote
from edge.affect.sessions.folder.taking import Taking
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.records import RecordSink
from edge.core.sample import Sample

Call = Callable[..., Awaitable[Any]]
"""Runs blocking work in the thread of the folders, one after the other."""
_LOST: Final = "the disk took none while a session ran"
_log = logging.getLogger(__name__)


class Recorder:
    """Belongs to the event loop. Raises `StoreError` or `OSError` where the disk refuses; nothing is forgotten then."""

    def __init__(
        self, cabinet: Cabinet, *, viewings: Viewings, sink: RecordSink, call: Call, wrote: Callable[[int], None]
    ) -> None:
        self._cabinet = cabinet
        self._viewings = viewings
        self._sink = sink
        self._call = call
        self._wrote = wrote
        self._open: dict[str, Taking] = {}
        self._left: list[Taking] = []
        self.dropped = 0
        """Samples that were lost since the start, for the disk took none."""

    @property
    def urgent(self) -> bool:
        """Whether a folder is to be made, or a session has ended and waits for nothing but its last words."""
        return bool(self._left) or any(not one.begun or one.ended_ns is not None for one in self._open.values())

    @property
    def running(self) -> int:
        """Sessions that are being recorded."""
        return len(self._open)

    def takes(self, session_id: str) -> bool:
        """Whether this one is."""
        return session_id in self._open

    def begin(self, name: str, note: SessionNote, *, most_waiting: int) -> None:
        """A session begins, whose folder is called `name`."""
        self._open[note.session_id] = Taking(name, note, most_waiting=most_waiting)

    def sample(self, sample: Sample) -> None:
        """A sensor delivered; costs a microsecond where no session runs."""
        if not self._open:
            return
        viewing = self._viewings.at(sample.sensor, sample.mono_ns)
        taking = self._open.get(viewing.session_id) if viewing else None
        if taking:
            taking.add(sample)

    def predicted(self, body: Prediction) -> None:
        """The store has taken a prediction."""
        if taking := self._open.get(body.session_id or ""):
            taking.predict(body)

    def end(self, session_id: str, now_ns: int) -> None:
        """A session has ended; what is late is still taken."""
        taking = self._open.get(session_id)
        if taking and taking.ended_ns is None:
            taking.ended_ns = now_ns

    def abandon(self, session_id: str) -> None:
        """Take nothing more of a session at once; its journal is let go of with the next flush."""
        if taking := self._open.pop(session_id, None):
            self._left.append(taking)

    async def drop(self, session_id: str) -> None:
        """Take nothing more of a session, and write nothing more down."""
        if taking := self._open.pop(session_id, None):
            await self._call(taking.close)

    async def flush(self) -> None:
        """Make durable what has come, and tell of what had to be dropped."""
        while self._left:
            await self._call(self._left.pop().close)
        for taking in list(self._open.values()):
            try:
                await self._begin(taking)
                await self._write(taking)
            except OSError:
                taking.begun = False
                await self._call(taking.close)
                raise
            await self._tell_lost(taking)

    async def finished(self, ended_before_ns: int) -> list[str]:
        """The folders of sessions that ended before that moment: their journals are complete now."""
        found = []
        for session_id, taking in list(self._open.items()):
            if taking.ended_ns is not None and taking.ended_ns <= ended_before_ns and not taking.waiting:
                await self.drop(session_id)
                found.append(taking.name)
        return found

    async def close(self) -> None:
        """Write down the last of it and let go of the journals."""
        try:
            await self.flush()
        except (StoreError, OSError) as error:
            _log.warning("the newest samples of a session were not kept: %s", error)
        finally:
            for session_id in list(self._open):
                await self.drop(session_id)

    async def _begin(self, taking: Taking) -> None:
        if not taking.begun and self._takes(taking):
            await self._call(self._cabinet.begin, taking.name, taking.note)
            taking.begun = True

    async def _write(self, taking: Taking) -> None:
        if not self._takes(taking):
            return  # it was dropped while another was written
        batch = taking.batch()
        try:
            if batch:
                self._wrote(await self._call(taking.write, self._cabinet.folder / taking.name / JOURNAL, batch))
        except OSError:
            taking.put_back(batch)
            raise

    async def _tell_lost(self, taking: Taking) -> None:
        if count := taking.lost:
            with suppress(StoreDelayedError):  # it stands in line
                await self._sink.append(Loss(what="samples", reason=_LOST, count=count))
            taking.told(count)
            self.dropped += count

    def _takes(self, taking: Taking) -> bool:
        return self._open.get(taking.note.session_id) is taking
