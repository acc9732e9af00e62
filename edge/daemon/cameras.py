"""The cameras: capture, live picture, analysis and recorder of each."""

from collections.abc import Callable

import numpy as np

from contract.messages import Event, priority_of
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
from edge.daemon.storage import Storage
from edge.recording.service import RecordingService
from edge.vision.detect.detections import Expression
from edge.vision.detect.faces import FaceFinder
from edge.vision.detect.service import DetectorService
from edge.vision.service import VisionService
from edge.vision.telling import VisionOutlets
from edge.web.relay import Relays


def make_camera(
    ground: Ground, storage: Storage, relays: Relays, settings: CameraSettings, slot: Slot[Frame]
) -> tuple[CameraUnit, list[Service]]:
    """One camera's capture, recorder and analysis, with the unit that the LAN side sees."""
    config, clock, health = ground.config, ground.clock, ground.health
    recorder = RecordingService(
        settings.id,
        settings=config.recording,
        spool=storage.spool,
        teller=storage.teller,
        has_room=storage.retention.has_room,
        clock=clock,
        health=health,
        on_growth=storage.grew,
        on_growth_over=storage.stopped_growing,
        fragment_s=storage.wear.fragment_s,
        may_record_plain=storage.wear.may_record_plain,
        boot=ground.host_boot,
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
            has_room=storage.retention.has_room,
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
    open_plain = camera_opener(
        settings, ground.config.secrets, ground.clock, lambda at_ns: recorder.copying and slot.resting(at_ns)
    )
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
            recorder.event_opened(event.event_id, urgent=priority_of(event) == "alarm")
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
