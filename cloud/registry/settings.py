"""Settings of the models held here, section `[models]`."""

from typing import Annotated

from msgspec import Meta, Struct


class RegistrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where models lie."""

    folder: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder of models with their manifests; empty takes `models` in state_dir.",
        ),
    ] = ""
