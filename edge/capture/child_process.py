"""One run of a program whose output is read without a thread, and which ends with everything it started."""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from typing import IO, Final

from edge.capture.lifetime import Wakeup
from edge.core.errors import SourceUnavailableError

_CHUNK_BYTES: Final = 1 << 18
_KEPT_OF_STDERR: Final = 2048
_SHOWN_OF_STDERR: Final = 200
_PATIENCE_S: Final = 2.0
"""How long the program may take to end when asked, before it is killed."""
_LAST_WORDS_MS: Final = 500


class ChildProcess:
    """Runs `argv` in a process group of its own. Belongs to one thread, but for `wake`."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it; raise `SourceUnavailableError` if that cannot be."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - to run what the config names is what this is for
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceUnavailableError(f"cannot run {argv[0]!r}: {error.strerror}") from error
        self._wakeup = Wakeup()
        self._stdout, self._stderr = _pipe(self._process.stdout), _pipe(self._process.stderr)
        self._said = b""
        self._poll = select.poll()
        for file in (self._stdout, self._stderr, self._wakeup):
            self._poll.register(file, select.POLLIN)

    def wake(self) -> None:
        """End a blocked `read`; from any thread."""
        self._wakeup.set()

    def read(self, timeout_s: float) -> bytes:
        """What it writes next to its standard output; empty once `wake` was called.

        Raise `SourceUnavailableError` with its last words when it ends, or when it writes nothing for `timeout_s`.
        """
        while True:
            ready = dict(self._poll.poll(timeout_s * 1000))
            if self._wakeup.fileno() in ready:
                return b""
            if self._stderr.fileno() in ready:
                self._hear()
            if self._stdout.fileno() in ready:
                return os.read(self._stdout.fileno(), _CHUNK_BYTES) or self._ended()
            if not ready:
                raise SourceUnavailableError(f"it wrote nothing for {timeout_s:g} s{self._last_words()}")

    def end(self) -> None:
        """Ask its process group to end, kill what stays, and free everything; again is harmless."""
        if self._process.returncode is None:
            _signal_group(self._process.pid, signal.SIGTERM)
            _wait_for_exit(self._process.pid, _PATIENCE_S)
            # Not reaped before this line: so the group's number is still its own.
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._stdout.close()
        self._stderr.close()
        self._wakeup.free()

    def _hear(self) -> None:
        heard = os.read(self._stderr.fileno(), _CHUNK_BYTES)
        self._said = (self._said + heard)[-_KEPT_OF_STDERR:]
        if not heard:
            self._poll.unregister(self._stderr)

    def _ended(self) -> bytes:
        status = _wait_for_exit(self._process.pid, _LAST_WORDS_MS / 1000)
        rest = select.poll()
        rest.register(self._stderr, select.POLLIN)
        while rest.poll(0) and (heard := os.read(self._stderr.fileno(), _CHUNK_BYTES)):
            self._said = (self._said + heard)[-_KEPT_OF_STDERR:]
        raise SourceUnavailableError(f"the program ended{status}{self._last_words()}")

    def _last_words(self) -> str:
        lines = [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        return f": {lines[-1].strip()[:_SHOWN_OF_STDERR]}" if lines else ""


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("started without a pipe")
    return stream


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _wait_for_exit(pid: int, seconds: float) -> str:
    """Wait for the process without reaping it; how it ended, in words for a message, or nothing if it goes on."""
    handle = os.pidfd_open(pid)
    try:
        ended = select.poll()  # not `select`, which refuses the numbers of a process with many open files
        ended.register(handle, select.POLLIN)
        ended.poll(seconds * 1000)
    finally:
        os.close(handle)
    result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if result is None:
        return ""
    return f" with status {result.si_status}" if result.si_code == os.CLD_EXITED else f" by signal {result.si_status}"
