"""The page that hands in videos: many, one after the other, through reloads, dead servers and failures, none twice."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PHONE, Visit, poor_contrast, too_wide, visiting
from tests.support.collect_stage import CollectStage, collecting
from tests.support.collecting import WEBM
from tests.support.processes import wait_until

MIB = 1024 * 1024
_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [160, 120];
    const pen = canvas.getContext("2d");
    let at = 0;
    setInterval(() => { pen.fillStyle = `hsl(${(at += 7) % 360} 80% 50%)`; pen.fillRect(0, 0, 160, 120); }, 40);
    return canvas.captureStream(25);
  };
}"""
"""A camera that is drawn: the real recorder of the browser records it."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[CollectStage]:
    """An appliance that takes videos."""
    with collecting(tmp_path) as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, stage: CollectStage) -> Iterator[Visit]:
    """Somebody on an open network."""
    with visiting(browser, stage.url) as opened:
        yield opened


def film(folder: Path, name: str, size: int) -> Path:
    """A file of this size that begins like a video."""
    path = folder / name
    path.write_bytes(WEBM + os.urandom(size - len(WEBM)))
    return path


def sent(page: Page) -> list[str]:
    """The chunks that the page tries to send from now on, and those of them that were taken."""
    found: list[str] = []

    def note(what: str, url: str, good: bool = True) -> None:
        if url.endswith("/api/upload/chunk") and good:
            found.append(what)

    page.on("request", lambda request: note("sent", request.url))
    page.on("response", lambda answer: note("taken", answer.url, answer.ok))
    return found


def cut_after(page: Page, found: list[str], count: int) -> None:
    """No further chunk arrives once `count` were taken."""
    page.route(
        "**/api/upload/chunk",
        lambda route: route.abort() if found.count("taken") >= count else route.continue_(),
    )


def digests(paths: list[Path]) -> set[str]:
    """Of whole files."""
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_queue_of_videos(visit: Visit, stage: CollectStage, tmp_path: Path) -> None:
    """S2.18 to S2.22, U2.2: three videos in order, with progress, metadata and an end that waits for all."""
    films = [
        film(tmp_path, f"{name}.webm", size) for name, size in (("a", 3 * MIB), ("b", MIB // 2), ("c", 2 * MIB + 7))
    ]
    page = visit.open("/collect")
    expect(page.locator("#finish")).to_be_disabled()
    page.fill("#participant", "P07")
    page.fill("#prompt", "joy")
    page.set_input_files("#files", films)
    page.get_by_role("button", name="I am done").click()
    expect(page.locator("#ending-title")).to_have_text("Everything is handed in")
    assert [line.get_attribute("data-state") for line in page.locator("#videos li").all()] == ["completed"] * 3
    expect(page.locator("#videos li").first).to_contain_text("3 of 3 chunks")
    assert digests(stage.kept) == digests(films)
    stage.promote()
    assert {file.participant for file in stage.ledger.files} == {"P07"}
    assert {file.about["prompt_id"] for file in stage.ledger.files} == {"joy"}
    page.reload()
    expect(page.locator("#videos li")).to_have_count(3)
    page.get_by_role("button", name="Clear what is done").click()
    expect(page.locator("#empty")).to_be_visible()


def test_reload_goes_on_at_the_chunk(visit: Visit, stage: CollectStage, tmp_path: Path) -> None:
    """S2.21: what is held is not sent again."""
    visit.forgive("ERR_FAILED", "ERR_ABORTED")
    whole = film(tmp_path, "long.webm", 5 * MIB + 100)
    page = visit.open("/collect")
    chunks = sent(page)
    cut_after(page, chunks, 2)
    page.set_input_files("#files", whole)
    wait_until(lambda: bool(page.evaluate("true")) and chunks.count("sent") >= 3, "two chunks arrived, a third did not")
    page.unroute("**/api/upload/chunk")
    page.reload()
    expect(page.locator("#videos li")).to_have_attribute("data-state", "completed")
    assert (stage.taken, stage.repeated) == (6, 0)
    assert digests(stage.kept) == digests([whole])


def test_server_dies_and_returns(visit: Visit, stage: CollectStage, tmp_path: Path) -> None:
    """S2.11: the page waits and goes on by itself; nothing that was acknowledged is sent again."""
    visit.forgive("ERR_", "Failed to load resource")
    whole = film(tmp_path, "long.webm", 4 * MIB)
    page = visit.open("/collect")
    chunks = sent(page)
    cut_after(page, chunks, 2)
    page.set_input_files("#files", whole)
    wait_until(lambda: bool(page.evaluate("true")) and chunks.count("sent") >= 3, "two chunks arrived, a third did not")
    assert stage.taken == 2
    stage.unplug()
    page.unroute("**/api/upload/chunk")
    wait_until(lambda: bool(page.evaluate("true")) and chunks.count("sent") >= 4, "it tried again")
    stage.plug_in()
    expect(page.locator("#videos li")).to_have_attribute("data-state", "completed", timeout=60_000)
    assert (stage.taken, stage.repeated) == (2, 0)
    assert digests(stage.kept) == digests([whole])


def test_failed_video_does_not_block_the_next(visit: Visit, stage: CollectStage, tmp_path: Path) -> None:
    """U2.2: one that cannot be taken is shown with its reason, and may be tried again; the next is sent."""
    visit.forgive("status of 400")
    good = film(tmp_path, "good.webm", MIB)
    page = visit.open("/collect")
    page.route("**/api/upload/metadata", lambda route: route.fulfill(status=400, json={"error": "no"}), times=1)
    page.set_input_files("#files", [film(tmp_path, "bad.webm", 1000), good])
    expect(page.locator("#videos li").nth(1)).to_have_attribute("data-state", "completed")
    expect(page.locator("#videos li").first).to_have_attribute("data-state", "failed")
    page.get_by_role("button", name="I am done").click()
    expect(page.locator("#ending-title")).to_have_text("Please leave this page open")
    page.get_by_role("button", name="Retry failed").click()
    expect(page.locator("#ending-title")).to_have_text("Everything is handed in")
    assert len(stage.kept) == 2


def test_recording_while_the_last_one_is_sent(browser: Browser, stage: CollectStage, tmp_path: Path) -> None:
    """S2.19, S2.15: what was recorded is sent while the next is being recorded, and it plays (S2.18)."""
    with visiting(browser, stage.url) as visit:
        page = visit.open("/collect")
        page.evaluate(_CAMERA)
        page.get_by_role("button", name="Use the camera").click()
        button = page.locator("#record")
        button.click()
        expect(button).to_have_text("Stop recording")
        page.wait_for_timeout(1300)
        button.click()
        expect(page.locator("#videos li")).to_have_count(1)
        button.click()
        expect(page.locator("#videos li").first).to_have_attribute("data-state", "completed")
        expect(button).to_have_text("Stop recording")
        page.get_by_role("button", name="I am done").click()
        expect(page.locator("#ending-title")).to_have_text("Everything is handed in")
        assert len(stage.kept) == 2
        body = max((path.read_bytes() for path in stage.kept), key=len)
        page.route("**/played", lambda route: route.fulfill(body=body, content_type="video/webm"))
        played = """() => new Promise((done, failed) => {
          const video = document.createElement("video");
          video.muted = true;
          video.onerror = () => failed(new Error(video.error.message));
          video.ontimeupdate = () => video.currentTime > 0.1 && done([video.videoWidth, video.videoHeight]);
          video.src = "/played";
          video.play();
          setTimeout(() => failed(new Error(`stands at ${video.currentTime}`)), 30000);
        })"""
        assert page.evaluate(played) == [160, 120]
        told = [json.loads(path.read_bytes()) for path in stage.folder.glob("**/*.metadata.json")]
        assert {one["resolution"] for one in told} == {"160x120"}
        assert max(one["duration"] for one in told) >= 1


def test_looks(browser: Browser, stage: CollectStage, tmp_path: Path) -> None:
    """Readable on a phone in either scheme, nothing wider than it."""
    for scheme in ("dark", "light"):
        with visiting(browser, stage.url, size=PHONE, scheme=scheme) as visit:
            page = visit.open("/collect")
            page.set_input_files("#files", film(tmp_path, "a.webm", 1000))
            expect(page.locator("#videos li")).to_have_attribute("data-state", "completed")
            assert not poor_contrast(page)
            assert not too_wide(page)


def test_client_library(visit: Visit, stage: CollectStage) -> None:
    """S2.10 to S2.14: the interface of existing pages, from a console; retries wait 2^n s and a little."""
    visit.forgive("503", "404")
    page = visit.open("/viewer/icon.svg")
    failures = [2]
    page.route(
        "**/api/upload/chunk",
        lambda route: (
            (failures.__setitem__(0, failures[0] - 1), route.fulfill(status=503, body="{}"))
            if failures[0]
            else route.continue_()
        ),
    )
    found = page.evaluate(
        """async () => {
          const m = await import("/viewer/collect-client.js");
          const waits = [], steps = [];
          const client = m.createUploader({ wait: async (ms) => waits.push(ms), random: () => 0.5 });
          const session = await client.createSession("P07");
          const blob = new Blob([new Uint8Array(2.5 * 1024 * 1024)], { type: "video/webm" });
          const result = await client.uploadComplete(session, blob, { videoId: "v1" }, (...step) => steps.push(step));
          const again = await client.uploadComplete(session, blob, { videoId: "v1" });
          const lost = await client.uploadComplete("nobody", blob, { videoId: "v1" });
          return { waits, steps, result, again, lost, session: await client.getSession(session) };
        }"""
    )
    assert found["waits"] == [1500, 2500]
    assert found["steps"] == [[0, 0, 3], [33, 1, 3], [67, 2, 3], [100, 3, 3]]
    assert found["result"] == {"success": True, "videoId": "v1", "sent": 3}
    assert found["again"]["sent"] == 0
    assert found["lost"]["success"] is False
    assert "Session not found" in found["lost"]["error"]
    assert [video["video_id"] for video in found["session"]["videos"]] == ["v1"]


def test_the_way_to_the_other_pages_is_for_who_has_an_account(visit: Visit, stage: CollectStage) -> None:
    """A participant with a phone sees none; the operator who came by *Hand in* finds back."""
    page = visit.open("/collect")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#top")).to_be_hidden()
    visit.sign_in(stage.password)
    page.reload()
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_be_visible()
    expect(pages.get_by_role("link", name="Hand in")).to_have_attribute("aria-current", "page")
    width, height = PHONE
    page.set_viewport_size({"width": width, "height": height})
    assert too_wide(page) == []
    for link in pages.get_by_role("link").all()[1:]:  # the overview itself is no part of this stage
        assert page.request.get(str(link.evaluate("one => one.href"))).ok


def test_browser_that_keeps_nothing(visit: Visit, stage: CollectStage, tmp_path: Path) -> None:
    """A private window may have no storage: the page says so, hands in all the same, and warns before it is left."""
    visit.forgive("404")
    page = visit.open("/viewer/icon.svg")
    page.add_init_script(
        "Object.defineProperty(window, 'indexedDB', "
        "{ value: { open() { throw new DOMException('not in this window', 'SecurityError'); } } })"
    )
    page.goto(f"{stage.url}/collect")
    expect(page.locator("#trouble")).to_contain_text("not in this window")
    expect(page.locator("#trouble")).to_contain_text("Leave this page open")
    page.route("**/api/upload/chunk", lambda route: None)
    page.set_input_files("#files", film(tmp_path, "a.webm", 1000))
    expect(page.locator("#videos li")).to_contain_text("lost if this page is closed")
    page.get_by_role("button", name="I am done").click()
    expect(page.locator("#ending-words")).to_contain_text("lost if the page is closed")
    page.once("dialog", lambda asked: asked.dismiss())
    with page.expect_event("dialog") as leaving:
        page.close(run_before_unload=True)
    assert leaving.value.type == "beforeunload"
    page.unroute("**/api/upload/chunk")
