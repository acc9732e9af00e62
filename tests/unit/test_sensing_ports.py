"""A board that is pulled out at any moment, also while it is being looked for or opened, is a sensor that was lost."""

import os
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.core.errors import SourceUnavailableError
from edge.sensing import usb_ports
from edge.sensing.serial_line import SerialLine


@pytest.fixture
def port() -> Iterator[str]:
    """A terminal that stands for a board."""
    board, host = os.openpty()
    yield os.ttyname(host)
    os.close(board)
    os.close(host)


def _gone(*_: object) -> None:
    raise termios.error(5, "Input/output error")


def test_a_board_that_is_pulled_out_while_its_port_is_opened_was_lost(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(termios, "tcflush", _gone)
    with pytest.raises(SourceUnavailableError, match="Input/output error"):
        SerialLine(port, 9600)


def test_a_board_that_is_pulled_out_while_its_speed_is_sought_was_lost(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SerialLine(port, 9600)
    try:
        monkeypatch.setattr(termios, "tcflush", _gone)
        with pytest.raises(SourceUnavailableError, match="the line was lost"):
            line.change_baud(115_200)
    finally:
        line.close()


@pytest.mark.parametrize("error", [TypeError("int() can't convert non-string"), OSError(19, "No such device")])
def test_a_board_that_is_pulled_out_while_ports_are_listed_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def comports() -> list[object]:
        raise error

    monkeypatch.setattr(usb_ports, "list_ports", SimpleNamespace(comports=comports))
    with pytest.raises(SourceUnavailableError, match="again"):
        usb_ports.usb_ports()


def test_a_program_whose_name_is_no_text_can_hold_a_port(tmp_path: Path) -> None:
    process = tmp_path / "4000000"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_bytes(b"\xff\xfe\n")
    (process / "fd" / "3").symlink_to("/dev/ttyUSB9")
    assert str(usb_ports.holder("/dev/ttyUSB9", tmp_path)).endswith("(pid 4000000)")
