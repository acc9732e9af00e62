"""One upload as the table of uploads holds it, and which of them goes first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from contract.errors import InvalidMessageError
from contract.messages import AnyBody, File, Loss, Recording
from edge.core.files import DAMAGED

Phase = Literal["closed", "uploaded", "lost"]
ALARM: Final = 0
WANTED: Final = 1
PLAIN: Final = 2
COLUMNS: Final = (
    "id, kind, rank, lane, added_row, path, key, size_bytes, body, upload_id, part_bytes, paused, attempts, last_error,"
    " failed_ms"
)
ADD_STRAY: Final = "INSERT OR IGNORE INTO strays VALUES (?, ?)"
WHOLE: Final = ""
"""Instead of the name of an upload: the object itself is to be thrown away."""
_BODIES: Final[dict[str, type[Recording] | type[File]]] = {"recording": Recording, "file": File}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the target confirmed under `tag`. `md5` is of its bytes (hex); empty where it is not known."""

    tag: str
    size_bytes: int = 0
    md5: str = ""


class Stray(NamedTuple):
    """What the target is to throw away under a key: an upload by the target's name for it, or the object (`WHOLE`)."""

    key: str
    upload_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to be sent; `body` is what was announced when it was closed, None while it grows.

    `parts`: those that the target confirmed under `upload_id`, by number from 1; loaded only where one file is asked
    for. `failed_ms`: since when it waits for someone to say that it be tried again.
    """

    id: str
    kind: str
    rank: int
    lane: str
    added_row: int
    path: Path
    key: str
    size_bytes: int
    body: Recording | File | None
    upload_id: str | None
    part_bytes: int | None
    paused: bool
    attempts: int
    last_error: str
    failed_ms: int | None
    parts: Mapping[int, Part] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of the whole file (hex); empty while it grows."""
        return self.body.sha256 if self.body else ""

    @property
    def content_type(self) -> str:
        """Its media type."""
        return self.body.content_type if isinstance(self.body, File) else "video/mp4"

    @property
    def name(self) -> str:
        """What it is called for people."""
        return name_of(self.body) if self.body else self.key.rpartition("/")[2]

    @property
    def camera(self) -> str | None:
        """Whose picture it shows, if it does."""
        return self.body.camera if self.body else self.lane

    @property
    def tags(self) -> dict[int, str]:
        """The parts' tags by number."""
        return {number: part.tag for number, part in self.parts.items()}


def upload_of(row: Any, parts: Mapping[int, Part] | None = None) -> Upload:
    """A row of `COLUMNS`; raise `InvalidMessageError` if it is damaged."""
    upload_id, kind, rank, lane, added_row, path, key, size_bytes, body, name, part_bytes, paused, *fate = row
    return Upload(
        id=upload_id,
        kind=kind,
        rank=rank,
        lane=lane,
        added_row=added_row,
        path=_path(path),
        key=key,
        size_bytes=size_bytes,
        body=None if body is None else _body(body, kind),
        upload_id=name,
        part_bytes=part_bytes,
        paused=bool(paused),
        attempts=fate[0],
        last_error=fate[1],
        failed_ms=fate[2],
        parts=parts or {},
    )


def _body(body: bytes, kind: str) -> Recording | File:
    try:
        return msgspec.json.decode(body, type=_BODIES[kind])
    except (KeyError, *DAMAGED) as error:
        raise InvalidMessageError(f"an upload of the store is damaged: {error!r}") from error


def _path(path: str) -> Path:
    if "\0" in path:
        raise InvalidMessageError("the path of an upload of the store is damaged")
    return Path(path)


def id_of(body: Recording | File) -> str:
    """What the table knows it by."""
    return body.recording_id if isinstance(body, Recording) else body.file_id


def name_of(body: Recording | File) -> str:
    """What it is called for people: a recording as its object."""
    return body.key.rpartition("/")[2] if isinstance(body, Recording) else body.name


def lane_of(body: Recording | File) -> str:
    """Whose turn it takes among equals: its camera's, or that of what it is for."""
    return body.camera if isinstance(body, Recording) else body.camera or body.purpose


def rank_of_reason(reason: str, *, alarm: bool) -> int:
    """Alarms' clips first, what plays on for ever last."""
    if alarm:
        return ALARM
    return PLAIN if reason in {"continuous", "schedule"} else WANTED


def phase_of(body: AnyBody) -> Phase:
    """What a record says of the file that is its subject."""
    return body.phase if isinstance(body, Recording | File) else "lost"


def loss_of(body: Recording | File, reason: str) -> Loss:
    """The ledger's entry for a file that can never be sent."""
    if isinstance(body, Recording):
        return Loss(
            what="recording", reason=reason, count=1, size_bytes=body.size_bytes, recording_id=body.recording_id
        )
    return Loss(what="file", reason=reason, count=1, size_bytes=body.size_bytes, file_id=body.file_id)
