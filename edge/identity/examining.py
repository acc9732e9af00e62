"""What the doctor says of the device's identity."""

import ssl
from typing import Final, NamedTuple

from contract.times import to_wire
from edge.identity.errors import IdentityDamagedError
from edge.identity.folder import Identity, IdentityFolder

_OTHERS: Final = 0o077
_WARN_MS: Final = 7 * 86_400_000
_ENROL: Final = "enrol it anew: afferent edge enrol --replace --help"


class Verdict(NamedTuple):
    """What was found, and what to do where it is not fine."""

    fine: bool
    words: str
    remedy: str = ""


def examine_identity(folder: IdentityFolder, device: str, now_ms: int) -> Verdict:
    """Whether `device` has a key and a certificate that belong together, are its own and hold for a while."""
    try:
        identity = folder.read()
    except IdentityDamagedError as error:
        return Verdict(False, str(error), "run as the appliance's user, or " + _ENROL)
    if identity is None:
        return Verdict(True, "not enrolled: the broker knows this device by name and password, or not at all")
    return _trouble(identity, device, now_ms) or Verdict(
        True, f"certified as {identity.about.device} until {to_wire(identity.about.expires_ms)}"
    )


def _trouble(identity: Identity, device: str, now_ms: int) -> Verdict | None:
    about = identity.about
    if about.device != device:
        return Verdict(False, f"certified as {about.device}, but this device is called {device}", _ENROL)
    try:
        mode = identity.key.stat().st_mode
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(identity.certificate, identity.key)
    except OSError as error:
        return Verdict(
            False, f"key and certificate cannot be used: {error}", "run as the appliance's user, or " + _ENROL
        )
    if mode & _OTHERS:
        return Verdict(False, f"others may read {identity.key}", f"sudo chmod 600 {identity.key}, and {_ENROL}")
    if about.expires_ms - now_ms < _WARN_MS:
        word = "ran out" if about.expires_ms <= now_ms else "runs out"
        remedy = "see why in the health of `identity` (/v1/health); past the cloud's grace " + _ENROL
        return Verdict(False, f"the certificate {word} on {to_wire(about.expires_ms)}", remedy)
    return None
