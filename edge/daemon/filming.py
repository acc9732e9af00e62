"""The recorders as sessions use them: started and stopped with a session, listed and erased by its id."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from edge.affect.sessions.folder.ports import SessionVideo
from edge.core.errors import RefusedError, StoreError
from edge.recording.previews.shelf import SheetShelf
from edge.recording.service import RecordingService
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool


class Strays(Protocol):
    """What lies in the spool and no note speaks of."""

    async def clear(self) -> int:
        """Give each its note, and delete those that nobody can place; how many files those were.

        Raise `StoreError` or `OSError` if some are left.
        """
        ...


class SessionRecorders:
    """Fills `edge.affect.sessions.folder.ports.SessionCameras`. Belongs to the event loop.

    `sheets` holds the previews of recordings; `forget` takes one from the list of uploads; `device` is the one in the
    keys; `strays` places what no note speaks of.
    """

    def __init__(
        self,
        recorders: Mapping[str, RecordingService],
        spool: Spool,
        *,
        sheets: SheetShelf,
        device: str,
        forget: Callable[[str], Awaitable[None]],
        strays: Strays | None = None,
    ) -> None:
        self._recorders = recorders
        self._spool = spool
        self._sheets = sheets
        self._device = device
        self._forget = forget
        self._strays = strays

    def known(self) -> Sequence[str]:
        """The ids of the cameras."""
        return list(self._recorders)

    async def start_session(self, session_id: str, participant: str, cameras: Sequence[str]) -> None:
        """Let these record for a session; raise `RefusedError` if one of them is not there."""
        if unknown := [camera for camera in cameras if camera not in self._recorders]:
            raise RefusedError(
                f"there is no camera {unknown[0]!r:.80}: there are {', '.join(self._recorders) or 'none'}"
            )
        for camera in cameras:
            self._recorders[camera].start_session(session_id, participant)

    async def stop_session(self, session_id: str) -> None:
        """End it on all of them."""
        for recorder in self._recorders.values():
            recorder.stop_session(session_id)

    def recordings(self, session_id: str) -> Sequence[SessionVideo]:
        """What is on the disk of it, oldest first. Blocks."""
        mine = [one for one in self._sidecars() if one.session_id == session_id]
        return [self._video(one) for one in sorted(mine, key=lambda one: one.age)]

    async def erase(self, participant: str, session_ids: Sequence[str]) -> int:
        """Delete all of it, so that no power cut brings it back.

        What is set aside goes with them, for nobody can tell whose it is. Raise `StoreError` while one is still being
        written, or told of, to be called again.
        """
        strangers = await self._strays.clear() if self._strays else 0
        for session_id in session_ids:
            await self.stop_session(session_id)
        theirs = [
            one
            for one in await asyncio.to_thread(self._all)
            if one.session_id in session_ids or one.participant == participant
        ]
        told = [one for one in theirs if one.step != "writing" and not self._telling(one)]
        for sidecar in told:
            await self._forget(sidecar.recording_id)
            await asyncio.to_thread(self._delete, sidecar)
        if len(told) < len(theirs):
            raise StoreError("a recording of this participant is still being written")
        return len(told) + strangers

    def _telling(self, sidecar: Sidecar) -> bool:
        return any(recorder.telling(sidecar.recording_id) for recorder in self._recorders.values())

    def _delete(self, sidecar: Sidecar) -> None:
        """Its note goes after its sheet, which nothing else names after a kill; one may be made meanwhile."""
        self._sheets.discard(sidecar.recording_id)
        self._spool.erase(sidecar)
        self._sheets.discard(sidecar.recording_id)

    def _all(self) -> list[Sidecar]:
        return [entry.sidecar for entry in self._spool.entries()]

    def _sidecars(self) -> list[Sidecar]:
        return [one for one in self._all() if one.step != "lost"]

    def _video(self, sidecar: Sidecar) -> SessionVideo:
        whole = sidecar.step != "writing"
        return SessionVideo(
            recording_id=sidecar.recording_id,
            camera=sidecar.camera,
            path=self._spool.path(sidecar),
            key=sidecar.key(self._device),
            whole=whole,
            start_ms=sidecar.start_ms,
            end_ms=sidecar.end_ms,
            first_mono_ms=sidecar.mono_ns / 1e6 if sidecar.mono_ns else None,
            frames=sidecar.frames,
            size_bytes=sidecar.size_bytes,
            sha256=sidecar.sha256,
            codec=sidecar.codec,
            width_px=sidecar.width_px,
            height_px=sidecar.height_px,
        )
