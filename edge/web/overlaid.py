"""What turns a camera's frames into those with an overlay: once a frame for all who watch, in a worker thread."""

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from anyio import CapacityLimiter, to_thread

from edge.core.clock import wall_ms_of
from edge.core.frame import Frame
from edge.web.deps import CameraPort, Paint, WebDeps
from edge.web.relay import Dress

_log = logging.getLogger(__name__)


def dresses(deps: WebDeps, paint: Paint) -> Mapping[str, Dress]:
    """The `dress` of each camera for `Relays.add_overlays`.

    One frame is painted at a time, whichever camera it is of, so that overlays never take more than one core. One that
    cannot be painted is shown as it is (S1.17).
    """
    one, failing = CapacityLimiter(1), set[str]()

    async def painted(camera: CameraPort, frame: Frame) -> bytes:
        plan = camera.plan()
        when = local_time(wall_ms_of(frame.mono_ns, deps.clock.now()), plan.timezone)
        work = partial(paint, frame.jpeg, camera.vision_state(), plan, when, quality=deps.settings.overlay_quality)
        return await to_thread.run_sync(work, limiter=one)

    async def dress(camera: CameraPort, frame: Frame) -> bytes:
        try:
            jpeg = await painted(camera, frame)
        except Exception:  # noqa: BLE001 - whatever it is, it would end the picture of all who watch
            if camera.id not in failing:
                _log.exception("camera %s is shown without its overlay, which cannot be painted", camera.id)
            failing.add(camera.id)
            return frame.jpeg
        failing.discard(camera.id)
        return jpeg

    return {camera.id: partial(dress, camera) for camera in deps.cameras.values()}


def local_time(wall_ms: int, timezone: str) -> str:
    """Date and time as people there read them; an empty `timezone` is the device's own."""
    zone = ZoneInfo(timezone) if timezone else None
    return datetime.fromtimestamp(wall_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
