"""What gives way, in what order and by which rule; how the days are counted when the clock cannot be believed."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.clock import Stamp
from edge.core.sizes import said_bytes
from edge.core.stash import Holding, Worth
from edge.recording.retention.policy import DISK, Survey, choose, in_order
from edge.recording.retention.settings import ClassBudget, RetentionSettings

DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000
NOW = Stamp(10**12, NOW_MS, trusted=True)
OPEN = RetentionSettings(max_bytes=2**40, reserve_bytes=0)


def thing(
    name: str,
    *,
    age_days: float = 0,
    kind: str = "event",
    worth: Worth = Worth.EVENT_VIDEO,
    size: int = 10,
    **more: object,
) -> Holding:
    """A holding made so long ago."""
    made_ms = int(NOW_MS - age_days * DAY_MS)
    given_: dict[str, object] = {"order": made_ms, "made_ms": made_ms} | more
    return Holding(id=name, kind=kind, worth=worth, size_bytes=size, **given_)  # type: ignore[arg-type]


def survey(*stashes: list[Holding], free: int = 2**40) -> Survey:
    """A disk on which nothing else lies."""
    return Survey(stashes, [sum(one.size_bytes for one in stash) for stash in stashes], free)


def gone(disk: Survey, settings: RetentionSettings, now: Stamp = NOW) -> list[tuple[str, str]]:
    """`(id, why)` of everything that has to go."""
    return [(one.holding.id, one.holding.why) for one in choose(disk, settings, now)]


def test_across_stashes_what_is_worth_least_goes_first_then_the_oldest() -> None:
    """The design's order: uploaded, plain video, samples, video with an event."""
    recordings = [
        thing("event", age_days=9),
        thing("plain", age_days=1, kind="continuous", worth=Worth.PLAIN_VIDEO),
        thing("sent-new", age_days=1, worth=Worth.UPLOADED),
    ]
    sessions = [
        thing("samples", age_days=8, kind="samples", worth=Worth.SAMPLES),
        thing("sent-old", age_days=2, kind="session", worth=Worth.UPLOADED),
    ]
    order = ["sent-old", "sent-new", "plain", "samples", "event"]
    for many in range(6):
        disk = survey(recordings, sessions, free=100 - many * 10)
        settings = RetentionSettings(max_bytes=2**40, reserve_bytes=100)
        assert gone(disk, settings) == [(name, DISK) for name in order[:many]]


def test_each_class_has_bytes_and_days_of_its_own_and_the_rule_is_named() -> None:
    disk = survey(
        [
            thing("c-old", age_days=3, kind="continuous", worth=Worth.PLAIN_VIDEO),
            thing("c-new", age_days=0.5, kind="continuous", worth=Worth.PLAIN_VIDEO),
            thing("c-newest", age_days=0.1, kind="continuous", worth=Worth.PLAIN_VIDEO),
            thing("e-old", age_days=3),
            thing("e-older", age_days=31),
        ]
    )
    settings = RetentionSettings(
        max_bytes=2**40,
        reserve_bytes=0,
        max_days=30,
        continuous=ClassBudget(max_bytes=10, max_days=2),
    )
    assert gone(disk, settings) == [
        ("c-old", "continuous is kept for 2 days"),
        ("e-older", "event is kept for 30 days"),
        ("c-new", "continuous may take 10 bytes"),
    ]


def test_the_total_counts_what_still_grows() -> None:
    disk = Survey([[thing("old", age_days=1), thing("new")]], [2**20 + 15], 2**40)
    settings = RetentionSettings(max_bytes=2**20, reserve_bytes=0)
    assert gone(disk, settings) == [(name, f"everything may take {said_bytes(2**20)}") for name in ("old", "new")]


def test_a_clock_that_nobody_trusts_expires_nothing() -> None:
    disk = survey([thing("old", age_days=400)])
    settings = RetentionSettings(max_bytes=2**40, reserve_bytes=0, max_days=1)
    assert gone(disk, settings, Stamp(1, NOW_MS, trusted=False)) == []
    assert [name for name, _ in gone(disk, settings)] == ["old"]


def test_what_was_made_under_a_wrong_clock_is_as_old_as_the_next_that_was_not() -> None:
    """Made in 1970, as a host without a clock has it, half a day ago."""
    wrong = [thing(f"wrong-{n}", order=n, made_ms=n * 1000, trusted=False) for n in (1, 2)]
    right = thing("right", order=3, made_ms=NOW_MS - DAY_MS // 2)
    settings = RetentionSettings(max_bytes=2**40, reserve_bytes=0, max_days=1)
    assert gone(survey([*wrong, right]), settings) == []
    later = Stamp(1, NOW_MS + DAY_MS, trusted=True)
    assert [name for name, _ in gone(survey([*wrong, right]), settings, later)] == ["wrong-1", "wrong-2", "right"]
    assert gone(survey(wrong), settings) == [], "nobody knows how old those are"


def test_a_leap_back_makes_nothing_older_and_a_leap_forward_nothing_younger_for_ever() -> None:
    back = thing("back", order=2, made_ms=NOW_MS - 300 * DAY_MS)
    ahead = thing("ahead", order=3, made_ms=NOW_MS + 300 * DAY_MS)
    settings = RetentionSettings(max_bytes=2**40, reserve_bytes=0, max_days=1)
    disk = survey([thing("first", order=1, made_ms=NOW_MS - DAY_MS // 2), back, ahead])
    assert gone(disk, settings) == []
    assert [name for name, _ in gone(disk, settings, Stamp(1, NOW_MS + DAY_MS, trusted=True))] == ["first", "back"]


def test_what_was_begun_goes_on_at_once() -> None:
    assert gone(survey([thing("begun", why="an older rule")]), OPEN) == [("begun", "an older rule")]


_things = st.lists(
    st.builds(
        lambda name, age, kind, worth, size, trusted: thing(
            name, age_days=age, kind=kind, worth=worth, size=size, trusted=trusted
        ),
        st.uuids().map(str),
        st.floats(-5, 50),
        st.sampled_from(["continuous", "event", "session", "unheard-of"]),
        st.sampled_from(list(Worth)),
        st.integers(0, 1000),
        st.booleans(),
    ),
    max_size=20,
)


@given(_things, _things, st.integers(0, 20_000), st.integers(0, 5000), st.floats(0, 20))
def test_every_rule_holds_afterwards_and_nothing_goes_without_need(
    one: list[Holding], other: list[Holding], free: int, of_class: int, days: float
) -> None:
    settings = RetentionSettings(
        max_bytes=2**20, reserve_bytes=6000, event=ClassBudget(max_bytes=of_class, max_days=days)
    )
    disk = survey(one, other, free=free)
    victims = choose(disk, settings, NOW)
    taken = {(victim.stash, victim.holding.id) for victim in victims}
    assert len(taken) == len(victims)
    left = [item for stash, items in enumerate((one, other)) for item in items if (stash, item.id) not in taken]
    freed = sum(victim.holding.size_bytes for victim in victims)
    assert free + freed >= 6000 or not left
    events = sum(item.size_bytes for item in left if item.kind == "event")
    assert not of_class or events <= of_class
    for_disk = [victim.holding for victim in victims if victim.holding.why == DISK]
    assert all(held.worth >= max((v.worth for v in for_disk), default=Worth.UPLOADED) for held in left) or not for_disk
    assert not for_disk or free + freed - for_disk[-1].size_bytes < 6000, "no more than needed"


@given(_things)
def test_nobody_is_younger_than_who_came_later(things: list[Holding]) -> None:
    moments = [moment for _, moment in in_order(things, NOW)]
    assert moments == sorted(moments)
    assert all(moment <= NOW_MS for moment in moments)
