"""Object storage that speaks S3. boto3 blocks, so each call has a thread; a body is read piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectInfo, ObjectMissingError, ObjectsUnavailableError, check_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PIECE: Final = 256 * 1024
_MISSING: Final = {"404", "NoSuchKey", "NotFound"}


class S3Storage:
    """Reads one bucket. Nothing is connected before the first call."""

    def __init__(self, settings: S3Settings, *, access_key: str | None, secret_key: str | None) -> None:
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self._client = _client(settings, access_key, secret_key)

    async def head(self, key: str) -> ObjectInfo:
        """Size and ETag, by HEAD."""
        found = await asyncio.to_thread(self._call, "head_object", Key=self._prefix + check_key(key))
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

    async def link(self, key: str, valid_s: int) -> str | None:
        """A presigned GET."""
        wanted = {"Bucket": self._bucket, "Key": self._prefix + check_key(key), "ResponseContentType": "video/mp4"}
        with _translated(key):
            return await asyncio.to_thread(
                self._client.generate_presigned_url, "get_object", Params=wanted, ExpiresIn=valid_s
            )

    async def check(self) -> None:
        """HEAD the bucket."""
        try:
            await asyncio.to_thread(self._call, "head_bucket")
        except ObjectMissingError as error:
            raise ObjectsUnavailableError(f"bucket {self._bucket} does not exist: create it") from error

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, operation: str, **arguments: Any) -> Any:
        with _translated(arguments.get("Key", self._bucket)):
            return getattr(self._client, operation)(Bucket=self._bucket, **arguments)


def _client(settings: S3Settings, access_key: str | None, secret_key: str | None) -> "S3Client":
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=settings.timeout_s,
        read_timeout=settings.timeout_s,
        retries={"mode": "standard", "total_max_attempts": 3},
        # Ceph and Swift refuse the checksum trailers that boto3 sends by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
        s3={"addressing_style": "path" if settings.path_style else "virtual"},
    )
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint or None,
        region_name=settings.region,
        verify=(settings.ca_file or None) if settings.verify else False,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )
    return client


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
