"""What a mosquitto needs so that each device touches its own topics alone: its configuration and access list as text.

Made from the contract, so that neither forgets a topic. docs/trust.md shows both; a test compares.
"""

from collections.abc import Sequence
from typing import Final

from contract.topics import DESIRED, RECORD_LEAVES, REPLIES, REPORTED, REQUESTS, ROOT, command_leaf

SERVICE_SIGN: Final = "@"
"""Begins the common name of what is no device. No device's id can begin so, so that none can pose as a service."""
_DEVICE_WRITES: Final = ("status", *RECORD_LEAVES, REQUESTS, REPORTED)
_DEVICE_READS: Final = ("ack", REPLIES, DESIRED, command_leaf("+"))
_OF_HOME_ASSISTANT: Final = (
    f"pattern write {ROOT}/%u/ha/#",
    "pattern write homeassistant/device/%u/config",
    f"user {SERVICE_SIGN}home-assistant",
    f"topic read {ROOT}/+/ha/#",
    f"topic read {ROOT}/+/status",
    "topic read homeassistant/#",
)
_CONF: Final = """\
# Who is who is decided by certificates alone; a certificate's common name is the user name and the client id.
listener {port}
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/crl.pem
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl

# What was taken survives a restart, and a device that is away for long loses nothing to a short queue.
persistence true
autosave_interval 60
max_queued_messages 0
max_queued_bytes 67108864
persistent_client_expiration 14d
max_packet_size 1048576
"""


def mosquitto_conf(folder: str = "/etc/mosquitto/afferent", port: int = 8883) -> str:
    """The configuration of a broker that keeps authority, certificate, list of the revoked and access list there."""
    return _CONF.format(folder=folder, port=port)


def access_list(services: Sequence[str] = ("ingest",), *, home_assistant: bool = False) -> str:
    """Rights by common name: a device over its own topics, each of `services` over those of all devices.

    With `home_assistant`, devices may also introduce themselves to it, and a client `@home-assistant` hears that.
    What is not allowed here is forbidden.
    """
    lines = ["# A device tells its own and hears what is meant for it.", *_of_devices()]
    if home_assistant:
        lines += ["", "# For Home Assistant, where home_assistant.enabled is set on devices.", *_OF_HOME_ASSISTANT]
    for service in services:
        lines += ["", f"# The cloud: hears all devices and answers each. Common name {SERVICE_SIGN}{service}."]
        lines += [f"user {SERVICE_SIGN}{service}", *_of_service()]
    return "\n".join(lines) + "\n"


def _of_devices() -> list[str]:
    writes = [f"pattern write {ROOT}/%u/{leaf}" for leaf in _DEVICE_WRITES]
    return writes + [f"pattern read {ROOT}/%u/{leaf}" for leaf in _DEVICE_READS]


def _of_service() -> list[str]:
    """Both ways where something is retained that a decommissioned device leaves behind."""
    reads = [f"topic read {ROOT}/+/{leaf}" for leaf in (*RECORD_LEAVES, REQUESTS)]
    writes = [f"topic write {ROOT}/+/{leaf}" for leaf in ("ack", REPLIES, command_leaf("+"))]
    return [*reads, *writes, *(f"topic readwrite {ROOT}/+/{leaf}" for leaf in ("status", REPORTED, DESIRED))]
