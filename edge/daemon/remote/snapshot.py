"""`snapshot`: the newest picture of a camera, kept here and, where files are uploaded, in object storage."""

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from edge.core.errors import EdgeError
from edge.core.frame import Frame
from edge.daemon.remote.arguments import arguments_of
from edge.daemon.remote.files import RemoteFiles
from edge.sync.remote.handler import Call, CommandFailedError, Outcome

Newest = Callable[[], Frame | None]
"""The newest picture of a camera, with everything painted that is to be hidden; None if there is no fresh one."""


class _Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    camera: Annotated[str, Meta(max_length=64)] = ""


class Keeper(Protocol):
    """Keeps pictures as files of the LAN side."""

    async def take(self, jpeg: bytes) -> str:
        """Keep a picture and return its name. Raise `OSError`."""
        ...


class SnapshotHandler:
    """`{"camera": "front"}`, the first one if none is named. Outcome: `camera`, `snapshot_id`, `key`."""

    def __init__(self, newest: Mapping[str, Newest], keeper: Keeper, files: RemoteFiles) -> None:
        self._newest = newest
        self._keeper = keeper
        self._files = files

    async def run(self, call: Call) -> Outcome:
        """Take it."""
        camera = arguments_of(call.command, _Arguments).camera or next(iter(self._newest), "")
        if camera not in self._newest:
            raise CommandFailedError(f"there is no camera {camera!r}: there are {', '.join(self._newest) or 'none'}")
        frame = self._newest[camera]()
        if frame is None:
            raise CommandFailedError(f"camera {camera} shows nothing now: see its health")
        return {"camera": camera, **await self._keep(call, camera, frame)}

    async def resume(self, call: Call) -> Outcome:
        """Take another one: what a former run took may not be whole."""
        return await self.run(call)

    async def _keep(self, call: Call, camera: str, frame: Frame) -> Outcome:
        try:
            name = await self._keeper.take(frame.jpeg)
            key = await self._files.keep(
                call.command.command_id, name, frame.jpeg, purpose="snapshot", media="image/jpeg", camera=camera
            )
        except (OSError, EdgeError) as error:
            raise CommandFailedError(f"the picture was not kept: {error}") from error
        return {"snapshot_id": name, **({"key": key} if key else {})}
