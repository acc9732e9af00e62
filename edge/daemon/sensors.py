"""The body sensors of the appliance, each with the service that reads emotion from it."""

from edge.affect.service import AffectService
from edge.affect.session import Viewings
from edge.core.sample import Sample
from edge.core.service import Service
from edge.daemon.drivers import sensor_opener
from edge.daemon.ground import Ground
from edge.sensing.batch import SampleBatcher
from edge.sensing.service import SensingService
from edge.sensing.settings import SensorSettings
from edge.vision.detect.detections import Expression


def make_sensors(ground: Ground) -> list[Service]:
    """Every sensor with the service that reads emotion from it; they share the viewings."""
    viewings = Viewings(ground.config.affect.participants)
    sensors = ground.config.sensors
    return [
        service
        for settings in sensors
        for service in _sensor(ground, settings, viewings, "affect" if len(sensors) == 1 else f"affect.{settings.id}")
    ]


def _sensor(ground: Ground, settings: SensorSettings, viewings: Viewings, part: str) -> list[Service]:
    batcher = SampleBatcher(settings.id, ground.hub, ground.clock)
    affect = _affect(ground, settings.id, viewings, part) if ground.config.affect.enabled else None

    def deliver(sample: Sample) -> None:
        batcher.add(sample)
        if affect:
            affect.offer(sample)

    sensing = SensingService(
        settings.id,
        open_sensor=sensor_opener(settings, ground.clock),
        deliver=deliver,
        health=ground.health,
        clock=ground.clock,
        rng=ground.rng,
    )
    return [sensing, *([affect] if affect else [])]


def _affect(ground: Ground, sensor_id: str, viewings: Viewings, part: str) -> AffectService:
    service = AffectService(
        sensor_id,
        model_store=ground.models,
        settings=ground.config.affect,
        viewings=viewings,
        sink=ground.outbox,
        health=ground.health,
        clock=ground.clock,
        part=part,
    )
    service.load_model()
    if len(ground.config.sensors) == 1:
        ground.expressions.append(lambda expression: _hear(service, expression))
    return service


def _hear(service: AffectService, expression: Expression) -> None:
    """The face before the camera is a voice on who wears the sensor, where only one sensor is worn: of several wearers
    nobody could tell whose face it is."""
    service.voices.hear(
        f"face.{expression.camera}", expression.mono_ns, expression.probabilities, expression.confidence
    )
