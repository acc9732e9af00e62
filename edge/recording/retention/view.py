"""What retention knows, as everybody else is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.clock import Stamp
from edge.core.stash import Holding, Worth
from edge.core.storage_view import ClassView, EvictionView, StashView, StorageView, WearView
from edge.recording.retention.pace import Pace
from edge.recording.retention.policy import Survey, in_order
from edge.recording.retention.settings import KINDS, RetentionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the service counts itself."""

    short: int
    ballast: int
    lost: int
    taken: list[EvictionView]
    wear: WearView | None


def view_of(
    names: Sequence[str], survey: Survey, settings: RetentionSettings, pace: Pace, *, now: Stamp, figures: Figures
) -> StorageView:
    """The whole view. What lasts how long follows from the room that is left and the pace of late."""
    used = sum(survey.used)
    left = min(settings.max_bytes - used, survey.free - settings.reserve_bytes)
    aged = [one for stash in survey.holdings for one in in_order(stash, now)]
    first = min(aged, key=lambda one: (one[0].worth, one[1]), default=None)
    by_kind: dict[str, list[tuple[Holding, int]]] = {kind: [] for kind in KINDS}
    for one in aged:
        by_kind.setdefault(one[0].kind, []).append(one)
    return StorageView(
        t_ms=now.wall_ms,
        used_bytes=used,
        max_bytes=settings.max_bytes,
        max_days=settings.max_days,
        free_bytes=survey.free,
        reserve_bytes=settings.reserve_bytes,
        ballast_bytes=figures.ballast,
        room=not figures.short,
        short_bytes=figures.short,
        bytes_per_hour=round(pace.per_hour()),
        horizon_s=pace.lasts_s(max(0, left) + (first[0].size_bytes if first else 0)),
        kept_s=pace.lasts_s(_room(survey, settings)),
        stashes=[
            StashView(name=name, used_bytes=size, holdings=len(holdings))
            for name, size, holdings in zip(names, survey.used, survey.holdings, strict=False)
        ],
        classes=[_class_of(kind, things, survey, settings, pace) for kind, things in by_kind.items()],
        evictions=figures.taken,
        lost=figures.lost,
        wear=figures.wear,
    )


def _class_of(
    kind: str, things: list[tuple[Holding, int]], survey: Survey, settings: RetentionSettings, pace: Pace
) -> ClassView:
    """One class; `things` are its holdings, each with the moment before which it was made."""
    budget = settings.budget(kind)
    size_bytes = sum(one.size_bytes for one, _ in things)
    others = sum(survey.used) - size_bytes
    room = min(budget.max_bytes or settings.max_bytes, _room(survey, settings) - others)
    kept_s = pace.lasts_s(room, kind)
    days = [limit for limit in (budget.max_days, settings.max_days) if limit]
    return ClassView(
        kind=kind,
        size_bytes=size_bytes,
        count=len(things),
        unsent_bytes=sum(one.size_bytes for one, _ in things if one.worth is not Worth.UPLOADED),
        max_bytes=budget.max_bytes,
        max_days=budget.max_days,
        oldest_ms=min((one.made_ms for one, _ in things), default=None),
        bytes_per_hour=round(pace.per_hour(kind)),
        kept_s=min([kept_s, *(limit * 86_400 for limit in days)]) if kept_s is not None else None,
    )


def _room(survey: Survey, settings: RetentionSettings) -> int:
    """What everything may take on this disk: the total, or less where the disk has less beside its reserve."""
    used = sum(survey.used)
    return min(settings.max_bytes, max(0, used + survey.free - settings.reserve_bytes))
