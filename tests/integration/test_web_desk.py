"""The routes of S0 and the native ones over the real desk of sessions and its store: the same as over the fakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RefusedError
from tests.support.sessions_room import MP4, SessionsRoom, opened_desk
from tests.support.web import Web, make_web


@dataclass
class Served:
    """The real desk behind the routes."""

    room: SessionsRoom
    web: Web

    async def ask(self, method: str, path: str, *, owner: bool = False, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.web.app, client=("127.0.0.1", 1), raise_app_exceptions=False)
        headers = {**(await self.web.signed_in() if owner else {}), **options.pop("headers", {})}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers, **options)

    async def owner(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.ask(method, path, owner=True, **options)

    async def watch(self, user: str, probes: list[str | None]) -> str:
        """A viewing by an existing client, with what was predicted."""
        now = self.room.clock.now().wall_ms
        session_id = f"{user}_2_{now}"
        body = {"video_id": 2, "timestamp": now, "user_id": user, "session_id": session_id}
        started = await self.ask("POST", "/api/video/2/start", json=body)
        assert started.json() == {"success": True, "session_id": session_id}
        for index, probe in enumerate(probes):
            await self.room.predict(session_id, user, index, probe=probe, video_id=2)
        return session_id


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    async with opened_desk(folder, settings=SessionSettings(**settings)) as room:
        yield Served(room, make_web(folder, sessions=room.desk, hub=room.hub, clock=room.clock))


async def test_two_users_on_one_video_see_each_their_own(tmp_path: Path) -> None:
    """S0.6, S0.11, S0.12, S0.13, S0.36, X.5"""
    async with served(tmp_path) as lan:
        empty = await lan.ask("GET", "/api/predictions/video/2?user_id=user1")
        assert empty.json()["message"] == "No predictions yet. Processing in progress..."
        one = await lan.watch("user1", ["HH", None, "LL"])
        two = await lan.watch("user2", ["LH"])
        told = (await lan.ask("GET", f"/api/predictions/video/2?user_id=user1&session_id={one}")).json()
        shown = [(part["segment_index"], part["emotion"]) for part in told["segments"]]
        assert shown == [(0, "Happy"), (1, "Unknown"), (2, "Sad")]
        assert (told["total"], told["duration_ms"]) == (3, 151_000)
        assert (await lan.ask("GET", f"/api/predictions/video/2?user_id=user1&session_id={two}")).json()["total"] == 0
        assert (await lan.ask("GET", "/api/predictions/video/2?user_id=user2")).json()["total"] == 1
        assert (await lan.ask("GET", "/api/predictions/active")).json()["total"] == 4
        stopped = await lan.ask("POST", "/api/video/2/stop", json={"session_id": one})
        assert stopped.json() == {"success": True, "message": "Video session stopped"}
        assert (await lan.ask("GET", "/api/video/sessions/active")).json()["total"] == 1


async def test_unknown_videos_and_consent_that_is_not_there(tmp_path: Path) -> None:
    """X.24"""
    async with served(tmp_path, external_consent=False) as lan:
        for method, path in (("GET", "/api/predictions/video/9"), ("POST", "/api/video/9/start")):
            refused = await lan.ask(method, path)
            assert (refused.status_code, refused.json()["message"]) == (400, "known video ids: 1, 2, 3, 4")
        refused = await lan.ask("POST", "/api/video/2/start", json={"user_id": "user1"})
        assert refused.status_code == 403
        assert refused.json()["error"]


async def test_a_session_by_the_native_routes(tmp_path: Path) -> None:
    async with served(tmp_path) as lan:
        assert (await lan.owner("PUT", "/v1/participants/p-01", json={"sensor": "left"})).status_code == 200
        refused = await lan.owner("POST", "/v1/sessions", json={"participant": "p-01", "overrule": True})
        assert (refused.status_code, refused.json()["field"]) == (403, "$.participant")
        text = (await lan.owner("GET", "/v1/consent")).json()
        said = {"given": True, "text_sha256": text["sha256"], "witness": "me"}
        assert (await lan.owner("POST", "/v1/participants/p-01/consent", json=said)).json()["consent"]["given"]
        assert (await lan.owner("PUT", "/v1/stimuli/film", json={"id": "film", "number": 7})).status_code == 200
        clash = await lan.owner("PUT", "/v1/stimuli/other", json={"id": "other", "number": 7})
        assert (clash.status_code, clash.json()["field"]) == (409, "$.number")
        assert (await lan.owner("PUT", "/v1/stimuli/film/video", content=MP4)).json()["size_bytes"] == len(MP4)
        assert (await lan.owner("GET", "/v1/stimuli/film/video")).content == MP4
        assert (await lan.owner("PUT", "/v1/stimuli/film/video", content=b"no video")).status_code == 409
        checks = (await lan.owner("GET", "/v1/sessions/checks?participant=p-01&stimulus=film")).json()
        assert {check["name"] for check in checks["checks"]} >= {"consent", "sensor", "disk"}
        body = {"participant": "p-01", "stimulus": "film", "overrule": True}
        view = (await lan.owner("POST", "/v1/sessions", json=body)).json()
        path = f"/v1/sessions/{view['session_id']}"
        now = lan.room.clock.now().wall_ms
        clock = {"at_ms": now, "stimulus_ms": 0, "rate": 1.0}
        assert (await lan.owner("POST", f"{path}/clock", json=clock)).status_code == 204
        await lan.room.predict(view["session_id"], "p-01", 1, video_id=7)
        segments = (await lan.owner("GET", f"{path}/segments")).json()["segments"]
        assert [(one["stimulus_ms"], one["emotion"]) for one in segments] == [(5000, "Happy")]
        assert (await lan.owner("POST", f"{path}/labels", json={"labels": [{"probe": "HH"}]})).json() == {"kept": 1}
        assert (await lan.owner("POST", f"{path}/markers", json={"name": "door"})).json()["name"] == "door"
        assert (await lan.owner("GET", f"{path}/ask")).json() == {"ask": None}
        assert (await lan.owner("POST", f"{path}/stop")).json()["reason"] == "stopped"
        assert (await lan.owner("GET", f"{path}/report")).text.lstrip().lower().startswith("<!doctype html>")
        erased = (await lan.owner("DELETE", "/v1/participants/p-01")).json()
        assert erased["sessions"] == [view["session_id"]]
        assert (await lan.owner("GET", path)).status_code == 404


async def test_a_link_gives_nobody_another_s_body(tmp_path: Path) -> None:
    """S0.36, X.6: with every sensor in use, who came by a link gets none; an open client shares, as it always did."""
    async with served(tmp_path) as lan:
        for user, worn in (("user1", None), ("user2", "left"), ("user3", "right")):
            await lan.room.agree(user, sensor=worn)
        for user in ("user2", "user3"):
            begun = await lan.owner("POST", "/v1/sessions", json={"participant": user, "overrule": True})
            assert begun.is_success, begun.text
        link = (await lan.owner("POST", "/v1/participants/user1/link")).json()["token"]
        mine = {"Authorization": f"Bearer {link}"}
        for body in ({"user_id": "user1"}, {}):
            refused = await lan.ask("POST", "/api/video/2/start", json=body, headers=mine)
            assert (refused.status_code, "user2" in refused.text) == (409, False)
        native = await lan.ask("POST", "/v1/sessions", json={"participant": "user1"}, headers=mine)
        assert (native.status_code, "user2" in native.text) == (409, False)
        assert [view.participant for view in lan.room.desk.running()] == ["user2", "user3"]
        await lan.room.desk.stop(lan.room.desk.running()[0].session_id)
        waiting = await lan.ask("POST", "/api/video/2/start", json={}, headers=mine)
        assert waiting.status_code == 409  # it is free, but on somebody else's hand
        assert (await lan.ask("POST", "/api/video/2/start", json={"user_id": "user1"})).is_success


async def test_who_wears_a_sensor_by_the_settings_keeps_it(tmp_path: Path) -> None:
    """The only free sensor is on the hand of somebody else: whoever has none is not given it."""
    async with opened_desk(tmp_path, participants={"right": "user2"}) as room:
        await room.agree("user1", "user2", "user3")
        begun = await room.desk.start("user3", overrule=True)
        assert begun.sensor == "left"
        with pytest.raises(RefusedError, match="used or worn by somebody else"):
            await room.desk.start("user1", overrule=True)
        assert (await room.desk.start("user2", overrule=True)).sensor == "right"
