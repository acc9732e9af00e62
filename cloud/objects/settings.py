"""Settings of object storage, section `[objects]`: the same words as the device uses for it."""

from typing import Annotated

from msgspec import Meta, Struct


class FolderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="folder"):
    """A folder as object storage: one that the devices write to."""

    path: Annotated[
        str, Meta(max_length=4096, description="The folder; empty takes `objects` in the state folder.")
    ] = ""


class S3Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="s3"):
    """A bucket of S3 or of what speaks it."""

    bucket: Annotated[str, Meta(min_length=3, max_length=63, description="Name of the bucket; it must exist.")]
    endpoint: Annotated[
        str, Meta(max_length=2048, description="URL of the service; empty takes AWS's for the region.")
    ] = ""
    public_endpoint: Annotated[
        str,
        Meta(max_length=2048, description="URL at which devices reach the service; empty if it is `endpoint` too."),
    ] = ""
    sign_s: Annotated[
        int,
        Meta(ge=60, le=604_800, description="Seconds for which an address signed for a device to send to is valid."),
    ] = 900
    abandoned_days: Annotated[
        int, Meta(ge=1, le=3650, description="Days after which an upload that a device left behind is aborted.")
    ] = 30
    region: Annotated[str, Meta(min_length=1, max_length=64, description="Region to sign for.")] = "us-east-1"
    prefix: Annotated[
        str,
        Meta(max_length=512, description="Put before every key, for a bucket that is shared; as the devices have it."),
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
    timeout_s: Annotated[
        float, Meta(ge=1, le=300, description="Seconds of silence after which the service counts as away.")
    ] = 10.0
    redirect: Annotated[
        bool,
        Meta(description="Send players straight to the bucket by a signed link instead of passing the video through."),
    ] = False
    link_s: Annotated[int, Meta(ge=30, le=604_800, description="Seconds for which a signed link is valid.")] = 900

    def __post_init__(self) -> None:
        """One key without the other signs nothing."""
        if bool(self.access_key_secret) != bool(self.secret_key_secret):
            raise ValueError("access_key_secret and secret_key_secret belong together: set both or neither")


ObjectsSettings = FolderSettings | S3Settings
