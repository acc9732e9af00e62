"""An appliance's rooms with two participants in all of them; one is erased, and killed with SIGKILL at each step.

`python -m tests.support.erasing_process FOLDER`: leaves a folder `cut-N` for each step N, in which the next run has
gone on, and prints how many there are. Each run is a process of its own, forked from one that has imported everything.
"""

import asyncio
import dataclasses
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Erasure
from contract.sessions import NewLabel
from edge.affect.session import Viewings
from edge.affect.sessions.book import Book
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.settings import SessionSettings
from edge.collecting.facts import ChunkFacts
from edge.core.clock import SystemClock
from edge.core.errors import UnknownError
from edge.core.hub import Hub
from edge.daemon.filming import SessionRecorders
from edge.outbox.store import Outbox
from edge.outbox.writer import Writer
from edge.recording.previews.sheet import Sheet, SheetLayout
from edge.recording.previews.shelf import SheetShelf
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.collect_process import Durable
from tests.support.collecting import WEBM, Room
from tests.support.outboxes import DEVICE, open_outbox, recording
from tests.support.sessions_room import World, needs_of

PEOPLE: Final = ("p1", "p2")
GONE: Final = PEOPLE[0]
LEFT: Final = "left.json"
"""What the next run found in the store, in each folder."""
_LAYOUT: Final = SheetLayout(times_ms=(0,), duration_ms=1000, columns=1, tile_width=16, tile_height=9)


class Left(msgspec.Struct):
    """What is there after all."""

    erasures: list[str]
    uploads: list[str]
    participants: list[str]


def mark(person: str) -> str:
    """Words that stand in everything that is kept of somebody."""
    return f"unmistakable-words-of-{person}"


@dataclass(frozen=True)
class Rooms:
    """All that keeps something of participants."""

    folder: Path
    outbox: Outbox
    desk: SessionDesk
    collect: Room
    spool: Spool
    sheets: SheetShelf


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Rooms]:
    """One run of the appliance, whose services do not run."""
    clock = SystemClock()
    async with open_outbox(folder, clock=clock) as outbox:
        collect = Room(folder / "state", ledger=Durable(outbox), clock=clock)
        spool, sheets = Spool(folder / "recordings"), SheetShelf(folder / "previews")
        cameras = SessionRecorders({}, spool, sheets=sheets, device=DEVICE, forget=outbox.uploads.forget)
        folders = FolderNeeds(device=DEVICE, cameras=cameras, uploads=outbox.uploads)
        needs = needs_of(outbox, Hub(), Viewings({}), clock, World(), folders=folders)
        needs = dataclasses.replace(needs, elsewhere=collect.service)
        desk = SessionDesk(folder / "sessions", settings=SessionSettings(), needs=needs)
        await desk.open()
        try:
            yield Rooms(folder, outbox, desk, collect, spool, sheets)
        finally:
            await desk.close()
            await asyncio.to_thread(collect.collector.close)


async def live(folder: Path) -> None:
    """Let both leave something in every room."""
    async with opened(folder) as rooms:
        for person in PEOPLE:
            await _take_part(rooms, person)
            await _hand_in(rooms, person)
        await rooms.collect.service.round()


async def erase(folder: Path, kill_at: int) -> None:
    """Erase one of them; be killed before the step of that number."""
    async with opened(folder) as rooms:
        _Axe(kill_at).hang()
        await rooms.desk.erase(GONE)
        await rooms.desk.tell()


async def go_on(folder: Path) -> None:
    """What the next run does by itself, and who asked for the erasure once more where it had not begun."""
    async with opened(folder) as rooms:
        await rooms.collect.service.round()
        await rooms.desk._erasing.resume()
        with suppress(UnknownError):
            await rooms.desk.erase(GONE)
        await rooms.desk.tell()
        told = [record.body for _, record in await rooms.outbox.history("erasure")]
        left = Left(
            erasures=[body.participant for body in told if isinstance(body, Erasure)],
            uploads=sorted(one.id for one, _ in await rooms.outbox.uploads.listing(100)),
            participants=[one.id for one in rooms.desk.participants()],
        )
    (folder / LEFT).write_bytes(msgspec.json.encode(left))


async def _take_part(rooms: Rooms, person: str) -> None:
    desk, words = rooms.desk, mark(person)
    await desk.put_participant(person, sensor=None, note=words)
    text = desk.consent_text()
    await desk.consent(person, given=True, text_sha256=text.sha256, witness="lead")
    view = await desk.start(person, session_id=f"s-{person}", video_id=1, overrule=True)
    await desk.label(view.session_id, [NewLabel(probe="HH", label_id=words, stimulus_ms=1)])
    await desk.mark(view.session_id, name="note", note=words * 20, at_ms=None)
    assert desk.folders
    await desk.folders.recorder.flush()
    (rooms.folder / "sessions" / "folders" / view.session_id / "notes.csv").write_text(words)
    await desk.tell()
    await _film(rooms, person, view.session_id)


async def _film(rooms: Rooms, person: str, session_id: str) -> None:
    sidecar = Sidecar(
        recording_id=f"rec-{person}",
        camera="front",
        reason="session",
        codec="h264",
        start_ms=1_800_000_000_000,
        width_px=160,
        height_px=120,
        step="recorded",
        session_id=session_id,
        participant=person,
    )
    path = rooms.spool.path(sidecar)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(mark(person) * 50)
    rooms.spool.note(sidecar)
    picture = mark(person).encode()
    rooms.sheets.put(sidecar.recording_id, Sheet(layout=_LAYOUT, jpeg=picture, thumbnail=picture))
    body = msgspec.structs.replace(
        recording(sidecar.recording_id, b"film"), reason="session", session_id=session_id, participant=person
    )
    await rooms.outbox.append(body)
    await rooms.outbox.uploads.add(sidecar.recording_id, path)
    await rooms.outbox.uploads.begin(sidecar.recording_id, f"upload-{person}", 5 << 20)


async def _hand_in(rooms: Rooms, person: str) -> None:
    collector, words = rooms.collect.collector, mark(person)
    session = (await collector.create(person)).session_id
    await collector.save_metadata(session, "whole", {"prompt_id": words})
    for video, count in (("whole", 2), ("half", 1)):
        for index in range(count):
            draft = await collector.draft()
            await draft.write(WEBM + words.encode() * 20 + bytes([index]))
            await draft.keep(ChunkFacts(session_id=session, video_id=video, index=index, total=2))
            await draft.discard()


class _Axe:
    """Kills this process before the step of a number. A step is whatever changes a file or commits."""

    def __init__(self, at: int) -> None:
        self._left = at

    def hang(self) -> None:
        """From now on."""
        for name in ("unlink", "rmdir", "rename", "replace", "truncate"):
            setattr(os, name, self._counted(getattr(os, name)))
        for owner, names in ((Writer, ("execute", "append")), (Book, ("begin_erasing", "end_erasing", "told"))):
            for name in names:
                setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counted


def run_apart(work: Coroutine[Any, Any, None]) -> bool:
    """Run it in a process of its own; whether that was killed. Raise `RuntimeError` if it failed otherwise."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(work)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    work.close()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise RuntimeError(f"a run ended with {status}")
    return False


def main(folder: Path) -> None:
    """Cut at every step, until one comes to its end."""
    whole, step, killed = folder / "whole", 0, True
    run_apart(live(whole))
    while killed:
        step += 1
        here = shutil.copytree(whole, folder / f"cut-{step}")
        killed = run_apart(erase(here, step))
        run_apart(go_on(here))
    sys.stdout.write(f"{step}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
