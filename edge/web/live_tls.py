"""Certificates that change while connections are open: each new handshake takes the newest that can be used."""

import logging
import ssl
from pathlib import Path
from typing import Final

from contract.times import to_wire
from edge.core.clock import Clock
from edge.web.gate import own_names
from edge.web.own_certificate import OwnCertificate, dns_names, fingerprint
from edge.web.settings import WebSettings, https_of
from edge.web.tls import CertificateError, Tls

_log = logging.getLogger(__name__)


class LiveTls:
    """What a server shows. `context` is given to the listener once; `refresh` is called now and then, in a thread."""

    def __init__(self, tls: Tls, *, clock: Clock, own: OwnCertificate | None = None) -> None:
        self._tls = tls
        self._own = own
        self._clock = clock
        self._current: ssl.SSLContext | None = None
        self._problem = ""

    def context(self) -> ssl.SSLContext:
        """A context that hands each handshake over to the newest. Raise `CertificateError` if there is none."""
        self._take()
        front = self._tls.context()
        front.sni_callback = self._hand_over
        return front

    def refresh(self) -> None:
        """Renew our own before it runs out, and take up files that changed; keep the old one where that fails."""
        if self._own is None and not self._tls.changed():
            return
        try:
            if self._renew() or self._tls.changed():
                self._take()
        except CertificateError as error:
            self._tell(f"{error}; the old one is still shown")
        else:
            self._problem = ""

    def warning(self) -> str:
        """What is wrong with it; empty if nothing is."""
        return self._problem or self._tls.warning(self._clock.now().wall_ms)

    def _renew(self) -> bool:
        if self._own is None:
            return False
        try:
            return self._own.ensure(self._clock.now().wall_ms)
        except OSError as error:
            raise CertificateError(f"a certificate cannot be kept in {self._own.folder}: {error}") from error

    def _take(self) -> None:
        self._renew()
        self._current = self._tls.context()
        certificate = Path(self._tls.certificate)
        _log.info(
            "HTTPS with %s until %s, SHA-256 fingerprint %s",
            certificate,
            to_wire(self._tls.ends_ms or 0),
            fingerprint(certificate),
        )

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning("%s", problem)
        self._problem = problem

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _front: ssl.SSLContext) -> None:
        if self._current is not None:
            connection.context = self._current


def live_tls(settings: WebSettings, folder: Path | None, clock: Clock) -> LiveTls | None:
    """What the settings ask for; None is plain HTTP. `folder` is where our own certificate is kept."""
    match https_of(settings):
        case "own" if folder is not None:
            own = own_certificate(settings, folder)
            return LiveTls(Tls(str(own.certificate), str(own.key)), clock=clock, own=own)
        case "files" | "own":
            return LiveTls(Tls(settings.tls_certificate, settings.tls_key), clock=clock)
        case _:
            return None


def certificate_of(settings: WebSettings, folder: Path) -> tuple[Path, Path] | None:
    """The files of the certificate and of its key; None with plain HTTP."""
    match https_of(settings):
        case "own":
            own = own_certificate(settings, folder)
            return own.certificate, own.key
        case "files":
            return Path(settings.tls_certificate), Path(settings.tls_key or settings.tls_certificate)
        case _:
            return None


def own_certificate(settings: WebSettings, folder: Path) -> OwnCertificate:
    """Our own certificate in `folder`, for the names by which the appliance is addressed."""
    return OwnCertificate(
        folder=folder, names=dns_names({_LOCAL, *own_names(), *(name.lower() for name in settings.allowed_hosts)})
    )


_LOCAL: Final = "localhost"
