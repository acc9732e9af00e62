"""The certificate of the LAN side: loaded, and asked until when it holds, without any other library than Python's."""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

from contract.times import to_wire

_WARN_MS: Final = 14 * 86_400_000
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python does not name."""
_FILES: Final = 2
_FLIGHTS: Final = 4
"""Turns that each end gets; a handshake of any version of TLS needs fewer."""


class CertificateError(Exception):
    """The certificate or its key cannot be used; the message says which file and why."""


class Tls:
    """A certificate chain and its key as PEM files, read again at each `context`."""

    def __init__(self, certificate: str, key: str) -> None:
        self.certificate = certificate
        self._key = key or certificate
        self.ends_ms: int | None = None
        self._seen: list[tuple[int, int]] = []

    def context(self) -> ssl.SSLContext:
        """A server's context for them; raise `CertificateError` if they are missing, malformed or do not match."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._seen = self._stamps()
        try:
            context.load_cert_chain(self.certificate, self._key)
            self.ends_ms = _valid_until_ms(context, self.certificate)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise CertificateError(f"certificate {self.certificate} with key {self._key}: {error}") from error
        return context

    def changed(self) -> bool:
        """Whether a file is another one than when `context` last looked, and there."""
        stamps = self._stamps()
        return len(stamps) == _FILES and stamps != self._seen

    def _stamps(self) -> list[tuple[int, int]]:
        found = []
        for path in (self.certificate, self._key):
            with suppress(OSError):
                status = Path(path).stat()
                found.append((status.st_mtime_ns, status.st_ino))
        return found

    def warning(self, now_ms: int) -> str:
        """What is wrong with its dates at this wall time; empty if nothing is."""
        if self.ends_ms is None or now_ms < self.ends_ms - _WARN_MS:
            return ""
        word = "expired" if now_ms >= self.ends_ms else "expires"
        return f"certificate {self.certificate} {word} on {to_wire(self.ends_ms)}: renew it"


def _valid_until_ms(server: ssl.SSLContext, certificate: str) -> int:
    """The end of validity of the certificate that `server` shows, found by a handshake in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(certificate)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True))
    for end in ends * _FLIGHTS:
        _shake(end)
    shown = ends[0].getpeercert() or {}
    return int(ssl.cert_time_to_seconds(str(shown["notAfter"]))) * 1000


def _shake(end: ssl.SSLObject) -> None:
    with suppress(ssl.SSLWantReadError):
        end.do_handshake()
