"""What could be sent now: closed files from the table, and what recorders say has grown by a part."""

import asyncio
from collections import OrderedDict
from typing import Final

from edge.core.growth import Growth
from edge.outbox.upload_rows import Upload, rank_of_reason
from edge.outbox.uploads import Uploads
from edge.sync.uploading.carriage import Carriage, Road
from edge.sync.uploading.lineup import Candidate, Lineup

_KEPT: Final = 64
_LAST: Final = 1 << 62


class Station:
    """Where carriages wait for their turn; those that went last are kept, for what they know. Belongs to the loop."""

    def __init__(self, uploads: Uploads, lineup: Lineup) -> None:
        self._uploads = uploads
        self._lineup = lineup
        self._growing: dict[str, Growth] = {}
        self._dropped: set[str] = set()
        self._carriages: OrderedDict[str, Carriage] = OrderedDict()
        self._one_by_one = asyncio.Lock()
        self._turns: dict[str, str] = {}
        self._road: Road | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a road to go on."""
        return self._road is not None

    def open(self, road: Road) -> None:
        """Another target, or the same again: each file asks anew what of it is held there."""
        for carriage in self._carriages.values():
            carriage.go_by(road)
        self._road = road

    def close(self) -> None:
        """Let nobody start any more."""
        self._road = None
        self._uploads.wake()

    def grew(self, growth: Growth) -> None:
        """A recorder's word."""
        before = self._growing.get(growth.recording_id)
        self._growing[growth.recording_id] = growth
        if self._has_part(growth) and not (before and self._has_part(before)):
            self._uploads.wake()

    def dropped(self, recording_id: str) -> None:
        """It was thrown away before it was told of."""
        self._growing.pop(recording_id, None)
        self._dropped.add(recording_id)
        self._uploads.wake()

    def closed(self, upload_id: str) -> None:
        """It is in the table as a whole."""
        self._growing.pop(upload_id, None)

    def left(self, upload_id: str, *, gone: bool = False) -> None:
        """It comes anew; or, if `gone`, not as long as it grows."""
        self._carriages.pop(upload_id, None)
        if gone:
            self._growing.pop(upload_id, None)

    def keys_under_way(self) -> set[str]:
        """Of what is having its turn now."""
        return set(self._turns.values())

    async def take(self) -> Carriage | None:
        """The one whose turn it is, with what is known of it; `release` must follow. None if nothing can go."""
        async with self._one_by_one:
            await self._forget_dropped()
            if self._road is None or await self._uploads.all_paused():
                return None
            away = self._lineup.unavailable()
            heads = {head.id: head for head in await self._uploads.heads(away)}
            grown = await self._grown(away)
            if self._road is None:  # another found meanwhile that the target or the store fails
                return None
            chosen = self._lineup.take([*map(_candidate, heads.values()), *grown])
            return await self._with_turn(chosen.id, heads.get(chosen.id), self._road) if chosen else None

    def release(self, upload_id: str) -> None:
        """It had its turn."""
        self._turns.pop(upload_id, None)
        self._lineup.release(upload_id)

    async def tidy(self) -> None:
        """Forget what grew and was given up while nobody told us."""
        for upload in await self._uploads.growing():
            known = upload.id in self._growing or upload.id in self._lineup.busy
            if not known and "lost" in await self._uploads.phases(upload.id):
                await self._uploads.forget(upload.id)

    async def _grown(self, away: set[str]) -> list[Candidate]:
        """What has a part to send while it grows, behind what of its camera is closed."""
        if not self._growing:
            return []
        away = away | await self._not_now()
        grown = [one for one in self._growing.values() if one.recording_id not in away and self._has_part(one)]
        return [Candidate(one.recording_id, _rank(one), one.camera, _LAST) for one in grown]

    async def _not_now(self) -> set[str]:
        """Of what grows: what people hold back, and what failed."""
        return {upload.id for upload in await self._uploads.growing() if upload.paused or upload.failed_ms is not None}

    async def _with_turn(self, upload_id: str, head: Upload | None, road: Road) -> Carriage | None:
        """Prepared; whose preparation fails has no turn."""
        try:
            return await self._prepared(upload_id, head, road)
        except BaseException:
            self.release(upload_id)
            raise

    async def _prepared(self, upload_id: str, head: Upload | None, road: Road) -> Carriage | None:
        carriage, growth = self._carriages.pop(upload_id, None), self._growing.get(upload_id)
        upload = head if head and carriage else await self._row_of(upload_id)
        if upload is None or (upload.body is None and growth is None):
            self._growing.pop(upload_id, None)
            self._lineup.release(upload_id)
            return None
        carriage = carriage or Carriage(road, upload)
        carriage.update(upload, growth.safe_bytes if growth else 0)
        self._carriages[upload_id] = carriage
        self._turns[upload_id] = upload.key
        while len(self._carriages) > _KEPT:
            self._carriages.popitem(last=False)
        return carriage

    async def _row_of(self, upload_id: str) -> Upload | None:
        growth = self._growing.get(upload_id)
        upload = await self._uploads.get(upload_id)
        if upload is None and growth:
            await self._uploads.begin_growing(growth)
            upload = await self._uploads.get(upload_id)
        return upload

    async def _forget_dropped(self) -> None:
        for recording_id in list(self._dropped):
            if recording_id not in self._lineup.busy:
                await self._uploads.forget(recording_id)
                self._dropped.discard(recording_id)
                self._carriages.pop(recording_id, None)

    def _has_part(self, growth: Growth) -> bool:
        carriage = self._carriages.get(growth.recording_id)
        if carriage is not None:
            return carriage.would_have_part(growth.safe_bytes)
        return self._road is not None and growth.safe_bytes >= self._road.target.part_bytes


def _candidate(head: Upload) -> Candidate:
    return Candidate(head.id, head.rank, head.lane, head.added_row)


def _rank(growth: Growth) -> int:
    return rank_of_reason(growth.reason, alarm=growth.urgent)
