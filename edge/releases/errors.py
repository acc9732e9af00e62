"""What can go wrong with a release, by what the updater does about it."""

from edge.core.errors import EdgeError


class ReleaseError(EdgeError):
    """Something about a release went wrong; the message says what, and what to do."""


class BundleRefusedError(ReleaseError):
    """This bundle is not taken, and would not be if it were tried again."""


class ReleaseBrokenError(ReleaseError):
    """The release was installed and does not work."""


class NotNowError(ReleaseError):
    """It cannot be done now: no network, no room, somebody else at it. Trying again later may help."""


class HeldError(NotNowError):
    """It must not be done now: a session is being recorded."""


class StuckRequestError(ReleaseError):
    """The appliance's request cannot be deleted: it would start the updater over and over."""
