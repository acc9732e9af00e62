"""Why the broker cannot be used, in one line that says what to look at."""

import socket
import ssl
from typing import Final

from edge.core.errors import LinkError
from edge.sync.tls import CertificateUnusableError

UNSUPPORTED_VERSION: Final = 0x84
NO_SUBSCRIBERS: Final = 0x10
"""MQTT 5 section 3.4.2.1: the broker took the message and gave it to nobody."""
FIRST_FAILURE: Final = 0x80
_WORDS: Final = {
    0x84: "speaks neither MQTT 5 nor 3.1.1",
    0x85: "refuses the client id: set broker.client_id",
    0x86: "refuses the sign-in: check broker.username and the secret that broker.password_secret names",
    0x87: "refuses the sign-in or its rights: check broker.username, the password and the broker's access list",
    0x88: "is not available now",
    0x89: "is busy",
    0x8A: "has banned this client",
    0x8B: "is shutting down",
    0x8C: "refuses the way of signing in",
    0x8D: "heard nothing from us for too long",
    0x8E: "gave our session to another client with the same client id: make broker.client_id unique",
    0x97: "says that a quota is used up",
    0x99: "refuses the payload's format",
    0x9C: "says to use another server",
    0x9D: "says that the server moved",
    0x9F: "says that we connect too often",
}

_KNOWN: Final[dict[type[OSError], str]] = {
    socket.gaierror: "has a name that cannot be resolved: check broker.host and the network",
    ConnectionRefusedError: "refuses the connection: nothing listens there, check broker.host and broker.port",
    TimeoutError: "does not answer: check the network and the firewall",
}
_ANEW: Final = "afferent edge enrol --replace, with a new token"
_ALERTS: Final = {
    "SSLV3_ALERT_CERTIFICATE_REVOKED": f"refuses our certificate, which was revoked: {_ANEW}",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "refuses our certificate, which ran out: see the health of `identity`, and that "
    "the clock is right",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "asks for a certificate and we show none: afferent edge enrol",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "refuses to talk, perhaps because it asks for a certificate: afferent edge enrol",
    "TLSV1_ALERT_UNKNOWN_CA": f"does not know the authority of our certificate: {_ANEW}",
    "SSLV3_ALERT_BAD_CERTIFICATE": f"refuses our certificate: {_ANEW}",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "refuses our certificate, which is not meant for a client",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": f"refuses our certificate: {_ANEW}",
}
"""OpenSSL's names of the alerts of TLS (RFC 8446, section 6.2) that are about a client's certificate."""


class BrokerRefusedError(LinkError):
    """The broker answered and said no; `code` is MQTT 5's reason code."""

    def __init__(self, code: int, place: str, name: str) -> None:
        super().__init__(f"{place} {words_of(code, name)}")
        self.code = code


class ClosedEarlyError(LinkError):
    """The broker hung up before it answered, as some do that know another version of MQTT only."""


def words_of(code: int, name: str) -> str:
    """What a reason code means for whoever must mend it; `name` stands in for codes that say nothing to do."""
    return _WORDS.get(code, f"says {name.lower()!r} (0x{code:02x})")


def unreachable(error: OSError | UnicodeError, host: str, port: int) -> LinkError:
    """The error of a connection that never came to be; a name that no resolver takes is a `UnicodeError`."""
    return LinkError(f"broker {host}:{port} {_why(error)}")


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return _KNOWN[socket.gaierror]
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, CertificateUnusableError):
        return f"cannot be signed in to: {error}"
    if isinstance(error, ssl.SSLError):
        return _why_no_tls(error)
    if isinstance(error, FileNotFoundError):
        return f"cannot be checked: {error.filename or 'broker.ca_file'} is missing"
    known = next((words for kind, words in _KNOWN.items() if isinstance(error, kind)), None)
    return known or f"cannot be reached: {error.strerror or error}"


def _why_no_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    reason = getattr(error, "reason", None) or ""
    return _ALERTS.get(reason, f"does not speak TLS as we do: {reason or error}; check broker.port and broker.tls")
