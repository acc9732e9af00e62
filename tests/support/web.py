"""The LAN side on fakes that we own: cameras fed by the test, a history in memory, a real server on a free port."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette

from contract.ids import record_id
from contract.messages import AnyBody, Event, Prediction, Record
from contract.plan import Plan
from contract.times import to_wire
from edge.core.audit import AuditLog
from edge.core.clock import Clock, SystemClock
from edge.core.errors import PlanConflictError, SourceUnavailableError, StoreError
from edge.core.files import write_private
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.web.accounts import Account
from edge.web.app import create_app
from edge.web.auth import Auth
from edge.web.deps import CameraStats, Paint, PictureKind, WebDeps
from edge.web.passwords import StoredPassword
from edge.web.relay import Relays
from edge.web.roles import AccountRole
from edge.web.server import WebServer
from edge.web.session_port import SensorPort, SessionPort
from edge.web.settings import WebSettings, https_of
from edge.web.sign_ins import SignIn
from edge.web.snapshots import Snapshots
from tests.support.clock import FakeClock
from tests.support.ports import free_port

BOOT = "00000001-abcdef01"
START_MS = 1_780_000_000_000
WITHIN_S = 30.0
"""The last resort of a test that waits: the machine may be busy with others."""
VISION: dict[str, Any] = {
    "camera": "front",
    "t_ms": START_MS,
    "frame_seq": 7,
    "ai_status": "MOTION",
    "boxes": [{"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4, "label": "motion", "track": 1}],
    "score": 1.5,
    "threshold": 2.0,
    "learning": {"complete": True, "progress": 1.0},
    "anomaly_status": None,
    "anomaly_stats": {
        "total_frames_analyzed": 1547,
        "total_anomalies_detected": 12,
        "anomaly_rate": 0.0078,
        "learning_complete": True,
    },
    "analysis_ms": 2.5,
}
ANOMALY: dict[str, Any] = {
    "rows": 2,
    "columns": 3,
    "heat": [0.0, 0.5, 3.5, 0.0, 0.0, 0.25],
    "usual": [0.0, 0.1, 0.2, 0.0, 0.0, 0.9],
    "learning": {"complete": True, "progress": 1.0, "hours": [1.0] * 12 + [0.5] * 12},
    "threshold": 2.5,
    "threshold_raw": 5.0,
    "sensitivity": 2.0,
    "scores": [[START_MS, 1.5], [START_MS + 1000, 6.0]],
}


def jpeg_of(number: int, size: int = 400) -> bytes:
    """Bytes that begin and end like a JPEG and tell which they are."""
    return b"\xff\xd8" + b"%08d" % number + b"\x55" * (size - 12) + b"\xff\xd9"


class FakeCamera:
    """A camera that shows what the test gives it."""

    def __init__(self, camera_id: str, clock: Clock) -> None:
        self.id = camera_id
        self.name = f"The {camera_id} camera"
        self.slot: Slot[Frame] = Slot()
        self.running = False
        self.recording = False
        self.broken = False
        self.vision: dict[str, Any] | None = None
        self.frames = 0
        self.resets = 0
        self.starts = 0
        self.kept_plan = Plan()
        self.plan_trouble: str | None = None
        self.heat: dict[str, Any] | None = dict(ANOMALY)
        self.forgotten = 0
        self.events: set[str] = set()
        self.verdicts: dict[str, bool] = {}
        self.counted: dict[str, Any] = {}
        self._clock = clock

    @property
    def stats(self) -> CameraStats:
        """Counted from what was shown."""
        state = "failed" if self.broken else "ok" if self.running else "stopped"
        plain = {"fps": 25.0, "width": 640, "height": 480, "frames": self.frames, "analysed": self.frames // 2}
        return CameraStats(state=state, **(plain | self.counted))

    def show(self, jpeg: bytes) -> None:
        """Deliver a frame taken now."""
        self.frames += 1
        self.slot.put(Frame(self.id, self.frames, jpeg, 640, 480, self._clock.mono_ns()))

    async def start(self) -> None:
        """Run and show a frame, unless broken."""
        self.starts += 1
        if self.broken:
            raise SourceUnavailableError("no such device")
        if not self.running:
            self.running, self.vision = True, VISION
            self.show(jpeg_of(0))

    async def stop(self) -> None:
        """Release."""
        self.running, self.vision = False, None
        self.slot.clear()

    def vision_state(self) -> Mapping[str, Any] | None:
        """What the test set."""
        return self.vision

    def reset_vision(self) -> None:
        """Count."""
        self.resets += 1

    async def set_recording(self, on: bool) -> None:
        """Obey, unless broken."""
        if self.broken:
            raise StoreError("the disk is full")
        self.recording = on

    def plan(self) -> Plan:
        """What was kept last."""
        return self.kept_plan

    def plan_problem(self) -> str | None:
        """What the test set."""
        return self.plan_trouble

    async def set_plan(self, plan: Plan) -> Plan:
        """Keep it, unless broken or changed meanwhile."""
        if plan.version != self.kept_plan.version:
            raise PlanConflictError(f"the plan is at version {self.kept_plan.version}, not {plan.version}")
        if self.broken:
            raise StoreError("the plan was not saved: No space left on device")
        self.kept_plan = msgspec.structs.replace(plan, version=plan.version + 1)
        return self.kept_plan

    def anomaly(self) -> Mapping[str, Any] | None:
        """What the test set."""
        return self.heat

    async def reset_anomaly(self) -> None:
        """Count, unless broken."""
        if self.broken:
            raise StoreError("the disk is full")
        self.forgotten += 1

    async def feedback(self, event_id: str, normal: bool) -> bool:
        """Note it if the test said that the event is this camera's."""
        if event_id not in self.events:
            return False
        self.verdicts[event_id] = normal
        return True

    def feedback_of(self, event_id: str) -> bool | None:
        """What was noted."""
        return self.verdicts.get(event_id)


class MemoryPictures:
    """The best pictures of events, as the test gives them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def keep(self, event_id: str, jpeg: bytes) -> None:
        """Keep a picture; its thumbnail is shorter."""
        self.kept[event_id, "picture"], self.kept[event_id, "thumbnail"] = jpeg, jpeg[:100]

    def has(self, event_id: str) -> bool:
        """Whether the test gave any."""
        return (event_id, "picture") in self.kept

    async def read(self, event_id: str, kind: PictureKind) -> bytes | None:
        """What the test gave."""
        return self.kept.get((event_id, kind))


class MemoryHistory:
    """Committed records in a list; row n is the n-th. `holes` are rows that retention took away."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Record]] = []
        self.broken = False

    def add(self, body: AnyBody | None = None) -> tuple[int, Record]:
        """Commit one more record."""
        row = self.rows[-1][0] + 1 if self.rows else 1
        self.rows.append((row, record_of(row, body)))
        return self.rows[-1]

    async def history(
        self, kind: str | None, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[tuple[int, Record]]:
        """As the store's contract has it."""
        self._check()
        rows = [r for r in self.rows if kind is None or type(r[1].body).__struct_config__.tag == kind]
        if after is not None:
            return [r for r in rows if r[0] > after][:limit]
        return [r for r in reversed(rows) if before is None or r[0] < before][:limit]

    async def newest_row(self) -> int:
        """The last row."""
        self._check()
        return self.rows[-1][0] if self.rows else 0

    async def of_event(self, event_id: str, *, limit: int = 20) -> Sequence[tuple[int, Record]]:
        """As the store's contract has it."""
        self._check()
        found = [r for r in reversed(self.rows) if isinstance(r[1].body, Event) and r[1].body.event_id == event_id]
        return found[:limit]

    def _check(self) -> None:
        if self.broken:
            raise StoreError("the store cannot be read")


def record_of(seq: int, body: AnyBody | None = None) -> Record:
    """A record of this sequence number; a prediction if nothing else is said."""
    start = START_MS + seq * 5000
    default = Prediction(
        task="emotion",
        model="emotion",
        model_version="1",
        source="wrist",
        segment_index=seq,
        start_ms=start,
        end_ms=start + 5000,
        probe="HH",
        confidence=0.8,
    )
    return Record(
        id=record_id(BOOT, seq),
        seq=seq,
        boot=BOOT,
        t=to_wire(start),
        mono_ms=seq,
        clock="trusted",
        body=body or default,
    )


@dataclass
class Web:
    """An appliance's LAN side under test."""

    deps: WebDeps
    app: Starlette
    cameras: dict[str, FakeCamera]
    history: MemoryHistory
    password: str
    pictures: MemoryPictures
    clips: dict[str, Path]
    """The video of an event, by its id."""
    base: str = ""
    server: WebServer | None = None
    task: asyncio.Task[None] | None = None
    sessions: dict[str, str] = field(default_factory=dict)

    async def token(self, role: AccountRole = "admin") -> str:
        """A session's token of an account of that role and name, the same each time."""
        auth = self.deps.auth  # without the hashing of a sign-in, which takes its time and has tests of its own
        if role not in auth.accounts.all():
            auth.accounts.add(role, Account(role=role, password=StoredPassword(salt="00" * 16, hash="11" * 32)))
        if auth.user_of(self.sessions.get(role, "")) is None:
            salt, ends_ms = auth.accounts.all()[role].password.salt, auth._clock.now().wall_ms + 86_400_000
            self.sessions[role] = await auth.sign_ins.open(SignIn(expires_ms=ends_ms, salt=salt, account=role))
        return self.sessions[role]

    def client(self, **options: Any) -> httpx.AsyncClient:
        """An HTTP client of the running server."""
        return httpx.AsyncClient(base_url=self.base, timeout=30.0, trust_env=False, verify=False, **options)  # noqa: S501

    async def signed_in(self, role: AccountRole = "admin") -> dict[str, str]:
        """The header of a signed-in program."""
        return {"Authorization": f"Bearer {await self.token(role)}"}

    async def ask(
        self, method: str, path: str, *, signed_in: bool = True, role: AccountRole = "admin", **options: Any
    ) -> httpx.Response:
        """What the application answers a neighbour, without a server."""
        transport = httpx.ASGITransport(self.app, client=("192.0.2.5", 1))
        headers = {**(await self.signed_in(role) if signed_in else {}), **options.pop("headers", {})}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers, **options)


_PORTS = ("recordings", "storage", "uploads", "collect")


def make_web(
    folder: Path,
    *,
    cameras: Sequence[str] = ("front",),
    clock: Clock | None = None,
    paint: Paint | None = None,
    sessions: SessionPort | None = None,
    sensors: SensorPort | None = None,
    hub: Hub | None = None,
    **choices: Any,
) -> Web:
    """The application over fakes. Further arguments are ports of `WebDeps` (`recordings`, `storage`, `uploads`,
    `collect`) or change `WebSettings`. Give `hub` where a fake of yours tells it things."""
    ports = {name: choices.pop(name) for name in _PORTS if name in choices}
    clock = clock or SystemClock()
    chosen = WebSettings(**{"host": "127.0.0.1", "start_wait_s": 0.5, **choices})
    fakes = {name: FakeCamera(name, clock) for name in cameras}
    auth, history = Auth(folder / "auth", clock=clock), MemoryHistory()
    pictures, clips = MemoryPictures(), dict[str, Path]()
    password = _password_in(folder / "auth", auth)
    deps = WebDeps(
        cameras=fakes,
        relays=Relays(
            {name: camera.slot for name, camera in fakes.items()},
            clock=clock,
            lost_after_s=chosen.lost_after_s,
            max_viewers=chosen.max_viewers,
        ),
        history=history,
        hub=hub or Hub(),
        health=Health(clock),
        clock=clock,
        settings=chosen,
        auth=auth,
        audit=AuditLog(folder / "audit", clock=clock),
        snapshots=Snapshots(folder / "snapshots", clock=clock, keep=chosen.keep_snapshots),
        telemetry=dict,
        config=lambda: {"web": {"port": chosen.port}},
        version="0.1.0",
        device="gate-1",
        event_pictures=pictures,
        clip_of=lambda event: clips.get(event.event_id),
        paint=paint,
        sessions=sessions,
        sensors=sensors,
        **ports,
    )
    return Web(deps, create_app(deps), fakes, history, password, pictures, clips)


_HASHED: list[tuple[str, bytes]] = []
"""The password of every appliance of this process, and its file: to hash one takes its time on purpose."""


def _password_in(folder: Path, auth: Auth) -> str:
    """The password of a new appliance; empty for one that has been here before."""
    path = folder / "password.json"
    if _HASHED and not path.exists():
        write_private(path, _HASHED[0][1])
        return _HASHED[0][0]
    password = auth.ensure_password() or ""
    if password:
        _HASHED.append((password, path.read_bytes()))
    return password


def server_of(web: Web, port: int) -> WebServer:
    """The service that serves `web` on a port."""
    return WebServer(
        web.app,
        settings=msgspec.structs.replace(web.deps.settings, port=port),
        health=web.deps.health,
        clock=web.deps.clock,
        rng=random.Random(1),
        closing=web.deps.closing,
        certificates=web.deps.snapshots.folder.parent / "tls",
    )


@asynccontextmanager
async def serving(web: Web, *, port: int | None = None) -> AsyncIterator[Web]:
    """`web` behind a real server, on a free port of loopback if none is given; ended as the daemon ends it."""
    port = port or free_port()
    scheme = "http" if https_of(web.deps.settings) == "off" else "https"
    web.base, web.server = f"{scheme}://127.0.0.1:{port}", server_of(web, port)
    web.task = asyncio.create_task(web.server.run())
    try:
        await listening(port)
        yield web
    finally:
        web.task.cancel()
        await asyncio.gather(web.task, return_exceptions=True)


async def listening(port: int) -> None:
    """Wait until something listens on a port of loopback."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def eventually(condition: Callable[[], object]) -> None:
    """Return once it holds, and stays so: the test looks now and then."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


class SteppedClock(FakeClock):
    """A clock on which a sleeper really waits until the test lets that much time pass."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        """Wait for `pass_time`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.mono_ns() + round(seconds * 1e9), waiter))
        await waiter

    async def pass_time(self, seconds: float) -> None:
        """Move on, wake whoever slept long enough, and let everybody run."""
        self.advance(seconds)
        for due, waiter in self._sleepers:
            if due <= self.mono_ns() and not waiter.done():
                waiter.set_result(None)
        for _ in range(10):
            await asyncio.sleep(0)
