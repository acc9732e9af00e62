"""A token buys the first certificate; a certificate buys the next. Both can be killed anywhere, and done again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract.enrolment import Claim, Credentials, Renewal, split_token
from contract.errors import InvalidMessageError
from edge.core.errors import RefusedError
from edge.identity import keys
from edge.identity.cloud import Door
from edge.identity.errors import IdentityDamagedError, IdentityNotKeptError
from edge.identity.folder import About, Identity, IdentityFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What an operator hands over to a device."""

    cloud: str
    """https://host:port."""
    token: str
    device: str
    ca_file: str = ""
    """Of the authority that vouches for the cloud's web server, where that is another than the devices'."""


@contextmanager
def _disk() -> Iterator[None]:
    """What the disk refuses, as an error of ours: nobody ends for it."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        place, why = getattr(error, "filename", None), getattr(error, "strerror", None) or error
        raise IdentityNotKeptError(f"{place or 'the identity'}: {why}") from error


@_disk()
def enrol(invitation: Invitation, folder: IdentityFolder, door: Door) -> Identity:
    """Become who the token says. Blocks.

    Raise `LinkError`, `RefusedError`, `IdentityDamagedError` or `IdentityNotKeptError`.

    Until it has answered, whoever is there learns nothing but that somebody asks for the authority: the token goes only
    to a server for which the authority of the token's pin vouches.
    """
    try:
        pin = split_token(invitation.token).pin
    except InvalidMessageError as error:
        raise RefusedError(str(error)) from error
    authority = door.authority()
    if _pin(authority) != pin:
        raise RefusedError(
            f"{invitation.cloud} shows another authority than the token is of: somebody is in between, or the token is "
            "of another cloud"
        )
    key = _next_key(folder)
    claim = Claim(
        token=invitation.token.strip(),
        device=invitation.device,
        request=keys.request_of(key, invitation.device),
    )
    credentials = door.claim(claim, invitation.ca_file or authority)
    return _take(credentials, folder, key=key, device=invitation.device, pin=pin, cloud=invitation.cloud)


@_disk()
def renew(identity: Identity, folder: IdentityFolder, door: Door, ca_file: str) -> Identity:
    """Get the next certificate, for a new key. Blocks. Raise what `enrol` does."""
    about, old_key = identity.about, identity.key.read_bytes()
    key = _next_key(folder, unlike=old_key)
    request = keys.request_of(key, about.device)
    renewal = Renewal(
        certificate=identity.certificate.read_text(encoding="ascii"),
        request=request,
        signature=keys.signature_of(old_key, request),
    )
    credentials = door.renew(renewal, ca_file or str(identity.authority))
    return _take(credentials, folder, key=key, device=about.device, pin=about.pin, cloud=about.cloud)


def read_token(path: Path) -> str:
    """The token in a file; raise `RefusedError`."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path}: {getattr(error, 'strerror', None) or 'is no token'}") from error


def _next_key(folder: IdentityFolder, unlike: bytes = b"") -> bytes:
    """The one with which was asked before, if no answer came; it is durable before it is used.

    One that is in use already (`unlike`) was answered, and but for that not tidied away.
    """
    kept = folder.next_key()
    if kept is not None and kept != unlike and keys.is_key(kept):
        return kept
    key = keys.make_key()
    folder.keep_next_key(key)
    return key


def _take(
    credentials: Credentials, folder: IdentityFolder, *, key: bytes, device: str, pin: str, cloud: str
) -> Identity:
    term = keys.check(credentials, key=key, device=device, pin=pin)
    about = About(
        device=device,
        cloud=cloud,
        pin=pin,
        begins_ms=term.begins_ms,
        expires_ms=term.expires_ms,
        broker_host=credentials.broker_host,
        broker_port=credentials.broker_port,
    )
    return folder.take(key=key, certificate=credentials.certificate, authority=credentials.authority, about=about)


def _pin(authority: str) -> str:
    try:
        return keys.pin_of(authority)
    except IdentityDamagedError:
        return ""
