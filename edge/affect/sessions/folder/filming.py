"""Starts and stops the cameras of sessions, again until it is done: no session waits for a camera."""

import logging
from collections.abc import Sequence

from edge.affect.sessions.folder.ports import SessionCameras
from edge.core.errors import RefusedError

_log = logging.getLogger(__name__)


class Filming:
    """Belongs to the event loop. What is wanted is noted at once and done by `work`."""

    def __init__(self, cameras: SessionCameras) -> None:
        self._cameras = cameras
        self._wanted: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._over: dict[str, None] = {}

    def begin(self, session_id: str, participant: str, cameras: Sequence[str]) -> None:
        """A session that these cameras record has begun."""
        self._over.pop(session_id, None)
        if cameras:
            self._wanted[session_id] = participant, tuple(cameras)

    def end(self, session_id: str) -> None:
        """It has ended; of a session without cameras that means nothing."""
        if self._wanted.pop(session_id, None) is None:
            self._over[session_id] = None

    async def work(self) -> None:
        """Tell the cameras what they have not been told; raise `StoreError` or `OSError` to be called again."""
        for session_id, (participant, cameras) in list(self._wanted.items()):
            try:
                await self._cameras.start_session(session_id, participant, cameras)
            except RefusedError as error:
                _log.warning("no video is recorded of session %s: %s", session_id, error)
            if self._wanted.pop(session_id, None) is None:
                self._over[session_id] = None  # it ended while they began
        for session_id in list(self._over):
            await self._cameras.stop_session(session_id)
            self._over.pop(session_id, None)
