"""What can go wrong between the authority and who wants something of it."""


class TrustError(Exception):
    """Root of the errors of trust; its words may be shown to whoever asked."""


class NoAuthorityError(TrustError):
    """There is no authority in its folder, or it cannot be read by this user."""


class RequestRefusedError(TrustError):
    """A certificate signing request is malformed, weak, or for another name."""


class TokenRefusedError(TrustError):
    """The token is unknown, used, dead or not for this device."""


class CertificateRefusedError(TrustError):
    """The certificate that is presented for renewal is unknown, revoked, too old or not the presenter's."""
