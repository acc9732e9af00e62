"""What the daemon says on standard error, and what must never be said there.

Libraries that speak HTTP log each address, some each header. A lent address of object storage is as good as a key
while it lasts, and a camera's address may hold a password: of these only warnings are let through, at any level.
"""

import logging
import sys
from typing import Final

FORMAT: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_TALKATIVE: Final = (
    "aiosqlite",
    "boto3",
    "botocore",
    "h11",
    "httpcore",
    "httpx",
    "s3transfer",
    "urllib3",
    "websockets",
)


def begin_log(level: str) -> None:
    """Log from `level` on (`debug`, `info`, `warning`, `error`)."""
    logging.basicConfig(level=level.upper(), format=FORMAT, stream=sys.stderr)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
