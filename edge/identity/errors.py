"""What can be wrong with a device's own identity."""

from edge.core.errors import EdgeError


class IdentityDamagedError(EdgeError):
    """Key, certificate or what is known of them cannot be read or do not belong together: enrol anew."""


class IdentityNotKeptError(EdgeError):
    """The disk does not give, or does not take, what makes up the identity: once it does, try again."""
