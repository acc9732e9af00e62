"""What is open ends with the account by which it was opened: live pictures, feeds, WebSockets."""

import asyncio
from pathlib import Path

import httpx
import websockets

from tests.support.web import Web, jpeg_of, make_web, serving


async def test_a_removed_account_sees_nothing_more_within_seconds(tmp_path: Path) -> None:
    async with serving(make_web(tmp_path, event_keepalive_s=60.0)) as web:
        await web.cameras["front"].start()
        await web.token()
        hers = await web.signed_in("viewer")
        socket = f"{web.base.replace('http', 'ws')}/v1/events/ws"
        async with (
            web.client() as client,
            client.stream("GET", "/live", headers=hers) as live,
            client.stream("GET", "/v1/events/stream", headers=hers) as events,
            websockets.connect(socket, additional_headers=hers, proxy=None) as feed,
        ):
            pictures, lines = live.aiter_raw(), events.aiter_raw()
            await asyncio.gather(anext(pictures), anext(lines), feed.recv())
            web.deps.auth.accounts.remove("viewer")
            busy = asyncio.create_task(_go_on(web))
            try:
                async with asyncio.timeout(40):
                    await asyncio.gather(_drained(pictures), _drained(lines), feed.wait_closed())
            finally:
                busy.cancel()
                await asyncio.gather(busy, return_exceptions=True)
            assert (await client.get("/v1/status", headers=hers)).status_code == 401
            assert (await client.get("/v1/status", headers=await web.signed_in())).status_code == 200


async def _go_on(web: Web) -> None:
    """The appliance goes on: pictures, and messages."""
    for number in range(1, 100_000):
        web.cameras["front"].show(jpeg_of(number))
        web.deps.hub.publish("telemetry", {"t_ms": number}, key="all")
        await asyncio.sleep(0.02)


async def _drained(stream: object) -> None:
    assert hasattr(stream, "__aiter__")
    try:
        async for _ in stream:
            pass
    except httpx.HTTPError:
        return
