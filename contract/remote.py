"""What is asked of a device from afar: what it shall be (`Desired`), what it shall do once (`Command`), its answers.

A desired state is one retained document with a version; the device takes a higher one, ignores any other, and says what
became of it in a retained `Reported`. A command comes on `cmd/{command_id}` until the device has told its end in a
`contract.messages.CommandState` record: sent twice it is done once.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from contract.ids import BootId, Id
from contract.manifest import Digest
from contract.plan import Plan

MOST_BYTES = 256 * 1024
SETTABLE = (
    "log_level",
    "telemetry_every_s",
    "cameras",
    "sensors",
    "vision",
    "recording",
    "retention",
    "previews",
    "wear",
    "uploads",
)
"""Settings that may be desired from afar. None of them can cut the device off, name a secret or open a door."""
CommandName = Literal["snapshot", "restart", "diagnostics", "log_level", "update", "rollback", "renew_certificate"]
Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[str, Meta(min_length=20, max_length=40, description="UTC, RFC 3339")]


class WantedModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that shall be installed: where its graph and manifest are, and what they must be."""

    name: Id
    version: Text
    url: Annotated[str, Meta(max_length=2048)]
    """Of a signed manifest; the graph lies beside it under the name that the manifest gives."""
    sha256: Digest
    """Of the graph."""


class Desired(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the device shall be, whole: what is not in it is as the device's own configuration says."""

    v: Literal[1] = 1
    version: Annotated[int, Meta(ge=1, le=2**53)]
    set_at: Moment
    by: Text = ""
    settings: dict[str, Any] = {}
    """A merge patch (RFC 7396) over the device's configuration, of the sections in `SETTABLE`. Cameras and sensors are
    given as an object by id, not as a list: `{"cameras": {"front": {"fps": 10}}}`."""
    plans: dict[Id, Plan] = {}
    """Zones and lines by camera; the version within is passed over."""
    models: list[WantedModel] = []
    """Detectors that shall be installed, beside those that somebody put there by hand."""


class Refused(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a desired state that could not be taken, with the place in it and what to do."""

    path: Text
    """Such as `$.settings.cameras.front.fps`."""
    reason: Annotated[str, Meta(max_length=1000)]


class Reported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Retained: what the device is. `version` is the desired state that is in force, 0 while none is."""

    v: Literal[1] = 1
    device: Id
    boot: BootId
    t: Moment
    version: Annotated[int, Meta(ge=0)] = 0
    seen: Annotated[int, Meta(ge=0)] = 0
    """The highest version that came. Above `version` it is either being taken, or refused for what `refused` says."""
    state: Literal["in_force", "taking", "refused"] = "in_force"
    refused: list[Refused] = []
    software: Text = ""
    release: Text = ""
    """The directory of the release that runs; empty where the device was not installed as one."""
    machine: Text = ""
    settings: dict[str, Any] = {}
    """The settable sections as they are in force, defaults left out."""
    plans: dict[Id, int] = {}
    """The version of each camera's plan."""
    models: dict[Id, str] = {}
    """Version of each model that is in use."""
    certificate_expires: str = ""


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be done once. A device that does not know `name` fails it, so that a newer cloud hears of it."""

    v: Literal[1] = 1
    command_id: Id
    name: Id
    arguments: dict[str, Any] = {}
    issued: Moment
    expires: Moment
    """Not begun after this. A device whose clock is not trusted counts from when it first heard of the command."""
    by: Text = ""
