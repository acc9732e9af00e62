"""`diagnostics`: a bundle of what this device knows of itself, to object storage."""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from edge.core.background import in_the_background
from edge.core.clock import Clock
from edge.core.errors import EdgeError
from edge.daemon.remote.arguments import arguments_of
from edge.daemon.remote.diagnostics import Part, bundle
from edge.daemon.remote.files import RemoteFiles
from edge.sync.remote.handler import Call, CommandFailedError, Outcome


class _Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class DiagnosticsHandler:
    """Takes no arguments. Outcome: `key`, or `file` where nothing is uploaded, and `size_bytes`."""

    def __init__(self, parts: Callable[[], Mapping[str, Part]], files: RemoteFiles, clock: Clock) -> None:
        """`parts` names what goes into it."""
        self._parts = parts
        self._files = files
        self._clock = clock

    async def run(self, call: Call) -> Outcome:
        """Make it."""
        arguments_of(call.command, _Arguments)
        made_s = self._clock.now().wall_ms // 1000
        content = await in_the_background(partial(bundle, self._parts(), made_s=made_s))
        name = "diagnostics.tar.gz"
        try:
            key = await self._files.keep(
                call.command.command_id, name, content, purpose="diagnostics", media="application/gzip"
            )
        except (OSError, EdgeError) as error:
            raise CommandFailedError(f"the bundle was not kept: {error}") from error
        place = {"key": key} if key else {"file": str(self._files.path_of(call.command.command_id))}
        return {**place, "size_bytes": str(len(content))}

    async def resume(self, call: Call) -> Outcome:
        """Make another one, unless it was told of already."""
        return await self.run(call)
