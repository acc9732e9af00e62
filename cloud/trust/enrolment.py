"""How a device gets its first certificate for a token, and each next one for the one before.

Asked twice with the same key it answers with the same certificate, so that an answer which was lost on its way, or a
device that was killed before it had written it down, costs nothing but the asking.
"""

import asyncio
import base64
import binascii
import hmac
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from cloud.store.clock import Clock
from cloud.trust.authority import Authority, Issued
from cloud.trust.errors import CertificateRefusedError, TokenRefusedError
from cloud.trust.papers import Wanted
from cloud.trust.register import Asker, Held, Invitation, Register
from cloud.trust.requests import digest_of, read_request
from cloud.trust.settings import TrustSettings
from contract.enrolment import Claim, Credentials, Renewal, Token, join_token, split_token
from contract.errors import InvalidMessageError
from contract.ids import check_id
from contract.times import to_wire

_DAY_MS: Final = 86_400_000
_OVERTAKEN_MS: Final = 7 * _DAY_MS
"""For so long a certificate may buy another one than it bought, for a device that lost what it got. After that whoever
asks with it is somebody who found an old copy of the device's disk."""
_MOST_A_DAY: Final = 16
"""Certificates of one device: it asks for one in two months, and more often only if its clock is wrong."""
_UNKNOWN: Final = "this token is not known here"
_NOT_OURS: Final = "this certificate is not known here"


class Enrolment:
    """Invites devices, and answers `contract.enrolment`'s questions. All methods may raise `NoAuthorityError`."""

    def __init__(self, *, authority: Authority, register: Register, settings: TrustSettings, clock: Clock) -> None:
        self._authority = authority
        self._register = register
        self._settings = settings
        self._clock = clock

    async def invite(self, device: str, *, by: Asker, hours: float | None = None) -> str:
        """A token for `device`, shown this once; it replaces an unused one. Raise `InvalidIdError`."""
        check_id(device, "device")
        pin = await asyncio.to_thread(self._authority.pin)
        now_ms = self._clock.now_ms()
        lasts_ms = round((hours or self._settings.token_hours) * 3_600_000)
        token_id, secret = await self._register.invite(device, by=by, now_ms=now_ms, expires_ms=now_ms + lasts_ms)
        return join_token(Token(id=token_id, secret=secret, pin=pin))

    async def claim(self, claim: Claim) -> Credentials:
        """What a token buys. Raise `TokenRefusedError` or `RequestRefusedError`."""
        invitation = await self._invited(claim)
        key = await asyncio.to_thread(read_request, claim.request, claim.device)
        if invitation.used_ms is None:
            issued = await self._sign(claim.device, key)
            if await self._register.redeem(invitation, issued, self._clock.now_ms()):
                return await self._credentials(claim.device, issued)
        return await self._again(claim.device, invitation, digest_of(key))

    async def renew(self, renewal: Renewal) -> Credentials:
        """What a certificate buys. Raise `CertificateRefusedError` or `RequestRefusedError`."""
        held = await self._presented(renewal)
        key = await asyncio.to_thread(read_request, renewal.request, held.name)
        digest, now_ms = digest_of(key), self._clock.now_ms()
        if digest == held.key_digest:
            raise CertificateRefusedError("the next certificate needs another key")
        if found := await self._register.live_of_key(held.name, digest, now_ms):
            return await self._credentials(held.name, found)
        if await self._register.is_overtaken(held, now_ms - _OVERTAKEN_MS):
            raise CertificateRefusedError("a newer certificate of this device was bought long ago: enrol it anew")
        issued = await self._sign(held.name, key)
        if not await self._register.replace(held, issued, now_ms=now_ms, most=_MOST_A_DAY):
            raise CertificateRefusedError("it was revoked just now, or this device asked too often today")
        return await self._credentials(held.name, issued)

    async def _invited(self, claim: Claim) -> Invitation:
        """Who does not know the secret learns nothing of what else is wrong."""
        try:
            token = split_token(claim.token)
        except InvalidMessageError as error:
            raise TokenRefusedError(str(error)) from error
        invitation = await self._register.invitation(token.id.replace("\0", ""))
        if invitation is None or not invitation.opens(token.secret):
            raise TokenRefusedError(_UNKNOWN)
        if invitation.device != claim.device:
            raise TokenRefusedError("this token is for a device of another name")
        if invitation.expires_ms < self._clock.now_ms():
            raise TokenRefusedError("this token died of age: invite the device again")
        if not hmac.compare_digest(token.pin, await asyncio.to_thread(self._authority.pin)):
            raise TokenRefusedError("this token is of another authority than the one that is here now")
        return invitation

    async def _again(self, device: str, invitation: Invitation, key_digest: str) -> Credentials:
        """A used token still answers the key that used it."""
        now = await self._register.invitation(invitation.id)
        if now and now.key_digest == key_digest:
            found = await self._register.live_of_key(device, key_digest, self._clock.now_ms())
            if found:
                return await self._credentials(device, found)
        raise TokenRefusedError(
            "this token was used already, with another key: if not by this device, revoke it; then invite it again"
        )

    async def _presented(self, renewal: Renewal) -> Held:
        certificate, key = await asyncio.to_thread(_certificate, renewal.certificate)
        held = await self._register.certificate(f"{certificate.serial_number:x}")
        if held is None or held.kind != "device" or not _same(certificate, held.pem):
            raise CertificateRefusedError(_NOT_OURS)
        if not _signed(renewal, key):
            raise CertificateRefusedError("the signature is not by the key of this certificate")
        if held.revoked_ms is not None:
            raise CertificateRefusedError("this certificate was revoked: enrol the device anew")
        if held.expires_ms + self._settings.grace_days * _DAY_MS < self._clock.now_ms():
            raise CertificateRefusedError("this certificate ran out too long ago: enrol the device anew")
        return held

    async def _sign(self, device: str, key: ec.EllipticCurvePublicKey) -> Issued:
        wanted = Wanted("device", device, key, self._settings.device_days)
        return await asyncio.to_thread(self._authority.sign, wanted, self._clock.now_ms())

    async def _credentials(self, device: str, bought: Issued | Held) -> Credentials:
        return Credentials(
            device=device,
            certificate=bought.pem,
            authority=await asyncio.to_thread(self._authority.pem),
            expires=to_wire(bought.expires_ms),
            broker_host=self._settings.broker_host,
            broker_port=self._settings.broker_port,
        )


def _certificate(pem: str) -> tuple[x509.Certificate, ec.EllipticCurvePublicKey]:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateRefusedError("the certificate is no PEM certificate that can be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateRefusedError(_NOT_OURS)
    return certificate, key


def _same(certificate: x509.Certificate, pem: str) -> bool:
    held = x509.load_pem_x509_certificate(pem.encode("ascii"))
    return held.public_bytes(Encoding.DER) == certificate.public_bytes(Encoding.DER)


def _signed(renewal: Renewal, key: ec.EllipticCurvePublicKey) -> bool:
    try:
        signature = base64.b64decode(renewal.signature.encode("ascii"), validate=True)
        key.verify(signature, renewal.request.encode(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, UnicodeEncodeError):
        return False
    return True
