"""Videos that browsers hand in chunk by chunk: S2 word for word, and every trap of X.13."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from edge.collecting.settings import CollectSettings
from tests.support.collecting import WEBM, Client, Room, client_of

CHUNKS = [WEBM + b"a" * 1000, b"b" * 1004, b"c" * 17]
WHOLE = b"".join(CHUNKS)
_NAIVE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client on the appliance itself, which needs no sign-in."""
    async with client_of(Room(tmp_path / "state"), tmp_path) as opened:
        yield opened


def home(client: Client, session: str) -> Path:
    """The session's folder (S2.9)."""
    return client.room.folder / "facial_recordings" / session


async def test_health(client: Client) -> None:
    """S2.7."""
    answer = await client.http.get("/health")
    assert list(answer.json()) == ["status", "service", "version"]
    assert answer.json() == {"status": "healthy", "service": "facial-data-collection-backend", "version": "1.0.0"}


async def test_session(client: Client) -> None:
    """S2.1: 201, a uuid, a naive time to the second."""
    answer = await client.http.post("/api/session/create", json={"participant_id": "P07"})
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["session_id", "created_at", "status", "participant"]
    assert body["status"] == "created"
    assert str(UUID(body["session_id"])) == body["session_id"]
    assert re.fullmatch(_NAIVE, body["created_at"])
    assert (home(client, body["session_id"]) / "session.json").is_file()
    nameless = await client.http.post("/api/session/create")
    assert (nameless.status_code, list(nameless.json())) == (201, ["session_id", "created_at", "status"])
    found = await client.session(body["session_id"])
    assert (found["session_id"], found["status"], found["videos"]) == (body["session_id"], "created", [])


async def test_video(client: Client) -> None:
    """S2.2 to S2.6, S2.9: chunks, the whole, its metadata, and what the session then has."""
    session = await client.begin()
    first = await client.chunk(session, "video_123", 0, 3, CHUNKS[0])
    assert first.json() == {"status": "chunk_received", "chunk_index": 0, "total_chunks": 3, "received": 1}
    last = await client.video(session, "video_123", CHUNKS)
    assert last["status"] == "video_complete"
    assert (last["video_id"], last["file_path"]) == ("video_123", f"{session}/video_123.webm")
    assert last["sha256"] == hashlib.sha256(WHOLE).hexdigest()
    saved = await client.metadata(session, "video_123", prompt_id="joy", duration=3.2, file_size=len(WHOLE))
    assert saved.json() == {"status": "metadata_saved", "video_id": "video_123"}
    found = await client.session(session)
    assert list(found)[:4] == ["session_id", "created_at", "status", "videos"]
    (video,) = found["videos"]
    assert list(video)[:3] == ["video_id", "prompt_id", "uploaded_at"]
    assert (video["video_id"], video["prompt_id"]) == ("video_123", "joy")
    assert re.fullmatch(_NAIVE, video["uploaded_at"])
    assert (home(client, session) / "video_123.webm").read_bytes() == WHOLE
    assert json.loads((home(client, session) / "video_123.metadata.json").read_bytes())["prompt_id"] == "joy"
    assert not (home(client, session) / "video_123.chunks").exists()


async def test_metadata_twice_replaces(client: Client) -> None:
    """X.13: the second is what is known, once; it may come before the video too."""
    session = await client.begin()
    await client.metadata(session, "v", prompt_id="first")
    await client.video(session, "v", CHUNKS)
    await client.metadata(session, "v", prompt_id="second")
    assert [one["prompt_id"] for one in (await client.session(session))["videos"]] == ["second"]


async def test_repeated_chunk_counts_once(client: Client) -> None:
    """S2.3, X.13: the same answer for the same bytes; other bytes are another video's."""
    session = await client.begin()
    answers = [await client.chunk(session, "v", 1, 3, CHUNKS[1]) for _ in range(3)]
    assert [one.json()["received"] for one in answers] == [1, 1, 1]
    other = await client.chunk(session, "v", 1, 3, b"something else")
    assert other.status_code == 409
    assert "another video_id" in other.json()["error"]
    await client.chunk(session, "v", 2, 3, CHUNKS[2])
    assert (await client.chunk(session, "v", 0, 3, CHUNKS[0])).json()["status"] == "video_complete"
    assert (home(client, session) / "v.webm").read_bytes() == WHOLE


async def test_last_chunk_again(client: Client) -> None:
    """X.13: a retried chunk of a video that is whole is answered as the first one was; another video's is refused."""
    session = await client.begin()
    done = await client.video(session, "v", CHUNKS)
    again = [await client.chunk(session, "v", index, 3, CHUNKS[index]) for index in (2, 0)]
    assert [one.json() for one in again] == [done, done]
    assert (await client.chunk(session, "v", 2, 3, b"x" * 17)).status_code == 409
    assert client.room.collector.videos_completed == 1


async def test_concurrent_last_chunks(client: Client) -> None:
    """X.13: put together once, and both hear the same."""
    session = await client.begin()
    await client.chunk(session, "v", 0, 3, CHUNKS[0])
    sends = [client.chunk(session, "v", index, 3, CHUNKS[index]) for index in (1, 2, 1, 2, 2, 1)]
    answers = [one.json() for one in await asyncio.gather(*sends)]
    complete = [one for one in answers if one["status"] == "video_complete"]
    assert complete
    assert all(one == complete[0] for one in complete)
    assert client.room.collector.videos_completed == 1
    assert (home(client, session) / "v.webm").read_bytes() == WHOLE


async def test_total_may_not_change(client: Client) -> None:
    """X.13: 400, and what to do."""
    session = await client.begin()
    await client.chunk(session, "v", 0, 3, CHUNKS[0])
    answer = await client.chunk(session, "v", 1, 4, CHUNKS[1])
    assert answer.status_code == 400
    assert "begun with 3" in answer.json()["error"]


@pytest.mark.parametrize("missing", ["session_id", "video_id", "chunk_index", "total_chunks"])
async def test_missing_field(client: Client, missing: str) -> None:
    """S2.8: 400 that names it."""
    form = {"session_id": await client.begin(), "video_id": "v", "chunk_index": "0", "total_chunks": "1"}
    del form[missing]
    answer = await client.http.post("/api/upload/chunk", data=form, files={"chunk": ("blob", b"x")})
    assert (answer.status_code, answer.json()["field"]) == (400, missing)
    assert missing in answer.json()["error"]


async def test_missing_chunk(client: Client) -> None:
    """S2.8: no file, an empty one, and no form at all."""
    session = await client.begin()
    form = {"session_id": session, "video_id": "v", "chunk_index": "0", "total_chunks": "1", "chunk_": "x"}
    no_form = await client.http.post("/api/upload/chunk", json=form)
    no_file = await client.http.post("/api/upload/chunk", data=form, files={"other": ("blob", b"x")})
    empty = await client.chunk(session, "v", 0, 1, b"")
    assert [one.status_code for one in (no_form, no_file, empty)] == [400, 400, 400]
    assert all(one.json()["error"] for one in (no_form, no_file, empty))


@pytest.mark.parametrize(
    ("index", "total"), [("3", "3"), ("-1", "3"), ("x", "3"), ("0", "0"), ("0", "99999"), ("1.5", "3"), ("٣", "9")]
)
async def test_senseless_numbers(client: Client, index: str, total: str) -> None:
    """S2.8: 400 and nothing kept."""
    session = await client.begin()
    assert (await client.chunk(session, "v", index, total, b"x")).status_code == 400
    assert (await client.session(session))["uploads"] == []


@pytest.mark.parametrize("bad", ["../../etc/passwd", "..", "a/b", "/etc", "a\\b", ".hidden", "a\x00b", "x" * 65, "a\n"])
async def test_ids_that_are_paths(client: Client, bad: str) -> None:
    """X.13: refused before anything is written."""
    session = await client.begin()
    before = set(client.room.folder.rglob("*"))
    assert (await client.chunk(session, bad, 0, 1, b"x")).status_code == 400
    assert (await client.chunk(bad, "v", 0, 1, b"x")).status_code == 404
    assert (await client.metadata(session, bad, prompt_id="x")).status_code == 400
    assert (await client.metadata(bad, "v", prompt_id="x")).status_code == 404
    assert {path.name for path in set(client.room.folder.rglob("*")) - before} <= {".drafts"}


async def test_unknown_session(client: Client) -> None:
    """S2.8, S2.16: 404 and a clear message, on each route."""
    answers = [
        await client.chunk("nobody", "v", 0, 1, b"x"),
        await client.metadata("nobody", "v", prompt_id="x"),
        await client.http.get("/api/session/nobody"),
        await client.http.get("/api/session/..%2f..%2fetc"),
    ]
    assert [one.status_code for one in answers] == [404] * 4
    assert all("error" in one.json() for one in answers)
    assert "Session not found" in answers[0].json()["error"]


async def test_damaged_chunk(client: Client) -> None:
    """The digest that a client may send is held against what came."""
    session, digest = await client.begin(), hashlib.sha256(b"x").hexdigest()
    assert (await client.chunk(session, "v", 0, 1, b"y", chunk_sha256=digest)).status_code == 400
    assert (await client.chunk(session, "v", 0, 1, b"x", chunk_sha256=digest)).status_code == 200


@pytest.mark.parametrize(
    ("data", "told", "name"),
    [
        (WEBM + b"x", "", "v.webm"),
        (b"\x00\x00\x00\x18ftypisom", "webm", "v.mp4"),
        (b"whatever", ".MP4", "v.mp4"),
        (b"whatever", "", "v.webm"),
    ],
)
async def test_extension(client: Client, data: bytes, told: str, name: str) -> None:
    """U2.1: what the bytes show goes before what was told."""
    session = await client.begin()
    done = await client.video(session, "v", [data], **({"file_extension": told} if told else {}))
    assert done["file_path"] == f"{session}/{name}"


async def test_extension_that_is_none(client: Client) -> None:
    """U2.1: only videos; and of the two types that there are."""
    session = await client.begin()
    assert (await client.chunk(session, "v", 0, 1, b"x", file_extension="../sh")).status_code == 400
    assert (await client.chunk(session, "v", 0, 1, b"x", video_type="other")).status_code == 400


async def test_resume(client: Client) -> None:
    """S2.21: the session tells which chunks are held."""
    session = await client.begin()
    for index in (0, 1, 3, 5):
        await client.chunk(session, "v", index, 7, b"x%d" % index)
    (upload,) = (await client.session(session))["uploads"]
    assert upload == {"video_id": "v", "total_chunks": 7, "received": 4, "held": [[0, 1], [3, 3], [5, 5]]}


async def test_no_room(client: Client) -> None:
    """507: what was acknowledged is kept, and goes on when there is room."""
    session = await client.begin()
    await client.chunk(session, "v", 0, 2, CHUNKS[0])
    client.room.roomy = False
    refused = await client.chunk(session, "v", 1, 2, CHUNKS[1])
    assert refused.status_code == 507
    assert "kept" in refused.json()["error"]
    client.room.roomy = True
    assert (await client.chunk(session, "v", 1, 2, CHUNKS[1])).json()["status"] == "video_complete"


async def test_limits(tmp_path: Path) -> None:
    """U2.1: a chunk, a video, a session and their number are bounded."""
    settings = CollectSettings(max_chunk_mib=1, max_video_mib=1, max_sessions=2, max_videos=1)
    async with client_of(Room(tmp_path / "state", settings=settings), tmp_path) as client:
        session, half = await client.begin(), b"x" * 600_000
        assert (await client.chunk(session, "v", 0, 2, b"x" * 1_200_000)).status_code == 413
        assert (await client.chunk(session, "v", 0, 2, half)).status_code == 200
        assert (await client.chunk(session, "v", 1, 2, half)).status_code == 507
        assert (await client.chunk(session, "w", 0, 1, b"x")).status_code == 507
        await client.begin()
        assert (await client.http.post("/api/session/create")).status_code == 507


async def test_names_are_not_kept(client: Client) -> None:
    """A participant who is no id is kept under a pseudonym made from what was sent."""
    session = await client.begin("Ada Lovelace, ada@example.org")
    found = (await client.session(session))["participant"]
    assert found.startswith("p-")
    kept = b"".join(path.read_bytes() for path in client.room.folder.rglob("*") if path.is_file())
    assert b"Ada" not in kept


async def test_strangers(tmp_path: Path) -> None:
    """X.6: from another network nobody gets in without a sign-in; a participant's link opens their own alone."""
    async with client_of(Room(tmp_path / "state"), tmp_path, address="192.0.2.7") as client:
        assert (await client.http.post("/api/session/create")).status_code == 401
        assert (await client.http.get("/health")).status_code == 200
        auth = client.web.deps.auth
        client.http.headers["Authorization"] = f"Bearer {(await auth.link('P07', 1)).token}"
        mine = await client.begin("P08")
        assert (await client.session(mine))["participant"] == "P07"
        client.http.headers["Authorization"] = f"Bearer {(await auth.link('P09', 1)).token}"
        assert (await client.http.get(f"/api/session/{mine}")).status_code == 403
        assert (await client.chunk(mine, "v", 0, 1, b"x")).status_code == 403
        assert (await client.metadata(mine, "v", prompt_id="x")).status_code == 403


async def test_pages_of_existing_frontends(client: Client) -> None:
    """The frontend of S2 is served from port 8001."""
    headers = {"Origin": "http://localhost:8001", "Access-Control-Request-Method": "POST"}
    answer = await client.http.options("/api/upload/chunk", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8001"
    answer = await client.http.post("/api/session/create", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_nothing_is_left_of_what_was_refused(client: Client) -> None:
    """A draft that nobody wants is gone, and its place free."""
    for _ in range(client.room.settings.max_at_once + 2):
        await client.chunk("nobody", "v", 0, 1, b"x")
    assert not list((client.room.folder / "facial_recordings" / ".drafts").iterdir())
