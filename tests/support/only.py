"""The setting `ONLY` of the commands that measure: some of their parts, by name."""

import os
from collections.abc import Collection


def wanted_parts(known: Collection[str]) -> list[str]:
    """Those that `ONLY` names, in its order; all where it is not set or empty.

    Raises `ValueError`, which says what may be named, on a name that is none.
    """
    named = [part.strip() for part in os.environ.get("ONLY", "").split(",") if part.strip()]
    unknown = [part for part in named if part not in known]
    if unknown:
        raise ValueError(f"ONLY={','.join(unknown)}: expected some of {', '.join(known)}")
    return named or list(known)
