"""How a device becomes known: a token that dies with its first use buys a certificate, which buys the next one.

A token reads `aff1.{id}.{secret}.{pin}`: `pin` is the SHA-256, in hex, of the DER form of the authority's certificate,
so that a device that was never here before knows whom it talks to. Signatures are ECDSA over P-256 with SHA-256.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contract.errors import InvalidMessageError
from contract.ids import Id

CLAIM_PATH: Final = "/v1/enrolments/claim"
RENEW_PATH: Final = "/v1/certificates/renew"
AUTHORITY_PATH: Final = "/v1/authority.pem"
"""The authority's certificate, for everybody; who was given a pin compares it before trusting."""
Pem = Annotated[str, Meta(max_length=16_384, description="PEM text")]
_FORM: Final = "aff1.{id}.{secret}.{pin}"
_PARTS: Final = 4
_PIN_LENGTH: Final = 64


class Claim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a device that has a token: this is my name and my key."""

    v: Literal[1] = 1
    token: Annotated[str, Meta(max_length=400)]
    device: Id
    request: Pem
    """A certificate signing request whose common name is `device`, signed with the new key."""


class Renewal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a device that has a certificate: this is my next key."""

    v: Literal[1] = 1
    certificate: Pem
    """The one that is in use; it may have run out, within the grace that the cloud gives, but not be revoked."""
    request: Pem
    signature: Annotated[str, Meta(max_length=400)]
    """Base64 of the signature over the bytes of `request`, by the key of `certificate`."""


class Credentials(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """To the device: its certificate, whom to trust, and where the broker is."""

    v: Literal[1] = 1
    device: Id
    certificate: Pem
    authority: Pem
    expires: str
    broker_host: str = ""
    broker_port: int = 8883


class Token(Struct, frozen=True, kw_only=True):
    """A token taken apart."""

    id: str
    secret: str
    pin: str


def join_token(token: Token) -> str:
    """As it is handed to whoever installs the device."""
    return _FORM.format(id=token.id, secret=token.secret, pin=token.pin)


def split_token(text: str) -> Token:
    """Take a token apart; raise `InvalidMessageError` that says what is wrong with it, never the secret."""
    parts = text.strip().split(".")
    if len(parts) != _PARTS or parts[0] != "aff1" or not all(parts):
        raise InvalidMessageError("an enrolment token reads aff1.<id>.<secret>.<pin>: was it copied whole?")
    _, token_id, secret, pin = parts
    if len(pin) != _PIN_LENGTH or not set(pin) <= set("0123456789abcdef"):
        raise InvalidMessageError("the last part of the enrolment token is no SHA-256: was it copied whole?")
    return Token(id=token_id, secret=secret, pin=pin)
