"""botocore's way to send, with a bound on each request that no dripping answer gets around."""

from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from edge.core.errors import LinkError
from edge.core.pace import Pace
from edge.core.paced_socket import PacedSocket, paced
from edge.sync.targets.target import UploadCancelledError


class PacedSession(URLLib3Session):
    """botocore's own session, over connections that keep a pace. `place` is what a `LinkError` says of where it is."""

    def __init__(self, pace: Pace, place: str, **how: Any) -> None:
        super().__init__(**how)
        self._pace = pace
        self._place = place
        # The dictionary is the one that managers of proxies get, too.
        self._pool_classes_by_scheme: dict[str, type[Any]]
        self._pool_classes_by_scheme.update(http=_pool(pace), https=_tls_pool(pace))

    def send(self, request: Any) -> AWSResponse:
        """Send, and read the whole answer. Raise `LinkError` where it takes too long, `UploadCancelledError`."""
        self._pace.begin()
        try:
            return super().send(request)
        except HTTPClientError as error:
            cause = error.kwargs.get("error")
            if isinstance(cause, UploadCancelledError):
                raise cause from None
            if self._pace.fault:
                raise LinkError(f"{self._place} {self._pace.fault}") from error
            raise


def _pool(pace: Pace) -> type[AWSHTTPConnectionPool]:
    class Connection(AWSHTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = PacedSocket(self.sock, pace)

    class Pool(AWSHTTPConnectionPool):
        ConnectionCls = Connection

    return Pool


def _tls_pool(pace: Pace) -> type[AWSHTTPSConnectionPool]:
    class Connection(AWSHTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = PacedSocket(self.sock, pace)

        def _tunnel(self) -> None:
            with paced(self, pace):
                super()._tunnel()

    class Pool(AWSHTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
