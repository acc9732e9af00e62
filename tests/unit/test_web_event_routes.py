"""Events over the API: folded from their records, filtered, paged, and never a walk through the whole history."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.messages import Box, Event
from edge.web.event_listing import SCAN_LIMIT, story_of
from tests.support.web import START_MS, MemoryHistory, Web, make_web, record_of

JPEG = b"\xff\xd8" + b"x" * 400 + b"\xff\xd9"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path, cameras=("front", "back"))


def event(number: int, phase: str = "open", **more: Any) -> Event:
    told = {"camera": "front", "type": "loitering", "start_ms": START_MS, **more}
    return Event(event_id=f"evt-{number}", phase=phase, **told)  # type: ignore[arg-type]


def life(number: int, **more: Any) -> Iterator[Event]:
    """All records of one event."""
    yield event(number, "open", **more)
    yield event(number, "update", **more)
    yield event(number, "close", end_ms=START_MS + 5000, **more)


async def page(web: Web, query: str = "") -> tuple[list[str], int | None]:
    answer = await web.ask("GET", f"/v1/events{query}")
    assert answer.status_code == 200, answer.text
    return [found["event_id"] for found in answer.json()["events"]], answer.json()["next"]


async def test_an_event_is_shown_once_as_its_newest_record_has_it(web: Web) -> None:
    box = Box(x=0.1, y=0.2, w=0.3, h=0.4, track=3)
    web.history.add(event(1, zone="gate", track=3, boxes=[box], reasoning=["stayed 60 s"], recording_id="rec-1"))
    web.history.add()
    web.history.add(event(1, "update", severity="HIGH", confidence=0.9, merged=2))
    row, _ = web.history.add(event(1, "close", severity="HIGH", confidence=0.8, merged=4, end_ms=START_MS + 9))
    shown = (await web.ask("GET", "/v1/events")).json()["events"]
    assert shown == [(await web.ask("GET", "/v1/events/evt-1")).json()]
    assert shown == [
        {
            "event_id": "evt-1",
            "camera": "front",
            "type": "loitering",
            "severity": "HIGH",
            "confidence": 0.8,
            "phase": "close",
            "start_ms": START_MS,
            "end_ms": START_MS + 9,
            "reasoning": ["stayed 60 s"],
            "zone": "gate",
            "track": 3,
            "boxes": [{"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4, "label": "", "track": 3}],
            "baseline_deviation": None,
            "merged": 4,
            "picture": None,
            "thumbnail": None,
            "clip": None,
            "feedback": None,
            "row": row,
        }
    ]


async def test_pages_tell_each_event_once_although_events_overlap(web: Web) -> None:
    lives = [list(life(number)) for number in range(20)]
    for step in range(3 + len(lives)):  # each begins before the one before has ended
        for number, records in enumerate(lives):
            if 0 <= step - number < 3:
                web.history.add(records[step - number])
    found, before = await page(web, "?limit=3")
    while before is not None:
        more, before = await page(web, f"?limit=3&before={before}")
        found += more
    assert found == [f"evt-{number}" for number in reversed(range(20))]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?camera=back", [1]),
        ("?camera=back,front&type=crowding", [3]),
        ("?type=loitering,crowding&severity=HIGH,CRITICAL", [3, 1]),
        ("?zone=gate", [2]),
        ("?severity=LOW", [2, 0]),
        ("?camera=attic", []),
    ],
)
async def test_filters(web: Web, query: str, numbers: list[int]) -> None:
    told: list[dict[str, Any]] = [
        {},
        {"camera": "back", "severity": "HIGH"},
        {"zone": "gate"},
        {"type": "crowding", "severity": "CRITICAL"},
    ]
    for number, more in enumerate(told):
        for record in life(number, **more):
            web.history.add(record)
    assert (await page(web, query))[0] == [f"evt-{number}" for number in numbers]


class CountingHistory(MemoryHistory):
    """Knows how many records it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def history(self, *args: Any, **options: Any) -> Any:
        rows = await super().history(*args, **options)
        self.read += len(rows)
        return rows


async def test_a_list_looks_through_so_many_records_and_says_where_to_go_on(tmp_path: Path) -> None:
    web, counting = make_web(tmp_path), CountingHistory()
    counting.add(event(1, type="crowding"))
    counting.rows += [(row, record_of(row, event(0, "update"))) for row in range(2, 3 * SCAN_LIMIT)]
    web.history.history = counting.history  # type: ignore[method-assign]
    web.history.rows = counting.rows
    found, before = await page(web, "?type=crowding")
    assert (found, counting.read) == ([], SCAN_LIMIT)
    rounds = 1
    while not found:
        found, before = await page(web, f"?type=crowding&before={before}")
        rounds += 1
    assert (found, before, rounds) == (["evt-1"], None, 3)


async def test_an_event_without_end_and_rows_taken_by_retention(web: Web) -> None:
    for number in range(3):
        for record in life(number):
            web.history.add(record)
    del web.history.rows[:5]
    assert (await page(web))[0] == ["evt-2", "evt-1"]
    assert (await web.ask("GET", "/v1/events/evt-0")).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [("?severity=BAD", "severity"), ("?limit=0", "limit"), ("?limit=201", "limit"), ("?before=x", "before")],
)
async def test_a_question_that_makes_no_sense_is_a_problem(web: Web, query: str, field: str) -> None:
    refused = await web.ask("GET", f"/v1/events{query}")
    assert (refused.status_code, refused.json()["field"]) == (400, field)


BELOW = ["", "/picture.jpg", "/thumbnail.jpg", "/clip.mp4", "/feedback"]
STRANGE = ["evt-9", "..%2f..%2fetc%2fpasswd", "%00", "a" * 65, "-x"]


def method_of(below: str) -> str:
    return "POST" if below == "/feedback" else "GET"


async def test_what_is_not_there_is_404_and_ids_never_reach_a_path(web: Web) -> None:
    for event_id, below in product(STRANGE, BELOW):
        answer = await web.ask(method_of(below), f"/v1/events/{event_id}{below}", json={"normal": True})
        assert answer.status_code == 404, (event_id, below)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_only_who_signed_in_may(web: Web) -> None:
    web.history.add(event(1))
    web.pictures.keep("evt-1", JPEG)
    for below in BELOW:
        stranger = await web.ask(method_of(below), f"/v1/events/evt-1{below}", signed_in=False)
        assert stranger.status_code == 401, below
    assert (await web.ask("GET", "/v1/events", signed_in=False)).status_code == 401


async def test_pictures(web: Web) -> None:
    web.history.add(event(1))
    web.pictures.keep("evt-1", JPEG)
    shown = (await web.ask("GET", "/v1/events/evt-1")).json()
    picture, thumbnail = [await web.ask("GET", shown[kind]) for kind in ("picture", "thumbnail")]
    assert (picture.content, thumbnail.content) == (JPEG, JPEG[:100])
    assert picture.headers["content-type"] == "image/jpeg"
    again = await web.ask("GET", shown["picture"], headers={"If-None-Match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    web.pictures.keep("evt-1", JPEG + b"better")
    better = await web.ask("GET", shown["picture"], headers={"If-None-Match": picture.headers["etag"]})
    assert better.content == JPEG + b"better"


async def test_feedback_is_taken_once_and_shown(web: Web) -> None:
    web.history.add(event(1))
    web.history.add(event(2, camera="attic"))
    unknown = await web.ask("POST", "/v1/events/evt-1/feedback", json={"normal": True})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "event_id")
    web.cameras["front"].events.add("evt-1")
    for normal, word in ((True, "normal"), (False, "unusual")):
        taken = await web.ask("POST", "/v1/events/evt-1/feedback", json={"normal": normal})
        assert (taken.status_code, taken.json()["feedback"]) == (200, word)
        assert (await web.ask("GET", "/v1/events/evt-1")).json() == taken.json()
    assert (await web.ask("POST", "/v1/events/evt-2/feedback", json={"normal": True})).status_code == 404
    assert (await web.ask("POST", "/v1/events/evt-1/feedback", json={"normal": 1})).json()["field"] == "$.normal"


async def test_a_store_that_cannot_be_read_is_said(web: Web) -> None:
    web.history.broken = True
    for path in ("/v1/events", "/v1/events/evt-1", "/v1/events/evt-1/clip.mp4"):
        assert (await web.ask("GET", path)).status_code == 503


RECORDS = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["open", "update", "close"]), st.booleans()), max_size=40
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS, st.integers(1, 5))
async def test_whatever_the_records_pages_hold_each_event_once_newest_first(
    web: Web, told: list[tuple[int, str, bool]], limit: int
) -> None:
    web.history.rows.clear()
    newest: dict[str, int] = {}
    for number, phase, other in told:
        if other:
            web.history.add()
        row, record = web.history.add(event(number, phase))
        assert isinstance(record.body, Event)
        newest[record.body.event_id] = row
    found, before = await page(web, f"?limit={limit}")
    while before is not None:
        more, before = await page(web, f"?limit={limit}&before={before}")
        assert len(more) <= limit
        found += more
    assert found == sorted(newest, key=lambda name: -newest[name])


def test_a_story_keeps_what_only_earlier_records_said() -> None:
    """A track 0 is said, too."""
    rows = [(9, record_of(9, event(1, "close"))), (4, record_of(4, event(1, track=0, baseline_deviation=0.0)))]
    story = story_of(rows)
    assert story is not None
    assert (story.row, story.event.phase, story.event.track, story.event.baseline_deviation) == (9, "close", 0, 0.0)
    assert story_of([]) is None
