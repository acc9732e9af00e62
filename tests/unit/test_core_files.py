"""A small file is replaced whole, and stays replaced when the power is cut."""

import os
import stat
from pathlib import Path

import pytest

from edge.core.files import write_private


def test_file_then_name_are_on_the_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept" / "plan.json"
    synced: list[tuple[bool, bool]] = []

    def note(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_private(path, b"new")
    assert synced == [(False, False), (True, True)], "the content before it has the name, the folder after"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path], "no draft stays"
