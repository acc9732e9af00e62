"""The book of events: apart by zone, merged, limited, and every one that opens closes, whatever is found."""

from collections import Counter, defaultdict
from itertools import takewhile

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from contract.messages import Box, Event
from edge.vision.events.book import EventBook, Kept
from edge.vision.events.clarity import clarity_of, is_clearer
from edge.vision.events.limits import OpenLimits
from edge.vision.events.merging import TRACKS, Company, merge
from edge.vision.events.settings import EventSettings
from edge.vision.findings import BOXES, LOITERING, MOTION, SUDDEN_MOTION, TAMPERED, Finding
from edge.vision.settings import VisionSettings
from tests.support.findings import SECOND, finding, phases, play, stamp

CROSSED = "line_crossed"


def _book(vision: VisionSettings | None = None, **limits: int) -> EventBook:
    return EventBook("front", vision or VisionSettings(), EventSettings(**limits))


def test_one_type_in_two_zones_is_two_events_with_zone_and_track() -> None:
    book = _book()
    told = play(book, [(1, [finding(LOITERING, zone="gate", track=3), finding(LOITERING, zone="door", track=4)])])
    assert [(event.zone, event.track, event.merged) for _, event in told] == [("gate", 3, 0), ("door", 4, 0)]
    assert len({event.event_id for _, event in told}) == 2
    told = play(book, [(3, [finding(LOITERING, zone="door", track=4)]), (4.5, [])])
    assert [(at, event.phase, event.zone) for at, event in told] == [(4.5, "close", "gate")]


def test_findings_of_one_kind_in_one_place_become_one_the_worst_with_all_boxes() -> None:
    left, right = Box(x=0.1, y=0.1, w=0.1, h=0.1), Box(x=0.8, y=0.1, w=0.1, h=0.1)
    one = finding(LOITERING, "MEDIUM", zone="gate", track=1, box=left, why="one stays", since_s=2)
    two = finding(LOITERING, "HIGH", zone="gate", track=2, box=right, why="two stays", since_s=3)
    ((_, event),) = play(_book(), [(5, [one, two, one])])
    assert (event.severity, event.track, event.merged) == ("HIGH", 2, 1)
    assert event.boxes == [right, left]
    assert event.reasoning == ["two stays", "one stays"]
    assert event.start_ms == stamp(2).wall_ms


def test_what_merges_is_bounded() -> None:
    many = [
        finding(track=at, why=f"because {at}", box=Box(x=at / 200, y=0, w=0.001, h=0.001), confidence=at / 100)
        for at in range(100)
    ]
    merged = merge(many)
    assert (len(merged.boxes), len(merged.reasoning), merged.reasoning[0]) == (BOXES, 6, "because 99")


def test_each_further_track_and_each_return_is_counted_once() -> None:
    book = _book(VisionSettings(update_s=1, merge_s=10))
    script: list[tuple[float, list[Finding]]] = [
        (1.0, [finding(CROSSED, zone="line", track=1)]),
        (1.1, [finding(CROSSED, zone="line", track=1)]),
        (1.2, [finding(CROSSED, zone="line", track=track) for track in (1, 2, 3)]),
        (1.3, []),
        (3.9, [finding(CROSSED, zone="line", track=1)]),
        (4.0, [finding(CROSSED, zone="line", track=1)]),
    ]
    told = play(book, script)
    told += play(book, [(9, [])])
    assert told[-1][1].merged == 3
    assert book.flood.merged == 3
    assert book.flood.suppressed == 0


@given(st.lists(st.lists(st.none() | st.integers(0, 30), max_size=6), max_size=30))
def test_company_counts_each_track_once_and_the_most_without_one(frames: list[list[int | None]]) -> None:
    company = Company()
    joined = sum(company.join([finding(track=track) for track in frame]) for frame in frames)
    tracks = {track for frame in frames for track in frame if track is not None}
    assert joined == len(tracks) + max((frame.count(None) for frame in frames), default=0)


def test_a_track_that_was_in_a_box_is_no_stranger() -> None:
    """A crowd is one thing, whoever of it is the worst."""
    company = Company()
    boxes = tuple(Box(x=0, y=0, w=0.1, h=0.1, track=track) for track in (1, 2, 3))
    assert company.join([replace(finding(track=1), boxes=boxes)]) == 1
    assert company.knows([finding(track=3), finding()])
    assert not company.knows([finding(track=4)])
    assert company.join([finding(track=track) for track in range(TRACKS + 50)]) == TRACKS + 49
    assert not company.knows([finding(track=0)]), "the oldest are forgotten"


def test_a_type_at_its_limit_stays_open_and_takes_in_what_comes() -> None:
    """Nothing is lost: of a flood of alarms some are events of their own, and the rest are merged."""
    book = _book(VisionSettings(cooldown_s=0, update_s=600), opens_per_minute=3)
    bursts = [
        (at * 5.0 + more, [finding(CROSSED, "HIGH", track=at)] if more == 0 else [])
        for at in range(10)
        for more in (0, 4)
    ]
    told = play(book, bursts)
    assert phases(told) == [(0, "open"), (4, "close"), (5, "open"), (9, "close"), (10, "open")]
    assert book.alert is None, "nothing goes on now, although the event is open to take in more"
    ((_, close),) = play(book, [(60.1, [])])
    assert (close.phase, close.merged, close.severity) == ("close", 7, "HIGH")
    assert close.end_ms == stamp(45).wall_ms
    assert (book.flood.merged, book.flood.suppressed) == (7, 0)


def test_a_lens_that_is_covered_again_and_again_is_few_events() -> None:
    """Half an hour of a hand before the lens, 4 s of every 14: three events at once, then one as room comes for it."""
    book = _book(VisionSettings(update_s=600), tampered_per_ten_minutes=3)
    looks = [(float(at), [finding(TAMPERED, "HIGH")] if at % 14 < 4 else []) for at in range(1800)]
    told = play(book, looks)
    opened = [at for at, event in told if event.phase == "open"]
    assert opened[:3] == [0, 14, 28]
    assert len(opened) <= 9
    bouts = 1 + 1799 // 14
    assert len(opened) + book.flood.merged == bouts, "each is told of or counted"
    assert book.flood.suppressed == 0
    assert phases(play(book, [(2500.0, [])])) == [(2500, "close")]


def test_the_last_tampering_that_may_begin_does_not_go_on_long_after_it_is_over() -> None:
    """What is open is recorded: a minute more, not the rest of the ten minutes."""
    book = _book(tampered_per_ten_minutes=3)
    looks = [(float(at), [finding(TAMPERED, "HIGH")] if at < 42 and at % 14 < 4 else []) for at in range(120)]
    at_s, last = play(book, looks)[-1]
    assert (last.phase, at_s, last.end_ms) == ("close", 92, stamp(31).wall_ms)
    assert not book.open_ids


def test_a_camera_at_its_limit_opens_only_alarms_and_says_later_what_it_held_back() -> None:
    book = _book(camera_opens_per_minute=2)
    told = play(book, [(0, [finding(zone="a")]), (1, [finding(zone="b")]), (2, [finding(zone="c"), finding(zone="d")])])
    assert [event.zone for _, event in told] == ["a", "b"]
    assert book.flood.suppressed == 0, "they go on: they may still become events"
    told = play(book, [(3, [finding(LOITERING, "HIGH", zone="e")])])
    assert [(event.zone, event.reasoning) for _, event in told] == [("e", ["because"])]
    play(book, [(6, [])])
    assert book.flood.suppressed == 2
    ((_, event),) = [one for one in play(book, [(70, [finding(zone="f")])]) if one[1].phase == "open"]
    assert event.reasoning == ["because", "before it, 2 more were held back so that events do not flood"]
    ((_, event),) = [one for one in play(book, [(71, [finding(zone="g")])]) if one[1].phase == "open"]
    assert event.reasoning == ["because"]


def test_what_is_held_back_and_goes_on_opens_when_it_may() -> None:
    book = _book(camera_opens_per_minute=1)
    later = [(float(at), [finding(zone="b", since_s=2)]) for at in range(2, 62, 2)]
    told = play(book, [(0.0, [finding(zone="a")]), *later])
    opened = [(at, event.zone, event.start_ms) for at, event in told if event.phase == "open"]
    assert opened == [(0, "a", stamp(0).wall_ms), (60, "b", stamp(2).wall_ms)]
    assert book.flood.suppressed == 0


def test_the_cool_down_holds_back_and_counts_but_not_what_is_graver() -> None:
    """U1.4: 5 s; an alert that comes back graver is another alert."""
    book = _book(VisionSettings(cooldown_s=30))
    told = play(
        book, [(1, [finding(SUDDEN_MOTION, "MEDIUM")]), (5, []), (6, [finding(SUDDEN_MOTION, "MEDIUM")]), (10, [])]
    )
    assert phases(told) == [(1, "open"), (5, "close")]
    assert book.flood.suppressed == 1
    told = play(book, [(11, [finding(SUDDEN_MOTION, "HIGH")])])
    assert phases(told) == [(11, "open")]
    assert "1 more was held back" in told[0][1].reasoning[1]


def test_the_cool_down_is_of_the_same_thing_another_is_another_event() -> None:
    book = _book()
    told = play(book, [(1, [finding(CROSSED, zone="line", track=1)]), (4.5, [finding(CROSSED, zone="line", track=1)])])
    assert phases(told) == [(1, "open"), (4.5, "close")]
    told = play(book, [(5.0, [finding(CROSSED, zone="line", track=2)])])
    assert phases(told) == [(5.0, "open")]


def test_a_record_says_what_else_is_kept() -> None:
    recordings: dict[str, str] = {}
    kept = Kept(picture=lambda event_id: event_id == "evt-1", recording=recordings.get)
    book = EventBook("front", VisionSettings(), kept=kept, new_id=lambda: "evt-1")
    ((_, event),) = play(book, [(1, [finding()])])
    assert (event.picture, event.recording_id) == (True, None)
    recordings["evt-1"] = "rec-1"
    (event,) = book.close_all(stamp(2))
    assert (event.picture, event.recording_id) == (True, "rec-1")


def test_the_clearest_moment_is_the_picture_and_its_boxes_close_the_event() -> None:
    far, near, cut = (Box(x=x, y=0.4, w=w, h=w) for x, w in ((0.4, 0.05), (0.4, 0.3), (0.0, 0.35)))
    book = EventBook("front", VisionSettings(), new_id=lambda: "evt-1")
    clearest = []
    for at, box in enumerate([far, far, near, cut, far]):
        play(book, [(at, [finding(box=box)])])
        clearest.append([(event_id, one.boxes) for event_id, one in book.clearest])
    assert clearest == [[("evt-1", (far,))], [], [("evt-1", (near,))], [], []]
    (event,) = book.close_all(stamp(6))
    assert event.boxes == [near]


def test_graver_is_clearer_and_what_touches_the_border_is_less() -> None:
    small, large = Box(x=0.5, y=0.5, w=0.1, h=0.1), Box(x=0.2, y=0.2, w=0.5, h=0.5)
    assert is_clearer(finding("x", "HIGH", box=small), finding("x", "LOW", box=large))
    assert not is_clearer(finding("x", "LOW", box=large), finding("x", "HIGH", box=small))
    inside, cut = Box(x=0.1, y=0.1, w=0.3, h=0.3), Box(x=0.0, y=0.1, w=0.3, h=0.3)
    assert clarity_of(finding(box=inside)) > clarity_of(finding(box=cut))
    assert clarity_of(finding(box=Box(x=2, y=2, w=1, h=1))) == clarity_of(finding(box=Box(x=0, y=0, w=0, h=0))) == 0.5


@given(
    st.lists(st.tuples(st.integers(0, 40_000_000_000), st.sampled_from("ab")), max_size=60),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_no_minute_has_more_openings_than_it_may(steps: list[tuple[int, str]], each: int, together: int) -> None:
    limits = OpenLimits(each, together, rarely=2, is_rare=lambda key: key == "b")
    began: list[tuple[int, str]] = []
    at = 0
    for pause, key in steps:
        at += pause
        recent = [one for when, one in began if at - when < 60 * SECOND]
        rare = key == "b" and sum(name == "b" and at - when < 600 * SECOND for when, name in began) >= 2
        assert limits.is_full(key, at) == (recent.count(key) >= each or rare)
        assert limits.all_full(at) == (len(recent) >= together)
        if not limits.is_full(key, at):
            limits.note(key, at)
            began.append((at, key))
        limits.forget(at)


KINDS = (MOTION, SUDDEN_MOTION, CROSSED)
ZONES = (None, "gate", "door")
EACH, TOGETHER, UPDATE_S = 3, 6, 15.0
VISION = VisionSettings(longest_event_s=30, update_s=UPDATE_S, cooldown_s=5)
FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(KINDS),
        st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
        zone=st.sampled_from(ZONES),
        track=st.none() | st.integers(0, 9),
        confidence=st.floats(0, 1),
    ),
    max_size=8,
)


class BookMachine(RuleBasedStateMachine):
    """Any findings at any moments, and resets in between; what the book says must be true at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.book = EventBook("front", VISION, EventSettings(opens_per_minute=EACH, camera_opens_per_minute=TOGETHER))
        self.at_s = 1.0
        self.told: list[tuple[float, Event]] = []
        self.open: dict[tuple[str, str | None], str] = {}
        self.resets: list[float] = []
        self.ended: dict[tuple[str, str | None], float] = {}
        self.last_seen: dict[tuple[str, str | None], float] = {}

    @rule(pause=st.sampled_from([0.01, 0.2, 1.5, 4.0, 9.0, 31.0, 70.0]), findings=FINDINGS)
    def look(self, pause: float, findings: list[Finding]) -> None:
        self.at_s += pause
        self.note(play(self.book, [(self.at_s, findings)]))
        for one in findings:
            self.last_seen[one.type, one.zone] = self.at_s
            if one.severity in ("HIGH", "CRITICAL") and not self.cools((one.type, one.zone)):
                assert (one.type, one.zone) in self.open, "alarms never give way"

    @rule(findings=FINDINGS, frames=st.integers(2, 40), fps=st.sampled_from([1.0, 10.0]))
    def keep_looking(self, findings: list[Finding], frames: int, fps: float) -> None:
        for _ in range(frames):
            self.look(1 / fps, findings)

    @rule()
    def reset(self) -> None:
        self.resets.append(self.at_s)
        self.note([(self.at_s, event) for event in self.book.close_all(stamp(self.at_s))])
        assert not self.open
        assert self.book.open_ids == []

    def note(self, told: list[tuple[float, Event]]) -> None:
        self.told += told
        for _, event in told:
            key = event.type, event.zone
            if event.phase == "open":
                assert key not in self.open, "one open event of each type in each zone"
                self.open[key] = event.event_id
            elif event.phase == "close":
                assert self.open.pop(key) == event.event_id
                self.ended[key] = self.last_seen[key]

    def cools(self, key: tuple[str, str | None]) -> bool:
        return key in self.ended and self.at_s - self.ended[key] < VISION.cooldown_s + 1e-6

    @invariant()
    def the_last_minute_is_bounded(self) -> None:
        recent = [event for _, event in takewhile(lambda one: one[0] > self.at_s - 60, reversed(self.told))]
        resets = sum(at > self.at_s - 60 for at in self.resets)
        opens = Counter((event.type, event.zone) for event in recent if event.phase == "open")
        records = Counter((event.type, event.zone) for event in recent)
        most = EACH + resets
        assert all(count <= most for count in opens.values())
        graver, due = 3 * (most + 1), 60 / UPDATE_S + 1
        assert all(count <= 2 * (most + 1) + graver + due for count in records.values())

    @invariant()
    def only_alarms_pass_the_cameras_limit(self) -> None:
        began = [(at, event) for at, event in self.told if event.phase == "open"]
        if began and began[-1][1].severity in ("LOW", "MEDIUM"):
            at = began[-1][0]
            assert sum(at - when < 60 - 1e-6 for when, _ in began) <= TOGETHER

    def teardown(self) -> None:
        self.note([(self.at_s, event) for event in self.book.close_all(stamp(self.at_s))])
        lives: dict[str, list[Event]] = defaultdict(list)
        for _, event in self.told:
            lives[event.event_id].append(event)
        for life in lives.values():
            assert [event.phase for event in life] == ["open", *["update"] * (len(life) - 2), "close"]
            assert len({(event.start_ms, event.type, event.zone) for event in life}) == 1
            assert (life[-1].end_ms or 0) >= life[0].start_ms
            assert [event.merged for event in life] == sorted(event.merged for event in life)
        assert sum(life[-1].merged for life in lives.values()) == self.book.flood.merged
        said = sum(int(line.split()[2]) for life in lives.values() for line in life[0].reasoning if "held back" in line)
        assert said <= self.book.flood.suppressed


BookMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
test_whatever_is_found_the_book_stays_true = BookMachine.TestCase


def test_time_that_goes_back_a_little_harms_nothing() -> None:
    """A frame that was taken before the last idle look."""
    book = _book()
    told = play(book, [(5, [finding()]), (4.9, [finding()]), (5.1, [finding()])])
    assert phases(told) == [(5, "open")]
