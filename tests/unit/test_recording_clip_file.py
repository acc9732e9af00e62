"""A growing file is safe with its name, once there is something to keep."""

from pathlib import Path

import pytest

from edge.recording import clip_file
from edge.recording.clip_file import ClipFile


def test_the_name_of_what_grows_is_safe_with_its_first_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(clip_file, "sync_folder", lambda folder, _wear: synced.append(folder))
    file = ClipFile(tmp_path / "rec-1.part.mp4")
    file.write(b"head")
    assert synced == []
    for piece in (b"one fragment", b"another"):
        file.write(piece)
        file.make_safe()
    file.close()
    assert synced == [tmp_path], "once, before anybody is told that something is safe"
    assert file.safe_bytes == len(b"headone fragmentanother")
