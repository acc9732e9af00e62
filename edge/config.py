"""The appliance's settings: each room's own, composed. TOML in, frozen structs out; no file at all just works."""

import os
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contract.errors import InvalidSettingsError
from contract.ids import Id
from contract.settings import decode_settings
from edge.affect.settings import AffectSettings
from edge.capture.settings import AutoSettings, CameraSettings
from edge.collecting.settings import CollectSettings
from edge.core.wear import WearSettings
from edge.identity.settings import IdentitySettings
from edge.models.settings import ModelSettings
from edge.outbox.settings import OutboxSettings
from edge.recording.previews.settings import PreviewSettings
from edge.recording.retention.settings import RetentionSettings
from edge.recording.settings import RecordingSettings
from edge.sensing.settings import SensorSettings
from edge.sync.home_assistant import HomeAssistantSettings
from edge.sync.settings import NO_BROKER, BrokerSettings, FolderSettings, ObjectsSettings
from edge.sync.upload_settings import UploadSettings
from edge.vision.settings import VisionSettings
from edge.web.settings import WebSettings

SYSTEM_CONFIG: Final = Path("/etc/afferent/edge.toml")
SYSTEM_STATE: Final = Path("/var/lib/afferent")
"""`StateDirectory=` of the unit."""


def device_name(host: str) -> str:
    """A device id made of the host's name; `device` in the configuration overrides it."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in host)
    return kept.strip("-_")[:64] or "afferent"


class EdgeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One appliance."""

    device: Annotated[
        Id, Meta(description="The device's name in topics, keys and records; the host's name if absent.")
    ] = msgspec.field(default_factory=lambda: device_name(socket.gethostname()))
    state_dir: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder of the store, recordings, snapshots and what was learned; empty takes systemd's "
            "StateDirectory, else `$XDG_STATE_HOME/afferent`, else `/var/lib/afferent` if it is there and ours.",
        ),
    ] = ""
    secrets_dir: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder of secrets, one file each, for what systemd credentials do not bring; empty takes "
            "`secrets` in the state folder.",
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="How much to write to the journal.")
    ] = "info"
    telemetry_every_s: Annotated[
        float, Meta(ge=5, le=86_400, description="Seconds between two telemetry records for the cloud.")
    ] = 60.0
    cameras: Annotated[
        tuple[CameraSettings, ...], Meta(max_length=16, description="The cameras, in the order of their numbers.")
    ] = (AutoSettings(),)
    sensors: Annotated[tuple[SensorSettings, ...], Meta(max_length=8, description="The body sensors.")] = ()
    models: ModelSettings = ModelSettings()
    vision: VisionSettings = VisionSettings()
    affect: AffectSettings = AffectSettings()
    recording: RecordingSettings = RecordingSettings()
    retention: RetentionSettings = RetentionSettings()
    wear: WearSettings = WearSettings()
    previews: PreviewSettings = PreviewSettings()
    collect: CollectSettings = CollectSettings()
    outbox: OutboxSettings = OutboxSettings()
    broker: BrokerSettings = NO_BROKER
    objects: ObjectsSettings = FolderSettings()
    uploads: UploadSettings = UploadSettings()
    identity: IdentitySettings = IdentitySettings()
    home_assistant: HomeAssistantSettings = HomeAssistantSettings()
    web: WebSettings = WebSettings()

    def __post_init__(self) -> None:
        """Ids are used as names of threads, files and topics: no two alike."""
        for what, parts in (("cameras", self.cameras), ("sensors", self.sensors)):
            ids = [part.id for part in parts]
            doubled = next((one for one in ids if ids.count(one) > 1), None)
            if doubled:
                raise ValueError(f"two {what} have the id {doubled!r}; give each one its own")

    @property
    def state(self) -> Path:
        """The folder in which everything is kept."""
        return Path(self.state_dir).expanduser() if self.state_dir else default_state_dir()

    @property
    def identity_dir(self) -> Path:
        """The folder of the device's own key and certificate."""
        return self.state / "identity"

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return Path(self.secrets_dir).expanduser() if self.secrets_dir else self.state / "secrets"


def default_state_dir() -> Path:
    """systemd's `StateDirectory=` if there is one, else `$XDG_STATE_HOME/afferent`; for root and the appliance's user,
    where nothing is there, the folder that systemd gives an installed daemon."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    own = Path(base) / "afferent" / "edge"
    return SYSTEM_STATE if not own.is_dir() and _is_ours(SYSTEM_STATE) else own


def _is_ours(folder: Path) -> bool:
    try:
        return folder.is_dir() and os.geteuid() in {0, folder.stat().st_uid}
    except OSError:
        return False


def load_config(path: Path | None) -> EdgeConfig:
    """Read `path`, or the system's file, or take the defaults where there is none.

    Raise `InvalidSettingsError` that names the file, the place in it and the remedy.
    """
    if path is None and not SYSTEM_CONFIG.is_file():
        return EdgeConfig()
    return parse_config(_read(path or SYSTEM_CONFIG), str(path or SYSTEM_CONFIG))


def parse_config(raw: bytes, origin: str) -> EdgeConfig:
    """Decode TOML; raise `InvalidSettingsError` that begins with `origin`."""
    try:
        plain: dict[str, Any] = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidSettingsError(f"{origin}: not TOML: {error}") from error
    try:
        return decode_settings(plain, EdgeConfig)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{origin}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSettingsError(f"{path}: {error.strerror}; name a readable file with --config") from error
