"""What the page computes, called as its own modules in a real browser: no picture, no network, exact numbers."""

import pytest
from playwright.sync_api import Page

from contract.emotions import EMOTIONS
from tests.support.page_modules import run


def test_emotions_are_those_of_the_contract(page: Page) -> None:
    """S0.35, U0.3: one set of names and colours; an abstention is never silently one of them."""
    found = run(page, "emotions.js", "return m.EMOTIONS")
    assert found == {probe: {"name": e.name, "color": e.color} for probe, e in EMOTIONS.items()}
    unknown = run(page, "emotions.js", "return [null, undefined, 'XX', 'constructor'].map((p) => m.emotionOf(p).name)")
    assert unknown == ["Not sure"] * 4


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1600, 900, 640, 480), (200, 0, 1200, 900)),
        ((400, 900, 640, 480), (0, 300, 400, 300)),
        ((640, 480, 640, 480), (0, 0, 640, 480)),
        ((0, 480, 640, 480), (0, 0, 0, 0)),
        ((640, 480, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_letterbox(page: Page, size: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """`object-fit: contain`, wide, tall, exact and not there yet."""
    found = run(page, "geometry.js", "return m.contain(...arg)", list(size))
    assert (found["x"], found["y"], found["w"], found["h"]) == expected


def test_boxes_are_cut_at_the_edge(page: Page) -> None:
    """A box that reaches out of the picture is drawn as far as the picture goes."""
    arg = [{"x": -0.1, "y": 0.9, "w": 0.3, "h": 0.5}, {"x": 100, "y": 0, "w": 1000, "h": 500}]
    found = run(page, "geometry.js", "return m.place(...arg)", arg)
    assert found == pytest.approx({"x": 100, "y": 450, "w": 200, "h": 50})


def test_time_to_place(page: Page) -> None:
    """X.7: a stretch of time has its own place and width, cut at the ends of the axis."""
    script = "return arg.map(([from, to]) => m.stretch(from, to, 1000, 2000))"
    found = run(page, "geometry.js", script, [[1250, 1500], [0, 1100], [1900, 9000], [0, 1000], [2000, 3000]])
    assert found[0] == pytest.approx({"left": 0.25, "width": 0.25})
    assert found[1] == pytest.approx({"left": 0, "width": 0.1})
    assert found[2] == pytest.approx({"left": 0.9, "width": 0.1})
    assert found[3:] == [None, None]


def test_ticks_are_round(page: Page) -> None:
    """Labels stand at whole steps and never too close."""
    ticks = run(page, "geometry.js", "return m.timeTicks(1_000_003, 1_120_003, 600)")
    assert ticks == [1_020_000, 1_050_000, 1_080_000, 1_110_000]


def test_value_range_is_calm(page: Page) -> None:
    """A flat line does not fill the plot with its noise, and nothing known gives a range all the same."""
    flat = run(page, "geometry.js", "return m.valueRange(4.2, 4.2, 0.4)")
    assert flat["low"] <= 4.0 + 1e-9
    assert flat["high"] >= 4.4 - 1e-9
    assert run(page, "geometry.js", "return m.valueRange(Infinity, -Infinity, 10)") == {"low": 0, "high": 10}


def test_gaps_stay_gaps(page: Page) -> None:
    """A line is broken where samples are known to be missing, and where they stayed away for long."""
    rows = [{"t_ms": t, "gsr_us": 4.0} for t in range(0, 1000, 250)]
    rows += [{"t_ms": 1250, "gsr_us": 4.1, "gap": True}]
    rows += [{"t_ms": 1500 + 250 * n, "gsr_us": 4.1} for n in range(4)]
    rows += [{"t_ms": 9000, "gsr_us": 4.2}]
    script = """
      const series = m.emptySeries(); m.addRows(series, arg);
      const found = m.runs(series.get("gsr_us"), 0, 10_000);
      return [found.map((run) => run.map(({ t }) => t)), m.gaps(found)];
    """
    runs, gaps = run(page, "series.js", script, rows)
    assert [(r[0], r[-1]) for r in runs] == [(0, 750), (1250, 2250), (9000, 9000)]
    assert gaps == [{"from": 750, "to": 1250}, {"from": 2250, "to": 9000}]


def test_rows_sent_twice_count_once(page: Page) -> None:
    """After a reconnection the newest rows come again; a channel that is silent in a row is not filled in."""
    rows = [{"t_ms": 1, "gsr_us": 4.0, "hr_bpm": 70}, {"t_ms": 2, "gsr_us": 4.0}]
    script = """
      const series = m.emptySeries(); m.addRows(series, arg);
      return [m.addRows(series, arg), ...[...series.values()].map((channel) => channel.points.length)];
    """
    assert run(page, "series.js", script, rows) == [False, 2, 1]


def test_gap_row_without_values(page: Page) -> None:
    """A row that says nothing but `gap` breaks every channel."""
    rows = [{"t_ms": 1, "hr_bpm": 70}, {"t_ms": 100, "gap": True}, {"t_ms": 200, "hr_bpm": 71}]
    script = "const s = m.emptySeries(); m.addRows(s, arg); return m.runs(s.get('hr_bpm'), 0, 300).length"
    assert run(page, "series.js", script, rows) == 2


def test_thinning_keeps_peaks(page: Page) -> None:
    """At 100 samples a pixel the one that stands out is still drawn."""
    script = """
      const all = Array.from({ length: 10_000 }, (_, i) => ({ t: i, v: i === 5_555 ? 99 : 1 }));
      const few = m.thin(all, 100);
      return [few.length, Math.max(...few.map(({ v }) => v)), few.every((p, i) => !i || p.t >= few[i - 1].t)];
    """
    count, peak, ordered = run(page, "series.js", script)
    assert count <= 400
    assert peak == 99
    assert ordered


def test_segments_merge_by_id(page: Page) -> None:
    """The list at the beginning and the stream overlap: one of each, in order of time, nonsense left out."""
    record = {"body": {"kind": "prediction", "end_ms": 10_000, "start_ms": 5_000, "probe": "LL", "confidence": 0.5}}
    arg = [
        {**record, "id": "b:2"},
        {"id": "b:1", "body": {"kind": "prediction", "start_ms": 0, "end_ms": 5_000}},
        {**record, "id": "b:2"},
        {"id": "b:3", "body": {"kind": "prediction", "start_ms": 7, "end_ms": 7}},
    ]
    script = "return m.merge([], arg.map(m.segmentOf)).map(({ id, emotion, unsure }) => [id, emotion, unsure])"
    assert run(page, "segments.js", script, arg) == [["b:1", "Not sure", True], ["b:2", "Sad", False]]


def test_device_clock(page: Page) -> None:
    """Latency is told only once the clock was asked for; the quickest answer is believed most."""
    script = """
      const clock = m.createDeviceClock();
      clock.heard(5_000, 1_000);
      const first = [clock.now(2_000), clock.latency(5_000, 1_050)];
      clock.asked(1_000, 5_100, 1_400); clock.asked(2_000, 6_010, 2_020);
      return [...first, clock.now(3_000), clock.latency(7_000, 3_040)];
    """
    assert run(page, "device-clock.js", script) == [6_000, None, 7_000, 40]


_LABELS = """
  const kept = new Map(arg.kept ? [["labels", JSON.stringify(arg.kept)]] : []);
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const sent = [], told = [];
  const send = async (session, labels) => {
    sent.push(labels.map(({ probe }) => probe));
    await Promise.resolve();
    if (labels.some(({ probe }) => probe === "bad")) throw Object.assign(new Error("bad"), { status: 400 });
  };
  const store = m.createLabelStore({ key: "labels", send, storage, onChange: (state) => told.push(state) });
  if (arg.kept) store.begin();
  for (const probe of arg.add) store.add("s-1", { probe });
  for (let i = 0; i < 100; i += 1) await Promise.resolve();
  return { sent, last: told.at(-1), left: JSON.parse(kept.get("labels")).map(({ label }) => label.probe) };
"""


def test_one_answer_that_is_refused_takes_no_other_with_it(page: Page) -> None:
    """Answers are sent together, but only the one that cannot be taken is given up."""
    found = run(page, "label-store.js", _LABELS, {"add": ["HH", "HL", "bad", "LL"]})
    assert found["left"] == ["bad"]
    assert found["last"] == {"waiting": 0, "refused": 1, "failing": False}
    assert [probe for batch in found["sent"][1:] for probe in batch if probe != "bad"].count("LL") == 2


def test_what_was_refused_is_forgotten_with_the_visit(page: Page) -> None:
    """The next visit has nothing of it: neither the answer in the browser, nor the note that tells of it."""
    kept = [{"session": "s-0", "refused": True, "label": {"label_id": "a", "probe": "bad"}}]
    found = run(page, "label-store.js", _LABELS, {"add": ["HH"], "kept": kept})
    assert (found["sent"], found["left"], found["last"]["refused"]) == ([["HH"]], [], 0)


def test_what_is_on_its_way_brings_nobody_back_who_was_erased(page: Page) -> None:
    """Neither an older list, also while another is asked for, nor an answer about a session; a newer list counts."""
    left = run(
        page,
        "desk-book.js",
        """const book = m.createDeskBook();
        const lists = {participants: [{id: 'P07'}, {id: 'P08'}],
          sessions: [{session_id: 's1', participant: 'P07', start_ms: 1, end_ms: 2}]};
        const known = () => [[...book.participants.keys()], [...book.sessions.keys()]];
        book.load(lists);
        const before = book.asking();
        book.drop('participants', 'P07');
        book.put('participants', {id: 'P09'});
        const after = book.asking();
        book.load(lists, before);
        book.session(lists.sessions[0]);
        book.take({topic: 'session', data: {session_id: 's1', participant: 'P07', start_ms: 1, end_ms: null}});
        const meanwhile = known();
        book.load({participants: lists.participants}, after);
        return [meanwhile, known()];""",
    )
    assert left == [[["P08", "P09"], []], [["P07", "P08"], []]]
