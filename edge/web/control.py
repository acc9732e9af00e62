"""Starting and stopping a camera on request, and who may stop it while others watch (X.10)."""

import asyncio

from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError
from edge.core.frame import Frame
from edge.web.callers import Caller
from edge.web.deps import CameraPort
from edge.web.relay import Relays, Watcher


async def start_camera(camera: CameraPort, clock: Clock, within_s: float) -> None:
    """Start a camera and return once it delivers; raise `SourceUnavailableError` if it does not `within_s` seconds."""
    await camera.start()
    if fresh_frame(camera, clock, within_s):
        return
    try:
        async with asyncio.timeout(within_s):
            async for _ in camera.slot.items(fresh=True):
                return
    except TimeoutError:
        pass
    raise SourceUnavailableError(f"camera {camera.id} gave no frame within {within_s:g} s: {camera.stats.detail}")


async def stop_camera(camera: CameraPort, relays: Relays) -> None:
    """Release a camera, end its live pictures and forget what is transient of its analysis; the learned is kept."""
    await camera.stop()
    camera.reset_vision()
    relays.finish(camera.id)


def others_on(camera: CameraPort, relays: Relays, caller: Caller) -> int:
    """How many besides the caller need this camera running: other viewers, and a recording.

    A single viewer of the caller's own address and program is taken for the caller's own picture; of several, nobody
    can tell which.
    """
    watchers = relays.watchers(camera.id)
    mine = Watcher(caller.address, None, caller.program)
    own = len(watchers) == 1 and all(watcher.is_same_client(mine) for watcher in watchers)
    return (0 if own else len(watchers)) + camera.recording


def fresh_frame(camera: CameraPort, clock: Clock, within_s: float) -> Frame | None:
    """The newest frame of a camera if it is younger than `within_s` seconds."""
    frame = camera.slot.latest
    if frame is None or clock.mono_ns() - frame.mono_ns > within_s * 1e9:
        return None
    return frame
