"""What can be set about how long things stay on the disk."""

from typing import Annotated, Final

from msgspec import Meta, Struct

KINDS: Final = ("continuous", "event", "manual", "session", "collected", "timelapse", "samples")
"""Classes with a budget of their own."""


class ClassBudget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one class of things may take beside the total."""

    max_bytes: Annotated[
        int, Meta(ge=0, le=2**50, description="Most disk of this class, in bytes; 0 for no limit.")
    ] = 0
    max_days: Annotated[
        float, Meta(ge=0, le=36_500, description="Days that something of this class is kept; 0 for no limit.")
    ] = 0.0


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[retention]` table: how much disk everything that was recorded may take, and how long it stays."""

    max_bytes: Annotated[
        int, Meta(ge=2**20, le=2**50, description="Most disk that everything together may take, in bytes.")
    ] = 8 * 2**30
    max_days: Annotated[
        float, Meta(ge=0, le=36_500, description="Days that anything is kept at most; 0 for no limit.")
    ] = 0.0
    reserve_bytes: Annotated[
        int, Meta(ge=0, le=2**50, description="Disk space to leave free for everything else, in bytes.")
    ] = 512 * 2**20
    ballast_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=2**30,
            description="Disk space held ready so that alarms can be written when others filled the disk, in bytes.",
        ),
    ] = 8 * 2**20
    continuous: ClassBudget = ClassBudget()
    event: ClassBudget = ClassBudget()
    manual: ClassBudget = ClassBudget()
    session: ClassBudget = ClassBudget()
    collected: ClassBudget = ClassBudget()
    timelapse: ClassBudget = ClassBudget()
    samples: ClassBudget = ClassBudget()

    def budget(self, kind: str) -> ClassBudget:
        """The budget of a class; one without limits for a class that has none of its own."""
        found: ClassBudget = getattr(self, kind) if kind in KINDS else ClassBudget()
        return found
