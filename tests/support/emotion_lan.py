"""The appliance as the existing clients for emotion see it (S0), without a socket."""

from pathlib import Path
from typing import Any

import httpx

from edge.core.clock import Clock
from tests.support.session_stage import FakeSensors, FakeSessions
from tests.support.web import Web, make_web

NEAR, FAR = "127.0.0.1", "203.0.113.9"
START = 1_732_178_316_000


class Lan:
    """The appliance as clients of S0 see it."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.desk = FakeSessions(clock=clock)
        self.sensors = FakeSensors(hub=self.desk.hub)
        self.desk.show("calm", number=2, duration_ms=151_000)
        self.desk.show("storm", number=3)
        self.web: Web = make_web(folder, sessions=self.desk, sensors=self.sensors, hub=self.desk.hub, clock=clock)

    async def ask(self, method: str, path: str, *, address: str = NEAR, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.web.app, client=(address, 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    async def get(self, path: str, **options: Any) -> Any:
        found = await self.ask("GET", path, **options)
        assert found.status_code == 200, found.text
        return found.json()

    async def start(self, user: str, video: int = 2, at: int = START, **options: Any) -> httpx.Response:
        body = {"video_id": video, "timestamp": at, "user_id": user, "session_id": f"{user}_{video}_{at}"}
        return await self.ask("POST", f"/api/video/{video}/start", json=body, **options)

    async def link(self, participant: str) -> dict[str, str]:
        made = await self.web.deps.auth.link(participant, 1.0)
        return {"Authorization": f"Bearer {made.token}"}
