"""The cameras: capture, live picture, analysis and recorder of each, and what their recorders share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contract.messages import Event
from contract.plan import Plan
from edge.capture.camera import Camera
from edge.capture.privacy import FaceFinder, PrivacyPainter, PrivateCamera
from edge.capture.service import CaptureService
from edge.capture.settings import CameraSettings
from edge.core.errors import ModelError
from edge.core.frame import Frame
from edge.core.service import Service
from edge.core.slot import Slot
from edge.daemon.camera import CameraParts, CameraUnit
from edge.daemon.drivers import camera_opener
from edge.daemon.ground import Ground
from edge.daemon.plan_desk import PlanDesk
from edge.daemon.plans import PlanStore
from edge.models.store import ModelStore
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.retention import RetentionService
from edge.recording.service import RecordingService
from edge.recording.spool import Spool
from edge.sync.uploader import Uploader
from edge.vision.service import VisionOutlets, VisionService
from edge.web.relay import Relays


@dataclass(frozen=True, kw_only=True)
class Recorders:
    """What the recorders of all cameras share."""

    spool: Spool
    teller: RecordingTeller
    retention: RetentionService


def make_recorders(ground: Ground, uploader: Uploader) -> Recorders:
    """What all recorders share; a closed recording goes to the uploader's list, an uploaded one may be evicted."""
    spool = Spool(ground.config.state / "recordings")
    known = ground.outbox.uploads.phases
    retention = RetentionService(
        spool,
        settings=ground.config.recording,
        sink=ground.outbox,
        known=known,
        on_evicted=ground.outbox.uploads.forget,
        clock=ground.clock,
        health=ground.health,
    )
    uploader.on_uploaded = retention.mark_uploaded

    async def queue(recording: ClosedRecording) -> None:
        await ground.outbox.uploads.add(recording.recording_id, recording.path)

    teller = RecordingTeller(device=ground.config.device, sink=ground.outbox, known=known, on_closed=queue)
    return Recorders(spool=spool, teller=teller, retention=retention)


def make_camera(
    ground: Ground, recorders: Recorders, relays: Relays, settings: CameraSettings, slot: Slot[Frame]
) -> tuple[CameraUnit, list[Service]]:
    """One camera's capture, recorder and analysis, with the unit that the LAN side sees."""
    config, clock, health = ground.config, ground.clock, ground.health
    recorder = RecordingService(
        settings.id,
        settings=config.recording,
        spool=recorders.spool,
        teller=recorders.teller,
        has_room=recorders.retention.has_room,
        clock=clock,
        health=health,
    )

    def deliver(frame: Frame) -> None:
        slot.put(frame)
        recorder.offer(frame)

    desk = PlanDesk(settings.id, PlanStore(config.state / "plans"), health)
    capture = CaptureService(
        settings.id,
        open_camera=_private(settings, ground, desk, on_change=lambda: _forget(slot, recorder)),
        deliver=deliver,
        health=health,
        clock=clock,
        rng=ground.rng,
    )
    vision = _vision(ground, settings.id, slot, recorder) if config.vision.enabled else None
    unit = CameraUnit(
        settings.id,
        CameraParts(
            slot=slot, capture=capture, recorder=recorder, vision=vision, has_room=recorders.retention.has_room
        ),
        name=settings.name,
        hub=ground.hub,
        health=health,
        clock=clock,
        viewers=relays.viewers,
        start_wait_s=config.web.start_wait_s,
    )
    return unit, [recorder, capture, *([vision] if vision else []), unit]


def _private(
    settings: CameraSettings, ground: Ground, desk: PlanDesk, on_change: Callable[[], None]
) -> Callable[[], Camera]:
    """What makes the camera with its privacy painter; `on_change` is called when more or less is to be hidden."""
    painter = PrivacyPainter(lambda: _face_finder(ground.models))
    open_plain = camera_opener(settings, ground.config.secrets, ground.clock)
    if desk.problem:
        painter.withhold(desk.problem)

    def adopt(plan: Plan) -> None:
        painter.adopt(plan)
        on_change()

    desk.follow(adopt)
    return lambda: PrivateCamera(open_plain(), painter)


def _face_finder(models: ModelStore) -> FaceFinder:
    raise ModelError(f"there is no model for the task 'faces' ({len(models.problems)} problems)")


def _forget(slot: Slot[Frame], recorder: RecordingService) -> None:
    """What was taken under another plan is neither shown nor recorded any more."""
    slot.clear()
    recorder.forget_pre_roll()


def _vision(ground: Ground, camera_id: str, slot: Slot[Frame], recorder: RecordingService) -> VisionService:
    def opened(event: Event) -> None:
        recorder.event_opened(event.event_id)

    def closed(event: Event) -> None:
        recorder.event_closed(event.event_id)

    outlets = VisionOutlets(
        sink=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        on_event_opened=opened,
        on_event_closed=closed,
    )
    return VisionService(
        camera_id,
        slot=slot,
        models=ground.models,
        settings=ground.config.vision,
        outlets=outlets,
        clock=ground.clock,
        rng=np.random.default_rng(),
        state_dir=ground.config.state / "vision",
    )
