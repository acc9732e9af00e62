"""The room that takes videos from browsers: over a store that we own, behind its routes, without sockets."""

import dataclasses
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware

from contract.ids import record_id
from contract.messages import AnyBody, File, Loss, Record
from contract.times import to_wire
from edge.collecting.collector import Collector
from edge.collecting.outward import Outward, Phase
from edge.collecting.service import CollectService
from edge.collecting.settings import CollectSettings
from edge.collecting.stash import CollectedStash
from edge.core.clock import Clock, Stamp
from edge.core.errors import StoreError
from edge.core.health import Health
from edge.web.gate import CorsFamily, Gate, LegacyCors
from edge.web.legacy_collect import CollectRoutes, is_collect
from edge.web.page import Page
from edge.web.sign_in import SignInRoutes
from tests.support.clock import FakeClock
from tests.support.web import BOOT, Web, make_web

WEBM = b"\x1a\x45\xdf\xa3"


class Ledger:
    """Records and uploads in memory, which outlive the room as the store does. `broken` refuses everything."""

    def __init__(self) -> None:
        self.bodies: list[AnyBody] = []
        self.queued: dict[str, Path] = {}
        self.broken = False

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep a body."""
        if self.broken:
            raise StoreError("the store takes nothing")
        self.bodies.append(body)
        seq = len(self.bodies)
        return Record(id=record_id(BOOT, seq), seq=seq, boot=BOOT, t=to_wire(0), mono_ms=0, clock="trusted", body=body)

    async def offer(self, file: File, path: Path) -> Record:
        """Queue a file; a second time changes nothing."""
        if file.file_id in self.queued:
            return await Ledger().append(file)
        record = await self.append(file)
        self.queued[file.file_id] = path
        return record

    async def known(self, file_id: str) -> frozenset[Phase]:
        """What was told of a file."""
        files: set[Phase] = {body.phase for body in self.bodies if isinstance(body, File) and body.file_id == file_id}
        lost: set[Phase] = {"lost"} if any(body.file_id == file_id for body in self.losses) else set()
        return frozenset(files | lost)

    async def forget(self, file_id: str) -> None:
        """Send it no more."""
        self.queued.pop(file_id, None)

    @property
    def files(self) -> list[File]:
        """What was told of files."""
        return [body for body in self.bodies if isinstance(body, File)]

    @property
    def losses(self) -> list[Loss]:
        """What was given up."""
        return [body for body in self.bodies if isinstance(body, Loss)]


@dataclass
class Room:
    """The room in one run; another one over the same folder and ledger is the next run."""

    folder: Path
    ledger: Ledger = field(default_factory=Ledger)
    clock: Clock = field(default_factory=FakeClock)
    settings: CollectSettings = field(default_factory=CollectSettings)
    roomy: bool = True

    def __post_init__(self) -> None:
        """Put it together as the daemon does."""
        self.health = Health(self.clock)
        self.collector = Collector(
            self.folder,
            settings=self.settings,
            clock=self.clock,
            rng=random.SystemRandom(),
            has_room=lambda: self.roomy,
        )
        ledger = self.ledger
        self.outward = Outward(
            device="gate-1", sink=ledger, offer=ledger.offer, known=ledger.known, forget=ledger.forget
        )
        self.stash = CollectedStash(self.collector, self.outward)
        self.service = CollectService(
            self.collector, stash=self.stash, outward=self.outward, clock=self.clock, health=self.health
        )

    def again(self, **changes: Any) -> "Room":
        """The next run, after a kill."""
        self.collector.close()
        return dataclasses.replace(self, **changes)

    def app(self, web: Web) -> Starlette:
        """Its routes and those of signing in alone, behind the gate."""
        page = Page(web.deps.viewer_dir)
        sign_in = SignInRoutes(web.deps.auth, session_days=1)
        table = [*CollectRoutes(self.collector, page=page).endpoints(), *page.endpoints(), *sign_in.endpoints()]
        origins = ("http://localhost:8001",)
        return Starlette(
            routes=[one.route() for one in table],
            middleware=[
                Middleware(LegacyCors, origins=origins, families=(CorsFamily(is_collect),)),
                Middleware(Gate, auth=web.deps.auth, settings=web.deps.settings, is_legacy=is_collect),
            ],
            exception_handlers=web.app.exception_handlers,
        )


@dataclass
class Client:
    """An existing client, in the words of S2."""

    http: httpx.AsyncClient
    room: Room
    web: Web

    async def begin(self, participant: str | None = "P07") -> str:
        """A new session's id."""
        answer = await self.http.post(
            "/api/session/create", json={"participant_id": participant} if participant else {}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    async def chunk(
        self, session: str, video: str, index: object, total: object, data: bytes, **more: str
    ) -> httpx.Response:
        """Send one chunk."""
        form = {"session_id": session, "video_id": video, "chunk_index": str(index), "total_chunks": str(total), **more}
        return await self.http.post("/api/upload/chunk", data=form, files={"chunk": ("blob", data)})

    async def video(self, session: str, video: str, chunks: list[bytes], **more: str) -> dict[str, Any]:
        """Send all chunks in order; the last answer."""
        for index, data in enumerate(chunks):
            answer = await self.chunk(session, video, index, len(chunks), data, **more)
            assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def metadata(self, session: str, video: str, **more: object) -> httpx.Response:
        """Say what a video is."""
        return await self.http.post("/api/upload/metadata", json={"session_id": session, "video_id": video, **more})

    async def session(self, session: str) -> Mapping[str, Any]:
        """What is held."""
        answer = await self.http.get(f"/api/session/{session}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@asynccontextmanager
async def client_of(room: Room, folder: Path, *, address: str = "127.0.0.1", **settings: Any) -> AsyncIterator[Client]:
    """A client of this room, without a socket; the room's threads end with it."""
    web = make_web(folder, **settings)
    transport = httpx.ASGITransport(app=room.app(web), client=(address, 40000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Client(http, room, web)
    room.collector.close()
