"""Certificates that an operator asks for: of servers (broker, web) and of the cloud's own clients."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from cloud.store.clock import Clock
from cloud.store.private_file import make_private_folder, write_private
from cloud.trust.authority import Authority, key_pem
from cloud.trust.papers import Kind, Wanted, general_name, ms_of
from cloud.trust.register import Register
from cloud.trust.requests import digest_of, read_request

_RENEWED_AT: Final = 2 / 3


class Order(NamedTuple):
    """What shall be certified."""

    kind: Kind
    name: str
    """The common name."""
    sans: Sequence[str]
    days: float


class Issuing:
    """Signs orders. All methods may raise `NoAuthorityError`, and `ValueError` for a name that is none."""

    def __init__(self, *, authority: Authority, register: Register, clock: Clock) -> None:
        self._authority = authority
        self._register = register
        self._clock = clock

    async def sign_request(self, order: Order, request: str) -> str:
        """A certificate for a key that stays where it is. Raise `RequestRefusedError`."""
        return await self._sign(order, await asyncio.to_thread(read_request, request))

    async def keep(self, order: Order, folder: Path) -> bool:
        """Have `key.pem` and `certificate.pem` in `folder`; False if what is there does for a while yet."""
        if await self._does(order, folder):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        pem = await self._sign(order, key.public_key())
        await asyncio.to_thread(_write, folder, key_pem(key), pem.encode())
        return True

    async def _sign(self, order: Order, key: ec.EllipticCurvePublicKey) -> str:
        wanted = Wanted(order.kind, order.name, key, order.days, order.sans)
        issued = await asyncio.to_thread(self._authority.sign, wanted, self._clock.now_ms())
        await self._register.add(issued)
        return issued.pem

    async def _does(self, order: Order, folder: Path) -> bool:
        certificate = await asyncio.to_thread(_kept, folder)
        if certificate is None:
            return False
        held = await self._register.certificate(f"{certificate.serial_number:x}")
        if held is None or held.revoked_ms is not None or not _says(certificate, order):
            return False
        own = await asyncio.to_thread(self._authority.certificate)
        return _issued_by(certificate, own) and self._clock.now_ms() < _due_ms(certificate)


def _kept(folder: Path) -> x509.Certificate | None:
    """What is in `folder`, if it is a certificate with its key."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        key, public = load_pem_private_key((folder / "key.pem").read_bytes(), None), certificate.public_key()
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(public, ec.EllipticCurvePublicKey):
        return None
    return certificate if digest_of(key.public_key()) == digest_of(public) else None


def _says(certificate: x509.Certificate, order: Order) -> bool:
    names = [each.value for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        sans = set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        sans = set()
    return names == [order.name] and sans == {general_name(san) for san in order.sans}


def _issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _due_ms(certificate: x509.Certificate) -> float:
    begin, end = ms_of(certificate.not_valid_before_utc), ms_of(certificate.not_valid_after_utc)
    return begin + (end - begin) * _RENEWED_AT


def _write(folder: Path, key: bytes, certificate: bytes) -> None:
    make_private_folder(folder)
    write_private(folder / "key.pem", key)
    write_private(folder / "certificate.pem", certificate, mode=0o644)
