"""The one path of trust that the contract does not name, for it is not devices that ask there."""

from typing import Final

REVOKED_PATH: Final = "/v1/revoked.pem"
"""The list of the revoked, for brokers on other hosts."""
