"""Object storage that speaks S3. boto3 blocks, so each call has a thread; a body is read piece by piece."""

import asyncio
import email.utils
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from cloud.objects.s3_client import make_client
from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectInfo, ObjectMissingError, ObjectsUnavailableError, check_key
from contract.errors import ContractError
from contract.objects import device_of

_PIECE: Final = 256 * 1024
_MISSING: Final = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}


class S3Storage:
    """Reads one bucket, and deletes from it. Nothing is connected before the first call."""

    def __init__(self, settings: S3Settings, *, access_key: str | None, secret_key: str | None) -> None:
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self._client = make_client(settings, access_key=access_key, secret_key=secret_key)

    async def head(self, key: str) -> ObjectInfo:
        """Size and ETag, by HEAD."""
        found = await asyncio.to_thread(self._call, "head_object", Key=self._prefix + check_key(key))
        with _translated(key):
            return ObjectInfo(found["ContentLength"], found["ETag"].strip('"'))

    async def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """Bytes `first` to `last` by one ranged GET, in pieces of 256 KiB."""
        found = await asyncio.to_thread(
            self._call, "get_object", Key=self._prefix + check_key(key), Range=f"bytes={first}-{last}"
        )
        body = found["Body"]
        try:
            while piece := await asyncio.to_thread(_read, body):
                yield piece
        finally:
            body.close()

    async def link(self, key: str, valid_s: int, media_type: str) -> str | None:
        """A presigned GET."""
        wanted = {"Bucket": self._bucket, "Key": self._prefix + check_key(key), "ResponseContentType": media_type}
        with _translated(key):
            return await asyncio.to_thread(
                self._client.generate_presigned_url, "get_object", Params=wanted, ExpiresIn=valid_s
            )

    async def delete(self, key: str) -> None:
        """Delete the object, and abort each upload of it that is under way: its parts are as personal.

        The object goes first, for it is most of all, and again where an upload might have been completed meanwhile.
        """
        whole = self._prefix + check_key(key)
        await asyncio.to_thread(self._call, "delete_object", Key=whole)
        found = await asyncio.to_thread(self._call, "list_multipart_uploads", Prefix=whole)
        with _translated(key):
            begun = [upload["UploadId"] for upload in found.get("Uploads", []) if upload["Key"] == whole]
        for upload_id in begun:
            with suppress(ObjectMissingError):
                await asyncio.to_thread(self._call, "abort_multipart_upload", Key=whole, UploadId=upload_id)
            await asyncio.to_thread(self._call, "delete_object", Key=whole)

    async def tidy(self, older_than_s: float) -> int:
        """By the service's own date; what lies under no device's key is somebody else's."""
        return await asyncio.to_thread(self._tidy, older_than_s)

    async def check(self) -> None:
        """HEAD the bucket."""
        try:
            await asyncio.to_thread(self._call, "head_bucket")
        except ObjectMissingError as error:
            raise ObjectsUnavailableError(f"bucket {self._bucket} does not exist: create it") from error

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _tidy(self, older_than_s: float) -> int:
        with _translated(self._bucket):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            old = [left for page in pages for left in _old(page, older_than_s) if self._is_ours(left[0])]
        for key, upload_id in old:
            with suppress(ObjectMissingError):
                self._call("abort_multipart_upload", Key=key, UploadId=upload_id)
        return len(old)

    def _is_ours(self, key: str) -> bool:
        try:
            device_of(key.removeprefix(self._prefix))
        except ContractError:
            return False
        return True

    def _call(self, operation: str, **arguments: Any) -> Any:
        with _translated(arguments.get("Key", self._bucket)):
            return getattr(self._client, operation)(Bucket=self._bucket, **arguments)


def _old(page: Any, older_than_s: float) -> list[tuple[str, str]]:
    """Nothing is old where the service does not say what time it is."""
    now = email.utils.parsedate_tz(page["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
    if now is None:
        return []
    latest = email.utils.mktime_tz(now) - older_than_s
    return [(one["Key"], one["UploadId"]) for one in page.get("Uploads", []) if one["Initiated"].timestamp() < latest]


def _read(body: Any) -> bytes:
    with _translated("body"):
        piece: bytes = body.read(_PIECE)
        return piece


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        kind = ObjectMissingError if code in _MISSING else ObjectsUnavailableError
        raise kind(f"{what}: {error}") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise ObjectsUnavailableError(f"{what}: {error}") from error
    except (LookupError, AttributeError, TypeError) as error:  # an answer without what it must have
        raise ObjectsUnavailableError(f"{what}: the service answers oddly: {error!r}") from error
