"""The device under test: the daemon's own parts around a generator, in a process that may die at any moment.

`python -m tests.soak.device CONFIG LOG INCARNATION SEED`. Orders come on the standard input, a line each:
`clock OFFSET_MS TRUSTED`, `flood N`, `event ID`, `quiet`.
"""

import asyncio
import contextlib
import os
import random
import sys
import traceback
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import aiosqlite
import numpy as np

from contract.messages import AnyBody, Event, Prediction, Record, Severity, Telemetry
from edge.config import EdgeConfig, load_config
from edge.core.errors import StoreError
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.service import Service, supervise
from edge.core.slot import Slot
from edge.daemon.ground import Ground
from edge.daemon.health_ledger import HealthLedger
from edge.daemon.room import wait_for_room
from edge.daemon.storage import Storage, make_storage
from edge.daemon.sync import make_carrier
from edge.models.store import ModelStore
from edge.outbox.clock_keeper import ClockKeeper
from edge.outbox.store import Outbox
from edge.recording.service import RecordingService
from edge.vision.events.album import EventAlbum
from tests.soak.clock import MovableClock
from tests.support.oracle_log import OracleLog
from tests.support.pictures import jpeg

SMALL, LARGE = "small", "large"
_FPS: Final = 5
_LARGE_FRAMES: Final = 100
_LARGE_REST_S: Final = 25.0
_PER_TICK_S: Final = 0.2
_HOST_BOOT: Final = os.environ.get("SOAK_HOST_BOOT", "")
"""Another one after each power cut."""
_SEVERITIES: Final[tuple[Severity, ...]] = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class Generator:
    """Mints records of every lane, and frames; each is in the oracle's log before the store hears of it."""

    def __init__(self, outbox: Outbox, log: OracleLog, clock: MovableClock, name: str, rng: random.Random) -> None:
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._name = name
        self._rng = rng
        self._count = 0
        self._open: set[asyncio.Task[None]] = set()
        self._sabotaged = "SOAK_SABOTAGE" in os.environ
        self.quiet = False

    async def run(self) -> None:
        """A few records a tick, for ever."""
        while True:
            if not self.quiet:
                self.mint(self._rng.randint(1, 6))
            await self._clock.sleep(_PER_TICK_S)

    def mint(self, count: int) -> None:
        """Append so many, side by side, as the rooms of a daemon do."""
        for _ in range(count):
            task = asyncio.create_task(self._append(self._body()))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _append(self, body: AnyBody) -> None:
        self._log.minted(body)
        with contextlib.suppress(StoreError):  # refused, or in line: no promise was made
            record = await self._outbox.append(body)
            self._log.promised(body, record)
            if self._sabotaged and self._count % 20 == 0:
                await self._lose(record)

    async def _lose(self, record: Record) -> None:
        """Do what must not happen, to see that it is found: forget what was promised."""

        async def work(connection: aiosqlite.Connection) -> None:
            row = self._outbox.rows_of(record.boot, record.seq, record.seq)[0]
            for table in ("outbox", "records"):
                await connection.execute(f"DELETE FROM {table} WHERE row = ?", (row,))  # noqa: S608

        await self._outbox._writer.execute(work)

    def _body(self) -> AnyBody:
        self._count += 1
        nonce, wall_ms = f"{self._name}-{self._count:06d}", max(0, self._clock.now().wall_ms)
        match self._rng.choices(("prediction", "event", "telemetry"), (6, 3, 2))[0]:
            case "prediction":
                return Prediction(
                    task="emotion", model="soak", model_version="1", source=nonce, segment_index=self._count,
                    start_ms=wall_ms, end_ms=wall_ms + 5000, confidence=self._rng.random(),
                )  # fmt: skip
            case "event":
                return Event(
                    event_id=nonce, phase="open", camera="soak", type="motion", severity=self._rng.choice(_SEVERITIES),
                    start_ms=wall_ms,
                )  # fmt: skip
            case _:
                return Telemetry(
                    cpu_share=self._rng.random(), rss_bytes=self._count, disk_free_bytes=1, outbox_records=0,
                    uploads_pending=0, cameras={nonce: 1.0},
                )  # fmt: skip


class Film:
    """Frames of a camera that is never decoded: a few pictures, some followed by a padding that no decoder minds."""

    def __init__(self, recorder: RecordingService, camera: str, clock: MovableClock, *, padding: int) -> None:
        self._frames, self._rest_s = (_LARGE_FRAMES, _LARGE_REST_S) if camera == LARGE else (_FPS, 0.0)
        self._recorder = recorder
        self._camera = camera
        self._clock = clock
        noise = np.random.default_rng(padding).integers(0, 255, padding, np.uint8).tobytes()
        self._pictures = [jpeg(number) + noise for number in range(8)]
        self.quiet = False

    async def run(self) -> None:
        """Offer frames, for ever."""
        seq = 0
        while True:
            seq += 1
            if not self.quiet:
                picture = self._pictures[seq % len(self._pictures)]
                self._recorder.offer(Frame(self._camera, seq, picture, 160, 120, self._clock.mono_ns()))
            await self._clock.sleep(1 / _FPS)
            if seq % self._frames == 0:
                await self._clock.sleep(self._rest_s)


async def main(config: EdgeConfig, log: OracleLog, incarnation: int, rng: random.Random) -> None:
    """Run until killed."""
    clock = MovableClock()
    _first_clock(clock, rng)
    health, hub = Health(clock), Hub()
    await wait_for_room(config.state, clock)

    def committed(rows: Sequence[tuple[int, Record]]) -> None:
        log.committed([record for _, record in rows])

    async with Outbox.open(
        config.state / "store.db",
        device=config.device,
        clock=clock,
        health=health,
        on_commit=committed,
        limits=config.outbox,
        host_boot=_HOST_BOOT,
    ) as outbox:
        ledger = HealthLedger(sink=outbox, hub=hub, clock=clock)
        health.on_change = ledger.changed
        generator = Generator(outbox, log, clock, f"n{incarnation:03d}", rng)
        ground = _ground(config, clock, hub, health, outbox)
        carrier = make_carrier(config, clock=clock, hub=hub, health=health, outbox=outbox, version="soak")
        storage = make_storage(ground, carrier.uploader, {SMALL: Slot(), LARGE: Slot()})
        films = [_film(ground, storage, name, padding) for name, padding in ((SMALL, 2_000), (LARGE, 125_000))]
        keeper = ClockKeeper(outbox=outbox, clock=clock, health=health, rng=ground.rng)
        services: list[Service] = [outbox, keeper, ledger, *storage.services, *carrier.services, *(s for s, _ in films)]
        works = [
            supervise(services),
            generator.run(),
            *(film.run() for _, film in films),
            _obey(clock, generator, films),
        ]
        await asyncio.gather(*(_or_die(work) for work in works))


async def _or_die(work: Coroutine[Any, Any, None]) -> None:
    """A part that fails ends the process at once, and says why: its supervisor starts it again, as systemd would."""
    try:
        await work
    except Exception:  # noqa: BLE001 - whatever it was
        traceback.print_exc()
        os._exit(70)


def _first_clock(clock: MovableClock, rng: random.Random) -> None:
    """A third of the boots begin without a clock to trust, and some of those in 1970."""
    clock.trusted = rng.random() > 1 / 3
    if not clock.trusted and rng.random() < 0.5:
        clock.wall_offset_ms = -clock.now().wall_ms + rng.randint(0, 10_000_000)


def _ground(config: EdgeConfig, clock: MovableClock, hub: Hub, health: Health, outbox: Outbox) -> Ground:
    return Ground(
        config=config,
        clock=clock,
        hub=hub,
        health=health,
        outbox=outbox,
        models=ModelStore.of(config.models, config.state),
        album=EventAlbum(config.state / "events", config.vision.events, clock, health),
        turns=asyncio.Semaphore(1),
        host_boot=_HOST_BOOT,
    )


def _film(ground: Ground, storage: Storage, camera: str, padding: int) -> tuple[RecordingService, Film]:
    clock = ground.clock
    assert isinstance(clock, MovableClock)
    recorder = RecordingService(
        camera,
        settings=ground.config.recording,
        spool=storage.spool,
        teller=storage.teller,
        has_room=storage.retention.has_room,
        clock=clock,
        health=ground.health,
        on_growth=storage.grew,
        on_growth_over=storage.stopped_growing,
        fragment_s=storage.wear.fragment_s,
        boot=ground.host_boot,
    )
    return recorder, Film(recorder, camera, clock, padding=padding)


async def _obey(clock: MovableClock, generator: Generator, films: list[tuple[RecordingService, Film]]) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := await reader.readline():
        match line.decode().split():
            case ["clock", offset_ms, trusted]:
                clock.wall_offset_ms, clock.trusted = int(offset_ms), trusted == "1"
            case ["flood", count]:
                generator.mint(int(count))
            case ["quiet"]:
                generator.quiet = True
                for recorder, film in films:
                    film.quiet = True
                    await recorder.close()


if __name__ == "__main__":
    asyncio.run(
        main(
            load_config(Path(sys.argv[1])),
            OracleLog(Path(sys.argv[2])),
            int(sys.argv[3]),
            random.Random(f"{sys.argv[4]}-{sys.argv[3]}"),
        )
    )
