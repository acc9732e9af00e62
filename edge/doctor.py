"""`afferent edge doctor`: examines each part as the appliance would use it, and says what to do."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edge.capture.v4l2 import list_v4l2_devices
from edge.config import EdgeConfig
from edge.core.clock import SystemClock
from edge.core.errors import EdgeError, ModelError
from edge.core.sample import Sample
from edge.daemon.assembly import TASKS
from edge.daemon.drivers import camera_opener, sensor_opener
from edge.daemon.sync import target_maker
from edge.identity.examining import examine_identity
from edge.identity.folder import IdentityFolder
from edge.models.store import ModelStore
from edge.sensing.sensor import Sensor
from edge.sensing.settings import BleSettings, LslSettings, SensorSettings, SerialSettings
from edge.sync.probe import probe_broker
from edge.sync.requests import RequestDesk
from edge.sync.settings import NO_BROKER, CloudSettings, FolderSettings
from edge.web.live_tls import certificate_of
from edge.web.own_certificate import fingerprint
from edge.web.settings import https_of
from edge.web.tls import CertificateError, Tls

_TIMEOUT_S: Final = 5.0
_FIRST_SAMPLE_S: Final = 3.0
_EACH_SPEED_S: Final = 3.5
_SPEEDS: Final = 3
_LOW_DISK_BYTES: Final = 2 * 2**30
_MODEL_REMEDY: Final = "reinstall the package, or see `afferent edge model list` and install the model again"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part, and what to do where it is not fine."""

    part: str
    fine: bool
    words: str
    remedy: str = ""

    def as_text(self) -> str:
        """One or two lines for people."""
        line = f"[{'ok' if self.fine else '!!'}] {self.part}: {self.words}"
        return line if self.fine or not self.remedy else f"{line}\n     → {self.remedy}"


def examine(config: EdgeConfig, tell: Callable[[Finding], None]) -> list[Finding]:
    """Examine everything, telling each finding as it is made."""
    found = []
    for check in (
        _state,
        _disk,
        _clock,
        _models,
        _cameras,
        _sensors,
        _sessions,
        _port,
        _https,
        _identity,
        _broker,
        _objects,
    ):
        for finding in check(config):
            tell(finding)
            found.append(finding)
    return found


def _state(config: EdgeConfig) -> Iterator[Finding]:
    folder = config.state
    nearest = _nearest(folder)
    writable = os.access(nearest, os.W_OK)
    yield Finding(
        "state folder",
        writable,
        f"{folder} {'can be written' if writable else 'cannot be written by this user'}",
        f"run as the appliance's user, or: sudo install -d -m 700 -o $(id -un) {folder}",
    )


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there and that this user may look at."""
    for path in (folder, *folder.parents):
        with suppress(OSError):
            if path.exists():
                return path
    return Path("/")


def _disk(config: EdgeConfig) -> Iterator[Finding]:
    nearest = _nearest(config.state)
    free = shutil.disk_usage(nearest).free
    need = config.retention.reserve_bytes + _LOW_DISK_BYTES
    yield Finding(
        "disk",
        free >= need,
        f"{free / 2**30:.1f} GiB free at {nearest}",
        f"recordings need room: free {(need - free) / 2**30:.1f} GiB, or lower retention.reserve_bytes",
    )


def _clock(_config: EdgeConfig) -> Iterator[Finding]:
    trusted = SystemClock().now().trusted
    yield Finding(
        "clock",
        trusted,
        "is kept by a time service" if trusted else "is not kept by a time service; records will say `untrusted`",
        "sudo timedatectl set-ntp true   (or install chrony), and see that the network lets NTP through",
    )


def _models(config: EdgeConfig) -> Iterator[Finding]:
    store = ModelStore.of(config.models, config.state)
    detectors = [one.manifest.task for one in store.installed() if one.used and one.manifest.task not in TASKS]
    for task in (*TASKS, *detectors):
        try:
            model = store.load(task)
        except ModelError as error:
            yield Finding(f"model {task}", False, str(error), _MODEL_REMEDY)
        else:
            named = f"{model.manifest.name} {model.manifest.version}"
            licence = f", licence {model.manifest.provenance.licence}" if task in detectors else ""
            yield Finding(f"model {task}", True, f"{named} passes its self-test on {model.provider}{licence}")
    for problem in store.problems:
        yield Finding(
            "models", False, problem, "copy the model and its manifest again, or remove them from models.folder"
        )


def _https(config: EdgeConfig) -> Iterator[Finding]:
    """The certificate of the page, which people compare with what their browser shows."""
    files = certificate_of(config.web, config.state / "tls")
    if files is None:
        return
    now_ms = SystemClock().now().wall_ms
    tls = Tls(*map(str, files))
    try:
        tls.context()
        words = f"SHA-256 fingerprint {fingerprint(files[0])}"
    except (CertificateError, OSError, ValueError) as error:
        started = https_of(config.web) == "files" or files[0].exists()
        yield Finding("https", not started, str(error) if started else "the first start makes a certificate")
        return
    yield Finding("https", not tls.warning(now_ms), tls.warning(now_ms) or words, "renew the certificate: " + words)


def _cameras(config: EdgeConfig) -> Iterator[Finding]:
    devices = ", ".join(f"{found.path} ({found.problem or found.name})" for found in list_v4l2_devices()) or "none"
    for settings in config.cameras:
        part = f"camera {settings.id}"
        try:
            camera = camera_opener(settings, config.secrets, SystemClock())()
            try:
                camera.open()
                picture = camera.read()
            finally:
                camera.close()
        except (EdgeError, OSError) as error:
            yield Finding(part, False, str(error), f"video devices here: {devices}; see docs/operations.md, Cameras")
        else:
            yield Finding(part, True, f"{camera.describe()} gives {picture.width}x{picture.height}")


def _sensors(config: EdgeConfig) -> Iterator[Finding]:
    for settings in config.sensors:
        part, remedy = f"sensor {settings.id}", _sensor_remedy(settings)
        try:
            sensor = sensor_opener(settings, SystemClock())()
            try:
                sensor.open()
                samples = _first_samples(sensor, _patience_s(settings))
                source = sensor.describe()
            finally:
                sensor.close()
        except (EdgeError, OSError) as error:
            yield Finding(part, False, str(error), remedy)
        else:
            words = "delivers" if samples else "opens, but says nothing that can be read"
            yield Finding(part, bool(samples), f"{source}: {words}", remedy)


def _first_samples(sensor: Sensor, within_s: float) -> list[Sample]:
    """A board that was restarted by opening its port takes a while; `read` waits by itself."""
    clock = SystemClock()
    until_ns = clock.mono_ns() + round(within_s * 1e9)
    while not (samples := sensor.read()) and clock.mono_ns() < until_ns:
        pass
    return samples


def _patience_s(settings: SensorSettings) -> float:
    """Longer where the speed of the line has to be found."""
    unknown = isinstance(settings, SerialSettings) and not settings.baud and settings.protocol != "lines"
    return _SPEEDS * _EACH_SPEED_S if unknown else _FIRST_SAMPLE_S


def _sensor_remedy(settings: SensorSettings) -> str:
    match settings:
        case SerialSettings():
            return "plug the board in, look at `ls /dev/ttyUSB* /dev/ttyACM*`, and add the user to the group dialout"
        case BleSettings():
            return "wear the strap so that it wakes, see `bluetoothctl scan le`, and install the extra: 'afferent[ble]'"
        case LslSettings():
            return "start the stream in the same network, install liblsl and the extra: 'afferent[lsl]'"
        case _:
            return "see docs/operations.md, Sensors"


def _sessions(config: EdgeConfig) -> Iterator[Finding]:
    if not config.sensors:
        return
    folder = config.state / "sessions"
    writable = os.access(_nearest(folder), os.W_OK)
    yield Finding(
        "sessions",
        writable,
        f"{folder} {'can be written' if writable else 'cannot be written by this user'}",
        f"participants, consent and labels are kept there: sudo chown -R $(id -un) {folder}",
    )


def _port(config: EdgeConfig) -> Iterator[Finding]:
    web = config.web
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((web.host, web.port))
        except OSError as error:
            yield Finding(
                "page",
                False,
                f"port {web.port} on {web.host}: {error.strerror}",
                f"fine if the appliance runs now; else see who has it: sudo ss -ltnp 'sport = :{web.port}'",
            )
        else:
            yield Finding("page", True, f"port {web.port} is free")


def _identity(config: EdgeConfig) -> Iterator[Finding]:
    folder = IdentityFolder(config.state / "identity")
    yield Finding("identity", *examine_identity(folder, config.device, SystemClock().now().wall_ms))


def _broker(config: EdgeConfig) -> Iterator[Finding]:
    if not config.broker.enabled:
        yield Finding("broker", True, "switched off in the settings; records stay on the device")
        return
    look = partial(probe_broker, config.broker, config.secrets, _TIMEOUT_S, config.state / "identity")
    for found in _reach("broker", look):
        missed = not found.fine and config.broker is NO_BROKER and not IdentityFolder(config.identity_dir).enrolled
        yield Finding("broker", True, "no cloud is set up; records stay on the device") if missed else found


def _objects(config: EdgeConfig) -> Iterator[Finding]:
    if isinstance(config.objects, CloudSettings):
        yield Finding("object storage", True, "is the cloud's, which signs each address: see /v1/health as it runs")
        return
    make = target_maker(config, RequestDesk())
    if make is None:
        yield Finding("object storage", True, "switched off in the settings; recordings stay on the device")
        return

    if isinstance(config.objects, FolderSettings) and not config.objects.path:
        yield Finding("object storage", True, "is a folder in the state folder")  # to check it would make it
        return

    def look() -> str:
        target = make()
        try:
            target.check()
        finally:
            target.close()
        return "answers"

    yield from _reach("object storage", look)


def _reach(part: str, call: Callable[[], str]) -> Iterator[Finding]:
    try:
        words = call()
    except (EdgeError, OSError) as error:
        yield Finding(part, False, str(error), f"check the [{'broker' if part == 'broker' else 'objects'}] settings")
    else:
        yield Finding(part, True, words)
