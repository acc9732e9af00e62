"""The client of a bucket: boto3's, with what not every service can do left out, and a bound on each request."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from edge.core.errors import LinkError
from edge.core.pace import UNSENT, Pace
from edge.sync.settings import S3Settings

if TYPE_CHECKING:
    from botocore.config import Config
    from types_boto3_s3.client import S3Client

_CONNECTIONS: Final = 16
"""Kept open at most; more threads than that take turns in opening theirs."""


def make_client(
    settings: S3Settings, keys: tuple[str, str] | None, pace: Pace
) -> tuple["S3Client", Callable[[], None]]:
    """A client whose requests keep the pace, and what closes it. Raise `LinkError` if none can be made."""
    client = _make_client(settings, keys)
    close_session = _send_at(pace, client, settings)

    def close() -> None:
        close_session()
        client.close()

    return client, close


def unreachable(error: Exception) -> str:
    """What to look at, after an error of botocore's."""
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "has no credentials: set objects.access_key_secret and objects.secret_key_secret"
    if isinstance(error, exceptions.SSLError):
        return f"shows a certificate that is not trusted: {error}"
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        return f"cannot be reached: check objects.endpoint and the network ({error})"
    return f"failed: {error}"


def _make_client(settings: S3Settings, keys: tuple[str, str] | None) -> "S3Client":
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    if settings.ca_file and not Path(settings.ca_file).is_file():
        raise LinkError(f"objects.ca_file: {settings.ca_file} is missing")
    style: Literal["path", "virtual"] = "path" if settings.path_style else "virtual"
    # Not every service takes checksums in trailers (411, 501): parts carry Content-MD5 instead.
    config = Config(
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": style},
        max_pool_connections=_CONNECTIONS,
    )
    try:
        session = boto3.session.Session(
            aws_access_key_id=keys[0] if keys else None,
            aws_secret_access_key=keys[1] if keys else None,
            region_name=settings.region,
        )
        client: S3Client = session.client(
            "s3", endpoint_url=settings.endpoint or None, verify=_verified_by(settings), config=config
        )
    except ValueError as error:
        raise LinkError(f"objects.endpoint: {error}") from error
    except BotoCoreError as error:  # a profile of the environment that is not there, for one
        raise LinkError(f"bucket {settings.bucket}: {error}") from error
    unsigned = Config(s3={"addressing_style": style, "payload_signing_enabled": False})
    _leave_bodies_unsigned(client, config.merge(unsigned))
    return client


def _send_at(pace: Pace, client: "S3Client", settings: S3Settings) -> Callable[[], None]:
    """Let the client send by a session of ours, and return what closes that."""
    from botocore.utils import get_environ_proxies

    from edge.sync.targets.paced_s3 import PacedSession

    session = PacedSession(
        pace,
        f"bucket {settings.bucket}",
        verify=_verified_by(settings),
        proxies=get_environ_proxies(client.meta.endpoint_url),
        timeout=(min(10.0, settings.timeout_s), settings.timeout_s),
        max_pool_connections=_CONNECTIONS,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), UNSENT],
    )

    def send(request: Any, **_more: Any) -> Any:
        """botocore takes what this returns for the answer."""
        return session.send(request)

    client.meta.events.register("before-send.s3", send)
    return session.close


def _verified_by(settings: S3Settings) -> str | bool:
    return (settings.ca_file or True) if settings.verify else False


def _leave_bodies_unsigned(client: "S3Client", unsigned: "Config") -> None:
    """For what carries bytes: their Content-MD5 is among what is signed, so a signature of them all proves no more.

    Over TLS botocore does so by itself; without, it would read and hash each part once more before it is sent.
    """

    def leave(request: Any, **_more: Any) -> None:
        request.context["client_config"] = unsigned

    for operation in ("PutObject", "UploadPart"):
        client.meta.events.register(f"before-sign.s3.{operation}", leave)
