"""How the appliance reaches its broker and its object storage."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

_MIB = 1 << 20


class BrokerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MQTT broker that carries records to the cloud."""

    enabled: Annotated[bool, Meta(description="Whether records are sent at all; they are kept in any case.")] = True
    host: Annotated[str, Meta(min_length=1, max_length=255, description="Name or address of the broker.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535, description="TCP port; by custom 1883, with TLS 8883.")] = 1883
    version: Annotated[
        Literal["auto", "5", "3.1.1"],
        Meta(description="Version of MQTT; `auto` tries 5, then 3.1.1 where the broker does not know it."),
    ] = "auto"
    tls: Annotated[bool, Meta(description="Whether to speak TLS and check the broker's certificate and name.")] = False
    ca_file: Annotated[
        str, Meta(max_length=4096, description="PEM file of the authority to trust; empty trusts the system's.")
    ] = ""
    identity: Annotated[
        bool,
        Meta(
            description="Whether, with tls, to show the certificate that the device enrolled for, where there is one, "
            "and to trust its authority where ca_file names no other."
        ),
    ] = True
    client_certificate: Annotated[
        str,
        Meta(max_length=4096, description="PEM file of another certificate to show instead; empty shows the device's."),
    ] = ""
    client_key: Annotated[
        str,
        Meta(max_length=4096, description="PEM file of its private key; empty if it lies in client_certificate too."),
    ] = ""
    username: Annotated[str, Meta(max_length=256, description="Name to sign in with; empty signs in without.")] = ""
    password_secret: Annotated[
        str, Meta(max_length=64, description="Name of the secret that holds the password; empty for none.")
    ] = ""
    client_id: Annotated[
        str, Meta(max_length=64, description="MQTT client id, unique at the broker; empty takes the device's name.")
    ] = ""
    keepalive_s: Annotated[
        int, Meta(ge=5, le=3600, description="Seconds of silence after which a ping proves the connection.")
    ] = 30
    connect_timeout_s: Annotated[
        float, Meta(ge=0.5, le=60, description="Seconds to wait for the broker to answer at all.")
    ] = 10.0
    session_expiry_s: Annotated[
        int, Meta(ge=0, le=4_294_967_295, description="Seconds that the broker keeps our session while we are away.")
    ] = 604_800
    window_records: Annotated[
        int, Meta(ge=1, le=1000, description="Records on their way at most, sent and not yet acknowledged.")
    ] = 500
    ack: Annotated[
        Literal["cloud", "broker"],
        Meta(description="Who must have a record before it is forgotten: the cloud's database, or only the broker."),
    ] = "cloud"
    resend_after_s: Annotated[
        float, Meta(ge=0.5, le=3600, description="Seconds without any acknowledgement until the oldest are sent again.")
    ] = 30.0


NO_BROKER: Final = BrokerSettings()
"""Of an appliance to which nobody named a broker: this very object. It tries the one of its own machine."""


class FolderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="folder"):
    """A folder as object storage: a mounted share, or the local cloud's."""

    path: Annotated[
        str, Meta(max_length=4096, description="The folder; empty takes `objects` in the state folder.")
    ] = ""
    mounted: Annotated[
        bool,
        Meta(
            description="Whether it must be on another mount than the system's: an empty mount point there stays empty."
        ),
    ] = False
    part_size_bytes: Annotated[
        int, Meta(ge=65_536, le=1024 * _MIB, description="Bytes written between two points of resumption.")
    ] = 8 * _MIB


class S3Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="s3"):
    """A bucket of S3 or of what speaks it."""

    bucket: Annotated[str, Meta(min_length=3, max_length=63, description="Name of the bucket; it must exist.")]
    endpoint: Annotated[
        str, Meta(max_length=2048, description="URL of the service; empty takes AWS's for the region.")
    ] = ""
    region: Annotated[str, Meta(min_length=1, max_length=64, description="Region to sign for.")] = "us-east-1"
    prefix: Annotated[
        str, Meta(max_length=512, description="Put before every key, for a bucket that is shared; usually empty.")
    ] = ""
    path_style: Annotated[
        bool, Meta(description="Whether the bucket stands in the URL's path rather than in the host's name.")
    ] = True
    verify: Annotated[bool, Meta(description="Whether to check the service's certificate and name.")] = True
    ca_file: Annotated[
        str, Meta(max_length=4096, description="PEM file of the authority to trust; empty trusts the system's.")
    ] = ""
    access_key_secret: Annotated[
        str, Meta(max_length=64, description="Name of the secret with the access key; empty uses the AWS chain.")
    ] = ""
    secret_key_secret: Annotated[
        str, Meta(max_length=64, description="Name of the secret with the secret key; empty uses the AWS chain.")
    ] = ""
    part_size_bytes: Annotated[
        int, Meta(ge=5 * _MIB, le=1024 * _MIB, description="Bytes of one part; a smaller file is sent in one piece.")
    ] = 8 * _MIB
    timeout_s: Annotated[
        float, Meta(ge=1, le=600, description="Seconds of silence after which a transfer counts as failed.")
    ] = 60.0

    def __post_init__(self) -> None:
        """One key without the other signs nothing."""
        if bool(self.access_key_secret) != bool(self.secret_key_secret):
            raise ValueError("access_key_secret and secret_key_secret belong together: set both or neither")


class CloudSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="cloud"):
    """The cloud's bucket, without credentials here: the cloud signs an address for each piece, asked for by MQTT."""

    answer_timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Seconds to wait for the cloud's answer before it is asked once more.")
    ] = 10.0
    verify: Annotated[bool, Meta(description="Whether to check the service's certificate and name.")] = True
    ca_file: Annotated[
        str, Meta(max_length=4096, description="PEM file of the authority to trust; empty trusts the system's.")
    ] = ""
    part_size_bytes: Annotated[
        int, Meta(ge=5 * _MIB, le=1024 * _MIB, description="Bytes of one part; a smaller file is sent in one piece.")
    ] = 8 * _MIB
    timeout_s: Annotated[
        float, Meta(ge=1, le=600, description="Seconds of silence after which a transfer counts as failed.")
    ] = 60.0


class OffSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="off"):
    """No object storage: recordings stay on the device until its spool needs their room."""


ObjectsSettings = FolderSettings | S3Settings | CloudSettings | OffSettings
