"""Settings of the database."""

from typing import Annotated

from msgspec import Meta, Struct


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which database, and how much of what could not be read is kept."""

    database_url: Annotated[
        str,
        Meta(
            pattern=r"^$|^sqlite:|^postgresql:",
            description="Database: sqlite:///path/cloud.db or postgresql://user@host:5432/name; "
            "empty means cloud.db in the state folder.",
        ),
    ] = ""
    password_secret: Annotated[
        str, Meta(description="Name of the secret with the PostgreSQL password; empty if none is needed.")
    ] = ""
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Connections kept open to the database, in number.")] = 5
    rejected_limit: Annotated[
        int, Meta(ge=10, le=1_000_000, description="Unreadable messages kept for inspection, in number; older ones go.")
    ] = 1000
