"""Which of the things on the disk give way, in what order, and by which rule. Pure: it deletes nothing.

Age is by order of making. The wall clock only says how old something is in days, and only where it can be believed: a
thing is taken for no older than the newest that was made before it, and one that was made under a clock nobody trusted
for no older than the next that was made under a trusted one. So a clock that leaps makes things stay longer, never go
sooner.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edge.core.clock import Stamp
from edge.core.sizes import said_bytes
from edge.core.stash import Holding
from edge.recording.retention.settings import KINDS, RetentionSettings

_DAY_MS: Final = 86_400_000
DISK: Final = "the disk ran short"


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies on the disk at one moment: holdings and used bytes of each stash, and what the disk has left."""

    holdings: Sequence[Sequence[Holding]] = ()
    used: Sequence[int] = ()
    free: int = 0


@dataclass(frozen=True, slots=True)
class Victim:
    """One that gives way: its `holding.why` says why. `stash` is the position of its stash."""

    stash: int
    holding: Holding


@dataclass(frozen=True, slots=True)
class _Aged:
    stash: int
    holding: Holding
    since_ms: int
    """It was made no later than this, or so long ago that nobody can say."""


@dataclass(slots=True)
class _Choice:
    victims: dict[tuple[int, str], Victim] = field(default_factory=dict)
    size_bytes: int = 0

    def take(self, one: _Aged, why: str) -> None:
        self.victims[one.stash, one.holding.id] = Victim(one.stash, replace(one.holding, why=why))
        self.size_bytes += one.holding.size_bytes

    def rest(self, things: Iterable[_Aged]) -> Iterator[_Aged]:
        return (one for one in things if (one.stash, one.holding.id) not in self.victims)


def choose(survey: Survey, settings: RetentionSettings, now: Stamp, *, margin_bytes: int = 0) -> list[Victim]:
    """Everything that has to go, what is worth least first. With `margin_bytes` more of the disk is made free.

    First what had begun to go, then what is too old, then each class down to its budget, then everything down to the
    total and the reserve.
    """
    if _is_calm(survey, settings, margin_bytes):
        return []
    things = sorted(_aged(survey, now), key=_by_worth)
    choice = _Choice()
    for one in things:
        if one.holding.why:
            choice.take(one, one.holding.why)
    if now.trusted:
        _by_days(things, settings, now, choice)
    for kind in KINDS:
        _by_class(kind, things, settings, choice)
    _by_total(survey, things, settings, choice, margin_bytes)
    return list(choice.victims.values())


def short_bytes(survey: Survey, settings: RetentionSettings, margin_bytes: int = 0) -> int:
    """What is over the total, or missing of the reserve and the margin."""
    return max(0, settings.reserve_bytes + margin_bytes - survey.free, sum(survey.used) - settings.max_bytes)


def sizes_of(survey: Survey) -> dict[str, int]:
    """Bytes of each class."""
    sizes = dict.fromkeys(KINDS, 0)
    for holdings in survey.holdings:
        for one in holdings:
            sizes[one.kind] = sizes.get(one.kind, 0) + one.size_bytes
    return sizes


def in_order(holdings: Iterable[Holding], now: Stamp) -> list[tuple[Holding, int]]:
    """One stash's things as they were made, each with the moment (ms) before which it was surely made."""
    ordered = sorted(holdings, key=lambda one: (one.order, one.made_ms, one.id))
    moments, newest = [], 0
    for one in ordered:
        if one.trusted and one.made_ms <= now.wall_ms:
            newest = max(newest, one.made_ms)
            moments.append(newest)
        else:
            moments.append(-1)
    following = now.wall_ms
    for at in reversed(range(len(moments))):
        following = moments[at] = moments[at] if moments[at] >= 0 else following
    return list(zip(ordered, moments, strict=True))


def _is_calm(survey: Survey, settings: RetentionSettings, margin_bytes: int) -> bool:
    """Whether nothing has to go, as can be told without sorting everything."""
    budgets = {kind: settings.budget(kind) for kind in KINDS}
    if settings.max_days or any(budget.max_days for budget in budgets.values()):
        return False
    if short_bytes(survey, settings, margin_bytes) or any(one.why for stash in survey.holdings for one in stash):
        return False
    sizes = sizes_of(survey)
    return all(sizes[kind] <= (budget.max_bytes or sizes[kind]) for kind, budget in budgets.items())


def _aged(survey: Survey, now: Stamp) -> Iterator[_Aged]:
    for stash, holdings in enumerate(survey.holdings):
        for holding, since_ms in in_order(holdings, now):
            yield _Aged(stash, holding, since_ms)


def _by_worth(one: _Aged) -> tuple[int, int, int, str]:
    return one.holding.worth, one.since_ms, one.holding.order, one.holding.id


def _by_days(things: list[_Aged], settings: RetentionSettings, now: Stamp, choice: _Choice) -> None:
    for one in choice.rest(things):
        kind = one.holding.kind
        limits = [days for days in (settings.budget(kind).max_days, settings.max_days) if days]
        if limits and now.wall_ms - one.since_ms > min(limits) * _DAY_MS:
            choice.take(one, f"{kind} is kept for {min(limits):g} days")


def _by_class(kind: str, things: list[_Aged], settings: RetentionSettings, choice: _Choice) -> None:
    most = settings.budget(kind).max_bytes
    if not most:
        return
    left = [one for one in choice.rest(things) if one.holding.kind == kind]
    size_bytes = sum(one.holding.size_bytes for one in left)
    for one in left:
        if size_bytes <= most:
            return
        size_bytes -= one.holding.size_bytes
        choice.take(one, f"{kind} may take {said_bytes(most)}")


def _by_total(
    survey: Survey, things: list[_Aged], settings: RetentionSettings, choice: _Choice, margin_bytes: int
) -> None:
    used = sum(survey.used)
    for one in choice.rest(things):
        if survey.free + choice.size_bytes < settings.reserve_bytes + margin_bytes:
            choice.take(one, DISK)
        elif used - choice.size_bytes > settings.max_bytes:
            choice.take(one, f"everything may take {said_bytes(settings.max_bytes)}")
        else:
            return
