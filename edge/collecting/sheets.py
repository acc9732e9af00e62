"""The small files that say what a session and its videos are and how far each got; each is replaced as a whole."""

import errno
import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from contract.ids import Id
from contract.messages import File
from contract.objects import collected_key
from edge.collecting.durable import write_whole
from edge.collecting.kinds import content_type_of
from edge.core.files import DAMAGED

Step = Literal["taking", "whole", "offered", "uploaded", "losing", "lost"]
"""`taking`: chunks lack. `whole`: put together. `offered`: its record is durable and the uploader has it. `uploaded`:
confirmed in object storage. `losing`: given up, its `Loss` is being recorded. `lost`: done, its bytes gone."""
FILE_PREFIX: Final = "file"
"""How the ids of collected videos begin: to tell whose a file is must not cost a look at every sheet."""
_MOST_ABOUT: Final = 24
_LONGEST_ABOUT: Final = 200
_GONE: Final = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Extension = Annotated[str, Meta(pattern=r"^(|[a-z0-9]{1,12})(?![\s\S])")]
_Sha256 = Annotated[str, Meta(pattern=r"^(|[0-9a-f]{64})(?![\s\S])")]


class SessionSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`session.json`. `idle_hours`: for how long, while the appliance ran, nothing of it was sent.

    Where nobody was named, the participant is called as the session: so they too can be erased.
    """

    session_id: Id
    created_at: str
    """For people; `made_ms` is what counts."""
    made_ms: int
    order: _Number
    participant: Id | None = None
    idle_hours: _Number = 0


class VideoSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`{video_id}.upload.json`. What is known only at the end is zero or empty before."""

    video_id: Id
    session_id: Id
    file_id: Id
    total_chunks: Annotated[int, Meta(ge=1, le=2**53)]
    order: _Number
    begun_ms: int
    step: Step = "taking"
    told_extension: _Extension = ""
    extension: _Extension = ""
    video_type: str = "recording"
    participant: Id | None = None
    done_ms: int = 0
    size_bytes: _Number = 0
    sha256: _Sha256 = ""
    told: str = ""
    """`digest_of_metadata` of what its newest record says of it."""

    @property
    def name(self) -> str:
        """The file of the whole video, in its session's folder."""
        return f"{self.video_id}.{self.extension}"

    def body(self, device: str, metadata: dict[str, Any]) -> File:
        """The record that tells of it as it is, once it is whole. Times are the client's, and so left to `about`."""
        return File(
            file_id=self.file_id,
            phase="uploaded" if self.step == "uploaded" else "closed",
            purpose="collected",
            name=self.name,
            key=collected_key(device, self.session_id, self.video_id, self.extension),
            content_type=content_type_of(self.extension),
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            session_id=self.session_id,
            participant=self.participant,
            about=about_of({"video_type": self.video_type, **metadata}),
        )


_S = TypeVar("_S", SessionSheet, VideoSheet)


def digest_of_metadata(metadata: dict[str, Any]) -> str:
    """16 hex digits that tell one set of metadata from another."""
    return hashlib.sha256(msgspec.json.encode(metadata, order="deterministic")).hexdigest()[:16]


def about_of(metadata: dict[str, Any]) -> dict[str, str]:
    """Metadata as a record carries them: 24 entries of 200 characters at most, no ids that it has anyway."""
    told = {
        name: value for name, value in metadata.items() if name not in {"session_id", "video_id"} and value is not None
    }
    return {_words(name): _words(told[name]) for name in list(told)[:_MOST_ABOUT]}


def read_sheet(path: Path, kind: type[_S]) -> _S | None:
    """The sheet at `path`; None if it is gone, damaged or was never ours.

    Raise `OSError` where the disk does not give it: that says nothing of what stands in it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except DAMAGED:
        return None
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise


def write_sheet(path: Path, sheet: SessionSheet | VideoSheet) -> None:
    """Put `sheet` at `path` durably; raise `OSError`."""
    write_whole(path, msgspec.json.encode(sheet))


def _words(value: Any) -> str:
    """As text without what no database or terminal likes."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(one if one.isprintable() else " " for one in text[:_LONGEST_ABOUT])
