"""The cloud's object storage for a device without credentials: addresses that the cloud signs, one for each piece.

The cloud begins, completes and confirms; only bytes go from here to the storage, by plain HTTPS. Nothing of this needs
boto3.
"""

import base64
import hashlib
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from contract.storage import Operation, Refusal, StorageReply, StorageRequest
from edge.core.clock import Clock, SystemClock
from edge.core.errors import LinkError
from edge.core.pace import Pace
from edge.core.paced_http import PacedTransport
from edge.sync.settings import CloudSettings
from edge.sync.targets.target import (
    SLICE_BYTES,
    Abandoned,
    Object,
    ObjectDamagedError,
    Sending,
    UploadUnknownError,
)

Ask = Callable[[StorageRequest], StorageReply]
"""Asks the cloud and blocks; raises `LinkError` if there is no link, or no answer in time."""
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_UNKNOWN_UPLOAD: Final = {"NoSuchUpload", "NoSuchKey"}
_DAMAGED: Final = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "EntityTooSmall", "IncompleteBody"}
_EXPIRED: Final = {401, 403}
_OPAQUE: Final = "opaque:"
_CONNECTIONS: Final = 16
_ERROR_READ: Final = 4096


class PresignedTarget:
    """The bucket of the cloud. `new_id` makes an id for each question; threads may share one target."""

    def __init__(
        self, ask: Ask, settings: CloudSettings, *, new_id: Callable[[], str], clock: Clock | None = None
    ) -> None:
        """Raise `LinkError` if the authority's file is missing."""
        self._ask_cloud = ask
        self._settings = settings
        self._new_id = new_id
        self._pace = Pace((clock or SystemClock()).mono_ns, settings.timeout_s)
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        self._client = httpx.Client(
            transport=PacedTransport(self._pace, verify=_trust(settings), limits=limits, trust_env=False),
            timeout=httpx.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s)),
            trust_env=False,
        )

    @property
    def part_bytes(self) -> int:
        """Bytes of one part."""
        return self._settings.part_size_bytes

    def check(self) -> None:
        """Ask the cloud to look."""
        self._ask("check")

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """PUT to one address; the SHA-256 becomes metadata."""
        self._send(data, sending, "put", **_of(thing))

    def begin(self, thing: Object) -> str:
        """The cloud begins; asked twice because an answer was late, it begins once."""
        return self._ask("begin", **_of(thing)).upload_id

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """The cloud asks for the list of parts."""
        answer = self._ask("held", key=thing.key, upload_id=upload_id, tags=_words(tags))
        return {number: tag for number, tag in tags.items() if answer.tags.get(str(number)) == _etag(tag)}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """PUT to the part's address; the tag is the service's ETag, marked where that is not the MD5."""
        etag = self._send(data, sending, "part", key=thing.key, upload_id=upload_id, number=number)
        plain = etag.strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()
        return etag if plain else _OPAQUE + etag

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """The cloud joins the parts."""
        self._ask("complete", key=thing.key, upload_id=upload_id, tags=_words(tags))

    def abort(self, key: str, upload_id: str) -> None:
        """The cloud aborts."""
        self._ask("abort", key=key, upload_id=upload_id)

    def delete(self, key: str) -> None:
        """The cloud deletes what no record of ours says is there; the rest is its own to delete."""
        self._ask("delete", key=key, but="forbidden")

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """The cloud looks, with its own credentials."""
        marked = {str(number): tag for number, tag in tags.items()}
        return self._ask("confirm", **_of(thing), tags=marked).confirmed

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """None: the bucket is the cloud's to clean."""
        return []

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _ask(self, operation: Operation, *, but: Refusal | None = None, **more: Any) -> StorageReply:
        """One question; asked once more under its own id if no answer comes, so that nothing is done twice.

        A refusal is an error, `but` for that one.
        """
        request = StorageRequest(request_id=self._new_id(), operation=operation, **more)
        try:
            reply = self._ask_cloud(request)
        except LinkError:
            reply = self._ask_cloud(request)
        if reply.refused and reply.refused != but:
            raise _refusal(reply, request.key)
        return reply

    def _send(self, data: bytes, sending: Sending, operation: Operation, **more: Any) -> str:
        """PUT `data` to an address of its own; an address that is too old by now is asked for anew."""
        more |= {"size_bytes": len(data), "md5": _md5(data)}
        answer = self._put(self._ask(operation, **more), data, sending)
        if answer.status in _EXPIRED:
            answer = self._put(self._ask(operation, **more), data, sending)
        if answer.refused:
            raise _meaning(answer, str(more["key"]))
        return answer.etag

    def _put(self, signed: StorageReply, data: bytes, sending: Sending) -> "_Answer":
        try:
            body = _slices(data, sending)
            with self._client.stream("PUT", signed.url, content=body, headers=signed.headers) as answer:
                said = next(answer.iter_bytes(_ERROR_READ), b"")
                etag = str(answer.headers.get("etag", ""))
                return _Answer(answer.status_code, etag, said, refused=not answer.is_success)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:  # the last: headers that are none
            words = self._pace.fault or str(error) or type(error).__name__
            raise LinkError(f"object storage {_host(signed.url)}: {words}") from error


class _Answer(NamedTuple):
    """What the storage said to a PUT, as far as we want to know it."""

    status: int
    etag: str
    said: bytes
    refused: bool


def _of(thing: Object) -> dict[str, Any]:
    return {
        "key": thing.key,
        "content_type": thing.content_type,
        "size_bytes": thing.size_bytes,
        "sha256": thing.sha256,
    }


def _words(tags: Mapping[int, str]) -> dict[str, str]:
    return {str(number): _etag(tag) for number, tag in tags.items()}


def _etag(tag: str) -> str:
    return tag.removeprefix(_OPAQUE)


def _slices(data: bytes, sending: Sending) -> Iterator[bytes]:
    for start in range(0, len(data), SLICE_BYTES):
        piece = data[start : start + SLICE_BYTES]
        yield piece
        sending(start + len(piece))


def _refusal(reply: StorageReply, key: str) -> LinkError:
    match reply.refused:
        case "unknown_upload":
            return UploadUnknownError(f"{key}: {reply.detail}")
        case "damaged":
            return ObjectDamagedError(f"{key}: {reply.detail}")
        case _:
            return LinkError(f"the cloud refuses ({reply.refused}): {reply.detail}")


def _meaning(answer: _Answer, key: str) -> LinkError:
    found = _CODE.search(answer.said)
    code = found[1].decode() if found else f"HTTP {answer.status}"
    if code in _UNKNOWN_UPLOAD:
        return UploadUnknownError(f"{key}: {code}")
    if code in _DAMAGED:
        return ObjectDamagedError(f"{key}: the object storage says {code}")
    return LinkError(f"the object storage says {code} (HTTP {answer.status}) to {key}")


def _trust(settings: CloudSettings) -> ssl.SSLContext | bool:
    if not settings.verify:
        return False
    if not settings.ca_file:
        return ssl.create_default_context()
    if not Path(settings.ca_file).is_file():
        raise LinkError(f"objects.ca_file: {settings.ca_file} is missing")
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except ssl.SSLError as error:
        raise LinkError(f"objects.ca_file: {settings.ca_file} is no PEM file: {error}") from error


def _host(url: str) -> str:
    """Where it is: the rest of the address is a secret as long as it is valid."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return "at no address"


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
