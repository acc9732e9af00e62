"""Carries recordings to object storage, one at a time, and goes on where it was when the process died."""

import asyncio
import hashlib
import random
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import LinkError, StoreError
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError
from edge.core.service import Pulse
from edge.outbox.store import Outbox
from edge.outbox.uploads import Upload
from edge.sync.targets.target import Object, ObjectDamagedError, Target, UploadCancelledError, UploadUnknownError

PART: Final = "objects"
_BEAT_S: Final = 5.0
_ATTEMPTS: Final = 3
"""How often an upload that the target forgot or found damaged is begun again before we pause."""
_T = TypeVar("_T")
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
    instead of it switches uploading off. `on_uploaded` gets the id of each recording that is confirmed in object storage
    and recorded as such; it may be called again for the same one after a crash.
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
        self._target: Target | None = None
        self._stopping = threading.Event()
        self._threads: ThreadPoolExecutor | None = None

    async def run(self) -> None:
        """Upload until cancelled."""
        if self._make_target is None:
            self._health.set(PART, State.STOPPED, "switched off: recordings stay on the device")
            while True:
                self.pulse.beat()
                await self._clock.sleep(_BEAT_S)
        self._stopping.clear()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="uploader")
        try:
            while True:
                await self._run_once_or_rest()
        finally:
            self._stopping.set()
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._drop_target()

    async def run_once(self) -> bool:
        """Upload the next file; return whether there was one. Raise `LinkError` or `StoreError`."""
        upload = await self._outbox.uploads.next()
        if upload is None:
            return False
        recording = upload.recording
        self.progress = UploadProgress(recording.recording_id, 0, recording.size_bytes)
        try:
            if reason := await self._in_thread(_why_unusable, upload):
                await self._outbox.uploads.give_up(recording, reason)
                return True
            await self._send(upload)
        finally:
            self.progress = None
        await self._outbox.uploads.finish(recording)
        self.uploaded_total += 1
        if self.on_uploaded:
            await self.on_uploaded(recording.recording_id)
        return True
