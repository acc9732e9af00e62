"""A real mosquitto on a free port, which a test can stop, kill and start again."""

import getpass
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port, wait_for_port

_BASE = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
user {user}
log_type none
{extra}
"""


class Mosquitto:
    """One broker. `extra` lines end its configuration; `password_file` forbids anonymous clients."""

    def __init__(self, folder: Path, *, extra: str = "", password_file: Path | None = None) -> None:
        self.port = free_port()
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        lines = f"{extra}\npassword_file {password_file}" if password_file else extra
        anonymous = "false" if password_file else "true"
        folder.mkdir(parents=True, exist_ok=True)
        text = _BASE.format(port=self.port, folder=folder, anonymous=anonymous, user=getpass.getuser(), extra=lines)
        self._config.write_text(text)

    def start(self) -> None:
        """Start it and return once it listens."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program, "mosquitto is not installed: apt-get install mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_port(self.port)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None


@contextmanager
def mosquitto(folder: Path, *, extra: str = "", password_file: Path | None = None) -> Iterator[Mosquitto]:
    """A running broker that ends with the block."""
    broker = Mosquitto(folder, extra=extra, password_file=password_file)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
