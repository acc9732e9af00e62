"""Settings of the broker's consumer, section `[broker]`."""

from typing import Annotated

from msgspec import Meta, Struct


class BrokerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which MQTT broker the devices publish to, and how much is taken from it at once."""

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Name or address of the MQTT broker.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port of the broker; 8883 is usual with TLS.")] = 1883
    tls: Annotated[bool, Meta(description="Speak TLS to the broker and verify its certificate.")] = False
    ca_file: Annotated[
        str, Meta(max_length=4096, description="Path of the PEM certificates to trust; empty means the system's own.")
    ] = ""
    certificate_file: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Path of the PEM certificate that is shown to a broker that asks for one; empty shows none.",
        ),
    ] = ""
    key_file: Annotated[
        str, Meta(max_length=4096, description="Path of the PEM private key that belongs to certificate_file.")
    ] = ""
    username: Annotated[
        str, Meta(max_length=255, description="User name to sign in to the broker with; empty signs in without.")
    ] = ""
    password_secret: Annotated[
        str, Meta(description="Name of the secret with the broker's password; empty if none is needed.")
    ] = ""
    client_id: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="Fixed client id, under which the broker keeps our session; each ingest process needs its own.",
        ),
    ] = "afferent-cloud"
    shared_group: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9._-]{0,64}$",
            description="Group of ingest processes that share the messages; empty takes every message oneself.",
        ),
    ] = "ingest"
    keepalive_s: Annotated[
        int, Meta(ge=5, le=1200, description="Seconds of silence after which the connection is probed.")
    ] = 30
    session_expiry_s: Annotated[
        int, Meta(ge=60, le=31_536_000, description="Seconds for which the broker keeps our session while we are away.")
    ] = 604_800
    receive_maximum: Annotated[
        int, Meta(ge=1, le=65_535, description="Messages taken from the broker but not yet acked, in number (MQTT 5).")
    ] = 1000
    batch_records: Annotated[int, Meta(ge=1, le=5000, description="Records stored in one commit, at most.")] = 500
    ack_interval_ms: Annotated[
        int, Meta(ge=0, le=5000, description="Least time between two acks to one device, in milliseconds.")
    ] = 50
    send_every_ms: Annotated[
        int,
        Meta(
            ge=50,
            le=60_000,
            description="Time between two looks for what is to be sent to devices, in milliseconds.",
        ),
    ] = 1000
    send_again_s: Annotated[
        int,
        Meta(
            ge=5,
            le=86_400,
            description="Seconds after which a command that has not ended, or a desired state that was not seen, is "
            "sent to its device again.",
        ),
    ] = 300
    embedded: Annotated[
        bool, Meta(description="Run a small broker in this process, on loopback only: for one machine and for trying.")
    ] = False
