"""Carries recordings to object storage, one at a time, and goes on where it was when the process died."""

import asyncio
import hashlib
import random
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple, Unpack

from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import LinkError, StoreError
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError
from edge.core.service import Pulse
from edge.outbox.store import Outbox
from edge.outbox.upload_rows import Upload
from edge.sync.targets.target import Object, ObjectDamagedError, Target, UploadCancelledError, UploadUnknownError

PART: Final = "objects"
_BEAT_S: Final = 5.0
_ATTEMPTS: Final = 3
"""How often an upload that the target forgot or found damaged is begun again before we pause."""
_STOP_S: Final = 2.0
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
OnUploaded = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class UploadProgress:
    """The file under way."""

    recording_id: str
    sent_bytes: int
    size_bytes: int


class Uploader:
    """A `Service`. Health part: `objects`.

    `make_target` is called at the first file and again after each failure, so that changed secrets take effect; None
    instead of it switches uploading off. `on_uploaded` gets the id of each recording that is confirmed in object
    storage, once that is recorded; a crash in between leaves it uncalled, and `Uploads.phases` tells.
    """

    def __init__(
        self,
        make_target: Callable[[], Target] | None,
        *,
        outbox: Outbox,
        clock: Clock,
        health: Health,
        rng: random.Random,
        on_uploaded: OnUploaded | None = None,
    ) -> None:
        self.name = "uploader"
        self.pulse = Pulse(clock)
        self.on_uploaded = on_uploaded
        self.progress: UploadProgress | None = None
        self.uploaded_total = 0
        self.sent_bytes_total = 0
        self._make_target = make_target
        self._outbox = outbox
        self._clock = clock
        self._health = health
        self._backoff = Backoff(rng, first_s=1.0, limit_s=60.0)
        self._failing = False
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="uploader")

    async def run(self) -> None:
        """Upload until cancelled."""
        if self._make_target is None:
            self._health.set(PART, State.STOPPED, "switched off: recordings stay on the device")
            while True:
                self.pulse.beat()
                await self._clock.sleep(_BEAT_S)
        try:
            while True:
                await self._work_until_failure(self._make_target)
                await self._rest(self._backoff.next())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _work_until_failure(self, make_target: Callable[[], Target]) -> None:
        target: Target | None = None
        try:
            target = await self._in_thread(make_target)
            await self._in_thread(target.check)
            while True:
                if not self._failing:
                    self._health.set(PART, State.OK)
                sent = await self._upload_next(target)
                self._failing = False
                self._backoff.reset()
                if not sent:
                    await self._wait_for_work()
        except (LinkError, StoreError, SecretMissingError) as error:
            self._failing = True
            self._health.set(PART, State.FAILED, str(error))
        finally:
            self.progress = None
            if target:
                target.close()

    async def _upload_next(self, target: Target) -> bool:
        """Upload one file; return whether there was one."""
        uploads = self._outbox.uploads
        heads = await uploads.heads()
        upload = await uploads.get(heads[0].id) if heads else None
        if upload is None or upload.body is None:
            return False
        body = upload.body
        reason = await self._in_thread(_why_unusable, upload)
        if not reason:
            await self._send(target, upload)
        if "lost" in await uploads.phases(upload.id):
            await uploads.forget(upload.id)
        elif reason:
            await uploads.give_up(body, reason)
        else:
            await uploads.finish(body)
            self.uploaded_total += 1
            if self.on_uploaded:
                await self.on_uploaded(upload.id)
        return True

    async def _send(self, target: Target, upload: Upload) -> None:
        """Return when the object is confirmed."""
        thing = Object(
            key=upload.key, size_bytes=upload.size_bytes, sha256=upload.sha256, content_type=upload.content_type
        )
        self.progress = UploadProgress(upload.id, 0, upload.size_bytes)
        for _ in range(_ATTEMPTS):
            try:
                await self._send_once(target, thing, upload)
                break
            except (UploadUnknownError, ObjectDamagedError) as error:
                if await self._in_thread(target.confirm, thing, {}):
                    break
                await self._begin_again(target, thing, upload)
                upload = replace(upload, upload_id=None, parts={})
                reason = str(error)
        else:
            raise LinkError(f"{reason}; tried {_ATTEMPTS} times from the start")
        self.progress = None

    async def _begin_again(self, target: Target, thing: Object, upload: Upload) -> None:
        current = await self._outbox.uploads.get(upload.id)
        if current and current.upload_id:
            await self._in_thread(target.abort, thing.key, current.upload_id)
        await self._outbox.uploads.restart(upload.id)

    async def _send_once(self, target: Target, thing: Object, upload: Upload) -> None:
        if thing.size_bytes <= target.part_bytes:
            data = await self._in_thread(_read, upload.path, 0, thing.size_bytes)
            await self._in_thread(target.put, thing, data, self._sending(0))
            self.sent_bytes_total += len(data)
        else:
            await self._send_parts(target, thing, upload)
        if not await self._in_thread(target.confirm, thing, {}):
            raise ObjectDamagedError(f"{thing.key} is not in the object storage as it was sent")

    async def _send_parts(self, target: Target, thing: Object, upload: Upload) -> None:
        uploads, recording_id = self._outbox.uploads, upload.id
        if upload.upload_id and upload.part_bytes == target.part_bytes:
            upload_id = upload.upload_id
            tags = await self._in_thread(target.held, thing, upload_id, upload.tags)
        else:
            upload_id, tags = await self._in_thread(target.begin, thing), {}
            await uploads.begin(recording_id, upload_id, target.part_bytes)
        for number in range(1, -(-thing.size_bytes // target.part_bytes) + 1):
            if number in tags:
                continue
            offset = (number - 1) * target.part_bytes
            data = await self._in_thread(_read, upload.path, offset, target.part_bytes)
            sending = self._sending(offset)
            tags[number] = await self._in_thread(target.put_part, thing, upload_id, number, data, sending)
            await uploads.add_part(recording_id, number, tags[number])
            self.sent_bytes_total += len(data)
        await self._in_thread(target.complete, thing, upload_id, tags)

    def _sending(self, offset: int) -> Callable[[int], None]:
        """What a target calls from its thread: keeps the progress, and stops the part when we are stopping."""
        progress = self.progress

        def sending(sent: int) -> None:
            if self._stopping.is_set():
                raise UploadCancelledError("stopping")
            if progress:
                progress.sent_bytes = offset + sent

        return sending

    async def _in_thread(self, work: Callable[[Unpack[_Ts]], _T], *arguments: *_Ts) -> _T:
        """Run blocking `work` in our thread. What it waits for has timeouts of its own, so waiting is progress."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        try:
            while not (await asyncio.wait({future}, timeout=_BEAT_S))[0]:
                self.pulse.beat()
        except asyncio.CancelledError:
            self._stopping.set()
            await asyncio.wait({future}, timeout=_STOP_S)
            if future.done() and not future.cancelled():
                future.exception()
            raise
        self.pulse.beat()
        return future.result()

    async def _wait_for_work(self) -> None:
        waits = [
            asyncio.create_task(self._outbox.uploads.wait_changed(), name="uploader-wait"),
            asyncio.create_task(self._clock.sleep(_BEAT_S), name="uploader-wait"),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        self.pulse.beat()

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self.pulse.beat()
            await self._clock.sleep(min(seconds, _BEAT_S))
            seconds -= _BEAT_S


def _why_unusable(upload: Upload) -> str:
    """Why the file can never be sent; empty if it can."""
    try:
        with upload.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "its file is gone from the spool"
    except OSError as error:
        raise StoreError(f"cannot read {upload.path}: {error.strerror}") from error
    return "" if digest == upload.sha256 else "its file is not what was recorded: the disk damaged it"


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
