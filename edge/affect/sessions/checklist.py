"""What stands between now and a session: each thing that spoils one, looked at before instead of regretted after."""

from dataclasses import dataclass
from typing import Final

from contract.sessions import ChannelQuality, Check, CheckList, ConsentState, ConsentText, SensorView, Stimulus
from edge.affect.sessions.consent import EXTERNAL
from edge.affect.sessions.wording import channels_said, quality_said, sensor_named, trouble_said
from edge.core.sample import Channel
from edge.core.sizes import said_bytes

_POOR_INDEX: Final = 0.5
_OFF: Final = {"electrode_off", "absent"}


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything that the checks look at."""

    participant: str
    consent: ConsentState | None
    text: ConsentText
    sensor: SensorView | None
    sensor_problem: str = ""
    """Why there is none, or why it cannot be had."""
    clock_trusted: bool
    free_bytes: int
    keep_free_bytes: int
    model_problem: str
    stimulus: Stimulus | None
    stimulus_problem: str = ""


def check(found: Situation) -> CheckList:
    """All checks, in the order in which one would see to them."""
    checks = [
        _consent(found),
        _sensor(found),
        *(_signals(found.sensor) if found.sensor else []),
        _clock(found),
        _disk(found),
        _model(found),
        _stimulus(found),
    ]
    return CheckList(ready=all(one.state != "stop" for one in checks), checks=checks)


def _consent(found: Situation) -> Check:
    consent = found.consent
    if consent is None or not consent.given:
        said = "no consent is recorded" if consent is None else "the consent was taken back"
        return Check(name="consent", state="stop", detail=said, remedy="let the participant read and agree first")
    if consent.text_version == EXTERNAL:
        detail = "agreed to a text of another program"
    elif consent.text_sha256 != found.text.sha256:
        detail = f"agreed to version {consent.text_version}, the text of now is {found.text.version}"
    else:
        return Check(name="consent", state="ok", detail=f"agreed to version {consent.text_version}")
    return Check(name="consent", state="warning", detail=detail, remedy="let them read and agree to the text of now")


def _sensor(found: Situation) -> Check:
    if found.sensor is None or found.sensor_problem:
        remedy = "connect one, or end the session that uses it"
        return Check(name="sensor", state="stop", detail=found.sensor_problem or "there is no sensor", remedy=remedy)
    sensor = found.sensor
    if sensor.state != "ok":
        remedy = "look at its cable, its power and its settings"
        return Check(name="sensor", state="stop", detail=trouble_said(sensor), remedy=remedy)
    return Check(name="sensor", state="ok", detail=f"{sensor_named(sensor)} is connected")


def _signals(sensor: SensorView) -> list[Check]:
    if not sensor.quality:
        detail = f"nothing is known yet of the signals of {sensor_named(sensor)}"
        return [Check(name="signal", state="warning", detail=detail, remedy="wait a few seconds and check again")]
    off = [name for name, one in sensor.quality.items() if one.state in _OFF]
    poor = [quality_said(name, one) for name, one in sensor.quality.items() if name not in off and _is_poor(one)]
    signal = (
        Check(
            name="signal",
            state="warning",
            detail="; ".join(dict.fromkeys(poor)),
            remedy="let the hand rest, look at the electrodes",
        )
        if poor
        else Check(name="signal", state="ok", detail="clean")
    )
    return [_electrodes(off, known=Channel.GSR_RAW not in sensor.quality), signal]


def _electrodes(off: list[str], *, known: bool) -> Check:
    """`known`: the board was calibrated, so that open electrodes can be told from dry skin."""
    if off:
        detail = f"off the skin: {', '.join(channels_said(off))}"
        return Check(name="electrodes", state="warning", detail=detail, remedy="put them on")
    if known:
        return Check(name="electrodes", state="ok", detail="on the skin")
    detail = "whether they are on the skin cannot be told: the board is not calibrated"
    return Check(name="electrodes", state="warning", detail=detail, remedy="calibrate it once, with open electrodes")


def _is_poor(quality: ChannelQuality) -> bool:
    return quality.state != "ok" or quality.index < _POOR_INDEX


def _clock(found: Situation) -> Check:
    if found.clock_trusted:
        return Check(name="clock", state="ok", detail="kept by a time server")
    return Check(
        name="clock",
        state="warning",
        detail="nothing keeps the wall clock: times may be off against other devices",
        remedy="connect the appliance to a time server",
    )


def _disk(found: Situation) -> Check:
    left = f"{said_bytes(found.free_bytes)} free"
    if found.free_bytes < found.keep_free_bytes:
        return Check(name="disk", state="stop", detail=left, remedy="delete stimuli or recordings")
    if found.free_bytes < 2 * found.keep_free_bytes:
        return Check(name="disk", state="warning", detail=left, remedy="delete stimuli or recordings soon")
    return Check(name="disk", state="ok", detail=left)


def _model(found: Situation) -> Check:
    if not found.model_problem:
        return Check(name="model", state="ok", detail="works")
    remedy = "labels are kept without it; see the health of the appliance"
    return Check(name="model", state="warning", detail=found.model_problem, remedy=remedy)


def _stimulus(found: Situation) -> Check:
    if found.stimulus_problem:
        return Check(
            name="stimulus", state="stop", detail=found.stimulus_problem, remedy="upload it, or choose another"
        )
    if found.stimulus is None or found.stimulus.kind == "none":
        return Check(name="stimulus", state="ok", detail="none")
    return Check(name="stimulus", state="ok", detail=found.stimulus.title or found.stimulus.id)
