"""Sessions at the whole appliance: existing clients and the participant's page side by side, a kill, and an erasure."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import PHONE, alive, visiting
from tests.support.daemon_guest import Heard, Lead, listening
from tests.support.desk_stage import small_video
from tests.support.ports import free_port
from tests.support.processes import Daemon, running, wait_until

_SETTINGS = """
device = "lab"
state_dir = "{state}"
cameras = []

[[sensors]]
id = "wrist"
source = "simulated"
gap_every_s = 0

[[sensors]]
id = "belt"
source = "simulated"
rate_hz = 50
pulse = true
seed = 2

[broker]
enabled = false

[web]
host = "127.0.0.1"
port = {port}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """An appliance with two sensors and no camera."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    settings = folder / "edge.toml"
    settings.write_text(_SETTINGS.format(state=folder / "state", port=port), encoding="utf-8")
    with running("edge", settings, port) as started:
        yield started


@pytest.fixture
def lead(daemon: Daemon) -> Lead:
    """Who leads the sessions, signed in."""
    return Lead(daemon)


def starts(client: httpx.Client, **query: str) -> list[int]:
    """When the segments of video 2 began, as an existing client polls them (S0.11)."""
    answer: dict[str, Any] = client.get("/api/predictions/video/2", params=query).json()
    assert answer["success"] and answer["total"] == len(answer["segments"])
    return [segment["timestamp"] for segment in answer["segments"]]


def test_existing_client_and_page_at_once(browser: Browser, daemon: Daemon, lead: Lead, tmp_path: Path) -> None:
    """S0.6 to S0.13, S0.19, S0.20, S0.36: two people on two sensors; what is pushed is what is polled."""
    lead.welcome("P07", sensor="belt")
    lead.show("clip", small_video(tmp_path / "clip.webm", seconds=8))
    path = lead.ask("POST", "/v1/participants/P07/link", json={})["path"]
    session_id = f"user1_2_{time.time_ns() // 1_000_000}"
    said = {"video_id": 2, "timestamp": int(session_id.split("_")[2]), "user_id": "user1", "session_id": session_id}
    with (
        httpx.Client(base_url=daemon.url, timeout=10) as client,
        visiting(browser, daemon.url, size=PHONE) as visit,
        listening(daemon.url, "user1", 2) as heard,
    ):
        assert client.post("/api/video/2/start", json=said).json() == {"success": True, "session_id": session_id}
        page = visit.open(path)
        page.get_by_role("button", name="I am ready").click()
        watched = lead.begin("P07", stimulus="clip")
        page.get_by_role("button", name="Happy").click(timeout=60_000)
        wait_until(lambda: alive(page) and len(starts(client, user_id="user1")) >= 2, "two segments")
        assert client.post("/api/video/2/stop", json={"session_id": session_id}).json()["success"]
        wait_until(lambda: alive(page) and len(lead.segments(watched)) >= 2, "two segments of the page's session")
        lead.ask("POST", f"/v1/sessions/{watched}/stop")
        expect(page.locator("#words-title")).to_have_text("Thank you")
        polled = _as_pushed(client, heard)
        assert starts(client, user_id="user2") == [] and starts(client, user_id="user1", session_id="other") == []
    assert [later - sooner for sooner, later in pairwise(polled)] == [5000] * (len(polled) - 1)
    _kept_and_erased(lead, watched)


def _as_pushed(client: httpx.Client, heard: Heard) -> list[int]:
    """The starts of all segments, once both sockets brought every one of them in the shape that is polled."""
    wait_until(lambda: len(starts(client, user_id="user1")) >= 3, "the segment that the stop cut short")
    polled = client.get("/api/predictions/video/2", params={"user_id": "user1"}).json()["segments"]
    wait_until(lambda: heard.by_socket == polled and heard.by_socket_io == polled, f"{polled} was pushed")
    return [segment["timestamp"] for segment in polled]


def _kept_and_erased(lead: Lead, session_id: str) -> None:
    """The answer and the film's clock are in the session and its report, until the participant is erased."""
    (label,) = lead.ask("GET", f"/v1/sessions/{session_id}")["labels"]
    assert (label["probe"], label["reason"]) == ("HH", "first") and label["stimulus_ms"] is not None
    assert any(segment["stimulus_ms"] is not None for segment in lead.segments(session_id))
    assert "P07" in lead.ask("GET", f"/v1/sessions/{session_id}/report")
    lead.ask("DELETE", "/v1/participants/P07")
    assert lead.status(f"/v1/sessions/{session_id}") == 404
    assert lead.ask("GET", "/v1/sessions?participant=P07")["sessions"] == []


def test_killed_in_a_session(daemon: Daemon, lead: Lead) -> None:
    """A session ends as `restarted`, no label and no segment of it is lost, and the next one begins."""
    lead.welcome("P08", sensor="wrist")
    session_id = lead.begin("P08")
    said = [{"source": "probe", "probe": "LL", "label_id": "one"}, {"valence": 0.5, "label_id": "two"}]
    assert lead.ask("POST", f"/v1/sessions/{session_id}/labels", json={"labels": said}) == {"kept": 2}
    wait_until(lambda: bool(lead.segments(session_id)), "a segment")
    daemon.kill()
    daemon.start()
    ended = lead.ask("GET", f"/v1/sessions/{session_id}")
    assert ended["reason"] == "restarted" and ended["end_ms"] >= ended["start_ms"] + 5000
    assert [label["label_id"] for label in ended["labels"]] == ["one", "two"]
    assert len(lead.segments(session_id)) >= 1
    again = lead.begin("P08")
    assert lead.ask("POST", f"/v1/sessions/{again}/stop")["reason"] == "stopped"
