"""Settings of the authority that certifies devices and servers, section `[trust]`."""

from typing import Annotated

from msgspec import Meta, Struct


class TrustSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the authority's key lies, how long what it signs holds, and which broker devices are sent to."""

    folder: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder of the authority's key, certificate and list of what is revoked; empty means "
            "`authority` in the state folder.",
        ),
    ] = ""
    device_days: Annotated[
        float,
        Meta(ge=1 / 1440, le=825, description="Days that a device's certificate holds; it is renewed at two thirds."),
    ] = 90
    server_days: Annotated[float, Meta(ge=1 / 1440, le=825, description="Days that a server's certificate holds.")] = (
        365
    )
    grace_days: Annotated[
        float,
        Meta(
            ge=0,
            le=365,
            description="Days after its end in which a certificate that is not revoked still buys the next one.",
        ),
    ] = 30
    token_hours: Annotated[
        float, Meta(ge=1 / 60, le=720, description="Hours after which an unused enrolment token dies.")
    ] = 24
    broker_host: Annotated[
        str,
        Meta(max_length=255, description="Name of the broker as devices reach it, told to them as they enrol."),
    ] = ""
    broker_port: Annotated[int, Meta(ge=1, le=65_535, description="TCP port of that broker, with TLS.")] = 8883
