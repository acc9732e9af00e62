"""What the API says and takes about what devices shall be and do. Times are milliseconds since the epoch, UTC."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from cloud.web.shapes import Device
from contract.ids import Id
from contract.remote import Reported, WantedModel

MOST_DEVICES = 1000
LONGEST_S = 30 * 86_400
Arguments = dict[str, Any]
ExpiresS = Annotated[
    float, Meta(ge=5, le=LONGEST_S, description="Seconds from now after which it is not begun any more")
]


class DesiredRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device shall be, whole: a merge patch of its settings, plans by camera, models."""

    settings: dict[str, Any] = {}
    plans: dict[str, Any] = {}
    models: list[WantedModel] = []


class DesiredState(Struct, frozen=True, kw_only=True):
    """What a device shall be; version 0 is that nobody ever said."""

    version: int = 0
    set_at: str = ""
    by: str = ""
    settings: dict[str, Any] = {}
    plans: dict[str, Any] = {}
    models: list[WantedModel] = []


class DesiredHistory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Versions that are kept, newest first; give `before` for older ones."""

    items: list[DesiredState]
    before: int | None = None


class DeviceReport(Struct, frozen=True, kw_only=True):
    """Everything known of one device: as the list has it, what it should be, and what it said of itself last."""

    device: Device
    desired: DesiredState
    reported: Reported | None = None
    telemetry: dict[str, Any] | None = None


class CommandRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a device shall do once. The same `command_id` again asks for nothing more."""

    name: str
    command_id: Id | UnsetType = UNSET
    arguments: Arguments = {}
    expires_s: ExpiresS = 3600.0


class FleetCommandRequest(CommandRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for many devices, under one `command_id`: all are asked, or none."""

    devices: Annotated[list[Id], Meta(min_length=1, max_length=MOST_DEVICES)]


class CommandFile(Struct, frozen=True, kw_only=True):
    """What a command brought: a picture, a bundle; `content` once it is there."""

    file_id: str
    name: str
    content: str | None = None


class CommandShown(Struct, frozen=True, kw_only=True):
    """A command and how far it is: queued, sent, accepted, running, and at the end succeeded, failed, expired or
    cancelled."""

    device: str
    command_id: str
    name: str
    arguments: Arguments
    by: str
    asked_ms: int
    expires_ms: int
    state: str
    state_ms: int
    reason: str
    outcome: dict[str, str]
    sends: int
    sent_ms: int | None = None
    file: CommandFile | None = None


class CommandPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Commands, newest first."""

    items: list[CommandShown]
    after: str | None = None


class CommandReport(Struct, frozen=True, kw_only=True):
    """How far all devices are that were asked under one id; `done` once each has an end."""

    command_id: str
    done: bool
    states: dict[str, int]
    items: list[CommandShown]


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Who asked for what, and whether it was done or refused."""

    id: int
    at_ms: int
    actor: str
    address: str
    action: str
    target: str
    outcome: str
    detail: str


class AuditPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Entries, newest first; give `before` for older ones."""

    items: list[AuditEntry]
    before: int | None = None


def command_of(row: dict[str, Any]) -> CommandShown:
    """From what `cloud.store.commands` found."""
    file, device = row.pop("file"), row["device"]
    row.pop("due_ms")
    if file:
        content = f"/v1/files/{file['file_id']}/content?device={device}" if file["phase"] == "uploaded" else None
        row["file"] = CommandFile(file_id=file["file_id"], name=file["name"], content=content)
    return CommandShown(**row)
