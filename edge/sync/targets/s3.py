"""A bucket of S3, or of what speaks it. boto3 comes in only when a bucket is configured: it weighs 25 MB."""

import base64
import email.utils
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from contract.storage import joined_tag
from edge.core.clock import Clock, SystemClock
from edge.core.errors import LinkError
from edge.core.pace import Pace
from edge.sync.settings import S3Settings
from edge.sync.targets.s3_client import make_client, unreachable
from edge.sync.targets.target import Abandoned, Object, ObjectDamagedError, Sending, UploadUnknownError

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_UNKNOWN_UPLOAD: Final = {"NoSuchUpload", "NoSuchKey", "InvalidPart", "InvalidPartOrder"}
_DAMAGED: Final = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "EntityTooSmall"}
_OPAQUE: Final = "opaque:"
_MOST_PAGES: Final = 1000
"""Of a list: S3 has 10,000 parts at most, a thousand to a page; others may tell fewer at a time."""
_T = TypeVar("_T")
_WORDS: Final = {
    "NoSuchBucket": "does not exist: create it, or check objects.bucket",
    "AccessDenied": "may not be written to: check the rights of the access key",
    "InvalidAccessKeyId": "does not know the access key: check the secret that objects.access_key_secret names",
    "SignatureDoesNotMatch": "refuses the secret key: check the secret that objects.secret_key_secret names",
    "RequestTimeTooSkewed": "says that our clock is wrong: set the time",
    "QuotaExceeded": "is full",
    "SlowDown": "asks to slow down",
    "403": "may not be looked at: check the rights of the access key",
}


class S3Target:
    """One bucket. `keys` are access and secret key; None takes the usual AWS chain."""

    def __init__(self, settings: S3Settings, keys: tuple[str, str] | None, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self._client, self._let_go = make_client(
            settings, keys, Pace((clock or SystemClock()).mono_ns, settings.timeout_s)
        )

    @property
    def part_bytes(self) -> int:
        """Bytes of one part."""
        return self._settings.part_size_bytes

    def check(self) -> None:
        """HEAD the bucket; a key that may write but not look passes."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code not in {"403", "AccessDenied"}:
                raise self._meaning({"Code": "NoSuchBucket" if code == "404" else code}, "") from error
        except BotoCoreError as error:
            raise LinkError(f"bucket {self._bucket} {unreachable(error)}") from error
        except RecursionError as error:
            raise LinkError(f"bucket {self._bucket} redirects to itself: check objects.endpoint") from error

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """PUT with Content-MD5 and our SHA-256 as metadata."""
        with self._errors(thing.key):
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(thing),
                Body=_Watched(data, sending),
                ContentLength=len(data),
                ContentMD5=_md5(data),
                ContentType=thing.content_type,
                Metadata=_metadata(thing),
            )

    def begin(self, thing: Object) -> str:
        """Begin a multipart upload."""
        with self._errors(thing.key):
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=self._key(thing),
                ContentType=thing.content_type,
                Metadata=_metadata(thing),
            )
            return answer["UploadId"]

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """Ask for the list of parts. Some services answer a part of an upload that they forgot with an inner error."""
        with self._errors(thing.key):
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=self._key(thing), UploadId=upload_id
            )
            there = {
                part["PartNumber"]: part["ETag"] for page in self._bounded(pages) for part in page.get("Parts", [])
            }
        return {number: tag for number, tag in tags.items() if there.get(number) == _etag(tag)}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Upload one part with Content-MD5; the tag is the service's ETag, marked where that is not the MD5."""
        digest = hashlib.md5(data, usedforsecurity=False).digest()
        with self._errors(thing.key):
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key(thing),
                UploadId=upload_id,
                PartNumber=number,
                Body=_Watched(data, sending),
                ContentLength=len(data),
                ContentMD5=base64.b64encode(digest).decode(),
            )
            etag = answer["ETag"]
        return etag if etag.strip('"') == digest.hex() else _OPAQUE + etag

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """Join the parts."""
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": _etag(tags[number])} for number in sorted(tags)
        ]
        with self._errors(thing.key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=self._key(thing), UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

    def abort(self, key: str, upload_id: str) -> None:
        """Abort a multipart upload, so that its parts cost nothing."""
        with suppress(UploadUnknownError), self._errors(key):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._prefix + key, UploadId=upload_id)

    def delete(self, key: str) -> None:
        """DELETE. Where objects have versions the older ones stay, as its owner wants it."""
        with suppress(UploadUnknownError), self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """HEAD: some services answer `complete` without an ETag, and some claim success for nothing.

        The SHA-256 stands in the metadata if it was known at the beginning; else the ETag must be what the parts' tags
        add up to. A service whose ETags are no MD5 (it encrypts) has checked each part's MD5; then the size must do.
        """
        try:
            with self._errors(thing.key):
                head = self._client.head_object(Bucket=self._bucket, Key=self._key(thing))
                size_bytes, etag = head["ContentLength"], head["ETag"].strip('"')
        except UploadUnknownError:
            return False
        if size_bytes != thing.size_bytes:
            return False
        if told := head.get("Metadata", {}).get("sha256"):
            return told == thing.sha256
        if any(tag.startswith(_OPAQUE) for tag in tags.values()):
            return True
        return bool(tags) and etag == joined_tag(tags)

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """The bucket's list of uploads under way; the answer's own date tells what is old."""
        found: list[Abandoned] = []
        with self._errors(prefix):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in self._bounded(pages):
                latest = _now_of(page) - older_than_s
                old = [one for one in page.get("Uploads", []) if one["Initiated"].timestamp() < latest]
                found += [Abandoned(one["Key"].removeprefix(self._prefix), one["UploadId"]) for one in old]
        return found

    def close(self) -> None:
        """Let go of connections."""
        self._let_go()

    def _bounded(self, pages: Iterable[_T]) -> Iterator[_T]:
        """The pages of a list; raise `LinkError` where there is always one more."""
        for count, page in enumerate(pages):
            if count >= _MOST_PAGES:
                raise LinkError(f"bucket {self._bucket} tells a list without end")
            yield page

    def _key(self, thing: Object) -> str:
        return self._prefix + thing.key

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            raise self._meaning(error.response.get("Error", {}), key) from error
        except BotoCoreError as error:
            raise LinkError(f"bucket {self._bucket} {unreachable(error)}") from error
        except KeyError as error:
            raise LinkError(f"bucket {self._bucket} answered in part: {error} is missing") from error
        except (ResponseParserError, ValueError, OverflowError, RecursionError) as error:
            # A page of HTML, a date or a size that is none, a redirection that leads to itself.
            raise LinkError(f"bucket {self._bucket} does not answer as S3 does: {error!s:.200}") from error

    def _meaning(self, error: Any, key: str) -> LinkError:
        code, message = str(error.get("Code", "")), str(error.get("Message", ""))
        if code in _UNKNOWN_UPLOAD or code == "404":
            return UploadUnknownError(f"{key}: {code}")
        if code in _DAMAGED:
            return ObjectDamagedError(f"{key}: bucket {self._bucket} says {code}: {message}")
        return LinkError(f"bucket {self._bucket} {_WORDS.get(code, f'says {code}: {message}')}")


class _Watched(io.BytesIO):
    """A request's body that tells how much of it was taken, so that a stop need not wait for the whole of it."""

    def __init__(self, data: bytes, sending: Sending) -> None:
        super().__init__(data)
        self._sending = sending

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        piece = super().read(size)
        self._sending(self.tell())
        return piece


def read_keys(settings: S3Settings, read: Callable[[str], str]) -> tuple[str, str] | None:
    """Access and secret key by the secrets' names; None where the usual AWS chain is to find them."""
    if not settings.access_key_secret:
        return None
    return read(settings.access_key_secret), read(settings.secret_key_secret)


def _metadata(thing: Object) -> dict[str, str]:
    return {"sha256": thing.sha256} if thing.sha256 else {}


def _now_of(page: Any) -> float:
    """The service's own time; the beginning of all, so that nothing is old, where it does not tell."""
    now = email.utils.parsedate_tz(page["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
    return email.utils.mktime_tz(now) if now else 0.0


def _etag(tag: str) -> str:
    return tag.removeprefix(_OPAQUE)


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
