"""Settings of the device's own certificate, section `[identity]`."""

from typing import Annotated

from msgspec import Meta, Struct


class IdentitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the certificate is renewed, and when somebody is warned that it was not."""

    cloud: Annotated[
        str,
        Meta(
            max_length=2048,
            pattern=r"^$|^https://",
            description="Address of the cloud's API, https://host:port; empty takes the one it enrolled at.",
        ),
    ] = ""
    ca_file: Annotated[
        str,
        Meta(
            max_length=4096,
            description="PEM file of the authority that vouches for the cloud's web server; empty takes the authority "
            "that the device enrolled with.",
        ),
    ] = ""
    warn_days: Annotated[
        float,
        Meta(ge=0, le=365, description="Days before the certificate's end from which its health is degraded."),
    ] = 14
    timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Seconds of silence after which an attempt to renew has failed.")
    ] = 20
