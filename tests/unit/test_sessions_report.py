"""The end report: one page without script, in which nothing that people wrote is markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Prediction
from contract.sessions import NewLabel, SessionMarker, Stimulus
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.plots import Axis, Line, curves, runs_of
from edge.affect.sessions.report import Findings, render
from tests.support.sessions_room import opened_desk

START_MS = 1_780_000_000_000


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def _tags(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    return parser


async def test_the_report_tells_what_happened(tmp_path: Path) -> None:
    """X.7: drawn by time, with gaps and the last partial segment."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", stimulus="video-2")
        for index, probe in ((0, "HH"), (1, None), (4, "LL")):
            more = {"valence": 0.1, "arousal": -0.2, "change_score": 0.5, "signals": {"hr_bpm": 70.0 + index}}
            await room.predict(view.session_id, "p1", index, probe=probe, baseline="learning", **more)
        await room.predict(view.session_id, "p1", 5, end_ms=view.start_ms + 27_100)
        room.clock.advance(27.1)
        await room.desk.label(view.session_id, [NewLabel(probe="HL", stimulus_ms=3000), NewLabel(valence=0.4)])
        await room.desk.mark(view.session_id, name="cough", note="twice", at_ms=None)
        await room.desk.stop(view.session_id)
        page = await room.desk.report(view.session_id)
    for words in ("Video 2", "4, of which 1 undecided", "emotion 2.0.0", "version afferent-2", "HL Neutral", "twice"):
        assert words in page
    assert re.search(r"<h1>p1 · Video 2 · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC[^)]*\)</h1>", page)
    assert page.count(view.session_id) == 1
    blocks = re.findall(r'<rect class="(whole|partial)" x="([\d.]+)"', page)
    assert [kind for kind, _ in blocks] == ["whole", "whole", "whole", "partial"]
    places = [float(x) for _, x in blocks]
    assert places[2] - places[1] == pytest.approx(3 * (places[1] - places[0]), abs=0.1)
    assert "#999999" in page
    assert page.count("<svg") > 6


async def test_a_session_without_anything_has_a_report_too(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        view = await room.desk.start("anonymous", video_id=1, external=True)
        page = await room.desk.report(view.session_id)
    assert "Nothing was predicted" in page
    assert "it still runs" in page
    assert "version external" in page


@given(
    words=st.text(max_size=60), name=st.sampled_from(["</title><script>alert(1)</script>", '"><img src=x onerror=y>'])
)
def test_nothing_that_was_written_becomes_markup(words: str, name: str) -> None:
    said = name + words
    kept = KeptSession(session_id=said, participant="p1", start_ms=START_MS, end_ms=START_MS + 1, warnings=[said])
    found = Findings(
        kept=kept,
        labels=[],
        points=0,
        markers=[SessionMarker(at_ms=START_MS, name=said, note=said)],
        segments=[
            Prediction(
                task="emotion",
                model=said,
                model_version=said,
                source="s",
                segment_index=0,
                start_ms=START_MS,
                end_ms=START_MS + 5,
            )
        ],
        stimulus=Stimulus(id="film", title=said),
        written_ms=START_MS,
    )
    plain = Findings(**{**{field: getattr(found, field) for field in Findings.__dataclass_fields__}, "markers": []})
    tags = _tags(render(found))
    assert not {"script", "img", "iframe", "link"} & set(tags.tags)
    assert not {one for one in tags.attributes if one.startswith("on") or one in {"src", "href"}}
    assert _tags(render(plain)).tags.count("h1") == 1


def test_a_hole_in_time_or_a_missing_value_ends_a_curve() -> None:
    points = [(0, 5, 1.0), (5, 10, 2.0), (15, 20, 3.0), (20, 25, None), (25, 30, 4.0)]
    assert [len(run) for run in runs_of(points)] == [2, 1, 1]
    assert curves(Axis(0, 100), [Line("none", "x", [])]) == ""
