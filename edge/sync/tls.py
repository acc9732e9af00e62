"""TLS to the broker: its certificate and name are always checked, and ours is shown where we have one."""

import errno
import os
import select
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.identity.folder import IdentityFolder
from edge.sync.settings import BrokerSettings

_VERDICT_MS: Final = 1000
"""A broker without session tickets says nothing when it takes our certificate: so long a refusal is waited for."""


class Shown(NamedTuple):
    """Files of what we show to the broker, and of whom we trust if the settings name nobody; empty is nothing."""

    certificate: str = ""
    key: str = ""
    authority: str = ""


NOTHING: Final = Shown()


class CertificateUnusableError(OSError):
    """Our own certificate and key cannot be used; the message says why."""


class _BrokerSocket(ssl.SSLSocket):
    """A client's socket that waits for the broker's word on our certificate.

    In TLS 1.3 the client has shaken hands before the server looks at its certificate (RFC 8446, section 4.6.1 and
    appendix E.1.2); whoever writes at once finds the connection gone, and with it the alert that says why.
    """

    def do_handshake(self, block: bool = False) -> None:
        """As the base class does; raise `ssl.SSLError` also for a refusal that comes right after."""
        super().do_handshake(block)
        if self.version() == "TLSv1.3":
            self._hear_verdict()

    def _hear_verdict(self) -> None:
        before = self.gettimeout()
        watch = select.poll()
        watch.register(self, select.POLLIN)
        watch.poll(_VERDICT_MS)
        self.settimeout(0)
        try:
            self.recv(1)  # takes in tickets or an alert; a broker never speaks first
        except ssl.SSLWantReadError:
            pass
        finally:
            self.settimeout(before)


class BrokerTls(ssl.SSLContext):
    """A client's context that closes the socket of a failed handshake, which paho leaves open."""

    _last: ssl.SSLSocket | None = None
    sslsocket_class = _BrokerSocket

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """As the base class does."""
        self._last = super().wrap_socket(*arguments, **options)
        return self._last

    def close_last(self) -> None:
        """Close the socket that was wrapped last."""
        if self._last:
            self._last.close()


def what_to_show(settings: BrokerSettings, identity: Path | None) -> Shown:
    """The certificate that the settings name, or else the one that the device enrolled for, in the folder `identity`.

    Raise `IdentityDamagedError`.
    """
    if settings.client_certificate:
        return Shown(settings.client_certificate, settings.client_key or settings.client_certificate)
    found = IdentityFolder(identity).read() if identity and settings.tls and settings.identity else None
    return Shown(str(found.certificate), str(found.key), str(found.authority)) if found else Shown()


def broker_tls(ca_file: str, shown: Shown = NOTHING) -> BrokerTls:
    """Trust the authority in `ca_file`, or the one that we enrolled with, or else the system's.

    Raise `OSError` if a file cannot be read or used.
    """
    context = BrokerTls(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if shown.certificate:
        _load(context, shown)
    trusted = ca_file or shown.authority
    if not trusted:
        context.load_default_certs()
        return context
    _check_file(trusted)
    context.load_verify_locations(cafile=trusted)
    return context


def _load(context: BrokerTls, shown: Shown) -> None:
    _check_file(shown.certificate)
    _check_file(shown.key)
    try:
        context.load_cert_chain(shown.certificate, shown.key)
    except OSError as error:  # ssl.SSLError is one too
        why = getattr(error, "reason", None) or error.strerror or error
        words = f"our certificate {shown.certificate} and its key cannot be used: {why}"
        raise CertificateUnusableError(words) from error


def _check_file(path: str) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
