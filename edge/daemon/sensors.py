"""The body sensors of the appliance, what reads their signals and the emotion in them, and the desk of sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from contract.sessions import CommandResult, SensorCommand, SensorView, SignalView
from edge.affect.service import AffectService
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.folder.stash import SessionStash
from edge.affect.sessions.needs import DeskNeeds, Elsewhere
from edge.affect.showing import SignalService
from edge.affect.signals.stream import SignalStream
from edge.core.errors import StoreError, UnknownError
from edge.core.health import State
from edge.core.sample import Sample
from edge.core.service import Service
from edge.daemon.drivers import sensor_opener
from edge.daemon.filming import SessionRecorders
from edge.daemon.ground import Ground
from edge.daemon.storage import Storage
from edge.recording.service import RecordingService
from edge.sensing.batch import SampleBatcher
from edge.sensing.service import SensingService
from edge.sensing.settings import SensorSettings
from edge.vision.detect.detections import Expression


@dataclass(frozen=True, kw_only=True)
class SensorUnit:
    """One sensor with the services around it."""

    sensing: SensingService
    shown: SignalService
    affect: AffectService | None

    @property
    def services(self) -> list[Service]:
        """All of them."""
        return [self.sensing, self.shown, *([self.affect] if self.affect else [])]

    def view(self) -> SensorView:
        """It as people see it now."""
        signals = self.shown.view
        return msgspec.structs.replace(self.sensing.view(), quality=signals.quality if signals else {})


class Sensors:
    """The sensors as the LAN side and the desk of sessions see them; see `edge.web.session_port.SensorPort`."""

    def __init__(self) -> None:
        self.units: dict[str, SensorUnit] = {}
        self.desk: SessionDesk | None = None
        """None where the file of sessions cannot be opened. Without a sensor no session starts, but who handed in
        videos is known here, and can be erased."""

    @property
    def services(self) -> list[Service]:
        """Everything that runs."""
        running = [service for unit in self.units.values() for service in unit.services]
        folders = self.desk.folders if self.desk else None
        return [*running, *([self.desk] if self.desk else []), *([folders] if folders else [])]

    def sensors(self) -> Sequence[SensorView]:
        """All of them, in the order of the config."""
        return [unit.view() for unit in self.units.values()]

    def signals(self) -> Sequence[SignalView]:
        """The newest view of each that has one."""
        return [unit.shown.view for unit in self.units.values() if unit.shown.view]

    async def command(self, sensor: str, command: SensorCommand) -> CommandResult:
        """Let a board do something; raise `UnknownError` or `RefusedError`."""
        if sensor not in self.units:
            raise UnknownError(f"there is no sensor {sensor!r:.80}: there are {', '.join(self.units) or 'none'}")
        return await self.units[sensor].sensing.command(command)

    def model_problem(self) -> str:
        """Why emotion cannot be estimated now; empty if it can."""
        services = [unit.affect for unit in self.units.values() if unit.affect]
        if not services:
            return "estimating emotion is switched off"
        return next((service.problem for service in services if service.problem), "")

    def forget(self, participant: str) -> None:
        """Keep nothing of them in memory."""
        for unit in self.units.values():
            if unit.affect:
                unit.affect.forget(participant)


async def make_sensors(
    ground: Ground,
    storage: Storage,
    recorders: Mapping[str, RecordingService],
    *,
    elsewhere: Elsewhere,
    version: str,
) -> Sensors:
    """Every sensor, and the desk of their sessions, opened; they share the viewings."""
    made, viewings = Sensors(), Viewings(ground.config.affect.participants)
    folders = _folder_needs(ground, storage, recorders, version)
    made.desk = await _open_desk(ground, viewings, made, folders, elsewhere)
    if made.desk and made.desk.folders:
        _keep_within_the_disk(made.desk.folders, storage)
    if made.desk is None:
        viewings.may_name = _nobody_agreed
    for settings in ground.config.sensors:
        made.units[settings.id] = _unit(ground, settings, viewings, made.desk)
    return made


def _nobody_agreed(participant: str) -> bool:
    """Without a desk of sessions nobody knows who did."""
    del participant
    return False


def _folder_needs(
    ground: Ground, storage: Storage, recorders: Mapping[str, RecordingService], version: str
) -> FolderNeeds:
    uploads = ground.outbox.uploads

    def wrote(n_bytes: int) -> None:
        storage.meter.wrote(n_bytes)
        storage.meter.synced()

    cameras = SessionRecorders(
        recorders,
        storage.spool,
        sheets=storage.shelf.sheets,
        device=ground.config.device,
        forget=uploads.forget,
        strays=storage.stranded,
    )
    return FolderNeeds(
        device=ground.config.device,
        software=version,
        cameras=cameras,
        uploads=uploads,
        pace_s=lambda: max(ground.config.affect.sessions.folder.sync_s, storage.wear.fragment_s()),
        wrote=wrote,
    )


def _keep_within_the_disk(folders: SessionFolders, storage: Storage) -> None:
    async def uploaded(file_id: str) -> None:
        folders.uploaded(file_id)

    storage.retention.watch(SessionStash(folders))
    storage.on_uploaded.append(uploaded)


async def _open_desk(
    ground: Ground, viewings: Viewings, sensors: Sensors, folders: FolderNeeds, elsewhere: Elsewhere
) -> SessionDesk | None:
    """Cameras do not care whether sessions can be kept."""
    needs = DeskNeeds(
        viewings=viewings,
        sink=ground.outbox,
        records=ground.outbox,
        hub=ground.hub,
        clock=ground.clock,
        health=ground.health,
        sensors=sensors.sensors,
        model_problem=sensors.model_problem,
        on_erased=sensors.forget,
        elsewhere=elsewhere,
        folders=folders,
    )
    desk = SessionDesk(ground.config.state / "sessions", settings=ground.config.affect.sessions, needs=needs)
    try:
        await desk.open()
    except StoreError as error:
        ground.health.set(desk.name, State.FAILED, str(error))
        return None
    return desk


def _unit(ground: Ground, settings: SensorSettings, viewings: Viewings, desk: SessionDesk | None) -> SensorUnit:
    batcher = SampleBatcher(settings.id, ground.hub, ground.clock)
    folders = desk.folders if desk else None
    stream = SignalStream(settings.id, settings=ground.config.affect.signals)
    affect = _affect(ground, stream, viewings, desk) if ground.config.affect.enabled else None

    def deliver(sample: Sample) -> None:
        batcher.add(sample)
        stream.add(sample)
        if folders:
            folders.recorder.sample(sample)
        if affect:
            affect.offer(sample)

    sensing = SensingService(
        settings.id,
        open_sensor=sensor_opener(settings, ground.clock),
        deliver=deliver,
        health=ground.health,
        clock=ground.clock,
        rng=ground.rng,
        settings=settings,
    )
    return SensorUnit(sensing=sensing, shown=SignalService(stream, hub=ground.hub, clock=ground.clock), affect=affect)


def _affect(ground: Ground, stream: SignalStream, viewings: Viewings, desk: SessionDesk | None) -> AffectService:
    alone = len(ground.config.sensors) == 1
    service = AffectService(
        stream.sensor,
        model_store=ground.models,
        settings=ground.config.affect,
        viewings=viewings,
        sink=desk.gate if desk else ground.outbox,
        health=ground.health,
        clock=ground.clock,
        part="affect" if alone else f"affect.{stream.sensor}",
        signals=stream,
        knowledge=desk.known if desk else None,
    )
    service.load_model()
    if alone:
        ground.expressions.append(lambda expression: _hear(service, expression))
    return service


def _hear(service: AffectService, expression: Expression) -> None:
    """The face before the camera is a voice on who wears the sensor, where only one sensor is worn: of several wearers
    nobody could tell whose face it is."""
    service.voices.hear(
        f"face.{expression.camera}", expression.mono_ns, expression.probabilities, expression.confidence
    )
