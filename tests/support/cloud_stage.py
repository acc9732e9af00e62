"""The cloud's web side on a real server, a real database and a folder of recordings."""

import asyncio
import hashlib
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import av
import httpx
import numpy as np
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from cloud.objects.folder import FolderStorage
from cloud.registry.catalogue import Catalogue
from cloud.store import passwords, sign_ins
from cloud.store.accounts import Accounts
from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.store.intake import Intake
from cloud.store.queries import Queries
from cloud.store.remote import remote_over
from cloud.store.roles import Role
from cloud.store.sign_ins import SignIns
from cloud.web.app import create_app
from cloud.web.deps import WebDeps
from cloud.web.server import WebServer
from cloud.web.settings import WebSettings
from tests.support.cloud import PASSWORD, START_MS, USER, opened

_NOBODY: Final = "scrypt$2$8$1$" + "00" * 16 + "$" + "00" * 32
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: to read all that the system trusts costs 50 ms a client, and nothing here speaks TLS."""


@dataclass(frozen=True, kw_only=True)
class CloudStage:
    """Everything that a test of the API meddles with."""

    url: str
    app: ASGIApp
    database: Database
    intake: Intake
    accounts: Accounts
    objects: Path

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Somebody who is not signed in."""
        return httpx.AsyncClient(base_url=self.url, **({"verify": _NO_TLS} | options))

    async def add(self, name: str, role: Role) -> None:
        """One more account, of the same password."""
        await self.accounts.add(name, PASSWORD, Deed("test", "account.add", name), role=role, now_ms=START_MS)

    async def signed_in(self, name: str = USER) -> httpx.AsyncClient:
        """Somebody who is, by default an admin; close it."""
        client = self.client()
        answer = await client.post("/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client


@asynccontextmanager
async def cloud_stage(folder: Path, **more: Any) -> AsyncIterator[CloudStage]:
    """The web side, serving inside the block, with the user of `tests.support.cloud`. Passwords cost nothing."""
    with patch.object(passwords, "_N", 2), patch.object(sign_ins, "_NOBODY", _NOBODY):
        async with _stage(folder, more) as stage:
            yield stage


@asynccontextmanager
async def _stage(folder: Path, more: dict[str, Any]) -> AsyncIterator[CloudStage]:
    objects, listening = folder / "objects", asyncio.get_running_loop().create_future()
    async with opened(f"sqlite:///{folder / 'cloud.db'}") as database:
        accounts, clock, settings = Accounts(database), SystemClock(), WebSettings(port=0)
        await accounts.add(USER, PASSWORD, Deed("test", "account.add", USER), role="admin", now_ms=clock.now_ms())
        options: dict[str, Any] = {"ingest_state": lambda: "", "metrics_token": "scrape-me"}
        options |= {"storage": FolderStorage(objects), "sign_ins": SignIns(database), **more}
        deps = WebDeps(
            settings=settings,
            queries=Queries(database),
            remote=remote_over(database),
            accounts=accounts,
            catalogue=Catalogue(folder / "models"),
            registry=CollectorRegistry(),
            clock=clock,
            **options,
        )
        app = create_app(deps)
        server = WebServer(app, settings, clock=clock, rng=random.Random(1), on_listening=listening.set_result)
        serving = asyncio.create_task(server.run(), name="web")
        try:
            url = str(await asyncio.wait_for(listening, 10)).rstrip("/")
            yield CloudStage(
                url=url, app=app, database=database, intake=Intake(database), accounts=accounts, objects=objects
            )
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def write_video(path: Path, *, seconds: int = 4, fps: int = 10) -> tuple[int, str]:
    """A small H.264 recording as devices make them, fragmented; its size and SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        stream = out.add_stream("libx264", rate=fps, options={"g": str(fps), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(seconds * fps):
            picture = np.full((240, 320, 3), (number * 6 % 255, 80, 160), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    content = path.read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()
