"""Keys, requests and signatures.

`cryptography` is loaded late: a daemon that renews once in two months does not carry it from the start.
"""

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from contract.enrolment import Credentials
from edge.identity.errors import IdentityDamagedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate


class Term(NamedTuple):
    """From when until when a certificate holds."""

    begins_ms: int
    expires_ms: int


def make_key() -> bytes:
    """A new P-256 key, PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def is_key(pem: bytes) -> bool:
    """Whether it can be used as `make_key` made it."""
    try:
        _private(pem)
    except IdentityDamagedError:
        return False
    return True


def request_of(key: bytes, device: str) -> str:
    """A signing request of `key` in the device's name, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder(name).sign(_private(key), hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode("ascii")


def signature_of(key: bytes, text: str) -> str:
    """Base64 of the ECDSA signature, with SHA-256, of `key` over the bytes of `text`."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    return base64.b64encode(_private(key).sign(text.encode(), ec.ECDSA(hashes.SHA256()))).decode("ascii")


def pin_of(authority: str) -> str:
    """SHA-256, in hex, of the DER form of a certificate given as PEM; raise `IdentityDamagedError`."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(_certificate(authority).public_bytes(Encoding.DER)).hexdigest()


def check(credentials: Credentials, *, key: bytes, device: str, pin: str) -> Term:
    """Raise `IdentityDamagedError` unless they are for this key and device, signed by the authority of this pin."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import NameOID

    certificate, authority = _certificate(credentials.certificate), _certificate(credentials.authority)
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise IdentityDamagedError("the certificate that came was not signed by the authority that came") from error
    names = [each.value for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if pin_of(credentials.authority) != pin:
        raise IdentityDamagedError("the certificate that came is of another authority than the one that was promised")
    if names != [device] or certificate.public_key() != _private(key).public_key():
        raise IdentityDamagedError("the certificate that came is for another device or key")
    begins, expires = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Term(round(begins.timestamp() * 1000), round(expires.timestamp() * 1000))


def _private(key: bytes) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise IdentityDamagedError("the device's key cannot be read: enrol anew with --replace") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise IdentityDamagedError("the device's key is none of ours: enrol anew with --replace")
    return found


def _certificate(pem: str) -> "Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise IdentityDamagedError("what came is no certificate that can be read") from error
