"""As whom the device speaks to the broker: what it shows to be let in, and the word that it is there, or is not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract.codec import encode
from contract.messages import Status
from contract.times import to_wire
from contract.topics import REPLIES, topic
from edge.core.clock import Clock
from edge.core.secrets import read_secret
from edge.identity.folder import IdentityFolder
from edge.sync.connection import Identity
from edge.sync.settings import BrokerSettings
from edge.sync.tls import what_to_show


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Of this run of a device."""

    settings: BrokerSettings
    device: str
    boot: str
    clock: Clock
    software: str
    secrets_dir: Path
    identity_dir: Path | None

    @property
    def enrolled(self) -> bool:
        """Whether a cloud took the device in once, whatever the settings say of a broker."""
        return bool(self.identity_dir and IdentityFolder(self.identity_dir).enrolled)

    def identity(self) -> Identity:
        """What is shown at a connection that begins now. Raise `SecretMissingError` or `IdentityDamagedError`."""
        secret = self.settings.password_secret
        return Identity(
            client_id=self.settings.client_id or self.device,
            password=read_secret(secret, self.secrets_dir) if secret else None,
            status_topic=topic(self.device, "status"),
            ack_topic=topic(self.device, "ack"),
            reply_topic=topic(self.device, REPLIES),
            will=self.status("offline"),
            shown=what_to_show(self.settings, self.identity_dir),
        )

    def status(self, state: Literal["online", "offline"]) -> bytes:
        """The payload that says so."""
        now = self.clock.now()
        return encode(
            Status(
                device=self.device,
                state=state,
                boot=self.boot,
                t=to_wire(now.wall_ms),
                clock="trusted" if now.trusted else "untrusted",
                software=self.software,
            )
        )
