"""What may be asked from afar of how long things are kept: less than before, but never that all of it goes at once.

What retention deletes nobody brings back, and some of it is nowhere else. Whoever sits in the cloud unbidden shall at
least need a day, in which somebody may notice.
"""

from typing import Final

from edge.daemon.remote.overlay import ROOT, SettingRefusedError
from edge.recording.retention.settings import KINDS, ClassBudget, RetentionSettings

LEAST_DAYS: Final = 1.0
LEAST_BYTES: Final = 2**30
_OWN: Final = ("reserve_bytes", "ballast_bytes")
"""Room for others: as much as is asked for is taken from what is kept."""


def check_keeping(own: RetentionSettings, wanted: RetentionSettings) -> None:
    """Raise `SettingRefusedError` where `wanted` keeps less than a day or 1 GiB, unless `own`, the device's, does."""
    for name in _OWN:
        if getattr(wanted, name) > getattr(own, name):
            raise SettingRefusedError(f"{ROOT}.retention.{name}", "is made larger on the device alone")
    _check_budget(own, wanted, "")
    for kind in KINDS:
        _check_budget(own.budget(kind), wanted.budget(kind), f".{kind}")


def _check_budget(own: RetentionSettings | ClassBudget, wanted: RetentionSettings | ClassBudget, place: str) -> None:
    for name, least in (("max_days", LEAST_DAYS), ("max_bytes", LEAST_BYTES)):
        before, after = getattr(own, name), getattr(wanted, name)
        if 0 < after < min(least, before or least):
            reason = f"from afar nothing below {least:g} is taken, or below what the device's own file says"
            raise SettingRefusedError(f"{ROOT}.retention{place}.{name}", reason)
