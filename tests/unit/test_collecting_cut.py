"""The room is cut off at every single step on the disk: what was acknowledged is there, and nothing is told twice."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from edge.collecting.facts import ChunkFacts, ChunkTaken
from edge.collecting.settings import CollectSettings
from edge.core.errors import StoreError
from edge.core.health import State
from tests.support.clock import FakeClock
from tests.support.collecting import WEBM, Room
from tests.support.small_disk import small_disk

CHUNKS = [WEBM + b"a" * 100, b"b" * 104, b"c" * 9]
_STEPS = 200


class CutError(BaseException):
    """The power went."""


@contextmanager
def cut_after(steps: int) -> Iterator[None]:
    """After so many steps on the disk, each further one fails: nothing is written, renamed or deleted any more."""
    left = [steps]

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise CutError
            return real(*args, **more)

        return step

    with ExitStack() as patches:
        for name in ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir"):
            patches.enter_context(mock.patch.object(os, name, failing(getattr(os, name))))
        yield


async def hand_in(room: Room, session: str) -> ChunkTaken:
    """A client that sends everything, whatever is held; the last answer."""
    for index, data in enumerate(CHUNKS):
        draft = await room.collector.draft()
        try:
            await draft.write(data)
            facts = ChunkFacts(session_id=session, video_id="v", index=index, total=len(CHUNKS))
            answer = await draft.keep(facts)
        finally:
            await draft.discard()
    await room.collector.save_metadata(session, "v", {"prompt_id": "joy"})
    await room.service.round()
    return answer


async def test_cut_at_every_step(tmp_path: Path) -> None:
    """X.13: from each point on, the next run and a client that sends all again end with one video, told once."""
    for steps in range(_STEPS):
        room = Room(tmp_path / str(steps))
        session = (await room.collector.create("P07")).session_id
        cut = await _cut_off(room, session, steps)
        room = room.again()
        answer = await hand_in(room, session)
        facts = await room.collector.session(session)
        room.collector.close()
        assert answer.file_path == f"{session}/v.webm"
        assert [video.state for video in facts.videos] == ["kept"]
        assert (room.collector.shelf.folder / answer.file_path).read_bytes() == b"".join(CHUNKS)
        assert len(room.ledger.files) == 1
        left = {path.name for path in (room.collector.shelf.folder / session).iterdir()}
        assert left == {"session.json", "v.webm", "v.upload.json", "v.digests", "v.metadata.json"}
        if not cut:
            assert steps > 20
            return
    pytest.fail("it never came to its end")


async def _cut_off(room: Room, session: str, steps: int) -> bool:
    with cut_after(steps):
        try:
            await hand_in(room, session)
        except CutError:
            return True
    return False


async def test_disk_that_is_full(tmp_path: Path) -> None:
    """A real full disk: `StoreError`, nothing of what was held is lost, and with room it goes on."""
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        room = Room(disk.folder)
        room.collector.shelf.folder.mkdir(parents=True, exist_ok=True)
        with mock.patch.object(type(room.collector.shelf), "free_bytes", return_value=1 << 40):
            session = (await room.collector.create(None)).session_id
            await send(room, session, 0, b"x" * 500_000)
            disk.fill(100_000)
            with pytest.raises(StoreError, match="kept"):
                await send(room, session, 1, b"y" * 500_000)
            disk.free()
            (upload,) = (await room.collector.session(session)).uploads
            assert upload.held == ((0, 0),)
            assert (await send(room, session, 1, b"y" * 500_000)).file_path == f"{session}/v.webm"
        room.collector.close()


async def test_no_room_to_put_it_together(tmp_path: Path) -> None:
    """All chunks are held, but not the room for the whole: the next request or run makes it."""
    room = Room(tmp_path)
    session = (await room.collector.create(None)).session_id
    await send(room, session, 0, b"x")
    with mock.patch("edge.collecting.assembling._append", side_effect=OSError(errno.ENOSPC, "full")):
        for _ in range(2):
            with pytest.raises(StoreError):
                await send(room, session, 1, b"y")
    assert (await send(room, session, 1, b"y")).file_path == f"{session}/v.webm"
    assert room.collector.videos_completed == 1
    room.collector.close()


async def test_who_waits_for_a_turn_in_vain_is_told(tmp_path: Path) -> None:
    """Clients that keep all places held up every other for as long as they liked."""
    clock = FakeClock()
    room = Room(tmp_path, clock=clock, settings=CollectSettings(max_at_once=1, chunk_within_s=0))
    session = (await room.collector.create("P07")).session_id
    slow = await room.collector.draft()
    with pytest.raises(StoreError, match="1 chunks at once"):
        await room.collector.draft()
    await room.service._try_round()
    told = room.health.part("collect")
    assert told
    assert (told.state, "max_at_once" in told.detail) == (State.DEGRADED, True)
    await slow.discard()
    assert (await send(room, session, 0, b"x")).received == 1, "a place that became free is taken"
    clock.advance(3600)
    await room.service._try_round()
    assert room.health.of("collect") is State.OK
    room.collector.close()


async def send(room: Room, session: str, index: int, data: bytes) -> ChunkTaken:
    """One of two chunks."""
    draft = await room.collector.draft()
    try:
        await draft.write(data)
        return await draft.keep(ChunkFacts(session_id=session, video_id="v", index=index, total=2))
    finally:
        await draft.discard()
