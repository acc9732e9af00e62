"""A certificate that the appliance signs itself for its own names: kept, renewed in time, known by its fingerprint.

Nobody vouches for it but whoever compares the fingerprint. The key stays when the certificate is renewed.
"""

import datetime
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.core.files import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_LASTS_DAYS: Final = 397
"""As long as browsers take one of an authority for; some hold those of nobody to the same."""
_RENEWED_DAYS: Final = 30
_DAY: Final = datetime.timedelta(days=1)
_PROBE: Final = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737): asking for the way there sends nothing and tells our own address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCertificate:
    """Where it lies, and what it is for. Both methods look at the disk."""

    folder: Path
    names: frozenset[str]

    @property
    def certificate(self) -> Path:
        """The PEM file of the certificate."""
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        """The PEM file of its key."""
        return self.folder / "key.pem"

    def ensure(self, now_ms: int) -> bool:
        """Make or renew it where it is missing, damaged, not of this time, or lacks a name; whether it did.

        Raise `OSError`.
        """
        key = self._key()
        now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
        if self._holds(key, now):
            return False
        write_private(self.certificate, _signed(key, self.names, now))
        return True

    def _key(self) -> "EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            found = serialization.load_pem_private_key(self.key.read_bytes(), None)
            if isinstance(found, ec.EllipticCurvePrivateKey):
                return found
        except (OSError, ValueError, TypeError):
            pass  # there is none, or none that can be used: both are mended by a new one
        made = ec.generate_private_key(ec.SECP256R1())
        plain = serialization.NoEncryption()
        pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        write_private(self.key, pem)
        return made

    def _holds(self, key: "EllipticCurvePrivateKey", now: datetime.datetime) -> bool:
        from cryptography import x509

        try:
            found = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return False
        in_time = found.not_valid_before_utc <= now < found.not_valid_after_utc - _RENEWED_DAYS * _DAY
        named = self.names <= {*alternative.get_values_for_type(x509.DNSName)}
        return in_time and named and found.public_key() == key.public_key()


def fingerprint(certificate: Path) -> str:
    """The SHA-256 of the first certificate in a PEM file, in pairs of digits as browsers show it. Raise `OSError` or
    `ValueError`."""
    text = certificate.read_text(encoding="ascii")
    begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[begin:end])).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def dns_names(names: Iterable[str]) -> frozenset[str]:
    """Those of `names` that can be in a certificate."""
    return frozenset(name for name in names if name.isascii() and not _is_address(name) and 0 < len(name) <= 253)  # noqa: PLR2004 (RFC 1035)


def _signed(key: "EllipticCurvePrivateKey", names: frozenset[str], now: datetime.datetime) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, min(names, key=len)[:64])])
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _LASTS_DAYS * _DAY)
        .add_extension(x509.SubjectAlternativeName(_alternative(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def _alternative(names: frozenset[str]) -> "list[x509.GeneralName]":
    from cryptography import x509

    addresses = {"127.0.0.1", "::1", *_own_address()}
    return [
        *(x509.DNSName(name) for name in sorted(names)),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)),
    ]


def _own_address() -> list[str]:
    """The address by which the LAN sees this machine, where there is a LAN."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_PROBE)
        except OSError:
            return []
        return [str(probe.getsockname()[0])]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
