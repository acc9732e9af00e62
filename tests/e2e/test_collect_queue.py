"""The queue of the page that hands in videos, called as its own module in a real browser, with time under our hand."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import visiting
from tests.support.stage import staged

_RIG = """async ({ script, left }) => {
  const { createQueue, summaryOf } = await import("/viewer/collect-queue.js");
  const { openCollectStore } = await import("/viewer/collect-store.js");
  await new Promise((done) => (indexedDB.deleteDatabase("afferent.collect").onsuccess = done));
  const opened = await openCollectStore();
  const asked = new Set();
  const watched = (call) => (...given) => {
    const answer = call(...given);
    asked.add(answer);
    return answer.finally(() => asked.delete(answer));
  };
  const { close, ...asking } = opened;
  const store = Object.fromEntries(Object.entries(asking).map(([name, call]) => [name, watched(call)]));
  const idle = async () => {
    for (let more = true; more; more = asked.size > 0) {
      await Promise.allSettled(asked);
      await new Promise((done) => setTimeout(done));
    }
  };
  const calls = [], waits = [], sessions = [];
  let time = 0, seen = [], settle = () => {};
  const uploader = {
    createSession: async (who) => (sessions.push(who ?? null), `s${sessions.length}`),
    uploadComplete: async (session, blob, metadata, onProgress) => {
      calls.push([session, metadata.videoId, time]);
      onProgress(50, 1, 2);
      return script(session, metadata.videoId, calls.length);
    },
  };
  const wait = async (ms) => { waits.push(ms); time += ms; };
  const onChange = (videos) => {
    seen = videos;
    if (videos.every(({ state }) => ["completed", "failed"].includes(state))) settle();
  };
  const settled = () => new Promise((done) => (settle = done));
  const make = (given) => createQueue({ store, uploader, onChange, wait, now: () => time, ...given });
  const put = (queue, name) => queue.add(new Blob([name]), { videoId: name, name, metadata: {} });
  const states = () => seen.map(({ videoId, state }) => [videoId, state]);
  const found = await left({ make, put, store, settled, idle, states, summaryOf, waits, seen: () => seen });
  await idle();
  close();
  return { ...found, calls, sessions };
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of the appliance that runs none of our code by itself."""
    folder: Path = tmp_path_factory.mktemp("queue")
    with staged(folder, cameras=()) as stage, visiting(browser, stage.url) as visit:
        visit.forgive("404")
        yield visit.open("/viewer/icon.svg")


def run(page: Page, *, script: str, left: str) -> dict[str, Any]:
    """What `left` returns, with what was asked of the uploader, which answers by `script`."""
    return dict(page.evaluate(f"() => ({_RIG})({{ script: {script}, left: {left} }})"))


def test_order_and_one_at_a_time(page: Page) -> None:
    """U2.2: in their order, all of one session (S2.15), 250 ms between them; the bytes are given back."""
    found = run(
        page,
        script="async () => ({ success: true })",
        left="""async ({ make, put, store, settled, idle, states, waits }) => {
          const queue = make();
          await queue.renew("P07");
          await queue.begin();
          const end = settled();
          await Promise.all(["a", "b", "c"].map((name) => put(queue, name)));
          await end;
          await idle();
          const kept = await Promise.all((await store.list()).map(({ id }) => store.blob(id)));
          return { states: states(), gaps: new Set(waits).size === 1 && waits[0], kept: kept.filter(Boolean).length };
        }""",
    )
    assert found["states"] == [["a", "completed"], ["b", "completed"], ["c", "completed"]]
    assert [(session, video) for session, video, _ in found["calls"]] == [("s1", "a"), ("s1", "b"), ("s1", "c")]
    assert (found["sessions"], found["gaps"], found["kept"]) == (["P07"], 250, 0)


def test_failing_video_waits_and_others_go_first(page: Page) -> None:
    """U2.2: five attempts, 2, 4, 8 and 16 s apart, none of which holds up the next video; then again by hand."""
    found = run(
        page,
        script="async (_, video, n) => ({ success: video !== 'bad' || n > 8, error: 'no', status: 0 })",
        left="""async ({ make, put, settled, states, seen }) => {
          const queue = make();
          await queue.begin();
          const end = settled();
          await put(queue, "bad");
          await put(queue, "good");
          await end;
          const failed = [states(), seen()[0].error, seen()[0].attempts];
          const again = settled();
          await queue.retryFailed();
          await again;
          return { failed, after: states() };
        }""",
    )
    assert found["failed"] == [[["bad", "failed"], ["good", "completed"]], "no", 5]
    times = [time for _, video, time in found["calls"] if video == "bad"][:5]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(gap in range(want, want + 1000) for gap, want in zip(gaps, (2000, 4000, 8000, 16000), strict=True)), gaps
    assert [video for _, video, _ in found["calls"]][1] == "good"


def test_page_that_was_closed(page: Page) -> None:
    """U2.2, S2.21: what was being sent waits again, in its session; what failed and what is done stays so."""
    found = run(
        page,
        script="async () => ({ success: true })",
        left="""async ({ make, store, settled, states }) => {
          const blob = new Blob(["x"]);
          for (const state of ["completed", "uploading", "failed", "pending"]) {
            const sessionId = state === "uploading" ? "old" : null;
            const facts = { attempts: 0, sessionId, participant: "P07", metadata: {} };
            await store.add({ videoId: state, name: state, state, ...facts }, blob);
          }
          const end = settled();
          await make().begin();
          await end;
          return { states: states() };
        }""",
    )
    assert [state for _, state in found["states"]] == ["completed", "completed", "failed", "completed"]
    assert [(session, video) for session, video, _ in found["calls"]] == [("old", "uploading"), ("s1", "pending")]


def test_video_stays_its_participants(page: Page) -> None:
    """Who came next is no reason that a video which waits becomes theirs; each sitting has a session of its own."""
    found = run(
        page,
        script="async (_, video, n) => ({ success: n > 1, error: 'no', status: 0 })",
        left="""async ({ make, put, settled }) => {
          const queue = make();
          await queue.begin();
          await queue.renew("P07");
          const end = settled();
          await put(queue, "a");
          await queue.renew("P08");
          await put(queue, "b");
          await end;
          const last = settled();
          await queue.renew("P07");
          await put(queue, "c");
          await last;
          return {};
        }""",
    )
    assert found["sessions"] == ["P07", "P08", "P07"]
    assert {(session, video) for session, video, _ in found["calls"]} == {("s1", "a"), ("s2", "b"), ("s3", "c")}


def test_session_that_is_gone(page: Page) -> None:
    """S2.16: the appliance forgot the session: a new one, and the whole video again."""
    found = run(
        page,
        script="async (session) => ({ success: session !== 's1', error: 'gone', status: 404 })",
        left="""async ({ make, put, settled, states }) => {
          const queue = make();
          await queue.begin();
          const end = settled();
          await put(queue, "a");
          await end;
          return { states: states() };
        }""",
    )
    assert found["states"] == [["a", "completed"]]
    assert [session for session, _, _ in found["calls"]] == ["s1", "s2"]


def test_hopeless_video_fails_at_once(page: Page) -> None:
    """A refusal that no repetition changes is shown, not repeated."""
    found = run(
        page,
        script="async () => ({ success: false, error: 'other bytes', status: 409 })",
        left="""async ({ make, put, settled, states }) => {
          const queue = make();
          await queue.begin();
          const end = settled();
          await put(queue, "a");
          await end;
          return { states: states() };
        }""",
    )
    assert (found["states"], len(found["calls"])) == ([["a", "failed"]], 1)


def test_browser_without_room(page: Page) -> None:
    """What the browser cannot keep is sent all the same, and said to be lost with the page."""
    found = run(
        page,
        script="async () => ({ success: true })",
        left="""async ({ make, put, store, settled, states, seen, summaryOf }) => {
          const full = { ...store, add: async () => { throw new Error("quota"); } };
          const queue = make({ store: full });
          await queue.begin();
          const end = settled();
          await put(queue, "a");
          const kept = seen()[0].kept;
          await end;
          return { kept, states: states(), done: summaryOf(seen()).done, arriving: summaryOf(seen(), 1).done };
        }""",
    )
    assert (found["kept"], found["states"]) == (False, [["a", "completed"]])
    assert (found["done"], found["arriving"]) == (True, False)


@pytest.mark.parametrize("call", ["fact", "setFact", "note", "blob", "release"])
def test_storage_that_fails_in_the_middle(page: Page, call: str) -> None:
    """What the browser refuses once the first video is on its way holds up none, and each goes in once."""
    found = run(
        page,
        script="async () => ((globalThis.broken = true), { success: true })",
        left="""async ({ make, put, store, settled, states, seen, idle }) => {
          globalThis.broken = false;
          const full = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
          const failing = { ...store, CALL: (...given) => (globalThis.broken ? full() : store.CALL(...given)) };
          const queue = make({ store: failing });
          await queue.begin();
          await queue.renew("P07");
          const end = settled();
          await Promise.all(["a", "b"].map((name) => put(queue, name)));
          await end;
          await idle();
          return { states: states(), kept: seen().map(({ kept }) => kept), noted: seen().map(({ noted }) => noted) };
        }""".replace("CALL", call),
    )
    assert found["states"] == [["a", "completed"], ["b", "completed"]]
    assert [video for _, video, _ in found["calls"]] == ["a", "b"]
    assert found["sessions"] == ["P07"]
    assert (found["kept"], found["noted"]) == ([True, True], [call != "note"] * 2)


def test_storage_that_is_well_again(page: Page) -> None:
    """What it missed is noted with the next step; what it cannot forget is gone from the page all the same."""
    found = run(
        page,
        script="async (_, video, n) => ({ success: n > 1, error: 'no', status: 0 })",
        left="""async ({ make, put, store, settled, states, seen, idle }) => {
          const full = () => Promise.reject(new Error("full"));
          const failing = { ...store, note: (video) => (video.attempts ? store.note(video) : full()), remove: full };
          const queue = make({ store: failing });
          await queue.begin();
          const end = settled();
          await put(queue, "a");
          await end;
          await idle();
          const [kept] = await store.list();
          const noted = seen()[0].noted;
          await queue.clear();
          return { noted, kept: kept.state, left: states() };
        }""",
    )
    assert (found["noted"], found["kept"], found["left"]) == (True, "completed", [])


def test_database_that_the_browser_closed(page: Page) -> None:
    """It is opened again for whoever asks next, also after it could not be."""
    script = """async () => {
      const { openCollectStore } = await import("/viewer/collect-store.js");
      let last = null, refused = 0;
      const open = (...given) => {
        if (refused-- > 0) throw new DOMException("no", "UnknownError");
        const asking = indexedDB.open(...given);
        asking.addEventListener("success", () => (last = asking.result));
        return asking;
      };
      const store = openCollectStore({ open });
      await store.setFact("colour", "red");
      last.close();
      const first = await store.fact("colour");
      last.close();
      refused = 1;
      const refusal = await store.fact("colour").catch(({ name }) => name);
      const found = [first, refusal, await store.fact("colour")];
      last.close();
      return found;
    }"""
    assert page.evaluate(script) == ["red", "UnknownError", "red"]
