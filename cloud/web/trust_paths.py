"""Paths that devices and brokers use without a sign-in: what they bring is proof enough, or what they get is public."""

from typing import Final

from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH

REVOKED_PATH: Final = "/v1/revoked.pem"
"""The list of the revoked, for brokers on other hosts."""
OPEN_PATHS: Final = frozenset({CLAIM_PATH, RENEW_PATH, AUTHORITY_PATH, REVOKED_PATH})
