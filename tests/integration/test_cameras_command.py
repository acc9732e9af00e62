"""Programs as cameras: what they say at their end, and that nothing of them is left."""

import contextlib
import os
import resource
import sys
import time
from pathlib import Path

import pytest

from edge.capture.child_process import ChildProcess
from edge.capture.command import CommandCamera
from edge.capture.settings import CommandSettings
from edge.core.errors import SourceUnavailableError
from edge.core.health import State
from tests.support.cameras import program
from tests.support.capture_stage import CaptureStage


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _python(code: str, *arguments: str) -> CommandCamera:
    return CommandCamera(CommandSettings(argv=(sys.executable, "-S", "-c", code, *arguments), open_timeout_s=20))


def test_the_bytes_are_untouched(tmp_path: Path) -> None:
    camera = CommandCamera(CommandSettings(argv=program(tmp_path)))
    camera.open()
    written = [(tmp_path / f"{level}.jpg").read_bytes() for level in (60, 120, 180)]
    assert [camera.read().jpeg for _ in range(6)] == [*written, *written]
    camera.close()


def test_a_program_that_ends_says_why(tmp_path: Path) -> None:
    camera = CommandCamera(CommandSettings(argv=program(tmp_path, count=3)))
    camera.open()
    for _ in range(3):
        camera.read()
    with pytest.raises(SourceUnavailableError, match="the program ended with status 3: the sensor went away"):
        camera.read()
    camera.close()


def test_a_program_that_is_killed_says_so() -> None:
    camera = _python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    camera.open()
    with pytest.raises(SourceUnavailableError, match="the program ended by signal 11"):
        camera.read()
    camera.close()


def test_a_program_that_cannot_be_run_is_named() -> None:
    for name, reason in (("/nonexistent/rpicam-vid", "No such file"), ("/etc/passwd", "Permission denied")):
        camera = CommandCamera(CommandSettings(argv=(name,)))
        with pytest.raises(SourceUnavailableError, match=f"{name}.*{reason}"):
            camera.open()
        camera.close()


def test_a_silent_program_is_lost_with_its_last_words() -> None:
    argv = ("/bin/sh", "-c", "echo waiting for the sensor >&2; exec sleep 60")
    camera = CommandCamera(CommandSettings(argv=argv, open_timeout_s=2.5))
    camera.open()
    with pytest.raises(SourceUnavailableError, match=r"wrote nothing for 2\.5 s: waiting for the sensor"):
        camera.read()
    camera.close()


def test_one_that_writes_no_pictures_is_lost_without_filling_the_memory() -> None:
    camera = _python("import sys\nfor i in range(4000): sys.stdout.buffer.write(bytes(range(255)) * 40)")
    camera.open()
    with pytest.raises(SourceUnavailableError, match="the program ended with status 0"):
        camera.read()
    camera.close()


def test_a_flood_of_messages_blocks_nothing(tmp_path: Path) -> None:
    code = "import sys; data = open(sys.argv[1], 'rb').read()\nfor i in range(50):\n"
    code += "  sys.stderr.write('x' * 70000 + chr(10)); sys.stdout.buffer.write(data); sys.stdout.flush()"
    program(tmp_path)
    camera = _python(code, str(tmp_path / "60.jpg"))
    camera.open()
    for _ in range(50):
        camera.read()
    camera.close()


def test_its_children_end_with_it_even_if_they_do_not_want_to(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0: time.sleep(60)\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()}')\n"
        "sys.stdout.buffer.write(open(sys.argv[2], 'rb').read()); sys.stdout.flush(); time.sleep(60)\n"
    )
    program(tmp_path)
    camera = _python(code, str(tmp_path / "pid"), str(tmp_path / "60.jpg"))
    camera.open()
    camera.read()
    group = int((tmp_path / "pid").read_text())
    members = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _group(int(p.name)) == group]
    assert len(members) == 2
    camera.close()
    deadline = time.monotonic() + 30
    while any(map(_alive, members)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(_alive, members))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


async def test_a_program_that_ends_is_started_again(tmp_path: Path) -> None:
    settings = CommandSettings(argv=program(tmp_path, count=5))
    stage = CaptureStage(lambda: CommandCamera(settings))
    async with stage.running():
        await stage.service.start(20)
        await stage.until(lambda: stage.service.stats.reconnects >= 2)
        lost = next(change for change in stage.changes if change.state is State.FAILED)
        assert lost.detail.endswith("the sensor went away")
        await stage.service.stop()


def test_a_process_with_many_open_files_still_ends_its_program() -> None:
    """A thousand viewers and more: `select` takes no number above 1023, and no camera may stay open for that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            held.callback(os.close, os.dup(0))
        child = ChildProcess(["sleep", "60"])
        child.end()
        child.end()
        ended = ChildProcess(["sh", "-c", "exit 3"])
        held.callback(ended.end)
        with pytest.raises(SourceUnavailableError, match="ended with status 3"):
            ended.read(5.0)
