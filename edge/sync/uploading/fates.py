"""What becomes of a file that was on its way: it arrived, begins again, has an attempt less, or can never be sent."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from contract.messages import File, Recording
from edge.core.clock import Clock
from edge.core.errors import EdgeError, LinkError
from edge.outbox.uploads import Uploads
from edge.sync.targets.target import ObjectDamagedError, UploadUnknownError
from edge.sync.upload_settings import UploadSettings
from edge.sync.uploading.carriage import Carriage
from edge.sync.uploading.lineup import Lineup
from edge.sync.uploading.reading import FileUnreadableError, FileUnusableError, PartChangedError
from edge.sync.uploading.station import Station

_RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that object storage has confirmed."""

    body: Recording | File
    rank: int
    done_ms: int


class Fates:
    """Belongs to the event loop. Each method raises `StoreError`."""

    def __init__(
        self, uploads: Uploads, station: Station, lineup: Lineup, *, settings: UploadSettings, clock: Clock
    ) -> None:
        self._uploads = uploads
        self._station = station
        self._lineup = lineup
        self._settings = settings
        self._clock = clock
        self.uploaded_total = 0
        self.restarted_total = 0
        self.failed_files = 0
        """How many wait for somebody to say that they be tried again."""
        self.recent: deque[Arrived] = deque(maxlen=_RECENT)

    async def arrived(self, carriage: Carriage) -> bool:
        """Tell that it is confirmed. False if somebody gave it up meanwhile: then the object is a stray."""
        upload = carriage.upload
        self._station.left(upload.id)
        if upload.body is None or "lost" in await self._uploads.phases(upload.id):
            await self._uploads.forget(upload.id)
            return False
        if await self._uploads.finish(upload.body) is None:
            return False
        self._lineup.forget(upload.id)
        self.uploaded_total += 1
        self.recent.append(Arrived(upload.body, upload.rank, self._clock.now().wall_ms))
        self._uploads.wake()
        return True

    async def failed(self, carriage: Carriage, error: EdgeError) -> bool:
        """Whether it arrived all the same. Raise `error` if it is not the file's fault."""
        upload_id = carriage.upload.id
        match error:
            case FileUnusableError():
                await self._give_up(carriage, str(error))
            case UploadUnknownError() | ObjectDamagedError() | PartChangedError():
                if await carriage.is_there():
                    return True
                await self._begin_again(carriage, error)
            case FileUnreadableError():
                self._lineup.failed(upload_id, restarted=True)
                await self._blame(carriage, error)
            case LinkError() if self._lineup.failed(upload_id):
                with suppress(LinkError):  # some fail at an upload that they completed before their answer was lost
                    if await carriage.is_there():
                        return True
                await self._blame(carriage, error)
            case _:
                raise error
        return False

    async def look_after_failed(self) -> None:
        """Count them, and give each one attempt a day."""
        self.failed_files = (await self._uploads.totals()).failed
        if self.failed_files:
            await self._uploads.retry_old(self._clock.now().wall_ms, int(self._settings.failed_retry_s * 1000))

    async def _give_up(self, carriage: Carriage, reason: str) -> None:
        upload = carriage.upload
        self._station.left(upload.id, gone=True)
        known = await self._uploads.get(upload.id)
        if upload.body is None or known is None or known.path != upload.path:
            return  # it is being closed under its final name, and comes anew; what was thrown away is forgotten there
        if "lost" in await self._uploads.phases(upload.id):
            await self._uploads.forget(upload.id)
        else:
            await self._uploads.give_up(upload.body, reason)

    async def _begin_again(self, carriage: Carriage, error: EdgeError) -> None:
        self.restarted_total += 1
        self._lineup.failed(carriage.upload.id, restarted=True)
        await carriage.begin_again()
        await self._blame(carriage, error)

    async def _blame(self, carriage: Carriage, error: EdgeError) -> None:
        """It is the file's own fault: others go on, and it has one attempt less."""
        upload = carriage.upload
        self._station.left(upload.id)
        last = upload.attempts + 1 >= self._settings.attempts
        self.failed_files += last
        await self._uploads.fault(upload.id, str(error), self._clock.now().wall_ms if last else None)
