"""The processes: `serve`, `ingest` and `worker` each by itself, or any of them together in one (`run`).

They share nothing but the database, the broker and object storage, so each can be restarted, and there can be more than
one of `serve` and `ingest`. Any of them brings the database to its schema, in turn.
"""

from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Literal

from cloud.config import CloudConfig
from cloud.daemon.ground import Ground, make_state
from cloud.daemon.life import Part, tell_ready, until_signalled, watchdog
from cloud.daemon.parts import ingest_of, state_of, web_of, work_of
from cloud.daemon.preparing import Prepared
from cloud.ingest.embedded import EmbeddedBroker
from cloud.ingest.service import Ingest
from cloud.store.first_password import FirstPassword
from cloud.web.probe import probe_app
from cloud.web.server import WebServer
from cloud.web.settings import WebSettings

Role = Literal["serve", "ingest", "worker"]
ALL: Final[tuple[Role, ...]] = ("serve", "ingest", "worker")


async def run_roles(config: CloudConfig, roles: Collection[Role]) -> None:
    """Be these, until a signal. Raise `InvalidSettingsError`."""
    make_state(config)
    async with AsyncExitStack() as stack:
        ground = Ground(config, stack)
        await until_signalled(_parts(ground, roles))


def _parts(ground: Ground, roles: Collection[Role]) -> dict[str, Part]:
    clock, config = ground.clock, ground.config
    prepared: dict[str, Part] = {}
    parts: dict[str, Part] = {"watchdog": partial(watchdog, clock)}
    ingest = ingest_of(ground) if "ingest" in roles else None
    if ingest:
        prepared["ingest"] = ingest.run
    if "worker" in roles:
        prepared |= work_of(ground)
    parts |= {"web": web_of(ground, ingest).run} if "serve" in roles else _seen_from_beside(ground, ingest)
    if ingest and config.broker.embedded:
        parts["broker"] = EmbeddedBroker(config.broker.port, clock).run
    if "serve" in roles:
        prepared["revocations"] = partial(ground.trust.revocation.run, ground.rng)
    first_password = FirstPassword(config.state_path) if "serve" in roles else None
    ready = Prepared(ground.database, first_password=first_password, clock=clock, rng=ground.rng)
    return {**parts, "prepared": partial(ready.run, prepared)}


def _seen_from_beside(ground: Ground, ingest: Ingest | None) -> dict[str, Part]:
    """How a process without the API is watched: a port for machines, where there shall be one."""
    settings = ground.config.processes
    port = settings.ingest_port if ingest else settings.worker_port
    if not port:
        return {"ready": partial(_be_ready, "without a port to be watched at")}
    server = WebServer(
        probe_app(ground.registry, ground.database, partial(state_of, ingest)),
        WebSettings(host=settings.host, port=port),
        clock=ground.clock,
        rng=ground.rng,
        on_listening=tell_ready,
    )
    return {"probe": server.run}


async def _be_ready(how: str) -> None:
    tell_ready(how)
