"""The client of a bucket, and what its errors mean. boto3 comes in only where a bucket is configured."""

from typing import TYPE_CHECKING

from cloud.objects.settings import S3Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def make_client(
    settings: S3Settings, *, access_key: str | None, secret_key: str | None, endpoint: str = ""
) -> "S3Client":
    """A client that connects at its first call; `endpoint` instead of the settings' own."""
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
        endpoint_url=endpoint or settings.endpoint or None,
        region_name=settings.region,
        verify=(settings.ca_file or None) if settings.verify else False,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )
    return client
