"""What the authority signs: itself, certificates and the list of the revoked. Pure: a key and a moment in, papers out.

Profiles follow RFC 5280: an end entity may only sign (key usage), for the one purpose that it was made for (extended
key usage), and certifies nobody; the root certifies end entities only (path length 0).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.trust.requests import digest_of

Kind = Literal["device", "server", "client"]
ROOT_DAYS: Final = 3650
SKEW: Final = timedelta(hours=1)
"""A certificate holds from so long before it was signed, for whose clock is behind ours."""
_PURPOSES: Final = {
    "device": ExtendedKeyUsageOID.CLIENT_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
}
_SIGNS_PAPERS: Final = {"key_cert_sign": True, "crl_sign": True}
_SIGNS_TALK: Final = {"digital_signature": True}


class Wanted(NamedTuple):
    """A certificate to be signed. `sans` are the names and addresses at which a server is reached."""

    kind: Kind
    name: str
    key: ec.EllipticCurvePublicKey
    days: float
    sans: Sequence[str] = ()


class Revoked(NamedTuple):
    """A line of the list."""

    serial: int
    at_ms: int


def moment(ms: int) -> datetime:
    """Milliseconds since the epoch, cut to the whole seconds that certificates know."""
    return datetime.fromtimestamp(ms // 1000, UTC)


def ms_of(at: datetime) -> int:
    """Milliseconds since the epoch."""
    return round(at.timestamp() * 1000)


def root(key: ec.EllipticCurvePrivateKey, now_ms: int) -> x509.Certificate:
    """The authority's own certificate; its name tells it from any other authority of ours."""
    public = key.public_key()
    name = _named(f"Afferent authority {digest_of(public)[:8]}")
    begin = moment(now_ms)
    return (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(begin - SKEW)
        .not_valid_after(begin + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(_SIGNS_PAPERS), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def leaf(wanted: Wanted, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, now_ms: int) -> x509.Certificate:
    """A certificate of `wanted.key`, which ends with the authority's own at the latest."""
    begin = moment(now_ms)
    end = min(begin + timedelta(days=wanted.days), authority.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder(authority.subject, _named(wanted.name), wanted.key, x509.random_serial_number())
        .not_valid_before(max(begin - SKEW, authority.not_valid_before_utc))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(_SIGNS_TALK), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_PURPOSES[wanted.kind]]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(wanted.key), critical=False)
        .add_extension(_issued_by(key), critical=False)
    )
    if wanted.sans:
        names = x509.SubjectAlternativeName([general_name(san) for san in wanted.sans])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())


def revocation_list(
    revoked: Iterable[Revoked], authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, now_ms: int
) -> x509.CertificateRevocationList:
    """The list, numbered by its moment.

    It holds as long as the authority: it is a file that is replaced, and one that ran out would shut out the whole
    fleet because of a job that did not run.
    """
    builder = (
        x509.CertificateRevocationListBuilder(authority.subject, moment(now_ms), authority.not_valid_after_utc)
        .add_extension(x509.CRLNumber(now_ms), critical=False)
        .add_extension(_issued_by(key), critical=False)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder(each.serial, moment(each.at_ms)).build()
        )
    return builder.sign(key, hashes.SHA256())


def general_name(text: str) -> x509.GeneralName:
    """An address or a host name; raise `ValueError` for what is neither."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not text or not text.isascii() or set(text) & set(" /:@"):
            raise ValueError(f"{text!r:.80} is neither a host name nor an address") from None
        return x509.DNSName(text)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(allowed: dict[str, bool]) -> x509.KeyUsage:
    all_of_them = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in all_of_them})
