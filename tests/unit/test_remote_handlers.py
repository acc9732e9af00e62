"""Each command's handler: what it does, what it says when it cannot, and what it does after a kill."""

import asyncio
import io
import logging
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from contract.messages import File
from edge.core.errors import LinkError
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.daemon.remote.diagnostics import (
    MOST_PART_BYTES,
    LogRing,
    as_json,
    bundle,
    disk_text,
    host_text,
    journal_text,
    store_text,
    without_people,
)
from edge.daemon.remote.diagnostics_handler import DiagnosticsHandler
from edge.daemon.remote.files import MOST_FILES, RemoteFiles
from edge.daemon.remote.log_level import LogLevel, LogLevelHandler
from edge.daemon.remote.renewal import RenewalHandler
from edge.daemon.remote.restart import RestartDesk, RestartHandler
from edge.daemon.remote.snapshot import SnapshotHandler
from edge.daemon.remote.update import UpdateHandler
from edge.outbox.store import Outbox
from edge.releases.desk import FOLDER, REQUEST, RESULT, UpdateRequest, UpdateResult
from edge.sync.remote.handler import Call, CommandFailedError
from tests.support.clock import FakeClock
from tests.support.commands import command
from tests.support.outboxes import DEVICE, open_outbox

FRAME = Frame(camera="front", seq=1, jpeg=b"\xff\xd8picture\xff\xd9", width=64, height=48, mono_ns=0)


@pytest.fixture(autouse=True)
def same_level() -> Iterator[None]:
    """No test leaves another log level behind."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def call(
    name: str = "snapshot",
    arguments: dict[str, Any] | None = None,
    *,
    began_in: str = "",
    told: list[str] | None = None,
) -> Call:
    """One attempt; what is told goes into `told`."""

    async def tell(word: str) -> None:
        if told is not None:
            told.append(word)

    wanted = msgspec.structs.replace(command("cmd-1", name), arguments=arguments or {})
    return Call(command=wanted, boot="boot-2", began_in=began_in, note="", keep_note=tell, tell=tell)


class Keeper:
    """Keeps pictures as the LAN side does."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem

    async def take(self, jpeg: bytes) -> str:
        if self.problem:
            raise OSError(28, self.problem)
        return "snapshot_1780000000.jpg"


def files_in(tmp_path: Path, outbox: Outbox | None = None, *, repaired: bool = False) -> RemoteFiles:
    return RemoteFiles(
        tmp_path / "files",
        device=DEVICE,
        clock=FakeClock(),
        uploads=outbox.uploads if outbox else None,
        repaired=repaired,
    )


@asynccontextmanager
async def waiting_for(work: Callable[[], object]) -> AsyncIterator["asyncio.Task[object]"]:
    """A handler that goes on while the test does something."""
    task: asyncio.Task[object] = asyncio.ensure_future(work())  # type: ignore[call-overload]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_snapshot_is_kept_here_and_offered_for_upload(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        handler = SnapshotHandler({"front": lambda: FRAME}, Keeper(), files_in(tmp_path, outbox))
        outcome = await handler.run(call())
        assert outcome == {
            "camera": "front",
            "snapshot_id": "snapshot_1780000000.jpg",
            "key": f"commands/{DEVICE}/cmd-1/snapshot_1780000000.jpg",
        }
        assert await handler.resume(call()) == outcome, "after a kill it is told of once"
        (upload,) = await outbox.uploads.heads()
        assert isinstance(upload.body, File)
        assert (upload.body.purpose, upload.body.camera, upload.content_type) == ("snapshot", "front", "image/jpeg")
        assert upload.path.read_bytes() == FRAME.jpeg
        assert len(await outbox.history("file")) == 1


async def test_a_snapshot_without_object_storage_has_no_key(tmp_path: Path) -> None:
    handler = SnapshotHandler({"front": lambda: FRAME}, Keeper(), files_in(tmp_path))
    assert await handler.run(call(arguments={"camera": "front"})) == {
        "camera": "front",
        "snapshot_id": "snapshot_1780000000.jpg",
    }


async def test_a_snapshot_that_cannot_be_taken_says_why(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    for handler, arguments, why in (
        (SnapshotHandler({"front": lambda: FRAME}, Keeper(), files), {"camera": "yard"}, "there are front"),
        (SnapshotHandler({"front": lambda: None}, Keeper(), files), {}, "shows nothing"),
        (SnapshotHandler({}, Keeper(), files), {}, "none"),
        (SnapshotHandler({"front": lambda: FRAME}, Keeper("no room"), files), {}, "no room"),
        (SnapshotHandler({"front": lambda: FRAME}, Keeper(), files), {"cam": "x"}, "cam"),
    ):
        with pytest.raises(CommandFailedError, match=why):
            await handler.run(call(arguments=arguments))


async def test_files_of_commands_go_when_they_arrived_and_are_never_many(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        files = files_in(tmp_path, outbox)
        for number in range(MOST_FILES + 2):
            await files.keep(f"cmd-{number}", "x.jpg", b"x", purpose="snapshot", media="image/jpeg")
            files._clock.advance(1)  # type: ignore[attr-defined]
        left = [path for path in (tmp_path / "files").iterdir() if path.suffix != ".note"]
        assert len(left) == MOST_FILES
        losses = await outbox.history("loss")
        assert len(losses) == 2, "what gave way is told"
        (upload, *_) = await outbox.uploads.heads()
        assert upload.body
        await outbox.uploads.finish(upload.body)
        await files.uploaded(upload.id)
        await files.uploaded("somebody-elses")
        assert not upload.path.exists()
        (tmp_path / "files" / "cmd-torn").write_bytes(b"without a note")
        await files.reconcile()
        assert not (tmp_path / "files" / "cmd-torn").exists()
        assert len(list((tmp_path / "files").iterdir())) == 2 * (MOST_FILES - 1)


async def test_a_store_that_was_repaired_is_offered_them_again(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await files_in(tmp_path, outbox).keep("cmd-1", "x.jpg", b"x", purpose="snapshot", media="image/jpeg")
    with sqlite3.connect(tmp_path / "store.db") as store:
        store.execute("DELETE FROM uploads")
    store.close()
    async with open_outbox(tmp_path) as outbox:
        await files_in(tmp_path, outbox, repaired=True).reconcile()
        assert len(await outbox.uploads.heads()) == 1
        assert len(await outbox.history("file")) == 1


async def test_a_restart_waits_for_the_session_and_is_done_in_the_next_run() -> None:
    busy, told = ["session s-1 is being recorded"], list[str]()
    desk = RestartDesk(lambda: busy, FakeClock())
    handler = RestartHandler(desk)
    async with waiting_for(lambda: handler.run(call("restart", told=told))) as task:
        await asyncio.sleep(0.01)
        assert not desk.due.is_set()
        assert told == ["waits: session s-1 is being recorded"]
        busy.clear()
        await asyncio.wait_for(desk.due.wait(), 30)
        assert not task.done(), "the next run tells its end"
    assert await handler.resume(call("restart", began_in="boot-1")) == {"boot": "boot-2"}
    async with waiting_for(lambda: handler.resume(call("restart", began_in="boot-2"))) as task:
        await asyncio.sleep(0.01)
        assert not task.done(), "this run was to end and has not yet"


async def test_a_log_level_holds_for_its_minutes() -> None:
    level = LogLevel("info", FakeClock())
    handler = LogLevelHandler(level)
    assert await handler.run(call("log_level", {"level": "debug"})) == {"level": "debug"}
    assert logging.getLogger().level == logging.DEBUG
    assert logging.getLogger("httpx").level >= logging.WARNING
    await handler.resume(call("log_level", {"level": "error", "minutes": 5}))
    assert logging.getLogger().level == logging.ERROR
    await asyncio.sleep(0.01)
    assert logging.getLogger().level == logging.INFO
    wrongs: list[dict[str, Any]] = [{"level": "loud"}, {}, {"level": "info", "minutes": 0}]
    for wrong in [*wrongs, {"level": "info", "minutes": 1e9}]:
        with pytest.raises(CommandFailedError, match="arguments"):
            await handler.run(call("log_level", wrong))


def tell_result(folder: Path, **words: str) -> None:
    """What the updater writes."""
    result = UpdateResult(**{"request": "cmd-1", "state": "succeeded", "t": "2026-11-21T08:00:00.000Z", **words})  # type: ignore[arg-type]
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / RESULT).write_bytes(msgspec.json.encode(result))


def idle() -> RestartDesk:
    """Nothing is in the way of a restart."""
    return RestartDesk(list, FakeClock())


def updater_of(
    action: Literal["update", "rollback"],
    state: Path,
    restart: RestartDesk | None = None,
    health: Health | None = None,
) -> UpdateHandler:
    """Who asks the updater."""
    clock = FakeClock()
    return UpdateHandler(
        action, state, clock=clock, turn=asyncio.Lock(), restart=restart or idle(), health=health or Health(clock)
    )


async def test_an_update_is_asked_for_and_its_end_is_heard_by_whichever_run(tmp_path: Path) -> None:
    told: list[str] = []
    handler = updater_of("update", tmp_path)
    wanted = {"url": "https://releases.example/a.tar", "sha256": "a" * 64}
    tell_result(tmp_path, request="an-earlier-one")
    async with waiting_for(lambda: handler.run(call("update", wanted, told=told))) as task:
        async with asyncio.timeout(30):
            while not (tmp_path / FOLDER / REQUEST).exists():  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            request = msgspec.json.decode((tmp_path / FOLDER / REQUEST).read_bytes(), type=UpdateRequest)
            assert (request.request, request.action, request.url) == ("cmd-1", "update", wanted["url"])
            tell_result(tmp_path, state="under_way", phase="downloading")
            while not told:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        assert not task.done()
    assert told == ["downloading"]
    tell_result(tmp_path, release="0.2.0")
    assert await handler.resume(call("update", wanted, began_in="boot-1")) == {"release": "0.2.0"}
    tell_result(tmp_path, state="failed", reason="its gate: camera front has no frames")
    with pytest.raises(CommandFailedError, match="camera front has no frames"):
        await handler.resume(call("update", wanted, began_in="boot-1"))


async def test_a_rollback_is_asked_for_and_without_an_updater_it_fails(tmp_path: Path) -> None:
    handler = updater_of("rollback", tmp_path)
    with pytest.raises(CommandFailedError, match="afferent-update"):
        await handler.run(call("rollback"))
    assert not (tmp_path / FOLDER / REQUEST).exists(), "nobody does it later"
    with pytest.raises(CommandFailedError, match="arguments"):
        await handler.run(call("rollback", {"to": "0.1"}))
    update = updater_of("update", tmp_path)
    with pytest.raises(CommandFailedError, match="sha256"):
        await update.run(call("update", {"url": "https://releases.example/a.tar"}))
    with pytest.raises(CommandFailedError, match="url"):
        await update.run(call("update", {"url": "file:///etc/shadow", "sha256": "a" * 64}))


async def test_a_request_that_nobody_deletes_is_seen_in_the_health(tmp_path: Path) -> None:
    health = Health(FakeClock())
    handler = updater_of("rollback", tmp_path, health=health)
    tell_result(tmp_path, release="0.1.0", reason="request.json cannot be deleted")
    assert await handler.resume(call("rollback")) == {"release": "0.1.0"}
    assert health.part("update") is None
    (tmp_path / FOLDER / REQUEST).touch()
    assert await handler.resume(call("rollback")) == {"release": "0.1.0"}
    part = health.part("update")
    assert part
    assert (part.state, "cannot be deleted" in part.detail) == (State.DEGRADED, True)
    (tmp_path / FOLDER / REQUEST).unlink()
    await handler.resume(call("rollback"))
    assert health.of("update") is State.OK


async def test_a_rollback_waits_for_the_session(tmp_path: Path) -> None:
    busy, told = ["session s-1 is being recorded"], list[str]()
    desk = RestartDesk(lambda: busy, FakeClock())
    handler = updater_of("rollback", tmp_path, desk)
    async with waiting_for(lambda: handler.run(call("rollback", told=told))) as task:
        await asyncio.sleep(0.01)
        assert told == ["waits: session s-1 is being recorded"]
        assert not (tmp_path / FOLDER / REQUEST).exists()
        tell_result(tmp_path, release="0.1.0")
        busy.clear()
        assert await asyncio.wait_for(task, 30) == {"release": "0.1.0"}


async def test_a_certificate_is_renewed_or_the_reason_told() -> None:
    async def renew() -> str:
        return "2027-01-01T00:00:00.000Z"

    async def refused() -> str:
        raise LinkError("the cloud cannot be reached")

    assert await RenewalHandler(renew).run(call()) == {"expires": "2027-01-01T00:00:00.000Z"}
    for handler, why in ((RenewalHandler(refused), "cannot be reached"), (RenewalHandler(None), "enrol")):
        with pytest.raises(CommandFailedError, match=why):
            await handler.resume(call())


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a bundle."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive.getmembers()}  # type: ignore[union-attr]


async def test_diagnostics_are_a_file_of_the_command(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        handler = DiagnosticsHandler(
            lambda: {"a.json": lambda: as_json({"x": 1})}, files_in(tmp_path, outbox), FakeClock()
        )
        outcome = await handler.run(call("diagnostics"))
        assert outcome["key"] == f"commands/{DEVICE}/cmd-1/diagnostics.tar.gz"
        (upload,) = await outbox.uploads.heads()
        content = upload.path.read_bytes()
        assert int(outcome["size_bytes"]) == len(content)
        assert set(unpacked(content)) == {"diagnostics/a.json"}
    alone = DiagnosticsHandler(dict, files_in(tmp_path / "other"), FakeClock())
    kept = (await alone.run(call("diagnostics")))["file"]
    assert [str(path) for path in (tmp_path / "other" / "files").iterdir() if path.suffix != ".note"] == [kept]


async def test_a_bundle_is_bounded_and_survives_a_part_that_fails(tmp_path: Path) -> None:
    def broken() -> bytes:
        raise PermissionError(13, "Permission denied")

    async with open_outbox(tmp_path):
        found = unpacked(
            bundle(
                {
                    "vast.txt": lambda: b"x" * (MOST_PART_BYTES + 5),
                    "broken.txt": broken,
                    "store.json": lambda: store_text(tmp_path / "store.db"),
                    "disk.json": lambda: disk_text(tmp_path),
                    "host.txt": host_text,
                    "journal.txt": journal_text,
                },
                made_s=1_780_000_000,
            )
        )
    assert len(found["diagnostics/vast.txt"]) == MOST_PART_BYTES
    assert b"Permission denied" in found["diagnostics/broken.txt"]
    store = msgspec.json.decode(found["diagnostics/store.json"])
    assert store["quick_check"] == ["ok"]
    assert "commands" in store["rows"]
    assert msgspec.json.decode(found["diagnostics/disk.json"])["state_bytes"]["store.db"] > 0
    assert b"MemTotal" in found["diagnostics/host.txt"]
    same = {"a": lambda: b"1"}
    assert bundle(same, made_s=1) == bundle(same, made_s=1)


def test_words_that_do_not_fit_stop_nobody_who_logs(capsys: pytest.CaptureFixture[str]) -> None:
    ring = LogRing()
    ring.handle(logging.LogRecord("edge.sync", logging.INFO, "", 0, "%d files", ("many",), None))
    ring.handle(logging.LogRecord("edge.sync", logging.INFO, "", 0, "goes on", (), None))
    assert b"goes on" in ring.text()
    assert "Logging error" in capsys.readouterr().err


def test_no_traceback_of_rooms_that_speak_of_people_is_taken_from_the_journal() -> None:
    said = """at box afferent[7]: KeyError: 'participant-6'
at box afferent[7]: t - edge.sync.publisher - INFO - connected
at box afferent[7]: t - edge.affect.desk - ERROR - a session failed
at box afferent[7]: Traceback (most recent call last):
at box afferent[7]: KeyError: 'participant-7'
at box afferent[7]: t - edge.capture.service - ERROR - camera front
at box afferent[7]: OSError: no such device
at box systemd[1]: afferent-edge.service: Deactivated"""
    kept = "\n".join(without_people(said.splitlines()))
    assert "participant" not in kept
    assert "Traceback" not in kept
    assert [word in kept for word in ("connected", "camera front", "no such device", "Deactivated")] == [True] * 4


def test_the_log_ring_keeps_no_line_of_rooms_that_speak_of_people() -> None:
    ring = LogRing()
    for name, message in (
        ("edge.capture.service", "camera front is ok"),
        ("edge.affect.sessions.desk", "session of participant-7 began"),
        ("edge.web.gate", "sign-in from 10.0.0.9"),
    ):
        ring.handle(logging.LogRecord(name, logging.INFO, "", 0, message, (), None))
    assert b"camera front is ok" in ring.text()
    assert b"participant-7" not in ring.text()
    assert b"10.0.0.9" not in ring.text()
    for _ in range(5000):
        ring.handle(logging.LogRecord("edge.sync", logging.INFO, "", 0, "x" * 9000, (), None))
    assert len(ring.text()) < 5_000_000


async def test_a_file_that_the_disk_does_not_let_go_ends_no_upload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_outbox(tmp_path) as outbox:
        files = files_in(tmp_path, outbox)
        await files.keep("cmd-1", "a.jpg", b"picture", purpose="snapshot", media="image/jpeg")
        path = files.path_of("cmd-1")
        path.unlink()
        path.mkdir()
        await files.uploaded(path.name)
    assert "stays until the next start" in caplog.text
