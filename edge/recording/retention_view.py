"""What retention knows, as everybody else is told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.clock import Stamp
from edge.core.stash import Holding, Worth
from edge.core.storage_view import ClassView, EvictionView, StashView, StorageView, WearView
from edge.recording.retention_pace import Pace
from edge.recording.retention_policy import Survey, in_order
from edge.recording.retention_settings import KINDS, RetentionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the service counts itself."""

    short: int
    ballast: int
    lost: int
    taken: list[EvictionView]
    wear: WearView | None


def sizes_of(survey: Survey) -> dict[str, int]:
    """Bytes of each class."""
    sizes = dict.fromkeys(KINDS, 0)
    for holding in _all(survey):
        sizes[holding.kind] = sizes.get(holding.kind, 0) + holding.size_bytes
    return sizes


def view_of(
    names: Sequence[str], survey: Survey, settings: RetentionSettings, pace: Pace, *, now: Stamp, figures: Figures
) -> StorageView:
    """The whole view. What lasts how long follows from the room that is left and the pace of late."""
    used = sum(survey.used)
    left = min(settings.max_bytes - used, survey.free - settings.reserve_bytes)
    since = {id(holding): since_ms for stash in survey.holdings for holding, since_ms in in_order(stash, now)}
    first = min(_all(survey), key=lambda one: (one.worth, since[id(one)]), default=None)
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
        horizon_s=pace.lasts_s(max(0, left) + (first.size_bytes if first else 0)),
        kept_s=pace.lasts_s(_room(survey, settings)),
        stashes=[
            StashView(name=name, used_bytes=size, holdings=len(holdings))
            for name, size, holdings in zip(names, survey.used, survey.holdings, strict=False)
        ],
        classes=[_class_of(kind, survey, settings, pace, since) for kind in KINDS],
        evictions=figures.taken,
        lost=figures.lost,
        wear=figures.wear,
    )


def _class_of(kind: str, survey: Survey, settings: RetentionSettings, pace: Pace, since: dict[int, int]) -> ClassView:
    budget = settings.budget(kind)
    things = [one for one in _all(survey) if one.kind == kind]
    size_bytes = sum(one.size_bytes for one in things)
    others = sum(survey.used) - size_bytes
    room = min(budget.max_bytes or settings.max_bytes, _room(survey, settings) - others)
    kept_s = pace.lasts_s(room, kind)
    days = [limit for limit in (budget.max_days, settings.max_days) if limit]
    return ClassView(
        kind=kind,
        size_bytes=size_bytes,
        count=len(things),
        unsent_bytes=sum(one.size_bytes for one in things if one.worth is not Worth.UPLOADED),
        max_bytes=budget.max_bytes,
        max_days=budget.max_days,
        oldest_ms=min((since[id(one)] for one in things), default=None),
        bytes_per_hour=round(pace.per_hour(kind)),
        kept_s=min([kept_s, *(limit * 86_400 for limit in days)]) if kept_s is not None else None,
    )


def _room(survey: Survey, settings: RetentionSettings) -> int:
    """What everything may take on this disk: the total, or less where the disk has less beside its reserve."""
    used = sum(survey.used)
    return min(settings.max_bytes, max(0, used + survey.free - settings.reserve_bytes))


def _all(survey: Survey) -> Iterable[Holding]:
    return (holding for stash in survey.holdings for holding in stash)
