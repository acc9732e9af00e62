"""TLS to the broker: the broker's certificate and name are always checked."""

import errno
import os
import ssl
from pathlib import Path
from typing import Any


class BrokerTls(ssl.SSLContext):
    """A client's context that closes the socket of a failed handshake, which paho leaves open."""

    _last: ssl.SSLSocket | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """As the base class does."""
        self._last = super().wrap_socket(*arguments, **options)
        return self._last

    def close_last(self) -> None:
        """Close the socket that was wrapped last."""
        if self._last:
            self._last.close()


def broker_tls(ca_file: str) -> BrokerTls:
    """Trust the authority in `ca_file`, or the system's where it is empty. Raise `OSError` if it cannot be read."""
    context = BrokerTls(ssl.PROTOCOL_TLS_CLIENT)
    if not ca_file:
        context.load_default_certs()
        return context
    if not Path(ca_file).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), ca_file)
    context.load_verify_locations(cafile=ca_file)
    return context
