"""What the API says of trust. Times are milliseconds since the epoch, UTC."""

from typing import Annotated

from msgspec import Meta, Struct


class TrustedDevice(Struct, frozen=True, kw_only=True):
    """A device that was invited or certified: the end of its newest certificate, and until when it may still enrol."""

    device: str
    expires_ms: int | None = None
    revoked_ms: int | None = None
    invited_until_ms: int | None = None


class TrustedDevices(Struct, frozen=True, kw_only=True):
    """All of them."""

    items: list[TrustedDevice]


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate that was signed; `serial` in hex."""

    serial: str
    issued_ms: int
    expires_ms: int
    pem: str
    revoked_ms: int | None = None


class CertificateList(Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: list[Certificate]


class InvitationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the token shall live; as `trust.token_hours` says if absent."""

    hours: Annotated[float, Meta(ge=1 / 60, le=720)] | None = None


class Invitation(Struct, frozen=True, kw_only=True):
    """A token for `afferent edge enrol`, shown this once."""

    device: str
    token: str


class Revoked(Struct, frozen=True, kw_only=True):
    """How many certificates were ended."""

    device: str
    certificates: int
