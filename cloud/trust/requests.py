"""Reads what strangers send: certificate signing requests. Only P-256 keys that sign for themselves come through."""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from cloud.trust.errors import RequestRefusedError

LARGEST: Final = 16_384
"""Signs of PEM text; ours have some 500."""


def read_request(pem: str, name: str | None = None) -> ec.EllipticCurvePublicKey:
    """The key of a request whose common name is `name`; with None any name will do, for an operator's own request.

    Whatever else the request asks for is passed over. Raise `RequestRefusedError`.
    """
    if len(pem) > LARGEST:
        raise RequestRefusedError(f"the request has more than {LARGEST} signs")
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        key, named = request.public_key(), _names(request.subject)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise RequestRefusedError("the request is no PEM certificate signing request that can be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestRefusedError("the request's key must be an elliptic curve key over P-256")
    if not _signs_for_itself(request):
        raise RequestRefusedError("the request is not signed with its own key and SHA-256")
    if name is not None and named != [name]:
        raise RequestRefusedError("the request's subject must be the device's name as its only common name")
    return key


def digest_of(key: ec.EllipticCurvePublicKey) -> str:
    """By which a key is known: SHA-256 of its DER form, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _names(subject: x509.Name) -> list[str]:
    """The common names, and a name that nobody has for each attribute of another kind."""
    return [str(each.value) if each.oid == NameOID.COMMON_NAME else "" for each in subject]


def _signs_for_itself(request: x509.CertificateSigningRequest) -> bool:
    try:
        algorithm = request.signature_hash_algorithm
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return algorithm is not None and algorithm.name == "sha256" and request.is_signature_valid
