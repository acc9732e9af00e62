"""One file on its way, a part at a time: begun, gone on with after a kill, completed, proven and confirmed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, TypeVarTuple, Unpack

from edge.core.errors import EdgeError
from edge.outbox.upload_rows import Part, Stray, Upload
from edge.outbox.uploads import Uploads
from edge.sync.targets.target import Object, ObjectDamagedError, Sending, Target, UploadCancelledError
from edge.sync.uploading.ahead import Ahead
from edge.sync.uploading.reading import DAMAGED, FileUnusableError, PartReader, md5_of, whole_sha256
from edge.sync.uploading.sizes import larger, outgrown, part_bytes_for

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_Ts = TypeVarTuple("_Ts")


class InThread(Protocol):
    """Runs blocking work in a thread."""

    async def __call__(self, work: Callable[[Unpack[_Ts]], _T], *arguments: *_Ts) -> _T:
        """What `work` returns or raises."""
        ...


class Journey(Protocol):
    """What a carriage tells while it moves, in a thread: both raise `UploadCancelledError` to stop it."""

    def check(self) -> None:
        """Nothing was sent, but something is done."""
        ...

    def sending(self, offset: int, size_bytes: int) -> Sending:
        """What a target calls while it sends so many bytes that begin at `offset` of the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What every carriage goes on. `growing_bytes`: how big a growing file is to be expected at most."""

    target: Target
    uploads: Uploads
    in_thread: InThread
    growing_bytes: int
    ahead: Ahead
    beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while an upload that was begun is not in the table yet: who sweeps would take it for abandoned."""


class Carriage:
    """`upload` is as it stands in the table; `safe_bytes` are durable and never change. Belongs to the event loop.

    Between two steps only the SHA-256 of what was sent is in memory. Each confirmed part is durable before the next.
    """

    def __init__(self, road: Road, upload: Upload) -> None:
        self._road = road
        self.upload = upload
        self.safe_bytes = 0
        self.sent_now_bytes = 0
        """By the last step, confirmed."""
        self._tags = upload.tags
        self._reader: PartReader | None = None
        self._asked = False

    @property
    def sent_bytes(self) -> int:
        """Of the parts that are confirmed."""
        return sum(part.size_bytes for part in self.upload.parts.values())

    def update(self, upload: Upload, safe_bytes: int) -> None:
        """It grew, or was closed and has its final name, since the last step; the parts are known better here."""
        self.upload = replace(upload, parts=self.upload.parts)
        if self._reader:
            self._reader.path = upload.path
        self.safe_bytes = upload.size_bytes if upload.body else safe_bytes

    def go_by(self, road: Road) -> None:
        """Another target, or the same again: ask it anew what it holds. What was read stays known."""
        self._road, self._asked = road, False

    def would_have_part(self, safe_bytes: int) -> bool:
        """Whether there is a whole part to send once so much of what grows is safe."""
        return safe_bytes >= self._next_number() * self._part_bytes()

    async def step(self, journey: Journey) -> bool:
        """Send one part, and complete a closed file after its last; whether it is confirmed.

        Raise what `Target` and `PartReader` raise.
        """
        self.sent_now_bytes = 0
        if self._goes_whole():
            await self._put(journey)
            return await self._confirmed()
        await self._go_on_or_begin()
        number = self._next_number()
        if size := self._size_of(number):
            await self._send(number, size, journey)
        if self.upload.body is None or self._size_of(self._next_number()):
            return False
        await self._complete(journey)
        return await self._confirmed()

    async def is_there(self) -> bool:
        """Whether the object is whole in the storage, whoever completed it."""
        return self.upload.body is not None and await self._road.in_thread(
            self._road.target.confirm, self._thing(), self._tags
        )

    async def begin_again(self) -> None:
        """Throw away what was begun."""
        if self.upload.upload_id:
            await self._road.in_thread(self._road.target.abort, self.upload.key, self.upload.upload_id)
        await self._road.uploads.restart(self.upload.id)
        self._forget_parts(None, None)

    def _goes_whole(self) -> bool:
        return bool(self.upload.body) and not self.upload.upload_id and self.safe_bytes <= self._road.target.part_bytes

    async def _put(self, journey: Journey) -> None:
        size = self.upload.size_bytes
        self._reader = reader = PartReader(self.upload.path, max(size, 1))
        data = await self._road.in_thread(reader.read, 1, size, {}, journey.check)
        if reader.sha256(size, {}, journey.check) != self.upload.sha256:
            raise FileUnusableError(DAMAGED)
        await self._road.in_thread(self._road.target.put, self._thing(), data, journey.sending(0, size))
        self.sent_now_bytes = size

    async def _go_on_or_begin(self) -> None:
        if self.upload.upload_id and self.upload.part_bytes and not outgrown(self.safe_bytes, self.upload.part_bytes):
            await self._go_on(self.upload.upload_id)
            return
        part_bytes = self._planned_part_bytes()
        if self.upload.upload_id:
            await self.begin_again()
        self._forget_parts(None, part_bytes)
        async with self._road.beginning:
            name = await self._road.in_thread(self._road.target.begin, self._thing())
            wanted = await self._road.uploads.begin(self.upload.id, name, part_bytes)
            if not wanted:
                await self._road.uploads.add_stray(Stray(self.upload.key, name))
                raise UploadCancelledError("given up while it was begun")
        self._forget_parts(name, part_bytes)
        self._asked = True

    async def _go_on(self, name: str) -> None:
        """Ask what is there, also if we know of no part: some services answer a part of an upload that they do not know
        with an error that says nothing."""
        if self._asked:
            return
        self._tags = await self._road.in_thread(self._road.target.held, self._thing(), name, self._tags)
        kept = {number: part for number, part in self.upload.parts.items() if number in self._tags}
        self.upload = replace(self.upload, parts=kept)
        self._asked = True

    def _planned_part_bytes(self) -> int:
        least = self._road.target.part_bytes
        if self.upload.body:
            return part_bytes_for(self.safe_bytes, least)
        if self.upload.part_bytes:
            return larger(self.safe_bytes, self.upload.part_bytes)
        return part_bytes_for(max(self._road.growing_bytes, self.safe_bytes), least)

    async def _send(self, number: int, size: int, journey: Journey) -> None:
        reader, upload = self._reader_of_parts(), self.upload
        offset = (number - 1) * reader.part_bytes
        data = self._road.ahead.take(reader, number, size)
        if data is None:
            data = await self._road.in_thread(reader.read, number, size, self._digests, journey.check)
        async with self._reading_ahead(number + 1, journey):
            part = await self._road.in_thread(self._put_part, number, data, journey.sending(offset, size))
        await self._road.uploads.add_part(upload.id, number, part.tag, size_bytes=size, md5=part.md5)
        self._tags[number] = part.tag
        self.sent_now_bytes = size
        self.upload = replace(self.upload, parts={**self.upload.parts, number: part})

    @asynccontextmanager
    async def _reading_ahead(self, number: int, journey: Journey) -> AsyncIterator[None]:
        """Meanwhile the next part is read, if there is one; what cannot be read is tried again at its turn."""
        reading = asyncio.create_task(self._read_ahead(number, journey), name="upload-read-ahead")
        try:
            yield
        except asyncio.CancelledError:
            reading.cancel()
            raise
        finally:
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.result()

    async def _read_ahead(self, number: int, journey: Journey) -> None:
        reader = self._reader_of_parts()
        if size := self._size_of(number):
            with suppress(EdgeError):
                data = await self._road.in_thread(reader.read, number, size, self._digests, journey.check)
                self._road.ahead.keep(reader, number, data)

    def _put_part(self, number: int, data: bytes, sending: Sending) -> Part:
        tag = self._road.target.put_part(self._thing(), self.upload.upload_id or "", number, data, sending)
        return Part(tag, len(data), md5_of(tag) or hashlib.md5(data, usedforsecurity=False).hexdigest())

    async def _complete(self, journey: Journey) -> None:
        reader, sha256 = self._reader_of_parts(), self.upload.sha256
        sent = await self._road.in_thread(reader.sha256, self.safe_bytes, self._digests, journey.check)
        if sent != sha256:
            if await self._road.in_thread(whole_sha256, self.upload.path) != sha256:
                raise FileUnusableError(DAMAGED)
            raise ObjectDamagedError(f"{self.upload.key}: what was sent is not what was recorded")
        journey.check()
        complete = self._road.target.complete
        await self._road.in_thread(complete, self._thing(), self.upload.upload_id or "", self._tags)

    async def _confirmed(self) -> bool:
        if not await self.is_there():
            raise ObjectDamagedError(f"{self.upload.key} is not in the object storage as it was sent")
        return True

    def _reader_of_parts(self) -> PartReader:
        if self._reader is None:
            self._reader = PartReader(self.upload.path, self._part_bytes())
        return self._reader

    @property
    def _digests(self) -> dict[int, str]:
        return {number: part.md5 for number, part in self.upload.parts.items()}

    def _part_bytes(self) -> int:
        return self.upload.part_bytes or self._road.target.part_bytes

    def _next_number(self) -> int:
        number = 1
        while number in self._tags:
            number += 1
        return number

    def _size_of(self, number: int) -> int:
        """Of a part; 0 if there is none, or not yet a whole one."""
        left = self.safe_bytes - (number - 1) * self._part_bytes()
        if left >= self._part_bytes():
            return self._part_bytes()
        return max(0, left) if self.upload.body else 0

    def _thing(self) -> Object:
        upload = self.upload
        return Object(
            key=upload.key,
            size_bytes=self.safe_bytes,
            sha256=upload.sha256,
            content_type=upload.content_type,
            part_bytes=upload.part_bytes or 0,
        )

    def _forget_parts(self, name: str | None, part_bytes: int | None) -> None:
        self.upload = replace(self.upload, upload_id=name, part_bytes=part_bytes, parts={})
        self._tags, self._reader, self._asked = {}, None, False
