"""What the page computes, called as its own modules in a real browser: no picture, no network, exact numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from contract.emotions import EMOTIONS
from tests.support.browser import Visit, visiting
from tests.support.processes import wait_until
from tests.support.stage import Stage, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One appliance for all: nothing here changes it."""
    folder: Path = tmp_path_factory.mktemp("modules")
    with staged(folder, cameras=()) as opened:
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """A visit without sign-in."""
    with visiting(browser, stage.url) as opened:
        opened.forgive("404")  # the icon that a browser asks for beside any file
        yield opened


@pytest.fixture(scope="module")
def page(visit: Visit) -> Page:
    """A page of the same origin that runs none of our code by itself."""
    return visit.open("/viewer/icon.svg")


def run(page: Page, module: str, body: str, arg: Any = None) -> Any:
    """The value of `body`, in which `m` is the module and `arg` the argument."""
    return page.evaluate(f"async arg => {{ const m = await import('/viewer/{module}'); {body} }}", arg)


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


def test_stream_in_any_pieces(page: Page) -> None:
    """Server-sent events cut anywhere, with every kind of line end, comments and an id that stays."""
    wire = 'retry: 2000\n\n: hi\nid: 7\nevent: record\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: sync\ndata:x\n\ndata: last'
    script = """
      const seen = [];
      for (let size = 1; size < 9; size += 1) {
        const found = []; const feed = m.createParser((event) => found.push(event));
        for (let at = 0; at < arg.length; at += size) feed(arg.slice(at, at + size));
        seen.push(JSON.stringify(found));
      }
      return [...new Set(seen)].map((text) => JSON.parse(text));
    """
    assert run(page, "sse.js", script, wire) == [
        [{"event": "record", "data": '{"a":\n1}', "id": "7"}, {"event": "sync", "data": "x", "id": "7"}]
    ]


def test_retries_come_later_and_later(page: Page) -> None:
    """From one second, doubling to fifteen, spread by a fifth."""
    script = "return [1, 2, 3, 4, 5, 9].map((n) => [m.retryDelay(n, 0), m.retryDelay(n, 1)])"
    assert run(page, "stream.js", script) == [
        [800, 1200],
        [1600, 2400],
        [3200, 4800],
        [6400, 9600],
        [12000, 18000],
        [12000, 18000],
    ]


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


def test_only_trouble_is_listed(page: Page) -> None:
    """Parts that start and stop as they should are no news; trouble is, and its end."""
    states = ["starting", "ok", "degraded", "ok", "ok", "stopped", "failed"]
    records = [
        {
            "id": f"00000001-aa:{n}",
            "t": f"2026-11-21T06:00:0{n}.000Z",
            "body": {"kind": "health", "part": "broker", "state": s},
        }
        for n, s in enumerate(states)
    ]
    script = "return m.inOrder(arg).reduce(m.fold, []).map((e) => e.title)"
    expected = ["Broker: failed", "Broker: works again", "Broker: impaired"]
    assert run(page, "happenings.js", script, records) == expected
    assert run(page, "happenings.js", script, records[::-1]) == expected
    assert run(page, "happenings.js", script, records * 2) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("m.quantity(12.34, 'ms', 1)", "12.3\u202fms"),
        ("m.quantity(NaN, 'ms')", "\u2013"),
        ("m.number(1234567)", "1\u202f234\u202f567"),
        ("m.percent(0.876)", "88\u202f%"),
        ("m.percent(undefined)", "\u2013"),
        ("m.bytes(999)", "999\u202fB"),
        ("m.bytes(148_300_000)", "148\u202fMB"),
        ("m.bytes(999_999_999)", "1.00\u202fGB"),
        ("m.duration(59.6)", "1 min 00 s"),
        ("m.duration(3 * 3600 + 7 * 60)", "3 h 07 min"),
        ("m.duration(null)", "\u2013"),
        ("m.words('sudden_motion')", "Sudden motion"),
        ("m.words('stayed 40 s near_door')", "Stayed 40 s near_door"),
        ("m.severity('LOUD')", "HIGH"),
        ("m.activity(undefined)", "IDLE"),
    ],
)
def test_words_and_numbers(page: Page, call: str, expected: str) -> None:
    """What is not known is a dash, never a zero; units are apart from numbers by a thin space."""
    assert run(page, "format.js", f"return {call}") == expected


@pytest.mark.parametrize(
    ("facts", "view", "words"),
    [
        ({"known": False, "camera": None}, "loading", "Looking for cameras…"),
        ({"known": True, "camera": None}, "none", "No camera"),
        ({"known": True, "camera": {"state": "stopped"}}, "off", "The camera is stopped"),
        ({"known": True, "camera": {"state": "failed", "detail": "gone"}}, "lost", "Camera lost, trying again…"),
        ({"known": True, "camera": {"state": "starting"}, "picture": "loading"}, "loading", "Waiting for the first"),
        ({"known": True, "camera": {"state": "ok"}, "picture": "live"}, "live", ""),
        ({"known": True, "camera": {"state": "ok"}, "picture": "live", "link": "lost"}, "cut", ""),
        ({"known": True, "camera": {"state": "ok"}, "picture": "retrying", "link": "lost"}, "cut", "No connection to"),
        ({"known": True, "camera": {"state": "ok"}, "picture": "retrying"}, "loading", "The picture broke off"),
        ({"known": True, "camera": {"state": "ok"}, "pending": "stop"}, "loading", "Stopping the camera…"),
    ],
)
def test_stage(page: Page, facts: dict[str, Any], view: str, words: str) -> None:
    """Every state in which there is no picture has its own words."""
    found = run(page, "stage.js", "return m.stageOf(arg)", facts)
    assert found["view"] == view
    assert found["title"].startswith(words)


@pytest.mark.parametrize(
    ("sync", "text"),
    [
        ({"broker": "ok", "objects": "ok", "outbox_records": 0, "uploads_pending": 0}, "All delivered"),
        ({"broker": "ok", "objects": "ok", "outbox_records": 3, "uploads_pending": 0}, "Sending"),
        ({"broker": "failed", "objects": "ok", "outbox_records": 3}, "Waiting, nothing is lost"),
        ({"broker": "ok", "objects": "ok", "outbox_records": 3, "oldest_unacked_s": 60}, "Behind, nothing is lost"),
        ({"broker": "stopped", "objects": "stopped", "outbox_records": 3}, "Kept on the device"),
        (None, ""),
    ],
)
def test_sync_in_one_sentence(page: Page, sync: dict[str, Any] | None, text: str) -> None:
    """The backlog in words."""
    assert run(page, "panels.js", "return m.verdict(arg).text", sync) == text


def test_what_was_told_while_it_was_asked_for_is_newer(page: Page) -> None:
    """A session that ends while the list of sessions is under way does not come back to life with it."""
    heard = run(
        page,
        "session-watch.js",
        """
        const running = { session_id: "s-1", participant: "P07", end_ms: null };
        const asked = [];
        let pen = null;
        const before = globalThis.fetch;
        globalThis.fetch = async (url) => {
          if (url.includes("topics=")) return new Response(new ReadableStream({ start: (made) => (pen = made) }));
          if (url.includes("/ask")) return new Response('{"ask":null}');
          const body = (sessions) => new Response(JSON.stringify({ sessions }));
          return new Promise((resolve) => asked.push((sessions) => resolve(body(sessions))));
        };
        const moment = () => new Promise((resolve) => setTimeout(resolve, 5));
        const until = async (done) => { for (let i = 0; i < 200 && !done(); i += 1) await moment(); };
        const heard = [];
        const bytes = (text) => new TextEncoder().encode(text);
        const say = (view) => pen.enqueue(bytes(`event: session\\ndata: ${JSON.stringify(view)}\\n\\n`));
        const nothing = () => {};
        const watch = m.watchSession("P07", {
          onSession: (view) => heard.push(view?.session_id ?? null), onAsk: nothing, onTime: nothing, onReach: nothing,
        });
        await until(() => asked.length === 1);
        say(running);
        say({ ...running, end_ms: 5 });
        await until(() => heard.length === 2);
        asked[0]([running]);
        await until(() => asked.length === 2);
        asked[1]?.([{ ...running, end_ms: 5 }]);
        await new Promise((r) => setTimeout(r, 50));
        watch.close();
        globalThis.fetch = before;
        return heard;
        """,
    )
    assert heard == ["s-1", None, None]


def test_tabs_are_told_nothing_that_is_over(page: Page) -> None:
    """What the tabs share grows with what goes on, not with what was: a page is left open for weeks."""
    newest = run(
        page,
        "stream-worker.js",
        """
        const view = { session_id: "s-1", participant: "P07", end_ms: null };
        const said = [
          ["session", view], ["ask", { ask_id: "a", session_id: "s-1" }], ["session", { ...view, session_id: "s-2" }],
          ["ask", { session_id: "s-1", ask: null }], ["session", { ...view, end_ms: 5 }],
        ];
        const text = said.map(([topic, data]) => `event: ${topic}\\ndata: ${JSON.stringify(data)}\\n\\n`).join("");
        const before = globalThis.fetch;
        globalThis.fetch = async () => new Response(new ReadableStream({
          start: (pen) => pen.enqueue(new TextEncoder().encode(text)),
        }));
        const tab = () => {
          const heard = [];
          const port = { heard, postMessage: ({ kind, message }) => kind === "message" && heard.push(message) };
          self.onconnect({ ports: [port] });
          port.onmessage({ data: { kind: "hello", url: "/nowhere" } });
          return port;
        };
        const first = tab();
        for (let i = 0; i < 200 && first.heard.length < 5; i += 1) await new Promise((r) => setTimeout(r, 5));
        const second = tab();
        for (const port of [first, second]) port.onmessage({ data: { kind: "bye" } });
        globalThis.fetch = before;
        return second.heard.map(({ topic, data }) => `${topic} ${data.session_id}`);
        """,
    )
    assert newest == ["session s-2"]


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


@pytest.mark.parametrize(("keepalive_s", "is_lost"), [(4.0, False), (30.0, False), (None, True)])
def test_quiet_is_no_silence(visit: Visit, keepalive_s: float | None, is_lost: bool) -> None:
    """A feed with nothing to tell speaks as often as its greeting says: that long it is believed, and twice more."""
    page = visit.open("/viewer/icon.svg")
    page.clock.install()
    page.evaluate(
        """async (keepalive) => {
          const m = await import("/viewer/stream.js");
          globalThis.seen = [];
          globalThis.fetch = async (url, { signal }) => {
            const body = new ReadableStream({
              start(pen) {
                const say = (text) => signal.aborted || pen.enqueue(new TextEncoder().encode(text));
                say(`event: hello\\ndata: ${JSON.stringify(keepalive ? { keepalive_s: keepalive } : {})}\\n\\n`);
                setInterval(() => say(": still here\\n\\n"), 1000 * (keepalive ?? 30));
                signal.addEventListener("abort", () => pen.error(new DOMException("aborted", "AbortError")));
              },
            });
            return new Response(body, { status: 200 });
          };
          m.openStream("/nowhere", { onLink: ({ state }) => seen.push(state), onMessage: () => {} });
        }""",
        keepalive_s,
    )
    for _ in range(45):
        page.clock.run_for(1_000)
    assert ("lost" in page.evaluate("seen")) is is_lost


def test_silence_is_a_lost_connection(visit: Visit) -> None:
    """A pulled cable ends no connection: ten seconds without a word do, and it is tried again from the last record."""
    page = visit.open("/viewer/icon.svg")
    page.clock.install()
    page.evaluate(
        """async () => {
          const m = await import("/viewer/stream.js");
          globalThis.seen = [];
          globalThis.asked = [];
          globalThis.fetch = async (url, { signal, headers }) => {
            asked.push(headers["Last-Event-ID"] ?? null);
            const text = 'event: sync\\nid: 41\\ndata: {"broker":"ok"}\\n\\n';
            const body = new ReadableStream({
              start(pen) {
                pen.enqueue(new TextEncoder().encode(text));
                signal.addEventListener("abort", () => pen.error(new DOMException("aborted", "AbortError")));
              },
            });
            return new Response(body, { status: 200 });
          };
          m.openStream("/nowhere", {
            onLink: ({ state }) => seen.push([state, Date.now()]),
            onMessage: ({ topic, id }) => seen.push([`${topic} ${id}`, Date.now()]),
          });
        }"""
    )
    for _ in range(14):
        page.clock.run_for(1_000)
    wait_until(lambda: page.evaluate("seen.length") >= 6, "it was tried again")
    seen, asked = page.evaluate("[seen.slice(0, 6), asked.slice(0, 2)]")
    words = [word for word, _ in seen]
    assert words == ["connecting", "live", "sync 41", "lost", "live", "sync 41"]
    assert asked == [None, "41"]
    assert seen[3][1] - seen[2][1] == pytest.approx(10_000, abs=100)
    assert 700 < seen[4][1] - seen[3][1] < 1_500


def test_words_that_count_and_lines_that_flow(page: Page) -> None:
    """One is one; a line that was broken by hand flows, and what stands in lines of its own stays in them."""
    assert run(page, "format.js", "return [m.counted(1, 'label'), m.counted(1200, 'label')]") == [
        "1 label",
        "1\u202f200 labels",
    ]
    text = f"{'word ' * 12}end\nof it.\n\nA heading\nits text\n\n- {'word ' * 12}end\n- two\n"
    assert run(page, "format.js", "return m.unwrapped(arg)", text) == text.replace("end\nof", "end of")
    flood = "return [m.floodWords({merged: 1}), m.floodWords({merged: 2, suppressed: 1}), m.floodWords()]"
    assert run(page, "event-words.js", flood) == [
        "1 more was counted with one like it",
        "2 more were counted with one like them; 1 more was held back so that nothing floods",
        "",
    ]


def test_zone_of_times(browser: Browser, stage: Stage) -> None:
    """Times are those of the reader's zone, and the page says which that is."""
    with visiting(browser, stage.url, timezone_id="Asia/Kolkata") as visit:
        found = run(visit.open("/viewer/icon.svg"), "format.js", "return [m.zoneOf(0), m.dayOf(81_000_000)]")
        assert found == ["UTC+05:30", "1970-01-02"]


def test_what_was_done_is_told_in_words(page: Page) -> None:
    """What the audit log keeps as a request or a command; what has no words is told as it is kept."""
    script = "return arg.map(([action, target]) => m.deedWords({ action, target }))"
    found = run(page, "audit-words.js", script, [["POST /v1/session", "account=lena"], ["constructor", ""]])
    assert found == [
        {"title": "Signed in", "raw": "POST /v1/session · account=lena"},
        {"title": "", "raw": "constructor"},
    ]
