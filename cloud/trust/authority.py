"""The authority: a folder with its key, its certificate and the list of the revoked.

The key is read when something is to be signed and not kept, so an authority that was made meanwhile is taken up.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cloud.store.private_file import make_private_folder, write_private
from cloud.trust import papers
from cloud.trust.errors import NoAuthorityError
from cloud.trust.papers import Kind, Revoked, Wanted
from cloud.trust.requests import digest_of

_SKEW_MS: Final = round(papers.SKEW.total_seconds() * 1000)


class Issued(NamedTuple):
    """A certificate that was signed, as it is kept."""

    serial: str
    kind: Kind
    name: str
    key_digest: str
    pem: str
    issued_ms: int
    expires_ms: int


class Authority:
    """`key.pem`, `certificate.pem` and `crl.pem` in `folder`. Its methods read and write files: call them in a thread.

    All but `init` raise `NoAuthorityError` where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = folder / "key.pem"
        self._certificate = folder / "certificate.pem"
        self.crl_path = folder / "crl.pem"

    def init(self, now_ms: int) -> bool:
        """Make what is missing; return whether anything was. Killed in between, it goes on with the same key."""
        make_private_folder(self.folder)
        missing = [path for path in (self._key, self._certificate, self.crl_path) if not path.exists()]
        if self._key in missing and self._certificate not in missing:
            raise NoAuthorityError(f"{self._key} is gone: put it back from its copy, see docs/trust.md")
        if self._key in missing:
            write_private(self._key, key_pem(ec.generate_private_key(ec.SECP256R1())))
        if self._certificate in missing:
            own = papers.root(self._read_key(), now_ms)
            write_private(self._certificate, own.public_bytes(Encoding.PEM), mode=0o644)
        if self.crl_path in missing:
            self.write_list([], now_ms)
        return bool(missing)

    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return x509.load_pem_x509_certificate(_content(self._certificate))

    def pem(self) -> str:
        """Its own certificate, as it is handed out."""
        return _content(self._certificate).decode("ascii")

    def pin(self) -> str:
        """By which a device knows it: SHA-256 of its certificate's DER form, in hex."""
        return hashlib.sha256(self.certificate().public_bytes(Encoding.DER)).hexdigest()

    def sign(self, wanted: Wanted, now_ms: int) -> Issued:
        """A new certificate, which nobody knows of yet."""
        made = papers.leaf(wanted, self.certificate(), self._read_key(), now_ms)
        return Issued(
            serial=f"{made.serial_number:x}",
            kind=wanted.kind,
            name=wanted.name,
            key_digest=digest_of(wanted.key),
            pem=made.public_bytes(Encoding.PEM).decode("ascii"),
            issued_ms=now_ms,
            expires_ms=papers.ms_of(made.not_valid_after_utc),
        )

    def write_list(self, revoked: Iterable[Revoked], now_ms: int) -> None:
        """Replace the list.

        It is dated back, for a broker whose clock is behind, and after the one before, or else a broker that reads it
        again may keep that one.
        """
        newer_ms = max(now_ms - _SKEW_MS, self._listed_ms() + 1000)
        made = papers.revocation_list(revoked, self.certificate(), self._read_key(), newer_ms)
        write_private(self.crl_path, made.public_bytes(Encoding.PEM), mode=0o644)

    def listed(self) -> set[int]:
        """The serial numbers on the list as it was written last."""
        return {each.serial_number for each in x509.load_pem_x509_crl(_content(self.crl_path))}

    def revocation_list(self) -> str:
        """The list as it was written last."""
        return _content(self.crl_path).decode("ascii")

    def _listed_ms(self) -> int:
        try:
            return papers.ms_of(x509.load_pem_x509_crl(self.crl_path.read_bytes()).last_update_utc)
        except (FileNotFoundError, ValueError):
            return 0

    def _read_key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(_content(self._key), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise NoAuthorityError(f"{self._key} is not the key that this version made")
        return key


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as it lies in a file: PKCS #8, in the clear, kept by the file's rights."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NoAuthorityError(f"there is no {path}: afferent cloud authority init") from error
    except OSError as error:
        raise NoAuthorityError(f"{path}: {error.strerror}; run this as the cloud's user") from error
