"""The cameras: capture, live picture, analysis and recorder of each, and what their recorders share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contract.messages import Event
from contract.plan import Plan
from edge.capture.privacy import PrivacyPainter, PrivateCamera
from edge.capture.service import CaptureService
from edge.capture.settings import CameraSettings
from edge.core.frame import Frame
from edge.core.service import Service
from edge.core.slot import Slot
from edge.daemon.camera import CameraParts, CameraUnit
from edge.daemon.drivers import camera_opener
from edge.daemon.ground import Ground
from edge.daemon.opinions import Opinions
from edge.daemon.plan_desk import PlanDesk
from edge.daemon.plans import PlanStore
from edge.daemon.room import BALLAST
from edge.outbox.ballast import Ballast
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.retention import RetentionService
from edge.recording.retention_spool import SpoolStash
from edge.recording.service import RecordingService
from edge.recording.spool import Spool
from edge.sync.uploader import Uploader
from edge.vision.detect.detections import Expression
from edge.vision.detect.faces import FaceFinder
from edge.vision.detect.service import DetectorService
from edge.vision.service import VisionService
from edge.vision.telling import VisionOutlets
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
    ballast = Ballast(ground.config.state / BALLAST, ground.config.retention.ballast_bytes)
    ground.outbox.give_up_when_full(ballast.release)
    stash = SpoolStash(spool, sink=ground.outbox, known=known, on_evicted=ground.outbox.uploads.forget)
    retention = RetentionService(
        [stash],
        settings=ground.config.retention,
        free_bytes=spool.free_bytes,
        clock=ground.clock,
        health=ground.health,
        hub=ground.hub,
        ballast=ballast,
    )
    retention.reconcile = stash.reconcile
    uploader.on_uploaded = stash.mark_uploaded

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

    desk = PlanDesk(settings.id, PlanStore(config.state / "plans"), health)
    capture = _capture(ground, settings, desk, slot, recorder)
    detector, vision = _eyes(ground, settings.id, slot, recorder) if config.vision.enabled else (None, None)
    if vision:
        desk.follow(vision.adopt)
    unit = CameraUnit(
        settings.id,
        CameraParts(
            slot=slot,
            capture=capture,
            recorder=recorder,
            vision=vision,
            detector=detector,
            plan=desk,
            opinions=Opinions(config.state / "opinions" / f"{settings.id}.json"),
            has_room=recorders.retention.has_room,
        ),
        name=settings.name,
        hub=ground.hub,
        health=health,
        clock=clock,
        viewers=relays.viewers,
        start_wait_s=config.web.start_wait_s,
    )
    return unit, [recorder, capture, *([vision] if vision else []), *([detector] if detector else []), unit]


def _capture(
    ground: Ground, settings: CameraSettings, desk: PlanDesk, slot: Slot[Frame], recorder: RecordingService
) -> CaptureService:
    """The camera behind its privacy painter; its frames go to the slot and the recorder."""

    def deliver(frame: Frame) -> None:
        slot.put(frame)
        recorder.offer(frame)

    def forget() -> None:
        """What was taken under another order is neither shown nor recorded any more."""
        slot.clear()
        recorder.forget_pre_roll()
        ground.album.forget_waiting(settings.id)

    painter = _painter(ground, desk, on_change=forget)
    open_plain = camera_opener(settings, ground.config.secrets, ground.clock)
    return CaptureService(
        settings.id,
        open_camera=lambda: PrivateCamera(open_plain(), painter),
        deliver=deliver,
        may_leave=painter.is_current,
        unwanted=slot.resting,
        health=ground.health,
        clock=ground.clock,
        rng=ground.rng,
    )


def _painter(ground: Ground, desk: PlanDesk, on_change: Callable[[], None]) -> PrivacyPainter:
    """What paints a camera's pictures; `on_change` is called when something else is to be hidden than before."""
    painter = PrivacyPainter(lambda: FaceFinder(ground.models))
    if desk.problem:
        painter.withhold(desk.problem)

    def adopt(plan: Plan) -> None:
        if painter.adopt(plan):
            on_change()

    desk.follow(adopt)
    return painter


def _eyes(
    ground: Ground, camera_id: str, slot: Slot[Frame], recorder: RecordingService
) -> tuple[DetectorService, VisionService]:
    """The analysis of a camera, and the detectors that it asks."""
    settings = ground.config.vision

    def hear(expression: Expression) -> None:
        for listener in ground.expressions:
            listener(expression)

    detector = DetectorService(
        camera_id,
        models=ground.models,
        settings=settings.detect,
        health=ground.health,
        clock=ground.clock,
        on_expression=hear,
    )
    vision = VisionService(
        camera_id,
        slot=slot,
        models=ground.models,
        settings=settings,
        outlets=_outlets(ground, recorder),
        clock=ground.clock,
        rng=np.random.default_rng(),
        state_dir=ground.config.state / "vision",
        detector=detector,
        turns=ground.turns,
    )
    return detector, vision


def _outlets(ground: Ground, recorder: RecordingService) -> VisionOutlets:
    def follow(event: Event) -> None:
        if event.phase == "open":
            recorder.event_opened(event.event_id)
        elif event.phase == "close":
            recorder.event_closed(event.event_id)

    return VisionOutlets(
        sink=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        album=ground.album,
        on_event=follow,
        recording_of=recorder.recording_of,
    )
