"""How the page hears the appliance, called as its own modules: cut pieces, silence, retries, and what is newer."""

import pytest
from playwright.sync_api import Page

from tests.support.browser import Visit
from tests.support.page_modules import BARE, run
from tests.support.processes import wait_until


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


@pytest.mark.parametrize(("keepalive_s", "is_lost"), [(4.0, False), (30.0, False), (None, True)])
def test_quiet_is_no_silence(visit: Visit, keepalive_s: float | None, is_lost: bool) -> None:
    """A feed with nothing to tell speaks as often as its greeting says: that long it is believed, and twice more."""
    page = visit.open(BARE)
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
    page = visit.open(BARE)
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
        for (let i = 0; i < 6000 && first.heard.length < 5; i += 1) await new Promise((r) => setTimeout(r, 5));
        const second = tab();
        for (const port of [first, second]) port.onmessage({ data: { kind: "bye" } });
        globalThis.fetch = before;
        return second.heard.map(({ topic, data }) => `${topic} ${data.session_id}`);
        """,
    )
    assert newest == ["session s-2"]


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
        const until = async (done) => { for (let i = 0; i < 6000 && !done(); i += 1) await moment(); };
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
        await until(() => heard.length === 3);
        await new Promise((r) => setTimeout(r, 50));
        watch.close();
        globalThis.fetch = before;
        return heard;
        """,
    )
    assert heard == ["s-1", None, None]
