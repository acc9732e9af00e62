"""Settings of object storage, section `[objects]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class ObjectsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the recordings that devices upload can be read."""

    kind: Annotated[
        Literal["folder", "s3"], Meta(description="folder: a directory of this machine; s3: S3 or what speaks it.")
    ] = "folder"
    folder: Annotated[
        str, Meta(max_length=4096, description="Directory of the recordings; empty means objects in the state folder.")
    ] = ""
    bucket: Annotated[str, Meta(max_length=255, description="Name of the bucket, for s3.")] = "afferent"
    endpoint_url: Annotated[
        str, Meta(max_length=2048, description="Address of the S3 server; empty means Amazon's own of the region.")
    ] = ""
    region: Annotated[str, Meta(max_length=64, description="Region of the bucket.")] = "us-east-1"
    ca_file: Annotated[
        str, Meta(max_length=4096, description="Path of the PEM certificates to trust; empty means the system's own.")
    ] = ""
    access_key_secret: Annotated[
        str, Meta(description="Name of the secret with the access key id; empty leaves it to the SDK's own places.")
    ] = ""
    secret_key_secret: Annotated[
        str, Meta(description="Name of the secret with the secret access key; empty leaves it to the SDK's own places.")
    ] = ""
    timeout_s: Annotated[
        float, Meta(ge=1, le=300, description="Seconds to wait for the server to connect or to answer.")
    ] = 10.0
    redirect: Annotated[
        bool,
        Meta(description="Send players straight to the bucket by a signed link instead of passing the video through."),
    ] = False
    link_s: Annotated[int, Meta(ge=30, le=604_800, description="Seconds for which a signed link is valid.")] = 900
