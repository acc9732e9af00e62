"""The folder of a session over the LAN: listed, file by file with ranges, and as one archive; for who signed in."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.session_folder_port import FolderState
from edge.web.session_folder_routes import SessionFolderRoutes
from edge.web.zip_stream import BLOCK, zip_stream
from tests.support.session_stage import FakeSessions
from tests.support.web import Web, make_web

VIDEO = bytes(range(256)) * 2000


@dataclass
class Item:
    """A file of the fake folder."""

    name: str
    size_bytes: int


class FakeFolders:
    """`SessionFolderPort` over one folder on the disk."""

    def __init__(self, folder: Path, session_id: str) -> None:
        self.folder = folder
        self.session_id = session_id
        self.state: FolderState | None = "whole"

    def folder_of(self, session_id: str) -> str | None:
        """Named as the session is."""
        return session_id if session_id == self.session_id else None

    def state_of(self, session_id: str) -> FolderState | None:
        """What the test set."""
        return self.state if session_id == self.session_id else None

    async def items(self, session_id: str) -> Sequence[Item]:
        """Every file."""
        del session_id
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [Item(str(path.relative_to(self.folder)), path.stat().st_size) for path in paths]

    async def is_sent(self, session_id: str) -> bool:
        """Not yet."""
        return False

    def open_item(self, session_id: str, item: str) -> BinaryIO:
        """One of those that `items` names."""
        if item not in {"signals.csv", "video/front.mp4"}:
            raise FileNotFoundError(item)
        return (self.folder / item).open("rb")


class Room:
    """The appliance with a session, asked by its administrator unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.port = FakeSessions()
        self.web: Web = make_web(folder, sessions=self.port)
        self.files = folder / "x"
        (self.files / "video").mkdir(parents=True)
        (self.files / "signals.csv").write_text("t_ms,value\r\n" * 1000)
        (self.files / "video" / "front.mp4").write_bytes(VIDEO)
        self.folders = FakeFolders(self.files, "x")
        routes = SessionFolderRoutes(self.web.deps, self.folders).endpoints()
        self.web.app.router.routes[:0] = [one.route() for one in routes]

    async def get(self, path: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.web.app, client=("203.0.113.9", 1))
        sent = await self.web.signed_in() | (headers or {})
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(f"/v1/sessions/{path}", headers=sent)


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    made = Room(tmp_path)
    made.port.welcome("p1")
    await made.port.start("p1", session_id="x", overrule=True)
    return made


async def test_a_folder_is_listed_with_sizes(room: Room) -> None:
    shown = (await room.get("x/folder")).json()
    assert (shown["state"], shown["folder"], shown["uploaded"]) == ("whole", "x", False)
    assert shown["files"] == [
        {"name": "signals.csv", "size_bytes": 12_000, "media": "text/csv; charset=utf-8"},
        {"name": "video/front.mp4", "size_bytes": len(VIDEO), "media": "video/mp4"},
    ]
    assert shown["size_bytes"] == 12_000 + len(VIDEO)


async def test_a_file_is_served_in_ranges(room: Room) -> None:
    whole = await room.get("x/files/video/front.mp4")
    assert whole.content == VIDEO
    part = await room.get("x/files/video/front.mp4", headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, VIDEO[1000:2000])
    for name in ("session.db", "..%2Fsecret", "video/../../secret", "journal.bin"):
        assert (await room.get(f"x/files/{name}")).status_code == 404


async def test_the_archive_holds_everything(room: Room) -> None:
    sent = await room.get("x/folder.zip")
    assert sent.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["x/signals.csv", "x/video/front.mp4"]
        assert archive.read("x/video/front.mp4") == VIDEO
    assert len(sent.content) < len(VIDEO) + 3000


async def test_what_is_not_whole_makes_no_archive_and_what_is_not_there_is_not_found(room: Room) -> None:
    room.folders.state = "running"
    assert (await room.get("x/folder.zip")).status_code == 409
    assert (await room.get("x/folder")).json()["state"] == "running"
    room.folders.state = None
    assert (await room.get("x/folder")).status_code == 404
    assert (await room.get("nobody/folder")).status_code == 404


async def test_a_participant_may_not_have_it(room: Room) -> None:
    link = await room.web.deps.auth.link("p1", 1.0)
    for name in ("folder", "folder.zip", "files/signals.csv"):
        denied = await room.get(f"x/{name}", headers={"Authorization": f"Bearer {link.token}"})
        assert denied.status_code in {401, 403}, name


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_an_archive_is_right_whatever_is_in_it(contents: list[bytes]) -> None:
    names = [f"f{index}.{'mp4' if index % 2 else 'csv'}" for index in range(len(contents))]
    there = dict(zip(names, contents, strict=True))

    def opened(name: str) -> BinaryIO:
        if name not in there:
            raise FileNotFoundError(name)
        return io.BytesIO(there[name])

    sent = b"".join(zip_stream(["gone.csv", *names], opened, "x"))
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(f"x/{name}") for name in names} == there


def test_little_of_an_archive_is_in_memory() -> None:
    class Zeros(io.RawIOBase):
        left = 100 * BLOCK

        def read(self, size: int = -1, /) -> bytes:
            self.left -= size
            return bytes(size) if self.left >= 0 else b""

    pieces: Iterator[bytes] = zip_stream(["a.mp4"], lambda _name: Zeros(), "x")  # type: ignore[arg-type, return-value]
    longest = total = 0
    for piece in pieces:
        longest, total = max(longest, len(piece)), total + len(piece)
    assert total > 100 * BLOCK
    assert longest < 2 * BLOCK
