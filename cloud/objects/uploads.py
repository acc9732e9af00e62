"""What is done for devices that have no credentials: their uploads begun and completed, their addresses signed.

The bytes never come this way: an address is signed for one part, with its length and its MD5, so that the service
itself refuses anything else. All of it blocks; whoever calls has a thread for it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloud.objects.s3_client import make_client
from cloud.objects.settings import S3Settings
from contract.storage import Refusal, StorageReply, StorageRequest, joined_tag

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_MD5: Final = re.compile(r"[A-Za-z0-9+/]{22}==")
_SHA256: Final = re.compile(r"[0-9a-f]{64}|")
_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9.,\"_-]+)*")
_GIB: Final = 1 << 30
_LARGEST_PART: Final = 5 * _GIB
_LARGEST: Final = 5 * 1024 * _GIB
_MEANING: Final[dict[str, Refusal]] = {
    "NoSuchUpload": "unknown_upload",
    "NoSuchKey": "unknown_upload",
    "404": "unknown_upload",
    "InvalidPart": "unknown_upload",
    "InvalidPartOrder": "unknown_upload",
    "BadDigest": "damaged",
    "EntityTooSmall": "damaged",
    "AccessDenied": "forbidden",
    "403": "forbidden",
}


class RefusedError(Exception):
    """A request that is not served, and why."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal: Refusal = refusal


class Uploads(Protocol):
    """Answers what a device asks about a key that is its own; raises `RefusedError`. Safe in every thread."""

    def answer(self, request: StorageRequest) -> StorageReply:
        """Do what is asked, or sign for it."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class NoUploads:
    """Where objects lie in a folder there is nothing that could be signed."""

    def answer(self, request: StorageRequest) -> StorageReply:
        """Refuse."""
        words = "the cloud keeps objects in a folder, which has no addresses: it needs [objects] with type = 's3'"
        raise RefusedError("forbidden", words)

    async def close(self) -> None:
        """Nothing to let go of."""


class S3Uploads:
    """One bucket. Devices may reach it elsewhere than the cloud does: addresses are signed for `public_endpoint`."""

    def __init__(self, settings: S3Settings, *, access_key: str | None, secret_key: str | None) -> None:
        self._settings = settings
        self._client: Any = make_client(settings, access_key=access_key, secret_key=secret_key)
        self._signer: Any = make_client(
            settings, access_key=access_key, secret_key=secret_key, endpoint=settings.public_endpoint
        )
        self._answers = {
            "check": self._check,
            "put": self._put,
            "begin": self._begin,
            "part": self._part,
            "held": self._held,
            "complete": self._complete,
            "abort": self._abort,
            "confirm": self._confirm,
            "delete": self._delete,
        }

    def answer(self, request: StorageRequest) -> StorageReply:
        """Do what is asked, or sign for it."""
        with _refusals(self._settings.bucket):
            return self._answers[request.operation](request)

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._signer.close()

    def _check(self, request: StorageRequest) -> StorageReply:
        try:
            with _refusals(self._settings.bucket):
                self._client.head_bucket(Bucket=self._settings.bucket)
        except RefusedError as error:
            if error.refusal == "unknown_upload":
                raise RefusedError("unavailable", f"bucket {self._settings.bucket} does not exist") from error
            if error.refusal != "forbidden":  # a key that may write but not look will do
                raise
        return StorageReply(request_id=request.request_id)

    def _put(self, request: StorageRequest) -> StorageReply:
        _check_size(request, _LARGEST_PART)
        more = {"ContentType": request.content_type, "Metadata": _metadata(request)}
        headers = {"Content-Type": request.content_type}
        headers |= {f"x-amz-meta-{name}": value for name, value in _metadata(request).items()}
        return self._signed(request, "put_object", more, headers)

    def _part(self, request: StorageRequest) -> StorageReply:
        _check_size(request, _LARGEST_PART)
        _check_upload(request)
        more = {"UploadId": request.upload_id, "PartNumber": request.number}
        return self._signed(request, "upload_part", more, {})

    def _begin(self, request: StorageRequest) -> StorageReply:
        _check_size(request, _LARGEST)
        answer = self._client.create_multipart_upload(
            **self._object(request), ContentType=request.content_type, Metadata=_metadata(request)
        )
        return StorageReply(request_id=request.request_id, upload_id=answer["UploadId"])

    def _held(self, request: StorageRequest) -> StorageReply:
        _check_upload(request)
        pages = self._client.get_paginator("list_parts").paginate(**self._object(request), UploadId=request.upload_id)
        there = {str(part["PartNumber"]): part["ETag"] for page in pages for part in page.get("Parts", [])}
        held = {number: tag for number, tag in request.tags.items() if there.get(number) == tag}
        return StorageReply(request_id=request.request_id, tags=held)

    def _complete(self, request: StorageRequest) -> StorageReply:
        _check_upload(request)
        tags = _numbered(request.tags)
        parts: list[CompletedPartTypeDef] = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
        self._client.complete_multipart_upload(
            **self._object(request), UploadId=request.upload_id, MultipartUpload={"Parts": parts}
        )
        return StorageReply(request_id=request.request_id)

    def _abort(self, request: StorageRequest) -> StorageReply:
        _check_upload(request)
        try:
            with _refusals(self._settings.bucket):
                self._client.abort_multipart_upload(**self._object(request), UploadId=request.upload_id)
        except RefusedError as error:
            if error.refusal != "unknown_upload":
                raise
        return StorageReply(request_id=request.request_id)

    def _delete(self, request: StorageRequest) -> StorageReply:
        self._client.delete_object(**self._object(request))
        return StorageReply(request_id=request.request_id)

    def _confirm(self, request: StorageRequest) -> StorageReply:
        try:
            with _refusals(self._settings.bucket):
                head = self._client.head_object(**self._object(request))
        except RefusedError as error:
            if error.refusal != "unknown_upload":
                raise
            return StorageReply(request_id=request.request_id)
        return StorageReply(request_id=request.request_id, confirmed=_is(request, head))

    def _signed(
        self, request: StorageRequest, operation: str, more: dict[str, Any], headers: dict[str, str]
    ) -> StorageReply:
        signed = {"ContentLength": request.size_bytes, "ContentMD5": request.md5}
        url = self._signer.generate_presigned_url(
            operation, Params=self._object(request) | more | signed, ExpiresIn=self._settings.sign_s
        )
        headers = headers | {"Content-Length": str(request.size_bytes), "Content-MD5": request.md5}
        return StorageReply(request_id=request.request_id, url=url, headers=headers, expires_s=self._settings.sign_s)

    def _object(self, request: StorageRequest) -> dict[str, Any]:
        return {"Bucket": self._settings.bucket, "Key": self._settings.prefix + request.key}


def _is(request: StorageRequest, head: dict[str, Any]) -> bool:
    """Size, and SHA-256 where it was known at the beginning, else what the parts' tags add up to.

    Tags that are no MD5 come from a service that encrypts: it has checked each part, and the size must do.
    """
    if head["ContentLength"] != request.size_bytes:
        return False
    if told := head["Metadata"].get("sha256"):
        return bool(told == request.sha256)
    joined = joined_tag(_numbered(request.tags))
    return bool(request.tags) and (not joined or head["ETag"].strip('"') == joined)


def _numbered(tags: dict[str, str]) -> dict[int, str]:
    try:
        return {int(number): tag for number, tag in tags.items()}
    except ValueError as error:
        raise RefusedError("invalid", "$.tags: a part's number is a number") from error


def _metadata(request: StorageRequest) -> dict[str, str]:
    return {"sha256": request.sha256} if request.sha256 else {}


def _check_size(request: StorageRequest, largest: int) -> None:
    if request.size_bytes > largest:
        raise RefusedError("invalid", f"$.size_bytes: {request.size_bytes} are more than the {largest} that S3 takes")
    if request.operation != "begin" and not _MD5.fullmatch(request.md5):
        raise RefusedError("invalid", "$.md5: what is sent needs its MD5, in Base64")
    if not _TYPE.fullmatch(request.content_type) or not _SHA256.fullmatch(request.sha256):
        raise RefusedError("invalid", "$.content_type or $.sha256: they become headers as they are")


def _check_upload(request: StorageRequest) -> None:
    if not request.upload_id:
        raise RefusedError("invalid", "$.upload_id: which upload?")


@contextmanager
def _refusals(bucket: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise RefusedError(_MEANING.get(code, "unavailable"), f"bucket {bucket} says {code}") from error
    except (ParamValidationError, ValueError) as error:  # ValueError: what no header can hold
        raise RefusedError("invalid", str(error)[:200]) from error
    except (BotoCoreError, OSError, LookupError, AttributeError, TypeError) as error:
        # the last three of an answer without what it must have; which host the cloud reaches is no business of a device
        raise RefusedError("unavailable", f"bucket {bucket}: {type(error).__name__}") from error
