"""Existing programs hand in videos with `requests`, over real sockets: S2.1 to S2.9 by a change of URL alone."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.collect_stage import CollectStage, collecting
from tests.support.processes import wait_until

MIB = 1024 * 1024


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[CollectStage]:
    """An appliance that takes videos."""
    with collecting(tmp_path) as opened:
        yield opened


def begin(stage: CollectStage) -> str:
    """A session."""
    answer = requests.post(f"{stage.url}/api/session/create", json={"participant_id": "P07"}, timeout=10)
    assert answer.status_code == 201
    return str(answer.json()["session_id"])


def chunk(stage: CollectStage, session: str, index: int, total: int, data: bytes) -> requests.Response:
    """Send one, as the client of S2.2 does."""
    form = {"session_id": session, "video_id": "video_123", "chunk_index": index, "total_chunks": total}
    files = {"chunk": ("blob", data, "video/webm")}
    return requests.post(f"{stage.url}/api/upload/chunk", data=form, files=files, timeout=20)


def test_fifteen_megabytes(stage: CollectStage) -> None:
    """S2.10: 15728640 bytes are 15 chunks; S2.18: session, chunks, reassembly, metadata, session again."""
    assert requests.get(f"{stage.url}/health", timeout=10).json()["status"] == "healthy"
    body, session = os.urandom(15_728_640), begin(stage)
    answers = [chunk(stage, session, n, 15, body[n * MIB : (n + 1) * MIB]).json() for n in range(15)]
    assert [one.get("received") for one in answers[:-1]] == list(range(1, 15))
    assert answers[-1]["file_path"] == f"{session}/video_123.webm"
    facts: dict[str, Any] = {
        "session_id": session,
        "video_id": "video_123",
        "prompt_id": "prompt_1",
        "duration": 30.5,
        "file_size": len(body),
        "codec": "vp9",
        "resolution": "1280x720",
        "frame_rate": 30,
        "camera_model": "C920",
        "browser": "Chrome",
        "timestamp": "2026-01-27T15:30:00",
    }
    saved = requests.post(f"{stage.url}/api/upload/metadata", json=facts, timeout=10)
    assert saved.json() == {"status": "metadata_saved", "video_id": "video_123"}
    (video,) = requests.get(f"{stage.url}/api/session/{session}", timeout=10).json()["videos"]
    assert (video["video_id"], video["prompt_id"]) == ("video_123", "prompt_1")
    assert (stage.folder / "facial_recordings" / answers[-1]["file_path"]).read_bytes() == body


def test_everything_at_once(stage: CollectStage) -> None:
    """X.13: all chunks from many connections, the last ones more than once: one video, the same answer to all."""
    body, session = os.urandom(6 * MIB), begin(stage)
    places = [*range(6), *range(6), 5, 5, 5]
    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(chunk, stage, session, n, 6, body[n * MIB : (n + 1) * MIB]) for n in places]
        answers = [one.result() for one in sent]
    assert {one.status_code for one in answers} == {200}
    whole = [one.json() for one in answers if one.json()["status"] == "video_complete"]
    assert whole
    assert all(one == whole[0] for one in whole)
    assert (stage.taken, stage.repeated) == (6, len(places) - 6)
    assert stage.kept[0].read_bytes() == body


def test_refusals_are_heard(stage: CollectStage) -> None:
    """S2.8: who still sends hears the answer too, and not only that the connection broke."""
    session, large = begin(stage), os.urandom(12 * MIB)
    assert stage.room is not None
    assert chunk(stage, "nobody", 0, 2, large).status_code == 404
    stage.room.roomy = False
    for _ in range(3):
        refused = chunk(stage, session, 0, 2, large)
        assert refused.status_code == 507
        assert "kept" in refused.json()["error"]
    stage.room.roomy = True
    assert chunk(stage, session, 0, 2, large).status_code == 200


def test_client_that_goes_away(stage: CollectStage) -> None:
    """A chunk that stops half way is none: nothing is kept of it, and its place is free for others."""
    session, places = begin(stage), 20
    drafts = stage.folder / "facial_recordings" / ".drafts"
    head = (
        f"POST /api/upload/chunk HTTP/1.1\r\nHost: {stage.url.removeprefix('http://')}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {5 * MIB}\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="chunk"; filename="x"\r\n\r\n'
    )
    for _ in range(places):
        with socket.create_connection(("127.0.0.1", int(stage.url.rpartition(":")[2]))) as link:
            link.sendall(head.encode() + b"x" * (2 * MIB))
    wait_until(lambda: drafts.is_dir() and not list(drafts.iterdir()), "every draft is gone")
    assert chunk(stage, session, 0, 1, b"whole").json()["status"] == "video_complete"
